"""Finding the named intermediates of the computation among the values that a watched function computed.

A value matches an intermediate up to transposition, as one layer of a stack or half of a concatenation, or, in a loop
over columns, with its last column. Whether the student keeps inputs in columns, as the book does, or in rows is found
out first; after that a transpose makes a difference.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np

from checker.exercises.model import Array, Exercise
from checker.kernel.observation import Record

ACCURACY = 2e-5  # relative to the largest element: float32 passes


@dataclass(frozen=True)
class Match:
    """An intermediate found in a record, which is given by its number among the records."""

    name: str
    record: int
    exact: bool  # in the student's own layout, and not transposed


@dataclass(frozen=True)
class Traced:
    """The records of one watched call, and which intermediates are found in them.

    A `state` is what a hypothesis computes for the same call: intermediates by name, some of them wrong.
    """

    exercise: Exercise
    records: tuple[Record, ...]
    reference: Mapping[str, Array]
    inputs: Mapping[str, Array]

    @cached_property
    def results(self) -> tuple[str, ...]:
        """The names of the intermediates that are results of steps."""
        return tuple(name for step in self.exercise.steps for name in step.shows)

    @cached_property
    def inputs_in_rows(self) -> bool:
        """Whether the student keeps inputs in rows: the first step's results are first found transposed."""
        results = {name: self.reference[name] for name in self.exercise.steps[0].shows}
        first: dict[str, bool] = {}
        for match in _matches(self.records, results, self._input_count, turned=False):
            first.setdefault(match.name, match.exact)
        return bool(first) and not any(first.values())

    @property
    def _input_count(self) -> int:
        """How many inputs there are: the side of a matrix that the layout is about."""
        return int(self.reference[self.exercise.answer].shape[-1])

    def find(self, named: Mapping[str, Array]) -> Iterator[Match]:
        """Every match of these intermediates, record by record."""
        described = {name: named[name] for name in self.exercise.words if name in named}
        yield from _matches(self.records, described, self._input_count, turned=self.inputs_in_rows)

    @cached_property
    def right_matches(self) -> tuple[Match, ...]:
        """The matches of the reference's intermediates."""
        return tuple(self.find(self.reference))

    @cached_property
    def right_intermediates(self) -> frozenset[str]:
        """The names of the intermediates that were found as the reference has them."""
        return frozenset(match.name for match in self.right_matches)

    def steps_right(self) -> frozenset[str]:
        """The ids of the steps whose results were found to be right.

        A step between two that are right may go unseen: some programs fold the scaling into the queries.
        """
        steps = self.exercise.steps
        found = [set(step.shows) <= self.right_intermediates for step in steps]
        between = [False, *(before and after for before, after in zip(found, found[2:], strict=False)), False]
        return frozenset(step.id for i, step in enumerate(steps) if found[i] or between[i])

    def agreement(self, state: Mapping[str, Array]) -> tuple[int, int]:
        """How many of a state's results of steps were found, those in the student's layout counting double.

        Of states that agree as well, the one with more results like the reference's is to be preferred.
        """
        best: dict[str, int] = {}
        results = self._results_of(state)
        for match in self.find(results):
            best[match.name] = max(best.get(match.name, 0), 1 + match.exact)
        return sum(best.values()), sum(self._is_right(state, name) for name in results)

    def results_found(self, state: Mapping[str, Array], *, exactly: bool) -> dict[str, Array]:
        """The results of steps, right or wrong, that were found as this state has them."""
        results = self._results_of(state)
        names = {match.name for match in self.find(results) if match.exact or not exactly}
        return {name: array for name, array in results.items() if name in names}

    def confirms(self, state: Mapping[str, Array], names: Iterable[str], *, exactly: bool) -> bool:
        """Whether each of `names` in which a state differs from the reference was found as the state has it."""
        differing = self._differences(state, names)
        return {match.name for match in self.find(differing) if match.exact or not exactly} >= set(differing)

    def wrong_matches(self, state: Mapping[str, Array]) -> tuple[Match, ...]:
        """Where intermediates of a (wrong) state were found that the reference does not explain, in order."""
        # A transposed value is no evidence against a record that is, transposed, a right one.
        explained = {True: self._right_records(state), False: {match.record for match in self.right_matches}}
        differing = self._differences(state, self.exercise.words)
        found = [match for match in self.find(differing) if match.record not in explained[match.exact]]
        return tuple(sorted(found, key=lambda match: (match.record, not match.exact)))

    def is_part_of_next(self, record: int) -> bool:
        """Whether the next record is of a larger expression of the same shape, such as one that adds a bias."""
        if record + 1 >= len(self.records):
            return False
        inner, outer = self.records[record], self.records[record + 1]
        encloses = (outer.span.cell, outer.span.line) == (inner.span.cell, inner.span.line) and (
            outer.span.column <= inner.span.column and inner.span.end_column <= outer.span.end_column
        )
        return encloses and inner.span != outer.span and inner.array.shape == outer.array.shape

    def _right_records(self, state: Mapping[str, Array]) -> set[int]:
        """The records that hold an intermediate as the reference has it, where this state has it so too.

        A result of the first step that is computed more often than it should be (one head's queries for both heads)
        is right only as often as it should be.
        """
        right: dict[int, set[str]] = {}
        for match in self.right_matches:
            if match.exact:
                right.setdefault(match.record, set()).add(match.name)
        differing = self._differences(state, self.exercise.steps[0].shows)
        contested = {match.record for match in self.find(differing) if match.exact}
        computed: dict[frozenset[str], int] = {}
        kept = set()
        for record, names in right.items():
            value, key = self.records[record].array, frozenset(names)
            returned = record > 0 and equal(value, self.records[record - 1].array)  # by a helper: not computed again
            computed[key] = computed.get(key, 0) + (value.ndim == 2 and not returned)
            due = sum(name in state and self._is_right(state, name) for name in names)
            if record not in contested or computed[key] <= due or value.ndim > 2:
                kept.add(record)
        return kept

    def _results_of(self, state: Mapping[str, Array]) -> dict[str, Array]:
        return {name: state[name] for name in self.results if name in state}

    def _differences(self, state: Mapping[str, Array], names: Iterable[str]) -> dict[str, Array]:
        return {name: state[name] for name in names if name in state and not self._is_right(state, name)}

    def _is_right(self, state: Mapping[str, Array], name: str) -> bool:
        return name in self.reference and equal(state[name], self.reference[name])


