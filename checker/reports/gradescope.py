"""results.json, which Gradescope shows: https://gradescope-autograders.readthedocs.io/en/latest/specs/

A score that is missing is an error there, which the student is told to report and the instructor sees. So there is no
file for what could not be graded through no fault of the student: any score, a zero too, would be a grade.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from checker import files
from checker.exercises.model import Exercise
from checker.reports.feedback import as_text
from checker.result import Result


def why_not(path: Path, submissions: int) -> str | None:
    """Why so many submissions cannot be written there, or None.

    >>> why_not(Path("results.json"), 1), why_not(Path("results"), 30)
    (None, None)
    """
    if submissions < 2 or not _is_one_file(path):
        return None
    return f"{path} is for one submission, and there are {submissions}; name a folder"


def _is_one_file(path: Path) -> bool:
    return path.suffix == ".json"


def write_gradescope(path: Path, results: Sequence[Result], exercise: Exercise, level: str) -> None:
    """Write the file of the only result, or a folder with one for each. Raises `files.CannotWriteError`."""
    if why := why_not(path, len(results)):
        raise files.CannotWriteError(why)
    for result in results:
        file = path if _is_one_file(path) else path / f"{result.submission}.json"
        if result.score is None:
            files.remove(file)
        else:
            files.write(file, (json.dumps(results_json(result, exercise, level), indent=2),))


def write_nothing_handed_in(path: Path, why: str) -> None:
    """Write the file for a student who handed in something else than a notebook. Raises `files.CannotWriteError`."""
    if _is_one_file(path):
        content = {"score": 0, "output": f"{why}. Hand in your notebook.", "output_format": "text"}
        files.write(path, (json.dumps(content, indent=2),))


def results_json(result: Result, exercise: Exercise, level: str) -> dict[str, Any]:
    """The content of the file: the points with the feedback, and each check that was made."""
    tests = [
        _test(exercise.title, result.correct) | {"score": result.score, "max_score": 100, "tags": [result.verdict]},
        *(
            _test(check.sentence, check.status == "passed", check.message)
            for check in result.checks
            if check.status != "skipped"
        ),
    ]
    return {
        "score": result.score,
        "execution_time": round(result.timings.get("total", 0)),
        "output": as_text(result, exercise, level),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [test | {"number": str(number)} for number, test in enumerate(tests, 1)],
        "extra_data": {
            "file": result.file,
            "sha256": result.sha256,
            "verdict": result.verdict,
            "mistakes": [finding.id for finding in result.mistakes],
            "seed": result.seed,
            "sandbox": result.sandbox,
            "versions": dict(result.versions),
        },
    }


def _test(name: str, passed: bool, output: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "name_format": "text",
        "status": "passed" if passed else "failed",
        "output": output,
        "output_format": "text",
        "visibility": "visible",
    }
