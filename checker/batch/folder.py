"""Grading into a folder, where `results.jsonl` is a journal: the same command resumes after any interruption."""

import contextlib
import hashlib
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

from checker import __version__, exercises, files
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

    The folder `out` gets `results.jsonl` and the reports; what is graded there already is graded again only with
    `force`. Raises `FileNotFoundError` when a path leads to nothing or to a folder that cannot be opened,
    `UnknownExerciseError`, `SandboxUnavailableError` when the sandbox does not start, or `auto` finds none that is
    good enough for untrusted notebooks; and what `grade_into` raises.
    """
    loaded = exercises.load(exercise)
    found = find(paths, loaded)
    if found.problems:
        raise FileNotFoundError("; ".join(found.problems))
    settings = settings or Settings()
    choose(settings.sandbox, least=ENOUGH_FOR_UNTRUSTED)
    return grade_into(found.submissions, loaded, settings, Path(out) if out else None, force=force)


def grade_into(
    submissions: Sequence[Submission],
    exercise: Exercise,
    settings: Settings,
    out: Path | None,
    *,
    keep_executed: bool = False,
    force: bool = False,
    reports: ReportOptions = PLAIN,
    on_reused: Callable[[Sequence[Result]], None] = lambda results: None,
    on_result: Callable[[Result], None] = lambda result: None,
    grader: Grader = grade_all,
) -> list[Result]:
    """Grade those submissions into a folder that have no reusable result there.

    `on_reused` is called once, with the reusable results; `on_result` with each new one, when it is on the disk. At
    the end, also of an interruption, `results.jsonl` and the `reports` hold the results of these submissions, as far
    as there are any. Raises `files.FolderInUseError` and `files.CannotWriteError`.
    """
    results: list[Result] = []
    pool: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        if out is not None:
            files.make_folder(out)
            stack.enter_context(files.locked(out))
            if force:
                files.write(out / RESULTS, ())
            reusable = reusable_results(read_results(out / RESULTS), submissions, exercise, settings)
            if keep_executed:
                reusable = {id: result for id, result in reusable.items() if _has_executed(out, result)}
            results += [_interned(result, pool) for result in reusable.values()]
            submissions = [submission for submission in submissions if submission.id not in reusable]
            stack.callback(_write_all, out, results, exercise, reports)
            append = stack.enter_context(files.appending(out / RESULTS))
        on_reused(tuple(results))
        graded = grader(submissions, exercise, settings, keep_executed=keep_executed)
        for result, executed in stack.enter_context(contextlib.closing(graded)):
            if out is not None:
                if executed:  # first, so that whatever is in the journal has its notebook
                    files.write(_executed(out, result), (executed,))
                append(to_json(result))
            results.append(_interned(result, pool))
            on_result(result)
    return sorted(results, key=attrgetter("submission"))


def reusable_results(
    results: Iterable[Result], submissions: Iterable[Submission], exercise: Exercise, settings: Settings
) -> dict[str, Result]:
    """The results, by submission, that grading again would only repeat.

    Submission, content, exercise, settings, seed (if one is set) and the checker's version are the same, and the
    verdict is not `not graded`.
    """
    stated = settings.stated()
    latest = {result.submission: result for result in results}
    reusable = {}
    for submission in submissions:
        result = latest.get(submission.id)
        if (
            result is not None
            and result.verdict != "not graded"
            and result.exercise == exercise.id
            and result.settings == stated
            and result.versions.get("checker") == __version__
            and (settings.seed is None or result.seed in (None, settings.seed))  # None: nothing of it ran
            and result.sha256
            and result.sha256 == _sha256(submission)
            and (result.verdict != "unreadable" or result.file == submission.file)  # whose summary names the file
        ):
            names = ("student", "file", "platform", "student_id")
            reusable[submission.id] = replace(result, **{name: getattr(submission, name) for name in names})
    return reusable


def _sha256(submission: Submission) -> str:
    try:
        return hashlib.sha256(submission.read()).hexdigest()
    except Exception:  # grading says what
        return ""


def _interned(result: Result, pool: dict[str, Any]) -> Result:
    """The result with equal parts shared: among ten thousand few differ, and they take a quarter of the memory."""
    parts = {name: getattr(result, name) for name in ("checks", "remarks", "settings", "versions", "sandbox_reason")}
    return replace(result, **{name: pool.setdefault(repr(part), part) for name, part in parts.items()})


def _executed(out: Path, result: Result) -> Path:
    return out / "executed" / f"{result.submission}.ipynb"


def _has_executed(out: Path, result: Result) -> bool:
    return result.verdict == "unreadable" or _executed(out, result).is_file()


def _write_all(out: Path, results: Iterable[Result], exercise: Exercise, reports: ReportOptions) -> None:
    ordered = sorted(results, key=attrgetter("submission"))
    files.write(out / RESULTS, (to_json(result) + "\n" for result in ordered))
    write_reports(out, ordered, exercise, reports)
