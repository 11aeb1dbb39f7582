"""From a diagnosis to findings that point into the student's source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checker.exercises.model import Exercise
from checker.grading.diagnosis import Diagnosis
from checker.kernel.observation import Span
from checker.result import Finding, Remark


def findings(
    exercise: Exercise, code: Sequence[str], diagnosis: Diagnosis | None, evident: Mapping[str, str]
) -> tuple[Finding, ...]:
    """What was found wrong; the first finding of the diagnosis points at the first wrong expression."""
    found = [_finding(exercise, id, note=note) for id, note in evident.items()]
    if diagnosis is None:
        return tuple(found)
    where = _where(code, diagnosis.place)
    for id in (id for id in diagnosis.mistakes if id not in evident):
        found.append(_finding(exercise, id, note=diagnosis.note, remedy=diagnosis.remedy, **where))
        where = {}
    return tuple(found)


def remarks(exercise: Exercise, diagnosis: Diagnosis | None, unused: Sequence[str]) -> tuple[Remark, ...]:
    """Remarks on what costs nothing but is worth knowing."""
    ids = dict.fromkeys((*(diagnosis.remarks if diagnosis else ()), *unused))
    return tuple(Remark(id, exercise.mistakes[id].explanation) for id in ids)


def _finding(exercise: Exercise, id: str, **more: object) -> Finding:
    mistake = exercise.mistakes[id]
    title = mistake.title[:1].upper() + mistake.title[1:]
    return Finding(id, f"{title}. {mistake.explanation}", mistake.step, **more)  # type: ignore[arg-type]


def _where(code: Sequence[str], place: Span | None) -> dict[str, object]:
    """A place in characters instead of bytes; of an expression over several lines, its first line."""
    if place is None or not 0 < place.cell <= len(code):
        return {}
    lines = code[place.cell - 1].split("\n")
    if not 0 < place.line <= len(lines):
        return {}
    source = lines[place.line - 1]
    raw = source.encode("utf-8")
    end = place.end_column if place.end_line == place.line else len(raw)
    columns = (len(raw[: place.column].decode("utf-8", "replace")), len(raw[:end].decode("utf-8", "replace")))
    return {"code_cell": place.cell, "line": place.line, "columns": columns, "source": source}
