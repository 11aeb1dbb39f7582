"""Grading what lives in the notebook that is open: no second kernel, no process, no file."""

from __future__ import annotations

import inspect
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from checker import exercises
from checker.exercises.mistakes import LEVELS
from checker.exercises.model import Cases, Exercise
from checker.grading.judge import is_right, judge
from checker.kernel import probe
from checker.kernel.observation import (
    Observation,
    decode_call,
    decode_functions,
    decode_trace,
    decode_values,
)
from checker.reports.check_display import CheckDisplay


def check(
    function: Callable[..., Any] | None = None, *, level: str = "hint", exercise: str = exercises.DEFAULT
) -> CheckDisplay:
    """Check the answer in the notebook that is open; the last line of a cell shows what it returns.

    Without an argument the function is the one that the exercise names. Nothing in the notebook is changed, and
    no seed is disturbed. `level` is `verdict`, `hint`, `explain` (what is wrong, and where) or `solution`.

    >>> print(check(lambda *inputs: inputs[0] * 0))
    not attempted
    ...
    """
    asked = exercises.load(exercise)
    if function is not None and not callable(function):
        raise TypeError(f"check() takes the function itself, as in check({asked.function})")
    if level not in LEVELS:
        raise ValueError(f"there is no level '{level}'; there are: {', '.join(LEVELS)}")
    namespace = _namespace_of(function)
    cases = asked.draw(secrets.randbits(32))
    code = _code(namespace)
    observation = _observe(namespace, function or asked.function, asked, cases, code)
    return CheckDisplay(asked, judge(asked, cases, code, observation), level)


def _namespace_of(function: Callable[..., Any] | None) -> dict[str, Any]:
    """The globals that the function reads: the notebook's."""
    if function is not None:
        plain = inspect.unwrap(function)
        if isinstance(getattr(plain, "__globals__", None), dict):
            return plain.__globals__  # type: ignore[no-any-return]
    return sys.modules["__main__"].__dict__


def _observe(
    namespace: dict[str, Any],
    function: str | Callable[..., Any],
    exercise: Exercise,
    cases: Cases,
    code: tuple[str, ...],
) -> Observation:
    names = [exercise.answer, *cases.notebook.rebind]
    values = decode_values(probe.read(namespace, names))
    calls = {}
    for case in (*cases.all, *cases.unused.values(), *([cases.black_box] if cases.black_box else [])):
        reply = probe.call(namespace, function, probe.pack(case.arguments), probe.pack(case.rebind))
        calls[case.name] = decode_call(reply)
    observation = Observation(values=values, functions=decode_functions(probe.functions(namespace)), calls=calls)
    if is_right(exercise, cases, observation):
        return observation
    traced = cases.traced
    reply = probe.trace(namespace, function, probe.pack(traced.arguments), probe.pack(traced.rebind), list(code))
    return replace(observation, trace=decode_trace(reply))


def _code(namespace: dict[str, Any]) -> tuple[str, ...]:
    """The cells that were run, oldest first: element 0 is In [1], as IPython keeps them."""
    cells = namespace.get("In")
    return tuple(cell for cell in cells[1:] if isinstance(cell, str)) if isinstance(cells, list) else ()
