"""JUnit XML, which CI systems show as tests: each submission is one.

A wrong answer is a failure; what never came to an answer (an exception, a limit, no notebook at all) is an error. What
could not be graded through no fault of the student is skipped: the test did not take place.
"""

from collections.abc import Sequence
from xml.etree import ElementTree

from checker.exercises.model import Exercise
from checker.reports.feedback import as_text
from checker.result import Result

_KINDS = {
    "correct": None,
    "partial": "failure",
    "wrong": "failure",
    "not attempted": "failure",
    "not graded": "skipped",
}  # any other is an error


def junit(results: Sequence[Result], exercise: Exercise, level: str) -> str:
    """The text of the file. Results hold no character that XML has none of."""
    kinds = [_KINDS.get(result.verdict, "error") for result in results]
    counts = {
        "tests": str(len(results)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "time": _time(*results),
    }
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": exercise.id, **counts, "skipped": str(kinds.count("skipped"))}
    )
    for result, kind in zip(results, kinds, strict=True):
        attributes = {"name": result.submission, "classname": exercise.id, "time": _time(result)}
        case = ElementTree.SubElement(suite, "testcase", attributes)
        if kind is not None:
            outcome = ElementTree.SubElement(case, kind, {"type": result.verdict, "message": result.summary})
            outcome.text = f"{result.file}\n\n{as_text(result, exercise, level)}"
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _time(*results: Result) -> str:
    return f"{sum(result.timings.get('total', 0.0) for result in results):.3f}"
