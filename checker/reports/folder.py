"""All reports of a folder of results: what `checker grade` writes at its end, and `checker report` at any time.

Whatever is derived from results and written into their folder is written by `write_reports`.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checker import exercises, files
from checker.exercises import UnknownExerciseError
from checker.exercises.model import Exercise
from checker.result import RESULTS, Result, Superseded, read_results


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
    from checker.reports.feedback_pages import write_feedback_pages
    from checker.reports.gradebook import PLATFORMS
    from checker.reports.grades_csv import grades, table
    from checker.reports.gradescope import write_gradescope
    from checker.reports.junit import junit

    level = options.feedback
    files.write(out / "grades.csv", table(grades(results)))
    files.write(out / "index.html", (class_page(results, exercise, options.superseded, options.problems),))
    write_feedback_pages(out / "feedback", results, exercise, level)
    for platform in options.gradebooks:
        rows = PLATFORMS[platform](results, exercise, level, options.assignment or exercise.title)
        files.write(out / f"gradebook-{platform}.csv", table(rows))
    if options.junit is not None:
        files.write(options.junit, (junit(results, exercise, level),))
    if options.gradescope is not None:
        write_gradescope(options.gradescope, results, exercise, level)


def rebuild(out: Path, options: ReportOptions = PLAIN) -> list[Result]:
    """Write every report of a folder again from its `results.jsonl`; nothing is executed. Returns the results.

    Raises `NoResultsError`, `files.FolderInUseError`, `files.CannotWriteError`.
    """
    _refuse_without_results(out)
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


def _refuse_without_results(out: Path) -> None:
    try:
        is_folder = stat.S_ISDIR(out.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a name that no file can have
        raise NoResultsError(f"{out}: there is no such file or folder") from None
    except OSError as error:
        raise NoResultsError(f"{out}: it could not be opened: {error.strerror}") from None
    if not is_folder:
        raise NoResultsError(f"{out}: is a file, not a folder")
    if not os.path.isfile(out / RESULTS):  # noqa: PTH113  # which raises nothing, whoever may look in there
        raise NoResultsError(f"{out}: there is no {RESULTS} in it; `checker grade` with --out writes one")
