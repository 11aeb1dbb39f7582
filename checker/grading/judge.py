"""From an observation to checks, verdict and score: pure functions that need nothing but numpy.

Only numbers that were computed from inputs which the student has never seen decide. What a notebook prints,
stores, or says about itself is no evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from checker.exercises.model import Case, Cases, Exercise, KnownValues
from checker.grading import findings
from checker.grading.diagnosis import Diagnosis, diagnose
from checker.grading.evidence import Evidence, describe
from checker.grading.score import Scale, score
from checker.grading.source import function_source
from checker.kernel.observation import Call, Failure, Observation
from checker.result import CheckResult, Comparison, Judgement, Remark, Verdict


def judge(
    exercise: Exercise,
    cases: Cases,
    code: tuple[str, ...],
    observation: Observation,
    scale: Scale | None = None,
) -> Judgement:
    """Judge one run. `code` holds the sources of the code cells, `cases` the inputs that were asked about."""
    with np.errstate(all="ignore"):  # a stranger's inf and NaN are no news
        return _judge(Evidence(exercise, cases, code, observation), scale or Scale())


def _judge(evidence: Evidence, scale: Scale) -> Judgement:
    exercise, code, observation = evidence.exercise, evidence.code, evidence.observation
    checks = _run_checks(evidence)
    verdict = _verdict(evidence, checks)
    function_right = evidence.called_function_is_right
    diagnosis = None
    if verdict in ("partial", "wrong", "error") and not function_right and not evidence.function_untouched:
        diagnosis = diagnose(evidence)
    return Judgement(
        verdict=verdict,
        score=score(exercise, verdict, diagnosis, function_right, scale),
        summary=_summary(evidence, checks, verdict),
        checks=tuple(checks.values()),
        mistakes=findings.findings(exercise, code, diagnosis, _evident(evidence, checks, verdict)),
        alternatives=diagnosis.alternatives if diagnosis else (),
        right_so_far=exercise.summarise(diagnosis.right_names) if diagnosis else "",
        remarks=(*_remarks(evidence, checks), *findings.remarks(exercise, diagnosis, evidence.unused)),
        function=function_source(code, observation.called or exercise.function),
        comparisons=_comparisons(evidence, verdict, diagnosis),
    )


def is_right(exercise: Exercise, cases: Cases, observation: Observation) -> bool:
    """Whether answer and function are right, so that nothing needs to be diagnosed."""
    with np.errstate(all="ignore"):
        checks = _run_checks(Evidence(exercise, cases, (), observation))
    return all(checks[name].status == "passed" for name in ("answer", "other sizes"))


# The checks. Each returns None when it passes and otherwise the reason; its docstring is what the student reads.


def runs(evidence: Evidence) -> str | None:
    """The notebook runs as far as its answer"""
    return _trouble(evidence.observation, evidence.stopping_failure)


def trouble_of_run(observation: Observation) -> str | None:
    """Why a notebook does not run from top to bottom, or None: for notebooks that no answer is asked of."""
    failures = observation.failures
    return _trouble(observation, failures[0] if failures else None)


def _trouble(observation: Observation, failure: Failure | None) -> str | None:
    cell = f"code cell {observation.stopped_in or (failure.code_cell if failure else None)}"
    too_long = f"{cell} did not come to an end within the time limit"
    match observation.ending:
        case "timeout":
            return too_long
        case "output limit":
            return f"{cell} printed or displayed more than the limit allows"
        case "memory":
            return f"{cell} used more memory than the limit allows"
        case "crashed":
            return f"the Python process ended in {cell}"
    if failure is None:
        return None
    return too_long if failure.timed_out else f"{cell} failed with {describe(failure)}"


def answer(evidence: Evidence) -> str | None:
    """{answer} has the values that the notebook's data give"""
    if evidence.answer is None:
        return f"{evidence.exercise.answer} is not defined"
    trouble = evidence.compare(evidence.answer, evidence.cases.notebook)
    if trouble is not None and evidence.changed_data:
        trouble += f"; the notebook's own {_join(evidence.changed_data)} had been changed"
    return None if trouble is None else f"{evidence.exercise.answer} {trouble}"