def _matches(records: Sequence[Record], named: Mapping[str, Array], inputs: int, turned: bool) -> Iterator[Match]:
    """Every intermediate in every record; `turned` says that the student's own layout is the transpose.

    A matrix with no side as long as there are inputs has no layout; either way round it is as it should be.
    """
    index = _index(named, inputs, turned)
    columns: dict[str, set[int]] = {}
    for number, record in enumerate(records):
        value = record.array
        for layer in _layers(value):
            if layer.shape in index:
                targets, arrays, allowed = index[layer.shape]
                with np.errstate(invalid="ignore"):
                    hits = np.flatnonzero(np.abs(arrays - layer.ravel()).max(axis=1) <= allowed)
                for hit in hits:
                    names, exact = targets[hit]
                    # A stack in the other order holds the right parts, but is not itself as it should be.
                    exact = exact and list(names) == sorted(names)
                    yield from (Match(name, number, exact) for name in names)
        if value.size == max(value.shape, default=0) > 1:
            yield from _completed(number, value.ravel(), named, columns)


def _index(
    named: Mapping[str, Array], inputs: int, turned: bool
) -> dict[tuple[int, ...], tuple[list[tuple[tuple[str, ...], bool]], Array, Array]]:
    """What a value of a given shape can be: names, and whether that is in the student's layout; arrays; tolerances."""
    found: dict[tuple[int, ...], tuple[list[tuple[tuple[str, ...], bool]], list[Array]]] = {}
    for names, target in _targets(named):
        for exact, array in ((not turned, target), (turned, target.T)):
            targets, arrays = found.setdefault(array.shape, ([], []))
            targets.append((names, exact or inputs not in array.shape))
            arrays.append(array.ravel())
    return {
        shape: (targets, np.array(arrays), ACCURACY * np.maximum(1.0, np.abs(arrays).max(axis=1)))
        for shape, (targets, arrays) in found.items()
    }


def _targets(named: Mapping[str, Array]) -> Iterator[tuple[tuple[str, ...], Array]]:
    """The intermediates, and any two of them stacked."""
    for name, array in named.items():
        yield (name,), array
    for (a, first), (b, second) in permutations(named.items(), 2):
        if first.shape == second.shape and a.rstrip("0123456789") == b.rstrip("0123456789"):
            yield (a, b), np.concatenate((first, second), axis=0)
            yield (a, b), np.concatenate((first, second), axis=1)


def _layers(value: Array) -> Iterator[Array]:
    """A matrix itself; of a stack of matrices every layer, along any axis."""
    if value.ndim == 2:
        yield value
    elif value.ndim == 3:
        for axis in range(3):
            if value.shape[axis] <= 4:
                yield from np.moveaxis(value, axis, 0)


def _completed(number: int, vector: Array, named: Mapping[str, Array], columns: dict[str, set[int]]) -> Iterator[Match]:
    """The intermediates whose last missing column this vector is; `columns` holds those found before, by name."""
    for name, target in named.items():
        if target.ndim == 2 and len(target) == vector.size:
            found = columns.setdefault(name, set())
            new = {n for n, column in enumerate(target.T) if equal(vector, column)} - found
            found |= new
            if new and len(found) == target.shape[1]:
                yield Match(name, number, True)


def equal(a: Array, b: Array) -> bool:
    """Whether two arrays are the same for the trace's purposes."""
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore"):  # inf minus inf is not equal to anything
        return bool(np.abs(a - b).max(initial=0) <= ACCURACY * max(1.0, np.abs(b).max(initial=0)))
