"""What a person sees in a terminal, and in a file or a pipe in its place."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.style import Style
from rich.table import Table
from rich.text import Text

from checker import sanitize
from checker.exercises.model import Exercise
from checker.reports import heat_maps
from checker.reports.feedback import feedback, headline, verdict
from checker.result import CheckResult, Comparison, Result

VERDICT_STYLES = {
    "correct": "green",
    "partial": "yellow",
    "not attempted": "dim",
    "not graded": "bold magenta",
}
PARAGRAPH_STYLES = {"code": "cyan", "right": "green", "hint": "bold", "remedy": "bold"}
ASCII = str.maketrans("█▓▒░", "#%=:")
STATUS_STYLES = {"passed": "green", "failed": "red", "skipped": "dim"}
UNLIMITED = 100_000  # columns


def stdout() -> Console:
    """Standard output, where nothing is markup or a command of a CI system.

    A terminal has its lines wrapped between words; in a file or a pipe nothing is wrapped or cut.
    """
    return Console(
        file=sanitize.Log(sys.stdout),  # type: ignore[arg-type]
        width=None if sys.stdout.isatty() else UNLIMITED,
        highlight=False,
        markup=False,
        emoji=False,
    )


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


def sandbox_line(level: str, reason: str) -> str:
    """The level of the sandbox, and why it is none better."""
    return f"Sandbox: {level}" + (f" ({sanitize.line(reason)})" if reason else "")


def summary(results: Sequence[Result]) -> RenderableType:
    """How many submissions there are of each verdict."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, count in Counter(result.verdict for result in results).most_common():
        share = f"{100 * count / len(results):.0f} %"
        table.add_row(Text(name, style=verdict_style(name)), Text(str(count), justify="right"), share)
    table.add_row(Text("all", style="bold"), Text(str(len(results)), justify="right"), "")
    return table


def details(result: Result, exercise: Exercise, level: str) -> RenderableType:
    """One result in full, at a feedback level."""
    parts: list[RenderableType] = [
        Text(sanitize.line(result.file), style="bold"),
        Text(verdict(result), style=f"bold {verdict_style(result.verdict)}"),
        Text(f"\n{sanitize.line(result.summary)}"),
    ]
    for paragraph in feedback(result, exercise, level):
        lines = "\n".join(map(sanitize.line, paragraph.text.split("\n")))
        parts.append(Text(f"\n{lines}", style=PARAGRAPH_STYLES.get(paragraph.kind, "")))
    for comparison in result.comparisons if level != "verdict" else ():
        parts.append(Text(f"\n{sanitize.line(comparison.sentence)}"))
        parts += [] if heat_maps.is_right(comparison) else [HeatMaps(comparison)]
    parts += [Text(f"\nNote: {sanitize.line(remark.message)}", style="dim") for remark in result.remarks]
    if result.checks:
        parts += [Text(), Checks(result.checks, result.summary)]
    return Group(*parts)


@dataclass(frozen=True)
class HeatMaps:
    """The heat maps of a comparison: in colours if the terminal has enough, else in blocks, or in ASCII."""

    comparison: Comparison

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        coloured = console.color_system in ("256", "truecolor") and not console.no_color
        width = options.max_width if options.max_width < UNLIMITED else heat_maps.WIDTH
        for row in heat_maps.rows(self.comparison, width, coloured=coloured):
            line = Text(no_wrap=True, overflow="ignore")
            for text, colour in row:
                text = text.translate(ASCII) if options.ascii_only else text
                style = Style(color=_rgb(heat_maps.ink(colour)), bgcolor=_rgb(colour)) if colour else None
                line.append(text, style)
            yield line


def _rgb(colour: heat_maps.Colour) -> Color:
    return Color.from_rgb(*colour)


@dataclass(frozen=True)
class Checks:
    """Each check with its status; messages that are in the result's summary are not said again."""

    checks: Sequence[CheckResult]
    summary: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(len(status) for status in STATUS_STYLES) + 2
        for check in self.checks:
            text = Text(sanitize.line(check.sentence))
            if check.message and check.message[1:] not in self.summary:  # its first letter may be a capital there
                text.append(f"\n{sanitize.line(check.message)}", style="dim")
            label = Text(f"{check.status:<{width}}", style=STATUS_STYLES[check.status])
            for part in text.wrap(console, max(1, options.max_width - width)):
                yield label + part
                label = Text(" " * width)
