"""The solution's lesson is true: whatever number its prose states is computed here, and nothing is disturbed."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import matplotlib
import matplotlib.colors
import numpy as np
import pytest
from helpers import SOLUTION, load, source

Array = np.ndarray
CELLS = load(SOLUTION)["cells"]
PROSE = {cell["metadata"]["id"]: source(cell) for cell in CELLS if cell["cell_type"] == "markdown"}
_PLACES = [cell["metadata"]["id"] for cell in CELLS]
LESSON = CELLS[_PLACES.index("the-lesson") : _PLACES.index("check-your-answer")]


def softmax(scores: Array, axis: int | None = 0) -> Array:
    return np.exp(scores) / np.exp(scores).sum(axis=axis, keepdims=True)


def entropy(weights: Array) -> Array:
    return -(weights * np.log2(np.maximum(weights, 1e-300))).sum(axis=0)


class Facts:
    """The notebook's data and every quantity that the lesson speaks of, computed from its equations."""

    def __init__(self) -> None:
        from checker.exercises import load as load_exercise

        exercise = load_exercise()
        self.p: Mapping[str, Array] = exercise.draw(0).notebook.arguments
        self.X = self.p["X"]
        self.Q, self.K, self.V = (
            [self.p[f"beta_{kind}{h}"] + self.p[f"omega_{kind}{h}"] @ self.X for h in (1, 2)] for kind in "qkv"
        )
        self.scores = [K.T @ Q for K, Q in zip(self.K, self.Q, strict=True)]
        self.A = [softmax(scores / 2) for scores in self.scores]
        self.unscaled = [softmax(scores) for scores in self.scores]
        self.heads = [V @ A for V, A in zip(self.V, self.A, strict=True)]
        halves = np.hsplit(self.p["omega_c"], 2)
        self.contributions = [half @ head for half, head in zip(halves, self.heads, strict=True)]
        self.fixed_query = softmax(np.repeat(self.K[0].T @ self.p["beta_q1"], 6, axis=1) / 2)
        self.no_bias = softmax(self.K[0].T @ (self.Q[0] - self.p["beta_q1"]) / 2)


@pytest.fixture(scope="module")
def facts() -> Facts:
    return Facts()


@pytest.fixture(scope="module")
def grown() -> dict[str, list[tuple[float, float]]]:
    """Entropy and gradient for D_q = 1 and 512, by divisor: random keys and queries of variance 1."""
    found: dict[str, list[tuple[float, float]]] = {"none": [], "root": [], "all": []}
    random = np.random.RandomState(0)
    for size in 2 ** np.arange(10):
        pairs = [(random.normal(size=(6, size)), random.normal(size=size)) for _ in range(500)]
        scores = np.stack([keys @ query for keys, query in pairs], axis=1)
        for name, divisor in (("none", 1), ("root", np.sqrt(size)), ("all", size)):
            weights = softmax(scores / divisor)
            found[name].append((entropy(weights).mean(), (1 - (weights**2).sum(axis=0)).mean()))
    return {name: [values[0], values[-1]] for name, values in found.items()}


def said(cell: str, *statements: str) -> None:
    """The cell's prose makes these statements, and states no other number (formulas apart)."""
    rest = " ".join(PROSE[cell].split())
    for statement in statements:
        assert statement in rest, f"{cell} does not say: {statement}"
        rest = rest.replace(statement, " ", 1)
    assert not re.search(r"\d", without_formulas(rest)), rest


def without_formulas(prose: str) -> str:
    """The prose without formulas, code, names of heads and the numbers of lists."""
    return re.sub(r"\$[^$]*\$|`[^`]*`|<[^>]*>|[Hh]ead [12]|Answer \d|^\d\. ", " ", prose, flags=re.MULTILINE)


def test_the_sentences_below_the_attention_maps(facts: Facts) -> None:
    one, two = facts.A
    certain = [n + 1 for n in range(6) if one[:, n].max() > 0.95]
    first, second, third = (one[:, n - 1].max() for n in certain)
    inputs = [int(one[:, n - 1].argmax()) + 1 for n in certain]
    assert (one[1:3].sum(axis=1) < 0.01).all(), "nobody listens to inputs 2 and 3"
    assert two[:, 1].argmax() == two[:, 4].argmax() == 1
    said(
        "what-the-maps-say",
        f"queries {certain[0]}, {certain[1]} and {certain[2]} take {first:.2f}, {second:.2f} and {third:.2f}",
        f"(those of inputs {inputs[0]}, {inputs[1]} and {inputs[2]})",
        f"Query 6 is torn between inputs 1 and 5 ({one[0, 5]:.2f} and {one[4, 5]:.2f})",
        "Rows 2 and 3 are empty",
        "nobody listens to inputs 2 and 3",
        f"queries 2 and 5 ask for input 2 ({two[1, 1]:.2f} and {two[1, 4]:.2f})",
        f"query 6 asks for inputs 6 and 3 ({two[5, 5]:.2f} and {two[2, 5]:.2f})",
    )


