"""The feedback page and the class page as text, and the folder that they are written into."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import pytest
from helpers import ROOT
from synthetic import FUNCTION, comparisons, contrast, finding, make_class

from checker import files
from checker.exercises.mistakes import LEVELS
from checker.exercises.model import Exercise
from checker.reports import heat_maps
from checker.reports.class_page import class_page, mistakes, points, row, unexplained, verdicts
from checker.reports.feedback_pages import code, feedback_page, how_it_ran, page_name
from checker.reports.folder import NoResultsError, ReportOptions, rebuild, write_reports
from checker.result import Comparison, Finding, Result, Source, Superseded, to_json


@pytest.fixture
def wrong(exercise: Exercise) -> Result:
    """One wrong answer with all that a result can have."""
    one = next(result for result in make_class(40, exercise) if result.verdict == "wrong")
    return replace(one, mistakes=(finding("softmax-over-rows", exercise),))


def tree(page: str) -> Element:
    """The page as a strict parser sees it."""
    parsed: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    return parsed


def text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


# The feedback page


def test_each_level_says_more(wrong: Result, exercise: Exercise) -> None:
    said = {level: text(tree(feedback_page(wrong, exercise, level))) for level in LEVELS}
    mistake = exercise.mistakes["softmax-over-rows"]
    assert all(wrong.summary in page and wrong.student in page for page in said.values())
    assert [level for level in LEVELS if "underlined" in said[level]] == ["hint", "explain", "solution"]
    assert [level for level in LEVELS if "difference" in said[level]] == ["hint", "explain", "solution"]
    assert [level for level in LEVELS if "Queries and keys." in said[level]] == ["hint", "explain", "solution"]
    assert [level for level in LEVELS if mistake.hint in said[level]] == ["hint"]
    assert [level for level in LEVELS if mistake.explanation in said[level]] == ["explain", "solution"]
    assert [level for level in LEVELS if mistake.correction in said[level]] == ["solution"]


def test_the_first_wrong_expression_is_marked_in_the_function(wrong: Result, exercise: Exercise) -> None:
    page = tree(feedback_page(wrong, exercise, "hint"))
    assert [text(mark) for mark in page.findall(".//mark")] == ["softmax(Q.T @ Q, axis=1)"[:24]]
    lines = page.findall(".//pre/code")
    assert [line.get("data-n") for line in lines] == ["7", "8", "9", "10"]
    assert "".join("".join(line.itertext()) for line in lines) == FUNCTION + "\n"


def test_a_wrong_expression_outside_of_the_function_gets_an_excerpt_of_its_own(wrong: Result) -> None:
    helper = Finding("scale-missing", "", code_cell=3, line=2, columns=(4, 9), source="    a / b")
    function, other = code(replace(wrong, mistakes=(helper,)), mark=True)
    assert not any(line.marked for line in function.lines)
    assert other.code_cell == 3 and [(line.number, line.marked) for line in other.lines] == [(2, "a / b")]


def test_a_line_that_is_not_what_the_finding_says_is_not_marked(wrong: Result) -> None:
    """As when a long function was cut off."""
    cut = replace(wrong, function=Source(5, 7, "def f(X):…"))
    assert [[line.marked for line in excerpt.lines] for excerpt in code(cut, mark=True)] == [
        [""],
        ["softmax(Q.T @ Q, axis=1)"],
    ]


def test_what_ran_is_said_with_its_limits(wrong: Result) -> None:
    said = dict(
        how_it_ran(replace(wrong, settings={**wrong.settings, "weights": {"scores": 100}}, sandbox_reason="no root"))
    )
    assert said["Limits"].startswith("one cell 20 s, all cells 60 s") and said["Limits"].endswith("memory 2 GB")
    assert said["Sandbox"] == "full (no root)" and said["Weights"] == "scores 100"
    assert str(wrong.seed) in said["Seed"] and wrong.sha256 in said["File"]


def test_a_result_of_which_nothing_ran_has_a_page_too(exercise: Exercise) -> None:
    result = Result("ada", "Ada", "a.ipynb", "", exercise.id, "not graded", None, "The kernel did not start.")
    page = text(tree(feedback_page(result, exercise, "hint")))
    assert "Not graded The kernel did not start." in page and "points" not in page and "Your function" not in page


# Heat maps


def test_weights_have_a_fixed_scale_and_values_one_about_zero() -> None:
    weights, values = comparisons(1)
    assert [(each.least, each.most) for each in heat_maps.panels(weights)] == [(0, 1), (0, 1), (-1, 1)]
    assert all(each.least == -each.most for each in heat_maps.panels(values))


def test_what_is_no_number_is_no_colour_and_what_is_right_is_one_map() -> None:
    comparison = replace(comparisons(1)[0], yours=((None, 0.5),), expected=((0.5, 0.5),))
    yours, _, difference = heat_maps.panels(comparison)
    assert yours.colour(None) == difference.colour(None) == heat_maps.GREY and difference.number(0.0) == "0"
    assert heat_maps.html(comparison).count('<td class="nan">nan</td>') == 2
    [same] = heat_maps.panels(replace(comparison, yours=((0.5, 0.5),)))
    assert same.title == "yours and expected"


def test_every_shade_of_a_cell_leaves_its_value_readable(wrong: Result, exercise: Exercise) -> None:
    for scale in heat_maps.SCALES.values():
        for step in range(heat_maps.STEPS + 1):
            colour = heat_maps.between(scale, step / heat_maps.STEPS)
            assert contrast(colour, heat_maps.ink(colour)) >= 4.5
    used = {cell.get("class") for cell in tree(feedback_page(wrong, exercise, "hint")).findall(".//td")} - {None}
    assert used and all(f".{shade}{{" in heat_maps.stylesheet() for shade in used)


# The class page


def test_the_class_page_counts_verdicts_points_and_mistakes(exercise: Exercise) -> None:
    results = make_class(200, exercise)
    counts = {bar.key: bar.count for bar in verdicts(results)}
    assert sum(counts.values()) == 200
    assert counts["correct"] == sum(result.correct for result in results)
    assert sum(bar.count for bar in points(results)) == sum(result.score is not None for result in results)
    first, *others = mistakes(results, exercise)
    assert first.text == f"of 200: {exercise.mistakes[first.key].title}"
    assert first.count == sum(first.key in [each.id for each in result.mistakes] for result in results)
    assert all(first.count >= bar.count for bar in others)


def test_unexplained_answers_with_equal_output_are_one_group(wrong: Result, exercise: Exercise) -> None:
    odd = replace(wrong, mistakes=(finding("unexplained", exercise, pointing=False),))
    nearly = tuple(map(nudged, odd.comparisons))
    results = [
        replace(odd, submission="a", comparisons=comparisons(998)),
        replace(odd, submission="b"),
        replace(odd, submission="c", comparisons=nearly),
        replace(odd, submission="d", comparisons=(), summary="Another shape."),
        replace(wrong, submission="e"),
    ]
    groups = unexplained(results, exercise)
    assert [[each.page for each in group.rows] for group in groups] == [["b.html", "c.html"], ["a.html"], ["d.html"]]


def nudged(comparison: Comparison) -> Comparison:
    """The same but for the last digit."""
    yours = tuple(tuple(value and value * (1 + 1e-9) for value in row) for row in comparison.yours)
    return replace(comparison, yours=yours)


def test_what_could_not_be_graded_and_files_that_do_not_count_are_named_with_the_reason(exercise: Exercise) -> None:
    failed = Result("ada", "Ada", "a.ipynb", "", exercise.id, "not graded", None, "The kernel did not start.")
    other = Superseded("old.ipynb", "Bea", "new.ipynb")
    page = text(tree(class_page([failed], exercise, [other], ["x: there is no file"])))
    assert "Could not be graded Ada: not graded The kernel did not start." in page
    assert "old.ipynb: Bea also handed in new.ipynb" in page and "x: there is no file" in page


def test_a_row_of_the_table_is_short(exercise: Exercise) -> None:
    results = make_class(2_000, exercise)
    longest = replace(
        results[0], verdict="error", mistakes=(replace(finding("no-return", exercise), note="x" * 2_000),)
    )
    assert len(row(longest, exercise).headline) <= 160
    page = class_page([*results, longest], exercise)
    assert len(page.encode()) / 2_000 < 400


# The folder


@pytest.mark.parametrize("id", ["../../etc/passwd", "", "con/", "a" * 300, "Ada", "\0", "<b>"])
def test_no_submission_leads_out_of_the_folder(id: str, wrong: Result) -> None:
    names = {page_name(replace(wrong, submission=each)) for each in (id, id + "!")}
    assert len(names) == 2, "and no two have the same page"
    for name in names:
        assert Path(name).name == name and len(name) < 120 and name.replace("-", "").replace(".", "").isalnum()


@pytest.fixture
def written(tmp_path: Path, exercise: Exercise) -> Callable[..., dict[str, int]]:
    """Writes the reports of a class; returns what is in the folder of pages, with an identity for each version."""

    def write(results: list[Result], **options: str) -> dict[str, int]:
        write_reports(tmp_path, results, exercise, ReportOptions(**options))  # type: ignore[arg-type]
        return {path.name: path.stat().st_ino for path in (tmp_path / "feedback").iterdir()}

    return write


def test_only_pages_that_change_are_written_and_only_ours_are_removed(
    written: Callable[..., dict[str, int]], exercise: Exercise, tmp_path: Path
) -> None:
    ada, bea, cem = make_class(3, exercise)
    (tmp_path / "feedback").mkdir()
    (tmp_path / "feedback/notes.html").write_text("<p>mine</p>")
    first = written([ada, bea, cem])
    assert set(first) == {"notes.html", *map(page_name, (ada, bea, cem))}
    # The i-node of a file that is replaced may be used again at once: keep the old ones.
    for path in (tmp_path / "feedback").iterdir():
        os.link(path, tmp_path / f"{path.name}.old")
    assert written([ada, bea, cem]) == first
    second = written([ada, replace(bea, summary="Changed.")])
    assert set(second) == {"notes.html", page_name(ada), page_name(bea)}
    assert second[page_name(ada)] == first[page_name(ada)] and second[page_name(bea)] != first[page_name(bea)]
    assert written([ada], feedback="explain")[page_name(ada)] != first[page_name(ada)]


def test_a_page_that_a_crash_tore_is_written_again(
    written: Callable[..., dict[str, int]], exercise: Exercise, tmp_path: Path
) -> None:
    [ada] = make_class(1, exercise)
    written([ada])
    path = tmp_path / "feedback" / page_name(ada)
    whole = path.read_bytes()
    for torn in (b"", whole[:-10], whole[: len(whole) // 2], bytes(len(whole))):
        path.write_bytes(torn)
        (tmp_path / "feedback/.gone.html.part").write_bytes(torn)
        assert list(written([ada])) == [path.name] and path.read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(exercise: Exercise, tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("")
    with pytest.raises(files.CannotWriteError, match="feedback could not be written"):
        write_reports(tmp_path, make_class(1, exercise), exercise)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "results.jsonl")
    }


def test_reports_are_rebuilt_from_the_results_alone(exercise: Exercise, tmp_path: Path) -> None:
    results = make_class(12, exercise)
    older = replace(results[3], summary="An older one.")
    lines = [to_json(result) for result in (older, *reversed(results))]
    for name in "ab":
        (tmp_path / name).mkdir()
    write_reports(tmp_path / "a", results, exercise)
    (tmp_path / "b/results.jsonl").write_text("\n".join([*lines, lines[0][:100]]), encoding="utf-8")
    assert rebuild(tmp_path / "b") == results
    assert contents(tmp_path / "b") == contents(tmp_path / "a")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`checker report`, which also says on its last line which modules of kernels it imported."""
    program = (
        "import sys; from checker.cli import main; code = main(sys.argv[1:]); "
        "print({'nbclient', 'jupyter_client', 'zmq', 'nbformat', 'matplotlib'} & set(sys.modules)); sys.exit(code)"
    )
    line = [sys.executable, "-c", program, "report", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, encoding="utf-8", timeout=60, cwd=ROOT, check=False)


