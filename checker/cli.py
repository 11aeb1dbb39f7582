"""The command line: verbs and options, nothing else."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from checker.batch import Settings
    from checker.exercise import Exercise
    from checker.result import Result
    from checker.score import Scale

# Feedback levels; `checker.feedback` explains them, and is imported only when it is needed.
LEVELS = ("verdict", "hint", "explain", "solution")

ALL_CORRECT, NOT_CORRECT, USAGE, NOT_GRADED, INTERRUPTED = 0, 1, 2, 3, 130

DESCRIPTION = """\
Runs student notebooks, compares their answer with the reference, and says
what went wrong.

For a student:   checker check my_notebook.ipynb
For a teacher:   checker grade submissions/ --out grades
For CI:          checker run notebooks/*.ipynb solutions/*.ipynb
"""

EXIT_CODES = """\
exit code:
  0    everything is correct
  1    at least one submission is not correct (run: a notebook failed)
  2    the command line is wrong, or a path leads to nothing
  3    at least one submission could not be graded, through no fault of its
       student
  130  interrupted; what was finished is kept
"""

CHECK = """\
Grades one notebook and tells its story: the verdict, the reason, each check.
"""

CHECK_EXAMPLE = """\
example:
  checker check my_notebook.ipynb
"""

GRADE = """\
Grades every submission in files, folders, globs and .zip archives, one for
each student.

Downloads from Canvas, Moodle, Gradescope, nbgrader and GitHub Classroom are
understood as they are; elsewhere the student is the folder or the file name.
Of two files from one student the newest counts, and the other is named.
A Python export (.py) of the notebook is accepted too.
"""

GRADE_EXAMPLE = """\
what --out gets:
  results.jsonl             one result a line, with everything known of it
  grades.csv                one line for each student
  executed/<student>.ipynb  the notebooks as they ran (with --executed)

examples:
  checker grade submissions.zip --out grades
  checker grade section1/ section2/ --out grades --workers 4
"""

RUN = """\
Executes notebooks from top to bottom, each in a fresh kernel and an empty
directory, and fails if a cell fails. No answer is looked at.
"""

RUN_EXAMPLE = """\
example:
  checker run notebooks/*.ipynb solutions/*.ipynb
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return USAGE
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        print("checker: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, say `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_CORRECT


class _Help(argparse.RawDescriptionHelpFormatter):
    """Descriptions as they are written, and room for the longest option beside its help."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="checker",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND")

    check = _verb(verbs, "check", _check, "grade one notebook, and tell its story", CHECK, CHECK_EXAMPLE)
    check.add_argument("file", metavar="FILE", type=Path, help="the notebook (.ipynb), or a Python export of it")
    check.add_argument(
        "--feedback", choices=LEVELS, default="hint",
        help="how much to say: only the verdict, a hint, what is wrong and where, or what is right (default: hint)",
    )  # fmt: skip
    _add_grading_options(check)

    grade = _verb(verbs, "grade", _grade, "grade many, into a folder", GRADE, GRADE_EXAMPLE)
    grade.add_argument("paths", metavar="PATH", nargs="+", help="a file, folder, glob or .zip archive")
    grade.add_argument("--out", metavar="DIR", type=Path, required=True, help="the folder for results; made if missing")
    grade.add_argument("--executed", action="store_true", help="also keep every notebook as it ran")
    grade.add_argument(
        "--workers", metavar="N", type=_positive(int), default=os.cpu_count() or 1,
        help="how many notebooks run at once (default: %(default)s, the number of cores)",
    )  # fmt: skip
    grade.add_argument("--quiet", action="store_true", help="only the summary and what went wrong with the paths")
    _add_grading_options(grade)

    run = _verb(verbs, "run", _run, "execute notebooks, and fail if a cell fails", RUN, RUN_EXAMPLE)
    run.add_argument(
        "notebooks", metavar="NOTEBOOK", nargs="+", type=Path, help="a notebook, or a Python export of one"
    )
    run.add_argument("--out", metavar="DIR", type=Path, help="keep the executed notebooks in this folder")
    _add_limits(run, cell=120, notebook=600)

    listing = _verb(verbs, "exercises", _exercises, "list the exercises", "Lists the exercises.", "")
    listing.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _verb(
    verbs: Any,
    name: str,
    action: Callable[[argparse.Namespace], int],
    summary: str,
    description: str,
    example: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"{example}\n{EXIT_CODES}" if example else "",
        formatter_class=_Help,
    )
    parser.set_defaults(run=action)
    return parser


def _add_grading_options(parser: argparse.ArgumentParser) -> None:
    from checker.exercises import DEFAULT

    parser.add_argument(
        "--exercise",
        metavar="ID",
        default=DEFAULT,
        help="which exercise, see `checker exercises` (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=int,
        help="draw the new inputs from this seed (default: random, and stated in the result)",
    )
    parser.add_argument(
        "--weights", metavar="FILE", type=Path, help="points for each step, a JSON object adding up to 100"
    )
    parser.add_argument(
        "--no-partial-credit", action="store_true", help="100 points for a correct answer, 0 for others"
    )
    _add_limits(parser, cell=20, notebook=60)


def _add_limits(parser: argparse.ArgumentParser, cell: float, notebook: float) -> None:
    seconds = _positive(float)
    parser.add_argument(
        "--cell-timeout", metavar="S", type=seconds, default=cell,
        help="seconds that one cell may run (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", metavar="S", type=seconds, default=notebook,
        help="seconds that all cells of a notebook may run (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = kind(text)
        if not 0 < value < 1e6:
            raise ValueError
        return value

    convert.__name__ = "positive number"  # argparse names it in its message
    return convert


def _check(options: argparse.Namespace) -> int:
    from checker.batch import grade_one
    from checker.reports.terminal import story
    from checker.result import to_dict
    from checker.submission import single

    exercise = _load_exercise(options.exercise)
    if not options.file.is_file():
        reason = "is a folder; use `checker grade`" if options.file.is_dir() else "there is no such file"
        return _usage(f"{options.file}: {reason}")
    result, _ = grade_one(single(options.file), exercise, _settings(options, _scale(options, exercise)))
    if options.json:
        _print_json(to_dict(result))
    else:
        _console().print(story(result, exercise, options.feedback))
    return _exit_code([result])


def _grade(options: argparse.Namespace) -> int:
    from checker.batch import grade_into
    from checker.reports import terminal
    from checker.result import to_dict
    from checker.submission import find

    exercise = _load_exercise(options.exercise)
    if options.out.exists() and not options.out.is_dir():
        return _usage(f"{options.out}: is a file; --out takes a folder")
    found = find(options.paths, exercise)
    for problem in found.problems:
        _complain(problem)
    if not found.submissions:
        return _usage("nothing to grade")
    for other in found.set_aside:
        _complain(f"{other.file}: not graded, because {other.student} also handed in {other.counted}")

    settings = _settings(options, _scale(options, exercise))
    console = _console()
    quiet = options.quiet or options.json
    width = min(30, max(len(submission.student) for submission in found.submissions))
    with _progress(len(found.submissions), hidden=quiet) as progress:

        def report(result: Result) -> None:
            if not quiet:
                # In a terminal one line each; in a file or a pipe nothing is cut off.
                fit = {"no_wrap": True, "overflow": "ellipsis"} if console.is_terminal else {"soft_wrap": True}
                progress.console.print(terminal.line(result, exercise, width), **fit)
            progress.advance(progress.task_ids[0])

        results = grade_into(
            found.submissions,
            exercise,
            settings,
            options.out,
            keep_executed=options.executed,
            report=report,
        )
    if options.json:
        others = [{"file": other.file, "student": other.student, "counted": other.counted} for other in found.set_aside]
        _print_json({"results": [*map(to_dict, results)], "set_aside": others, "problems": list(found.problems)})
    else:
        console.print()
        console.print(terminal.summary(results))
        console.print(f"\n{options.out / 'grades.csv'}", highlight=False, soft_wrap=True)
    return USAGE if found.problems else _exit_code(results)


def _run(options: argparse.Namespace) -> int:
    from checker.execution.launcher import KernelStartError
    from checker.execution.run import observe
    from checker.intake import CannotOpenError, read_file
    from checker.judge import trouble_of_run
    from checker.notebook import UnreadableError, parse

    reports: list[dict[str, Any]] = []
    code = ALL_CORRECT
    for path in options.notebooks:
        seconds = 0.0
        try:
            notebook = parse(read_file(path.resolve()), script=path.suffix == ".py")
            observation = observe(notebook, limits=_settings(options).limits)
            trouble, seconds = trouble_of_run(observation), observation.seconds["total"]
            if options.out is not None:
                options.out.mkdir(parents=True, exist_ok=True)
                (options.out / path.with_suffix(".ipynb").name).write_text(observation.executed, encoding="utf-8")
            code = max(code, NOT_CORRECT if trouble else ALL_CORRECT)
        except (UnreadableError, CannotOpenError) as error:
            trouble, code = str(error.args[-1]), max(code, USAGE)
        except KernelStartError as error:
            trouble, code = str(error), NOT_GRADED
        reports.append({"file": str(path), "passed": trouble is None, "seconds": seconds, "message": trouble or ""})
        if not options.json:
            print(f"{path}: {trouble or f'runs ({seconds:.1f} s)'}", flush=True)
    if options.json:
        _print_json({"notebooks": reports})
    return code


def _exercises(options: argparse.Namespace) -> int:
    from checker.exercises import every

    if options.json:
        fields = ("id", "title", "notebook", "function", "answer")
        _print_json([{field: getattr(exercise, field) for field in fields} for exercise in every().values()])
        return ALL_CORRECT
    for exercise in every().values():
        print(f"{exercise.id}\n  {exercise.title} ({exercise.notebook})")
        print(f"  asks for {exercise.function} and {exercise.answer}")
    return ALL_CORRECT


def _load_exercise(name: str) -> Exercise:
    from checker.exercises import UnknownExerciseError, load

    try:
        return load(name)
    except UnknownExerciseError as error:
        raise SystemExit(_usage(str(error))) from None


def _scale(options: argparse.Namespace, exercise: Exercise) -> Scale:
    from checker.score import Scale, weights_from

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
    from checker.batch import Settings
    from checker.execution.run import Limits
    from checker.score import Scale

    limits = Limits(cell=options.cell_timeout, notebook=options.timeout, call=min(10.0, options.cell_timeout))
    return Settings(limits, getattr(options, "seed", None), getattr(options, "workers", 1), scale or Scale())


def _exit_code(results: Sequence[Result]) -> int:
    if any(result.verdict == "not graded" for result in results):
        return NOT_GRADED
    return ALL_CORRECT if all(result.correct for result in results) else NOT_CORRECT


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _progress(total: int, hidden: bool) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = _console()
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal)
    progress.add_task("grading", total=total)
    return progress


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))


def _complain(message: str) -> None:
    from checker.reports.plain import printable

    print(f"checker: {printable(message)}", file=sys.stderr)


def _usage(message: str) -> int:
    _complain(message)
    return USAGE


def _version() -> str:
    from checker import __version__

    return f"checker {__version__}"
