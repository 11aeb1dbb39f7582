"""The diagnosis names what was put in: programs of many styles, with known mistakes."""

import random
import re
import runpy

import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import judge_body, judge_program
from programs import MISTAKES, all_sets, program

from checker.exercises import load
from checker.exercises.model import Exercise
from checker.grading.diagnosis import exceptions, simulation
from checker.grading.diagnosis.simulation import Hypothesis
from checker.kernel.observation import Failure
from checker.result import Judgement

EXERCISE = load()
SEEDS = st.integers(min_value=0, max_value=10_000)


def sets_of(size: int) -> st.SearchStrategy[frozenset[str]]:
    return st.sampled_from(sorted(all_sets(size), key=sorted))


def names(judgement: Judgement) -> list[frozenset[str]]:
    return [frozenset(finding.id for finding in judgement.mistakes), *map(frozenset, judgement.alternatives)]


def is_named(mistakes: frozenset[str], judgement: Judgement) -> bool:
    """Whether just these mistakes are named, or a set with the same output that is no larger.

    What explains a run gives its outputs on every probe, so another set that is named is an equivalent one.
    """
    if judgement.verdict == "correct":  # together, some mistakes are none
        return names(judgement) == [frozenset()]
    named = names(judgement)
    return mistakes in named or ("unexplained" not in named[0] and len(named[0]) <= len(mistakes))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_no_mistake_is_named_in_correct_programs_of_any_style(seed: int) -> None:
    judgement = judge_program(frozenset(), seed, EXERCISE)
    assert (judgement.verdict, judgement.score) == ("correct", 100)
    assert not judgement.mistakes and not judgement.remarks


@pytest.mark.parametrize("traced", [True, False], ids=["traced", "untraced"])
@settings(max_examples=200, deadline=None, derandomize=True)
@given(mistakes=sets_of(1), seed=SEEDS)
def test_a_single_mistake_is_named(traced: bool, mistakes: frozenset[str], seed: int) -> None:
    judgement = judge_program(mistakes, seed, EXERCISE, traced=traced)
    assert names(judgement) == [mistakes]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(mistakes=sets_of(2), seed=SEEDS)
def test_two_mistakes_are_named(mistakes: frozenset[str], seed: int) -> None:
    assert is_named(mistakes, judge_program(mistakes, seed, EXERCISE))


def test_at_least_98_of_100_triples_are_named() -> None:
    drawn = random.Random(0).sample(sorted(all_sets(3), key=sorted), 300)
    missed = [m for seed, m in enumerate(drawn) if not is_named(m, judge_program(m, seed, EXERCISE))]
    assert len(missed) <= 0.02 * len(drawn), missed


@settings(max_examples=200, deadline=None, derandomize=True)
@given(mistakes=sets_of(1), seed=SEEDS)
def test_the_first_wrong_expression_is_on_the_line_of_the_mistake(mistakes: frozenset[str], seed: int) -> None:
    [mistake] = mistakes
    finding = judge_program(mistakes, seed, EXERCISE).mistakes[0]
    assert finding.line is not None and finding.columns is not None
    part = next(part for part, ids in MISTAKES.items() if mistake in ids)
    starts = {
        "bias": ("q", "v"),
        "parameters": ("q", "k", "v", "o", "for"),
        "scores": ("s",),
        "scale": ("s", "a"),
        # A helper is pointed at if it was given right values, and what uses the scores if there is no softmax.
        "softmax": ("a", "e", "return e", "o"),
        "weighting": ("o",),
        "join": ("h",),
        "output": ("h", "return"),
        "residual": ("return",),
        "result": ("return",),
    }
    assert finding.source.strip().startswith(starts[part]), (finding.source, program(mistakes, seed))


