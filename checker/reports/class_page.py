"""A page for the teacher: what the class misunderstood, and a table that leads to each student's page."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from checker.exercises.mistakes import UNEXPLAINED
from checker.exercises.model import Exercise
from checker.reports import html
from checker.reports.feedback import headline
from checker.reports.feedback_pages import page_name
from checker.result import Result, Superseded

LONGEST = 160  # characters of what a row says of a submission; the rest is on its own page
NOT_GRADED = ("not graded", "unreadable")


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: `percent` of the class. It filters the table by `key`."""

    key: str
    count: int
    text: str
    percent: float


@dataclass(frozen=True)
class Row:
    """One submission in the table; `mistakes` are ids."""

    student: str
    page: str
    verdict: str
    score: str
    mistakes: str
    headline: str


@dataclass(frozen=True)
class Group:
    """Submissions that one look covers, because their answers are equal."""

    summary: str
    rows: tuple[Row, ...]


def class_page(
    results: Sequence[Result],
    exercise: Exercise,
    superseded: Sequence[Superseded] = (),
    problems: Sequence[str] = (),
) -> str:
    """The whole page. Without its script all is there; with it, the table can be sorted, filtered and searched.

    >>> from checker.exercises import load
    >>> page = class_page([Result("ada", "<Ada>", "a.ipynb", "", "x", "correct", 100, "Right.")], load())
    >>> '<a href="feedback/ada.html">&lt;Ada&gt;</a>' in page
    True
    """
    return html.page(
        "class.html.j2",
        style=html.asset("page.css") + html.asset("class.css"),
        script=html.asset("class.js"),
        exercise=exercise,
        total=len(results),
        overview=overview(results),
        verdicts=verdicts(results),
        points=points(results),
        mistakes=mistakes(results, exercise),
        unexplained=unexplained(results, exercise),
        not_graded=[(row(result, exercise), result) for result in results if result.verdict in NOT_GRADED],
        superseded=superseded,
        problems=problems,
        rows=[row(result, exercise) for result in results],
    )


def row(result: Result, exercise: Exercise) -> Row:
    text = "" if result.correct else headline(result, exercise)
    if result.mistakes:
        text = text[:1].upper() + text[1:]
    return Row(
        result.student,
        page_name(result),
        result.verdict,
        result.points,
        " ".join(finding.id for finding in result.mistakes),
        text if len(text) <= LONGEST else text[: LONGEST - 1] + "…",
    )


def overview(results: Sequence[Result]) -> str:
    """The class in one line.

    >>> overview([Result("a", "A", "", "", "x", "correct", 100, ""), Result("b", "B", "", "", "x", "wrong", 85, "")])
    '2 submissions, 1 correct; median 92.5 points'
    """
    scores = [result.score for result in results if result.score is not None]
    text = f"{len(results)} submission{'' if len(results) == 1 else 's'}, {sum(r.correct for r in results)} correct"
    return f"{text}; median {statistics.median(scores):g} points" if scores else text


def verdicts(results: Sequence[Result]) -> list[Bar]:
    """How many there are of each verdict, most frequent first."""
    counts = Counter(result.verdict for result in results)
    return [_bar(verdict, count, results, verdict) for verdict, count in counts.most_common()]


def mistakes(results: Sequence[Result], exercise: Exercise) -> list[Bar]:
    """How many made each mistake, most frequent first."""
    counts = Counter(id for result in results for id in {finding.id for finding in result.mistakes})
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    titles = {id: exercise.mistakes[id].title if id in exercise.mistakes else id for id in counts}
    return [_bar(id, count, results, f"of {len(results)}: {titles[id]}") for id, count in ordered]


def points(results: Sequence[Result]) -> list[Bar]:
    """How many have 0 points, 1 to 9, and so on, and 100."""
    ranges = {"0": (0, 0), "1 to 9": (1, 9)}
    ranges |= {f"{low} to {low + 9}": (low, low + 9) for low in range(10, 100, 10)} | {"100": (100, 100)}
    scores = [result.score for result in results if result.score is not None]
    counts = {name: sum(low <= score <= high for score in scores) for name, (low, high) in ranges.items()}
    return [_bar(name, count, results, name) for name, count in counts.items()]


def _bar(key: str, count: int, results: Sequence[Result], text: str) -> Bar:
    return Bar(key, count, text, round(100 * count / max(1, len(results)), 1))


def unexplained(results: Sequence[Result], exercise: Exercise) -> list[Group]:
    """Wrong answers that no known mistake explains, those with equal output together, the largest group first."""
    groups: dict[object, list[Result]] = {}
    for result in results:
        if any(finding.id == UNEXPLAINED for finding in result.mistakes):
            groups.setdefault(_fingerprint(result), []).append(result)
    ordered = sorted(groups.values(), key=lambda group: (-len(group), group[0].submission))
    return [Group(group[0].summary, tuple(row(result, exercise) for result in group)) for group in ordered]


def _fingerprint(result: Result) -> object:
    """Equal for submissions with equal output: the last matrix of values, rounded, or what the summary says."""
    outputs = [comparison for comparison in result.comparisons if comparison.kind == "values"]
    if not outputs:
        return result.summary
    rounded = tuple(tuple(value and float(f"{value:.3g}") for value in row) for row in outputs[-1].yours)
    return outputs[-1].name, rounded
