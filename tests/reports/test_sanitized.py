"""Whatever students call themselves, write or print: it does nothing where it is shown."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import html5lib
import pytest
from hostile_text import PIECES, TEXTS, commands, longest_run_of_marks, unseen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from checker import files, sanitize
from checker.exercises.mistakes import LEVELS
from checker.exercises.model import Exercise
from checker.reports import github, terminal
from checker.reports.check_display import CheckDisplay
from checker.reports.class_page import class_page
from checker.reports.feedback import feedback
from checker.reports.feedback_pages import feedback_page
from checker.reports.gradebook import moodle
from checker.reports.grades_csv import grades, table
from checker.reports.gradescope import results_json
from checker.reports.junit import junit
from checker.result import (
    CheckResult,
    Comparison,
    Finding,
    Judgement,
    Remark,
    Result,
    Source,
    Superseded,
    from_json,
    to_json,
)

QUICK = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
IDS = st.sampled_from(["scale-missing", "unexplained", "softmax-over-rows", "syntax-error"])
FINDINGS = st.builds(
    Finding,
    id=IDS,
    message=TEXTS,
    step=st.sampled_from([None, "scaling"]),
    code_cell=st.integers(1, 9),
    line=st.one_of(st.none(), st.integers(1, 99)),
    columns=st.one_of(st.none(), st.tuples(st.integers(0, 50), st.integers(0, 50))),
    source=TEXTS,
    note=TEXTS,
    remedy=TEXTS,
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COMPARISONS = st.builds(
    Comparison,
    name=TEXTS,
    kind=st.sampled_from(["weights", "values"]),
    rows=TEXTS,
    columns=TEXTS,
    yours=st.tuples(st.tuples(st.one_of(st.none(), NUMBERS), NUMBERS)),
    expected=st.tuples(st.tuples(NUMBERS, NUMBERS)),
    sentence=TEXTS,
)
RESULTS = st.builds(
    Result,
    submission=TEXTS.map(sanitize.file_name),
    student=TEXTS,
    file=TEXTS,
    sha256=st.just(""),
    exercise=st.just("multihead-self-attention"),
    verdict=st.sampled_from(["wrong", "error", "unreadable", "partial"]),
    score=st.one_of(st.none(), st.integers(0, 100)),
    summary=TEXTS,
    checks=st.tuples(st.builds(CheckResult, st.just("runs"), TEXTS, st.sampled_from(["passed", "failed"]), TEXTS)),
    mistakes=st.lists(FINDINGS, max_size=2).map(tuple),
    right_so_far=TEXTS,
    remarks=st.lists(st.builds(Remark, st.just("later-cell-failed"), TEXTS), max_size=2).map(tuple),
    function=st.one_of(st.none(), st.builds(Source, st.integers(1, 9), st.integers(1, 99), TEXTS)),
    comparisons=st.lists(COMPARISONS, max_size=2).map(tuple),
)


def printed(*shown: object, width: int = 80) -> str:
    file = io.StringIO()
    console = Console(file=sanitize.Log(file), highlight=False, markup=False, emoji=False, width=width)  # type: ignore[arg-type]
    for part in shown:
        console.print(part)
    return file.getvalue()


@given(TEXTS)
@QUICK
def test_no_text_keeps_what_cannot_be_seen_and_columns_stay(text: str) -> None:
    clean = sanitize.text(text)
    assert not unseen(clean.replace("\t", " ")) and longest_run_of_marks(clean) <= 4
    assert sanitize.text(clean) == clean
    assert len(clean) == len(text) or (len(text) > sanitize.LONGEST and len(clean) == sanitize.LONGEST + 1)
    assert "\n" not in sanitize.line(text) and "\t" not in sanitize.line(text)
    clean.encode("utf-8")


@given(TEXTS)
@QUICK
def test_every_file_name_is_safe_on_every_system(text: str) -> None:
    name = sanitize.file_name(text)
    assert re.fullmatch(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", name) and len(name) <= 80
    assert not re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name)


@given(RESULTS, st.sampled_from(LEVELS), st.sampled_from([40, 80, 120]))
@QUICK
def test_terminals_and_logs_show_any_result_without_harm(
    exercise: Exercise, result: Result, level: str, width: int
) -> None:
    shown = printed(
        terminal.details(result, exercise, level),
        terminal.line(result, exercise, 20),
        terminal.summary([result]),
        width=width,
    )
    assert not unseen(shown) and not commands(shown) and longest_run_of_marks(shown) <= 4


@given(RESULTS)
@QUICK
def test_json_holds_any_result_without_harm_and_gives_it_back(exercise: Exercise, result: Result) -> None:
    line = to_json(result)
    assert from_json(line) == result and "\n" not in line and not unseen(line.replace("\\t", ""))
    shown = sanitize.to_json({"results": [json.loads(line)]})
    assert json.loads(shown)["results"] == [json.loads(line)] and not commands(shown) and not unseen(shown)


@given(RESULTS, st.sampled_from(LEVELS))
@QUICK
def test_machines_read_any_result_without_harm(exercise: Exercise, result: Result, level: str) -> None:
    read = ElementTree.fromstring(junit([result], exercise, level))
    assert read.find(".//testcase/*").get("message", "").split() == result.summary.split()  # type: ignore[union-attr]
    content = results_json(result, exercise, level)
    assert json.loads(json.dumps(content)) == content and not unseen(content["output"].replace("\t", ""))
    [row] = list(moodle([result], exercise, level, "HW"))[1:]
    assert {*re.findall(r"<(.*?)>", row[-1])} <= {"p", "/p", "pre", "/pre", "br"}


@given(RESULTS, st.sampled_from(LEVELS))
@QUICK
def test_annotations_are_the_only_commands_and_summaries_have_no_markup_of_students(
    exercise: Exercise, result: Result, level: str
) -> None:
    [annotation] = github.commands([result], exercise, level)
    assert "\n" not in annotation and "\r" not in annotation
    assert re.fullmatch(
        r"::(error|warning) file=[^:,]*(,line=\d+)?(,col=\d+,endColumn=\d+)?,title=[^:,]*::.*", annotation
    )
    for results in ([result], [result, result]):
        html = MarkdownIt("gfm-like", {"linkify": False}).render("".join(github.summary(results, exercise, level)))
        tags = Tags()
        tags.feed(html)
        assert tags.seen <= {"h2", "p", "strong", "pre", "table", "thead", "tbody", "tr", "th", "td"}
        assert len(results) == 1 or html.count("<tr>") == 3


@given(results=st.lists(RESULTS, min_size=1, max_size=3))
@QUICK
def test_tables_hold_any_results_and_no_formula(results: list[Result], tmp_path: Path) -> None:
    files.write(tmp_path / "grades.csv", table(grades(results)))
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(results) + 1
    for cell in (cell for row in rows for cell in row):
        assert not unseen(cell) and "\n" not in cell
        for part in cell.split(";"):
            assert part.lstrip()[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20\u2212")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.seen.add(tag)


@given(RESULTS, st.sampled_from(LEVELS))
@QUICK
def test_check_shows_any_judgement_without_harm(exercise: Exercise, result: Result, level: str) -> None:
    judgement = Judgement(
        result.verdict, 0, result.summary, result.checks, result.mistakes, (), result.right_so_far, result.remarks,
        result.function, result.comparisons,
    )  # fmt: skip
    shown = CheckDisplay(exercise, judgement, level)
    tags = Tags()
    tags.feed(shown._repr_html_())
    assert tags.seen <= {"div", "p", "b", "br", "pre", "u", "details", "summary", "table", "caption", "tr", "th", "td"}
    assert not unseen(shown._repr_html_().replace("\t", "")) and not unseen(repr(shown).replace("\t", ""))
    assert all(not unseen(part.text.replace("\t", "")) for part in feedback(judgement, exercise, level))


@given(RESULTS, st.sampled_from(LEVELS))
@QUICK
def test_pages_show_any_result_without_harm(exercise: Exercise, result: Result, level: str) -> None:
    other = Superseded(result.file, result.student, result.summary)
    whole_class = class_page([result], exercise, [other], [result.summary])
    for page, scripts in ((feedback_page(result, exercise, level), 0), (whole_class, 1)):
        assert not unseen(page.replace("\t", ""))
        tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
        assert len(tree.findall(".//script")) == scripts and len(tree.findall(".//style")) == 1
        for element in tree.iter():
            assert element.tag not in ("iframe", "object", "embed", "base", "form", "img", "a") or (
                element.tag == "a" and re.fullmatch(r"feedback/[a-z0-9_-]+\.html", element.get("href"))
            )
            assert not [name for name in element.attrib if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("width", range(10, 30))
def test_no_command_comes_about_where_a_long_line_is_broken(width: int) -> None:
    assert not commands(printed("x" * 20 + "::error::boo " + "y " * 9 + "::error::boo", width=width))


def test_markup_and_emoji_codes_are_shown_as_they_are_written(exercise: Exercise) -> None:
    result = Result("a", "[red]Ada[/red] :smile:", "[bold]a.ipynb", "", "x", "wrong", 0, ":smile: [link=http://x]y")
    shown = printed(terminal.details(result, exercise, "hint"), terminal.line(result, exercise, 40))
    assert "[red]Ada[/red] :smile:" in shown and "[bold]a.ipynb" in shown and ":smile: [link=http://x]y" in shown


def test_a_result_cleans_all_that_it_is_made_of() -> None:
    result = Result("a", *PIECES[:2], "", "x", "wrong", 0, PIECES[9], alternatives=((PIECES[0],),))
    result = replace(
        result, mistakes=(Finding("unexplained", "\u202e", source="\x1b"),), remarks=(Remark("a", "\ud800"),)
    )
    assert not unseen(repr(result))


def test_a_name_keeps_its_letters() -> None:
    for name in ("Ada Lovelace", "Zoë Kravitz", "名前", "สมชาย ใจดี", "יוֹסֵף", "O'Brien-Smith", "Nguyễn Thị"):
        assert sanitize.name(name) == name
