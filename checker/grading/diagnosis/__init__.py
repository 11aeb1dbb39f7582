"""From a wrong observation to the mistakes behind it: pure functions that need nothing but numpy.

Three kinds of evidence are weighed. Simulation finds the mistakes that give just these outputs, the trace shows which
expression is the first wrong one (and decides where outputs cannot), and where both fail, a black-box case still
tells something of the insides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from checker.exercises.mistakes import FIXED_SIZES, HARD_CODED, NO_RETURN, UNEXPLAINED
from checker.exercises.model import Array, Case, Cases, Exercise, State
from checker.grading.diagnosis import exceptions, locate, simulation
from checker.grading.diagnosis.exceptions import Explained
from checker.grading.diagnosis.simulation import Hypothesis
from checker.grading.diagnosis.trace import Traced
from checker.kernel.observation import Failure, Observation, Span


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a wrong answer.

    `mistakes` are ids in the order of the computation, `alternatives` other sets of ids that explain the outputs as
    well. `place` is the first wrong expression, `right_names` the intermediates that were seen right,
    `steps_right` the steps that the evidence shows right, `seen` the intermediates of the wrong computation that the
    watched function was seen to compute. `note` says in a sentence what an exception or the black-box case tells of the
    insides, and `remedy` what would have been right.
    """

    mistakes: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...] = ()
    remarks: tuple[str, ...] = ()
    place: Span | None = None
    right_names: tuple[str, ...] = ()
    steps_right: frozenset[str] = frozenset()
    note: str = ""
    remedy: str = ""
    seen: Mapping[str, Array] = field(default_factory=dict, repr=False, compare=False)


def diagnose(exercise: Exercise, cases: Cases, code: Sequence[str], observation: Observation) -> Diagnosis:
    """Diagnose a run whose answer or function is wrong."""
    outputs = _outputs(exercise, cases, observation)
    traced = _traced(exercise, cases, observation)
    if _always_the_same(outputs):
        return Diagnosis((HARD_CODED,), place=locate.place_of_value(traced, outputs[0][1]) if traced else None)
    hypothesis, alternatives = _explanation(exercise, cases, outputs, traced)
    every_step = frozenset(step.id for step in exercise.steps)
    explains_all = hypothesis is not None
    if hypothesis is not None:
        mistakes = _in_order(exercise, hypothesis)
        wrong_steps = {
            exercise.decisions[number].step
            for number, _ in hypothesis.variants
            if _is_wrong(exercise, hypothesis, number)
        }
        # An answer by itself may have been pasted; only a function that was called shows how it computes.
        steps_right = every_step - wrong_steps if _was_called(cases, observation) else frozenset()
    else:
        hypothesis = _local_explanation(exercise, cases, traced) if traced else None
        mistakes = _in_order(exercise, hypothesis) if hypothesis else (UNEXPLAINED,)
        steps_right = traced.steps_right() if traced else frozenset()
    place = locate.place(exercise, code, traced, _state(exercise, cases, hypothesis), mistakes) if traced else None
    if _returned_nothing(cases, observation):
        return Diagnosis((NO_RETURN,), steps_right=steps_right, right_names=_right_before(traced, None))
    hard_coded = _raised_for_other_sizes_only(exercise, cases, observation)
    if hard_coded is not None and mistakes == (UNEXPLAINED,):
        return Diagnosis((FIXED_SIZES,), place=locate.place_of_failure(code, hard_coded), steps_right=every_step)
    raised = _raised(exercise, cases, observation)
    raised_at = locate.place_of_failure(code, raised[0]) if raised else None
    # What an expression that raised had got so far is a part of a result, and no mistake by itself.
    cut_short = place is not None and raised_at is not None and place.line == raised_at.line
    if raised is not None and (mistakes == (UNEXPLAINED,) or cut_short):
        _, explained = raised
        return Diagnosis(
            mistakes=(explained.mistake,),
            place=raised_at,
            right_names=_right_before(traced, None),
            steps_right=steps_right,
            note=explained.what,
            remedy=explained.remedy,
        )
    return Diagnosis(
        mistakes=mistakes,
        alternatives=alternatives,
        remarks=tuple(sorted(hypothesis.remarks(exercise))) if hypothesis else (),
        place=place,
        right_names=_right_before(traced, place),
        steps_right=steps_right,
        note=_note(exercise, cases, observation) if mistakes == (UNEXPLAINED,) else "",
        seen=traced.seen(_state(exercise, cases, hypothesis), exactly=not explains_all)
        if traced and hypothesis
        else {},
    )


