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

from checker import sanitize

if TYPE_CHECKING:
    from rich.console import Console

    from checker.batch.folder import Grader
    from checker.batch.settings import Settings
    from checker.exercises.model import Exercise
    from checker.grading.score import Scale
    from checker.reports.folder import ReportOptions
    from checker.result import Result
    from checker.sandbox.levels import Sandbox
    from checker.submissions.find import Found

GO_ON = "what was graded is kept, and the same command goes on from there"
ALL_CORRECT, NOT_CORRECT, USAGE, NOT_GRADED, NO_SANDBOX, INTERRUPTED = 0, 1, 2, 3, 4, 130


def check(options: argparse.Namespace) -> int:
    """Grade one notebook and tell its story."""
    head_start = _head_start(options)
    from checker.batch.grade import grade_one
    from checker.reports.terminal import sandbox_line, story
    from checker.result import to_dict
    from checker.submissions.archives import CannotOpenError, is_folder
    from checker.submissions.find import single

    exercise = _load_exercise(options.exercise)
    try:
        if is_folder(options.file):
            return _usage(f"{options.file}: is a folder; use `checker grade`")
    except CannotOpenError as error:
        return _usage(f"{options.file}: {error.args[-1]}")
    settings = _settings(options, _scale(options, exercise))
    head_start.join()
    sandbox = _sandbox(options)
    result, _ = grade_one(single(options.file), exercise, settings)
    if options.json:
        _print_json(to_dict(result))
    else:
        _console().print(story(result, exercise, options.feedback))
        _console().print(f"\n{sandbox_line(sandbox.level, sandbox.reason)}", style="dim", soft_wrap=True)
    return _exit_code([result])


def grade(options: argparse.Namespace) -> int:
    """Grade everything that was named, a line for each as it finishes, into a folder."""
    from checker import files
    from checker.batch.cluster import ClusterLostError
    from checker.reports import gradescope, terminal
    from checker.result import to_dict
    from checker.submissions.find import find

    exercise = _load_exercise(options.exercise)
    _make_folder(options.out)
    found = find(options.paths, exercise, options.student)
    for problem in found.problems:
        _complain(problem)
    if not found.submissions:
        try:
            if options.gradescope is not None and found.complete:
                gradescope.write_nothing_handed_in(options.gradescope, "; ".join(found.problems))
        except files.CannotWriteError as error:
            _complain(str(error))
        return _usage("nothing to grade")
    if options.gradescope is not None and (why := gradescope.why_not(options.gradescope, len(found.submissions))):
        return _usage(f"--gradescope: {why}, or say whose they are with --student")
    for other in found.superseded:
        _complain(f"{other.file}: not graded, because {other.student} also handed in {other.counted}")

    try:
        results, sandbox = _grade_into_folder(options, exercise, found)
        _tell_github(options, results, exercise)
    except files.FolderInUseError as error:
        return _usage(f"{error}; wait until it has finished, or name another folder")
    except (files.CannotWriteError, ClusterLostError) as error:
        _complain(f"{error}; {GO_ON}")
        return NOT_GRADED
    except KeyboardInterrupt:
        _complain(f"interrupted; {GO_ON}")
        return INTERRUPTED
    if options.json:
        others = [
            {"file": other.file, "student": other.student, "counted": other.counted} for other in found.superseded
        ]
        _print_json(
            {
                "sandbox": dataclasses.asdict(sandbox),
                "results": [*map(to_dict, results)],
                "superseded": others,
                "problems": list(found.problems),
            }
        )
    else:
        console = _console()
        console.print()
        console.print(terminal.summary(results))
        console.print(f"\n{options.out / 'index.html'}\n{options.out / 'grades.csv'}", highlight=False, soft_wrap=True)
    return USAGE if found.problems else _exit_code(results)


def _grade_into_folder(options: argparse.Namespace, exercise: Exercise, found: Found) -> tuple[list[Result], Sandbox]:
    """All results, and the sandbox they were graded in; the progress is shown meanwhile."""
    from checker.batch.folder import grade_into
    from checker.reports.progress import Progress
    from checker.reports.terminal import sandbox_line

    settings = _settings(options, _scale(options, exercise))
    quiet = options.quiet or options.json
    console = _console()
    with contextlib.ExitStack() as stack:
        grader, sandbox = _grader(options, settings, stack)
        if not quiet:
            console.print(sandbox_line(sandbox.level, sandbox.reason), soft_wrap=True)
        progress = stack.enter_context(
            Progress(console, exercise, [each.student for each in found.submissions], hidden=quiet)
        )
        results = grade_into(
            found.submissions,
            exercise,
            settings,
            options.out,
            keep_executed=options.executed,
            force=options.force,
            reports=_report_options(options, found),
            kept=progress.keep,
            report=progress.add,
            grader=grader,
        )
    return results, sandbox


