"""The exercises, found by name: each is one file here that defines `EXERCISE`. Start with `model`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checker.exercises.model import Exercise

DEFAULT = "multihead-self-attention"


class UnknownExerciseError(LookupError):
    """There is no exercise of that name."""


@cache
def all_exercises() -> dict[str, Exercise]:
    """The exercises by id.

    >>> list(all_exercises())
    ['multihead-self-attention']
    """
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    exercises: list[Exercise] = [module.EXERCISE for module in modules if hasattr(module, "EXERCISE")]
    return {exercise.id: exercise for exercise in exercises}


def load(name: str = DEFAULT) -> Exercise:
    """The exercise with that id; `UnknownExerciseError` lists the ids that exist.

    >>> load("multihead-self-attention").answer
    'X_prime'
    """
    try:
        return all_exercises()[name]
    except KeyError:
        known = ", ".join(all_exercises())
        raise UnknownExerciseError(f"there is no exercise '{name}'; there is: {known}") from None
