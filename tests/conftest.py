from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib.font_manager  # noqa: F401  # makes its list of fonts once, so that not every kernel has to
import pytest
from browsing import Browser, opened
from filelock import FileLock
from helpers import EXAMPLES, GRADE, Once, checker

from checker import Result
from checker.batch.grade import grade_one
from checker.batch.settings import Settings
from checker.exercises import load
from checker.exercises.model import Exercise
from checker.kernel.options import Limits
from checker.submissions.find import single


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest in one piece begins first, so that nothing waits for it at the end."""
    items.sort(key=lambda item: "attacked" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all the processes in which these tests run side by side."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def once(common: Path) -> Once:
    """`once(name, make)` is what `make()` returns, made by the first process that asks and read by the others."""

    def made(name: str, make: Callable[[], Any]) -> Any:
        path = common / f"{name}.pickle"
        with FileLock(common / f"{name}.lock"):
            if not path.exists():
                path.write_bytes(pickle.dumps(make()))
            return pickle.loads(path.read_bytes())

    return made


@pytest.fixture
def alone(common: Path) -> Iterator[None]:
    """For tests that would disturb each other, as by signals to every process: one of them runs at a time."""
    with FileLock(common / "alone.lock"):
        yield


@pytest.fixture(scope="session")
def exercise() -> Exercise:
    return load("multihead-self-attention")


@pytest.fixture(scope="session")
def graded(common: Path, once: Once) -> tuple[subprocess.CompletedProcess[str], Path]:
    """`checker grade examples/submissions` with every output that there is, once for all tests."""
    out = common / "grades"
    out.mkdir(exist_ok=True)
    options: list[object] = ["--executed", "--gradebook", "canvas", "--gradebook", "moodle", "--github"]
    options += ["--junit", out / "junit.xml", "--gradescope", out / "gradescope"]
    # The one loop without an end among the examples need not be waited for as long as a student's slow cell.
    options += ["--cell-timeout", 5]
    environment = {**os.environ, "GITHUB_STEP_SUMMARY": str(out / "summary.md")}
    return once("graded", lambda: checker(*GRADE, EXAMPLES, "--out", out, *options, env=environment)), out


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module only: while it is there, an event loop runs that others in this process would stumble over."""
    with opened() as found:
        yield found


@pytest.fixture
def grade(tmp_path: Path, exercise: Exercise) -> Callable[..., Result]:
    """Grade the bytes of one file in a real kernel."""

    def grade_bytes(data: bytes, name: str = "ada.ipynb", limits: Limits | None = None) -> Result:
        path = tmp_path / name
        path.write_bytes(data)
        return grade_one(single(path), exercise, Settings(limits or Limits()))[0]

    return grade_bytes
