"""What other systems read, by their own schemas where they publish one, and by readers that this project did not write.

`graded` is one `checker grade` of the examples.
"""

import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import xmlschema
from helpers import EXAMPLES, GRADE, GRADESCOPE, ROOT, checker, filled_in
from markdown_it import MarkdownIt

from checker.exercises.model import Exercise
from checker.reports import github
from checker.reports.gradebook import canvas, moodle
from checker.reports.gradescope import results_json, write_gradescope
from checker.reports.junit import junit
from checker.result import Finding, Result, Source, read_results

DATA = ROOT / "tests/data"
JUNIT = xmlschema.XMLSchema(DATA / "junit-10.xsd")
Graded = tuple[subprocess.CompletedProcess[str], Path]


def a_result(name: str = "ada", verdict: str = "wrong", score: int | None = 85, **more: object) -> Result:
    return Result(name, name.title(), f"{name}.ipynb", "", "x", verdict, score, "Not right.", **more)  # type: ignore[arg-type]


POINTING = a_result(
    mistakes=(Finding("scale-missing", "Not scaled.", "scaling", 5, 3, (6, 12), "  S = Q1 @ K", file_line=120),),
    function=Source(5, 1, "def f():", file_line=118),
)
UNGRADED = a_result("eve", "not graded", None)


def results_of(graded: Graded) -> list[Result]:
    return list(read_results(graded[1] / "results.jsonl"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, dialect="excel", strict=True))


# Tables


@pytest.mark.parametrize("name", ["grades.csv", "gradebook-canvas.csv", "gradebook-moodle.csv"])
def test_tables_open_as_they_are_in_a_spreadsheet(graded: Graded, name: str) -> None:
    content = (graded[1] / name).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf") and content.count(b"\n") == content.count(b"\r\n")
    lines = content.decode("utf-8-sig").split("\r\n")
    rows = list(csv.reader(lines[:-1], dialect="excel", strict=True))
    assert lines[-1] == "" and len({len(row) for row in rows}) == 1 and len(rows) == len(lines) - 1


def test_canvas_gets_its_columns_and_the_points_of_each_submission(graded: Graded) -> None:
    possible, *rows = rows_of(graded[1] / "gradebook-canvas.csv")
    title = "Notebook 12.2: Multihead Self-Attention"
    assert [*possible] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]
    assert possible["Student"] == "    Points Possible" and possible[title] == "100"
    assert {row["Student"]: row[title] for row in rows} == {r.student: str(r.score) for r in results_of(graded)}


def test_canvas_finds_students_by_its_own_number_and_others_by_login_or_name(exercise: Exercise) -> None:
    theirs = a_result("lovelaceada", platform="canvas", student_id="1234")
    other = a_result("grace", platform="moodle", student_id="77")
    _, _, *rows = canvas([theirs, other], exercise, "hint", "HW")
    assert rows == [("Lovelaceada", "1234", "", "", "", "85"), ("Grace", "", "", "Grace", "", "85")]


def test_moodle_gets_a_grading_worksheet_with_comments(graded: Graded) -> None:
    rows = rows_of(graded[1] / "gradebook-moodle.csv")
    assert {row["Full name"]: row["Grade"] for row in rows} == {r.student: str(r.score) for r in results_of(graded)}
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= {*rows[0]}
    [said] = [row["Feedback comments"] for row in rows if row["Full name"] == "oscar_nunez"]
    assert "Look at the step “scaling of the scores”." in said


def test_moodle_finds_participants_and_takes_no_markup_from_students(exercise: Exercise) -> None:
    hostile = Finding("unexplained", "", note="<script>alert(1)</script>", code_cell=1, line=1, source="a < b")
    result = a_result(platform="moodle", student_id="99", mistakes=(hostile,))
    _, (identifier, *_, said) = moodle([result], exercise, "explain", "HW")
    assert identifier == "Participant 99" and "&lt;script&gt;" in said and "a &lt; b<br>" in said
    assert {*re.findall(r"</?(\w+)", said)} == {"p", "pre", "br"}


