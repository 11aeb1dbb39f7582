"""Grading into a folder, so that the same command goes on wherever the last one was cut off."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from checker import exercises, files
from checker.batch import journal
from checker.batch.settings import Settings
from checker.batch.workers import Graded, grade_all
from checker.exercises.model import Exercise
from checker.reports.folder import PLAIN, ReportOptions, write_reports
from checker.result import RESULTS, Result, read_results, to_json
from checker.sandbox.levels import ENOUGH_FOR_UNTRUSTED, choose
from checker.submissions.find import Submission, find


class Grader(Protocol):
    """Grades many, on this machine (`workers.grade_all`) or elsewhere."""

    def __call__(
        self, submissions: Sequence[Submission], exercise: Exercise, settings: Settings, *, keep_executed: bool = False
    ) -> Generator[Graded]: ...


def grade(
    *paths: str | Path,
    out: str | Path | None = None,
    exercise: str = exercises.DEFAULT,
    settings: Settings | None = None,
    force: bool = False,
) -> list[Result]:
    """Grade files, folders, globs and .zip archives: one `Result` for each student, ordered by submission id.

    With `out`, the folder gets `results.jsonl` and the reports, and what is graded there already is not graded again,
    unless `force` asks for it. Raises `FileNotFoundError` when a path leads to nothing or to a folder that cannot be
    opened, `UnknownExerciseError` for an unknown exercise, `SandboxUnavailableError` when the sandbox that was asked
    for does not start, or when none was asked for and the best is not good enough for untrusted notebooks; and what
    `grade_into` raises.
    """
    asked = exercises.load(exercise)
    found = find(paths, asked)
    if found.problems:
        raise FileNotFoundError("; ".join(found.problems))
    settings = settings or Settings()
    choose(settings.sandbox, least=ENOUGH_FOR_UNTRUSTED)
    return grade_into(found.submissions, asked, settings, Path(out) if out else None, force=force)


def grade_into(
    submissions: Sequence[Submission],
    exercise: Exercise,
    settings: Settings,
    out: Path | None,
    *,
    keep_executed: bool = False,
    force: bool = False,
    reports: ReportOptions = PLAIN,
    kept: Callable[[Sequence[Result]], None] = lambda results: None,
    report: Callable[[Result], None] = lambda result: None,
    grader: Grader = grade_all,
) -> list[Result]:
    """Grade submissions into a folder, but for those whose results are there and still good.

    `kept` is called once, with the latter; `report` with each new result as it comes. By then it is on the disk. At the
    end, and also when interrupted, `results.jsonl` and the `reports` that are wanted hold just the results of these
    submissions that there are. Raises `files.FolderInUseError` and `files.CannotWriteError`.
    """
    results: list[Result] = []
    seen: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        keep: Callable[[Result, str], None] = _nowhere
        if out is not None:
            files.make_folder(out)
            stack.enter_context(files.locked(out))
            if force:
                files.write(out / RESULTS, ())
            good = journal.reusable_results(read_results(out / RESULTS), submissions, exercise, settings)
            if keep_executed:
                good = {id: result for id, result in good.items() if _has_executed(out, result)}
            results += [_sharing(result, seen) for result in good.values()]
            submissions = [submission for submission in submissions if submission.id not in good]
            stack.callback(_write_all, out, results, exercise, reports)
            keep = stack.enter_context(_keeping(out))
        kept(tuple(results))
        graded = grader(submissions, exercise, settings, keep_executed=keep_executed)
        for result, executed in stack.enter_context(contextlib.closing(graded)):
            keep(result, executed)
            results.append(_sharing(result, seen))
            report(result)
    return _ordered(results)


def _sharing(result: Result, seen: dict[str, Any]) -> Result:
    """The same, made of parts of earlier results: ten thousand have few different ones, and a quarter of the size."""
    parts = {name: getattr(result, name) for name in ("checks", "remarks", "settings", "versions", "sandbox_reason")}
    return replace(result, **{name: seen.setdefault(repr(part), part) for name, part in parts.items()})


def _nowhere(result: Result, executed: str) -> None:
    pass


@contextlib.contextmanager
def _keeping(out: Path) -> Iterator[Callable[[Result, str], None]]:
    with files.appending(out / RESULTS) as append:

        def keep(result: Result, executed: str) -> None:
            if executed:  # first, so that whatever is in the journal has its notebook
                (out / "executed").mkdir(exist_ok=True)
                files.write(_executed(out, result), (executed,))
            append(to_json(result))

        yield keep


def _executed(out: Path, result: Result) -> Path:
    return out / "executed" / f"{result.submission}.ipynb"


def _has_executed(out: Path, result: Result) -> bool:
    return result.verdict == "unreadable" or _executed(out, result).is_file()


def _write_all(out: Path, results: Iterable[Result], exercise: Exercise, reports: ReportOptions) -> None:
    ordered = _ordered(results)
    files.write(out / RESULTS, (to_json(result) + "\n" for result in ordered))
    write_reports(out, ordered, exercise, reports)


def _ordered(results: Iterable[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.submission)