def _outputs(exercise: Exercise, cases: Cases, observation: Observation) -> list[tuple[Case, Array]]:
    """What the function returned, case by case; without a function the answer itself, for the notebook's case."""
    outputs = []
    for case in cases.all:
        call = observation.calls.get(case.name)
        if call is not None and call.value is not None and call.value.array is not None:
            outputs.append((case, call.value.array))
    answer = observation.values.get(exercise.answer)
    if not outputs and answer is not None and answer.array is not None:
        outputs = [(cases.notebook, answer.array)]
    return outputs if outputs and outputs[0][0] is cases.notebook else []


def _was_called(cases: Cases, observation: Observation) -> bool:
    call = observation.calls.get(cases.notebook.name)
    return call is not None and call.value is not None


def _always_the_same(outputs: list[tuple[Case, Array]]) -> bool:
    return len(outputs) > 1 and all(np.array_equal(output, outputs[0][1]) for _, output in outputs[1:])


def _traced(exercise: Exercise, cases: Cases, observation: Observation) -> Traced | None:
    """The trace, if there is one and the watched call did what the plain call did."""
    trace, plain = observation.trace, observation.calls.get(cases.traced.name)
    if trace is None or not trace.records or plain is None:
        return None
    if plain.value is None or plain.value.array is None:
        same = (trace.value and trace.value.type) == (plain.value and plain.value.type)
    else:
        same = (
            trace.value is not None
            and trace.value.array is not None
            and trace.value.array.shape == plain.value.array.shape
            and np.allclose(trace.value.array, plain.value.array, rtol=1e-9, atol=1e-12, equal_nan=True)
        )
    inputs = cases.traced.arguments
    return Traced(exercise, trace.records, exercise.reference(inputs), inputs) if same else None


def _explanation(
    exercise: Exercise, cases: Cases, outputs: list[tuple[Case, Array]], traced: Traced | None
) -> tuple[Hypothesis | None, tuple[tuple[str, ...], ...]]:
    """The hypothesis that explains all outputs best, and the other explanations that nothing rules out."""
    best: list[Hypothesis] = []
    for most in (2, simulation.MOST_MISTAKES):
        hypotheses = simulation.explain(exercise, outputs, most)
        if traced is None:
            best = _fewest(hypotheses)
        elif hypotheses:
            states = {hypothesis: _state(exercise, cases, hypothesis) for hypothesis in hypotheses}
            agreement = {hypothesis: traced.agreement(states[hypothesis]) for hypothesis in hypotheses}
            best = _fewest(
                [hypothesis for hypothesis in hypotheses if agreement[hypothesis] == max(agreement.values())]
            )
            if not any(traced.saw_all_that_is_wrong(states[hypothesis]) for hypothesis in best):
                continue  # with one more mistake, the insides may be explained too
        if best:
            break
    if not best or not best[0].mistakes(exercise):
        return None, ()
    explanations: dict[frozenset[str], tuple[str, ...]] = {}
    for hypothesis in best:
        explanations.setdefault(hypothesis.mistakes(exercise), _in_order(exercise, hypothesis))
    return best[0], tuple(explanations.values())[1:]