def test_what_was_not_graded_has_no_grade_which_is_not_a_zero(exercise: Exercise, tmp_path: Path) -> None:
    assert [*canvas([UNGRADED], exercise, "hint", "HW")][2][5] == ""
    assert [*moodle([UNGRADED], exercise, "hint", "HW")][1][3] == ""
    write_gradescope(tmp_path / "results.json", [POINTING], exercise, "hint")
    write_gradescope(tmp_path / "results.json", [UNGRADED], exercise, "hint")
    assert not (tmp_path / "results.json").exists()


# JUnit


def test_junit_is_valid_and_has_a_case_for_each_submission(graded: Graded) -> None:
    report = JUNIT.to_dict(graded[1] / "junit.xml")
    [suite] = report["testsuite"]
    kinds = {"failure": {"wrong", "partial", "not attempted"}, "error": {"error", "timeout", "unreadable"}}
    verdicts = {result.submission: result.verdict for result in results_of(graded)}
    assert [case["@name"] for case in suite["testcase"]] == [*verdicts]
    for case in suite["testcase"]:
        assert [kind for kind in ("failure", "error", "skipped") if kind in case] == [
            kind for kind, those in kinds.items() if verdicts[case["@name"]] in those
        ]
    counted = [sum(kind in case for case in suite["testcase"]) for kind in kinds]
    assert [int(suite["@failures"]), int(suite["@errors"])] == counted and int(suite["@tests"]) == len(verdicts)


def test_in_junit_a_fault_of_ours_is_no_failure(exercise: Exercise) -> None:
    [suite] = JUNIT.to_dict(junit([UNGRADED], exercise, "hint"))["testsuite"]
    assert (suite["@failures"], suite["@errors"], suite["@skipped"]) == ("0", "0", "1")
    assert "skipped" in suite["testcase"][0]


# Gradescope


def test_gradescope_gets_a_valid_file_for_each_submission(graded: Graded) -> None:
    for result in results_of(graded):
        content = json.loads((graded[1] / f"gradescope/{result.submission}.json").read_text(encoding="utf-8"))
        GRADESCOPE.validate(content)
        assert content["score"] == content["tests"][0]["score"] == result.score
        shown = {test["name"]: test["status"] for test in content["tests"][1:]}
        assert shown == {check.sentence: check.status for check in result.checks if check.status != "skipped"}
    assert len([*(graded[1] / "gradescope").iterdir()]) == len(results_of(graded))


def test_gradescope_says_as_much_as_was_chosen(exercise: Exercise) -> None:
    said = {level: results_json(POINTING, exercise, level)["output"] for level in ("hint", "explain")}
    assert "^^^" not in said["hint"] and "^^^" in said["explain"]


def test_one_results_json_is_for_one_submission(tmp_path: Path) -> None:
    run = checker("grade", EXAMPLES, "--out", tmp_path, "--gradescope", tmp_path / "results.json")
    assert run.returncode == 2 and "is for one submission, and there are 37; name a folder" in run.stderr


# GitHub


def test_each_submission_that_is_not_right_is_annotated_at_the_students_function(graded: Graded) -> None:
    run, _ = graded
    wrong = {result.file: result for result in results_of(graded) if not result.correct}
    found = re.findall(r"(?m)^::error file=(.*?)(?:,line=(\d+))?,title=[^:]*::", run.stdout)
    assert {file for file, _ in found} == {*wrong} and len(found) == len(wrong)
    lines = [(ROOT / file).read_text(encoding="utf-8-sig").splitlines()[int(line) - 1] for file, line in found if line]
    assert len(lines) > 15 and all(re.search(r"\bdef \w+\(", line) for line in lines)


