"""Heat maps of a comparison: the student's matrix, the expected one and their difference, as text or as HTML.

Nobody has to tell red from green: weights go from dark blue to yellow (cividis), what has a sign from brown, below
zero, over white to violet, above it (PuOr). The numbers stand in the cells anyway. No library is needed: nine maps by
matplotlib would take half a second and 180 kB, these take 2 ms and 12 kB, and `check()` has numpy alone.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from checker.result import Comparison

Colour = tuple[int, int, int]  # red, green, blue, each 0 to 255
Matrix = tuple[tuple[float | None, ...], ...]

BLACK, WHITE, GREY = (0, 0, 0), (255, 255, 255), (190, 190, 190)

CIVIDIS = (
    (0, 34, 78), (26, 56, 111), (67, 78, 108), (97, 101, 111), (125, 124, 120), (155, 148, 118), (188, 174, 108),
    (222, 201, 88), (254, 232, 56),
)  # fmt: skip
PUOR = (
    (127, 59, 8), (190, 99, 10), (239, 158, 60), (254, 215, 162), (246, 246, 247), (206, 205, 228), (152, 141, 190),
    (93, 55, 144), (45, 0, 75),
)  # fmt: skip
SCALES = {"w": CIVIDIS, "d": PUOR}


@dataclass(frozen=True)
class Panel:
    """A matrix and its scale, which goes from `least` to `most`; what lies beyond has the colour of the end."""

    title: str
    values: Matrix
    least: float
    most: float
    is_difference: bool = False

    @property
    def scale(self) -> str:
        """The key of the scale's colours in `SCALES`."""
        return "d" if self.least < 0 else "w"

    def level(self, value: float) -> float:
        """Where a value is on the scale, from 0 to 1."""
        return min(1.0, max(0.0, (value - self.least) / (self.most - self.least)))

    def colour(self, value: float | None) -> Colour:
        """The colour of a value; None is one that is not finite."""
        return GREY if value is None else between(SCALES[self.scale], self.level(value))

    def number(self, value: float | None, *, narrow: bool = False) -> str:
        """A value as its cell holds it."""
        return number(value, self.most, plus=self.is_difference, narrow=narrow)


def panels(comparison: Comparison) -> tuple[Panel, ...]:
    """Yours, expected, and the difference; or one panel, if there is no difference to be seen.

    Weights have a fixed scale, from 0 to 1 (from -1 to 1 for their difference); values have one that is symmetric
    about 0 and as wide as what is expected, the same for all three.

    >>> comparison = Comparison("A", "weights", "keys", "queries", ((1.0, None),), ((0.25, 0.5),), "")
    >>> [(panel.title, panel.values, panel.least) for panel in panels(comparison)][1:]
    [('expected', ((0.25, 0.5),), 0.0), ('difference', ((0.75, None),), -1.0)]
    """
    widest = max((abs(value) for row in comparison.expected for value in row), default=0.0) or 1.0
    most, least = (1.0, 0.0) if comparison.kind == "weights" else (widest, -widest)
    if is_right(comparison):
        return (Panel("yours and expected", comparison.yours, least, most),)
    return (
        Panel("yours", comparison.yours, least, most),
        Panel("expected", comparison.expected, least, most),
        Panel("difference", _difference(comparison), -most, most, is_difference=True),
    )


def is_right(comparison: Comparison) -> bool:
    """Whether there is no difference to be seen."""
    return all(value is not None and abs(value) < 0.001 for row in _difference(comparison) for value in row)


def _difference(comparison: Comparison) -> Matrix:
    return tuple(
        tuple(None if a is None else a - b for a, b in zip(yours, expected, strict=True))
        for yours, expected in zip(comparison.yours, comparison.expected, strict=False)
    )


