"""From a wrong observation to the mistakes behind it. Start with `diagnose`.

Three kinds of evidence are weighed. `simulation` finds the mistakes that give just these outputs; `trace` shows which
expression is the first wrong one (and decides where outputs cannot); where both fail, the output for the black-box
case still reveals some of the intermediates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from checker.exercises.mistakes import FIXED_SIZES, HARD_CODED, NO_RETURN, UNEXPLAINED
from checker.exercises.model import Array, Case, State
from checker.grading.diagnosis import exceptions, locate, simulation
from checker.grading.diagnosis.exceptions import Explained
from checker.grading.diagnosis.simulation import Hypothesis
from checker.grading.diagnosis.trace import Traced
from checker.grading.evidence import Evidence
from checker.kernel.observation import Call, Failure, Span, Value


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a wrong answer.

    `mistakes` are ids in the order of the computation, `alternatives` other sets of ids that explain the outputs as
    well. `span` is that of the first wrong expression, `right_intermediates` what was found to be right before it,
    `steps_right` the steps that the evidence shows right, `intermediates` the results of steps, right or wrong, that
    were found in the trace. `note` says in a sentence what an exception or the black-box case reveals, and `remedy`
    what would have been right.
    """

    mistakes: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...] = ()
    remarks: tuple[str, ...] = ()
    span: Span | None = None
    right_intermediates: tuple[str, ...] = ()
    steps_right: frozenset[str] = frozenset()
    note: str = ""
    remedy: str = ""
    intermediates: Mapping[str, Array] = field(default_factory=dict, repr=False, compare=False)


def diagnose(evidence: Evidence) -> Diagnosis:
    """Diagnose a run whose answer or function is wrong."""
    exercise, code = evidence.exercise, evidence.code
    returned = _call(evidence, evidence.cases.notebook).value
    every_step = frozenset(step.id for step in exercise.steps)
    outputs, traced = _outputs(evidence), _traced(evidence)
    if len(outputs) > 1 and all(np.array_equal(output, outputs[0][1]) for _, output in outputs):
        span = locate.span_of_value(traced, outputs[0][1]) if traced else None
        return Diagnosis((HARD_CODED,), span=span)

    hypothesis, alternatives = _explanation(evidence, outputs, traced)
    explains_outputs = hypothesis is not None
    if hypothesis is not None:
        # An answer by itself may have been pasted; only a function that was called shows how it computes.
        steps_right = every_step - hypothesis.wrong_steps(exercise) if returned else frozenset()
    else:
        hypothesis = _local_explanation(evidence, traced) if traced else None
        steps_right = traced.steps_right() if traced else frozenset()
    mistakes = hypothesis.mistakes(exercise) if hypothesis else (UNEXPLAINED,)
    state = _state(evidence, hypothesis) if hypothesis else {}
    span = locate.first_wrong_expression(code, traced, state, mistakes) if traced else None

    if returned is not None and returned.type == "NoneType":
        return Diagnosis((NO_RETURN,), steps_right=steps_right, right_intermediates=_right_before(traced, None))
    hard_coded = _raised_for_other_sizes_only(evidence)
    if hard_coded is not None and mistakes == (UNEXPLAINED,):
        return Diagnosis((FIXED_SIZES,), span=locate.span_of_failure(code, hard_coded), steps_right=every_step)
    if raised := _raised(evidence):
        failure, explained = raised
        raised_at = locate.span_of_failure(code, failure)
        # What an expression that raised had got so far is a part of a result, and no mistake by itself.
        cut_short = span is not None and raised_at is not None and span.line == raised_at.line
        if mistakes == (UNEXPLAINED,) or cut_short:
            return Diagnosis(
                mistakes=(explained.mistake,),
                span=raised_at,
                right_intermediates=_right_before(traced, None),
                steps_right=steps_right,
                note=explained.what,
                remedy=explained.remedy,
            )
    return Diagnosis(
        mistakes=mistakes,
        alternatives=alternatives,
        remarks=hypothesis.remarks(exercise) if hypothesis else (),
        span=span,
        right_intermediates=_right_before(traced, span),
        steps_right=steps_right,
        note=_black_box_note(evidence) if mistakes == (UNEXPLAINED,) else "",
        intermediates=traced.results_found(state, exactly=not explains_outputs) if traced else {},
    )


def _call(evidence: Evidence, case: Case) -> Call:
    """The call of the function with a case; an empty one if there was none."""
    return evidence.observation.calls.get(case.name, Call())


def _outputs(evidence: Evidence) -> list[tuple[Case, Array]]:
    """What the function returned, case by case; without a function the answer itself, for the notebook's case."""
    notebook, outputs = evidence.cases.notebook, list(evidence.outputs)
    if not outputs and evidence.answer is not None and evidence.answer.array is not None:
        return [(notebook, evidence.answer.array)]
    return outputs if outputs and outputs[0][0] is notebook else []