def report(options: argparse.Namespace) -> int:
    """Write every report of a folder anew; nothing is executed."""
    from checker import files
    from checker.reports.folder import NoResultsError, rebuild
    from checker.result import to_dict

    try:
        results = rebuild(options.folder, _report_options(options))
        _tell_github(options, results, _load_exercise(results[0].exercise))
    except (NoResultsError, files.FolderInUseError) as error:
        return _usage(str(error))
    except files.CannotWriteError as error:
        _complain(str(error))
        return NOT_GRADED
    if options.json:
        _print_json({"results": [*map(to_dict, results)]})
    else:
        print(sanitize.line(f"{len(results)} results: {options.folder / 'index.html'}"))
    return ALL_CORRECT


def _report_options(options: argparse.Namespace, found: Found | None = None) -> ReportOptions:
    from checker.reports.folder import ReportOptions

    return ReportOptions(
        feedback=options.feedback,
        superseded=found.superseded if found else (),
        problems=found.problems if found else (),
        gradebooks=tuple(dict.fromkeys(options.gradebook)),
        assignment=options.assignment,
        junit=options.junit,
        gradescope=options.gradescope,
    )


def _tell_github(options: argparse.Namespace, results: Sequence[Result], exercise: Exercise) -> None:
    if options.github:
        from checker.reports import github

        github.annotate(results, exercise, options.feedback, sys.stderr if options.json else sys.stdout)


def run(options: argparse.Namespace) -> int:
    """Execute notebooks; no answer is looked at."""
    head_start = _head_start(options)
    from checker import files
    from checker.grading.judge import trouble_of_run
    from checker.kernel.launch import KernelStartError
    from checker.kernel.launchers import choose_launcher
    from checker.kernel.run import observe
    from checker.submissions.archives import CannotOpenError, read_file
    from checker.submissions.notebook import UnreadableError, parse

    if options.out is not None:
        _make_folder(options.out)
    settings = _settings(options)
    head_start.join()
    sandbox = _sandbox(options)
    launcher = choose_launcher(settings.launcher)
    reports: list[dict[str, Any]] = []
    code = ALL_CORRECT
    for path in options.notebooks:
        seconds = 0.0
        try:
            notebook = parse(read_file(path.resolve()), script=path.suffix == ".py")
            observation = observe(notebook, limits=settings.limits, level=sandbox.level, launcher=launcher)
            trouble, seconds = trouble_of_run(observation), observation.seconds["total"]
            if options.out is not None:
                file = options.out / path.with_suffix(".ipynb").name
                files.write(file, (observation.executed,), sync=False)
            code = max(code, NOT_CORRECT if trouble else ALL_CORRECT)
        except (UnreadableError, CannotOpenError) as error:
            trouble, code = str(error.args[-1]), max(code, USAGE)
        except (KernelStartError, files.CannotWriteError) as error:
            trouble, code = str(error), NOT_GRADED
        shown, message = sanitize.line(str(path)), sanitize.text(trouble or "")
        reports.append({"file": shown, "passed": trouble is None, "seconds": seconds, "message": message})
        if not options.json:
            print(sanitize.log(sanitize.line(f"{shown}: {message or f'runs ({seconds:.1f} s)'}")), flush=True)
    if options.json:
        _print_json({"sandbox": dataclasses.asdict(sandbox), "notebooks": reports})
    return code


def exercises(options: argparse.Namespace) -> int:
    """List the exercises."""
    from checker.exercises import every

    if options.json:
        fields = ("id", "title", "notebook", "function", "answer")
        _print_json([{field: getattr(exercise, field) for field in fields} for exercise in every().values()])
        return ALL_CORRECT
    for exercise in every().values():
        print(f"{exercise.id}\n  {exercise.title} ({exercise.notebook})")
        print(f"  asks for {exercise.function} and {exercise.answer}")
    return ALL_CORRECT


def doctor(options: argparse.Namespace) -> int:
    """Say what this machine offers to keep strangers' notebooks in their place, and what it lacks."""
    from checker.sandbox.doctor import examine, report

    found = examine()
    if options.json:
        _print_json(dataclasses.asdict(found) | {"enough_for_untrusted": found.enough_for_untrusted})
    else:
        print(sanitize.log("\n".join(map(sanitize.line, report(found).split("\n")))))
    return ALL_CORRECT if found.enough_for_untrusted else NO_SANDBOX


def selftest(options: argparse.Namespace) -> int:
    """Run an exercise against its own mistakes, mutants and cheats."""
    from checker.grading.selftest import selftest, table

    tested = selftest(_load_exercise(options.exercise))
    if options.json:
        _print_json(dataclasses.asdict(tested) | {"passed": tested.passed})
    else:
        print(sanitize.log("\n".join(map(sanitize.line, table(tested).split("\n")))))
    return ALL_CORRECT if tested.passed else NOT_CORRECT