def number(value: float | None, most: float, *, plus: bool = False, narrow: bool = False) -> str:
    """A number as a cell holds it, in a matrix whose scale ends at `most`.

    The end of the scale would have three significant digits, or two if it has to be `narrow`, which also leaves out a
    leading zero. Numbers that are too long for that have fewer digits. None, for nan and inf, is `nan`; with `plus`, as
    differences have it, nothing at all is `0`.

    >>> [number(value, 1.0) for value in (0.494, 0.999, -0.001, 123.456, 123456.0, None)]
    ['0.49', '1.00', '0.00', '123.5', '1.2e5', 'nan']
    >>> [number(value, 1.0, narrow=True) for value in (0.494, 0.999, -1.62, 12.3, 1e6, None)]
    ['.49', '1.0', '-1.6', '12', '1e6', 'nan']
    >>> [number(value, 20.0, plus=True) for value in (12.44, -0.2, 0.01)]
    ['+12.4', '-0.2', '0']
    """
    if value is None:
        return "nan"
    places = sum(most * (10 if narrow else 1) <= limit for limit in (10, 100))
    forms = [f"{abs(value):.{digits}f}" for digits in range(places, -1, -1)]
    forms = [form.removeprefix("0") if narrow and "." in form else form for form in forms]
    forms += [f"{abs(value):.{digits}e}".replace("e+0", "e").replace("e+", "e") for digits in (1, 0)]
    text = next((form for form in forms if len(form) <= (3 if narrow else 5)), forms[-1])
    if float(text) == 0:
        return "0" if plus else text
    return f"{'-' if value < 0 else '+' if plus else ''}{text}"


# As text: numbers, and before each a block that is the darker the larger it is, or its colour behind it.

BLOCKS = ((0.75, "█"), (0.5, "▓"), (0.25, "▒"), (0.1, "░"), (0.0, " "))  # from which part of the scale on
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
    return "\n".join("".join(piece for piece, _ in row).rstrip() for row in rows(comparison, width))


