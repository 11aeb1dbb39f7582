"""The student's function as written, and what it computed beside what is right: shown only where it is known."""

import json

import numpy as np
import pytest
from helpers import RIGHT
from in_process import judge_body

from checker.exercises import load
from checker.exercises.comparison import compare
from checker.exercises.model import Array, Case, Exercise
from checker.grading.source import function_source
from checker.result import Comparison, Judgement, Result, from_json, to_json

EXERCISE = load()
CASES = EXERCISE.draw(seed=1)
SCALINGS = (" / np.sqrt(Q1.shape[0])", " / np.sqrt(Q2.shape[0])")


def judged(*changes: tuple[str, str], traced: bool = True) -> Judgement:
    body = RIGHT
    for old, new in changes:
        assert old in body
        body = body.replace(old, new)
    return judge_body(body, EXERCISE, CASES, traced=traced)


def by_name(judgement: Judgement) -> dict[str, Comparison]:
    return {comparison.name: comparison for comparison in judgement.comparisons}


def weights(judgement: Judgement, head: int) -> Comparison:
    return by_name(judgement)[f"Attention weights of head {head}"]


def softmax(scores: Array, axis: int) -> Array:
    exponentials = np.exp(scores)
    return exponentials / exponentials.sum(axis=axis, keepdims=True)  # type: ignore[no-any-return]


def scores(case: Case, head: int, *, transposed: bool = False) -> Array:
    """The scaled scores of a head, written down once more."""
    a = case.arguments
    queries = a[f"omega_q{head}"] @ a["X"] + a[f"beta_q{head}"]
    keys = a[f"omega_k{head}"] @ a["X"] + a[f"beta_k{head}"]
    product = queries.T @ keys if transposed else keys.T @ queries
    return product / np.sqrt(len(queries))


def test_a_right_function_has_nothing_to_compare() -> None:
    assert judged().comparisons == ()


@pytest.mark.parametrize("head", [1, 2])
def test_weights_are_those_that_the_function_computed(head: int) -> None:
    case = CASES.traced
    rows = weights(judged(("softmax_cols(", "own_softmax(axis=1, z=")), head)
    unscaled = weights(judged(*((scaling, "") for scaling in SCALINGS)), head)
    swapped = weights(judged(("K1.T @ Q1", "Q1.T @ K1"), ("K2.T @ Q2", "Q2.T @ K2")), head)
    assert np.allclose(np.array(rows.yours, float), softmax(scores(case, head), axis=1), atol=1e-4)
    assert np.allclose(np.array(unscaled.yours, float), softmax(scores(case, head) * 2, axis=0), atol=1e-4)
    assert np.allclose(np.array(swapped.yours, float), softmax(scores(case, head, transposed=True), axis=0), atol=1e-4)
    for shown in (rows, unscaled, swapped):
        assert np.allclose(shown.expected, softmax(scores(case, head), axis=0), atol=1e-4)
        assert (shown.kind, shown.rows, shown.columns) == ("weights", "keys", "queries")
        assert "random inputs with D = 8 and N = 6: all 36 values differ" in shown.sentence
    assert "The columns of yours sum to 0." in rows.sentence and "sum to" not in unscaled.sentence


@pytest.mark.parametrize(
    "change", [("(V1 @ A1, V2 @ A2)", "(V2 @ A2, V1 @ A1)"), (" + beta_v1, ", ", ")], ids=["heads", "value bias"]
)
def test_weights_that_are_right_are_said_to_be_right(change: tuple[str, str]) -> None:
    judgement = judged(change)
    for head in (1, 2):
        assert weights(judgement, head).yours == weights(judgement, head).expected
        assert weights(judgement, head).sentence.endswith("N = 6: yours are right.")
    assert "X_prime for the notebook's data: " in by_name(judgement)["X_prime"].sentence


def test_an_unexplained_attention_is_worked_out_from_the_output() -> None:
    judgement = judged(("np.sqrt(Q1.shape[0])", "3.7"), ("np.sqrt(Q2.shape[0])", "3.7"))
    assert judgement.mistakes[0].id == "unexplained" and CASES.black_box is not None
    for head in (1, 2):
        shown = weights(judgement, head)
        right = softmax(scores(CASES.black_box, head) * 2 / 3.7, axis=0)
        assert np.allclose(np.array(shown.yours, float), right, atol=1e-4)
        assert "N = 4, worked out from your output: all 16 values differ" in shown.sentence


@pytest.mark.parametrize(
    "change",
    [
        ("V1 @ A1, V2 @ A2", "np.sin(V1 @ A1), np.sin(V2 @ A2)"),
        ("return omega_c @", "return X + 0.3 * omega_c @"),
        ("return omega_c", "return np.nan * omega_c"),
    ],
    ids=["sine", "residual", "nan"],
)
def test_what_is_recovered_but_is_no_attention_is_not_shown(change: tuple[str, str]) -> None:
    assert list(by_name(judged(change))) == ["X_prime"]


def test_swapped_heads_that_nobody_watched_show_no_weights() -> None:
    judgement = judged(("(V1 @ A1, V2 @ A2)", "(V2 @ A2, V1 @ A1)"), traced=False)
    assert judgement.mistakes[0].id == "heads-swapped" and list(by_name(judgement)) == ["X_prime"]


