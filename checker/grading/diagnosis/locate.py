"""Which expression to point at: the first whose value is wrong, in the code that is to blame for it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from checker.exercises.model import Array, Exercise
from checker.grading.diagnosis.trace import Match, Traced, equal
from checker.grading.source import parse
from checker.kernel.observation import Failure, Span


def place(
    exercise: Exercise, code: Sequence[str], traced: Traced, state: Mapping[str, Array], mistakes: Sequence[str]
) -> Span | None:
    """The first wrong expression, given the (wrong) state that explains the run, or nothing but the trace."""
    changed = _changed_input(traced, state)
    if changed is not None:
        return changed
    wrong = traced.wrong(state)
    if wrong:
        return traced.records[_to_blame(exercise, code, traced, wrong)].place
    return (
        _that_does(exercise, traced, mistakes)
        or _that_is_returned(exercise, traced, state)
        or _in_place_of_the_first_missing(exercise, code, traced)
        or _after_the_last_right_one(exercise, code, traced)
    )


def _changed_input(traced: Traced, state: Mapping[str, Array]) -> Span | None:
    """Where an argument is turned into something else, if that is what this state does."""
    for name, given in traced.inputs.items():
        value = state.get(name, given)
        if value.any() and not any(equal(value, other) for other in traced.inputs.values()):
            return place_of_value(traced, value)
    return None


def place_of_value(traced: Traced, value: Array) -> Span | None:
    """The first expression that has a value."""
    return next((record.place for record in traced.records if equal(record.array, value)), None)


def place_of_failure(code: Sequence[str], failure: Failure) -> Span | None:
    """Where an exception was raised, its cell found by the text of the line."""
    cells = [failure.raised_in] if failure.raised_in else range(len(code), 0, -1)
    for cell in cells:
        lines = code[cell - 1].split("\n") if 0 < cell <= len(code) else []
        if failure.line and failure.line <= len(lines) and lines[failure.line - 1].strip() == failure.text:
            if failure.place is not None:
                return replace(failure.place, cell=cell)
            raw = lines[failure.line - 1]
            return Span(cell, failure.line, len(raw) - len(raw.lstrip()), failure.line, len(raw.encode()))
    return None


def _to_blame(exercise: Exercise, code: Sequence[str], traced: Traced, wrong: Sequence[Match]) -> int:
    """A helper that was given wrong values is not to blame; the expression that called it is."""
    first = wrong[0]
    inside = _function_at(code, traced.records[first.record].place)
    given = _is_as_given(exercise, code, inside)
    if inside == exercise.function or (_fed_right(traced, first) and not given):
        return first.record
    for later in wrong:
        if _function_at(code, traced.records[later.record].place) != inside:
            return later.record
    return first.record


def _is_as_given(exercise: Exercise, code: Sequence[str], function: str) -> bool:
    """Whether a cell defines the function just as the notebook gives it, comments and layout aside."""
    if function not in exercise.given:
        return False
    wanted = ast.dump(ast.parse(exercise.given[function]).body[0])
    nodes = (node for cell in code for node in ast.walk(parse(cell)))
    candidates = (node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == function)
    try:
        return any(ast.dump(node) == wanted for node in candidates)
    except RecursionError:
        return False


def _fed_right(traced: Traced, first: Match) -> bool:
    """Whether what the wrong value is computed from was seen, and right."""
    shown = [name for step in traced.exercise.steps for name in step.shows]
    head = first.name[-1] if first.name[-1].isdigit() else ""
    names = list(traced.reference)
    before = [name for name in names[: names.index(first.name)] if name in shown and name.endswith(head)]
    return bool(before) and any(match.name == before[-1] and match.record < first.record for match in traced.right)


def _that_does(exercise: Exercise, traced: Traced, mistakes: Sequence[str]) -> Span | None:
    """Where the mistaken step is done, when its result is right for this input by accident."""
    for mistake in mistakes:
        step = next((step for step in exercise.steps if step.id == exercise.mistakes[mistake].step), None)
        for match in traced.right:
            if step is not None and match.name in step.shows and match.exact:
                return traced.records[match.record].place
    return None


def _that_is_returned(exercise: Exercise, traced: Traced, state: Mapping[str, Array]) -> Span | None:
    """Where the wrong answer is a right intermediate, because a last step is left out: that expression."""
    answer = {exercise.answer: state[exercise.answer]} if exercise.answer in state else {}
    last = max((match.record for match in traced.find(answer) if match.exact), default=None)
    return None if last is None else traced.records[last].place


def _in_place_of_the_first_missing(exercise: Exercise, code: Sequence[str], traced: Traced) -> Span | None:
    """The first expression with the shape of the first intermediate that was never seen, and with no known value."""
    shown = [name for step in exercise.steps for name in step.shows]
    missing = next((traced.reference[name] for name in shown if name not in traced.right_names), None)
    known = {match.record for match in traced.right}
    for number, record in enumerate(traced.records):
        fits = missing is not None and record.array.shape in (missing.shape, missing.T.shape)
        inside = _function_at(code, record.place)
        by_student = bool(inside) and not _is_as_given(exercise, code, inside)
        if fits and by_student and number not in known and not traced.goes_on(number):
            return record.place
    return None


def _after_the_last_right_one(exercise: Exercise, code: Sequence[str], traced: Traced) -> Span | None:
    """In the function itself, the first matrix that is no intermediate, after the last result that is one."""
    last = max((match.record for match in traced.right), default=-1)
    for record in traced.records[last + 1 :]:
        inside = _function_at(code, record.place)
        is_matrix = record.array.ndim == 2 and min(record.array.shape) > 1
        if is_matrix and inside and not _is_as_given(exercise, code, inside):
            return record.place
    return None


def _function_at(code: Sequence[str], where: Span) -> str:
    """The name of the outermost function whose source holds a place ("" for none)."""
    if not 0 < where.cell <= len(code):
        return ""
    inside = [
        node.name
        for node in ast.walk(parse(code[where.cell - 1]))
        if isinstance(node, ast.FunctionDef) and node.lineno <= where.line <= (node.end_lineno or 0)
    ]
    return inside[0] if inside else ""
