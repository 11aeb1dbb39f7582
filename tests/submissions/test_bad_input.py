"""Whatever is handed in: one clear sentence that names the file, and never a traceback of ours."""

import ast
import base64
import contextlib
import json
from collections.abc import Callable

import numpy as np
import pytest
from helpers import EXERCISE, filled_in, notebook
from in_process import judge_observation

from checker import Result
from checker.exercises.model import Exercise
from checker.grading import source
from checker.grading.evidence import Evidence
from checker.kernel.observation import Call, Failure, Observation, Value, decode_value
from checker.result import Judgement, to_json
from checker.submissions.notebook import LARGEST_FILE, UnreadableError, parse

GOOD = filled_in()


def variant(**changes: object) -> bytes:
    return json.dumps({**json.loads(notebook("x = 1")), **changes}).encode()


UNREADABLE = {
    "not a notebook": (b"Dear teacher, my dog ate it.", "not JSON"),
    "an empty file": (b"", "is empty"),
    "only blanks": (b" \n\n", "is empty"),
    "cut off in the middle": (EXERCISE.read_bytes()[:3000], "breaks off"),
    "cut off at the end": (EXERCISE.read_bytes()[:-4], "breaks off"),
    "nbformat 3": (variant(nbformat=3, worksheets=[]), "old format 3"),
    "nbformat 9": (variant(nbformat=9), "does not exist yet"),
    "nbformat as text": (variant(nbformat="4"), "does not exist yet"),
    "JSON that is no notebook": (b'{"a": 1}', "not a Jupyter notebook"),
    "a JSON list": (b"[]", "not a Jupyter notebook"),
    "no cells": (variant(cells=None), "no list of cells"),
    "a cell that is a number": (variant(cells=[1]), "cell 1"),
    "a source that is a number": (variant(cells=[{"cell_type": "code", "source": 5}]), "cell 1"),
    "too many cells": (variant(cells=[{"cell_type": "raw", "source": ""}] * 3000), "more than 2000 cells"),
    "wrong encoding": ('{"nbformat": 4, "cells": [], "x": "é"}'.encode("latin-1"), "not UTF-8"),
    "nested too deeply": (b'{"nbformat": 4, "cells": ' + b"[" * 100_000, "nested too deeply"),
    "metadata nested too deeply": (variant(metadata=json.loads('{"a":' * 200 + "1" + "}" * 200)), "nested too deeply"),
    "too many values": (b'{"nbformat": 4, "cells": [' + b"0," * 1_100_000 + b"0]}", "more than 1000000 values"),
    "too much code": (notebook(f"x = '{'x' * 1_100_000}'"), "more than 1 MB of code"),
    "a number of 5000 digits": (b'{"nbformat": ' + b"4" * 5000 + b"}", "not a Jupyter notebook"),
    "a huge file": (b" " * (LARGEST_FILE + 1), "larger than"),
    "a zip": (b"PK\x03\x04" + b"\0" * 50, "not JSON"),
    "an image": (b"\x89PNG\r\n\x1a\n\xff\xd8", "not UTF-8"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_is_no_notebook_is_refused_in_one_sentence(kind: str, grade: Callable[..., Result]) -> None:
    data, part = UNREADABLE[kind]
    result = grade(data)
    assert (result.verdict, result.score) == ("unreadable", 0)
    assert "ada.ipynb" in result.summary and part in result.summary
    assert "Traceback" not in result.summary and "\n" not in result.summary
    assert len(result.summary) < 300, "the sentence quotes nothing of the content"


READABLE = {
    "a byte order mark": b"\xef\xbb\xbf" + notebook("x = 1"),
    "UTF-16, as old Windows editors save": notebook("x = 1").decode().encode("utf-16"),
    "CRLF line ends": notebook("x = 1").replace(b"x = 1", b"x = 1\\r\\n").replace(b"{", b"{\r\n", 1),
    "source as a list": notebook("x = 1").replace(b'"x = 1"', b'["x = ", "1"]'),
    "no ids, no metadata": b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 1"}]}',
    "a kind of cell nobody knows": variant(
        cells=[{"cell_type": "heading", "source": "x"}, {"cell_type": "code", "source": "x = 1"}]
    ),
    "a NUL and a lone surrogate in a comment": notebook("x = 1").replace(b"x = 1", b"x = 1 #\\u0000\\ud800"),
    "NaN in the metadata": notebook("x = 1").replace(b'"metadata": {}', b'"metadata": {"a": NaN}', 1),
}


@pytest.mark.parametrize("kind", READABLE)
def test_odd_but_honest_files_are_read(kind: str) -> None:
    [source] = parse(READABLE[kind]).code
    assert source.startswith("x = 1") and "\r" not in source and "\0" not in source


@pytest.mark.parametrize("text", ["#" * 1_000_000, "#\n" * 500_000, "\n" * 1_000_000, '"' + '\\"' * 1_000_000])
def test_floods_of_one_character_are_read_in_a_moment(text: str, exercise: Exercise) -> None:
    with contextlib.suppress(UnreadableError):
        parse(text.encode(), script=True)
    with contextlib.suppress(UnreadableError):
        parse(text.encode())
    evidence = Evidence(exercise, exercise.draw(1), (text,), Observation(failures=(Failure("E", "", code_cell=1),)))
    assert evidence.stopping_failure is not None


@pytest.mark.parametrize(
    ("script", "cells"),
    [
        ("# In[1]:\n\nx = 1\n\n# In[ ]:\n\ny = 2\n", ("x = 1", "y = 2")),
        ("# %%\nx = 1\n# %% [markdown]\n# hello\n# %%\ny = 2", ("x = 1", "# hello", "y = 2")),
        ("x = 1\ny = 2\n", ("x = 1\ny = 2",)),
    ],
)
def test_a_python_export_is_cut_into_its_cells(script: str, cells: tuple[str, ...]) -> None:
    assert parse(script.encode(), script=True).code == cells


def test_a_python_export_is_graded_like_a_notebook(grade: Callable[..., Result]) -> None:
    content = json.loads(filled_in())
    cells = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    script = "".join(f"\n# In[{number}]:\n\n{cell}\n" for number, cell in enumerate(cells, 1))
    assert grade(script.encode(), name="ada.py").verdict == "correct"


def test_the_reason_never_holds_the_name_of_a_python_exception() -> None:
    for data, _ in UNREADABLE.values():
        with pytest.raises(UnreadableError) as caught:
            parse(data)
        assert "Error" not in str(caught.value)


# What fuzzing and reading found: each of these stopped or flooded the judge, not the student's kernel.


def value(*shape: int, number: float = 1.0) -> Value:
    return Value("ndarray", shape, np.full(shape, number))


def judged(exercise: Exercise, failure: Failure, code: tuple[str, ...] = ("x",)) -> Judgement:
    cases = exercise.draw(1)
    calls = {case.name: Call(failure=failure) for case in cases.all}
    return judge_observation(
        exercise, cases, code, Observation(calls=calls, called=exercise.function, failures=(failure,))
    )


def test_operands_whose_product_would_fill_the_memory_are_not_multiplied(exercise: Exercise) -> None:
    operands = (("a", value(100_000, 1)), ("b", value(1, 100_000)))
    failure = Failure("ValueError", "matmul: shapes", 1, "a + b", 1, expression="a + b", operands=operands)
    assert judged(exercise, failure).verdict == "error"


def test_operands_that_are_not_finite_are_multiplied_in_silence(exercise: Exercise) -> None:
    operands = (("a", value(2, 2, number=np.inf)), ("b", value(2, 2, number=0.0)))
    failure = Failure("ValueError", "matmul: shapes", 1, "a @ b", 1, expression="a @ b", operands=operands)
    assert judged(exercise, failure).verdict == "error"


@pytest.mark.parametrize("expression", ["a\0b", "'\\d'", "(" * 250, "-" * 290 + "1", ".a" * 150])
def test_expressions_that_python_cannot_read_are_only_quoted(expression: str, exercise: Exercise) -> None:
    operands = (("a", value(2, 2)), ("b", value(2, 2)))
    failure = Failure("ValueError", "matmul: shapes", 1, "x", 1, expression=expression, operands=operands)
    assert judged(exercise, failure).verdict == "error"


@pytest.mark.parametrize(
    "cell",
    ["x = " + "-" * 90_000 + "1", "x = " + "1+" * 40_000 + "1", "x = '\\d'", "(" * 90_000, "x\0", "x = 1;" * 90_000],
)
def test_programs_that_no_person_writes_are_not_pointed_into(cell: str) -> None:
    assert isinstance(source.parse(cell), ast.AST)


def test_a_lone_surrogate_in_an_exception_can_be_written(grade: Callable[..., Result]) -> None:
    result = grade(filled_in("  raise ValueError('\\ud800\\x1b[31m')"))
    assert result.verdict == "error"
    to_json(result).encode("utf-8")


@pytest.mark.parametrize("nan", [b"\x01\0\0\0\0\0\xf0\x7f", b"\xff" * 8])
def test_every_nan_is_the_same_nan(nan: bytes) -> None:
    array = decode_value({"type": "float", "shape": [1], "data": base64.b64encode(nan).decode()}).array
    assert array is not None and array.tobytes() == np.array([np.nan]).tobytes()
    assert np.isnan(array - 1.0).all()
