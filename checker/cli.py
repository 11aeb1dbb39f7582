"""The command line: verbs and options, nothing else."""

import argparse
import functools
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from checker.exercises import DEFAULT
from checker.exercises.mistakes import LEVELS

PLATFORMS = ("canvas", "moodle")  # those of `reports.gradebook`, which imports more than a help text may

DESCRIPTION = """\
Runs student notebooks, compares their answers with a reference solution, and
explains what went wrong.

For a student:   checker check my_notebook.ipynb
For a teacher:   checker grade submissions/ --out grades
For CI:          checker run notebooks/*.ipynb solutions/*.ipynb
"""

EXIT_CODES = """\
exit codes:
  0    every answer is correct (run: every notebook runs to its end)
  1    at least one answer is not correct (run: a cell failed)
  2    usage error: a wrong option, or a path or an address that does not
       exist or cannot be opened
  3    at least one submission could not be graded, through no fault of its
       student
  4    the sandbox asked for does not start here, or the best one is too weak
       for grading other people's notebooks
  130  interrupted; finished results are kept
"""

GRADE = """\
Takes files, folders, globs and .zip archives. Downloads from Canvas, Moodle,
Gradescope, nbgrader and GitHub Classroom are understood as they are;
otherwise the name of the folder or file says who the student is. If a student
handed in several notebooks, the newest counts and the others are listed.
Notebooks exported as Python scripts (.py) are accepted too.

If interrupted, run the same command again to resume. Results in DIR are
reused as long as file, exercise and settings are the same.
"""

