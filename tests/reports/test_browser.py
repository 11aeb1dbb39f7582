"""Both pages in a real browser: at every width, with hostile content, by keyboard, and to a screen reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import DESKTOP, PHONE, Browser
from hostile_text import PIECES
from synthetic import comparisons, finding, make_class

from checker.exercises.model import Exercise
from checker.reports.class_page import class_page
from checker.reports.folder import write_reports
from checker.result import CheckResult, Remark, Result, Source

HOSTILE = """<script>alert(1)</script></style></script><img src=x onerror=alert(2)>"' onload='alert(3)' {{7*7}}"""
HOSTILE += "".join(PIECES)
STUDENTS = "#table tbody tr:not([hidden]) td:first-child"


@pytest.fixture(scope="module")
def folder(exercise: Exercise, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of a class of 40, one of which is as hostile as can be."""
    out = tmp_path_factory.mktemp("grades")
    write_reports(out, [*make_class(40, exercise), hostile(exercise)], exercise)
    return out


def hostile(exercise: Exercise) -> Result:
    one = make_class(1, exercise)[0]
    mistake = replace(finding("unexplained", exercise, pointing=False), message=HOSTILE, note=HOSTILE, remedy=HOSTILE)
    comparison = replace(comparisons(1)[0], name=HOSTILE, rows=HOSTILE, columns=HOSTILE, sentence=HOSTILE)
    return replace(
        one,
        submission="hostile",
        student=HOSTILE,
        file=HOSTILE,
        verdict="wrong",
        summary=HOSTILE,
        checks=(CheckResult("runs", HOSTILE, "failed", HOSTILE),),
        mistakes=(mistake, replace(finding("scale-missing", exercise), source=HOSTILE)),
        right_so_far=HOSTILE,
        remarks=(Remark("later-cell-failed", HOSTILE),),
        function=Source(5, 7, HOSTILE),
        comparisons=(comparison,),
    )


def wrong(exercise: Exercise) -> Result:
    """One who ran the softmax over the wrong axis."""
    one = next(result for result in make_class(40, exercise) if result.verdict == "wrong")
    return replace(one, mistakes=(finding("softmax-over-rows", exercise),))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_pages_fit_say_nothing_and_ask_for_nothing(browser: Browser, folder: Path, width: int, scheme: str) -> None:
    for path in (folder / "index.html", folder / "feedback/hostile.html", folder / "feedback/student-00001.html"):
        visit = browser.visit(path, width, color_scheme=scheme)
        assert visit.fits(), path
        assert not visit.noise
        assert visit.requests == [path.as_uri()]
        ground = visit.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light"), "the style was let in"


def test_hostile_text_stays_text(browser: Browser, folder: Path) -> None:
    visit = browser.visit(folder / "feedback/hostile.html")
    assert "<script>alert(1)</script>" in visit.page.inner_text("h1")
    assert visit.evaluate("document.scripts.length") == 0
    visit = browser.visit(folder / "index.html")
    assert visit.evaluate("document.scripts.length") == 1
    for button in visit.page.query_selector_all("button"):
        button.click()
    visit.page.fill("#search", "<script>alert")
    assert visit.page.locator(STUDENTS).count() == 1
    assert not visit.noise and len(visit.requests) == 1


def students(visit_page: object) -> Sequence[str]:
    return visit_page.locator(STUDENTS).all_inner_texts()  # type: ignore[attr-defined, no-any-return]


def test_the_table_is_sorted_by_its_headings(browser: Browser, folder: Path) -> None:
    page = browser.visit(folder / "index.html").page
    points = page.get_by_role("columnheader", name="Points").last
    points.get_by_role("button").click()
    scores = page.locator("#table tbody td:nth-child(3)").all_inner_texts()
    numbers = [int(score) for score in scores if score]
    assert numbers == sorted(numbers) and scores[len(numbers) :] == [""] * (len(scores) - len(numbers))
    assert points.get_attribute("aria-sort") == "ascending"
    points.get_by_role("button").click()
    scores = page.locator("#table tbody td:nth-child(3)").all_inner_texts()
    assert [int(score) for score in scores if score] == numbers[::-1]
    assert points.get_attribute("aria-sort") == "descending"


def test_a_bar_filters_the_table_by_mouse_and_by_keyboard(browser: Browser, folder: Path, exercise: Exercise) -> None:
    results = make_class(40, exercise)
    page = browser.visit(folder / "index.html").page
    bar = page.get_by_role("button", name="wrong", exact=False).first
    bar.click()
    assert len(students(page)) == 1 + sum(result.verdict == "wrong" for result in results)
    assert bar.get_attribute("aria-pressed") == "true"
    bar.press("Enter")
    assert len(students(page)) == 41 and bar.get_attribute("aria-pressed") == "false"
    mistake = page.locator('[data-key="unexplained"] button')
    mistake.focus()
    page.keyboard.press("Space")
    made = {result.student for result in results if any(each.id == "unexplained" for each in result.mistakes)}
    assert made and made < set(students(page)) and len(students(page)) == len(made) + 1
    assert page.get_by_role("status").inner_text() == f"{len(made) + 1} of 41 shown"
    page.get_by_role("button", name="Show all").press("Enter")
    assert len(students(page)) == 41


def test_search_finds_every_word_anywhere_in_a_row(browser: Browser, folder: Path, exercise: Exercise) -> None:
    one = next(result for result in make_class(40, exercise) if result.verdict == "correct")
    page = browser.visit(folder / "index.html").page
    first, last, number = one.student.split()
    page.get_by_role("searchbox", name="Search").fill(f"CORRECT {number} {first.upper()} {last}")
    assert students(page) == [one.student]
    page.fill("#search", "nobody of this name")
    assert students(page) == [] and page.get_by_role("status").inner_text() == "0 of 41 shown"


def test_a_name_leads_to_the_students_page(browser: Browser, folder: Path, exercise: Exercise) -> None:
    one = make_class(1, exercise)[0]
    visit = browser.visit(folder / "index.html")
    visit.page.locator("#table").get_by_role("link", name=one.student).click()
    visit.page.wait_for_url("**/feedback/student-00000.html")
    assert visit.page.inner_text("h1") == one.student


def test_without_script_all_is_there(browser: Browser, folder: Path) -> None:
    page = browser.visit(folder / "index.html", java_script_enabled=False).page
    assert len(students(page)) == 41
    assert page.locator("button:visible, input:visible").count() == 0
    assert page.get_by_text("of 41:").count() > 3


def test_a_screen_reader_reads_the_verdict_the_hint_and_what_the_maps_show(
    browser: Browser,
    exercise: Exercise,
    tmp_path: Path,
) -> None:
    one = wrong(exercise)
    write_reports(tmp_path, [one], exercise)
    spoken = browser.visit(tmp_path / "feedback" / f"{one.submission}.html").spoken()
    texts = [name for role, name in spoken if role == "StaticText"]
    assert ("heading", one.student) in spoken
    assert f"Wrong: {one.score} of 100 points" in texts and one.summary in texts
    assert any(text.endswith(exercise.mistakes["softmax-over-rows"].hint) for text in texts)
    assert [name for role, name in spoken if role == "image"] == [each.sentence for each in one.comparisons]
    assert "+0.50" not in texts and "yours" not in texts, "of a map the sentence is read, not every cell"
    assert one.comparisons[0].sentence not in texts, "once"
    headings = [name for role, name in spoken if role == "heading"]
    assert headings[1:3] == ["What to look at", "Your function"]
    assert {"main", "contentinfo"} <= {role for role, _ in spoken}


def test_a_screen_reader_finds_a_table_of_the_class(browser: Browser, folder: Path) -> None:
    for width in (PHONE, DESKTOP):
        spoken = browser.visit(folder / "index.html", width).spoken()
        assert ("table", "Submissions") in spoken and ("columnheader", "Student") in spoken
        assert sum(role == "row" for role, _ in spoken) == 42 + 13
        assert ("status", "") in spoken and ("searchbox", "Search") in spoken


def test_a_printed_page_has_all_of_it(browser: Browser, folder: Path) -> None:
    page = browser.visit(folder / "index.html").page
    page.emulate_media(media="print")
    assert not page.locator(".tools").is_visible() and len(students(page)) == 41


def test_five_thousand_are_sorted_and_filtered(browser: Browser, exercise: Exercise, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    results = make_class(5_000, exercise)
    path.write_text(class_page(results, exercise), encoding="utf-8")
    assert path.stat().st_size < 3_000_000
    visit = browser.visit(path)
    visit.page.locator("#table th:first-child button").click()
    first = visit.page.locator(STUDENTS).first.inner_text()
    assert first == min(
        (result.student for result in results), key=lambda name: (name.split()[:2], int(name.split()[2]))
    )
    visit.page.locator('[data-key="unexplained"] button').click()
    made = sum(each.id == "unexplained" for result in results for each in result.mistakes)
    assert visit.page.locator(STUDENTS).count() == made > 100
    assert not visit.noise and visit.fits()
