"""grades.csv: one line for each submission, for people with a spreadsheet and for programs."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence

from checker.result import Result
from checker.sanitize import spreadsheet_cell

# A submission that could not be graded has no score, which is not a zero.
COLUMNS: dict[str, Callable[[Result], str]] = {
    "submission": lambda result: result.submission,
    "student": lambda result: result.student,
    "file": lambda result: result.file,
    "verdict": lambda result: result.verdict,
    "score": lambda result: result.points,
    "mistakes": lambda result: " ".join(mistake.id for mistake in result.mistakes),
    "summary": lambda result: result.summary,
    "remarks": lambda result: " ".join(remark.id for remark in result.remarks),
}
LONGEST_CELL = 20_000  # characters; Excel takes 32,767

# Without it Excel takes UTF-8 for the letters of the country it was bought in.
_BYTE_ORDER_MARK = "\ufeff"


def grades(results: Iterable[Result]) -> Iterator[Sequence[str]]:
    """The rows of the table, headings first."""
    yield tuple(COLUMNS)
    for result in results:
        yield [cell(result) for cell in COLUMNS.values()]


def table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    r"""The parts of a file that Excel, LibreOffice and learning platforms open as it is: UTF-8, with no formula in it.

    >>> list(table([("student", "score"), ("Ada; =1", "100")]))
    ['\ufeff', 'student,score\r\n', "Ada;' =1,100\r\n"]
    """
    yield _BYTE_ORDER_MARK
    for row in rows:
        text = io.StringIO()
        csv.writer(text).writerow(spreadsheet_cell(cell, LONGEST_CELL) for cell in row)
        yield text.getvalue()
