"""What a person sees of a batch while it runs."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from checker.exercises.model import Exercise
from checker.reports.progress import Progress
from checker.result import Result, Verdict


def result(name: str, verdict: Verdict) -> Result:
    return Result(name, name.title(), f"{name}.ipynb", "", "x", verdict, 0, "A long sentence about what is wrong. " * 3)


STUDENTS = ["Ada", "Bea", "Cem", "Dan"]


def shown(exercise: Exercise, *, terminal: bool, width: int = 80, hidden: bool = False) -> str:
    """What is printed while one of four results is kept, two are added and one is still to come."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=width, height=20, color_system=None, markup=False)
    with Progress(console, exercise, STUDENTS, hidden=hidden) as progress:
        progress.keep([result("ada", "correct")])
        progress.add(result("bea", "wrong"))
        progress.add(result("cem", "correct"))
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_terminal_shows_a_bar_the_rate_and_the_count_of_each_verdict(width: int, exercise: Exercise) -> None:
    printed = shown(exercise, terminal=True, width=width)
    assert "2/3" in printed and "it/s" in printed
    assert "2 correct" in printed and "1 wrong" in printed
    assert "Bea  wrong" in printed and "Ada" not in printed


def test_a_file_gets_plain_whole_lines(exercise: Exercise) -> None:
    kept, bea, cem = shown(exercise, terminal=False, width=40).splitlines()
    assert kept == "1 of 4 were graded before and are kept; --force grades them again."
    assert bea.startswith("Bea  wrong") and bea.strip().endswith("what is wrong.") and cem.startswith("Cem  correct")
    assert "\x1b" not in kept + bea + cem


def test_nothing_is_shown_when_it_is_not_wanted(exercise: Exercise) -> None:
    for terminal in (True, False):
        assert not Counter(shown(exercise, terminal=terminal, hidden=True))
