"""Where a line of a code cell stands in the file that was handed in."""

import json
from collections.abc import Callable

import pytest
from helpers import EXAMPLES, filled_in, notebook

from checker.result import Result
from checker.submissions.file_lines import file_lines
from checker.submissions.notebook import parse

UNREADABLE = ("laura_gil.ipynb",)
CELLS = ("x = 1\ny = 2", "# ünï\nz = '\\n'\n")


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


def test_in_a_file_without_line_breaks_no_line_is_claimed() -> None:
    assert file_lines(written()) == [[None, None], [None, None, None]]


def test_what_is_no_notebook_has_no_lines() -> None:
    assert file_lines(b"") == file_lines(b"{") == file_lines(b"\xff") == []


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
