"""Explaining a wrong answer by computing what known mistakes would give.

An exercise describes its computation as decisions with one right variant and several wrong ones. Every combination of
up to three wrong variants is computed on the notebook's own input, once per process; a student's output is looked up
in that table, and what is found there must also explain the outputs for all other inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from checker.exercises.model import Array, Case, Exercise, State

MOST_MISTAKES = 3


@dataclass(frozen=True)
class Hypothesis:
    """A way to do the computation: for each decision that is not done right, the number of the variant taken."""

    variants: tuple[tuple[int, int], ...] = ()

    def mistakes(self, exercise: Exercise) -> frozenset[str]:
        """The ids of what this hypothesis does wrong, remarks left out."""
        return frozenset(id for id in self._ids(exercise) if not exercise.mistakes[id].remark)

    def remarks(self, exercise: Exercise) -> frozenset[str]:
        return frozenset(id for id in self._ids(exercise) if exercise.mistakes[id].remark)

    def _ids(self, exercise: Exercise) -> Iterator[str]:
        for decision, variant in self.variants:
            yield from exercise.decisions[decision].variants[variant].mistakes


def run(
    exercise: Exercise, inputs: Mapping[str, Array], hypothesis: Hypothesis, *, partly: bool = False
) -> State | None:
    """Every intermediate that a hypothesis gives, or None where its shapes do not fit together.

    With `partly`, those up to the place where they do not fit.
    """
    taken = dict(hypothesis.variants)
    state: State = inputs
    with np.errstate(all="ignore"):
        for number, decision in enumerate(exercise.decisions):
            try:
                state = {**state, **decision.variants[taken.get(number, 0)].apply(state)}
            except (ValueError, IndexError):
                return state if partly else None
    return state


def explain(exercise: Exercise, outputs: Sequence[tuple[Case, Array]], most: int) -> list[Hypothesis]:
    """The hypotheses of at most `most` wrong variants that give all outputs; the first is the notebook's own case."""
    found = _lookup(exercise, most, outputs[0][1]) if outputs else []
    return [hypothesis for hypothesis in found if _explains(exercise, hypothesis, outputs)]


def _explains(exercise: Exercise, hypothesis: Hypothesis, outputs: Sequence[tuple[Case, Array]]) -> bool:
    for case, output in outputs[1:]:
        state = run(exercise, case.arguments, hypothesis)
        if state is None or not exercise.tolerance.accepts(output, state[exercise.answer]):
            return False
    return True


def _lookup(exercise: Exercise, most: int, output: Array) -> list[Hypothesis]:
    plans_and_answers = table(exercise, most).get(output.shape)
    if plans_and_answers is None or not np.isfinite(output).all():
        return []
    hypotheses, answers = plans_and_answers
    allowed = exercise.tolerance.absolute + exercise.tolerance.relative * np.abs(answers)
    close = (np.abs(answers - output.ravel()) <= allowed).all(axis=1)
    return [hypotheses[i] for i in np.flatnonzero(close)]


@cache
def table(exercise: Exercise, most: int) -> dict[tuple[int, ...], tuple[list[Hypothesis], Array]]:
    """All hypotheses with at most `most` wrong variants and their answers to the notebook's own input, by shape."""
    grouped: dict[tuple[int, ...], tuple[list[Hypothesis], list[Array]]] = {}
    with np.errstate(all="ignore"):
        for hypothesis, answer in _grow(exercise, 0, exercise.draw(0).notebook.arguments, (), most):
            if np.isfinite(answer).all():
                hypotheses, answers = grouped.setdefault(answer.shape, ([], []))
                hypotheses.append(hypothesis)
                answers.append(answer.ravel())
    return {shape: (hypotheses, np.array(answers)) for shape, (hypotheses, answers) in grouped.items()}


def _grow(
    exercise: Exercise, number: int, state: State, taken: tuple[tuple[int, int], ...], left: int
) -> Iterator[tuple[Hypothesis, Array]]:
    """Do the decisions from `number` on in every way, sharing what was computed before it."""
    if number == len(exercise.decisions):
        yield Hypothesis(taken), state[exercise.answer]
        return
    for variant_number, variant in enumerate(exercise.decisions[number].variants[: None if left else 1]):
        try:
            grown = {**state, **variant.apply(state)}
        except (ValueError, IndexError):
            continue
        here = (*taken, (number, variant_number)) if variant_number else taken
        yield from _grow(exercise, number + 1, grown, here, left - bool(variant_number))
