"""A matrix of the student's beside the right one, and a sentence that says what there is to see."""

from __future__ import annotations

from typing import Any

import numpy as np

from checker.exercises.model import Array
from checker.result import Comparison, Kind

DIGITS = 4  # after the point; more than anybody reads


def compare(
    name: str,
    kind: Kind,
    axes: tuple[str, str],
    yours: Array,
    expected: Array,
    of: str,
    tolerance: float = 1e-4,
    more: str = "",
) -> Comparison:
    """Compare two matrices of one shape. `axes` says what a row and a column are, `of` what the matrices are of.

    >>> compare("weights", "weights", ("keys", "queries"), np.eye(2), np.full((2, 2), 0.5), "for X").sentence
    'weights for X: all 4 values differ, by up to 0.5, most in row 1, column 1: yours is 1, and 0.5 is right.'
    """
    sentence = f"{name} {of}: {_difference(yours, expected, tolerance)}"
    return Comparison(name, kind, *axes, _plain(yours), _plain(expected), f"{sentence} {more}".rstrip())


def _difference(yours: Array, expected: Array, tolerance: float) -> str:
    """What the difference of two matrices is, in a sentence."""
    finite = np.isfinite(yours)
    difference = np.where(finite, np.abs(np.where(finite, yours, 0) - expected), 0)
    off = difference > tolerance * np.maximum(1, np.abs(expected))
    said = []
    if off.any():
        row, column = (int(i) for i in np.unravel_index(difference.argmax(), difference.shape))
        count = f"all {off.size} values differ" if off.all() else f"{int(off.sum())} of {off.size} values differ"
        here, right = _number(yours[row, column]), _number(expected[row, column])
        said.append(
            f"{count}, by up to {_number(difference.max())}, most in row {row + 1}, column {column + 1}: "
            f"yours is {here}, and {right} is right"
        )
    if not finite.all():
        said.append(f"{int((~finite).sum())} of yours are nan or inf")
    return f"{'; '.join(said) or 'yours are right'}."


def _number(value: float) -> str:
    """A number as a sentence holds it.

    >>> _number(0.1234), _number(-21.2071), _number(0.0)
    ('0.123', '-21.2', '0')
    """
    return f"{value:.3g}"


def _plain(matrix: Array) -> tuple[tuple[Any, ...], ...]:
    """Rows of rounded numbers, None for what is not finite."""
    rounded = np.round(matrix, DIGITS) + 0.0  # which makes -0.0 zero
    return tuple(tuple(value if np.isfinite(value) else None for value in row) for row in rounded.tolist())
