"""Finding the named intermediates of the computation among the values that a watched function took.

A value counts as an intermediate up to transposition, and when it is part of a stack of both heads or of a loop
over columns. Whether the student keeps inputs in columns, as the book does, or in rows is found out first; after
that a transpose makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations

import numpy as np

from checker.exercise import Array, Exercise
from checker.execution.observation import Record

ACCURACY = 2e-5  # relative to the largest element: float32 passes


@dataclass(frozen=True)
class Sighting:
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
    _seen: dict[int, tuple[Sighting, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def rows(self) -> bool:
        """Whether the student keeps inputs in rows: the first step's results are seen transposed only."""
        first = {name: self.reference[name] for name in self.exercise.steps[0].shows}
        found = [sighting.exact for sighting in sightings(self.records, first, turned=False)]
        return bool(found) and not any(found)

    @cached_property
    def right(self) -> tuple[Sighting, ...]:
        """The reference's intermediates, each where it was seen."""
        return tuple(self.find(self.reference))

    def find(self, named: Mapping[str, Array]) -> Iterator[Sighting]:
        known = self._known(named)
        yield from sightings(self.records, known, turned=self.rows)

    def _known(self, named: Mapping[str, Array]) -> dict[str, Array]:
        return {name: named[name] for name in self.exercise.words if name in named}

    @cached_property
    def right_names(self) -> frozenset[str]:
        return frozenset(sighting.name for sighting in self.right)

    def agreement(self, state: Mapping[str, Array]) -> int:
        """How many of a state's intermediates were seen, those in the student's layout counting double."""
        best: dict[str, int] = {}
        for sighting in self.find(state):
            best[sighting.name] = max(best.get(sighting.name, 0), 2 if sighting.exact else 1)
        return sum(best.values())

    def first_wrong(self, state: Mapping[str, Array]) -> Sighting | None:
        """The first record that is an intermediate of this (wrong) state and none of the reference."""
        right = {sighting.record for sighting in self.right if sighting.exact}
        differing = {
            name: state[name]
            for name in self._known(state)
            if name not in self.reference or not _equal(state[name], self.reference[name])
        }
        wrong = [sighting for sighting in self.find(differing) if sighting.record not in right]
        return min(wrong, key=lambda sighting: (sighting.record, not sighting.exact), default=None)

    def steps_right(self) -> frozenset[str]:
        """The steps of which all results were seen, and those that they are computed from."""
        steps = self.exercise.steps
        last = max((i for i, step in enumerate(steps) if set(step.shows) <= self.right_names), default=-1)
        return frozenset(step.id for step in steps[: last + 1])


def sightings(records: Sequence[Record], named: Mapping[str, Array], turned: bool) -> Iterator[Sighting]:
    """Every intermediate in every record; `turned` says that the student's own layout is the transpose."""
    targets = list(_targets(named))
    columns: dict[str, set[int]] = {}
    for number, record in enumerate(records):
        value = record.array
        for layer in _layers(value):
            for names, target in targets:
                for exact, candidate in ((not turned, target), (turned, target.T)):
                    if layer.shape == candidate.shape and _equal(layer, candidate):
                        yield from (Sighting(name, number, exact) for name in names)
                        break
        if value.size == max(value.shape, default=0) > 1:
            for name, target in named.items():
                if target.ndim == 2 and len(target) == value.size:
                    seen = columns.setdefault(name, set())
                    new = {n for n, column in enumerate(target.T) if _equal(value.ravel(), column)} - seen
                    seen |= new
                    if new and len(seen) == target.shape[1]:
                        yield Sighting(name, number, True)


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


def _equal(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max(initial=0) <= ACCURACY * max(1.0, np.abs(b).max(initial=0)))
