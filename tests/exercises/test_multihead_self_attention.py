"""The reference, and the inputs that decide a grade."""

import re

import numpy as np
import pytest
from helpers import ORIGINAL, load, source

from checker.exercises.model import Exercise


def printed_values() -> np.ndarray:
    """The "True values" that the original notebook prints, read from its source."""
    [cell] = [source(cell) for cell in load(ORIGINAL)["cells"] if "True values" in source(cell)]
    rows = re.findall(r'print\("\s*\[+(.*?)\]+"\)', cell)
    return np.array([[float(number) for number in row.split()] for row in rows])


def test_the_reference_reproduces_the_48_printed_values(exercise: Exercise) -> None:
    printed = printed_values()
    assert printed.shape == (8, 6)
    answer = exercise.expected(exercise.draw(0).notebook)
    assert np.array_equal(answer.round(3), printed)


def test_the_reference_agrees_with_a_naive_loop_over_queries(exercise: Exercise) -> None:
    """The book's sums, written out: the output for one query is the sum over keys of weight times value."""
    for case in exercise.draw(5).all:
        a = case.arguments
        heads = []
        for h in "12":
            columns = []
            for x_n in a["X"].T:
                q = a[f"beta_q{h}"][:, 0] + a[f"omega_q{h}"] @ x_n
                keys = [a[f"beta_k{h}"][:, 0] + a[f"omega_k{h}"] @ x_m for x_m in a["X"].T]
                values = [a[f"beta_v{h}"][:, 0] + a[f"omega_v{h}"] @ x_m for x_m in a["X"].T]
                weights = [np.exp(k @ q / np.sqrt(len(q))) for k in keys]
                columns.append(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))
            heads.append(np.array(columns).T)
        naive = a["omega_c"] @ np.vstack(heads)
        assert np.allclose(naive, exercise.expected(case), rtol=1e-10, atol=1e-12)


def test_the_same_seed_draws_the_same_cases_and_another_seed_others(exercise: Exercise) -> None:
    first, again, other = (exercise.draw(seed).fresh[0].arguments["X"] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_drawing_cases_leaves_numpys_global_generator_alone(exercise: Exercise) -> None:
    np.random.seed(7)
    undisturbed = np.random.normal(size=3)
    np.random.seed(7)
    exercise.draw(1)
    assert np.array_equal(np.random.normal(size=3), undisturbed)


def test_every_case_rebinds_the_notebooks_globals_to_its_own_sizes(exercise: Exercise) -> None:
    for case in exercise.draw(3).all:
        rows, columns = case.arguments["X"].shape
        assert (case.rebind["D"], case.rebind["N"], case.rebind["H_D"]) == (rows, columns, rows // 2)
        assert case.rebind["omega_c"] is case.arguments["omega_c"]
        assert tuple(case.arguments) == exercise.parameters


def test_other_sizes_give_every_wrong_divisor_a_value_of_its_own(exercise: Exercise) -> None:
    for seed in range(30):
        for case in exercise.draw(seed).other_sizes:
            d, n = case.arguments["X"].shape
            divisors = [np.sqrt(d / 2), 2, d / 2, np.sqrt(d), d, np.sqrt(n), n, d / 4]
            assert min(abs(divisors[0] - other) for other in divisors[1:]) > 0.1
            assert n not in (d, d // 2, 2, 6) and d != 8


def test_inputs_are_moderate_so_that_the_notebooks_softmax_never_overflows(exercise: Exercise) -> None:
    """exp() overflows at 709; a student who leaves out the scaling must still get finite numbers."""
    for seed in range(30):
        for case in exercise.draw(seed).all:
            steps = exercise.reference(case.arguments)
            assert max(np.abs(steps[f"scores{h}"]).max() for h in "12") < 200


@pytest.mark.parametrize("attention", ["A1", "A2"])
def test_fresh_inputs_give_attention_that_is_neither_one_hot_nor_uniform(exercise: Exercise, attention: str) -> None:
    """Either would hide the mistakes that a grade has to show."""
    largest = [
        exercise.reference(case.arguments)[attention].max(axis=0).mean()
        for seed in range(30)
        for case in exercise.draw(seed).fresh
    ]
    assert 0.4 < np.median(largest) < 0.9


def test_the_tolerance_accepts_float32_and_refuses_three_decimals(exercise: Exercise) -> None:
    expected = exercise.expected(exercise.draw(0).notebook)
    assert exercise.tolerance.accepts(expected.astype(np.float32), expected)
    assert not exercise.tolerance.accepts(expected.round(3), expected)
    assert not exercise.tolerance.accepts(np.full_like(expected, np.nan), expected)
    assert not exercise.tolerance.accepts(expected.T, expected)


def test_the_weights_of_the_steps_add_up_to_100(exercise: Exercise) -> None:
    assert sum(step.weight for step in exercise.steps) == 100


def test_nothing_outside_its_own_file_names_the_exercise() -> None:
    from helpers import ROOT

    own = ROOT / "checker/exercises/multihead_self_attention.py"
    for path in (ROOT / "checker").rglob("*.py"):
        if path != own:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"X_prime|omega_|[Aa]ttention(?!\")|12[._]2", _without_doctests(text)), path


def _without_doctests(text: str) -> str:
    text = re.sub(r"^\s*>>>.*\n(?:.*\S.*\n)*", "", text, flags=re.MULTILINE)
    return text.replace("multihead-self-attention", "")
