"""A page for one student: what was found in the submission, where, and what to think about next."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from checker import sanitize
from checker.exercises.model import Exercise
from checker.reports import feedback, html
from checker.reports.heat_maps import heat_maps, stylesheet
from checker.result import Comparison, Finding, Result


@dataclass(frozen=True)
class Line:
    """A line of code, and of it what is underlined."""

    number: int
    before: str
    marked: str = ""
    after: str = ""


@dataclass(frozen=True)
class Excerpt:
    """Lines of one cell, in order."""

    code_cell: int
    lines: tuple[Line, ...]


def feedback_page(result: Result, exercise: Exercise, level: str) -> str:
    """The whole page, which needs no other file and no script. `level` is how much it says.

    >>> from checker.exercises import load
    >>> page = feedback_page(Result("ada", "<Ada>", "a.ipynb", "", "x", "correct", 100, "Right."), load(), "hint")
    >>> "&lt;Ada&gt;" in page, "<Ada>" in page
    (True, False)
    """
    telling = level != "verdict"
    excerpts = code(result, pointing=telling)
    comparisons = [*map(_drawn, result.comparisons)] if telling else []
    # The page has places of its own for the code and for what is right.
    said = [each for each in feedback.feedback(result, exercise, level) if each.kind not in ("code", "right")]
    return html.page(
        "feedback.html.j2",
        style=html.asset("page.css") + html.asset("feedback.css") + (stylesheet() if comparisons else ""),
        result=result,
        exercise=exercise,
        verdict=verdict(result),
        said=said,
        hinting=level == "hint",
        excerpts=excerpts,
        pointed=[(excerpt, line) for excerpt in excerpts for line in excerpt.lines if line.marked],
        right_so_far=result.right_so_far if telling else "",
        comparisons=comparisons,
        ran=tuple(ran(result)),
    )


def page_name(result: Result) -> str:
    """The name of a result's page. Submissions in a batch have different ids, which are safe; others are made so.

    >>> page_name(Result("ada-2", "Ada", "a.ipynb", "", "x", "wrong", 0, "No."))
    'ada-2.html'
    """
    id = result.submission
    if not re.fullmatch(r"[a-z0-9_-]{1,100}", id):  # as only somebody else can have written it into the file of results
        id = f"{sanitize.file_name(id)}-{hashlib.sha256(id.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return f"{id}.html"


def verdict(result: Result) -> str:
    """The verdict with its points.

    >>> verdict(Result("ada", "Ada", "a.ipynb", "", "x", "not attempted", 0, "No."))
    'Not attempted: 0 of 100 points'
    """
    said = result.verdict.capitalize()
    return said if result.score is None else f"{said}: {result.score} of 100 points"


def code(result: Result, *, pointing: bool) -> tuple[Excerpt, ...]:
    """The student's function, and lines elsewhere that a finding points at; with `pointing`, what it points at."""
    findings = [finding for finding in result.mistakes if pointing and finding.line is not None]
    found: list[Excerpt] = []
    function = result.function
    if function is not None:
        lines = tuple(Line(i, text) for i, text in enumerate(function.text.split("\n"), function.line))
        found.append(Excerpt(function.code_cell, lines))
    for finding in findings:
        places = [i for i, excerpt in enumerate(found) if _holds(excerpt, finding)]
        if places:
            excerpt = found[places[0]]
            lines = tuple(_marked(finding) if line.number == finding.line else line for line in excerpt.lines)
            found[places[0]] = Excerpt(excerpt.code_cell, lines)
        else:
            found.append(Excerpt(finding.code_cell or 0, (_marked(finding),)))
    return tuple(found)


def _holds(excerpt: Excerpt, finding: Finding) -> bool:
    return excerpt.code_cell == finding.code_cell and any(
        line.number == finding.line and line.before + line.marked + line.after == finding.source
        for line in excerpt.lines
    )


def _marked(finding: Finding) -> Line:
    start, end = finding.columns or (0, len(finding.source))
    source = finding.source
    return Line(finding.line or 0, source[:start], source[start : max(start + 1, end)], source[max(start + 1, end) :])


@functools.lru_cache(maxsize=1000)
def _drawn(comparison: Comparison) -> Markup:
    """A comparison with its maps. Many students make the same mistake, and their outputs are equal."""
    return Markup(html.render("comparison.html.j2", comparison=comparison, maps=heat_maps(comparison)))


LIMITS = (
    ("cell", "seconds", "one cell"),
    ("notebook", "seconds", "all cells"),
    ("call", "seconds", "one call of the function"),
    ("output", "bytes", "output"),
    ("memory", "bytes", "memory"),
)


def ran(result: Result) -> Iterator[tuple[str, str]]:
    """What ran, how long, where and under which limits: pairs of a heading and its text."""
    yield "File", result.file + (f" (SHA-256 {result.sha256})" if result.sha256 else "")
    if result.timings:
        yield "Time", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.timings.items())
    settings = result.settings
    limits = [f"{what} {_amount(settings[name], unit)}" for name, unit, what in LIMITS if name in settings]
    if limits:
        yield "Limits", ", ".join(limits)
    if result.sandbox:
        yield "Sandbox", result.sandbox + (f" ({result.sandbox_reason})" if result.sandbox_reason else "")
    if result.seed is not None:
        yield "Seed", f"{result.seed} (the same seed draws the same new inputs)"
    if settings.get("weights"):
        yield "Weights", ", ".join(f"{step} {points}" for step, points in settings["weights"].items())
    if result.versions:
        yield "Versions", ", ".join(f"{name} {version}" for name, version in result.versions.items())


def _amount(value: float, unit: str) -> str:
    """A limit as people say it.

    >>> _amount(20.0, "seconds"), _amount(2 * 2**30, "bytes"), _amount(8 * 2**20, "bytes")
    ('20 s', '2 GB', '8 MB')
    """
    if unit == "seconds":
        return f"{value:g} s"
    return f"{value / 2**30:g} GB" if value >= 2**30 else f"{value / 2**20:g} MB"
