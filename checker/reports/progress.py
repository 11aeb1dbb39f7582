"""How far a batch has come: a bar in a terminal, a line for each result wherever it is written."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich import progress
from rich.console import Console, RenderableType
from rich.text import Text

from checker.exercises.model import Exercise
from checker.reports import terminal
from checker.result import Result

LONGEST_NAME = 30


class Progress(progress.Progress):
    """A line for each result; in a terminal also a bar, the rate, the time that is left, and the count of each verdict.

    A context manager. `keep` says which results are there from before, `add` takes each new one.
    """

    def __init__(self, console: Console, exercise: Exercise, students: Sequence[str], *, hidden: bool = False) -> None:
        self._exercise, self._hidden = exercise, hidden
        self._name_width = min(LONGEST_NAME, max(map(len, students)))
        self._verdicts: Counter[str] = Counter()
        columns = (
            progress.SpinnerColumn(),
            progress.BarColumn(bar_width=None),
            progress.MofNCompleteColumn(),
            _Rate(),
            progress.TimeRemainingColumn(compact=True),
        )
        disable = hidden or not console.is_terminal
        super().__init__(*columns, console=console, transient=True, disable=disable, expand=True)
        self._total = len(students)
        self._task = self.add_task("", total=self._total)

    def reuse(self, results: Sequence[Result]) -> None:
        self._verdicts.update(result.verdict for result in results)
        self.reset(self._task, total=self._total - len(results))
        if results and not self._hidden:
            text = f"{len(results)} of {self._total} were graded before and are kept; --force grades them again."
            self.console.print(text, style="dim", soft_wrap=True)

    def add(self, result: Result) -> None:
        self._verdicts[result.verdict] += 1
        if not self._hidden:
            # In a terminal one line each; in a file or a pipe nothing is cut off.
            whole = not self.console.is_terminal
            line = terminal.line(result, self._exercise, self._name_width)
            self.console.print(line, no_wrap=True, overflow="ignore" if whole else "ellipsis", crop=not whole)
        self.advance(self._task)

    def stop(self) -> None:
        """Remove the bar; where there is none, older versions of rich would print an empty line."""
        if not self.disable:
            super().stop()

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, and below it the counts, most frequent first: `12 correct  3 wrong`."""
        yield from super().get_renderables()
        counts = ((f"  {n} {verdict}", terminal.verdict_style(verdict)) for verdict, n in self._verdicts.most_common())
        yield Text.assemble(*counts)


class _Rate(progress.ProgressColumn):
    def render(self, task: progress.Task) -> Text:
        return progress.TaskProgressColumn.render_speed(task.speed)
