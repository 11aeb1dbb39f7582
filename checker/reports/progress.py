"""How far a batch has come: a bar in a terminal, a line for each result wherever it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from types import TracebackType

from rich import progress
from rich.console import Console, RenderableType
from rich.text import Text

from checker.exercises.model import Exercise
from checker.reports import terminal
from checker.result import Result
from checker.submissions.find import Submission

LONGEST_NAME = 30


class Progress:
    """A line for each result; in a terminal also a bar, the rate, the time that is left, and the count of each verdict.

    A context manager. `keep` says which results are there from before, `add` takes each new one.
    """

    def __init__(
        self, console: Console, exercise: Exercise, submissions: Sequence[Submission], *, hidden: bool = False
    ) -> None:
        self._console, self._exercise, self._hidden = console, exercise, hidden
        self._width = min(LONGEST_NAME, max(len(submission.student) for submission in submissions))
        self._total = len(submissions)
        self._counts: Counter[str] = Counter()
        self._bar = _Bar(self._counts, console, disabled=hidden or not console.is_terminal)
        self._task = self._bar.add_task("", total=self._total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def keep(self, results: Sequence[Result]) -> None:
        self._counts.update(result.verdict for result in results)
        self._bar.reset(self._task, total=self._total - len(results))
        if results and not self._hidden:
            text = f"{len(results)} of {self._total} were graded before and are kept; --force grades them again."
            self._console.print(text, style="dim", soft_wrap=True)

    def add(self, result: Result) -> None:
        self._counts[result.verdict] += 1
        if not self._hidden:
            line = terminal.line(result, self._exercise, self._width)
            # In a terminal one line each; in a file or a pipe nothing is cut off.
            if self._console.is_terminal:
                self._console.print(line, no_wrap=True, overflow="ellipsis")
            else:
                self._console.print(line, soft_wrap=True)
        self._bar.advance(self._task)


class _Bar(progress.Progress):
    """rich's bar, and below it the counts."""

    def __init__(self, counts: Counter[str], console: Console, *, disabled: bool) -> None:
        self._counts = counts
        columns = (
            progress.SpinnerColumn(),
            progress.BarColumn(bar_width=None),
            progress.MofNCompleteColumn(),
            _Rate(),
            _TimeLeft(),
        )
        super().__init__(*columns, console=console, transient=True, disable=disabled, expand=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield _counts(self._counts)


def _counts(counts: Counter[str]) -> Text:
    """`12 correct  3 wrong`, most frequent first."""
    shown = Text("  ")
    for verdict, count in counts.most_common():
        shown.append(f"{count} {verdict}  ", style=terminal.verdict_style(verdict))
    return shown


class _Rate(progress.ProgressColumn):
    def render(self, task: progress.Task) -> Text:
        return Text(f"{rate(task.completed, task.elapsed):>7} ", style="dim")


class _TimeLeft(progress.ProgressColumn):
    def render(self, task: progress.Task) -> Text:
        return Text(time_left(task.remaining, task.completed, task.elapsed), style="dim")


def rate(done: float, seconds: float | None) -> str:
    """How many a second, or a minute where that says more.

    >>> rate(84, 7), rate(3, 10), rate(0, 5)
    ('12.0/s', '18/min', '')
    """
    if not done or not seconds:
        return ""
    each_second = done / seconds
    return f"{each_second:.1f}/s" if each_second >= 1 else f"{60 * each_second:.0f}/min"


def time_left(remaining: float | None, done: float, seconds: float | None) -> str:
    """About how long it will take.

    >>> time_left(120, 84, 7), time_left(500, 10, 60), time_left(9000, 10, 10), time_left(5, 0, 1)
    ('10 s left', '50 min left', '2.5 h left', '')
    """
    if not done or not seconds or remaining is None:
        return ""
    left = remaining * seconds / done
    if left < 100:
        return f"{left:.0f} s left"
    return f"{left / 60:.0f} min left" if left < 6000 else f"{left / 3600:.1f} h left"
