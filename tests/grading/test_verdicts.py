"""Verdicts, in real kernels: what earns points, what does not, and what is only remarked on."""

from collections.abc import Callable

import pytest
from helpers import RIGHT, filled_in, notebook

from checker import Result
from checker.kernel.options import Limits

Grade = Callable[..., Result]

PRINTED = """np.array([[-21.207,-5.373,-20.933,-9.179,-11.319,-17.812],[-1.995,7.906,-10.516,3.452,9.863,-7.24],
 [5.479,1.115,9.244,.453,5.656,7.089],[-7.413,-7.416,.363,-5.573,-6.736,-.848],
 [-11.261,-9.937,-4.848,-8.915,-13.378,-5.761],[3.548,10.036,-2.244,1.604,12.113,-2.557],
 [4.888,-5.814,2.407,3.228,-4.232,3.71],[1.248,18.894,-6.409,3.224,19.717,-5.629]])"""


def statuses(result: Result) -> dict[str, str]:
    return {check.name: check.status for check in result.checks}


def test_a_right_answer_passes_every_check(grade: Grade) -> None:
    result = grade(filled_in())
    assert (result.verdict, result.score) == ("correct", 100)
    assert set(statuses(result).values()) == {"passed"}
    assert list(statuses(result)) == ["runs", "answer", "fresh inputs", "other sizes", "inputs kept"]
    assert not result.mistakes and not result.remarks


def test_an_untouched_stub_is_not_attempted_whatever_its_comments_say(grade: Grade) -> None:
    result = grade(filled_in("  X_prime = np.zeros_like(X)\n  return X_prime"))
    assert (result.verdict, result.score) == ("not attempted", 0)
    assert [mistake.id for mistake in result.mistakes] == ["not-attempted"]


def test_a_check_that_depends_on_a_failed_one_is_skipped(grade: Grade) -> None:
    result = grade(filled_in("  return X"))
    assert result.verdict == "wrong"
    assert statuses(result)["fresh inputs"] == "failed" and statuses(result)["other sizes"] == "skipped"


def test_a_function_that_reads_the_notebooks_globals_is_right_for_other_sizes_too(grade: Grade) -> None:
    body = RIGHT.replace("Q1.shape[0]", "H_D").replace("Q2.shape[0]", "(D / H)")
    assert grade(filled_in(body)).verdict == "correct"


def test_a_number_that_is_right_for_one_size_only_makes_a_partial_answer(grade: Grade) -> None:
    result = grade(filled_in(RIGHT.replace("np.sqrt(Q1.shape[0])", "2")))
    assert (result.verdict, statuses(result)["other sizes"]) == ("partial", "failed")
    assert "fixed to the notebook's sizes" in result.summary


def test_leaving_out_the_key_bias_is_right_because_softmax_does_not_see_it(grade: Grade) -> None:
    body = RIGHT.replace(" + beta_k1", "").replace(" + beta_k2", "")
    result = grade(filled_in(body))
    assert (result.verdict, result.score, result.mistakes) == ("correct", 100, ())
    [remark] = result.remarks
    assert remark.id == "key-bias-missing" and "the softmax of a column ignores a constant" in remark.message


def test_a_students_own_softmax_cols_is_used_and_judged(grade: Grade) -> None:
    rows = "def softmax_cols(a):\n  e = np.exp(a)\n  return e / e.sum(axis=1, keepdims=True)"
    assert grade(filled_in(before=rows)).verdict == "wrong"


def test_parameters_in_another_order_are_matched_by_name(grade: Grade) -> None:
    body = "  pass"
    order = "omega_c, X, omega_q1, omega_k1, omega_v1, beta_q1, beta_k1, beta_v1, " + (
        "omega_q2, omega_k2, omega_v2, beta_q2, beta_k2, beta_v2"
    )
    before = f"def multihead_scaled_self_attention({order}):{RIGHT}\nX_own = multihead_scaled_self_attention({order})"
    result = grade(filled_in(body, before=before, after="X_prime = X_own"))
    # The notebook's own call passes the arguments in the old order, so that cell fails.
    assert result.verdict == "correct"
    assert [remark.id for remark in result.remarks] == ["later-cell-failed"]


