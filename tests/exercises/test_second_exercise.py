"""Another exercise is a description of its own and nothing else: a linear layer, ReLU[beta + Omega X]."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from helpers import notebook

from checker.batch.grade import grade_notebook
from checker.exercises.mistakes import Mistake
from checker.exercises.model import Array, Case, Cases, Decision, Exercise, Step, Tolerance, Variant
from checker.grading.selftest import selftest
from checker.submissions.notebook import parse


def reference(inputs: Mapping[str, Array]) -> dict[str, Array]:
    linear = inputs["omega"] @ inputs["X"]
    shifted = linear + inputs["beta"]
    return {"linear": linear, "shifted": shifted, "H": np.maximum(shifted, 0)}


def case(name: str, seed: int, size: int, count: int) -> Case:
    random = np.random.default_rng(seed)
    arguments = {
        "X": random.normal(size=(size, count)),
        "omega": random.normal(size=(size, size)),
        "beta": random.normal(size=(size, 1)),
    }
    return Case(name, arguments, arguments)


def draw(seed: int) -> Cases:
    fresh, other = case("fresh inputs", seed + 1, 4, 6), case("other sizes", seed + 2, 5, 3)
    return Cases(case("notebook", 0, 4, 6), (fresh,), (other,))


LAYER = Exercise(
    id="layer",
    title="A layer",
    notebook="layer.ipynb",
    answer="H",
    function="layer",
    parameters=("X", "omega", "beta"),
    axes=("D", "N"),
    steps=(
        Step("linear", "the linear map", 40, ("linear",)),
        Step("bias", "the bias", 30, ("shifted",)),
        Step("activation", "the activation", 30, ("H",)),
    ),
    tolerance=Tolerance(1e-6, 1e-6, "float64"),
    reference=reference,
    draw=draw,
    decisions=(
        Decision(
            "linear",
            (
                Variant(lambda s: {"linear": s["omega"] @ s["X"]}),
                Variant(lambda s: {"linear": s["omega"].T @ s["X"]}, ("weights-transposed",)),
            ),
        ),
        Decision(
            "bias",
            (
                Variant(lambda s: {"shifted": s["linear"] + s["beta"]}),
                Variant(lambda s: {"shifted": s["linear"]}, ("bias-missing",)),
            ),
        ),
        Decision("activation", (Variant(lambda s: {"H": np.maximum(s["shifted"], 0)}),)),
    ),
    own_mistakes=(
        Mistake("weights-transposed", "omega is transposed", "Which side?", "It is not.", "", "linear"),
        Mistake("bias-missing", "there is no bias", "What is added?", "beta is.", "", "bias"),
    ),
    words={"linear": "linear map", "shifted": "shifted map", "H": "result"},
    summarise=", ".join,
    given={},
    read_black_box=lambda case, output: None,
)

DATA = "\n".join(
    ["import numpy as np"]
    + [f"{name} = np.array({value.tolist()!r})" for name, value in draw(0).notebook.rebind.items()]
)


@pytest.mark.parametrize(
    ("body", "verdict", "score", "mistakes"),
    [
        ("np.maximum(omega @ X + beta, 0)", "correct", 100, []),
        ("np.maximum(omega @ X, 0)", "wrong", 70, ["bias-missing"]),
        ("np.maximum(omega.T @ X, 0)", "wrong", 30, ["weights-transposed", "bias-missing"]),
        ("np.zeros_like(X)", "not attempted", 0, ["not-attempted"]),
    ],
)
def test_another_exercise_is_graded_by_its_description(
    body: str, verdict: str, score: int, mistakes: list[str]
) -> None:
    cells = (DATA, f"def layer(X, omega, beta):\n  return {body}", "H = layer(X, omega, beta)")
    result, _ = grade_notebook(parse(notebook(*cells)), LAYER)
    assert (result.verdict, result.score) == (verdict, score)
    assert [finding.id for finding in result.mistakes] == mistakes


def test_another_exercise_is_tested_against_its_own_mistakes_and_mutants() -> None:
    tested = selftest(LAYER, lambda cells: grade_notebook(parse(notebook(*cells)), LAYER)[0])
    assert tested.passed
    single = tested.rows[0]
    assert single.exactly == single.caught == 2
