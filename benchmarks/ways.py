"""The ways to grade: what each needs prepared, and the commands that are timed."""

from __future__ import annotations

import csv
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = Path(os.environ.get("BENCHMARK_ENVIRONMENTS", HERE / ".environments"))
MARKED_BY_OTTER = 4  # of each round's submissions: otter takes several seconds for one


@dataclass(frozen=True)
class Prepared:
    """Everything that is done before the clock starts; `verify` fails if the submissions were not graded right."""

    folder: Path
    commands: tuple[tuple[str, ...], ...]
    submissions: int
    verify: Callable[[], None] = lambda: None
    exit_codes: tuple[int, ...] = (0,)
    environment: Mapping[str, str] = field(default_factory=dict)


Submissions = Mapping[str, bytes]


def prepare(way: str, submissions: Submissions, folder: Path) -> Prepared:
    folder.mkdir(parents=True)
    return WAYS[way](submissions, folder)


def checker(*options: str) -> Callable[[Submissions, Path], Prepared]:
    def prepared(submissions: Submissions, folder: Path) -> Prepared:
        _write(submissions, folder / "submissions")
        command = (sys.executable, "-m", "checker", "grade", "submissions", "--out", "grades", "--quiet", *options)

        def verify() -> None:
            with (folder / "grades/grades.csv").open(encoding="utf-8-sig", newline="") as file:
                verdicts = [row["verdict"] for row in csv.DictReader(file)]
            assert verdicts == ["correct"] * len(submissions), verdicts

        return Prepared(folder, (command,), len(submissions), verify)

    return prepared


def with_nbclient(submissions: Submissions, folder: Path) -> Prepared:
    """Nothing but running the cells: one fresh kernel for each notebook, no check, no limit, no sandbox."""
    _write(submissions, folder)
    return Prepared(folder, ((sys.executable, str(HERE / "bare_nbclient.py")),), len(submissions))


def floor(submissions: Submissions, folder: Path) -> Prepared:
    """What no grader can beat: a fork of a process that has numpy and pyplot, in which the cells are exec'd."""
    _write(submissions, folder)
    return Prepared(folder, ((sys.executable, str(HERE / "bare_fork.py")),), len(submissions))


def with_nbgrader(submissions: Submissions, folder: Path) -> Prepared:
    """`nbgrader autograde` for an assignment with one cell that compares the answer."""
    bin = _environment("nbgrader", "nbgrader", "matplotlib", "ipykernel")
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'course'\nc.ExecutePreprocessor.timeout = 60\n"
    )
    source = _graded(next(iter(submissions.values())))
    _write({"answer": source}, folder / "source/ps1")
    path = {"PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"}  # it calls programs of its own by their names
    subprocess.run(
        [bin / "nbgrader", "generate_assignment", "ps1", "--create"],
        cwd=folder, check=True, capture_output=True, env=os.environ | path,
    )  # fmt: skip
    for student, data in submissions.items():
        _write({"answer": _graded(data)}, folder / "submitted" / student / "ps1")

    def verify() -> None:
        graded = len(list(folder.glob("autograded/*/ps1/answer.ipynb")))
        assert graded == len(submissions), f"{graded} graded"

    command = (str(bin / "nbgrader"), "autograde", "ps1", "--create")
    return Prepared(folder, (command,), len(submissions), verify, environment=path)


def with_otter(submissions: Submissions, folder: Path) -> Prepared:
    """`otter run`, one command a submission."""
    bin = _environment("otter", "otter-grader", "matplotlib", "ipykernel")
    (folder / "tests").mkdir()
    (folder / "tests/q1.py").write_text(OTTER_TEST)
    (folder / "requirements.txt").write_text("")
    subprocess.run(
        [bin / "otter", "generate", "-t", "tests", "-r", "requirements.txt", "-o", "autograder.zip"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    some = dict(list(submissions.items())[:MARKED_BY_OTTER])
    _write(some, folder)
    for student in some:
        (folder / f"out-{student}").mkdir()
    commands = tuple(
        (str(bin / "otter"), "run", "-a", "autograder.zip", "-o", f"out-{student}", "--no-logo", f"{student}.ipynb")
        for student in some
    )

    def verify() -> None:
        for student in some:
            result = json.loads((folder / f"out-{student}" / "results.json").read_text())
            assert any(test.get("score", 0) > 0 for test in result["tests"]), result

    path = f"{bin}{os.pathsep}{os.environ['PATH']}"
    return Prepared(folder, commands, len(some), verify, environment={"PATH": path})


WAYS: dict[str, Callable[[Submissions, Path], Prepared]] = {
    "nbgrader autograde": with_nbgrader,
    "otter run": with_otter,
    "bare nbclient": with_nbclient,
    "checker, spawn, 1 worker": checker("--launcher", "spawn", "--workers", "1"),
    "checker, spawn, all workers": checker("--launcher", "spawn"),
    "checker, fork, 1 worker": checker("--launcher", "fork", "--workers", "1"),
    "checker, fork, no sandbox": checker("--launcher", "fork", "--sandbox", "off"),
    "checker, fork, all workers": checker("--launcher", "fork"),
    "bare fork (the floor)": floor,
}

OTTER_TEST = """\
OK_FORMAT = True
test = {"name": "q1", "points": 1, "suites": [{"cases": [{"code": '''>>> import numpy as np
>>> bool(np.isclose(X_prime[0, 0], -21.207, atol=1e-3))
True'''}], "scored": True, "setup": "", "teardown": "", "type": "doctest"}]}
"""


def _graded(data: bytes) -> bytes:
    """The notebook with nbgrader's marks: a cell to be solved, and one that compares the answer."""
    content = json.loads(data)
    for cell in content["cells"]:
        if "def multihead_scaled_self_attention" in "".join(cell["source"]):
            marks = {"grade": False, "grade_id": "answer", "locked": False, "schema_version": 3, "solution": True}
            cell["metadata"] = {"nbgrader": marks | {"task": False}}
    marks = {"grade": True, "grade_id": "check", "locked": True, "points": 1, "schema_version": 3, "solution": False}
    test = "assert np.allclose(X_prime[0, 0], -21.207, atol=1e-3)"
    check = {"cell_type": "code", "metadata": {"nbgrader": marks | {"task": False}}, "source": test}
    content["cells"].append(check | {"execution_count": None, "outputs": []})
    return json.dumps(content).encode()


def _write(submissions: Submissions, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for student, data in submissions.items():
        (folder / f"{student}.ipynb").write_bytes(data)


@functools.cache
def _environment(name: str, *packages: str) -> Path:
    """The folder of programs of an environment with these packages, made at its first use."""
    where = ENVIRONMENTS / name
    bin = where / ("Scripts" if os.name == "nt" else "bin")
    if not where.exists():
        print(f"installing {packages[0]} into {where}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", where], check=True)
        subprocess.run([bin / "python", "-m", "pip", "install", "-q", *packages], check=True)
    return bin.resolve()
