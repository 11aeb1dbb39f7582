"""What a person sees in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.style import Style
from rich.table import Table
from rich.text import Text

from checker import sanitize
from checker.exercises.model import Exercise
from checker.reports import blocks
from checker.reports.feedback import feedback, headline
from checker.reports.heat import Colour, ink, is_right
from checker.result import Comparison, Result

if TYPE_CHECKING:
    from checker.grading.selftest import Selftest
    from checker.sandbox.doctor import Examination
    from checker.sandbox.levels import Sandbox

VERDICT_STYLES = {
    "correct": "green",
    "partial": "yellow",
    "not attempted": "dim",
    "not graded": "bold magenta",
}
PARAGRAPH_STYLES = {"code": "cyan", "right": "green", "hint": "bold", "remedy": "bold"}
ASCII = str.maketrans("█▓▒░·", "#%=:.")
UNWRAPPED = 10_000  # columns
STATUS_STYLES = {"passed": "green", "failed": "red", "skipped": "dim"}


def verdict_style(verdict: str) -> str:
    return VERDICT_STYLES.get(verdict, "red")


def line(result: Result, exercise: Exercise, name_width: int) -> Text:
    """One submission on one line."""
    name = sanitize.line(result.student)
    name = name if len(name) <= name_width else name[: name_width - 1] + "…"
    text = Text(f"{name:<{name_width}}  ")
    text.append(f"{result.verdict:<13}", style=verdict_style(result.verdict))
    text.append(f" {result.points or '-':>3}  ")
    text.append("" if result.correct else sanitize.line(headline(result, exercise)), style="dim")
    return text


def sandbox_line(sandbox: Sandbox) -> str:
    """The level of the sandbox, and why it is none better."""
    return f"Sandbox: {_level(sandbox)}"


def _level(sandbox: Sandbox | Examination) -> str:
    return sandbox.level + (f" ({sanitize.line(sandbox.reason)})" if sandbox.reason else "")


def examination(found: Examination) -> RenderableType:
    """What a machine offers for a sandbox."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for layer in found.layers:
        mark = Text("yes", style="green") if layer.offered else Text("no", style="red")
        table.add_row(layer.name, mark, Text(layer.detail))
    parts: list[RenderableType] = [table, Text()]
    for layer in found.layers:
        if layer.remedy:
            parts.append(Text(f"{layer.name}: {layer.remedy}"))
    parts.append(Text(f"Level: {_level(found)}", style="bold"))
    if not found.enough_for_untrusted:
        parts.append(Text("That is too little for grading other people's notebooks."))
    return Group(*parts)


def summary(results: Sequence[Result]) -> RenderableType:
    """How many submissions there are of each verdict."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for verdict, count in Counter(result.verdict for result in results).most_common():
        share = f"{100 * count / len(results):.0f} %"
        table.add_row(Text(verdict, style=verdict_style(verdict)), Text(str(count), justify="right"), share)
    table.add_row(Text("all", style="bold"), Text(str(len(results)), justify="right"), "")
    return table


def story(result: Result, exercise: Exercise, level: str) -> RenderableType:
    """One result in full, at a feedback level."""
    title = Text(sanitize.line(result.file), style="bold")
    verdict = Text(result.verdict, style=f"bold {verdict_style(result.verdict)}")
    if result.score is not None:
        verdict.append(f"  {result.score} of 100 points", style="not bold default")
    parts: list[RenderableType] = [title, verdict, Text(), Text(sanitize.line(result.summary))]
    for paragraph in feedback(result, exercise, level):
        lines = "\n".join(map(sanitize.line, paragraph.text.split("\n")))
        parts += [Text(), Text(lines, style=PARAGRAPH_STYLES.get(paragraph.kind, ""))]
    if level != "verdict":
        for comparison in result.comparisons:
            parts += [Text(), Text(sanitize.line(comparison.sentence))]
            parts += [] if is_right(comparison) else [Blocks(comparison)]
    for remark in result.remarks:
        parts += [Text(), Text(f"Note: {sanitize.line(remark.message)}", style="dim")]
    if result.checks:
        parts += [Text(), Checks(result)]
    return Group(*parts)


@dataclass(frozen=True)
class Blocks:
    """The heat maps of a comparison: in colours if the terminal has enough, else in blocks, or in ASCII."""

    comparison: Comparison

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        coloured = console.color_system in ("256", "truecolor") and not console.no_color
        for row in blocks.rows(self.comparison, options.max_width, coloured=coloured):
            line = Text(no_wrap=True, overflow="ignore")
            for text, colour in row:
                text = text.translate(ASCII) if options.ascii_only else text
                line.append(text, Style(color=_rgb(ink(colour)), bgcolor=_rgb(colour)) if colour else None)
            yield line


def _rgb(colour: Colour) -> Color:
    return Color.from_rgb(*colour)


@dataclass(frozen=True)
class Checks:
    """The checks of a result in a table, which is not wrapped in a pipe or a file."""

    result: Result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for check in self.result.checks:
            text = Text(check.sentence)
            # The first letter of a message may be a capital in the summary.
            if check.message and check.message[1:] not in self.result.summary:
                text.append(f"\n{sanitize.line(check.message)}", style="dim")
            table.add_row(Text(check.status, style=STATUS_STYLES[check.status]), text)
        if options.is_terminal:
            yield table
        else:
            for line in console.render_lines(table, options.update(max_width=UNWRAPPED), pad=False):
                yield Text("".join(segment.text for segment in line).rstrip())


def selftest_table(selftest: Selftest) -> RenderableType:
    """How many of each kind were caught, and what was said of them."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "tried", "same", "caught", "exact", "equal", "unnamed", "survived"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for row in selftest.rows:
        counts = (row.tried, row.same, row.caught, row.exactly, row.equivalent, row.unexplained, len(row.survivors))
        table.add_row(row.kind, *("" if count is None else str(count) for count in counts))
    legend = (
        "same: has the right output and must pass; exact, equal: named as it was made, or as mistakes with the same "
        "output; unnamed: seen to be wrong, not explained; survived: not right, and passed"
    )
    parts: list[RenderableType] = [table, Text(), Text(legend, style="dim"), Text()]
    parts += [Text(f"survivor: {survivor}", style="red") for row in selftest.rows for survivor in row.survivors]
    parts.append(Text(f"No output shows: {', '.join(selftest.invisible) or 'nothing of this kind'}."))
    if selftest.indistinguishable:
        parts.append(Text("No output tells apart (single mistakes and pairs):"))
        parts += [Text(f"  {'  =  '.join(group)}", style="dim") for group in selftest.indistinguishable]
    return Group(*parts)
