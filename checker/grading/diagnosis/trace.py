"""Finding the named intermediates of the computation among the values that a watched function took.

A value counts as an intermediate up to transposition, and when it is part of a stack of both heads or of a loop
over columns. Whether the student keeps inputs in columns, as the book does, or in rows is found out first; after
that a transpose makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np

from checker.exercises.model import Array, Exercise
from checker.kernel.observation import Record

ACCURACY = 2e-5  # relative to the largest element: float32 passes


@dataclass(frozen=True)
class Match:
    """A record in which an intermediate was seen, by its number among the records."""

    name: str
    record: int
    exact: bool  # in the student's own layout, and not transposed


@dataclass(frozen=True)
class Traced:
    """The records of one run, and what can be seen in them."""

    exercise: Exercise
    records: tuple[Record, ...]
    reference: Mapping[str, Array]
    inputs: Mapping[str, Array]

    @cached_property
    def rows(self) -> bool:
        """Whether the student keeps inputs in rows: the first step's results first turn up transposed."""
        results = {name: self.reference[name] for name in self.exercise.steps[0].shows}
        first: dict[str, bool] = {}
        for match in matches(self.records, results, self._count, turned=False):
            first.setdefault(match.name, match.exact)
        return bool(first) and not any(first.values())

    @cached_property
    def right(self) -> tuple[Match, ...]:
        """The reference's intermediates, each where it was seen."""
        return tuple(self.find(self.reference))

    def find(self, named: Mapping[str, Array]) -> Iterator[Match]:
        yield from matches(self.records, self._known(named), self._count, turned=self.rows)

    @property
    def _count(self) -> int:
        """How many inputs there are: the side of a matrix that the layout is about."""
        return int(self.reference[self.exercise.answer].shape[-1])

    def _known(self, named: Mapping[str, Array]) -> dict[str, Array]:
        return {name: named[name] for name in self.exercise.words if name in named}

    @cached_property
    def right_names(self) -> frozenset[str]:
        return frozenset(match.name for match in self.right)

    def agreement(self, state: Mapping[str, Array]) -> tuple[int, int]:
        """How many of a state's intermediates were seen, those in the student's layout counting double.

        Of states that agree as well, the one with more intermediates like the reference's is to be preferred.
        """
        best: dict[str, int] = {}
        shown = self._shown(state)
        for match in self.find(shown):
            best[match.name] = max(best.get(match.name, 0), 2 if match.exact else 1)
        return sum(best.values()), sum(equal(array, self.reference[name]) for name, array in shown.items())

    def seen(self, state: Mapping[str, Array], exactly: bool) -> dict[str, Array]:
        """The results of steps, right or wrong, that were seen as this state has them."""
        shown = self._shown(state)
        names = {match.name for match in self.find(shown) if match.exact or not exactly}
        return {name: array for name, array in shown.items() if name in names}

    def _shown(self, state: Mapping[str, Array]) -> dict[str, Array]:
        return {name: state[name] for step in self.exercise.steps for name in step.shows if name in state}

    def saw_all_that_is_wrong(self, state: Mapping[str, Array]) -> bool:
        """Whether every result of a step that differs from the reference was seen as this state has it."""
        differing = {name: state[name] for name in self._shown(state) if not self._as_in_reference(state, name)}
        return {match.name for match in self.find(differing) if match.exact} >= set(differing)

    def wrong(self, state: Mapping[str, Array]) -> tuple[Match, ...]:
        """Where intermediates of this (wrong) state were seen that are none of the reference, in order."""
        differing = {name: state[name] for name in self._known(state) if not self._as_in_reference(state, name)}
        # A transposed value is no evidence against a record that is, transposed, a right one.
        right = {True: self._rightly_seen(state), False: {match.record for match in self.right}}
        found = [match for match in self.find(differing) if match.record not in right[match.exact]]
        return tuple(sorted(found, key=lambda match: (match.record, not match.exact)))

    def saw_first_step_of(self, state: Mapping[str, Array]) -> bool:
        """Whether the results of the first step that this state has otherwise than the reference were all seen so."""
        first = self.exercise.steps[0].shows
        differing = {n: state[n] for n in first if n in state and not self._as_in_reference(state, n)}
        return {match.name for match in self.find(differing)} >= set(differing)

    def goes_on(self, record: int) -> bool:
        """Whether a value is at once part of a larger expression of the same shape, such as one that adds a bias."""
        if record + 1 >= len(self.records):
            return False
        inner, outer = self.records[record], self.records[record + 1]
        encloses = (outer.place.cell, outer.place.line) == (inner.place.cell, inner.place.line) and (
            outer.place.column <= inner.place.column and inner.place.end_column <= outer.place.end_column
        )
        return encloses and inner.place != outer.place and inner.array.shape == outer.array.shape

    def _rightly_seen(self, state: Mapping[str, Array]) -> set[int]:
        """The records that hold an intermediate as the reference has it, where this state has it so too.

        A result of the first step that is computed more often than it should be (one head's queries for both heads)
        is right only as often as it should be.
        """
        first = set(self.exercise.steps[0].shows)
        right: dict[int, set[str]] = {}
        for match in self.right:
            if match.exact:
                right.setdefault(match.record, set()).add(match.name)
        differing = {name: state[name] for name in first & set(state) if not self._as_in_reference(state, name)}
        contested = {match.record for match in self.find(differing) if match.exact}
        computed: dict[frozenset[str], int] = {}
        kept = set()
        for record, names in right.items():
            value, key = self.records[record].array, frozenset(names)
            returned = record > 0 and equal(value, self.records[record - 1].array)  # by a helper: no new computation
            computed[key] = computed.get(key, 0) + (value.ndim == 2 and not returned)
            due = sum(name in state and self._as_in_reference(state, name) for name in names)
            if record not in contested or computed[key] <= due or value.ndim > 2:
                kept.add(record)
        return kept

    def _as_in_reference(self, state: Mapping[str, Array], name: str) -> bool:
        return name in self.reference and equal(state[name], self.reference[name])

    def steps_right(self) -> frozenset[str]:
        """The steps that were seen to be right.

        A step between two that are right may go unseen: some programs fold the scaling into the queries.
        """
        shown = [set(step.shows) <= self.right_names for step in self.exercise.steps]
        right = list(shown)
        for i in range(1, len(shown) - 1):
            right[i] = shown[i] or (right[i - 1] and shown[i + 1])
        return frozenset(step.id for step, is_right in zip(self.exercise.steps, right, strict=True) if is_right)