def test_weights_of_another_shape_are_not_compared() -> None:
    changes = (("K1.T @ Q1", "Q1 @ K1.T"), ("K2.T @ Q2", "Q2 @ K2.T"), ("V1 @ A1, V2 @ A2", "A1 @ V1, A2 @ V2"))
    judgement = judged(*changes)
    assert judgement.mistakes[0].id == "attention-over-features" and list(by_name(judgement)) == ["X_prime"]


def test_a_result_of_another_shape_is_not_compared() -> None:
    assert "X_prime" not in by_name(judged(("V2 @ A2))", "V2 @ A2)).T @ omega_c.T"), ("return omega_c @", "return")))


def test_an_exception_leaves_the_weights_that_were_computed_before_it() -> None:
    judgement = judged(*((scaling, "") for scaling in SCALINGS), ("V2 @ A2))", "V2 @ A2), axis=1)"))
    assert judgement.verdict == "error" and set(by_name(judgement)) == {
        "Attention weights of head 1",
        "Attention weights of head 2",
    }


def test_a_function_that_is_right_at_the_notebooks_sizes_is_compared_at_others() -> None:
    judgement = judged(("np.sqrt(Q1.shape[0])", "2"), ("np.sqrt(Q2.shape[0])", "2"))
    [shown] = judgement.comparisons
    assert (
        judgement.verdict == "partial" and shown.name == "X_prime" and "for random inputs with D = " in shown.sentence
    )


@pytest.mark.parametrize("body", ["  return X * 0\n", "  return None\n", "  raise ValueError\n", "  return 'X'\n"])
def test_where_nothing_was_computed_nothing_is_compared(body: str) -> None:
    assert judge_body(body, EXERCISE, CASES).comparisons == ()


def test_numbers_that_are_none_become_null_and_are_counted() -> None:
    yours = np.array([[np.nan, 1.0], [-np.inf, -0.00001]])
    shown = compare("X", "values", ("a", "b"), yours, np.array([[0.0, 3.0], [1.0, 0.0]]), "here")
    assert shown.yours == ((None, 1.0), (None, 0.0))
    assert shown.sentence == (
        "X here: 1 of 4 values differ, by up to 2, most in row 1, column 2: yours is 1, and 3 is right; "
        "2 of yours are nan or inf."
    )
    result = Result("a", "A", "a", "", "x", "wrong", 0, "", comparisons=(shown,))
    assert from_json(to_json(result)) == result and "NaN" not in json.dumps(to_json(result))


@pytest.mark.parametrize("yours", ["[[NaN]]", '[["1"]]', "[[1, 2]]", "[[true]]", "[[null], [1]]", "7"])
def test_matrices_that_are_none_are_refused(yours: str) -> None:
    shown = compare("X", "values", ("a", "b"), np.ones((1, 1)), np.zeros((1, 1)), "here")
    line = to_json(Result("a", "A", "a", "", "x", "wrong", 0, "", comparisons=(shown,)))
    assert '"yours":[[1.0]]' in line
    with pytest.raises(ValueError, match="not "):
        from_json(line.replace("[[1.0]]", yours))


def test_judgements_hold_the_function_as_written() -> None:
    function = judged((" + beta_v1", "")).function
    assert function is not None and (function.code_cell, function.line) == (2, 1)
    assert function.text.startswith(f"def {EXERCISE.function}(X, ") and function.text.rstrip().endswith("V2 @ A2))")


@pytest.mark.parametrize(
    ("cells", "place", "text"),
    [
        (("def f(): 1", "def f():\n  2", "g = 3"), (2, 1), "def f():\n  2"),  # the last one counts
        (("def f(): 1\n\ndef f(): 2",), (1, 3), "def f(): 2"),
        (("%time\n!ls\nif True:\n  def f():\n    pass\n",), (1, 4), "  def f():\n    pass"),
        (("import functools\n@functools.cache\ndef f(): 1",), (1, 2), "@functools.cache\ndef f(): 1"),
        (("f = lambda x: (\n  x)\ny = 1",), (1, 1), "f = lambda x: (\n  x)"),
        (("y = 1\ndef f(x):\n  return (x\n\n  # no end\nz = 1",), (1, 2), "def f(x):\n  return (x\n\n  # no end"),
        (("class A:\n  def f(self): pass", "def g():\n  def f(): pass"), None, ""),
        ((), None, ""),
    ],
)
def test_a_function_is_found_by_its_name(cells: tuple[str, ...], place: tuple[int, int] | None, text: str) -> None:
    found = function_source(cells, "f")
    if place is None:
        assert found is None
    else:
        assert found is not None and (found.code_cell, found.line) == place and found.text == text


def test_a_very_long_function_is_cut(exercise: Exercise) -> None:
    found = function_source(("def f():\n" + "  x = 1\n" * 9_000,), "f")
    assert found is not None and 10_000 <= len(found.text) < 10_010


def test_what_is_wrong_for_being_transposed_is_not_right_so_far() -> None:
    judgement = judged(("K1.T @ Q1", "Q1.T @ K1"), ("K2.T @ Q2", "Q2.T @ K2"))
    assert judgement.right_so_far == "queries, keys and values of both heads"
