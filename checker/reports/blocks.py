"""Heat maps as text: numbers, and before each a block that is the darker the larger it is.

For a terminal that has colours, `rows` gives those in place of the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator

from checker.reports.heat import Colour, Panel, panels
from checker.result import Comparison

SHADES = ((0.75, "█"), (0.5, "▓"), (0.25, "▒"), (0.1, "░"), (0.0, " "))  # from which part of the scale on
NOTHING = "·"  # what is too small for the digits that are shown
NO_NUMBER = "nan"  # or inf
INDENT = GAP = "  "
WIDTH = 80

Piece = tuple[str, Colour | None]  # text, and the colour of what is behind it


def text(comparison: Comparison, width: int = WIDTH) -> str:
    """The maps side by side as far as they fit, without any colour.

    >>> print(text(Comparison("A", "weights", "keys", "queries", ((0.9, 0.1),), ((0.5, 0.5),), "")))
      rows: keys, columns: queries
      yours       expected    difference
      █.90░.10    ▓.50▓.50    +.40-.40
    """
    lines = ("".join(piece for piece, _ in row).rstrip() for row in rows(comparison, width))
    return "\n".join(lines)


def rows(comparison: Comparison, width: int = WIDTH, *, coloured: bool = False) -> Iterator[list[Piece]]:
    """The lines of the maps, piece by piece; none where not even one map fits."""
    drawn = [list(_drawn(panel, comparison, coloured)) for panel in panels(comparison)]
    widest = max(sum(len(text) for text, _ in line) for lines in drawn for line in lines)
    beside = min(len(drawn), (width - len(INDENT) + len(GAP)) // (widest + len(GAP)))
    if beside < 1:
        return
    yield [(f"{INDENT}rows: {comparison.rows}, columns: {comparison.columns}", None)]
    for first in range(0, len(drawn), beside):
        for lines in zip(*drawn[first : first + beside], strict=False):
            row: list[Piece] = [(INDENT, None)]
            for line in lines:
                space = widest - sum(len(text) for text, _ in line)
                row += [*line, (" " * space + GAP, None)]
            yield row[:-1]


def _drawn(panel: Panel, comparison: Comparison, coloured: bool) -> Iterator[list[Piece]]:
    """A title and the lines of one map, in cells of one width."""
    is_difference = panel.title == "difference"
    digits = 2 if comparison.kind == "weights" else 1 if panel.most < 10 else 0
    texts = [[_number(value, digits, signed=is_difference) for value in row] for row in panel.values]
    width = max((len(text) for row in texts for text in row), default=0)
    width = max(width, 4 if is_difference else 3)
    yield [(panel.title, None)]
    for values, row in zip(panel.values, texts, strict=True):
        yield [
            (_cell(panel, value, text, width, is_difference, coloured), panel.colour(value) if coloured else None)
            for value, text in zip(values, row, strict=True)
        ]


def _cell(panel: Panel, value: float | None, text: str, width: int, is_difference: bool, coloured: bool) -> str:
    if is_difference:  # whose sign takes the place of the block
        return f"{text:>{width}}"
    share = 0.0 if value is None or coloured else abs(value) / panel.most
    return next((shade for least, shade in SHADES if share >= least), " ") + f"{text:>{width}}"


def _number(value: float | None, digits: int, signed: bool) -> str:
    """A number in three characters and a sign, or a few more where it is large.

    >>> [_number(value, 2, False) for value in (0.494, 0.999, -1.62, 12.3, 1e6, None)]
    ['.49', '1.0', '-1.6', '12', '1e6', 'nan']
    >>> [_number(value, 0, True) for value in (12.4, -0.2)] + [_number(-0.2, 0, False)]
    ['+12', '·', '0']
    """
    if value is None:
        return NO_NUMBER
    size = f"{abs(value):.{digits}f}"
    is_nothing = float(size) == 0
    if is_nothing and signed:
        return NOTHING
    if len(size.removeprefix("0")) > 3:
        size = f"{abs(value):.1f}" if abs(value) < 9.95 else f"{abs(value):.0f}"
    if len(size) > 4:
        mantissa, exponent = f"{abs(value):.0e}".split("e")
        size = f"{mantissa}e{int(exponent)}"
    size = size.removeprefix("0") if digits and "." in size else size
    sign = "-" if value < 0 and not is_nothing else "+" if signed else ""
    return sign + size