def right_body(**changes: str) -> str:
    """A right body, written out, with some lines replaced by others: `scores="..."`."""
    lines = {
        "q": "q1, q2 = omega_q1 @ X + beta_q1, omega_q2 @ X + beta_q2",
        "k": "k1, k2 = omega_k1 @ X + beta_k1, omega_k2 @ X + beta_k2",
        "v": "v1, v2 = omega_v1 @ X + beta_v1, omega_v2 @ X + beta_v2",
        "scores": "s1, s2 = k1.T @ q1, k2.T @ q2",
        "scaled": "s1, s2 = s1 / np.sqrt(H_D), s2 / np.sqrt(H_D)",
        "weights": "a1, a2 = softmax_cols(s1), softmax_cols(s2)",
        "heads": "o1, o2 = v1 @ a1, v2 @ a2",
        "out": "return omega_c @ np.concatenate((o1, o2))",
    }
    return "".join(f"  {line}\n" for line in (lines | changes).values())


def judged(**changes: str) -> Judgement:
    return judge_body(right_body(**changes), EXERCISE, EXERCISE.draw(1))


def ids(judgement: Judgement) -> list[str]:
    return [finding.id for finding in judgement.mistakes]


def test_the_trace_decides_where_outputs_cannot() -> None:
    """Q^T K has the output of a softmax over rows whose transpose weights the values: which one was written shows."""
    swapped = judged(scores="s1, s2 = q1.T @ k1, q2.T @ k2")
    assert ids(swapped) == ["query-key-swapped"]
    rows = "a1, a2 = softmax_cols(s1.T).T, softmax_cols(s2.T).T"
    other = judged(weights=rows, heads="o1, o2 = v1 @ a1.T, v2 @ a2.T")
    assert ids(other) == ["softmax-over-rows", "attention-transposed"]


def test_without_a_trace_explanations_that_no_output_tells_apart_are_all_named() -> None:
    body = right_body(out="return (omega_c.T @ np.concatenate((o1, o2))).T")
    judgement = judge_body(body, EXERCISE, EXERCISE.draw(1), traced=False)
    assert names(judgement) == [frozenset({"row-major-layout"})]
    # v A^T and Q^T K with a softmax over rows: the first has fewer mistakes, and is what is named.
    body = right_body(heads="o1, o2 = v1 @ a1.T, v2 @ a2.T")
    assert names(judge_body(body, EXERCISE, EXERCISE.draw(1), traced=False)) == [frozenset({"attention-transposed"})]


def test_a_missing_key_bias_is_only_remarked_on_beside_a_real_mistake() -> None:
    judgement = judged(
        q="q1, q2 = omega_q1 @ X, omega_q2 @ X",
        k="k1, k2 = omega_k1 @ X, omega_k2 @ X",
        v="v1, v2 = omega_v1 @ X, omega_v2 @ X",
    )
    assert ids(judgement) == ["query-bias-missing", "value-bias-missing"]
    [remark] = judgement.remarks
    assert remark.id == "key-bias-missing" and "cannot be seen in any output" in remark.message


def test_a_mistake_in_one_head_only_is_found_by_the_trace() -> None:
    judgement = judged(scaled="s1 = s1 / np.sqrt(H_D)")
    assert ids(judgement) == ["scale-missing"]
    assert judgement.mistakes[0].source.strip() == "a1, a2 = softmax_cols(s1), softmax_cols(s2)"
    assert judgement.mistakes[0].columns is not None
    start, end = judgement.mistakes[0].columns
    assert judgement.mistakes[0].source[start:end] == "softmax_cols(s2)"


BROADCAST = "np.exp(s1) / np.exp(s1).sum(axis=1), np.exp(s2) / np.exp(s2).sum(axis=1)"
SQRT_N = "np.sqrt(X.shape[1])"
TRANSPOSED = "omega_c.T @ np.concatenate((o1, o2))"
REUSED = "omega_q1 @ X + beta_q1"


