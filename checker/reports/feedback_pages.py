"""The folder of feedback pages: for each student one, with what was found, where, and what to think about next."""

import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from checker import __version__, files, sanitize
from checker.exercises.model import Exercise
from checker.reports import feedback, heat_maps, html
from checker.result import Comparison, Finding, Result, to_json

# The last line of a page that we wrote: it tells our pages from other files, and of what result a page is.
_MARK = re.compile(rb"<!-- checker feedback page ([0-9a-f]{64}) -->\n\Z")
_MARK_LENGTH = len("<!-- checker feedback page  -->\n") + 64


def write_feedback_pages(folder: Path, results: Sequence[Result], exercise: Exercise, level: str) -> None:
    """Have a page for each result, and none for a result that there is no more.

    A page that is there and of an equal result is not written again; pages are removed only if this function wrote
    them. Raises `files.CannotWriteError`.
    """
    files.make_folder(folder)
    there = _digests(folder)
    for result in results:
        name = page_name(result)
        depends_on = "\n".join((__version__, html.digest(), heat_maps.stylesheet(), level, to_json(result)))
        digest = hashlib.sha256(depends_on.encode("utf-8", "replace")).hexdigest()
        if there.pop(name, None) != digest:
            page = feedback_page(result, exercise, level)
            files.write(folder / name, (page, f"<!-- checker feedback page {digest} -->\n"), sync=False)
    for name in there:
        files.remove(folder / name)
    for part in folder.glob(".*.html.part"):  # what a process left that was killed while it wrote
        files.remove(part)


def _digests(folder: Path) -> dict[str, str]:
    """The digest of each page of ours in a folder, by the page's name."""
    found = {}
    for path in folder.glob("*.html"):
        if path.is_file() and not path.is_symlink() and (mark := _MARK.search(_end(path))):
            found[path.name] = mark[1].decode()
    return found


def _end(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MARK_LENGTH))
            return file.read()
    except OSError:
        return b""


def page_name(result: Result) -> str:
    """The name of a result's page. Submissions in a batch have different ids, which are safe; others are made so.

    >>> page_name(Result("ada-2", "Ada", "a.ipynb", "", "x", "wrong", 0, "No."))
    'ada-2.html'
    """
    id = result.submission
    if not re.fullmatch(r"[a-z0-9_-]{1,100}", id):  # as only somebody else can have written it into the file of results
        id = f"{sanitize.file_name(id)}-{hashlib.sha256(id.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return f"{id}.html"


def feedback_page(result: Result, exercise: Exercise, level: str) -> str:
    """The whole page, which needs no other file and no script. `level` is how much it says.

    >>> from checker.exercises import load
    >>> page = feedback_page(Result("ada", "<Ada>", "a.ipynb", "", "x", "correct", 100, "Right."), load(), "hint")
    >>> "&lt;Ada&gt;" in page, "<Ada>" in page
    (True, False)
    """
    has_feedback = level != "verdict"
    comparisons = result.comparisons if has_feedback else ()
    excerpts = code(result, mark=has_feedback)
    return html.page(
        "feedback.html.j2",
        style=html.asset("page.css") + html.asset("feedback.css") + (heat_maps.stylesheet() if comparisons else ""),
        result=result,
        exercise=exercise,
        verdict=feedback.verdict(result),
        # The page has sections of its own for the code and for what is right.
        paragraphs=[each for each in feedback.feedback(result, exercise, level) if each.kind not in ("code", "right")],
        is_hint=level == "hint",
        excerpts=excerpts,
        marked=[(excerpt, line) for excerpt in excerpts for line in excerpt.lines if line.marked],
        right_so_far=result.right_so_far if has_feedback else "",
        comparisons=[(comparison, _maps(comparison)) for comparison in comparisons],
        how_it_ran=how_it_ran(result),
    )


@functools.lru_cache(maxsize=1000)
def _maps(comparison: Comparison) -> Markup:
    """The maps of a comparison. Many students make the same mistake, and their outputs are equal."""
    return Markup(heat_maps.html(comparison))


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


def code(result: Result, *, mark: bool) -> list[Excerpt]:
    """The student's function, and with `mark` what the findings point at, underlined in it or in lines elsewhere."""
    excerpts: list[Excerpt] = []
    if (function := result.function) is not None:
        lines = tuple(Line(i, text) for i, text in enumerate(function.text.split("\n"), function.line))
        excerpts.append(Excerpt(function.code_cell, lines))
    for finding in result.mistakes if mark else ():
        if finding.line is None:
            continue
        line = Line(finding.line, *feedback.split_line(finding))
        at = next((i for i, excerpt in enumerate(excerpts) if _holds(excerpt, finding)), None)
        if at is None:
            excerpts.append(Excerpt(finding.code_cell or 0, (line,)))
        else:
            lines = tuple(line if other.number == line.number else other for other in excerpts[at].lines)
            excerpts[at] = Excerpt(excerpts[at].code_cell, lines)
    return excerpts


def _holds(excerpt: Excerpt, finding: Finding) -> bool:
    return excerpt.code_cell == finding.code_cell and any(
        line.number == finding.line and line.before + line.marked + line.after == finding.source
        for line in excerpt.lines
    )


LIMITS = (
    ("cell", "seconds", "one cell"),
    ("notebook", "seconds", "all cells"),
    ("call", "seconds", "one call of the function"),
    ("output", "bytes", "output"),
    ("memory", "bytes", "memory"),
)


def how_it_ran(result: Result) -> Iterator[tuple[str, str]]:
    """What ran, how long, where and under which limits: pairs of a heading and its text."""
    settings = result.settings
    yield "File", result.file + (f" (SHA-256 {result.sha256})" if result.sha256 else "")
    if result.timings:
        yield "Time", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.timings.items())
    limits = [f"{what} {_amount(settings[name], unit)}" for name, unit, what in LIMITS if name in settings]
    if limits:
        yield "Limits", ", ".join(limits)
    if result.sandbox:
        yield "Sandbox", result.sandbox + (f" ({result.sandbox_reason})" if result.sandbox_reason else "")
    if result.seed is not None:
        yield "Seed", f"{result.seed} (the same seed draws the same new inputs)"
    for heading, amounts in (("Weights", settings.get("weights")), ("Versions", result.versions)):
        if amounts:
            yield heading, ", ".join(f"{name} {amount}" for name, amount in amounts.items())


def _amount(value: float, unit: str) -> str:
    """A limit as people say it.

    >>> _amount(20.0, "seconds"), _amount(2 * 2**30, "bytes"), _amount(8 * 2**20, "bytes")
    ('20 s', '2 GB', '8 MB')
    """
    if unit == "seconds":
        return f"{value:g} s"
    return f"{value / 2**30:g} GB" if value >= 2**30 else f"{value / 2**20:g} MB"
