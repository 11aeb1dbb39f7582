"""From an observation to verdict and points: pure functions that need nothing but numpy.

Only numbers that were computed from inputs which the student has never seen decide. What a notebook prints,
stores, or says about itself is no evidence.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from checker.exercises.model import Exercise, KnownValues
from checker.exercises.wording import capitalize, join_words
from checker.grading.checks import Checks, not_defined
from checker.grading.diagnosis import Diagnosis, diagnose
from checker.grading.evidence import Evidence, describe
from checker.grading.score import Scale, score
from checker.grading.source import function_source
from checker.kernel.observation import Failure, Span
from checker.result import Comparison, Finding, Judgement, Remark, Verdict


def judge(evidence: Evidence, checks: Checks, scale: Scale | None = None) -> Judgement:
    """Judge one run, of which the checks have been made."""
    with np.errstate(all="ignore"):  # inf and NaN of an untrusted function are no news
        return _judge(evidence, checks, scale or Scale())


def _judge(evidence: Evidence, checks: Checks, scale: Scale) -> Judgement:
    exercise, observation = evidence.exercise, evidence.observation
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
        mistakes=_findings(exercise, evidence.code, diagnosis, _evident_mistakes(evidence, checks, verdict)),
        alternatives=diagnosis.alternatives if diagnosis else (),
        right_so_far=exercise.summarise(diagnosis.right_intermediates) if diagnosis else "",
        remarks=_remarks(evidence, checks, diagnosis),
        function=function_source(evidence.code, observation.called or exercise.function),
        comparisons=_comparisons(evidence, verdict, diagnosis),
    )


def _verdict(evidence: Evidence, checks: Checks) -> Verdict:
    if evidence.observation.ending != "finished":
        return evidence.observation.ending
    answer_right = checks["answer"].status == "passed"
    function_right = checks["other sizes"].status == "passed"
    if answer_right and function_right:
        return "correct"
    if answer_right or function_right:
        return "partial"
    failure = evidence.stopping_failure or evidence.failure_of_every_call
    if failure is not None:
        return _verdict_of_failure(failure)
    return "not attempted" if _not_attempted(evidence) else "wrong"


def _verdict_of_failure(failure: Failure) -> Verdict:
    if failure.timed_out:
        return "timeout"
    if "MemoryError" in failure.name:
        return "memory"
    return failure.name if failure.name in ("crashed", "output limit") else "error"  # type: ignore[return-value]


def _not_attempted(evidence: Evidence) -> bool:
    """Whether the function still does what the notebook's stub does, or nothing of this exercise is there."""
    if evidence.answer is None and evidence.function_missing:
        return True
    answer = evidence.answer.array if evidence.answer is not None else None
    return evidence.function_untouched and (answer is None or not answer.any())


def _summary(evidence: Evidence, checks: Checks, verdict: Verdict) -> str:
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
            missing = f", and {not_defined(evidence)}" if evidence.function_missing else ""
            return f"{capitalize(reasons['answer'])}{missing}."
    return f"{capitalize(reasons['runs'] or reasons['fresh inputs'])}."


def _comparisons(evidence: Evidence, verdict: Verdict, diagnosis: Diagnosis | None) -> tuple[Comparison, ...]:
    """What the student's function computed, beside what is right; nothing for a right answer or for none."""
    if verdict not in ("partial", "wrong", "error"):
        return ()
    black_box = evidence.cases.black_box
    known = KnownValues(
        intermediates=diagnosis.intermediates if diagnosis else {},
        output=evidence.wrong_output,
        black_box=evidence.returned(black_box) if black_box and diagnosis else None,
    )
    return evidence.exercise.compare(evidence.cases, known)


def _evident_mistakes(evidence: Evidence, checks: Checks, verdict: Verdict) -> dict[str, str]:
    """Mistakes that the checks themselves show: a note by id."""
    if evidence.observation.ending != "finished" or verdict == "correct":
        return {}
    if verdict == "not attempted":
        return {"not-attempted": ""}
    found = {}
    if evidence.function_untouched:
        found["not-attempted"] = ""
    if evidence.function_missing and (checks["fresh inputs"].status == "failed" or evidence.renamed):
        found["function-missing"] = f"{capitalize(not_defined(evidence))}."
    if checks["answer"].status == "failed" and evidence.changed_data:
        found["data-changed"] = f"The notebook's own {join_words(evidence.changed_data, most=4)} had been changed."
    return found


def _findings(
    exercise: Exercise, code: Sequence[str], diagnosis: Diagnosis | None, evident: Mapping[str, str]
) -> tuple[Finding, ...]:
    """What was found wrong; the first finding of the diagnosis points at the first wrong expression."""

    def finding(id: str, **more: object) -> Finding:
        mistake = exercise.mistakes[id]
        return Finding(id, f"{capitalize(mistake.title)}. {mistake.explanation}", mistake.step, **more)  # type: ignore[arg-type]

    found = [finding(id, note=note) for id, note in evident.items()]
    if diagnosis is None:
        return tuple(found)
    where = _where(code, diagnosis.span)
    for id in (id for id in diagnosis.mistakes if id not in evident):
        found.append(finding(id, note=diagnosis.note, remedy=diagnosis.remedy, **where))
        where = {}
    return tuple(found)


def _where(code: Sequence[str], span: Span | None) -> dict[str, object]:
    """A span in characters instead of bytes; of an expression over several lines, its first line."""
    if span is None or not 0 < span.cell <= len(code):
        return {}
    lines = code[span.cell - 1].split("\n")
    if not 0 < span.line <= len(lines):
        return {}
    source = lines[span.line - 1]
    raw = source.encode("utf-8")
    end = span.end_column if span.end_line == span.line else len(raw)
    columns = (len(raw[: span.column].decode("utf-8", "replace")), len(raw[:end].decode("utf-8", "replace")))
    return {"code_cell": span.cell, "line": span.line, "columns": columns, "source": source}


def _remarks(evidence: Evidence, checks: Checks, diagnosis: Diagnosis | None) -> tuple[Remark, ...]:
    """What costs nothing but is worth knowing."""
    remarks = []
    for failure in evidence.observation.failures:
        if failure is not evidence.stopping_failure:
            reason = failure.message if failure.stopped else f"failed: {describe(failure)}"
            remarks.append(Remark("later-cell-failed", f"Code cell {failure.code_cell} {reason}."))
    if checks["inputs kept"].status == "failed":
        remarks.append(Remark("inputs-changed", f"{capitalize(checks['inputs kept'].message)}."))
    ids = dict.fromkeys((*(diagnosis.remarks if diagnosis else ()), *evidence.unused))
    return (*remarks, *(Remark(id, evidence.exercise.mistakes[id].explanation) for id in ids))