def test_a_function_that_takes_some_arguments_and_reads_the_others_from_the_notebook_is_right(grade: Grade) -> None:
    data = filled_in().replace(b", omega_c):", b"):").replace(b", omega_c)", b")")
    assert grade(data).verdict == "correct"
    fixed = filled_in(before="saved = omega_c").replace(b", omega_c):", b"):").replace(b", omega_c)", b")")
    assert grade(fixed.replace(b"return omega_c", b"return saved")).verdict == "partial"


@pytest.mark.parametrize(
    ("cheat", "verdict"),
    [
        ("np.allclose = np.array_equal = lambda *a, **k: True", "wrong"),
        ('print(\'correct\'); print(\'{"verdict": "correct", "score": 100}\')', "wrong"),
        ("import numpy.testing; numpy.testing.assert_allclose = lambda *a, **k: None", "wrong"),
        (f"X_prime = {PRINTED}", "wrong"),
        (f"multihead_scaled_self_attention = lambda *a: {PRINTED}; X_prime = {PRINTED}", "wrong"),
        ("np.asarray = lambda *a, **k: np.zeros((8, 6))", "not attempted"),
    ],
)
def test_a_cheat_earns_nothing(grade: Grade, cheat: str, verdict: str) -> None:
    result = grade(filled_in("  return 2 * X", after=cheat))
    assert (result.verdict, result.score) == (verdict, 0)


def test_an_answer_that_the_function_does_not_give_is_partial_and_earns_nothing_by_itself(grade: Grade) -> None:
    body = "  return X * 2"
    exact = f"def secret():{RIGHT}\nX_prime = secret()"
    result = grade(filled_in(body, after=exact))
    assert (result.verdict, result.score) == ("partial", 0)


def test_a_function_that_remembers_its_first_answer_fails_on_fresh_inputs(grade: Grade) -> None:
    memory = """
right = multihead_scaled_self_attention
first = []
def multihead_scaled_self_attention(*a):
  first.append(right(*a))
  return first[0]"""
    result = grade(filled_in(after=memory))
    assert (result.verdict, statuses(result)["fresh inputs"]) == ("partial", "failed")


def test_changed_data_is_named_when_the_answer_is_wrong_but_the_function_right(grade: Grade) -> None:
    result = grade(filled_in(before="X = X / 10"))
    assert result.verdict == "partial"
    assert [mistake.id for mistake in result.mistakes] == ["data-changed"] and "own X " in result.summary


def test_a_function_under_another_name_is_named_in_the_message(grade: Grade) -> None:
    data = filled_in().replace(b"multihead_scaled_self_attention", b"my_attention")
    result = grade(data)
    assert result.verdict == "partial" and "Did you mean `my_attention`?" in result.summary
    assert [mistake.id for mistake in result.mistakes] == ["function-missing"]


def test_code_outside_of_the_function_makes_a_right_answer_and_an_untouched_function(grade: Grade) -> None:
    at_top_level = RIGHT.replace("\n  ", "\n").replace("return", "X_prime =")
    result = grade(filled_in("  return np.zeros_like(X)", after=at_top_level))
    assert (result.verdict, result.score) == ("partial", 0)
    assert [finding.id for finding in result.mistakes] == ["not-attempted"]


def test_an_answer_without_a_function_is_diagnosed_but_earns_nothing(grade: Grade) -> None:
    data = filled_in(RIGHT.replace("return omega_c @", "return")).replace(b"(X,omega_v1,", b"(X,omega_v1, ")
    renamed = data.replace(b"def multihead_scaled_self_attention(", b"def mine(one_more, ")
    result = grade(renamed.replace(b"= multihead_scaled_self_attention(", b"= mine(0, "))
    assert (result.verdict, result.score) == ("wrong", 0)
    assert [finding.id for finding in result.mistakes] == ["function-missing", "output-projection-missing"]