@pytest.mark.parametrize(
    ("changes", "expected", "first_wrong"),
    [
        ({"out": "return np.concatenate((o1, o2))"}, "output-projection-missing", "np.concatenate((o1, o2))"),
        ({"scaled": f"s1, s2 = s1 / {SQRT_N}, s2 / {SQRT_N}"}, "scale-by-sqrt-n", f"s1 / {SQRT_N}"),
        ({"scores": "s1, s2 = q1.T @ k1, q2.T @ k2"}, "query-key-swapped", "q1.T @ k1"),
        ({"out": "return omega_c @ np.concatenate((o2, o1))"}, "heads-swapped", "np.concatenate((o2, o1))"),
        ({"heads": "o1, o2 = v1 @ a1, v2 @ a1"}, "heads-merged", "v2 @ a1"),
        ({"weights": f"a1, a2 = {BROADCAST}"}, "softmax-broadcast", "np.exp(s1) / np.exp(s1).sum(axis=1)"),
        ({"out": f"return {TRANSPOSED}"}, "output-projection-transposed", TRANSPOSED),
        ({"v": "v1, v2 = omega_v1 @ X, omega_v2 @ X"}, "value-bias-missing", "omega_v1 @ X"),
        ({"q": f"q1, q2 = {REUSED}, {REUSED}"}, "head-parameters-reused", REUSED),
    ],
)
def test_the_first_wrong_expression_is_underlined(changes: dict[str, str], expected: str, first_wrong: str) -> None:
    judgement = judged(**changes)
    assert ids(judgement) == [expected]
    finding = judgement.mistakes[0]
    assert finding.columns is not None
    assert finding.source[slice(*finding.columns)] == first_wrong


