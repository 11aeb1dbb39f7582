"""What a student is told, at each level, as paragraphs of plain text that every report lays out in its own way.

`verdict` says right or wrong; `hint` (for students) names the step and asks a question that gives nothing away;
`explain` says what is wrong and points at it; `solution` (for teachers) adds the right expression.
"""

from dataclasses import dataclass

from checker.exercises.mistakes import LEVELS, UNEXPLAINED
from checker.exercises.model import Exercise
from checker.result import Finding, Judgement, Result


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
    paragraphs: list[Paragraph] = []
    for finding in result.mistakes:
        paragraphs += _hint(finding, exercise) if depth == 1 else _explanation(finding, exercise, depth)
    if depth > 1 and result.alternatives:
        others = (" and ".join(exercise.mistakes[id].title for id in ids) for ids in result.alternatives)
        text = f"The output would be the same if {', or if '.join(others)}: from the output alone, nobody can tell."
        paragraphs.append(Paragraph("text", text))
    if depth > 1 and result.right_so_far:
        paragraphs.append(Paragraph("right", f"Right so far: {result.right_so_far}."))
    return paragraphs


def _hint(finding: Finding, exercise: Exercise) -> list[Paragraph]:
    step = next((step.title for step in exercise.steps if step.id == finding.step), "")
    hint = exercise.mistakes[finding.id].hint
    # The student has seen what an exception says; what the function's insides give away is for the next level.
    note = [Paragraph("text", finding.note)] if finding.note and finding.id != UNEXPLAINED else []
    return [*note, Paragraph("hint", f"Look at the step “{step}”. {hint}" if step else hint)]


def _explanation(finding: Finding, exercise: Exercise, depth: int) -> list[Paragraph]:
    correction = exercise.mistakes[finding.id].correction if depth > 2 else ""
    paragraphs = (
        Paragraph("code", underlined(finding) if finding.line is not None else "", finding),
        Paragraph("text", finding.message),
        Paragraph("text", finding.note),
        Paragraph("remedy", finding.remedy),
        Paragraph("remedy", correction and f"Correction: {correction}"),
    )
    return [paragraph for paragraph in paragraphs if paragraph.text]


def split_line(finding: Finding) -> tuple[str, str, str]:
    """The line that a finding points at: what is before the wrong expression, the expression, and what is after it."""
    start, end = finding.columns or (0, len(finding.source))
    end = max(end, start + 1)
    return finding.source[:start], finding.source[start:end], finding.source[end:]


def underlined(finding: Finding) -> str:
    """The line with the first wrong expression, and carets under it.

    >>> print(underlined(Finding("x", "", code_cell=5, line=3, columns=(6, 12), source="  S = Q1 @ K")))
    code cell 5, line 3:
      S = Q1 @ K
          ^^^^^^
    """
    before, wrong, _ = split_line(finding)
    line = finding.source.expandtabs(4)
    indent = " " * (len(before.expandtabs(4)) - len(line) + len(line.lstrip()))
    return (
        f"code cell {finding.code_cell}, line {finding.line}:\n  {line.lstrip()}\n  {indent}{'^' * max(1, len(wrong))}"
    )


def as_text(result: Result, exercise: Exercise, level: str) -> str:
    """The reason for the verdict and the feedback as plain text, a blank line between paragraphs."""
    return "\n\n".join([result.summary, *(paragraph.text for paragraph in feedback(result, exercise, level))])


def headline(result: Result, exercise: Exercise) -> str:
    """The mistakes in one line, for a table: "either ... or ..." where nothing tells them apart."""
    sets = [tuple(finding.id for finding in result.mistakes), *result.alternatives]
    if not sets[0] or result.mistakes[0].note:
        return result.mistakes[0].note if result.mistakes else result.summary
    titles = [", and ".join(exercise.mistakes[id].title for id in ids) for ids in sets]
    return f"either {', or '.join(titles)}" if len(titles) > 1 else titles[0]


def verdict(result: Result) -> str:
    """The verdict with its points.

    >>> verdict(Result("ada", "Ada", "a.ipynb", "", "x", "not attempted", 0, "No."))
    'not attempted: 0 of 100 points'
    """
    return result.verdict if result.score is None else f"{result.verdict}: {result.score} of 100 points"