def test_calling_a_function_that_is_not_there_says_so(grade: Grade) -> None:
    result = grade(filled_in().replace(b"def multihead_scaled_self_attention(X", b"def mine(X"))
    assert (result.verdict, [finding.id for finding in result.mistakes]) == ("error", ["function-missing"])
    assert "Did you mean `mine`?" in result.mistakes[0].note
    wrong = filled_in("  return np.sqrt(abs(X))").replace(b"def multihead_scaled_self_attention(X", b"def mine(X")
    assert [finding.id for finding in grade(wrong).mistakes] == ["function-missing"]
    result = grade(filled_in().replace(b"def multihead_scaled_self_attention(X", b"def mine(extra, X"))
    assert (result.verdict, [finding.id for finding in result.mistakes]) == ("error", ["function-missing"])


def test_another_exercises_notebook_is_recognised(grade: Grade) -> None:
    result = grade(notebook("x = 1", "print(x)"))
    assert result.verdict == "not attempted" and "looks like another notebook" in result.summary


def test_changing_the_arguments_in_place_is_remarked_on_but_decides_nothing(grade: Grade) -> None:
    result = grade(
        filled_in("  omega_c = omega_c * 1\n  X *= 1\n" + RIGHT.replace("return", "out =") + "  X += 1\n  return out")
    )
    assert (result.verdict, statuses(result)["inputs kept"]) == ("correct", "failed")
    assert [remark.id for remark in result.remarks] == ["inputs-changed"]


def test_an_exception_in_an_unrelated_cell_is_only_remarked_on(grade: Grade) -> None:
    for place in ("before", "after"):
        result = grade(filled_in(**{place: "1 / 0"}))
        assert result.verdict == "correct"
        assert [remark.id for remark in result.remarks] == ["later-cell-failed"]
        assert "ZeroDivisionError" in result.remarks[0].message


def test_an_unrelated_cell_that_never_ends_is_interrupted_and_remarked_on(grade: Grade) -> None:
    result = grade(filled_in(after="while True: pass"), limits=Limits(cell=4))
    assert (result.verdict, len(result.remarks)) == ("correct", 1)


def test_an_exception_in_the_function_names_its_line(grade: Grade) -> None:
    result = grade(filled_in("  Q = omega_q1 @ X\n  return Q @ Q"))
    assert result.verdict == "error"
    assert "line 4: `return Q @ Q`" in result.summary and "matmul" in result.summary


def test_a_syntax_error_in_the_function_is_an_error_without_names_of_temporary_files(grade: Grade) -> None:
    result = grade(filled_in("  return ((X"))
    assert result.verdict == "error" and "SyntaxError" in result.summary and ".py" not in result.summary


@pytest.mark.parametrize(
    ("cell", "verdict"),
    [
        ("while True: pass", "timeout"),
        ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "timeout"),
        ("import time; time.sleep(1000)", "timeout"),
        ("import os; os._exit(0)", "crashed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "crashed"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("while True: print('x' * 1000)", "output limit"),
        ("from IPython.display import display\nwhile True: display('x' * 1000)", "output limit"),
        ("X_prime = np.ones((10**6, 10**6))", "memory"),
    ],
)
def test_a_cell_that_takes_the_kernel_down_gets_its_verdict(grade: Grade, cell: str, verdict: str) -> None:
    result = grade(notebook("import numpy as np", cell), limits=Limits(cell=3, output=10**6))
    assert (result.verdict, result.score) == (verdict, 0)


def test_a_function_that_never_returns_is_a_timeout(grade: Grade) -> None:
    result = grade(filled_in("  while True: pass"), limits=Limits(cell=3, call=3))
    assert result.verdict == "timeout"


def test_input_and_exit_do_not_stop_a_notebook(grade: Grade) -> None:
    result = grade(filled_in(before="exit()", after="name = input('Your name? ')"))
    assert (result.verdict, len(result.remarks)) == ("correct", 1)