def _head_start(options: argparse.Namespace) -> threading.Thread:
    """Start what other processes do for us, the warm one and the trial of the sandbox, while this one imports."""
    from checker.kernel import fork_server
    from checker.kernel.launchers import LAUNCHERS
    from checker.sandbox.levels import choose

    def try_it() -> None:
        with contextlib.suppress(Exception):  # it will happen again where it is reported
            if options.launcher != "spawn" and "fork" in LAUNCHERS:
                fork_server.start()
            choose(options.sandbox)

    thread = threading.Thread(target=try_it)
    thread.start()
    return thread


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "is a file" if isinstance(error, FileExistsError) else error.strerror
        raise SystemExit(_usage(f"{path}: {reason}; --out takes a folder, which is made if it is missing")) from None


def _load_exercise(name: str) -> Exercise:
    from checker.exercises import UnknownExerciseError, load

    try:
        return load(name)
    except UnknownExerciseError as error:
        raise SystemExit(_usage(str(error))) from None


def _scale(options: argparse.Namespace, exercise: Exercise) -> Scale:
    from checker.grading.score import Scale, weights_from

    weights = None
    if options.weights is not None:
        try:
            weights = weights_from(json.loads(options.weights.read_text(encoding="utf-8")), exercise)
        except OSError as error:
            raise SystemExit(_usage(f"{options.weights}: {error.strerror}")) from None
        except json.JSONDecodeError:
            raise SystemExit(_usage(f"{options.weights}: the file is not JSON")) from None
        except ValueError as error:
            raise SystemExit(_usage(f"{options.weights}: {error}")) from None
    return Scale(weights, not options.no_partial_credit)


def _settings(options: argparse.Namespace, scale: Scale | None = None) -> Settings:
    from checker.batch.settings import Settings
    from checker.grading.score import Scale
    from checker.kernel.launchers import choose_launcher
    from checker.kernel.limits import Limits

    limits = Limits(cell=options.cell_timeout, notebook=options.timeout, call=min(10.0, options.cell_timeout))
    seed, workers = getattr(options, "seed", None), getattr(options, "workers", 1)
    try:
        choose_launcher(options.launcher)
    except ValueError as error:
        raise SystemExit(_usage(str(error))) from None
    return Settings(limits, seed, workers, scale or Scale(), sandbox=options.sandbox, launcher=options.launcher)


def _sandbox(options: argparse.Namespace, *, for_untrusted: bool = False) -> Sandbox:
    """The sandbox that was asked for; ends the command if there is none, or none that is good enough."""
    from checker.sandbox.levels import ENOUGH_FOR_UNTRUSTED, SandboxUnavailableError, choose

    try:
        sandbox = choose(options.sandbox, least=ENOUGH_FOR_UNTRUSTED if for_untrusted else "limits")
    except SandboxUnavailableError as error:
        remedy = "`checker doctor` says what would help"
        if options.sandbox == "auto":
            remedy += ", and --sandbox off grades without, if you trust every one of these notebooks"
        _complain(f"{error}; {remedy}")
        raise SystemExit(NO_SANDBOX) from None
    if options.sandbox == "off":
        _complain("the sandbox is switched off: a notebook can read and change what you can")
    return sandbox


def _grader(options: argparse.Namespace, settings: Settings, stack: contextlib.ExitStack) -> tuple[Grader, Sandbox]:
    """What grades, and in which sandbox: this machine's worker processes, or a cluster."""
    if options.cluster is None:
        from checker.batch.workers import grade_all

        return grade_all, _sandbox(options, for_untrusted=True)
    import logging

    from checker.batch.cluster import NoClusterError, connected
    from checker.sandbox.levels import SandboxUnavailableError

    logging.disable()  # whatever breaks is said in a sentence; what distributed logs of it are pages
    try:
        cluster = stack.enter_context(connected(options.cluster, settings))
    except NoClusterError as error:
        raise SystemExit(_usage(f"--cluster: {error}")) from None
    except SandboxUnavailableError as error:
        _complain(f"{error}; `checker doctor` there says what would help")
        raise SystemExit(NO_SANDBOX) from None
    return cluster.grade_all, cluster.sandbox


def _exit_code(results: Sequence[Result]) -> int:
    if any(result.verdict == "not graded" for result in results):
        return NOT_GRADED
    return ALL_CORRECT if all(result.correct for result in results) else NOT_CORRECT


def _console() -> Console:
    from checker.reports.terminal import stdout

    return stdout()


def _print_json(content: Any) -> None:
    print(sanitize.to_json(content))


def _complain(message: str) -> None:
    print(f"checker: {sanitize.line(message)}", file=sys.stderr)


def _usage(message: str) -> int:
    _complain(message)
    return USAGE
