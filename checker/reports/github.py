"""What GitHub Actions shows of a grade: annotations on the student's lines, and the summary of a job.

The commands here are the only ones that this package means a CI system to obey; all other text goes through
`sanitize.log`, so that no student's text can be one, and so does the text within these.
"""

import html
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from checker import files
from checker.exercises.model import Exercise
from checker.reports.feedback import as_text, feedback, headline, verdict
from checker.result import Result
from checker.sanitize import log, markdown

MOST_ROWS = 1_000  # a summary may have 1 MB


def annotate(results: Sequence[Result], exercise: Exercise, level: str, to: TextIO) -> None:
    """Print the annotations into the log of a job, and add to its summary, whose file GitHub names.

    Raises `files.CannotWriteError`.
    """
    for line in commands(results, exercise, level):
        print(line, file=to)
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with files.appending(Path(path)) as append:
            append("".join(summary(results, exercise, level)))


def commands(results: Sequence[Result], exercise: Exercise, level: str) -> Iterator[str]:
    """A command for each submission that is not correct: an error, or a warning where the fault is not the student's.

    It points at the first wrong expression if the feedback may give that away, from `explain` on; else at the function.
    """
    for result in results:
        if result.correct:
            continue
        kind = "warning" if result.score is None else "error"
        properties = {"file": result.file, **_place(result, level), "title": verdict(result)}
        yield command(kind, properties, as_text(result, exercise, level))


def command(name: str, properties: dict[str, str], message: str) -> str:
    r"""A workflow command, whatever the texts in it are.

    >>> command("error", {"file": "a,b.py", "line": "3"}, "50 %\n::warning::")
    '::error file=a%2Cb.py,line=3::50 %25%0A: :warning::'
    """
    listed = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::{name} {listed}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """Also safe for other CI systems. `%` comes first, or it would be escaped again."""
    text = log(text)
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _place(result: Result, level: str) -> dict[str, str]:
    """Where to point; columns only in a script, since those of a notebook's file are others."""
    finding = next((finding for finding in result.mistakes if finding.file_line is not None), None)
    if finding is None or level not in ("explain", "solution"):
        line = result.function.file_line if result.function is not None else None
        return {} if line is None else {"line": str(line)}
    place = {"line": str(finding.file_line)}
    if result.file.lower().endswith(".py") and finding.columns is not None:
        place |= {"col": str(finding.columns[0] + 1), "endColumn": str(finding.columns[1] + 1)}
    return place


def summary(results: Sequence[Result], exercise: Exercise, level: str) -> Iterator[str]:
    """The summary of a job in Markdown: of one submission its feedback, of several a table."""
    yield f"## {markdown(exercise.title)}\n\n"
    if len(results) == 1:
        [result] = results
        yield f"**{verdict(result)}**\n\n"
        for text in [result.summary, *(paragraph.text for paragraph in feedback(result, exercise, level))]:
            yield f"<pre>{html.escape(text)}</pre>\n\n" if "\n" in text else f"{markdown(text)}\n\n"
        return
    counts = Counter(result.verdict for result in results)
    yield ", ".join(f"{count} {name}" for name, count in counts.most_common()) + "\n\n"
    yield "| student | verdict | points | |\n|---|---|---:|---|\n"
    for result in results[:MOST_ROWS]:
        text = headline(result, exercise) if level in ("explain", "solution") else result.summary
        yield f"| {markdown(result.student)} | {result.verdict} | {result.points} | {markdown(text)} |\n"
    if len(results) > MOST_ROWS:
        yield f"\nand {len(results) - MOST_ROWS} more\n"
