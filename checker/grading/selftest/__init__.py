"""Does the checker catch what it should? An exercise against its own mistakes, mutants and cheats. See `selftest`.

A mutant is the reference with one small change in its source. One that passes although it is not the same function
is a survivor, and a fault of the exercise: its inputs do not tell right from wrong.
"""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from checker.exercises.mistakes import UNEXPLAINED
from checker.exercises.model import Array, Case, Cases, Exercise
from checker.grading.diagnosis import diagnose, simulation
from checker.grading.diagnosis.simulation import Hypothesis
from checker.grading.evidence import Evidence
from checker.grading.selftest.cheats import cheats
from checker.grading.selftest.mutants import Program, mutants
from checker.kernel.observation import Call, Observation, Value
from checker.result import Result

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


def selftest(
    exercise: Exercise, grade: Callable[[Sequence[str]], Result], seed: int = 0, triples: int = 1000
) -> Selftest:
    """Run an exercise against its own mistakes (single, in pairs, some triples), its reference's mutants, and cheats.

    `grade` takes the code cells of a notebook, for the cheats: they need a real kernel.
    """
    cases = exercise.draw(seed)
    single, pairs, all_triples = (list(_hypotheses(exercise, size)) for size in (1, 2, 3))
    drawn = random.Random(seed).sample(all_triples, min(triples, len(all_triples)))
    rows = (
        _mistakes(exercise, cases, "single mistakes", single),
        _mistakes(exercise, cases, "pairs", pairs),
        _mistakes(exercise, cases, f"{len(drawn)} triples", drawn),
        _mutants(exercise, cases),
        _cheats(exercise, grade),
    )
    return Selftest(rows, *_equal_outputs(exercise, cases, single + pairs))


def table(tested: Selftest) -> str:
    """What `checker selftest` prints: how many of each kind were caught, what survived, and what no output shows."""
    cells = [["", "tried", "same", "caught", "exact", "equal", "unnamed", "survived"]]
    for row in tested.rows:
        counts = (row.tried, row.same, row.caught, row.exactly, row.equivalent, row.unexplained, len(row.survivors))
        cells.append([row.kind, *("" if count is None else str(count) for count in counts)])
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


def _hypotheses(exercise: Exercise, size: int) -> Iterator[Hypothesis]:
    """Every way to make so many decisions wrong."""
    wrong = [
        [(number, variant) for variant in range(1, len(decision.variants))]
        for number, decision in enumerate(exercise.decisions)
    ]
    for decisions in itertools.combinations(wrong, size):
        yield from map(Hypothesis, itertools.product(*decisions))


def _mistakes(exercise: Exercise, cases: Cases, kind: str, hypotheses: list[Hypothesis]) -> Row:
    tried = same = exactly = equivalent = unexplained = 0
    survivors = []
    for hypothesis in hypotheses:
        program = _program(exercise, hypothesis)
        outputs = _outputs(exercise, program, cases)
        if outputs is None:  # its shapes do not fit: no student's program can do this
            continue
        tried += 1
        if _are_right(exercise, outputs):
            same += 1
            if not _is_the_reference(exercise, program):
                survivors.append(" and ".join(sorted(hypothesis.mistakes(exercise))))
            continue
        calls = {case.name: Call(Value("ndarray", output.shape, output)) for case, output in outputs}
        diagnosis = diagnose(Evidence(exercise, cases, (), Observation(calls=calls, called=exercise.function)))
        named = [set(ids) for ids in (diagnosis.mistakes, *diagnosis.alternatives)]
        if set(hypothesis.mistakes(exercise)) in named:
            exactly += 1
        elif diagnosis.mistakes == (UNEXPLAINED,):
            unexplained += 1
        else:
            equivalent += 1
    caught = exactly + equivalent + unexplained
    return Row(kind, tried, same, caught, exactly, equivalent, unexplained, tuple(survivors))


def _mutants(exercise: Exercise, cases: Cases) -> Row:
    tried = same = 0
    survivors = []
    for change, program in mutants(exercise):
        tried += 1
        if _are_right(exercise, _outputs(exercise, program, cases)):
            if _is_the_reference(exercise, program):
                same += 1
            else:
                survivors.append(change)
    return Row("mutants", tried, same, tried - same - len(survivors), survivors=tuple(survivors))


def _cheats(exercise: Exercise, grade: Callable[[Sequence[str]], Result]) -> Row:
    """The cheats; one that earns a point is a survivor."""
    results = {name: grade(cells) for name, cells in cheats(exercise)}
    earning = {name: result for name, result in results.items() if result.score != 0}
    survivors = tuple(f"{name}: {result.verdict}, {result.score} points" for name, result in earning.items())
    return Row("cheats", len(results), 0, len(results) - len(earning), survivors=survivors)


def _program(exercise: Exercise, hypothesis: Hypothesis) -> Program:
    return partial(simulation.run, exercise, hypothesis=hypothesis)


def _outputs(exercise: Exercise, program: Program, cases: Cases) -> list[tuple[Case, Array]] | None:
    """A program's answers to all cases, or None if it has none for one of them."""
    outputs = []
    for case in cases.all:
        state = program(case.arguments)
        if state is None or exercise.answer not in state:
            return None
        outputs.append((case, np.asarray(state[exercise.answer])))
    return outputs


def _are_right(exercise: Exercise, outputs: list[tuple[Case, Array]] | None) -> bool:
    return outputs is not None and all(
        output.dtype.kind == "f" and exercise.tolerance.accepts(output, exercise.expected(case))
        for case, output in outputs
    )


def _is_the_reference(exercise: Exercise, program: Program) -> bool:
    """Whether a program is right for many more inputs."""
    return all(_are_right(exercise, _outputs(exercise, program, exercise.draw(seed))) for seed in SEEDS)


def _equal_outputs(
    exercise: Exercise, cases: Cases, hypotheses: list[Hypothesis]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The mistakes that no output shows, and the sets of mistakes that no output tells apart."""
    groups: dict[tuple[object, ...], set[frozenset[str]]] = {}
    invisible: set[str] = set()
    for hypothesis in hypotheses:
        outputs = _outputs(exercise, _program(exercise, hypothesis), cases)
        if _are_right(exercise, outputs):
            invisible |= set(hypothesis.remarks(exercise))
        elif outputs is not None:
            key = tuple((output.shape, (output.round(6) + 0.0).tobytes()) for _, output in outputs)
            groups.setdefault(key, set()).add(frozenset(hypothesis.mistakes(exercise)))
    smallest = [[ids for ids in group if not any(other < ids for other in group)] for group in groups.values()]
    named = {tuple(sorted(" and ".join(sorted(ids)) for ids in group)) for group in smallest if len(group) > 1}
    return tuple(sorted(invisible)), tuple(sorted(named))
