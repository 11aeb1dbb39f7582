"""A result in full in a terminal: the same with and without colours, in a pipe, and in plain ASCII."""

import io
import re

import numpy as np
import pytest
from helpers import RIGHT
from in_process import judge_body
from rich.console import Console

from checker.exercises import load
from checker.exercises.comparison import compare
from checker.reports import terminal
from checker.result import Comparison, Result

EXERCISE = load()
BODY = RIGHT.replace("softmax_cols(", "own_softmax(axis=1, z=")
JUDGED = judge_body(BODY, EXERCISE, EXERCISE.draw(seed=1))
RESULT = Result(
    "ada", "Ada", "ada.ipynb", "", EXERCISE.id, JUDGED.verdict, JUDGED.score, JUDGED.summary, JUDGED.checks,
    JUDGED.mistakes, comparisons=JUDGED.comparisons,
)  # fmt: skip
MAPS = compare("A", "weights", ("keys", "queries"), np.array([[0.9, 0.1]]), np.array([[0.5, 0.5]]), "here")


def printed(
    shown: object, *, colours: str | None = None, environment: dict[str, str] | None = None, encoding: str = "utf-8"
) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(
        file=file,
        width=80,
        force_terminal=colours is not None,
        color_system=colours,  # type: ignore[arg-type]
        _environ=environment or {},
    )
    console.print(shown)
    return raw.getvalue().decode(encoding)


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_pipe_gets_the_maps_in_blocks_and_a_caret_line() -> None:
    shown = printed(terminal.details(RESULT, EXERCISE, "explain"))
    assert "\x1b" not in shown and all(len(line) <= 80 for line in shown.split("\n"))
    assert "^^^^" in shown and set(shown) >= set("░▒")
    assert shown.count("rows: keys, columns: queries") == 2 and shown.count("expected  ") == 3


@pytest.mark.parametrize("level", ["hint", "explain", "solution"])
def test_every_sentence_stands_by_its_maps_from_the_hint_on(level: str) -> None:
    shown = " ".join(printed(terminal.details(RESULT, EXERCISE, level)).split())
    assert len(RESULT.comparisons) == 3 and all(comparison.sentence in shown for comparison in RESULT.comparisons)


def test_a_verdict_shows_no_maps() -> None:
    assert "Attention weights" not in printed(terminal.details(RESULT, EXERCISE, "verdict"))


def test_colours_take_the_place_of_blocks_and_nothing_else() -> None:
    coloured, plain = (printed(terminal.HeatMaps(MAPS), colours=colours) for colours in ("truecolor", None))
    assert "48;2;" in coloured and "█" not in coloured and plain.count("█.90░.10") == 1
    assert without_colours(coloured).split() == re.sub("[█▓▒░]", " ", plain).split()


def test_no_color_and_terminals_of_few_colours_get_blocks() -> None:
    for shown in (
        printed(terminal.HeatMaps(MAPS), colours="truecolor", environment={"NO_COLOR": "1"}),
        printed(terminal.HeatMaps(MAPS), colours="standard"),
    ):
        assert "█.90░.10" in shown and "48;" not in shown


def test_where_blocks_cannot_be_written_there_are_signs() -> None:
    assert "#.90:.10" in printed(terminal.HeatMaps(MAPS), encoding="ascii")


@pytest.mark.parametrize("shape", [(1, 60), (30, 2), (0, 0)])
def test_matrices_of_any_size_are_shown_as_far_as_they_fit(shape: tuple[int, int]) -> None:
    maps: Comparison = compare("A", "values", ("a", "b"), np.ones(shape), np.zeros(shape), "here")
    assert all(len(line) <= 80 for line in printed(terminal.HeatMaps(maps)).split("\n"))