PROJECT = (
    "  q1, q2 = omega_q1 @ X + beta_q1, omega_q2 @ X + beta_q2\n"
    "  k1, k2 = omega_k1 @ X + beta_k1, omega_k2 @ X + beta_k2\n"
    "  v1, v2 = omega_v1 @ X + beta_v1, omega_v2 @ X + beta_v2\n"
)
STYLES = {
    "a comprehension": (
        "  heads = [v @ softmax_cols(k.T @ q) for q, k, v in ((q1, k1, v1), (q2, k2, v2))]\n"
        "  return omega_c @ np.vstack(heads)\n",
        "softmax_cols(k.T @ q)",
    ),
    "a lambda": (
        "  head = lambda q, k, v: v @ softmax_cols(k.T @ q)\n"
        "  return omega_c @ np.vstack((head(q1, k1, v1), head(q2, k2, v2)))\n",
        "softmax_cols(k.T @ q)",
    ),
    "einsum": (
        "  s = np.einsum('hdm,hdn->hmn', np.stack((k1, k2)), np.stack((q1, q2)))\n"
        "  a = np.exp(s)\n"
        "  a = a / a.sum(axis=1, keepdims=True)\n"
        "  o = np.einsum('hdm,hmn->hdn', np.stack((v1, v2)), a)\n"
        "  return omega_c @ o.reshape(X.shape)\n",
        "np.exp(s)",
    ),
    "operations in place": (
        "  a1, a2 = k1.T @ q1, k2.T @ q2\n"
        "  np.exp(a1, out=a1)\n"
        "  np.exp(a2, out=a2)\n"
        "  a1 /= a1.sum(axis=0)\n"
        "  a2 /= a2.sum(axis=0)\n"
        "  o = np.zeros_like(X)\n"
        "  o[: len(q1)] = v1 @ a1\n"
        "  o[len(q1) :] = v2 @ a2\n"
        "  return omega_c @ o\n",
        "np.exp(a1, out=a1)",
    ),
    "one line": (
        "  return omega_c @ np.r_[v1 @ softmax_cols(k1.T @ q1), v2 @ softmax_cols(k2.T @ q2)]\n",
        "softmax_cols(k1.T @ q1)",
    ),
    "a decorated helper": (
        "  import functools\n"
        "  def plain(f):\n"
        "    return functools.wraps(f)(lambda *a: f(*a))\n"
        "  @plain\n"
        "  def head(q, k, v):\n"
        "    return v @ softmax_cols(k.T @ q)\n"
        "  return omega_c @ np.vstack((head(q1, k1, v1), head(q2, k2, v2)))\n",
        "softmax_cols(k.T @ q)",
    ),
    "a global": (
        "  global kept\n"
        "  kept = [softmax_cols(k1.T @ q1), softmax_cols(k2.T @ q2)]\n"
        "  return omega_c @ np.vstack((v1 @ kept[0], v2 @ kept[1]))\n",
        "softmax_cols(k1.T @ q1)",
    ),
    "a loop over queries": (
        "  o1, o2 = np.zeros_like(v1), np.zeros_like(v2)\n"
        "  for n in range(X.shape[1]):\n"
        "    for q, k, v, o in ((q1, k1, v1, o1), (q2, k2, v2, o2)):\n"
        "      w = np.exp(k.T @ q[:, n])\n"
        "      o[:, n] = v @ (w / w.sum())\n"
        "  return omega_c @ np.vstack((o1, o2))\n",
        "np.exp(k.T @ q[:, n])",
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_the_trace_points_into_programs_of_every_style(style: str) -> None:
    body, first_wrong = STYLES[style]
    judgement = judge_body(PROJECT + body, EXERCISE, EXERCISE.draw(1))
    assert ids(judgement) == ["scale-missing"]
    finding = judgement.mistakes[0]
    assert finding.columns is not None
    assert finding.source[slice(*finding.columns)] == first_wrong


def test_a_function_that_always_gives_the_same_answer_is_found_out() -> None:
    body = "  memory = globals().setdefault('memory', [])\n  memory.append(X @ X.T)\n  return memory[0]\n"
    assert ids(judge_body(body, EXERCISE, EXERCISE.draw(1))) == ["answer-hard-coded"]


def test_what_is_right_so_far_is_put_in_words() -> None:
    judgement = judged(scaled="pass")
    assert judgement.right_so_far == "queries, keys and values of both heads; scores K^T Q of both heads" or (
        judgement.right_so_far == "queries, keys, values and scores K^T Q of both heads"
    )


@pytest.mark.parametrize(
    ("line", "expected", "first_wrong"),
    [
        ("X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)", "inputs-changed", "(X - "),
        ("X = X.reshape(X.shape[1], X.shape[0]).T", "reshape-for-transpose", "X.reshape("),
    ],
)
def test_the_line_that_changes_the_inputs_is_pointed_at(line: str, expected: str, first_wrong: str) -> None:
    judgement = judge_body(f"  {line}\n{right_body()}", EXERCISE, EXERCISE.draw(1))
    assert ids(judgement) == [expected]
    finding = judgement.mistakes[0]
    assert finding.columns is not None
    assert finding.source.strip() == line
    assert finding.source[slice(*finding.columns)].startswith(first_wrong)


def test_a_part_of_a_wrong_result_is_not_taken_for_a_known_mistake() -> None:
    """omega_v X is what a missing bias would give, but here something is done with the bias: it is subtracted."""
    judgement = judged(v="v1, v2 = omega_v1 @ X - beta_v1, omega_v2 @ X - beta_v2")
    assert ids(judgement) == ["unexplained"]
    finding = judgement.mistakes[0]
    assert finding.columns is not None
    assert finding.source[slice(*finding.columns)] == "omega_v1 @ X - beta_v1"


def test_of_an_answer_that_nothing_explains_the_note_says_what_its_attention_reveals() -> None:
    judgement = judged(scaled="s1, s2 = s1 / 1.7, s2 / 1.7")
    assert ids(judgement) == ["unexplained"]
    assert judgement.mistakes[0].note == "each column of the attention sums to one, and the scores were divided by 1.7"
    assert judgement.mistakes[0].source.strip().startswith("s1, s2 = s1 / 1.7")


# Partial credit: a step counts when something shows that it is right.


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({"scaled": "pass"}, 85),
        ({"scaled": "pass", "out": "return np.concatenate((o1, o2))"}, 75),
        ({"q": "q1, q2 = omega_q1 @ X, omega_q2 @ X"}, 80),
        ({"scaled": "s1, s2 = s1 / 2, s2 / 2"}, 85),
        ({"out": "return (omega_c @ np.concatenate((o1, o2))) ** 2"}, 90),
        ({"weights": "a1, a2 = s1 ** 3, s2 ** 3"}, 50),
        ({"v": "v1, v2 = omega_v1 @ X - beta_v1, omega_v2 @ X - beta_v2"}, 45),
        ({"q": "q1, q2 = omega_q1 @ X ** 2, omega_q2 @ X ** 2"}, 0),
    ],
)
def test_points_are_lost_for_the_steps_that_are_wrong_and_those_after_which_nothing_is_shown(
    changes: dict[str, str], points: int
) -> None:
    assert judged(**changes).score == points


