"""A matrix of the student's beside the right one, and a sentence that says how they differ."""

from typing import Any

import numpy as np

from checker.exercises.model import Array
from checker.result import Comparison, Kind

DIGITS = 4  # after the point; more than anybody reads
TOLERANCE = 1e-4  # absolute, and relative for large values


def compare(
    name: str, kind: Kind, axes: tuple[str, str], yours: Array, expected: Array, of: str, more: str = ""
) -> Comparison:
    """Compare two matrices of one shape. `axes` says what a row and a column are, `of` what the matrices are of.

    >>> compare("weights", "weights", ("keys", "queries"), np.eye(2), np.full((2, 2), 0.5), "for X").sentence
    'weights for X: all 4 values differ, by up to 0.5, most in row 1, column 1: yours is 1, and 0.5 is right.'
    """
    sentence = f"{name} {of}: {_difference(yours, expected)}"
    return Comparison(name, kind, *axes, _plain(yours), _plain(expected), f"{sentence} {more}".rstrip())


def _difference(yours: Array, expected: Array) -> str:
    """How two matrices differ, in a sentence."""
    finite = np.isfinite(yours)
    difference = np.where(finite, np.abs(np.where(finite, yours, 0) - expected), 0)
    off = difference > TOLERANCE * np.maximum(1, np.abs(expected))
    parts = []
    if off.any():
        at = row, column = np.unravel_index(difference.argmax(), difference.shape)
        count = "all" if off.all() else f"{int(off.sum())} of"
        parts.append(
            f"{count} {off.size} values differ, by up to {difference.max():.3g}, most in row {row + 1}, "
            f"column {column + 1}: yours is {yours[at]:.3g}, and {expected[at]:.3g} is right"
        )
    if not finite.all():
        parts.append(f"{int((~finite).sum())} of yours are nan or inf")
    return f"{'; '.join(parts) or 'yours are right'}."


def _plain(matrix: Array) -> tuple[tuple[Any, ...], ...]:
    """Rows of rounded numbers, None for what is not finite."""
    rounded = np.round(matrix, DIGITS) + 0.0  # which makes -0.0 zero
    return tuple(tuple(value if np.isfinite(value) else None for value in row) for row in rounded.tolist())
