"""The checks. Each returns None when it passes and otherwise the reason; its docstring is what the student reads."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from checker.exercises.model import Case
from checker.exercises.wording import join_words
from checker.grading.evidence import Evidence, describe
from checker.kernel.observation import Call, Failure, Observation
from checker.result import CheckResult

Checks = Mapping[str, CheckResult]


def runs(evidence: Evidence) -> str | None:
    """The notebook runs as far as its answer"""
    return _error(evidence.observation, evidence.stopping_failure)


def answer(evidence: Evidence) -> str | None:
    """{answer} has the values that the notebook's data give"""
    if evidence.answer is None:
        return f"{evidence.exercise.answer} is not defined"
    error = evidence.compare(evidence.answer, evidence.cases.notebook)
    if error is None:
        return None
    changed = join_words(evidence.changed_data, most=4)
    return f"{evidence.exercise.answer} {error}" + (
        f"; the notebook's own {changed} had been changed" if changed else ""
    )


def fresh_inputs(evidence: Evidence) -> str | None:
    """The function is right for new values of the same sizes"""
    return _first_problem(evidence, [(case, "new random inputs") for case in evidence.cases.fresh])


def other_sizes(evidence: Evidence) -> str | None:
    """The function is right for other sizes"""
    return _first_problem(evidence, [(case, case.name) for case in evidence.cases.other_sizes])


def inputs_kept(evidence: Evidence) -> str | None:
    """The function leaves its arguments as they were"""
    for case in evidence.cases.all:
        for name, value in evidence.observation.calls.get(case.name, Call()).arguments.items():
            given = case.arguments.get(name)
            if given is None or value.array is None or not np.array_equal(value.array, given):
                return f"the function changed its argument {name}"
    return None


# name, check, and the check that must have passed before it can be asked
CHECKS: tuple[tuple[str, Callable[[Evidence], str | None], str | None], ...] = (
    ("runs", runs, None),
    ("answer", answer, "runs"),
    ("fresh inputs", fresh_inputs, None),
    ("other sizes", other_sizes, "fresh inputs"),
    ("inputs kept", inputs_kept, None),
)


def run_checks(evidence: Evidence) -> Checks:
    """Every check by its name, in order."""
    results: dict[str, CheckResult] = {}
    with np.errstate(all="ignore"):  # inf and NaN of an untrusted function are no news
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


def needs_trace(checks: Checks) -> bool:
    """Whether answer or function are wrong, so that what happened inside of the function must be known.

    >>> needs_trace({name: CheckResult(name, "", "passed") for name in ("answer", "other sizes")})
    False
    """
    return any(checks[name].status != "passed" for name in ("answer", "other sizes"))


def error_of_run(observation: Observation) -> str | None:
    """Why a notebook does not run from top to bottom, or None: for notebooks that no answer is asked of."""
    return _error(observation, observation.failures[0] if observation.failures else None)


def not_defined(evidence: Evidence) -> str:
    """Says that the function is missing, and names one that may be meant."""
    error = f"the function {evidence.exercise.function} is not defined"
    return f"{error}. Did you mean `{evidence.renamed}`? Give it the notebook's name" if evidence.renamed else error


def _error(observation: Observation, failure: Failure | None) -> str | None:
    if observation.ending != "finished":
        return f"code cell {observation.stopped_in} {observation.stop_reason}"
    if failure is None:
        return None
    return f"code cell {failure.code_cell} {failure.message if failure.stopped else f'failed with {describe(failure)}'}"


def _first_problem(evidence: Evidence, cases: Sequence[tuple[Case, str]]) -> str | None:
    """What is wrong with the function for the first of some cases, each with what its inputs are called."""
    if evidence.function_missing:
        return not_defined(evidence)
    for case, inputs in cases:
        problem = evidence.problem(case)
        if problem is not None:
            return f"for {inputs} your function {problem}"
    return None