def test_a_function_that_raises_keeps_the_steps_that_were_right_before() -> None:
    judgement = judged(heads="o1, o2 = a1 @ v1, a2 @ v2")
    assert (judgement.verdict, judgement.score) == ("error", 65)
    finding = judgement.mistakes[0]
    assert finding.id == "shapes-do-not-fit"
    assert "a1 is (6, 6), the attention weights of head 1; v1 is (4, 6), the values of head 1" in finding.note
    assert finding.remedy == "`v1 @ a1` gives the output of head 1."


@pytest.mark.parametrize(
    ("changes", "id", "what", "remedy"),
    [
        ({"out": "return omega_c * np.concatenate((o1, o2))"}, "elementwise-product", "omega_c is (8, 8)", "omega_c @"),
        ({"out": "return omega_c @ np.concatenate((o1, o2), axis=1)"}, "shapes-do-not-fit", "(4, 12)", ""),
        ({"q": "q1 = q2 = omega_q @ X"}, "name-not-defined", "omega_q has no value", "omega_q1 and omega_q2"),
        (
            {"out": "return np.dot(np.concatenate((o1, o2)), omega_c)"},
            "shapes-do-not-fit",
            "omega_c is (8, 8)",
            "omega_c @",
        ),
        ({"out": "return omega_c @ (o1 + k1.T)"}, "shapes-do-not-fit", "k1.T is (6, 4), the transpose of the keys", ""),
        ({"out": "return math.sqrt(X)"}, "name-not-defined", "math is used before it is imported", "import math"),
        ({"out": "import sklearn_of_nobody"}, "package-missing", "not installed", "numpy is enough"),
    ],
)
def test_exceptions_are_put_in_the_books_terms(changes: dict[str, str], id: str, what: str, remedy: str) -> None:
    finding = judged(**changes).mistakes[0]
    assert finding.id == id and what in finding.note and remedy in finding.remedy


def test_a_function_with_too_few_arguments_is_told_what_it_is_passed() -> None:
    failure = Failure("TypeError", f"{EXERCISE.function}() takes 13 positional arguments but 14 were given")
    explained = exceptions.explain(EXERCISE, failure, {})
    assert explained is not None and explained.mistake == "arguments-do-not-fit"
    assert "takes 13 positional arguments" in explained.what and "omega_v1, omega_q1" in explained.remedy


# The exercise's description of its mistakes.


def test_the_right_variants_of_all_decisions_compute_the_reference(exercise: Exercise) -> None:
    for case in exercise.draw(2).all:
        state, reference = simulation.run(exercise, case.arguments, Hypothesis()), exercise.reference(case.arguments)
        assert state is not None
        assert all(
            abs(state[name] - array).max() < 1e-12 * max(1, abs(array).max()) for name, array in reference.items()
        )


def test_every_mistake_of_a_variant_is_described_and_belongs_to_a_step(exercise: Exercise) -> None:
    made = {id for decision in exercise.decisions for variant in decision.variants for id in variant.mistakes}
    steps = {step.id for step in exercise.steps}
    assert all(exercise.mistakes[id].remark or exercise.mistakes[id].step in steps for id in made)
    for decision in exercise.decisions:
        assert decision.step in steps and not decision.variants[0].mistakes


def test_hints_ask_and_give_nothing_away(exercise: Exercise) -> None:
    for mistake in exercise.mistakes.values():
        if not mistake.remark:
            assert mistake.hint.endswith("?"), mistake.id
            assert mistake.correction == "" or mistake.correction not in mistake.hint, mistake.id
            assert "sqrt(D_q)" not in mistake.hint and "np." not in mistake.hint, mistake.id


def test_the_documentation_lists_every_mistake_with_its_title(exercise: Exercise) -> None:
    page = runpy.run_path(str(ROOT / "docs/mistakes.py"))
    text = (ROOT / "docs/mistakes.md").read_text(encoding="utf-8")
    assert page["with_tables"](text, exercise) == text, "run `python docs/mistakes.py`"
    for mistake in exercise.mistakes.values():
        assert re.search(rf"^\| `{mistake.id}` \|.*{re.escape(mistake.title)} \|$", text, re.MULTILINE), mistake.id
    known = {*exercise.mistakes, "later-cell-failed"}
    assert {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")} == known
