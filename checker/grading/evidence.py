"""An observation beside what was expected: what the checks ask of it, in terms of right and wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from checker.exercises.model import Array, Case, Cases, Exercise
from checker.kernel.observation import Call, Failure, Observation, Value

NOT_DEFINED = "Missing"  # what the probe calls a function that is not there


@dataclass(frozen=True, repr=False)
class Evidence:
    """An observation beside what was expected. `code` holds the sources of the code cells that ran."""

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
        arrays = {id: self.returned(case) for id, case in self.cases.unused.items()}
        finite = [id for id, array in arrays.items() if array is not None and np.isfinite(array).all()]
        return tuple(finite) if self.called_function_is_right else ()

    def returned(self, case: Case) -> Array | None:
        """The numbers that the function returned for a case, if it did."""
        value = self.observation.calls.get(case.name, Call()).value
        return value.array if value is not None else None

    @property
    def outputs(self) -> Iterator[tuple[Case, Array]]:
        """The numbers that the function returned, case by case."""
        for case in self.cases.all:
            if (array := self.returned(case)) is not None:
                yield case, array

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
        answer = self.answer.array if self.answer is not None else None
        given = [(self.cases.notebook, answer)] if answer is not None else []
        for case, array in (*given, *self.outputs):
            expected = self.exercise.expected(case)
            if array.shape == expected.shape and not self.exercise.tolerance.accepts(array, expected):
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
    def failure_of_every_call(self) -> Failure | None:
        """The exception of a function that raises whatever it is given."""
        calls = [call for case in self.cases.all if (call := self.observation.calls.get(case.name))]
        always = calls and not self.function_missing and all(call.failure is not None for call in calls)
        return calls[0].failure if always else None

    @cached_property
    def changed_data(self) -> tuple[str, ...]:
        """The names of the notebook's own data that no longer hold what the notebook gives them."""

        def is_as_given(name: str, given: Array | int) -> bool:
            value = self.observation.values.get(name)
            array = value.array if value is not None else None
            return array is not None and self.exercise.tolerance.accepts(array, np.asarray(given, dtype=float))

        return tuple(name for name, given in self.cases.notebook.rebind.items() if not is_as_given(name, given))

    def compare(self, value: Value, case: Case) -> str | None:
        """What is wrong with a value as the answer to a case (the predicate of a sentence), or None."""
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
            return f"is a single number; the shape should be {expected}, that is {names}"
        transposed = ", which looks transposed" if shape == expected[::-1] and shape != expected else ""
        return f"has shape {shape}{transposed}; it should be {expected}, that is {names}"

    def problem(self, case: Case) -> str | None:
        """What is wrong with the function on a case (the predicate of a sentence), or None."""
        call = self.observation.calls.get(case.name)
        if call is None:  # the asking ended before, at a call that hung or killed the kernel
            call = list(self.observation.calls.values())[-1]
        if call.failure is not None:
            return call.failure.message if call.failure.stopped else f"raised {describe(call.failure)}"
        value = call.value or Value("unknown")
        if value.type == "NoneType":
            return "returned None: it has to return its result"
        error = self.compare(value, case)
        return None if error is None else f"returned a result that {error}"


def describe(failure: Failure) -> str:
    """An exception in words, with the line of the notebook that it came from."""
    text = f"{failure.name}: {failure.message}" if failure.message else failure.name
    return f"{text} (line {failure.line}: `{failure.text}`)" if failure.text else text
