from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.font_manager  # noqa: F401  # makes its list of fonts once, so that not every kernel has to
import pytest
from browsing import Browser, opened
from helpers import EXAMPLES, GRADE, checker

from checker import Result
from checker.batch.grade import grade_one
from checker.batch.settings import Settings
from checker.exercises import load
from checker.exercises.model import Exercise
from checker.kernel.limits import Limits
from checker.submissions.find import single

# Fixtures that take seconds. Tests run side by side in several processes, each of which would make its own: those that
# share one of these run in one process, and the largest groups begin first (see --dist=loadgroup of pytest-xdist).
SHARED = {"browser", "executed", "graded", "lesson", "opened", "outcomes", "outputs_without"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in SHARED & set(getattr(item, "fixturenames", ())):
            callspec = getattr(item, "callspec", None)
            parameter = callspec.params.get(name, "") if callspec else ""
            module = "" if name == "graded" else item.path.stem  # the others are made once for each module
            item.add_marker(pytest.mark.xdist_group("-".join(filter(None, (name, module, parameter)))))


@pytest.fixture(scope="session")
def exercise() -> Exercise:
    return load("multihead-self-attention")


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """`checker grade examples/submissions` with every output that there is, once for all tests."""
    out = tmp_path_factory.mktemp("grades")
    options: list[object] = ["--executed", "--gradebook", "canvas", "--gradebook", "moodle", "--github"]
    options += ["--junit", out / "junit.xml", "--gradescope", out / "gradescope"]
    # The one loop without an end among the examples need not be waited for as long as a student's slow cell.
    options += ["--cell-timeout", 5]
    environment = {**os.environ, "GITHUB_STEP_SUMMARY": str(out / "summary.md")}
    return checker(*GRADE, EXAMPLES, "--out", out, *options, env=environment), out


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