def fresh_inputs(evidence: Evidence) -> str | None:
    """The function is right for new values of the same sizes"""
    return _cases_problem(evidence, evidence.cases.fresh)


def other_sizes(evidence: Evidence) -> str | None:
    """The function is right for other sizes"""
    return _cases_problem(evidence, evidence.cases.other_sizes)


def inputs_kept(evidence: Evidence) -> str | None:
    """The function leaves its arguments as they were"""
    for case in evidence.cases.all:
        call = evidence.observation.calls.get(case.name, Call())
        for name, value in call.arguments.items():
            given = case.arguments.get(name)
            if given is None or value.array is None or not np.array_equal(value.array, given):
                return f"the function changed its argument {name}"
    return None


def _cases_problem(evidence: Evidence, cases: tuple[Case, ...]) -> str | None:
    if evidence.function_missing:
        return _not_defined(evidence)
    for case in cases:
        problem = evidence.problem(case)
        if problem is not None:
            return f"with {case.name}, the function {problem}"
    return None


def _not_defined(evidence: Evidence) -> str:
    """Says that the function is missing, and names one that may be meant."""
    said = f"the function {evidence.exercise.function} is not defined"
    if not evidence.renamed:
        return said
    return f"{said}; is {evidence.renamed}, which takes as many arguments, meant? Give it the notebook's name"


# name, check, and the check that must have passed before it can be asked
CHECKS: tuple[tuple[str, Callable[[Evidence], str | None], str | None], ...] = (
    ("runs", runs, None),
    ("answer", answer, "runs"),
    ("fresh inputs", fresh_inputs, None),
    ("other sizes", other_sizes, "fresh inputs"),
    ("inputs kept", inputs_kept, None),
)


def _run_checks(evidence: Evidence) -> dict[str, CheckResult]:
    results: dict[str, CheckResult] = {}
    for name, check, needed in CHECKS:
        sentence = (check.__doc__ or "").format(answer=evidence.exercise.answer)
        blocked_by = needed if needed and results[needed].status != "passed" else None
        if name in ("fresh inputs", "inputs kept") and evidence.function_missing:
            # Without a function there is nothing to call; only where the notebook ran is that its own mistake.
            blocked_by = "runs" if results["runs"].status == "failed" or name == "inputs kept" else None
        if blocked_by:
            results[name] = CheckResult(name, sentence, "skipped")
            continue
        reason = check(evidence)
        results[name] = CheckResult(name, sentence, "failed" if reason else "passed", reason or "")
    return results


def _verdict(evidence: Evidence, checks: Mapping[str, CheckResult]) -> Verdict:
    ending = evidence.observation.ending
    if ending != "finished":
        return ending
    answer_right = checks["answer"].status == "passed"
    function_right = checks["other sizes"].status == "passed"
    if answer_right and function_right:
        return "correct"
    if answer_right or function_right:
        return "partial"
    failure = evidence.stopping_failure or _failure_of_every_call(evidence)
    if failure is not None:
        return _verdict_of_failure(failure)
    return "not attempted" if _not_attempted(evidence) else "wrong"


def _verdict_of_failure(failure: Failure) -> Verdict:
    if failure.timed_out:
        return "timeout"
    if "MemoryError" in failure.name:
        return "memory"
    return failure.name if failure.name in ("crashed", "output limit") else "error"  # type: ignore[return-value]


def _failure_of_every_call(evidence: Evidence) -> Failure | None:
    """The exception of a function that raises whatever it is given."""
    if evidence.function_missing:
        return None
    calls = [call for case in evidence.cases.all if (call := evidence.observation.calls.get(case.name))]
    return calls[0].failure if calls and all(call.failure is not None for call in calls) else None