def read(run: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    """The results that the command prints as JSON."""
    return list(json.loads(run.stdout.rsplit("\n", 2)[0])["results"])


def test_the_command_rebuilds_without_a_kernel(exercise: Exercise, tmp_path: Path) -> None:
    results = make_class(3, exercise)
    (tmp_path / "results.jsonl").write_text("\n".join(map(to_json, results)), encoding="utf-8")
    run = command(tmp_path, "--feedback", "verdict")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [f"3 results: {tmp_path / 'index.html'}", "set()"]
    assert "difference" not in (tmp_path / "feedback" / page_name(results[1])).read_text(encoding="utf-8")
    assert [json.loads(to_json(result)) for result in results] == read(command(tmp_path, "--json"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no results.jsonl in it"),
        ("", "it holds no results"),
        ("{}\n", "it holds no results"),
        ("x y", "it holds results of several exercises (x, y)"),
        ("x", "there is no exercise 'x'"),
    ],
)
def test_a_folder_without_results_is_refused_in_a_sentence(content: str | None, reason: str, tmp_path: Path) -> None:
    if content is not None:
        names = content.split() if "{" not in content else []
        lines = [to_json(Result(name, name, "", "", name, "wrong", 0, "No.")) for name in names]
        (tmp_path / "results.jsonl").write_text("\n".join(lines) or content)
    with pytest.raises(NoResultsError) as caught:
        rebuild(tmp_path)
    assert reason in str(caught.value) and str(tmp_path) in str(caught.value)
    assert not (tmp_path / "index.html").exists()


def test_a_path_that_is_no_folder_ends_the_command_with_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps({}))
    for path, reason in ((tmp_path / "nowhere", "there is no such file or folder"), (tmp_path / "file", "is a file")):
        run = command(path)
        assert run.returncode == 2 and run.stderr.startswith(f"checker: {path}: {reason}") and "\n" in run.stderr
        assert len(run.stderr.splitlines()) == 1
