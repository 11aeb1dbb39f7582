"""grades.csv: one line for each submission."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from checker import durable
from checker.harmless import spreadsheet_cell
from checker.result import Result

COLUMNS = ("submission", "student", "file", "verdict", "score", "mistakes", "summary", "remarks")


def write_grades(path: Path, results: Sequence[Result]) -> None:
    """Write the table. A submission that could not be graded has no score, which is not a zero.

    Raises `durable.CannotWriteError`.
    """
    durable.write(path, map(_line, [COLUMNS, *map(_row, results)]))


def _row(result: Result) -> Sequence[str]:
    return (
        result.submission,
        result.student,
        result.file,
        result.verdict,
        "" if result.score is None else str(result.score),
        " ".join(mistake.id for mistake in result.mistakes),
        result.summary,
        " ".join(remark.id for remark in result.remarks),
    )


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(map(spreadsheet_cell, cells))
    return text.getvalue()
