"""grades.csv: one line for each submission."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from checker.harmless import spreadsheet_cell
from checker.result import Result

COLUMNS = ("submission", "student", "file", "verdict", "score", "mistakes", "summary", "remarks")


def write_grades(path: Path, results: Sequence[Result]) -> None:
    """Write the table. A submission that could not be graded has no score, which is not a zero."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for result in results:
            row = (
                result.submission,
                result.student,
                result.file,
                result.verdict,
                "" if result.score is None else str(result.score),
                " ".join(mistake.id for mistake in result.mistakes),
                result.summary,
                " ".join(remark.id for remark in result.remarks),
            )
            table.writerow(map(spreadsheet_cell, row))
