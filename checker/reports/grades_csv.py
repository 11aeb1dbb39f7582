"""grades.csv: one line for each submission, for people with a spreadsheet and for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from checker import files
from checker.result import Result
from checker.sanitize import spreadsheet_cell

COLUMNS = ("submission", "student", "file", "verdict", "score", "mistakes", "summary", "remarks")
LONGEST_CELL = 20_000  # characters; Excel takes 32,767

# Without it Excel takes UTF-8 for the letters of the country it was bought in.
_BYTE_ORDER_MARK = "\ufeff"


def write_grades(path: Path, results: Sequence[Result]) -> None:
    """Write the table. A submission that could not be graded has no score, which is not a zero.

    Raises `files.CannotWriteError`.
    """
    files.write(path, table([COLUMNS, *map(_row, results)]))


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


def _row(result: Result) -> Sequence[str]:
    return (
        result.submission,
        result.student,
        result.file,
        result.verdict,
        result.points,
        " ".join(mistake.id for mistake in result.mistakes),
        result.summary,
        " ".join(remark.id for remark in result.remarks),
    )