def rows(comparison: Comparison, width: int = WIDTH, *, coloured: bool = False) -> Iterator[list[Piece]]:
    """The lines of the maps, piece by piece; none where not even one map fits."""
    drawn = [list(_drawn(panel, coloured)) for panel in panels(comparison)]
    widest = max(sum(len(text) for text, _ in line) for lines in drawn for line in lines)
    beside = min(len(drawn), (width - len(INDENT) + len(GAP)) // (widest + len(GAP)))
    if beside < 1:
        return
    yield [(f"{INDENT}{_axes(comparison)}", None)]
    for first in range(0, len(drawn), beside):
        for lines in zip(*drawn[first : first + beside], strict=False):
            row: list[Piece] = [(INDENT, None)]
            for line in lines:
                space = widest - sum(len(text) for text, _ in line)
                row += [*line, (" " * space + GAP, None)]
            yield row[:-1]


def _axes(comparison: Comparison) -> str:
    return f"rows: {comparison.rows}, columns: {comparison.columns}"


def _drawn(panel: Panel, coloured: bool) -> Iterator[list[Piece]]:
    """A title and the lines of one map, in cells of one width. A difference has its sign in place of a block."""
    texts = [[panel.number(value, narrow=True) for value in row] for row in panel.values]
    width = max((3 + panel.is_difference, *(len(text) for row in texts for text in row)))
    yield [(panel.title, None)]
    for values, row in zip(panel.values, texts, strict=True):
        yield [
            (
                ("" if panel.is_difference else _block(panel, value, coloured)) + f"{text:>{width}}",
                panel.colour(value) if coloured else None,
            )
            for value, text in zip(values, row, strict=True)
        ]


def _block(panel: Panel, value: float | None, coloured: bool) -> str:
    share = 0.0 if value is None or coloured else abs(value) / panel.most
    return next(block for least, block in BLOCKS if share >= least)


# As HTML: tables, whose styles stand in a style sheet for pages and in the elements for notebooks.

STEPS = 32  # between the ends of a scale of colours; more would not be seen

# For tables in a notebook, whose own styles give them stripes, borders and paddings.
STYLES = {
    "div.maps": "display:flex;flex-wrap:wrap;align-items:flex-start;gap:.6em 1em;overflow-x:auto",
    "div.map": "forced-color-adjust:none;print-color-adjust:exact;-webkit-print-color-adjust:exact",
    "p.axes": "margin:0 0 .3em;font-size:.85em;opacity:.8",
    "table": "border-collapse:collapse;margin:0;width:auto;font-size:.85em;font-variant-numeric:tabular-nums",
    "caption": "caption-side:top;text-align:center;color:inherit;padding:.2em 0;font-weight:bold",
    "tr": "background:none",
    "th": "padding:.15em .3em;text-align:center;border:0;font-weight:normal;opacity:.8;background:none",
    "td": "padding:.35em .25em;min-width:2.4em;text-align:center;border:0;white-space:nowrap;color:#000",
    "div.scale": "display:flex;justify-content:center;align-items:center;gap:.5em;font-size:.75em;padding-top:.4em",
    "div.ramp": "width:9em;height:.8em",
}


def html(comparison: Comparison, *, inline: bool = False) -> str:
    """The maps side by side, or below one another where there is little room.

    With `inline`, styles stand in the elements, since notebooks let no style sheet through; else, since the policy of
    pages lets no such styles through, they are those of `stylesheet()`.

    >>> comparison = Comparison("A", "weights", "keys", "queries", ((1.0, None),), ((0.5, 0.5),), "")
    >>> '<td class="w32">1.00</td><td class="nan">nan</td>' in html(comparison)
    True
    """
    maps = "".join(_map(panel, inline) for panel in panels(comparison))
    return _element("p.axes", escape(_axes(comparison)), inline) + _element("div.maps", maps, inline)


def _map(panel: Panel, inline: bool) -> str:
    def text(value: float | None) -> str:
        return panel.number(value).replace("-", "\N{MINUS SIGN}")

    def cell(value: float | None) -> str:
        shade = "nan" if value is None else f"{panel.scale}{round(STEPS * panel.level(value))}"
        return _element("td", text(value), inline, shade)

    def head(content: object, scope: str) -> str:
        return _element("th", str(content), inline, more=f" scope={scope}")

    columns = "".join(head(i, "col") for i, _ in enumerate(panel.values[0] if panel.values else (), 1))
    lines = [_element("td", "", inline, "none") + columns]
    lines += [head(i, "row") + "".join(map(cell, row)) for i, row in enumerate(panel.values, 1)]
    table = _element("caption", panel.title, inline) + "".join(_element("tr", line, inline) for line in lines)
    ramp = _element("div.ramp", "", inline, panel.scale)
    scale = _element("div.scale", f"{text(panel.least)}{ramp}{text(panel.most)}", inline)
    return _element("div.map", _element("table", table, inline) + scale, inline)


def _element(name: str, content: str, inline: bool, shade: str = "", more: str = "") -> str:
    tag, _, kind = name.partition(".")
    if inline:
        more += f" style='{';'.join(filter(None, (STYLES[name], shades().get(shade))))}'"
    elif kind or shade:
        more += f' class="{" ".join(filter(None, (kind, shade)))}"'
    return f"<{tag}{more}>{content}</{tag}>"


@functools.cache
def shades() -> dict[str, str]:
    """The style of a cell at each step of each scale, by its class; and of the scales themselves."""
    styles = {"nan": "color:inherit;outline:1px dashed;outline-offset:-2px", "none": "background:none"}
    for kind, scale in SCALES.items():
        styles[kind] = f"background:linear-gradient(to right,{','.join(map(_hex, scale))})"
        for step in range(STEPS + 1):
            colour = between(scale, step / STEPS)
            text = ";color:#fff" if ink(colour) == WHITE else ""
            styles[f"{kind}{step}"] = f"background:{_hex(colour)}{text}"
    return styles


@functools.cache
def stylesheet() -> str:
    """The styles of the maps in a page."""
    rules = {f".{name.partition('.')[2]}" if "." in name else f".map {name}": style for name, style in STYLES.items()}
    rules |= {f".map .{name}": style for name, style in shades().items()}
    return "\n".join(f"{selector}{{{style}}}" for selector, style in rules.items())


def between(scale: Sequence[Colour], level: float) -> Colour:
    """The colour at a level from 0 to 1 of a scale.

    >>> between([(0, 0, 0), (100, 200, 50)], 0.5)
    (50, 100, 25)
    """
    position = level * (len(scale) - 1)
    i = min(int(position), len(scale) - 2)
    red, green, blue = (round(a + (position - i) * (b - a)) for a, b in zip(scale[i], scale[i + 1], strict=True))
    return red, green, blue


def _hex(colour: Colour) -> str:
    return "#" + bytes(colour).hex()


def ink(background: Colour) -> Colour:
    """Black or white, whichever has more contrast, as WCAG 2 defines it: at least 4.5.

    >>> ink((0, 34, 78)), ink((254, 232, 56))
    ((255, 255, 255), (0, 0, 0))
    """
    parts = [part / 255 for part in background]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return WHITE if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else BLACK
