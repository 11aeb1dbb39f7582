"""What `check()` shows: the verdict, the hint, more of it on a click, and heat maps that need no library."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import RIGHT
from in_process import judge_body
from synthetic import contrast

from checker.exercises import load
from checker.exercises.comparison import compare
from checker.reports import heat_maps
from checker.reports.check_display import CheckDisplay

EXERCISE = load()
CASES = EXERCISE.draw(seed=1)
UNSCALED = judge_body(re.sub(r" / np.sqrt\(Q\d.shape\[0\]\)", "", RIGHT), EXERCISE, CASES)
MAPS = compare("A", "weights", ("keys", "queries"), np.array([[1.0, np.nan]]), np.array([[0.25, 0.75]]), "here")


class Page(HTMLParser):
    """The text of a page, that within folded parts and that outside, and how its elements are nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.folded = self.outside = self.underlined = ""
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "u" in self.open:
            self.underlined += data
        if "details" in self.open:
            self.folded += data
        else:
            self.outside += f"{data} "


def page(level: str) -> Page:
    return Page(CheckDisplay(EXERCISE, UNSCALED, level)._repr_html_())


def test_a_hint_unfolds_into_the_explanation_and_no_further() -> None:
    shown = page("hint")
    assert not shown.open and "script" not in shown.seen and shown.attributes <= {"style", "scope"}
    assert "Look at the step “scaling of the scores”." in shown.outside and "are not scaled" not in shown.outside
    assert "Tell me more" in shown.folded and "The scores are not scaled." in shown.folded
    assert shown.underlined == "K1.T @ Q1" or shown.underlined.startswith("softmax_cols(")
    assert "Correction" not in shown.folded + shown.outside


def test_an_explanation_unfolds_into_the_solution_and_a_verdict_into_nothing() -> None:
    shown = page("explain")
    assert "The scores are not scaled." in shown.outside and shown.underlined
    assert "Correction: " in shown.folded and "The scores are not scaled." not in shown.folded
    assert "Correction: " in page("solution").outside and not page("solution").folded
    verdict = page("verdict")
    assert not verdict.folded and "td" in verdict.seen and "Attention weights" not in verdict.outside


@pytest.mark.parametrize("level", ["hint", "explain", "solution"])
def test_the_maps_are_tables_with_their_values_and_a_sentence(level: str) -> None:
    shown = page(level)
    for comparison in UNSCALED.comparisons:
        assert comparison.sentence in shown.outside
        assert f"{comparison.yours[0][0]:.1f}"[:4] in shown.outside.replace("\N{MINUS SIGN}", "-")
    assert shown.outside.count("yours") >= 3 and "rows: keys, columns: queries" in shown.outside


def test_the_text_has_the_maps_in_blocks_and_says_how_to_get_more() -> None:
    text = repr(CheckDisplay(EXERCISE, UNSCALED, "hint"))
    assert text.startswith("wrong\n\nX_prime has the right shape") and 'For more: check(level="explain")' in text
    assert "rows: keys, columns: queries" in text and all(len(line) <= 80 for line in heat_maps.text(MAPS).split("\n"))
    assert "check(level=" not in repr(CheckDisplay(EXERCISE, UNSCALED, "explain"))


def test_a_matrix_that_is_right_has_a_sentence_and_no_map() -> None:
    same = compare("A", "weights", ("keys", "queries"), np.eye(2), np.eye(2), "here")
    assert heat_maps.is_right(same) and not heat_maps.is_right(MAPS)
    judgement = judge_body(RIGHT.replace("(V1 @ A1, V2 @ A2)", "(V2 @ A2, V1 @ A1)"), EXERCISE, CASES)
    html = CheckDisplay(EXERCISE, judgement, "hint")._repr_html_()
    assert html.count("yours are right.") == 2 and html.count("<caption") == 3
    assert repr(CheckDisplay(EXERCISE, judgement, "hint")).count("rows: ") == 1


def test_values_that_are_not_finite_are_said_to_be_nan() -> None:
    assert heat_maps.text(MAPS).split("\n")[2].split() == ["█1.0", "nan", "▒.25█.75", "+.75", "nan"]
    assert heat_maps.panels(MAPS)[0].colour(None) == heat_maps.GREY


@pytest.mark.parametrize("signed", [False, True])
def test_every_number_can_be_read_on_its_colour(signed: bool) -> None:
    panel = heat_maps.Panel("x", (), -1.0 if signed else 0.0, 1.0)
    colours = [panel.colour(i / 500) for i in range(-600, 601)] + [heat_maps.GREY]
    assert min(contrast(heat_maps.ink(colour), colour) for colour in colours) >= 4.5


def test_the_colours_are_those_of_matplotlib() -> None:
    from matplotlib import colormaps

    for name, scale in (("cividis", heat_maps.CIVIDIS), ("PuOr", heat_maps.PUOR)):
        ours = np.array([heat_maps.between(scale, i / 64) for i in range(65)])
        theirs = 255 * colormaps[name](np.linspace(0, 1, 65))[:, :3]
        assert np.abs(ours - theirs).max() < 20


@pytest.mark.parametrize(("width", "beside"), [(80, [3]), (60, [2, 1]), (30, [1, 1, 1]), (20, [])])
def test_maps_stand_side_by_side_as_far_as_they_fit(width: int, beside: list[int]) -> None:
    wide = compare("A", "values", ("a", "b"), np.ones((2, 6)), np.zeros((2, 6)), "here")
    lines = heat_maps.text(wide, width).split("\n")
    titles = [len(line.split()) for line in lines if set(line.split()) & {"yours", "expected", "difference"}]
    assert titles == beside and max(map(len, lines)) <= width
