"""Heat maps of matrices for pages: tables whose cells are coloured by classes and hold their values as text.

matplotlib gives the colours, but does not draw: nine maps take it 0.4 s and 60 kB, and these 1 ms and 9 kB, which
decides where thousands of pages are written. Text in a page is also sharp on every screen and grows with its zoom.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checker.result import Comparison

STEPS = 32  # between the ends of a colour map; more would not be seen, and values are written into the cells
WEIGHTS, SIGNED = "cividis", "PuOr"  # both are told apart by the colour-blind; as in the completed notebook
ROUNDING = 1e-4  # two numbers that were rounded to four digits may be equal
NOT_A_NUMBER = "nan"


@dataclass(frozen=True)
class Cell:
    """`shade` is the class that `stylesheet` colours."""

    shade: str
    text: str


@dataclass(frozen=True)
class HeatMap:
    """One matrix, and the ends of its colour scale as text."""

    title: str
    cells: tuple[tuple[Cell, ...], ...]
    shades: tuple[str, ...]
    low: str
    high: str


def heat_maps(comparison: Comparison) -> tuple[HeatMap, ...]:
    """The student's matrix, the right one, and the difference; or only the first, if it is right.

    Weights have the fixed scale from 0 to 1, so that maps of different heads and students can be compared, and
    differences of weights -1 to 1. Values have a scale that is symmetric about 0, the same for both matrices.

    >>> maps = heat_maps(Comparison("A", "weights", "keys", "queries", ((1.0, None),), ((0.5, 0.5),), "They differ."))
    >>> [each.title for each in maps]
    ['yours', 'expected', 'difference']
    >>> maps[0].cells[0][0], maps[2].cells[0][0]
    (Cell(shade='w32', text='1.00'), Cell(shade='d24', text='+0.50'))
    """
    yours, expected = comparison.yours, comparison.expected
    weights = comparison.kind == "weights"
    limit = 1.0 if weights else _largest((*yours, *expected))
    kind = "w" if weights else "d"
    difference = tuple(map(_subtract, yours, expected))
    if _is_zero(difference):
        return (_map("yours, which are as expected", kind, yours, limit),)
    differences = 1.0 if weights else _largest(difference)
    return (
        _map("yours", kind, yours, limit),
        _map("expected", kind, expected, limit),
        _map("difference", "d", difference, differences, signed=True),
    )


Row = Sequence[float | None]


def _is_zero(matrix: Sequence[Row]) -> bool:
    return all(value is not None and abs(value) <= ROUNDING for row in matrix for value in row)


def _map(title: str, kind: str, matrix: Sequence[Row], limit: float, *, signed: bool = False) -> HeatMap:
    digits = 4 if limit < 0.1 else 2 if limit < 10 else 1 if limit < 100 else 0
    write = functools.partial(number, digits=digits, signed=signed)
    cells = tuple(tuple(_cell(kind, value, limit, write(value)) for value in row) for row in matrix)
    low, high = (0.0 if kind == "w" else -limit), limit
    shades = tuple(f"{kind}{step}" for step in range(0, STEPS + 1, STEPS // 8))
    ends = (f"{low:g}", f"{high:g}") if limit == 1 else (write(low), write(high))
    return HeatMap(title, cells, shades, *ends)


def _cell(kind: str, value: float | None, limit: float, text: str) -> Cell:
    if value is None or not math.isfinite(value):
        return Cell(NOT_A_NUMBER, text)
    place = value / limit if kind == "w" else (value / limit + 1) / 2
    return Cell(f"{kind}{round(STEPS * min(max(place, 0.0), 1.0))}", text)


def number(value: float | None, digits: int, signed: bool = False) -> str:
    """A value for a narrow cell.

    >>> number(0.314, 2), number(0.5, 2, signed=True), number(-0.001, 2, signed=True), number(12345.6, 0)
    ('0.31', '+0.50', '0', '1.2e4')
    """
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    if abs(value) >= 10_000:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{value:.{digits}f}"
    if float(text) == 0:
        return "0" if signed else text.replace("-", "")
    return f"{'+' if signed and value > 0 else ''}{text}".replace("-", "\N{MINUS SIGN}")


def _subtract(yours: Row, expected: Row) -> Row:
    return [None if a is None or b is None else a - b for a, b in zip(yours, expected, strict=True)]


def _largest(rows: Sequence[Row]) -> float:
    return (
        max((abs(value) for row in rows for value in row if value is not None and math.isfinite(value)), default=0)
        or 1.0
    )


@functools.cache
def stylesheet() -> str:
    """The colours of all shades as CSS, with the text in black or white, whichever is easier to read."""
    return "\n".join(_rules())


def _rules() -> Iterator[str]:
    from matplotlib import colormaps

    dark: list[str] = []
    for kind, name in (("w", WEIGHTS), ("d", SIGNED)):
        for step in range(STEPS + 1):
            red, green, blue, _ = colormaps[name](step / STEPS)
            if contrast_with_white((red, green, blue)) > 21 / contrast_with_white((red, green, blue)):
                dark.append(f".{kind}{step}")
            yield f".{kind}{step}{{background:#{''.join(f'{round(255 * part):02x}' for part in (red, green, blue))}}}"
    yield f"{','.join(dark)}{{color:#fff}}"


def contrast_with_white(colour: tuple[float, float, float]) -> float:
    """The contrast ratio of the Web Content Accessibility Guidelines; that with black is 21 divided by it.

    >>> contrast_with_white((0, 0, 0)), contrast_with_white((1, 1, 1))
    (21.0, 1.0)
    """
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return round(1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05), 6)
