"""The command line: verbs and options, nothing else."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from checker import commands
from checker.commands import INTERRUPTED, NOT_CORRECT, USAGE
from checker.exercises import DEFAULT
from checker.exercises.mistakes import LEVELS

PLATFORMS = ("canvas", "moodle")  # those of `reports.gradebook`, which imports more than a help text may

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
  2    the command line is wrong, or a path or an address leads to nothing or
       cannot be opened
  3    at least one submission could not be graded, through no fault of its
       student
  4    the sandbox that is asked for does not start here, or it is too weak for
       grading other people's notebooks
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

Interrupted, by whatever, the same command goes on where it was. Results in
DIR are kept as long as file, exercise and settings are the same.
"""

GRADE_EXAMPLE = """\
what --out gets:
  results.jsonl             one result a line, with everything known of it
  grades.csv                one line for each student
  index.html                the class: what was misunderstood, by how many
  feedback/<student>.html   a page for each student
  executed/<student>.ipynb  the notebooks as they ran (with --executed)
  gradebook-<where>.csv     for Canvas or Moodle (with --gradebook)

examples:
  checker grade submissions.zip --out grades
  checker grade section1/ section2/ --out grades --workers 4
"""

REPORT = """\
Writes every report of a folder of grades anew, from its results.jsonl: after
a change of options, say, or when one was lost. Nothing is executed. The exit
code is 0 if they are written.
"""

REPORT_EXAMPLE = """\
example:
  checker report grades --feedback explain
"""

RUN = """\
Executes notebooks from top to bottom, each in a fresh kernel and an empty
directory, and fails if a cell fails. No answer is looked at.
"""

DOCTOR = """\
Says which layers of the sandbox this machine offers, what is missing, what
would add it, and which level results: full, confined, reduced or limits.
The exit code is 0 if that is enough for other people's notebooks.
"""

DOCTOR_EXAMPLE = """\
example:
  checker doctor
"""

SELFTEST = """\
Runs an exercise against what it must not accept: its own mistakes (each, in
pairs, and a thousand triples), mutants of its reference, and known cheats.
Fails if one that is not the same function gets through.
"""

SELFTEST_EXAMPLE = """\
example:
  checker selftest multihead-self-attention
"""

