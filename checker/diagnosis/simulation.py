"""Explaining a wrong answer by computing what known mistakes would give.

An exercise describes its computation as choices with one right form and several wrong ones. Every combination of up
to three wrong forms is computed on the notebook's own input, once per process; a student's output is looked up in
that table, and what is found there must also explain the outputs for all other inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from checker.exercise import Array, Case, Exercise, State

MOST_MISTAKES = 3


@dataclass(frozen=True)
class Plan:
    """A way to do the computation: for each choice that is not done right, the number of the form taken."""

    forms: tuple[tuple[int, int], ...] = ()

    def mistakes(self, exercise: Exercise) -> frozenset[str]:
        """The ids of what this plan does wrong, remarks left out."""
        return frozenset(id for id in self._ids(exercise) if not exercise.mistakes[id].remark)

    def remarks(self, exercise: Exercise) -> frozenset[str]:
        return frozenset(id for id in self._ids(exercise) if exercise.mistakes[id].remark)

    def _ids(self, exercise: Exercise) -> Iterator[str]:
        for choice, form in self.forms:
            yield from exercise.choices[choice].forms[form].mistakes


def run(exercise: Exercise, inputs: Mapping[str, Array], plan: Plan, *, partly: bool = False) -> State | None:
    """Every intermediate that a plan gives, or None where its shapes do not fit together.

    With `partly`, those up to the place where they do not fit.
    """
    taken = dict(plan.forms)
    state: State = inputs
    with np.errstate(all="ignore"):
        for number, choice in enumerate(exercise.choices):
            try:
                state = {**state, **choice.forms[taken.get(number, 0)].apply(state)}
            except (ValueError, IndexError):
                return state if partly else None
    return state


def explain(exercise: Exercise, outputs: Sequence[tuple[Case, Array]], most: int) -> list[Plan]:
    """The plans of at most so many wrong forms that give all outputs, the first being for the notebook's own input."""
    found = _lookup(exercise, most, outputs[0][1]) if outputs else []
    return [plan for plan in found if _explains(exercise, plan, outputs)]


def _explains(exercise: Exercise, plan: Plan, outputs: Sequence[tuple[Case, Array]]) -> bool:
    for case, output in outputs[1:]:
        state = run(exercise, case.arguments, plan)
        if state is None or not exercise.tolerance.accepts(output, state[exercise.answer]):
            return False
    return True


def _lookup(exercise: Exercise, most: int, output: Array) -> list[Plan]:
    plans_and_answers = table(exercise, most).get(output.shape)
    if plans_and_answers is None or not np.isfinite(output).all():
        return []
    plans, answers = plans_and_answers
    allowed = exercise.tolerance.absolute + exercise.tolerance.relative * np.abs(answers)
    close = (np.abs(answers - output.ravel()) <= allowed).all(axis=1)
    return [plans[i] for i in np.flatnonzero(close)]


@cache
def table(exercise: Exercise, most: int) -> dict[tuple[int, ...], tuple[list[Plan], Array]]:
    """All plans with at most `most` wrong forms and their answers to the notebook's own input, by shape."""
    grouped: dict[tuple[int, ...], tuple[list[Plan], list[Array]]] = {}
    with np.errstate(all="ignore"):
        for plan, answer in _grow(exercise, 0, exercise.draw(0).notebook.arguments, (), most):
            if np.isfinite(answer).all():
                plans, answers = grouped.setdefault(answer.shape, ([], []))
                plans.append(plan)
                answers.append(answer.ravel())
    return {shape: (plans, np.array(answers)) for shape, (plans, answers) in grouped.items()}


def _grow(
    exercise: Exercise, number: int, state: State, taken: tuple[tuple[int, int], ...], left: int
) -> Iterator[tuple[Plan, Array]]:
    """Do the choices from `number` on in every way, sharing what was computed before it."""
    if number == len(exercise.choices):
        yield Plan(taken), state[exercise.answer]
        return
    for form_number, form in enumerate(exercise.choices[number].forms[: None if left else 1]):
        try:
            grown = {**state, **form.apply(state)}
        except (ValueError, IndexError):
            continue
        here = (*taken, (number, form_number)) if form_number else taken
        yield from _grow(exercise, number + 1, grown, here, left - bool(form_number))
