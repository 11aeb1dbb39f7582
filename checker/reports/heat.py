"""Heat maps of a comparison without any library: three panels of numbers, and a colour for each number.

Nobody has to tell red from green: weights go from dark blue to yellow (cividis), what has a sign from brown, below
zero, over white to violet, above it (PuOr). The numbers stand in the cells anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Panel:
    """A matrix and its scale, which goes from `least` to `most`; what lies beyond has the colour of the end."""

    title: str
    values: Matrix
    least: float
    most: float

    @property
    def signed(self) -> bool:
        return self.least < 0

    def level(self, value: float) -> float:
        """Where a value is on the scale, from 0 to 1."""
        return min(1.0, max(0.0, (value - self.least) / (self.most - self.least)))

    def colour(self, value: float | None) -> Colour:
        """The colour of a value; None is one that is not finite."""
        return GREY if value is None else between(PUOR if self.signed else CIVIDIS, self.level(value))


def panels(comparison: Comparison) -> tuple[Panel, Panel, Panel]:
    """Yours, expected, and the difference.

    Weights have a fixed scale, from 0 to 1 (from -1 to 1 for their difference); values have one that is symmetric
    about 0 and as wide as what is expected, the same for all three.

    >>> comparison = Comparison("A", "weights", "keys", "queries", ((1.0, None),), ((0.25, 0.5),), "")
    >>> [(panel.title, panel.values, panel.least) for panel in panels(comparison)][1:]
    [('expected', ((0.25, 0.5),), 0.0), ('difference', ((0.75, None),), -1.0)]
    """
    widest = max((abs(value) for row in comparison.expected for value in row), default=0.0) or 1.0
    are_weights = comparison.kind == "weights"
    scale = (0.0, 1.0) if are_weights else (-widest, widest)
    spread = 1.0 if are_weights else widest
    difference = tuple(
        tuple(None if a is None else a - b for a, b in zip(yours, expected, strict=False))
        for yours, expected in zip(comparison.yours, comparison.expected, strict=False)
    )
    return (
        Panel("yours", comparison.yours, *scale),
        Panel("expected", comparison.expected, *scale),
        Panel("difference", difference, -spread, spread),
    )


def is_right(comparison: Comparison) -> bool:
    """Whether there is no difference to be seen."""
    return all(value is not None and abs(value) < 0.001 for row in panels(comparison)[2].values for value in row)


def between(scale: Sequence[Colour], level: float) -> Colour:
    """The colour at a level from 0 to 1 of a scale.

    >>> between([(0, 0, 0), (100, 200, 50)], 0.5)
    (50, 100, 25)
    """
    position = level * (len(scale) - 1)
    i = min(int(position), len(scale) - 2)
    red, green, blue = (round(a + (position - i) * (b - a)) for a, b in zip(scale[i], scale[i + 1], strict=True))
    return red, green, blue


def ink(background: Colour) -> Colour:
    """Black or white, whichever is easier to read; the better of the two has a contrast of at least 4.5.

    >>> ink((0, 34, 78)), ink((254, 232, 56))
    ((255, 255, 255), (0, 0, 0))
    """
    return max(BLACK, WHITE, key=lambda colour: contrast(colour, background))


def contrast(a: Colour, b: Colour) -> float:
    """The contrast of two colours as WCAG 2 defines it, from 1 to 21."""
    darker, lighter = sorted((_luminance(a), _luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
