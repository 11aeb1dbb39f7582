"""Heat maps for pages: tables whose cells hold the values as text and are coloured by classes.

Not drawn by matplotlib: it takes half a second and 180 kB for nine maps. These take 2 ms and 11 kB, which counts where
thousands of pages are written; and their text is sharp on every screen, and grows with the page.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from checker.reports.heat import CIVIDIS, PUOR, WHITE, Colour, Panel, between, ink, is_right, panels
from checker.result import Comparison

STEPS = 32  # between the ends of a scale of colours; more would not be seen
SCALES = {"w": CIVIDIS, "d": PUOR}


@dataclass(frozen=True)
class Cell:
    """`shade` is the class that `stylesheet` colours."""

    shade: str
    text: str


@dataclass(frozen=True)
class HeatMap:
    """One matrix; the colours of its scale, and the values at the ends."""

    title: str
    cells: tuple[tuple[Cell, ...], ...]
    shades: tuple[str, ...]
    least: str
    most: str


def heat_maps(comparison: Comparison) -> tuple[HeatMap, ...]:
    """The student's matrix, the right one, and the difference; or one map, if there is no difference to be seen.

    >>> maps = heat_maps(Comparison("A", "weights", "keys", "queries", ((1.0, None),), ((0.5, 0.5),), "They differ."))
    >>> [each.title for each in maps]
    ['yours', 'expected', 'difference']
    >>> maps[0].cells[0][0], maps[2].cells[0][0]
    (Cell(shade='w32', text='1.00'), Cell(shade='d24', text='+0.50'))
    """
    yours, expected, difference = panels(comparison)
    if is_right(comparison):
        return (_map(yours, "yours and expected"),)
    return (_map(yours, "yours"), _map(expected, "expected"), _map(difference, "difference", plus=True))


def _map(panel: Panel, title: str, *, plus: bool = False) -> HeatMap:
    kind = "d" if panel.signed else "w"
    digits = 2 if panel.most < 10 else 1 if panel.most < 100 else 0

    def cell(value: float | None) -> Cell:
        if value is None:
            return Cell("nan", "\N{EN DASH}")
        return Cell(f"{kind}{round(STEPS * panel.level(value))}", number(value, digits, plus=plus))

    cells = tuple(tuple(map(cell, row)) for row in panel.values)
    shades = tuple(f"{kind}{step}" for step in range(0, STEPS + 1, STEPS // 8))
    least, most = (f"{end:.3g}".replace("-", "\N{MINUS SIGN}") for end in (panel.least, panel.most))
    return HeatMap(title, cells, shades, least, most)


def number(value: float, digits: int, *, plus: bool = False) -> str:
    """A value for a narrow cell.

    >>> number(0.314, 2), number(0.5, 2, plus=True), number(-0.001, 2, plus=True), number(12345.6, 0)
    ('0.31', '+0.50', '0', '1.2e4')
    """
    if abs(value) < 10_000:
        text = f"{value:.{digits}f}"
    else:
        mantissa, exponent = f"{value:.1e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    if float(text) == 0:
        return "0" if plus else text.removeprefix("-")
    return f"{'+' if plus and value > 0 else ''}{text}".replace("-", "\N{MINUS SIGN}")


@functools.cache
def stylesheet() -> str:
    """The colours of all shades as CSS, with the text in black or white, whichever is easier to read."""
    return "\n".join(_rules())


def _rules() -> Iterator[str]:
    for kind, scale in SCALES.items():
        for step in range(STEPS + 1):
            colour = between(scale, step / STEPS)
            text = ";color:#fff" if ink(colour) == WHITE else ""
            yield f".{kind}{step}{{background:{_hex(colour)}{text}}}"


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