def test_the_folded_answers(facts: Facts) -> None:
    one, two = facts.A
    assert two[:, 0].argmax() == 3
    squared = one**2 / (one**2).sum(axis=0)
    np.testing.assert_allclose(facts.unscaled[0], squared, err_msg="without the scaling every weight is squared")
    said(
        "answers",
        f"{one[0].sum():.2f} for input 1 in head 1, and {one[1].sum():.2f} for input 2",
        f"Query 1 takes input 5 in head 1 ({one[4, 0]:.2f}), and input 4 in head 2 ({two[3, 0]:.2f})",
    )


def test_the_sentences_below_the_lines(facts: Facts) -> None:
    one, two = facts.A
    assert set(np.flatnonzero(one[4] > 0.4) + 1) == {1, 3, 5, 6} and 0.4 < one[4, 5] < 0.5
    assert ((two > 0.5).sum(axis=1) <= 2).all() and (two[1:3].sum(axis=1) > 1).all()
    said(
        "what-the-lines-say",
        "input 5 is the favourite: thick lines leave it for queries 1, 3 and 5, and nearly half of query 6",
        "inputs 2 and 3, which head 1 ignored, are wanted",
    )
    said("lines", "below 0.005")


def test_the_sentences_about_entropy(facts: Facts) -> None:
    one, two = map(entropy, facts.A)
    assert one.argmin() == 1 and one.argmax() == 5
    assert two.min() > one.min() and two.max() < one.max()
    said("entropy", "is 0 bits", "all six share evenly")
    assert f"\\log_{{2}} 6 = {np.log2(6):.2f}" in PROSE["entropy"]
    said(
        "what-the-entropy-says",
        f"query 2 has {one[1]:.2f} bits",
        f"Query 6 is the most spread, with {one[5]:.2f} bits, as if it attended to {2 ** one[5]:.2f} inputs",
        f"between {two.min():.2f} and {two.max():.2f} bits",
    )


def test_the_sentences_about_scaling(facts: Facts, grown: dict[str, list[tuple[float, float]]]) -> None:
    scaled, unscaled = ([entropy(A).mean() for A in maps] for maps in (facts.A, facts.unscaled))
    said(
        "what-unscaled-says",
        f"Input 4 held {facts.A[0][3, 2]:.2f} of query 3 in head 1, and now holds {facts.unscaled[0][3, 2]:.2f}",
        f"from {scaled[0]:.2f} to {unscaled[0]:.2f} bits in head 1, and from {scaled[1]:.2f} to {unscaled[1]:.2f}",
        "variance 1",
    )
    said("why-scale", "mean 0 and variance 1", "mean 0 and variance 1", "back to 1", "is 2,", "divides by 2")
    (small, steep), (frozen, flat) = grown["none"]
    (start, _), (end, _) = grown["root"]
    said(
        "what-growth-says",
        f"from {small:.2f} to {frozen:.2f} bits",
        f"from {steep:.2f} to {flat:.2f}",
        f"({grown['all'][1][0]:.2f} bits)",
        f"({start:.2f} and {end:.2f} bits)",
    )


def test_the_sentences_about_the_heads(facts: Facts) -> None:
    one, two = facts.contributions
    np.testing.assert_allclose(one + two, facts.p["omega_c"] @ np.vstack(facts.heads))
    assert abs(facts.heads[1][:, 1] - facts.heads[1][:, 4]).max() < 0.2
    said(
        "what-heads-say",
        "(rows 5 to 8 of the stacked heads) columns 2 and 5",
        "the value of input 2",
        "rows 1 to 4 of the output",
        "rows 5 to 8 of head 2",
        f"{one[0, 0]:.1f} from head 1 and {two[0, 0]:.1f} from head 2 make {(one + two)[0, 0]:.1f}",
        f"({abs(one).mean():.1f} and {abs(two).mean():.1f} on average",
    )


def test_the_sentences_about_properties(facts: Facts) -> None:
    assert np.ptp(facts.fixed_query, axis=1).max() < 1e-12
    said(
        "one-input",
        f"{facts.A[0][5, 1]:.2f} stands",
        f"everybody takes {facts.fixed_query[4, 0]:.2f} of input 5",
        f"one sixth, {1 / 6:.2f}",
    )
    shifted = facts.K[0] + 10 * np.ones((4, 1))
    np.testing.assert_allclose(softmax(shifted.T @ facts.Q[0] / 2), facts.A[0], atol=1e-9)


