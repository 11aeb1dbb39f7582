"""Where a line of a code cell stands in the file that was handed in."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from helpers import EXAMPLES, filled_in, notebook

from checker.result import Finding, Judgement, Result
from checker.submissions.file_lines import first_line, normalised, with_file_lines
from checker.submissions.notebook import LARGEST_FILE, decode, parse

UNREADABLE = ("laura_gil.ipynb",)
CELLS = ("x = 1\ny = 2", "# ünï\nz = '\\n'\n")
POINTING = Judgement("wrong", 0, "No.", (), (Finding("unexplained", "", code_cell=1, line=1),), (), "", ())


def file_lines(data: bytes, *, script: bool = False) -> list[list[int | None]]:
    """For each code cell, the line in the file of each of its lines."""
    text = normalised(decode(data), script=script)
    found = []
    for source in parse(data, script=script).code:
        first = first_line(text, source, script=script)
        count = source.count("\n") + 1
        found.append([None] * count if first is None else [*range(first, first + count)])
    return found


def written(**how: object) -> bytes:
    content = json.loads(notebook(*CELLS))
    content["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": ["x = 1\n", "y = 2"]})
    for cell in content["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    return json.dumps(content, **how).encode()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.name not in UNREADABLE))
def test_each_line_of_the_examples_is_found_in_its_file(name: str) -> None:
    data, script = (EXAMPLES / name).read_bytes(), name.endswith(".py")
    code = parse(data, script=script).code
    in_file = data.decode("utf-8-sig").splitlines()
    found = file_lines(data, script=script)
    assert [len(lines) for lines in found] == [len(source.split("\n")) for source in code]
    for source, lines in zip(code, found, strict=True):
        for text, line in zip(source.split("\n"), lines, strict=True):
            forms = (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
            assert line is None or any(form in in_file[line - 1] for form in forms)


def test_indentation_line_ends_and_byte_order_marks_make_no_difference() -> None:
    plain = file_lines(written(indent=1))
    assert [len(lines) for lines in plain] == [2, 3] and None not in plain[0]
    assert file_lines(written(indent=4)) == plain
    assert file_lines(written(indent=1).replace(b"\n", b"\r\n")) == plain
    assert file_lines(b"\xef\xbb\xbf" + written(indent=1, ensure_ascii=False)) == plain
    assert file_lines(written(indent=1).decode().encode("utf-16")) == plain
    assert file_lines(written(indent=1).replace(rb'\n",', rb'\r\n",')) == plain


def test_in_a_file_without_line_breaks_no_line_is_claimed() -> None:
    assert file_lines(written()) == [[None, None], [None, None, None]]


def test_what_is_no_notebook_has_no_lines() -> None:
    assert first_line("", "x = 1") is first_line("{", "x = 1") is first_line("", "x = 1", script=True) is None
    assert with_file_lines(POINTING, b"\xff", CELLS) == POINTING


def test_a_cell_that_is_there_twice_has_no_lines() -> None:
    content = json.loads(written())
    content["cells"] += content["cells"][1:2]
    assert file_lines(json.dumps(content, indent=1).encode())[0] == [None, None]
    script = b"# %%\nx = 1\n# %%\ny = 2\n# %%\nx = 1\n"
    assert file_lines(script, script=True) == [[None], [4], [None]]


def test_what_colab_escapes_is_found() -> None:
    content = json.loads(notebook('x = \'<a href="x">\' + "\'" # \\ &', "y = 2"))
    for cell in content["cells"]:
        cell["source"] = [cell["source"]]
    data = json.dumps(content, indent=2)
    escaped = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("=", "\\u003d")
    assert file_lines(escaped.encode()) == file_lines(data.encode()) != [[None], [None]]


SOURCE = "x = 1\n" * 1_000
FILLINGS = [
    '"source": [\n',
    '"source": [\n "x = 1\\n",\n',
    ' "x = 1\\n",\n',
    "\n",
    '"cell_type": "code"',
    '"cell_typ',
    "\\u003c",
]


@pytest.mark.parametrize("filling", FILLINGS)
def test_a_large_file_takes_little_time(filling: str) -> None:
    encoded = '"source": [\n ' + ",\n ".join([json.dumps("x = 1\n")] * 1_000) + "\n"
    size = LARGEST_FILE - 4 * len(encoded)
    data = f"{encoded * 2}{filling * (size // len(filling))}{encoded * 2}".encode()
    judgement = replace(POINTING, mistakes=tuple(replace(POINTING.mistakes[0], code_cell=i) for i in (1, 2)))
    begin = time.perf_counter()
    with_file_lines(judgement, data, (SOURCE, SOURCE[6:]))
    assert time.perf_counter() - begin < 1  # twice 0.2 s at most, on a machine that has nothing else to do


def test_a_result_points_into_the_file(grade: Callable[..., Result]) -> None:
    data = json.dumps(json.loads(filled_in("  Q = omega_q1 @ X\n  return Q @ Q")), indent=1).encode()
    result = grade(data)
    finding = next(finding for finding in result.mistakes if finding.line)
    assert result.function is not None
    assert (finding.file_line, result.function.file_line) == (None, None)  # the cell's source is one string here
    content = json.loads(data)
    for cell in content["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    result = grade(data := json.dumps(content, indent=1).encode())
    finding = next(finding for finding in result.mistakes if finding.line)
    assert "return Q @ Q" in data.decode().splitlines()[(finding.file_line or 0) - 1]