def _traced(evidence: Evidence) -> Traced | None:
    """The trace, if there is one and the watched call did what the plain call did."""
    exercise, case, trace = evidence.exercise, evidence.cases.traced, evidence.observation.trace
    if trace is None or not trace.records or case.name not in evidence.observation.calls:
        return None
    if not _is_same(trace.value, _call(evidence, case).value):
        return None
    return Traced(exercise, trace.records, exercise.reference(case.arguments), case.arguments)


def _is_same(watched: Value | None, plain: Value | None) -> bool:
    if watched is None or plain is None:
        return watched is plain
    if plain.array is None:
        return watched.type == plain.type
    if watched.array is None or watched.array.shape != plain.array.shape:
        return False
    return np.allclose(watched.array, plain.array, rtol=1e-9, atol=1e-12, equal_nan=True)


def _explanation(
    evidence: Evidence, outputs: list[tuple[Case, Array]], traced: Traced | None
) -> tuple[Hypothesis | None, tuple[tuple[str, ...], ...]]:
    """The hypothesis that explains all outputs best, and the mistakes of others that nothing rules out."""
    exercise = evidence.exercise
    for most in (2, simulation.MOST_MISTAKES):
        hypotheses = simulation.explain(exercise, outputs, most)
        states = {hypothesis: _state(evidence, hypothesis) if traced else {} for hypothesis in hypotheses}
        ranks = {
            hypothesis: (traced.agreement(state) if traced else (0, 0), -len(hypothesis.variants))
            for hypothesis, state in states.items()
        }
        highest = max(ranks.values(), default=None)
        best = [hypothesis for hypothesis, rank in ranks.items() if rank == highest]
        # Where the trace does not confirm them, the intermediates may be explained with one more mistake.
        if any(traced is None or traced.confirms(states[each], traced.results, exactly=True) for each in best):
            break
    if not best or not best[0].mistakes(exercise):
        return None, ()
    explanations: dict[frozenset[str], tuple[str, ...]] = {}
    for ids in (hypothesis.mistakes(exercise) for hypothesis in best):
        explanations.setdefault(frozenset(ids), ids)
    return best[0], tuple(explanations.values())[1:]


def _local_explanation(evidence: Evidence, traced: Traced) -> Hypothesis | None:
    """The single mistake whose first consequence is found earliest: for runs that ended early, or are unexplained."""
    first_step = evidence.exercise.steps[0].shows
    found = []
    for number, decision in enumerate(evidence.exercise.decisions):
        for variant in range(1, len(decision.variants)):
            hypothesis = Hypothesis(((number, variant),))
            state = _state(evidence, hypothesis)
            if not hypothesis.mistakes(evidence.exercise) or not traced.confirms(state, first_step, exactly=False):
                continue
            # A part of a result is no mistake by itself where the rest is added to it a moment later.
            wrong = [
                match
                for match in traced.wrong_matches(state)
                if match.name not in traced.right_intermediates and not traced.is_part_of_next(match.record)
            ]
            if wrong:
                found.append((wrong[0].record, not wrong[0].exact, -len(wrong), number, variant))
    return Hypothesis((min(found)[3:],)) if found else None


def _state(evidence: Evidence, hypothesis: Hypothesis) -> State:
    """The intermediates that a hypothesis gives for the watched call, as far as its shapes fit."""
    return simulation.run(evidence.exercise, evidence.cases.traced.arguments, hypothesis, partly=True) or {}


def _right_before(traced: Traced | None, span: Span | None) -> tuple[str, ...]:
    """The intermediates that were found to be right, up to the first wrong expression."""
    if traced is None:
        return ()
    stop = next((i for i, record in enumerate(traced.records) if record.span == span), len(traced.records))
    # The wrong expression itself may be a right result that is transposed: that is what is wrong with it.
    names = {match.name for match in traced.right_matches if match.record < stop + match.exact}
    return tuple(name for name in traced.exercise.words if name in names)


def _raised_for_other_sizes_only(evidence: Evidence) -> Failure | None:
    """The exception for other sizes of a function that is right for the notebook's sizes."""
    exercise, cases = evidence.exercise, evidence.cases
    for case in (cases.notebook, *cases.fresh):
        output = evidence.returned(case)
        if output is None or not exercise.tolerance.accepts(output, exercise.expected(case)):
            return None
    failures = (_call(evidence, case).failure for case in cases.other_sizes)
    return next((failure for failure in failures if failure is not None), None)


def _raised(evidence: Evidence) -> tuple[Failure, Explained] | None:
    """The exception of the function's call with the notebook's data, or else of a cell, in the exercise's terms."""
    exercise, inputs = evidence.exercise, evidence.cases.notebook.arguments
    known = {**inputs, **exercise.reference(inputs)}
    for failure in (_call(evidence, evidence.cases.notebook).failure, *evidence.observation.failures[:1]):
        explained = exceptions.explain(exercise, failure, known) if failure is not None else None
        if failure is not None and explained is not None:
            return failure, explained
    return None


def _black_box_note(evidence: Evidence) -> str:
    """What the output for the black-box case reveals."""
    case = evidence.cases.black_box
    output = evidence.returned(case) if case is not None else None
    return evidence.exercise.read_black_box(case, output) or "" if case is not None and output is not None else ""
