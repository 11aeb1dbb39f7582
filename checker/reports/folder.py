"""All reports of a folder of results: what `checker grade` writes at its end, and `checker report` again at any time.

Whatever is derived from results and written into their folder is written by `write_reports`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checker import exercises, files
from checker.exercises import UnknownExerciseError
from checker.result import RESULTS, Result, read_results
from checker.submissions.archives import CannotOpenError, is_folder

if TYPE_CHECKING:
    from checker.exercises.model import Exercise
    from checker.result import Superseded


class NoResultsError(RuntimeError):
    """A folder holds no results to report on; the message is a sentence."""


@dataclass(frozen=True)
class ReportOptions:
    """What a teacher may choose of reports, and what only the command knows that found the submissions.

    `feedback` is how much the feedback pages say; `superseded` the files that did not count, and `problems` sentences
    about paths in which nothing, or not everything, was found. `gradebooks` names the learning platforms that get a
    table, and `assignment` what the assignment is called there ("": the exercise's title); `junit` and `gradescope`
    are where those go.
    """

    feedback: str = "hint"
    gradebooks: tuple[str, ...] = ()
    assignment: str = ""
    junit: Path | None = None
    gradescope: Path | None = None
    superseded: tuple[Superseded, ...] = ()
    problems: tuple[str, ...] = ()


PLAIN = ReportOptions()


def write_reports(out: Path, results: Sequence[Result], exercise: Exercise, options: ReportOptions = PLAIN) -> None:
    """Write every report of these results, which are ordered by submission. Raises `files.CannotWriteError`."""
    # Imported here: worker processes import this module on their way, and write no reports.
    from checker.reports.class_page import class_page
    from checker.reports.feedback_folder import write_feedback_pages
    from checker.reports.gradebook import write_gradebook
    from checker.reports.grades_csv import write_grades
    from checker.reports.gradescope import write_gradescope
    from checker.reports.junit import write_junit

    write_grades(out / "grades.csv", results)
    files.write(out / "index.html", (class_page(results, exercise, options),))
    write_feedback_pages(out / "feedback", results, exercise, options.feedback)
    for platform in options.gradebooks:
        name = options.assignment or exercise.title
        write_gradebook(out / f"gradebook-{platform}.csv", platform, results, exercise, options.feedback, name)
    if options.junit is not None:
        write_junit(options.junit, results, exercise, options.feedback)
    if options.gradescope is not None:
        write_gradescope(options.gradescope, results, exercise, options.feedback)


def rebuild(out: Path, options: ReportOptions = PLAIN) -> list[Result]:
    """Write every report of a folder anew from its `results.jsonl`; nothing is executed. Returns the results.

    Raises `NoResultsError`, `files.FolderInUseError`, `files.CannotWriteError`.
    """
    try:
        if not is_folder(out):
            raise NoResultsError(f"{out}: is a file, not a folder")
    except CannotOpenError as error:
        raise NoResultsError(f"{out}: {error.args[-1]}") from None
    if not os.path.isfile(out / RESULTS):  # noqa: PTH113  # which raises nothing, whoever may look in there
        raise NoResultsError(f"{out}: there is no {RESULTS} in it; `checker grade` with --out writes one")
    with files.locked(out):
        latest = {result.submission: result for result in read_results(out / RESULTS)}
        results = [latest[submission] for submission in sorted(latest)]
        names = {result.exercise for result in results}
        if len(names) != 1:
            what = "no results" if not names else f"results of several exercises ({', '.join(sorted(names))})"
            raise NoResultsError(f"{out / RESULTS}: it holds {what}")
        try:
            exercise = exercises.load(names.pop())
        except UnknownExerciseError as error:
            raise NoResultsError(f"{out / RESULTS}: {error}") from None
        write_reports(out, results, exercise, options)
    return results