def test_the_sentences_about_mistakes(facts: Facts) -> None:
    rows = softmax(facts.scores[0] / 2, axis=1)
    whole = softmax(facts.scores[0] / 2, axis=None)
    np.testing.assert_allclose(softmax(facts.Q[0].T @ facts.K[0] / 2), rows.T, err_msg="turned over its diagonal")
    assert facts.no_bias[:, 2].argmax() == 1 and facts.A[0][:, 2].argmax() == 4
    said(
        "what-mistakes-say",
        f"query 1 gets {rows[:, 0].sum():.2f} in all, and query 5 only {rows[:, 4].sum():.2f}",
        f"one cell takes {whole.max():.2f} of everything, because all 36 weights",
        f"Query 3 now takes {facts.no_bias[1, 2]:.2f} of input 2, and ought to take {facts.A[0][4, 2]:.2f} of input 5",
    )


def test_no_other_prose_of_the_lesson_states_a_number() -> None:
    checked = {
        "what-the-maps-say", "answers", "what-the-lines-say", "lines", "entropy", "what-the-entropy-says", "why-scale",
        "what-unscaled-says", "what-growth-says", "what-heads-say", "one-input", "what-mistakes-say",
    }  # fmt: skip
    for cell in LESSON:
        if cell["cell_type"] == "markdown" and cell["metadata"]["id"] not in checked:
            assert not re.search(r"\d", without_formulas(source(cell))), source(cell)


# The code of the lesson, in this process.


@pytest.fixture(scope="module")
def lesson() -> Iterator[tuple[dict[str, Any], str]]:
    """Runs every cell before the check; gives its names, and what the lesson's own cells print."""
    before = matplotlib.get_backend(), dict(matplotlib.rcParams), np.get_printoptions()
    matplotlib.use("Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in CELLS:
            if cell["metadata"]["id"] == "check-your-answer":
                break
            if cell["metadata"]["id"] == "the-lesson":
                names["state before"] = np.random.get_state()
                names["data before"] = {k: v.copy() for k, v in names.items() if isinstance(v, np.ndarray)}
                printed.truncate(0)
            if cell["cell_type"] == "code":
                exec(compile(source(cell), cell["metadata"]["id"], "exec"), names)
    yield names, printed.getvalue()
    import matplotlib.pyplot as plt

    plt.close("all")
    matplotlib.use(before[0])
    matplotlib.rcParams.update(before[1])
    np.set_printoptions(**before[2])


def test_the_lesson_disturbs_neither_seed_nor_data(lesson: tuple[dict[str, Any], str]) -> None:
    names, _ = lesson
    before, after = names["state before"], np.random.get_state()
    assert before[2:] == after[2:] and (before[1] == after[1]).all()
    for name, value in names["data before"].items():
        np.testing.assert_array_equal(names[name], value, err_msg=name)


def test_what_the_lesson_claims_by_printing_is_so(lesson: tuple[dict[str, Any], str]) -> None:
    _, printed = lesson
    claims = re.findall(r"^(.*): +(True|False)$", printed, flags=re.MULTILINE)
    assert [claim for claim, true in claims if true == "False"] == ["Same without the query bias"]
    assert len(claims) == 5


def test_the_numbers_in_the_cells_of_a_map_are_readable(lesson: tuple[dict[str, Any], str]) -> None:
    """A contrast of 4.5 to 1 at least (WCAG AA), for every weight."""
    import matplotlib.pyplot as plt

    names, _ = lesson
    figure, axes = plt.subplots()
    image = names["draw_map"](axes, np.linspace(0, 1, 101).reshape(1, -1), "")
    assert image.get_clim() == (0, 1)
    for text in axes.texts:
        cell = luminance(image.to_rgba(float(text.get_position()[0]) / 100)[:3])
        ink = luminance(matplotlib.colors.to_rgb(text.get_color()))
        assert (max(cell, ink) + 0.05) / (min(cell, ink) + 0.05) >= 4.5
    plt.close(figure)


def luminance(color: Any) -> float:
    channels = np.asarray(color)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_every_figure_is_followed_by_what_to_look_for() -> None:
    for cell, following in itertools.pairwise(LESSON):
        if "plt.show()" in source(cell):
            assert source(following).startswith("**What to look for.**"), cell["metadata"]["id"]


def test_questions_come_before_the_first_figure_and_folded_answers_after_it() -> None:
    order = [cell["metadata"]["id"] for cell in LESSON]
    assert order.index("the-lesson") < order.index("draw-attention-maps") < order.index("answers")
    assert len(re.findall(r"^\d\. .*\?$", PROSE["the-lesson"], flags=re.MULTILINE)) >= 3
    assert PROSE["answers"].count("<details>") == PROSE["answers"].count("</details>") == 3


def test_the_lesson_needs_nothing_but_numpy_and_matplotlib() -> None:
    imports = re.findall(r"^\s*(?:import|from) (\w+)", "\n".join(source(cell) for cell in CELLS), flags=re.MULTILINE)
    assert set(imports) == {"numpy", "matplotlib", "checker"}
    assert "except ImportError" in source(next(cell for cell in CELLS if "import check" in source(cell)))