def _not_attempted(evidence: Evidence) -> bool:
    """Whether the function still does what the notebook's stub does, or nothing of this exercise is there."""
    if evidence.answer is None and evidence.function_missing:
        return True
    answer = evidence.answer.array if evidence.answer is not None else None
    return evidence.function_untouched and (answer is None or not answer.any())


def _summary(evidence: Evidence, checks: Mapping[str, CheckResult], verdict: Verdict) -> str:
    exercise, reasons = evidence.exercise, {name: check.message for name, check in checks.items()}
    match verdict:
        case "correct":
            return f"{exercise.answer} is right, and so is the function, for other values and other sizes too."
        case "partial" if checks["answer"].status != "passed":
            return f"The function is right, but the answer is not: {reasons['answer'] or reasons['runs']}."
        case "partial" if checks["fresh inputs"].status != "passed":
            return f"{exercise.answer} is right, but {reasons['fresh inputs']}."
        case "partial":
            return (
                f"{exercise.answer} is right, and so is the function for arrays of this size, but something in it "
                f"is fixed to the notebook's sizes: {reasons['other sizes']}."
            )
        case "not attempted" if evidence.function_missing:
            return (
                f"This looks like another notebook: it defines neither the function {exercise.function} "
                f"nor {exercise.answer}."
            )
        case "not attempted":
            return f"The function {exercise.function} still returns zeros."
        case "wrong":
            return f"{_capital(reasons['answer'])}{_explain_missing(evidence)}."
    reason = reasons["runs"] or reasons["fresh inputs"]
    return f"{_capital(reason)}."


def _explain_missing(evidence: Evidence) -> str:
    if not evidence.function_missing:
        return ""
    return f", and {_not_defined(evidence)}"


def _comparisons(evidence: Evidence, verdict: Verdict, diagnosis: Diagnosis | None) -> tuple[Comparison, ...]:
    """What the student's function computed, beside what is right; nothing for a right answer or for none."""
    if verdict not in ("partial", "wrong", "error"):
        return ()
    black_box = evidence.cases.black_box
    call = evidence.observation.calls.get(black_box.name) if black_box and diagnosis else None
    seen = KnownValues(
        intermediates=diagnosis.intermediates if diagnosis else {},
        output=evidence.wrong_output,
        black_box=call.value.array if call and call.value else None,
    )
    return evidence.exercise.compare(evidence.cases, seen)


def _evident(evidence: Evidence, checks: Mapping[str, CheckResult], verdict: Verdict) -> dict[str, str]:
    """Mistakes that the checks themselves show: a note by id."""
    if evidence.observation.ending != "finished" or verdict == "correct":
        return {}
    if verdict == "not attempted":
        return {"not-attempted": ""}
    found = {}
    if evidence.function_untouched:
        found["not-attempted"] = ""
    if evidence.function_missing and (checks["fresh inputs"].status == "failed" or evidence.renamed):
        found["function-missing"] = f"{_capital(_not_defined(evidence))}."
    if checks["answer"].status == "failed" and evidence.changed_data:
        found["data-changed"] = f"The notebook's own {_join(evidence.changed_data)} had been changed."
    return found


def _remarks(evidence: Evidence, checks: Mapping[str, CheckResult]) -> tuple[Remark, ...]:
    remarks = []
    for failure in evidence.observation.failures:
        if failure is not evidence.stopping_failure:
            message = f"Code cell {failure.code_cell} failed: {describe(failure)}."
            remarks.append(Remark("later-cell-failed", message))
    if checks["inputs kept"].status == "failed":
        remarks.append(Remark("inputs-changed", f"{_capital(checks['inputs kept'].message)}."))
    return tuple(remarks)


def _join(names: tuple[str, ...]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:] if not sentence[:1].isupper() else sentence
