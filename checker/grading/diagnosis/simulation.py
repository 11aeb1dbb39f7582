"""Explaining a wrong answer by computing what known mistakes would give.

An exercise describes its computation as decisions with one right variant and several wrong ones. Every combination of
up to three wrong variants is computed for the notebook's own input, once per process; a student's output is looked up
in that table, and what is found there must also explain the outputs for all other inputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from checker.exercises.mistakes import Mistake
from checker.exercises.model import Array, Case, Exercise, State

MOST_MISTAKES = 3


@dataclass(frozen=True)
class Hypothesis:
    """How a function may compute its answer: `variants` pairs each decision not made right with the variant chosen.

    Both are numbers: of the decision among the exercise's, and of the variant among the decision's.
    """

    variants: tuple[tuple[int, int], ...] = ()

    def mistakes(self, exercise: Exercise) -> tuple[str, ...]:
        """The ids of its mistakes, in the order of the computation, remarks left out."""
        return tuple(dict.fromkeys(mistake.id for _, mistake in self._made(exercise) if not mistake.remark))

    def remarks(self, exercise: Exercise) -> tuple[str, ...]:
        """The ids of what it leaves out at no cost."""
        return tuple(dict.fromkeys(mistake.id for _, mistake in self._made(exercise) if mistake.remark))

    def wrong_steps(self, exercise: Exercise) -> frozenset[str]:
        """The ids of the steps with a mistake."""
        return frozenset(step for step, mistake in self._made(exercise) if not mistake.remark)

    def _made(self, exercise: Exercise) -> Iterator[tuple[str, Mistake]]:
        for number, variant in self.variants:
            decision = exercise.decisions[number]
            for id in decision.variants[variant].mistakes:
                yield decision.step, exercise.mistakes[id]


def run(
    exercise: Exercise, inputs: Mapping[str, Array], hypothesis: Hypothesis, *, partly: bool = False
) -> State | None:
    """Every intermediate that a hypothesis gives, or None where its shapes do not fit together.

    With `partly`, those up to the decision where they do not fit.
    """
    chosen = dict(hypothesis.variants)
    state: State = inputs
    with np.errstate(all="ignore"):
        for number, decision in enumerate(exercise.decisions):
            try:
                state = {**state, **decision.variants[chosen.get(number, 0)].apply(state)}
            except (ValueError, IndexError):
                return state if partly else None
    return state


def explain(exercise: Exercise, outputs: Sequence[tuple[Case, Array]], most: int) -> list[Hypothesis]:
    """The hypotheses of at most `most` wrong variants that give all outputs; the first is the notebook's own case."""
    if not outputs or not np.isfinite(outputs[0][1]).all():
        return []
    output = outputs[0][1]
    hypotheses, answers = table(exercise, most).get(output.shape, ([], np.empty((0, output.size))))
    allowed = exercise.tolerance.absolute + exercise.tolerance.relative * np.abs(answers)
    close = (np.abs(answers - output.ravel()) <= allowed).all(axis=1)
    return [hypotheses[i] for i in np.flatnonzero(close) if _explains(exercise, hypotheses[i], outputs[1:])]


def _explains(exercise: Exercise, hypothesis: Hypothesis, outputs: Sequence[tuple[Case, Array]]) -> bool:
    states = ((output, run(exercise, case.arguments, hypothesis)) for case, output in outputs)
    return all(state and exercise.tolerance.accepts(output, state[exercise.answer]) for output, state in states)


@cache
def table(exercise: Exercise, most: int) -> dict[tuple[int, ...], tuple[list[Hypothesis], Array]]:
    """All hypotheses of at most `most` wrong variants and their answers to the notebook's own input, by shape."""
    grouped: dict[tuple[int, ...], tuple[list[Hypothesis], list[Array]]] = {}
    with np.errstate(all="ignore"):
        for hypothesis, answer in _grow(exercise, exercise.draw(0).notebook.arguments, (), 0, most):
            if np.isfinite(answer).all():
                hypotheses, answers = grouped.setdefault(answer.shape, ([], []))
                hypotheses.append(hypothesis)
                answers.append(answer.ravel())
    return {shape: (hypotheses, np.array(answers)) for shape, (hypotheses, answers) in grouped.items()}


def _grow(
    exercise: Exercise, state: State, chosen: tuple[tuple[int, int], ...], number: int, left: int
) -> Iterator[tuple[Hypothesis, Array]]:
    """Make the decisions from `number` on in every way, sharing what was computed before; `left` may still be wrong."""
    if number == len(exercise.decisions):
        yield Hypothesis(chosen), state[exercise.answer]
        return
    for choice, variant in enumerate(exercise.decisions[number].variants[: None if left else 1]):
        try:
            grown = {**state, **variant.apply(state)}
        except (ValueError, IndexError):
            continue
        yield from _grow(
            exercise, grown, (*chosen, (number, choice)) if choice else chosen, number + 1, left - bool(choice)
        )
