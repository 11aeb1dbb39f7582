"""Grading what is defined in the open notebook: no second kernel, no process, no file."""

import inspect
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from checker import exercises
from checker.exercises.mistakes import LEVELS
from checker.exercises.model import Case, Cases, Exercise
from checker.grading.checks import needs_trace, run_checks
from checker.grading.evidence import Evidence
from checker.grading.judge import judge
from checker.kernel import probe
from checker.kernel.observation import (
    Call,
    Observation,
    decode_call,
    decode_functions,
    decode_trace,
    decode_values,
)
from checker.reports.check_display import CheckDisplay


def check(
    function: Callable[..., Any] | None = None, *, level: str = "hint", exercise: str = exercises.DEFAULT
) -> CheckDisplay:
    """Check the answer in the notebook that is open; the last line of a cell shows what it returns.

    Without an argument the function is the one that the exercise names. Nothing in the notebook is changed, and
    no seed is disturbed. `level` is `verdict`, `hint`, `explain` (what is wrong, and where) or `solution`.

    >>> print(check(lambda *inputs: inputs[0] * 0))
    not attempted
    ...
    """
    loaded = exercises.load(exercise)
    if function is not None and not callable(function):
        raise TypeError(f"check() takes the function itself, as in check({loaded.function})")
    if level not in LEVELS:
        raise ValueError(f"there is no level '{level}'; there are: {', '.join(LEVELS)}")
    namespace = _namespace_of(function)
    cases, code = loaded.draw(secrets.randbits(32)), _code(namespace)
    observation = _call(namespace, function or loaded.function, loaded, cases)
    evidence = Evidence(loaded, cases, code, observation)
    checks = run_checks(evidence)
    if needs_trace(checks):
        observation = _trace(observation, namespace, function or loaded.function, cases, code)
        evidence = replace(evidence, observation=observation)
    return CheckDisplay(loaded, judge(evidence, checks), level)


def _namespace_of(function: Callable[..., Any] | None) -> dict[str, Any]:
    """The globals that the function reads: the notebook's."""
    if function is not None:
        plain = inspect.unwrap(function)
        if isinstance(getattr(plain, "__globals__", None), dict):
            return plain.__globals__  # type: ignore[no-any-return]
    return sys.modules["__main__"].__dict__


def _call(
    namespace: dict[str, Any], function: str | Callable[..., Any], exercise: Exercise, cases: Cases
) -> Observation:
    values = decode_values(probe.read(namespace, [exercise.answer, *cases.names]))
    calls = _calls(namespace, function, cases.asked)
    return Observation(values=values, functions=decode_functions(probe.functions(namespace)), calls=calls)


def _trace(
    observation: Observation,
    namespace: dict[str, Any],
    function: str | Callable[..., Any],
    cases: Cases,
    code: tuple[str, ...],
) -> Observation:
    """The same, with what is asked of a function that is not right."""
    reply = probe.trace(namespace, function, *_packed(cases.traced), list(code))
    calls = {**observation.calls, **_calls(namespace, function, cases.asked_if_wrong)}
    return replace(observation, calls=calls, trace=decode_trace(reply))


def _calls(namespace: dict[str, Any], function: str | Callable[..., Any], cases: tuple[Case, ...]) -> dict[str, Call]:
    return {case.name: decode_call(probe.call(namespace, function, *_packed(case))) for case in cases}


def _packed(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    return probe.pack(case.arguments), probe.pack(case.rebind)


def _code(namespace: dict[str, Any]) -> tuple[str, ...]:
    """The cells that were run, oldest first: element 0 is In [1], as IPython keeps them."""
    cells = namespace.get("In")
    return tuple(cell for cell in cells[1:] if isinstance(cell, str)) if isinstance(cells, list) else ()