RUN_EXAMPLE = """\
example:
  checker run notebooks/*.ipynb solutions/*.ipynb
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that a terminal has no letters for is no error
            stream.reconfigure(errors="backslashreplace")
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

    check = _verb(verbs, "check", commands.check, "grade one notebook, and tell its story", CHECK, CHECK_EXAMPLE)
    given = check.add_argument_group("input")
    given.add_argument("file", metavar="FILE", type=Path, help="the notebook (.ipynb), or a Python export of it")
    _add_exercise(given)
    _add_grading_options(check.add_argument_group("grading"))
    _add_limits(check, cell=20, notebook=60)
    output = check.add_argument_group("output")
    _add_feedback(output)
    _add_json(output)

    grade = _verb(verbs, "grade", commands.grade, "grade many, into a folder", GRADE, GRADE_EXAMPLE)
    grade.usage = "checker grade [options] --out DIR PATH [PATH ...]"
    given = grade.add_argument_group("input")
    given.add_argument("paths", metavar="PATH", nargs="+", help="a file, folder, glob or .zip archive")
    given.add_argument("--student", metavar="NAME", help="everything is this student's; what fits and is newest counts")
    _add_exercise(given)
    grading = grade.add_argument_group("grading")
    _add_grading_options(grading)
    grading.add_argument(
        "--workers", metavar="N", type=_positive(int), default=_cores(),
        help="processes that grade, each one notebook at a time (default: %(default)s, the number of cores)",
    )  # fmt: skip
    grading.add_argument(
        "--cluster", metavar="ADDRESS",
        help="grade on the workers of this Dask scheduler, say tcp://head:8786, not here (needs the extra `cluster`)",
    )  # fmt: skip
    grading.add_argument("--force", action="store_true", help="grade everything afresh, whatever DIR has already")
    _add_limits(grade, cell=20, notebook=60)
    output = grade.add_argument_group("output")
    output.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="the folder for results; made if missing"
    )
    output.add_argument("--executed", action="store_true", help="also keep every notebook as it ran")
    _add_report_options(output)
    output.add_argument("--quiet", action="store_true", help="no progress; only the summary, and what went wrong")
    _add_json(output)

    report = _verb(verbs, "report", commands.report, "write all reports anew", REPORT, REPORT_EXAMPLE)
    report.add_argument("folder", metavar="DIR", type=Path, help="what `checker grade` was given as --out")
    output = report.add_argument_group("output")
    _add_report_options(output)
    _add_json(output)

    run = _verb(verbs, "run", commands.run, "execute notebooks, and fail if a cell fails", RUN, RUN_EXAMPLE)
    run.add_argument(
        "notebooks", metavar="NOTEBOOK", nargs="+", type=Path, help="a notebook, or a Python export of one"
    )
    run.add_argument("--out", metavar="DIR", type=Path, help="keep the executed notebooks in this folder")
    _add_limits(run, cell=120, notebook=600)
    _add_json(run)

    doctor = _verb(verbs, "doctor", commands.doctor, "say what sandbox this machine offers", DOCTOR, DOCTOR_EXAMPLE)
    _add_json(doctor)

    selftest = _verb(
        verbs, "selftest", commands.selftest, "test an exercise against its own mistakes", SELFTEST, SELFTEST_EXAMPLE
    )
    selftest.add_argument(
        "exercise", metavar="EXERCISE", nargs="?", default=DEFAULT, help="which (default: %(default)s)"
    )
    _add_json(selftest)

    listing = _verb(verbs, "exercises", commands.exercises, "list the exercises", "Lists the exercises.", "")
    _add_json(listing)
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


# What several verbs take; `group` is a parser or one of its groups.


def _add_exercise(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--exercise", metavar="ID", default=DEFAULT,
        help="which exercise, see `checker exercises` (default: %(default)s)",
    )  # fmt: skip


def _add_feedback(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--feedback", choices=LEVELS, default="hint",
        help="how much to say: only the verdict, a hint, what is wrong and where, or what is right (default: hint)",
    )  # fmt: skip


def _add_json(group: argparse._ActionsContainer) -> None:
    group.add_argument("--json", action="store_true", help="print JSON instead of text")


def _add_report_options(group: argparse._ActionsContainer) -> None:
    """What `grade` and `report` both take; `commands` makes a `ReportOptions` of them."""
    _add_feedback(group)
    group.add_argument(
        "--gradebook", choices=PLATFORMS, action="append", default=[],
        help="also DIR/gradebook-canvas.csv or gradebook-moodle.csv, which these import; may be given twice",
    )  # fmt: skip
    group.add_argument(
        "--assignment", metavar="NAME", default="", help="what Canvas calls the assignment (default: the exercise)"
    )
    group.add_argument("--junit", metavar="FILE", type=Path, help="also JUnit XML, which CI systems show as tests")
    group.add_argument(
        "--gradescope", metavar="PATH", type=Path,
        help="also Gradescope's results.json: a file for one submission, or a folder with one for each",
    )  # fmt: skip
    group.add_argument(
        "--github", action="store_true",
        help="in GitHub Actions: annotate the students' lines, and write the job's summary",
    )  # fmt: skip


def _add_grading_options(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--seed", metavar="N", type=int,
        help="draw the new inputs from this seed (default: random, and stated in the result)",
    )  # fmt: skip
    group.add_argument(
        "--weights", metavar="FILE", type=Path, help="points for each step, a JSON object adding up to 100"
    )
    group.add_argument("--no-partial-credit", action="store_true", help="100 points for a correct answer, 0 for others")


def _add_limits(parser: argparse.ArgumentParser, cell: float, notebook: float) -> None:
    seconds = _positive(float)
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--cell-timeout", metavar="S", type=seconds, default=cell,
        help="seconds that one cell may run (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--timeout", metavar="S", type=seconds, default=notebook,
        help="seconds that all cells of a notebook may run (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--sandbox", metavar="WHICH", type=_sandbox, default="auto",
        help="auto: the best this machine offers (grade: at least confined); require or require=LEVEL: that "
        "or nothing (LEVEL: full, confined, reduced or limits; default full); off: none",
    )  # fmt: skip
    group.add_argument(
        "--launcher", choices=("auto", "fork", "spawn"), default="auto",
        help="where kernels come from: fork (Linux): from one process that has loaded the libraries, which takes "
        "a tenth of the time; spawn: each is started anew (default: auto, which is fork where it works)",
    )  # fmt: skip


def _sandbox(text: str) -> str:
    from checker.sandbox.levels import level_asked_for

    try:
        level_asked_for(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = kind(text)
        if not 0 < value < 1e6:
            raise ValueError
        return value

    convert.__name__ = "positive number"  # argparse names it in its message
    return convert


def _version() -> str:
    from checker import __version__

    return f"checker {__version__}"
