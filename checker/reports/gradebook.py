"""Tables that learning platforms import: Canvas' gradebook and Moodle's grading worksheet.

Their columns are those that the imports look for: `lib/gradebook_importer.rb` of Canvas (instructure/canvas-lms) and
`mod/assign/feedback/offline/importgradeslib.php` of Moodle (moodle/moodle). Both take a byte order mark. Each function
gives the rows of a table; `assignment` is what the assignment is called on the platform. What could not be graded has
no grade, which is not a zero.
"""

import html
from collections.abc import Callable, Iterator, Sequence

from checker.exercises.model import Exercise
from checker.reports.feedback import Paragraph, feedback
from checker.result import Result

Row = Sequence[str]


def canvas(results: Sequence[Result], exercise: Exercise, level: str, assignment: str) -> Iterator[Row]:
    """Canvas finds a student by the first of these that it knows: its own number, the login, the name.

    Downloads from Canvas hold its number. Other names may be logins (of folders, say), so they stand in both places.
    """
    yield "Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment
    yield "    Points Possible", "", "", "", "", "100"
    for result in results:
        from_canvas = result.platform == "canvas"
        login = "" if from_canvas else result.student
        yield result.student, result.student_id if from_canvas else "", "", login, "", result.points


def moodle(results: Sequence[Result], exercise: Exercise, level: str, assignment: str) -> Iterator[Row]:
    """Moodle finds a student by the participant's number, which downloads from Moodle hold."""
    yield (
        "Identifier", "Full name", "Status", "Grade", "Maximum Grade", "Grade can be changed", "Last modified (grade)",
        "Feedback comments",
    )  # fmt: skip
    for result in results:
        participant = f"Participant {result.student_id}" if result.platform == "moodle" else ""
        comment = _as_html(result, exercise, level)
        yield participant, result.student, "", result.points, "100", "Yes", "", comment


PLATFORMS: dict[str, Callable[[Sequence[Result], Exercise, str, str], Iterator[Row]]] = {
    "canvas": canvas,
    "moodle": moodle,
}


def _as_html(result: Result, exercise: Exercise, level: str) -> str:
    """Moodle takes comments for HTML, in which a table's line may not be broken."""
    paragraphs = [Paragraph("text", result.summary), *feedback(result, exercise, level)]
    tags = ["pre" if paragraph.kind == "code" else "p" for paragraph in paragraphs]
    texts = [html.escape(paragraph.text, quote=False).replace("\n", "<br>") for paragraph in paragraphs]
    return "".join(f"<{tag}>{text}</{tag}>" for tag, text in zip(tags, texts, strict=True))
