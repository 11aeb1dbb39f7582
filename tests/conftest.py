from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.font_manager  # noqa: F401  # makes its list of fonts once, so that not every kernel has to
import pytest
from browsing import Browser, opened

from checker import Result
from checker.batch import Settings, grade_one
from checker.execution.run import Limits
from checker.exercise import Exercise
from checker.exercises import load
from checker.submission import single


@pytest.fixture(scope="session")
def exercise() -> Exercise:
    return load("multihead-self-attention")


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