def test_from_explain_on_an_annotation_points_at_the_first_wrong_expression(exercise: Exercise) -> None:
    [hint], [explained] = (github.commands([POINTING], exercise, level) for level in ("hint", "explain"))
    assert hint.startswith("::error file=ada.ipynb,line=118,title=wrong%3A 85 of 100 points::Not right.%0A")
    assert explained.startswith("::error file=ada.ipynb,line=120,title=")
    script = Result(**{**vars(POINTING), "file": "ada.py"})
    [explained] = github.commands([script], exercise, "explain")
    assert ",line=120,col=7,endColumn=13," in explained


def test_an_annotation_is_no_command_of_another_system(exercise: Exercise) -> None:
    hostile = a_result(mistakes=(Finding("unexplained", "", note="##vso[task.complete]\n::set-output name=a::b"),))
    [line] = github.commands([hostile], exercise, "explain")
    assert "task.complete" in line and "##vso[" not in line and "%0A::" not in line


def test_what_was_not_graded_is_a_warning(exercise: Exercise) -> None:
    [line] = github.commands([a_result("bea", "correct", 100), UNGRADED], exercise, "hint")
    assert line.startswith("::warning file=eve.ipynb,title=not graded::")


class Text(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(markdown: str) -> Text:
    return Text(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))


def test_the_summary_of_a_job_is_a_table_of_the_class(graded: Graded) -> None:
    summary = shown((graded[1] / "summary.md").read_text(encoding="utf-8"))
    assert summary.tags.count("tr") == 1 + len(results_of(graded))
    assert all(result.student in summary.text and result.summary in summary.text for result in results_of(graded))


def test_the_summary_of_one_submission_is_its_feedback(exercise: Exercise) -> None:
    summary = shown("".join(github.summary([POINTING], exercise, "explain")))
    assert "wrong: 85 of 100 points" in summary.text and "table" not in summary.tags
    assert "  S = Q1 @ K\n      ^^^^^^" in summary.text


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("github-actions", "action.yml"),
        ("github-workflows", "integrations/github/grade.yml"),
        ("github-workflows", ".github/workflows/tests.yml"),
    ],
)
def test_action_and_workflows_are_valid(schema: str, path: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", ROOT / path]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_a_report_writes_every_format_again(graded: Graded, tmp_path: Path) -> None:
    folder = tmp_path / "grades"
    folder.mkdir()
    (folder / "results.jsonl").write_bytes((graded[1] / "results.jsonl").read_bytes())
    run = checker("report", folder, "--gradebook", "canvas", "--junit", tmp_path / "new/junit.xml", "--github")
    assert run.returncode == 0 and run.stdout.count("::error ") > 15
    assert (folder / "gradebook-canvas.csv").read_bytes() == (graded[1] / "gradebook-canvas.csv").read_bytes()
    assert (tmp_path / "new/junit.xml").read_bytes() == (graded[1] / "junit.xml").read_bytes()


def test_all_that_is_found_may_be_one_students(tmp_path: Path) -> None:
    for name, data in {"ada_old": b"{}", "ada_final": filled_in()}.items():
        (tmp_path / f"{name}.ipynb").write_bytes(data)
    path = tmp_path / "results.json"
    run = checker(*GRADE, tmp_path, "--student", "Ada Lovelace", "--out", tmp_path / "out", "--gradescope", path)
    assert run.returncode == 0 and "ada_old.ipynb: not graded, because Ada Lovelace also handed in" in run.stderr
    assert json.loads(path.read_text())["score"] == 100


def test_what_could_not_be_looked_at_gets_no_zero_at_gradescope(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    path = tmp_path / "results.json"
    for folders in (["nowhere", "empty"], ["empty"]):
        run = checker(*GRADE, *(tmp_path / name for name in folders), "--out", tmp_path / "out", "--gradescope", path)
        assert run.returncode == 2 and "there is no notebook" in run.stderr
        assert path.exists() == ("nowhere" not in folders)
