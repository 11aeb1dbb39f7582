"""`check()` in a live notebook, and `grade()` in a program."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
from helpers import EXERCISE, RIGHT, filled_in
from nbclient import NotebookClient

import checker
from checker.batch.settings import Settings
from checker.exercises import UnknownExerciseError


def run_live(data: bytes, tmp_path: Path) -> list[str]:
    """Run a notebook as a student does, in Jupyter's own kernel with this package installed; the cells' texts."""
    content = nbformat.reads(data.decode(), as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(content, timeout=60, kernel_name="python3", resources=resources, allow_errors=True).execute()
    return ["".join(map(as_text, cell.get("outputs", []))) for cell in content.cells]


def as_text(output: dict) -> str:
    """What an output shows: printed text, an exception's message, or its texts and HTML one after the other."""
    shown = output.get("text") or output.get("evalue") or ""
    return shown + "".join(text for kind, text in output.get("data", {}).items() if kind.startswith("text/"))


def test_the_check_cell_of_the_exercise_grades_the_live_function(tmp_path: Path) -> None:
    assert run_live(filled_in(), tmp_path)[-1].startswith("correct\n")
    assert (
        "The function multihead_scaled_self_attention still returns zeros."
        in run_live(EXERCISE.read_bytes(), tmp_path)[-1]
    )


def test_check_takes_the_function_and_shows_html_and_text(tmp_path: Path) -> None:
    after = "from checker import check\ncheck(multihead_scaled_self_attention)"
    texts = run_live(filled_in(after=after), tmp_path)
    [shown] = [text for text in texts[:-1] if "<b>" in text]
    assert "<b>correct</b>" in shown and shown.startswith("correct\n")


def test_the_check_cell_says_how_to_get_the_checker_when_it_is_not_there(tmp_path: Path) -> None:
    missing = "import sys\nsys.modules['checker'] = None"
    assert "pip install" in run_live(filled_in(after=missing), tmp_path)[-1]


def test_checking_disturbs_neither_seeds_nor_data(tmp_path: Path) -> None:
    after = """
from checker import check
np.random.seed(1); expected = np.random.rand()
np.random.seed(1); before = {k: v for k, v in globals().items() if not k.startswith('_')}; check()
assert np.random.rand() == expected
assert all(globals()[k] is v for k, v in before.items()), 'data'
assert not {k for k in globals() if not k.startswith('_')} - set(before) - {'before'}
print('undisturbed')"""
    assert any("undisturbed" in text for text in run_live(filled_in(after=after), tmp_path))


def test_check_gives_a_hint_first_and_explains_when_asked(tmp_path: Path) -> None:
    body = RIGHT.replace(" / np.sqrt(Q1.shape[0])", "").replace(" / np.sqrt(Q2.shape[0])", "")
    after = "from checker import check\nprint(check())\nprint('-----')\nprint(check(level='explain'))"
    [text] = [text for text in run_live(filled_in(body, after=after), tmp_path) if "-----" in text]
    hint, explanation = text.split("-----")
    assert "Look at the step “scaling of the scores”." in hint and "^^^" not in hint
    assert "The scores are not scaled." in explanation
    assert "A1 = softmax_cols(K1.T @ Q1)\n       ^^^^" in explanation


def test_a_level_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="there are: verdict, hint, explain, solution"):
        checker.check(level="all")


def test_a_stale_answer_is_said_to_be_stale(tmp_path: Path) -> None:
    after = "X_prime = X_prime * 0 + 1\nfrom checker import check\nprint(check())"
    [text] = [t for t in run_live(filled_in(after=after), tmp_path)[:-1] if "partial" in t]
    assert "The function is right, but the answer is not: X_prime" in text


def test_something_that_is_no_function_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match="takes the function itself"):
        checker.check(3)  # type: ignore[arg-type]


def test_grade_returns_a_result_for_each_student(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/ada.ipynb").write_bytes(filled_in(RIGHT))
    (tmp_path / "in/eve.ipynb").write_bytes(b"{")
    settings = Settings(sandbox="auto" if sys.platform == "linux" else "off")
    results = checker.grade(tmp_path / "in", out=tmp_path / "out", settings=settings)
    assert [(result.student, result.verdict) for result in results] == [("ada", "correct"), ("eve", "unreadable")]
    lines = (tmp_path / "out/results.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["submission"] for line in lines} == {"ada", "eve"}


def test_grade_refuses_paths_that_lead_to_nothing_and_unknown_exercises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        checker.grade(tmp_path / "nobody.ipynb")
    with pytest.raises(UnknownExerciseError, match="there is no exercise 'x'"):
        checker.grade(tmp_path, exercise="x")
