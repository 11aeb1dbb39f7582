"""Many submissions: the pipeline for one, and the workers that run it for all."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import platform
import secrets
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from checker import exercises
from checker.execution.launcher import KernelStartError
from checker.execution.launchers import choose_launcher
from checker.execution.run import Limits, Question, Stopper, observe
from checker.execution.sandbox.levels import ENOUGH_FOR_STRANGERS, Choice, choose
from checker.exercise import Exercise
from checker.intake import CannotOpenError
from checker.judge import is_right, judge
from checker.notebook import Notebook, UnreadableError, parse
from checker.reports.grades_csv import write_grades
from checker.result import Result, Verdict, to_json
from checker.score import Scale
from checker.submission import Submission, find


@dataclass(frozen=True)
class Settings:
    """How to grade. Without a seed each submission gets one of its own, which its result states.

    `sandbox` is `auto` (the best level that this machine offers), `off`, `require` or `require=LEVEL`; `launcher` is
    `auto`, `fork` or `spawn`.
    """

    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    workers: int = 1
    scale: Scale = field(default_factory=Scale)
    sandbox: str = "auto"
    launcher: str = "auto"

    def choice(self) -> Choice:
        """The level of the sandbox. Raises `SandboxUnavailableError`."""
        return choose(self.sandbox)


def grade_one(
    submission: Submission, exercise: Exercise, settings: Settings | None = None, stopper: Stopper | None = None
) -> tuple[Result, str]:
    """Grade one submission; also returns the executed notebook as Jupyter's JSON ("" if nothing ran).

    Never raises for what a student handed in, nor for a fault of ours, which is `not graded`; only when the sandbox
    that is asked for does not start here at all: `SandboxUnavailableError`.
    """
    settings = settings or Settings()
    settings.choice()
    data = b""
    try:
        data = submission.read()
        notebook = parse(data, script=submission.is_script)
        return grade_notebook(notebook, exercise, settings, submission=submission, data=data, stopper=stopper)
    except UnreadableError as error:
        return _ungraded(submission, exercise, data, settings, "unreadable", f"{submission.file}: {error}."), ""
    except (CannotOpenError, KernelStartError) as error:
        reason = f"{submission.file}: {error.args[-1]}."
        return _ungraded(submission, exercise, data, settings, "not graded", reason), ""
    except Exception as error:  # a bug of ours must cost neither the student a point nor the class its grades
        text = f"{submission.file}: the checker itself failed ({type(error).__name__}: {error}); please report it."
        return _ungraded(submission, exercise, data, settings, "not graded", text), ""


NO_SUBMISSION = Submission("notebook", "", "", bytes)


def grade_notebook(
    notebook: Notebook,
    exercise: Exercise,
    settings: Settings | None = None,
    *,
    submission: Submission = NO_SUBMISSION,
    data: bytes = b"",
    stopper: Stopper | None = None,
) -> tuple[Result, str]:
    """Run and judge a notebook; also returns it as it ran. Raises `KernelStartError`."""
    settings = settings or Settings()
    seed = secrets.randbits(32) if settings.seed is None else settings.seed
    cases = exercise.draw(seed)
    names = (exercise.answer, *cases.notebook.rebind)
    question = Question(
        tuple(dict.fromkeys(names)),
        exercise.function,
        (*cases.all, *cases.unused.values()),
        more=(cases.black_box,) if cases.black_box else (),
        traced=cases.traced,
        doubt=lambda observation: not is_right(exercise, cases, observation),
    )
    sandbox = settings.choice()
    observation = observe(
        notebook, question, settings.limits, stopper, sandbox.level, choose_launcher(settings.launcher)
    )
    judgement = judge(exercise, cases, notebook.code, observation, settings.scale)
    result = Result(
        submission=submission.id,
        student=submission.student,
        file=submission.file,
        sha256=hashlib.sha256(data).hexdigest(),
        exercise=exercise.id,
        verdict=judgement.verdict,
        score=judgement.score,
        summary=judgement.summary,
        checks=judgement.checks,
        mistakes=judgement.mistakes,
        alternatives=judgement.alternatives,
        right_so_far=judgement.right_so_far,
        remarks=judgement.remarks,
        timings=observation.seconds,
        seed=seed,
        sandbox=sandbox.level,
        sandbox_reason=sandbox.reason,
        versions=versions(),
    )
    return result, observation.executed


def _ungraded(
    submission: Submission, exercise: Exercise, data: bytes, settings: Settings, verdict: Verdict, summary: str
) -> Result:
    sandbox = settings.choice()
    return Result(
        submission=submission.id,
        student=submission.student,
        file=submission.file,
        sha256=hashlib.sha256(data).hexdigest() if data else "",
        exercise=exercise.id,
        verdict=verdict,
        score=None if verdict == "not graded" else 0,
        summary=summary,
        sandbox=sandbox.level,
        sandbox_reason=sandbox.reason,
        versions=versions(),
    )


def grade(
    *paths: str | Path,
    out: str | Path | None = None,
    exercise: str = exercises.DEFAULT,
    settings: Settings | None = None,
) -> list[Result]:
    """Grade files, folders, globs and .zip archives: one `Result` for each student, ordered by submission id.

    With `out`, the folder gets `results.jsonl` and `grades.csv`. Raises `FileNotFoundError` when a path leads to
    nothing, `UnknownExerciseError` for an unknown exercise, `SandboxUnavailableError` when the sandbox that was asked
    for does not start, or when none was asked for and the best is not good enough for strangers' notebooks.
    """
    asked = exercises.load(exercise)
    found = find(paths, asked)
    if found.problems:
        raise FileNotFoundError("; ".join(found.problems))
    settings = settings or Settings()
    choose(settings.sandbox, least=ENOUGH_FOR_STRANGERS)
    return grade_into(found.submissions, asked, settings, Path(out) if out else None)


def grade_into(
    submissions: Sequence[Submission],
    exercise: Exercise,
    settings: Settings,
    out: Path | None,
    *,
    keep_executed: bool = False,
    report: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Grade submissions into a folder; `report` is called with each result as it comes.

    Each result is on the disk before the next is reported, and an interrupt leaves the folder consistent.
    """
    results: list[Result] = []
    with contextlib.ExitStack() as stack:
        journal = None
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            journal = stack.enter_context((out / "results.jsonl").open("w", encoding="utf-8"))
            stack.callback(lambda: write_grades(out / "grades.csv", _ordered(results)))
        for result, executed in stack.enter_context(contextlib.closing(grade_all(submissions, exercise, settings))):
            results.append(result)
            if journal is not None:
                journal.write(to_json(result) + "\n")
                journal.flush()
            if out is not None and keep_executed and executed:
                (out / "executed").mkdir(exist_ok=True)
                (out / "executed" / f"{result.submission}.ipynb").write_text(
                    executed, encoding="utf-8", errors="replace"
                )
            report(result)
    return _ordered(results)


def _ordered(results: list[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.submission)


def grade_all(
    submissions: Sequence[Submission], exercise: Exercise, settings: Settings
) -> Generator[tuple[Result, str]]:
    """Grade every submission and yield each result as soon as it is there, in the order of finishing.

    Closing the generator (as Ctrl-C does) starts nothing new and stops what runs, kernels included.
    """
    waiting, stopper = iter(submissions), Stopper()
    running: set[Future[tuple[Result, str]]] = set()
    with ThreadPoolExecutor(max_workers=settings.workers) as pool:
        try:
            while True:
                while len(running) < settings.workers and (submission := next(waiting, None)) is not None:
                    running.add(pool.submit(grade_one, submission, exercise, settings, stopper))
                if not running:
                    return
                # Waking up now and then lets Ctrl-C through: a signal that arrives just before the main thread
                # goes to sleep on a lock would otherwise be looked at only when the lock is free.
                done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            stopper.stop()


@functools.cache
def versions() -> dict[str, str]:
    """The versions that a grade may depend on."""
    packages = ("numpy", "nbclient", "ipykernel")
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}
