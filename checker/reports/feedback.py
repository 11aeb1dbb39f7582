"""What a student is told, at each level: plain lines of text for every output to lay out.

`verdict` says right or wrong; `hint` (for students) names the step and asks a question that gives nothing away;
`explain` says what is wrong and points at it; `solution` (for teachers) adds the right expression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from checker.exercises.mistakes import LEVELS, UNEXPLAINED
from checker.exercises.model import Exercise
from checker.result import Finding, Result

if TYPE_CHECKING:
    from checker.result import Judgement


@dataclass(frozen=True)
class Paragraph:
    """A piece of feedback: `kind` is `text`, `hint`, `code`, `right` or `remedy`; `code` points at its `finding`."""

    kind: str
    text: str
    finding: Finding | None = None


def feedback(result: Result | Judgement, exercise: Exercise, level: str) -> list[Paragraph]:
    """What to say of a result beside its summary, most important first.

    >>> from checker.exercises import load
    >>> finding = Finding("scale-missing", "The scores are not scaled.", "scaling")
    >>> result = Result("ada", "Ada", "a.ipynb", "", "x", "wrong", 85, "Not right.", mistakes=(finding,))
    >>> [paragraph.kind for paragraph in feedback(result, load(), "hint")]
    ['hint']
    """
    depth = LEVELS.index(level)
    if depth == 0 or result.verdict == "correct":
        return []
    said: list[Paragraph] = []
    for finding in result.mistakes:
        said += _hint(finding, exercise) if depth == 1 else _explanation(finding, exercise, depth)
    if depth > 1:
        said += [Paragraph("text", _alternatives(result, exercise))] if result.alternatives else []
        said += [Paragraph("right", f"Right so far: {result.right_so_far}.")] if result.right_so_far else []
    return said


def as_text(result: Result, exercise: Exercise, level: str) -> str:
    """The reason for the verdict and the feedback as plain text, a blank line between paragraphs."""
    return "\n\n".join([result.summary, *(paragraph.text for paragraph in feedback(result, exercise, level))])


def _hint(finding: Finding, exercise: Exercise) -> list[Paragraph]:
    step = next((step.title for step in exercise.steps if step.id == finding.step), "")
    hint = exercise.mistakes[finding.id].hint
    # What an exception says has been seen anyway; what the insides give away is for the next level.
    happened = [Paragraph("text", finding.note)] if finding.note and finding.id != UNEXPLAINED else []
    return [*happened, Paragraph("hint", f"Look at the step “{step}”. {hint}" if step else hint)]


def _explanation(finding: Finding, exercise: Exercise, depth: int) -> list[Paragraph]:
    said = [Paragraph("code", underlined(finding), finding)] if finding.line is not None else []
    said.append(Paragraph("text", finding.message))
    said += [Paragraph("text", finding.note)] if finding.note else []
    if finding.remedy:
        said.append(Paragraph("remedy", finding.remedy))
    correction = exercise.mistakes[finding.id].correction
    if depth > 2 and correction:
        said.append(Paragraph("remedy", f"Right would be: {correction}"))
    return said


def underlined(finding: Finding) -> str:
    """The line with the first wrong expression, and carets under it.

    >>> print(underlined(Finding("x", "", code_cell=5, line=3, columns=(6, 12), source="  S = Q1 @ K")))
    code cell 5, line 3:
      S = Q1 @ K
          ^^^^^^
    """
    start, end = finding.columns or (0, len(finding.source))
    indent = "  " + finding.source[:start].expandtabs(4)
    carets = "^" * max(1, end - start)
    place = f"code cell {finding.code_cell}, line {finding.line}:"
    shift = len(finding.source) - len(finding.source.lstrip())
    return f"{place}\n  {finding.source.expandtabs(4).lstrip()}\n{' ' * (len(indent) - shift)}{carets}"


def _alternatives(result: Result | Judgement, exercise: Exercise) -> str:
    others = [" and ".join(exercise.mistakes[id].title for id in ids) for ids in result.alternatives]
    return f"The same output would come out if {', or if '.join(others)}: no output can tell these apart."


def headline(result: Result, exercise: Exercise) -> str:
    """The mistakes in one line, for a table: "either ... or ..." where nothing tells them apart."""
    sets = [tuple(finding.id for finding in result.mistakes), *result.alternatives]
    if not sets[0] or result.mistakes[0].note:
        return result.mistakes[0].note if result.mistakes else result.summary
    titles = [", and ".join(exercise.mistakes[id].title for id in ids) for ids in sets]
    return f"either {', or '.join(titles)}" if len(titles) > 1 else titles[0]