def _fewest(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    least = min((len(hypothesis.variants) for hypothesis in hypotheses), default=0)
    return [hypothesis for hypothesis in hypotheses if len(hypothesis.variants) == least]


def _local_explanation(exercise: Exercise, cases: Cases, traced: Traced) -> Hypothesis | None:
    """The single mistake whose first consequence is seen earliest: for runs that ended early, or are unexplained."""
    found = []
    for number, decision in enumerate(exercise.decisions):
        for variant in range(1, len(decision.variants)):
            hypothesis = Hypothesis(((number, variant),))
            state = _state(exercise, cases, hypothesis)
            wrong = traced.wrong(state) if hypothesis.mistakes(exercise) and traced.saw_first_step_of(state) else ()
            # A part of a result is no mistake by itself where the rest is added to it a moment later.
            wrong = tuple(
                match for match in wrong if match.name not in traced.right_names and not traced.goes_on(match.record)
            )
            if wrong:
                found.append((wrong[0].record, not wrong[0].exact, -len(wrong), number, variant))
    return Hypothesis((min(found)[3:],)) if found else None


def _state(exercise: Exercise, cases: Cases, hypothesis: Hypothesis | None) -> State:
    """The intermediates that a hypothesis gives for the watched call."""
    return (simulation.run(exercise, cases.traced.arguments, hypothesis, partly=True) or {}) if hypothesis else {}


def _is_wrong(exercise: Exercise, hypothesis: Hypothesis, number: int) -> bool:
    variant = dict(hypothesis.variants)[number]
    return any(not exercise.mistakes[id].remark for id in exercise.decisions[number].variants[variant].mistakes)


def _in_order(exercise: Exercise, hypothesis: Hypothesis) -> tuple[str, ...]:
    """The ids of a hypothesis's mistakes, in the order of the computation."""
    ids = [
        id for number, variant in hypothesis.variants for id in exercise.decisions[number].variants[variant].mistakes
    ]
    return tuple(dict.fromkeys(id for id in ids if not exercise.mistakes[id].remark))


def _right_before(traced: Traced | None, place: Span | None) -> tuple[str, ...]:
    """The intermediates that were seen right, up to the first wrong expression."""
    if traced is None:
        return ()
    stop = next((i for i, record in enumerate(traced.records) if record.place == place), len(traced.records))
    # The wrong expression itself may be a right result that is transposed: that is what is wrong with it.
    before = (match for match in traced.right if match.record < stop + match.exact)
    names = {match.name for match in before}
    return tuple(name for name in traced.exercise.words if name in names)


def _returned_nothing(cases: Cases, observation: Observation) -> bool:
    call = observation.calls.get(cases.notebook.name)
    return call is not None and call.value is not None and call.value.type == "NoneType"


def _raised_for_other_sizes_only(exercise: Exercise, cases: Cases, observation: Observation) -> Failure | None:
    """The exception for other sizes of a function that is right for the notebook's sizes."""
    for case in (cases.notebook, *cases.fresh):
        value = observation.calls[case.name].value if case.name in observation.calls else None
        if value is None or value.array is None or not exercise.tolerance.accepts(value.array, exercise.expected(case)):
            return None
    calls = [observation.calls[case.name] for case in cases.other_sizes if case.name in observation.calls]
    return next((call.failure for call in calls if call.failure is not None), None)


def _raised(exercise: Exercise, cases: Cases, observation: Observation) -> tuple[Failure, Explained] | None:
    """The exception of the function's call with the notebook's data, or else of a cell, in the exercise's terms."""
    call = observation.calls.get(cases.notebook.name)
    failures = [call.failure] if call is not None and call.failure is not None else []
    known = {**cases.notebook.arguments, **exercise.reference(cases.notebook.arguments)}
    for failure in (*failures, *observation.failures[:1]):
        explained = exceptions.explain(exercise, failure, known)
        if explained is not None:
            return failure, explained
    return None


def _note(exercise: Exercise, cases: Cases, observation: Observation) -> str:
    call = observation.calls.get(cases.black_box.name) if cases.black_box else None
    if cases.black_box is None or call is None or call.value is None or call.value.array is None:
        return ""
    return exercise.read_black_box(cases.black_box, call.value.array) or ""