def matches(records: Sequence[Record], named: Mapping[str, Array], inputs: int, turned: bool) -> Iterator[Match]:
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
            yield from _columns_seen(number, value.ravel(), named, columns)


def _index(
    named: Mapping[str, Array], inputs: int, turned: bool
) -> dict[tuple[int, ...], tuple[list[tuple[tuple[str, ...], bool]], Array, Array]]:
    """What to look for in a value of a given shape: names and whether the layout is the student's; the arrays."""
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


def _columns_seen(
    number: int, vector: Array, named: Mapping[str, Array], columns: dict[str, set[int]]
) -> Iterator[Match]:
    """An intermediate that a loop computes column by column is seen once its last column is."""
    for name, target in named.items():
        if target.ndim == 2 and len(target) == vector.size:
            seen = columns.setdefault(name, set())
            new = {n for n, column in enumerate(target.T) if equal(vector, column)} - seen
            seen |= new
            if new and len(seen) == target.shape[1]:
                yield Match(name, number, True)


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


def equal(a: Array, b: Array) -> bool:
    """Whether two arrays are the same for the trace's purposes."""
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore"):  # inf minus inf is not equal to anything
        return bool(np.abs(a - b).max(initial=0) <= ACCURACY * max(1.0, np.abs(b).max(initial=0)))
