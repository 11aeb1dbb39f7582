"""Which expression to underline: the first whose value is wrong, in the code that is responsible for it."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from checker.exercises.model import Array, Exercise
from checker.grading.diagnosis.trace import Match, Traced, equal
from checker.grading.source import parse
from checker.kernel.observation import Failure, Span


def first_wrong_expression(
    code: Sequence[str], traced: Traced, state: Mapping[str, Array], mistakes: Sequence[str]
) -> Span | None:
    """Locate a mistake, given the (wrong) state that explains the run, or an empty one if nothing does."""
    changed = _changed_input(traced, state)
    if changed is not None:
        return changed
    wrong = traced.wrong_matches(state)
    if wrong:
        return traced.records[_responsible_record(code, traced, wrong)].span
    return (
        _right_result_of_wrong_step(traced, mistakes)
        or _intermediate_returned_as_answer(traced, state)
        or _in_place_of_first_missing(code, traced)
        or _after_last_right(code, traced)
    )


def span_of_value(traced: Traced, array: Array) -> Span | None:
    """The first expression with a value."""
    return next((record.span for record in traced.records if equal(record.array, array)), None)


def span_of_failure(code: Sequence[str], failure: Failure) -> Span | None:
    """Where an exception was raised, its cell found by the text of the line."""
    cells = [failure.raised_in] if failure.raised_in else range(len(code), 0, -1)
    for cell in cells:
        lines = code[cell - 1].split("\n") if 0 < cell <= len(code) else []
        if failure.line and failure.line <= len(lines) and lines[failure.line - 1].strip() == failure.text:
            if failure.span is not None:
                return replace(failure.span, cell=cell)
            raw = lines[failure.line - 1]
            return Span(cell, failure.line, len(raw) - len(raw.lstrip()), failure.line, len(raw.encode()))
    return None


def _changed_input(traced: Traced, state: Mapping[str, Array]) -> Span | None:
    """Where an argument is turned into something else, if that is what this state does."""
    for name, given in traced.inputs.items():
        array = state.get(name, given)
        if array.any() and not any(equal(array, other) for other in traced.inputs.values()):
            return span_of_value(traced, array)
    return None


def _responsible_record(code: Sequence[str], traced: Traced, wrong: Sequence[Match]) -> int:
    """The first wrong record; where a helper was given wrong values, that of the expression that called it."""
    first = wrong[0]
    inside = _function_at(code, traced.records[first.record].span)
    given = _is_as_given(traced.exercise, code, inside)
    if inside == traced.exercise.function or (_computed_from_right(traced, first) and not given):
        return first.record
    outside = (match.record for match in wrong if _function_at(code, traced.records[match.record].span) != inside)
    return next(outside, first.record)


def _computed_from_right(traced: Traced, wrong: Match) -> bool:
    """Whether the result of a step that a wrong value is computed from was found, and right."""
    head = wrong.name[-1] if wrong.name[-1].isdigit() else ""
    names = list(traced.reference)
    earlier = reversed(names[: names.index(wrong.name)])
    source = next((name for name in earlier if name in traced.results and name.endswith(head)), None)
    return any(match.name == source and match.record < wrong.record for match in traced.right_matches)


def _right_result_of_wrong_step(traced: Traced, mistakes: Sequence[str]) -> Span | None:
    """Where a step with a mistake is done, when its result is right for this input by accident."""
    shown = {step.id: step.shows for step in traced.exercise.steps}
    for mistake in mistakes:
        results = shown.get(traced.exercise.mistakes[mistake].step or "", ())
        for match in traced.right_matches:
            if match.name in results and match.exact:
                return traced.records[match.record].span
    return None


def _intermediate_returned_as_answer(traced: Traced, state: Mapping[str, Array]) -> Span | None:
    """Where the wrong answer is a right intermediate, because a last step is left out: that expression."""
    name = traced.exercise.answer
    answer = {name: state[name]} if name in state else {}
    last = max((match.record for match in traced.find(answer) if match.exact), default=None)
    return None if last is None else traced.records[last].span


def _in_place_of_first_missing(code: Sequence[str], traced: Traced) -> Span | None:
    """The first expression of unknown value with the shape of the first result of a step that was never found."""
    names = (name for name in traced.results if name not in traced.right_intermediates)
    missing = next((traced.reference[name] for name in names), None)
    if missing is None:
        return None
    known = {match.record for match in traced.right_matches}
    for number, record in enumerate(traced.records):
        fits = record.array.shape in (missing.shape, missing.T.shape) and number not in known
        if fits and _is_by_student(traced.exercise, code, record.span) and not traced.is_part_of_next(number):
            return record.span
    return None


def _after_last_right(code: Sequence[str], traced: Traced) -> Span | None:
    """In the student's functions, the first matrix after the last value that is a right intermediate."""
    last = max((match.record for match in traced.right_matches), default=-1)
    for record in traced.records[last + 1 :]:
        is_matrix = record.array.ndim == 2 and min(record.array.shape) > 1
        if is_matrix and _is_by_student(traced.exercise, code, record.span):
            return record.span
    return None


def _is_by_student(exercise: Exercise, code: Sequence[str], span: Span) -> bool:
    """Whether a span is in a function that the student wrote or changed."""
    function = _function_at(code, span)
    return bool(function) and not _is_as_given(exercise, code, function)


def _is_as_given(exercise: Exercise, code: Sequence[str], function: str) -> bool:
    """Whether a cell defines the function just as the notebook gives it, comments and layout aside."""
    if function not in exercise.given:
        return False
    given = ast.dump(ast.parse(exercise.given[function]).body[0])
    nodes = (node for cell in code for node in ast.walk(parse(cell)))
    try:
        return any(
            isinstance(node, ast.FunctionDef) and node.name == function and ast.dump(node) == given for node in nodes
        )
    except RecursionError:
        return False


def _function_at(code: Sequence[str], span: Span) -> str:
    """The name of the outermost function whose source holds a span ("" for none)."""
    tree = parse(code[span.cell - 1]) if 0 < span.cell <= len(code) else ast.Module([], [])
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return next((node.name for node in functions if node.lineno <= span.line <= (node.end_lineno or 0)), "")
