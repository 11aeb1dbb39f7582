"""Does the checker catch what it should? An exercise is run against its own mistakes, mutants and cheats.

A mutant is the reference with one small change in its source. One that passes a grade although it is not the same
function is a survivor, and a fault of the exercise: its inputs do not tell right from wrong.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from checker.batch.grade import grade_notebook
from checker.exercises.mistakes import UNEXPLAINED
from checker.exercises.model import Array, Case, Cases, Exercise, State
from checker.grading.diagnosis import diagnose, simulation
from checker.grading.diagnosis.simulation import Hypothesis
from checker.grading.selftest.cheats import cheats
from checker.grading.selftest.mutants import mutants
from checker.kernel.observation import Call, Observation, Value

SEEDS = range(100, 112)  # further inputs, on which a surviving mutant must show that it is another function


@dataclass(frozen=True)
class Row:
    """One line of the table: how many of a kind were tried, and what became of them.

    `same` give the reference's output on every input and must pass; `caught` is of the others, and `exactly`,
    `equivalent` (another set of mistakes with the same output) and `unexplained` are of those caught.
    """

    kind: str
    tried: int
    same: int
    caught: int
    exactly: int | None = None
    equivalent: int | None = None
    unexplained: int | None = None
    survivors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selftest:
    """The table, the mistakes that change no output, and the groups of mistakes with the same output."""

    rows: tuple[Row, ...]
    invisible: tuple[str, ...]
    indistinguishable: tuple[tuple[str, ...], ...]

    @property
    def passed(self) -> bool:
        return not any(row.survivors for row in self.rows)


def selftest(exercise: Exercise, seed: int = 0, triples: int = 1000) -> Selftest:
    """Run an exercise against its own mistakes (single, in pairs, some triples) and its reference's mutants."""
    cases = exercise.draw(seed)
    hypotheses = {size: list(_plans(exercise, size)) for size in (1, 2)}
    drawn = random.Random(seed).sample(list(_plans(exercise, 3)), triples)
    rows = [
        _mistakes(exercise, cases, kind, some)
        for kind, some in (("single mistakes", hypotheses[1]), ("pairs", hypotheses[2]), (f"{triples} triples", drawn))
    ]
    rows += [_mutants(exercise, cases), _cheats(exercise)]
    return Selftest(tuple(rows), *_equal_outputs(exercise, cases, hypotheses[1] + hypotheses[2]))


def table(tested: Selftest) -> str:
    """What `checker selftest` prints: how many of each kind were caught, what survived, and what no output shows."""
    cells = [("", "tried", "same", "caught", "exact", "equal", "unnamed", "survived")]
    for row in tested.rows:
        counts = (row.tried, row.same, row.caught, row.exactly, row.equivalent, row.unexplained, len(row.survivors))
        cells.append((row.kind, *("" if count is None else str(count) for count in counts)))
    kind, *widths = (max(map(len, column)) for column in zip(*cells, strict=True))
    lines = [
        f"{first:<{kind}}" + "".join(f"{n:>{w + 2}}" for n, w in zip(rest, widths, strict=True))
        for first, *rest in cells
    ]
    lines += [
        "",
        "same: has the right output and must pass; exact, equal: named as it was made, or as mistakes with the same "
        "output; unnamed: seen to be wrong, not explained; survived: not right, and passed",
        "",
        *(f"survivor: {survivor}" for row in tested.rows for survivor in row.survivors),
        f"No output shows: {', '.join(tested.invisible) or 'nothing of this kind'}.",
    ]
    if tested.indistinguishable:
        lines.append("No output tells apart (single mistakes and pairs):")
        lines += [f"  {'  =  '.join(group)}" for group in tested.indistinguishable]
    return "\n".join(lines)


def _plans(exercise: Exercise, size: int) -> Iterator[Hypothesis]:
    wrong = [range(1, len(decision.variants)) for decision in exercise.decisions]
    for numbers in itertools.combinations(range(len(wrong)), size):
        for variants in itertools.product(*(wrong[number] for number in numbers)):
            yield Hypothesis(tuple(zip(numbers, variants, strict=True)))


