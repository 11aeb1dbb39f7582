"""An observation beside what was expected: what the checks ask of it, in terms of right and wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from checker.exercises.model import Array, Case, Cases, Exercise
from checker.kernel.observation import Call, Failure, Observation, Value

NOT_DEFINED = "Missing"  # what the probe calls a function that is not there


@dataclass(frozen=True)
class Evidence:
    """An observation beside what was expected."""

    exercise: Exercise
    cases: Cases
    code: tuple[str, ...]
    observation: Observation

    @property
    def answer(self) -> Value | None:
        return self.observation.values.get(self.exercise.answer)

    @property
    def function_missing(self) -> bool:
        """Whether there is no function of the right name; one of another name may have been called for it."""
        call = self.observation.calls.get(self.cases.notebook.name)
        return call is None or bool(self.renamed) or (call.failure is not None and call.failure.name == NOT_DEFINED)

    @property
    def renamed(self) -> str:
        """The name of the function that was called in place of one that is missing, or ""."""
        return self.observation.called if self.observation.called != self.exercise.function else ""

    @cached_property
    def called_function_is_right(self) -> bool:
        """Whether the function that was called is right in general, even if it has another name."""
        cases = (*self.cases.fresh, *self.cases.other_sizes)
        return bool(self.observation.calls) and all(self.problem(case) is None for case in cases)

    @property
    def unused(self) -> tuple[str, ...]:
        """The remarks on what the function leaves out, though no right output could show it."""
        calls = {id: self.observation.calls.get(case.name) for id, case in self.cases.unused.items()}
        arrays = {id: call.value.array for id, call in calls.items() if call is not None and call.value is not None}
        return tuple(
            id
            for id, array in arrays.items()
            if array is not None and np.isfinite(array).all() and self.called_function_is_right
        )

    @cached_property
    def function_untouched(self) -> bool:
        """Whether the function still does what the notebook's stub does: it returns zeros, whatever it is given."""
        values = [call.value for case in self.cases.all if (call := self.observation.calls.get(case.name))]
        arrays = [value.array for value in values if value is not None]
        return bool(arrays) and all(array is not None and not array.any() for array in arrays)

    @cached_property
    def answer_is_right(self) -> bool:
        return self.answer is not None and self.compare(self.answer, self.cases.notebook) is None

    @property
    def wrong_output(self) -> tuple[Case, Array] | None:
        """The answer, or else the first result of the function, that is not right but has the right shape."""
        calls = ((case, self.observation.calls.get(case.name, Call())) for case in self.cases.all)
        given = [(self.cases.notebook, self.answer), *((case, call.value) for case, call in calls)]
        for case, value in given:
            array = value.array if value is not None else None
            expected = self.exercise.expected(case)
            if array is None or array.shape != expected.shape:
                continue
            if not self.exercise.tolerance.accepts(array, expected):
                return case, array
        return None

    @cached_property
    def stopping_failure(self) -> Failure | None:
        """The cell that kept the notebook from its answer, if one did.

        A cell that failed matters when it was to define the function or the answer; where there is no answer at
        all, the first failure is the cause.
        """
        failures = self.observation.failures
        if self.answer is None:
            return failures[0] if failures else None
        if self.answer_is_right:
            return None
        return next((failure for failure in failures if self._defines_something(failure)), None)

    def _defines_something(self, failure: Failure) -> bool:
        if failure.code_cell is None or failure.code_cell > len(self.code):
            return False
        source = self.code[failure.code_cell - 1]
        function, answer = re.escape(self.exercise.function), re.escape(self.exercise.answer)
        return bool(re.search(rf"^[ \t]*def {function}\b|^[ \t]*{answer}\b[^=(\n]*=(?!=)", source, re.MULTILINE))

    @cached_property
    def changed_data(self) -> tuple[str, ...]:
        """The names of the notebook's own data that no longer hold what the notebook gives them."""
        changed = []
        for name, given in self.cases.notebook.rebind.items():
            value = self.observation.values.get(name)
            right = value is not None and value.array is not None
            if not right or not self.exercise.tolerance.accepts(value.array, np.asarray(given, dtype=float)):  # type: ignore
                changed.append(name)
        return tuple(changed)

    def compare(self, value: Value, case: Case) -> str | None:
        """What is wrong with a value as the answer to a case, or None."""
        expected = self.exercise.expected(case)
        if value.type == "NoneType":
            return "is None: the function has to return its result"
        if value.shape is None or (value.array is None and value.shape == expected.shape):
            return f"is a {value.type}, not an array of numbers"
        if value.shape != expected.shape or value.array is None:
            return self._wrong_shape(value.shape, expected.shape)
        if self.exercise.tolerance.accepts(value.array, expected):
            return None
        if not np.isfinite(value.array).all():
            return "contains nan or inf"
        if not value.array.any():
            return "is all zeros"
        difference = np.abs(value.array - expected)
        off = difference > self.exercise.tolerance.absolute + self.exercise.tolerance.relative * np.abs(expected)
        count = f"all {off.size}" if off.all() else f"{int(off.sum())} of {off.size}"
        return f"has the right shape {value.shape}, but {count} values differ, by up to {difference.max():.3g}"

    def _wrong_shape(self, shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
        names = " by ".join(self.exercise.axes)
        if shape == ():
            return f"is a single number; an array of shape {expected}, that is {names}, is expected"
        turned = shape == expected[::-1] and shape != expected
        hint = ", which looks transposed" if turned else ""
        return f"has shape {shape}{hint}; {expected}, that is {names}, is expected"

    def problem(self, case: Case) -> str | None:
        """What is wrong with the function on a case, or None."""
        call = self.observation.calls.get(case.name)
        if call is None:  # the asking ended before, at a call that hung or killed the kernel
            call = list(self.observation.calls.values())[-1]
        if call.failure is not None:
            return f"did not return: {describe(call.failure)}"
        value = call.value or Value("unknown")
        trouble = self.compare(value, case)
        return None if trouble is None else f"returned a result which {trouble}"


def describe(failure: Failure) -> str:
    """A failure in words, with the line of the notebook that it came from."""
    if failure.timed_out:
        return failure.message
    text = f"{failure.name}: {failure.message}" if failure.message else failure.name
    if failure.text:
        text += f" (line {failure.line}: `{failure.text}`)"
    return text
