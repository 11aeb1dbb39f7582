"""What each verb of the command line does; `cli` has the options and the help."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker import files, sanitize
from checker.exercises import UnknownExerciseError, load
from checker.reports.folder import NoResultsError, ReportOptions, rebuild
from checker.result import Result, to_dict
from checker.sandbox.levels import ENOUGH_FOR_UNTRUSTED, Sandbox, SandboxUnavailableError, choose
from checker.submissions.archives import CannotOpenError, is_folder, read_file

if TYPE_CHECKING:
    from checker.batch.folder import Grader
    from checker.batch.settings import Settings
    from checker.exercises.model import Exercise
    from checker.kernel.options import Limits
    from checker.submissions.find import Found

ALL_CORRECT, NOT_CORRECT, USAGE, NOT_GRADED, NO_SANDBOX, INTERRUPTED = 0, 1, 2, 3, 4, 130


class UsageError(Exception):
    """The command line asks for something that cannot be done; the message is a sentence."""


def exit_code_for(error: BaseException) -> int:
    """Print the sentence of an error that ended a command, and return its exit code. Raises what is a bug again."""
    from checker.batch.cluster import ClusterLostError  # imports more than most commands need

    codes: dict[type[BaseException], int] = {
        UsageError: USAGE,
        UnknownExerciseError: USAGE,
        NoResultsError: USAGE,
        files.FolderInUseError: USAGE,
        files.CannotWriteError: NOT_GRADED,
        ClusterLostError: NOT_GRADED,
        SandboxUnavailableError: NO_SANDBOX,
        KeyboardInterrupt: INTERRUPTED,
    }
    if type(error) not in codes:
        raise error
    _print_error("; ".join([str(error) or "interrupted", *getattr(error, "__notes__", ())]))
    return codes[type(error)]


def check(options: argparse.Namespace) -> int:
    """Grade one notebook and explain the result."""
    early = _start_early(options)
    from checker.batch.grade import grade_one
    from checker.reports import terminal
    from checker.submissions.find import single

    exercise = load(options.exercise)
    try:
        if is_folder(options.file):
            raise UsageError(f"{options.file}: is a folder; use `checker grade`")
    except CannotOpenError as error:
        raise UsageError(f"{options.file}: {error.args[-1]}") from None
    settings = _settings(options, exercise)
    early.join()
    sandbox = _sandbox(options)
    result, _ = grade_one(single(options.file), exercise, settings)
    if options.json:
        _print_json(to_dict(result))
    else:
        console = terminal.stdout()
        console.print(terminal.details(result, exercise, options.feedback))
        console.print(f"\n{terminal.sandbox_line(sandbox.level, sandbox.reason)}", style="dim", soft_wrap=True)
    return _exit_code([result])


def grade(options: argparse.Namespace) -> int:
    """Grade the submissions of a class into a folder, and print a line for each as it finishes."""
    from checker.batch.cluster import ClusterLostError
    from checker.reports import gradescope, terminal
    from checker.submissions.find import find

    exercise = load(options.exercise)
    _make_folder(options.out)
    found = find(options.paths, exercise, options.student)
    for problem in found.problems:
        _print_error(problem)
    if not found.submissions:
        try:
            if options.gradescope is not None and found.complete:
                gradescope.write_nothing_handed_in(options.gradescope, "; ".join(found.problems))
        except files.CannotWriteError as error:
            _print_error(str(error))
        raise UsageError("nothing to grade")
    if options.gradescope is not None and (why := gradescope.why_not(options.gradescope, len(found.submissions))):
        raise UsageError(f"--gradescope: {why}, or say whose they are with --student")
    for other in found.superseded:
        _print_error(f"{other.file}: not graded, because {other.student} also handed in {other.counted}")

    try:
        results, sandbox = _grade_into_folder(options, exercise, found)
        _annotate_on_github(options, results, exercise)
    except files.FolderInUseError as error:
        error.add_note("wait until it has finished, or name another folder")
        raise
    except (files.CannotWriteError, ClusterLostError, KeyboardInterrupt) as error:
        error.add_note("what was graded is kept; run the same command again to resume")
        raise
    if options.json:
        content = {"sandbox": dataclasses.asdict(sandbox), "results": [*map(to_dict, results)]}
        content |= {"set_aside": [*map(dataclasses.asdict, found.superseded)], "problems": found.problems}
        _print_json(content)
    else:
        console = terminal.stdout()
        console.print()
        console.print(terminal.summary(results))
        console.print(f"\n{options.out / 'index.html'}\n{options.out / 'grades.csv'}", soft_wrap=True)
    return USAGE if found.problems else _exit_code(results)


def _grade_into_folder(options: argparse.Namespace, exercise: Exercise, found: Found) -> tuple[list[Result], Sandbox]:
    """All results, and the sandbox they were graded in. Shows the progress meanwhile."""
    from checker.batch.folder import grade_into
    from checker.reports import terminal
    from checker.reports.progress import Progress

    settings = _settings(options, exercise)
    quiet = options.quiet or options.json
    students = [submission.student for submission in found.submissions]
    console = terminal.stdout()
    with contextlib.ExitStack() as stack:
        grader, sandbox = _grader(options, settings, stack)
        if not quiet:
            console.print(terminal.sandbox_line(sandbox.level, sandbox.reason), soft_wrap=True)
        progress = stack.enter_context(Progress(console, exercise, students, hidden=quiet))
        results = grade_into(
            found.submissions,
            exercise,
            settings,
            options.out,
            keep_executed=options.executed,
            force=options.force,
            reports=_report_options(options, found),
            on_reused=progress.reuse,
            on_result=progress.add,
            grader=grader,
        )
    return results, sandbox


def report(options: argparse.Namespace) -> int:
    """Write the reports of a folder of results again; nothing is executed."""
    results = rebuild(options.folder, _report_options(options))
    _annotate_on_github(options, results, load(results[0].exercise))
    if options.json:
        _print_json({"results": [*map(to_dict, results)]})
    else:
        print(sanitize.line(f"{len(results)} results: {options.folder / 'index.html'}"))
    return ALL_CORRECT


def run(options: argparse.Namespace) -> int:
    """Execute notebooks; no answer is graded."""
    early = _start_early(options)
    from checker.grading.checks import error_of_run
    from checker.kernel.launch import KernelStartError
    from checker.kernel.options import choose_launcher
    from checker.kernel.run import observe
    from checker.submissions.notebook import UnreadableError, parse

    if options.out is not None:
        _make_folder(options.out)
    early.join()
    sandbox = _sandbox(options)
    limits, launcher = _limits(options), choose_launcher(options.launcher)
    reports: list[dict[str, Any]] = []
    code = ALL_CORRECT
    for path in options.notebooks:
        seconds = 0.0
        try:
            notebook = parse(read_file(path.resolve()), script=path.suffix == ".py")
            observation = observe(notebook, limits=limits, level=sandbox.level, launcher=launcher)
            failure, seconds = error_of_run(observation), observation.seconds["total"]
            if options.out is not None:
                file = options.out / path.with_suffix(".ipynb").name
                files.write(file, (observation.executed,), sync=False)
            code = max(code, NOT_CORRECT if failure else ALL_CORRECT)
        except (UnreadableError, CannotOpenError) as error:
            failure, code = str(error.args[-1]), max(code, USAGE)
        except (KernelStartError, files.CannotWriteError) as error:
            failure, code = str(error), NOT_GRADED
        shown, message = sanitize.line(str(path)), sanitize.text(failure or "")
        reports.append({"file": shown, "passed": failure is None, "seconds": seconds, "message": message})
        if not options.json:
            print(sanitize.log(sanitize.line(f"{shown}: {message or f'runs ({seconds:.1f} s)'}")), flush=True)
    if options.json:
        _print_json({"sandbox": dataclasses.asdict(sandbox), "notebooks": reports})
    return code


def exercises(options: argparse.Namespace) -> int:
    """List the exercises."""
    from checker.exercises import all_exercises

    if options.json:
        fields = ("id", "title", "notebook", "function", "answer")
        _print_json([{field: getattr(exercise, field) for field in fields} for exercise in all_exercises().values()])
        return ALL_CORRECT
    for exercise in all_exercises().values():
        print(f"{exercise.id}\n  {exercise.title} ({exercise.notebook})")
        print(f"  asks for {exercise.function} and {exercise.answer}")
    return ALL_CORRECT


def doctor(options: argparse.Namespace) -> int:
    """Show which sandbox this machine offers, and what is missing."""
    from checker.sandbox.doctor import examine, report

    found = examine()
    if options.json:
        _print_json(dataclasses.asdict(found) | {"enough_for_untrusted": found.enough_for_untrusted})
    else:
        _print_text(report(found))
    return ALL_CORRECT if found.enough_for_untrusted else NO_SANDBOX


def selftest(options: argparse.Namespace) -> int:
    """Test an exercise against its own mistakes, mutants and cheats."""
    from checker.batch.grade import grade_notebook
    from checker.grading.selftest import selftest, table
    from checker.submissions.notebook import Cell, Notebook

    exercise = load(options.exercise)

    def grade(cells: Sequence[str]) -> Result:
        return grade_notebook(Notebook(tuple(Cell("code", cell) for cell in cells)), exercise)[0]

    tested = selftest(exercise, grade)
    if options.json:
        _print_json(dataclasses.asdict(tested) | {"passed": tested.passed})
    else:
        _print_text(table(tested))
    return ALL_CORRECT if tested.passed else NOT_CORRECT


def _start_early(options: argparse.Namespace) -> threading.Thread:
    """Start the fork server and try the sandbox in another thread, while this one imports what it needs."""
    from checker.kernel import fork_server
    from checker.kernel.options import LAUNCHERS

    def start() -> None:
        with contextlib.suppress(Exception):  # it will happen again where it is reported
            if options.launcher != "spawn" and "fork" in LAUNCHERS:
                fork_server.start()
            choose(options.sandbox)

    thread = threading.Thread(target=start)
    thread.start()
    return thread


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "is a file" if isinstance(error, FileExistsError) else error.strerror
        raise UsageError(f"{path}: {reason}; --out takes a folder, which is created if missing") from None


def _settings(options: argparse.Namespace, exercise: Exercise) -> Settings:
    from checker.batch.settings import Settings
    from checker.grading.score import Scale, weights_from

    weights = None
    if options.weights is not None:
        try:
            weights = weights_from(json.loads(options.weights.read_text(encoding="utf-8")), exercise)
        except OSError as error:
            raise UsageError(f"{options.weights}: {error.strerror}") from None
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise UsageError(f"{options.weights}: the file is not JSON") from None
        except ValueError as error:
            raise UsageError(f"{options.weights}: {error}") from None
    scale, launcher = Scale(weights, not options.no_partial_credit), options.launcher
    return Settings(_limits(options), options.seed, options.workers, scale, sandbox=options.sandbox, launcher=launcher)


def _limits(options: argparse.Namespace) -> Limits:
    from checker.kernel.options import Limits

    return Limits(cell=options.cell_timeout, notebook=options.timeout, call=min(10.0, options.cell_timeout))


def _sandbox(options: argparse.Namespace, *, for_untrusted: bool = False) -> Sandbox:
    """The sandbox that was asked for. Raises `SandboxUnavailableError` if it is not there, or not good enough."""
    try:
        sandbox = choose(options.sandbox, least=ENOUGH_FOR_UNTRUSTED if for_untrusted else "limits")
    except SandboxUnavailableError as error:
        error.add_note("`checker doctor` says what would help")
        if options.sandbox == "auto":
            error.add_note("if you trust all of these notebooks, --sandbox off grades them without")
        raise
    if options.sandbox == "off":
        _print_error("the sandbox is switched off: a notebook can read and change what you can")
    return sandbox


def _grader(options: argparse.Namespace, settings: Settings, stack: contextlib.ExitStack) -> tuple[Grader, Sandbox]:
    """What grades, and in which sandbox: this machine's worker processes, or a cluster."""
    if options.cluster is None:
        from checker.batch.workers import grade_all

        return grade_all, _sandbox(options, for_untrusted=True)
    import logging

    from checker.batch.cluster import NoClusterError, connected

    logging.disable()  # an error is one sentence here; distributed would log pages of it
    try:
        cluster = stack.enter_context(connected(options.cluster, settings))
    except NoClusterError as error:
        raise UsageError(f"--cluster: {error}") from None
    except SandboxUnavailableError as error:
        error.add_note("`checker doctor` there says what would help")
        raise
    return cluster.grade_all, cluster.sandbox


def _report_options(options: argparse.Namespace, found: Found | None = None) -> ReportOptions:
    return ReportOptions(
        feedback=options.feedback,
        superseded=found.superseded if found else (),
        problems=found.problems if found else (),
        gradebooks=tuple(dict.fromkeys(options.gradebook)),
        assignment=options.assignment,
        junit=options.junit,
        gradescope=options.gradescope,
    )


def _annotate_on_github(options: argparse.Namespace, results: Sequence[Result], exercise: Exercise) -> None:
    if options.github:
        from checker.reports import github

        github.annotate(results, exercise, options.feedback, sys.stderr if options.json else sys.stdout)


def _exit_code(results: Sequence[Result]) -> int:
    if any(result.verdict == "not graded" for result in results):
        return NOT_GRADED
    return ALL_CORRECT if all(result.correct for result in results) else NOT_CORRECT


def _print_text(text: str) -> None:
    print(sanitize.log("\n".join(map(sanitize.line, text.split("\n")))))


def _print_json(content: Any) -> None:
    print(sanitize.to_json(content))


def _print_error(message: str) -> None:
    print(f"checker: {sanitize.line(message)}", file=sys.stderr)