def _mistakes(exercise: Exercise, cases: Cases, kind: str, hypotheses: list[Hypothesis]) -> Row:
    tried = same = exactly = equivalent = unexplained = 0
    survivors = []
    for hypothesis in hypotheses:
        outputs = _outputs(exercise, cases, hypothesis)
        if outputs is None:  # its shapes do not fit: no program can do this
            continue
        tried += 1
        if _all_right(exercise, outputs):
            same += 1
            if not _is_the_same_function(exercise, hypothesis):
                survivors.append(" and ".join(sorted(hypothesis.mistakes(exercise))))
            continue
        diagnosis = diagnose(exercise, cases, (), _observation(exercise, outputs))
        named = [frozenset(ids) for ids in (diagnosis.mistakes, *diagnosis.alternatives)]
        if hypothesis.mistakes(exercise) in named:
            exactly += 1
        elif diagnosis.mistakes == (UNEXPLAINED,):
            unexplained += 1
        else:
            equivalent += 1
    caught = exactly + equivalent + unexplained
    return Row(kind, tried, same, caught, exactly, equivalent, unexplained, tuple(survivors))


def _outputs(exercise: Exercise, cases: Cases, hypothesis: Hypothesis) -> list[tuple[Case, Array]] | None:
    outputs = []
    for case in cases.all:
        state = simulation.run(exercise, case.arguments, hypothesis)
        if state is None:
            return None
        outputs.append((case, state[exercise.answer]))
    return outputs


def _all_right(exercise: Exercise, outputs: list[tuple[Case, Array]]) -> bool:
    return all(exercise.tolerance.accepts(output, exercise.expected(case)) for case, output in outputs)


def _is_the_same_function(exercise: Exercise, hypothesis: Hypothesis) -> bool:
    drawn = (_outputs(exercise, exercise.draw(seed), hypothesis) for seed in SEEDS)
    return all(outputs is not None and _all_right(exercise, outputs) for outputs in drawn)


def _observation(exercise: Exercise, outputs: list[tuple[Case, Array]]) -> Observation:
    """What would be seen of a function with these outputs."""
    calls = {case.name: Call(Value("ndarray", output.shape, output)) for case, output in outputs}
    return Observation(calls=calls, called=exercise.function)


def _mutants(exercise: Exercise, cases: Cases) -> Row:
    tried = same = caught = 0
    survivors = []
    for mutant in mutants(exercise):
        tried += 1
        if not all(_accepts(exercise, mutant.run(case.arguments), case) for case in cases.all):
            caught += 1
        elif all(_accepts(exercise, mutant.run(c.arguments), c) for seed in SEEDS for c in exercise.draw(seed).all):
            same += 1
        else:
            survivors.append(mutant.change)
    return Row("mutants", tried, same, caught, survivors=tuple(survivors))


def _cheats(exercise: Exercise) -> Row:
    """The cheats, in real kernels; one that earns a point is a survivor."""
    results = {name: grade_notebook(notebook, exercise)[0] for name, notebook in cheats(exercise)}
    earning = {name: result for name, result in results.items() if result.score != 0}
    survivors = tuple(f"{name}: {result.verdict}, {result.score} points" for name, result in earning.items())
    return Row("cheats", len(results), 0, len(results) - len(earning), survivors=survivors)


def _accepts(exercise: Exercise, state: State | None, case: Case) -> bool:
    if state is None or exercise.answer not in state:
        return False
    output = np.asarray(state[exercise.answer])
    return output.dtype.kind == "f" and exercise.tolerance.accepts(output, exercise.expected(case))


def _equal_outputs(
    exercise: Exercise, cases: Cases, hypotheses: list[Hypothesis]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The mistakes that no output shows, and the sets of mistakes that no output tells apart."""
    groups: dict[tuple[object, ...], set[frozenset[str]]] = {}
    invisible: set[str] = set()
    for hypothesis in hypotheses:
        outputs = _outputs(exercise, cases, hypothesis)
        if outputs is not None and _all_right(exercise, outputs):
            invisible |= hypothesis.remarks(exercise)
        elif outputs is not None:
            key = tuple((output.shape, (output.round(6) + 0.0).tobytes()) for _, output in outputs)
            groups.setdefault(key, set()).add(hypothesis.mistakes(exercise))
    smallest = [[ids for ids in group if not any(other < ids for other in group)] for group in groups.values()]
    named = {tuple(sorted(" and ".join(sorted(ids)) for ids in group)) for group in smallest if len(group) > 1}
    return tuple(sorted(invisible)), tuple(sorted(named))