GRADE_EPILOG = """\
files in DIR:
  results.jsonl             every result in full, one per line
  grades.csv                a table with one row per student
  index.html                the class: results and common mistakes
  feedback/<student>.html   a feedback page per student
  executed/<student>.ipynb  the executed notebooks (with --executed)
  gradebook-<platform>.csv  for import into Canvas or Moodle (with --gradebook)

examples:
  checker grade submissions.zip --out grades
  checker grade section1/ section2/ --out grades --workers 4
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that a terminal has no letters for is no error
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    options = parser.parse_args(arguments)
    from checker import commands  # not for a help text

    if options.verb is None:
        parser.print_help()
        return commands.USAGE
    try:
        return int(getattr(commands, options.verb)(options))
    except BrokenPipeError:  # the reader of our output, say `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return commands.NOT_CORRECT
    except (Exception, KeyboardInterrupt) as error:
        return commands.exit_code_for(error)


def _parser() -> argparse.ArgumentParser:
    from checker import __version__

    parser = argparse.ArgumentParser("checker", description=DESCRIPTION, epilog=EXIT_CODES, formatter_class=_HELP)
    parser.add_argument("--version", action="version", version=f"checker {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND [options]", dest="verb")

    # fmt: off
    grading = ("--seed", "--weights", "--no-partial-credit")
    execution = ("--cell-timeout", "--timeout", "--sandbox", "--launcher")
    reports = ("--feedback", "--gradebook", "--assignment", "--junit", "--gradescope", "--github", "--json")
    _add_verb(
        verbs, "check", "FILE", "grade one notebook and explain the result", "",
        "examples:\n  checker check my_notebook.ipynb\n  checker check my_notebook.ipynb --feedback explain\n",
        {"input": ("file", "--exercise"), "grading": grading, "execution": execution,
         "output": ("--feedback", "--json")},
        workers=1,
    )
    _add_verb(
        verbs, "grade", "--out DIR PATH [PATH ...]", "grade the submissions of a class", GRADE, GRADE_EPILOG,
        {"input": ("paths", "--student", "--exercise"), "grading": (*grading, "--force"),
         "execution": (*execution, "--workers", "--cluster"),
         "output": ("grade --out", "--executed", "--quiet", *reports)},
    )
    _add_verb(
        verbs, "report", "DIR", "write the reports of a graded class again",
        "Use it to change an option or to replace a lost file. Reads DIR/results.jsonl\n"
        "and executes nothing. The exit code is 0 once the reports are written.",
        "examples:\n  checker report grades --feedback explain\n  checker report grades --gradebook canvas\n",
        {"input": ("folder",), "output": reports},
    )
    _add_verb(
        verbs, "run", "NOTEBOOK [NOTEBOOK ...]", "execute notebooks and fail if a cell fails",
        "Each notebook runs in a fresh kernel and an empty folder. No answer is graded.",
        "example:\n  checker run notebooks/*.ipynb solutions/*.ipynb\n",
        {"input": ("notebooks",), "execution": execution, "output": ("run --out", "--json")},
        cell_timeout=120, timeout=600,
    )
    _add_verb(
        verbs, "doctor", "", "show which sandbox this machine offers",
        "Lists the layers of the sandbox, what is missing and how to add it, and the\n"
        "level that results: full, confined, reduced or limits. The exit code is 0 if\n"
        "that is enough for other people's notebooks, else 4.",
        "example:\n  checker doctor\n", {"output": ("--json",)},
    )
    _add_verb(
        verbs, "selftest", "[EXERCISE]", "test an exercise against wrong answers",
        "Tries the exercise's own mistakes (one at a time, in pairs, and a thousand\n"
        "triples), mutants of its reference, and known cheats. The exit code is 1 if a\n"
        "wrong answer passes.",
        f"example:\n  checker selftest {DEFAULT}\n", {"input": ("exercise",), "output": ("--json",)},
    )
    _add_verb(verbs, "exercises", "", "list the exercises", "", "", {"output": ("--json",)})
    # fmt: on
    return parser


def _add_verb(
    verbs: Any,
    name: str,
    arguments: str,
    summary: str,
    details: str,
    epilog: str,
    groups: Mapping[str, Sequence[str]],
    **defaults: float,
) -> None:
    """Add a verb, named like the function of `commands` that does it, with groups of `_ARGUMENTS`."""
    parser = verbs.add_parser(
        name,
        usage=f"checker {name} [options] {arguments}".rstrip(),
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{details}",
        epilog=f"{epilog}\nexit codes: see `checker --help`".lstrip(),
        formatter_class=_HELP,
    )
    for title, members in groups.items():
        group = parser.add_argument_group(title)
        for member in members:
            group.add_argument(member.split()[-1], **_ARGUMENTS[member])
    parser.set_defaults(**defaults)


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = kind(text)
        if not 0 < value < 1e6:
            raise ValueError
        return value

    convert.__name__ = "positive number"  # argparse names it in its message
    return convert


def _sandbox(text: str) -> str:
    from checker.sandbox.levels import requested_level

    return _valid(text, requested_level)


def _launcher(text: str) -> str:
    from checker.kernel.options import choose_launcher

    return _valid(text, choose_launcher)


def _valid(text: str, check: Callable[[str], object]) -> str:
    try:
        check(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


_HELP = functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=26)
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

# The arguments of all verbs. Two verbs have an --out, each its own.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "file": {"metavar": "FILE", "type": Path, "help": "a notebook (.ipynb), or one exported as a script (.py)"},
    "paths": {"metavar": "PATH", "nargs": "+", "help": "a file, folder, glob or .zip archive"},
    "folder": {"metavar": "DIR", "type": Path, "help": "the folder that `checker grade --out` wrote"},
    "notebooks": {"metavar": "NOTEBOOK", "type": Path, "nargs": "+", "help": "a notebook (.ipynb or exported as .py)"},
    "exercise": {"metavar": "EXERCISE", "nargs": "?", "default": DEFAULT, "help": "which one (default: %(default)s)"},
    "--exercise": {"metavar": "ID", "default": DEFAULT,
        "help": "the exercise, see `checker exercises` (default: %(default)s)"},
    "--student": {"metavar": "NAME",
        "help": "treat all files as this student's; the newest notebook of the exercise counts"},
    "--seed": {"metavar": "N", "type": int, "help": "seed for the random inputs (default: a new one)"},
    "--weights": {"metavar": "FILE", "type": Path, "help": "points for each step: a JSON object with a total of 100"},
    "--no-partial-credit": {"action": "store_true", "help": "100 points for a correct answer, 0 otherwise"},
    "--force": {"action": "store_true", "help": "grade everything again, even what DIR already holds"},
    "--cell-timeout": {"metavar": "S", "type": _positive(float), "default": 20,
        "help": "seconds for one cell (default: %(default)s)"},
    "--timeout": {"metavar": "S", "type": _positive(float), "default": 60,
        "help": "seconds for all cells together (default: %(default)s)"},
    "--sandbox": {"metavar": "WHICH", "type": _sandbox, "default": "auto",
        "help": "auto: the best level this machine offers (grade: at least confined); require=LEVEL: that level or "
        "exit code 4 (LEVEL: full, confined, reduced or limits; `require`: full); off: no sandbox (default: auto)"},
    "--launcher": {"metavar": "HOW", "type": _launcher, "default": "auto",
        "help": "how kernels start: fork (Linux only): from a process with the libraries loaded, ten times as fast; "
        "spawn: from scratch; auto: fork where it works (default: auto)"},
    "--workers": {"metavar": "N", "type": _positive(int), "default": _CORES,
        "help": "how many notebooks to grade at a time (default: %(default)s, the number of cores)"},
    "--cluster": {"metavar": "ADDRESS",
        "help": "grade on the workers of this Dask scheduler, such as tcp://head:8786 (needs the extra `cluster`)"},
    "--feedback": {"choices": LEVELS, "default": "hint",
        "help": "how much to reveal: only the verdict, a hint, what is wrong and where, or the solution, too "
        "(default: hint)"},
    "grade --out": {"metavar": "DIR", "type": Path, "required": True, "help": "folder for results; created if missing"},
    "run --out": {"metavar": "DIR", "type": Path, "help": "keep the executed notebooks in this folder"},
    "--executed": {"action": "store_true", "help": "keep the executed notebooks in DIR, too"},
    "--quiet": {"action": "store_true", "help": "print no progress, only problems and the summary"},
    "--gradebook": {"choices": PLATFORMS, "action": "append", "default": [],
        "help": "write DIR/gradebook-<platform>.csv, which the platform can import; may be given twice"},
    "--assignment": {"metavar": "NAME", "default": "",
        "help": "the assignment's name in Canvas (default: the exercise's title)"},
    "--junit": {"metavar": "FILE", "type": Path, "help": "write JUnit XML, which CI systems show as tests"},
    "--gradescope": {"metavar": "PATH", "type": Path,
        "help": "write Gradescope's results.json: a .json file for one submission, a folder for several"},
    "--github": {"action": "store_true", "help": "in GitHub Actions: annotate files and write the job summary"},
    "--json": {"action": "store_true", "help": "print JSON instead of text"},
}  # fmt: skip
