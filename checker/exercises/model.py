"""What an exercise is: frozen data that one file of this folder fills in for one notebook. Start with `Exercise`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from checker.exercises.mistakes import GENERAL, Mistake
from checker.result import Comparison

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One set of inputs on which the student's function is called. It holds no answer.

    `arguments` are in the order of the function's signature. `rebind` are the notebook's own globals that
    must have matching values during the call, because a correct function may read them.
    """

    name: str
    arguments: Mapping[str, Array]
    rebind: Mapping[str, Array | int]


@dataclass(frozen=True)
class Cases:
    """The cases of one grade.

    `notebook` holds the notebook's own data, `fresh` new values of the same sizes, `other_sizes` new sizes. The
    others decide nothing: `black_box` is for the diagnosis, and each of `unused` has NaN in an input that a function
    can leave out without any change of its output; a finite output then earns the remark of that id.
    """

    notebook: Case
    fresh: tuple[Case, ...]
    other_sizes: tuple[Case, ...]
    black_box: Case | None = None
    unused: Mapping[str, Case] = field(default_factory=dict)

    @property
    def traced(self) -> Case:
        """The case on which the function is watched: fresh, so that no intermediate result can have been pasted."""
        return self.fresh[0]

    @property
    def all(self) -> tuple[Case, ...]:
        return (self.notebook, *self.fresh, *self.other_sizes)

    @property
    def asked(self) -> tuple[Case, ...]:
        """Every case on which the function is called."""
        return (*self.all, *self.unused.values())

    @property
    def asked_if_wrong(self) -> tuple[Case, ...]:
        """Further cases on which a function is called that is not right; on `traced` it is also watched."""
        return (self.black_box,) if self.black_box else ()

    @property
    def names(self) -> tuple[str, ...]:
        """The notebook's own data, by the names of its globals."""
        return tuple(self.notebook.rebind)


@dataclass(frozen=True)
class Tolerance:
    """How far an answer may be from the reference and still be right, and why."""

    absolute: float
    relative: float
    reason: str

    def accepts(self, answer: npt.ArrayLike, expected: Array) -> bool:
        """Whether `answer` has the shape of `expected` and equals it in every element.

        >>> tolerance = Tolerance(absolute=1e-4, relative=1e-5, reason="float32 passes, three decimals do not")
        >>> tolerance.accepts([1.00001], np.array([1.0])), tolerance.accepts([1.001], np.array([1.0]))
        (True, False)
        """
        answer = np.asarray(answer, dtype=np.float64)
        if answer.shape != expected.shape:
            return False
        # Written out, and false for NaN: nothing that a student can patch decides.
        return bool((np.abs(answer - expected) <= self.absolute + self.relative * np.abs(expected)).all())


@dataclass(frozen=True)
class Step:
    """One step of the computation and how much of the score it is worth.

    `shows` names the step's results among the reference's intermediates: found in a trace, they prove it right.
    """

    id: str
    title: str
    weight: int
    shows: tuple[str, ...]


# What has been computed so far: arrays by name, and numbers that a variant may leave for later decisions.
State = Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """One way to compute a part: `apply` returns what it adds to the state; `mistakes` are the ids of its mistakes."""

    apply: Callable[[State], State]
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """A part of the computation with all its variants, the right one first; `step` is the id of its step."""

    step: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True, eq=False)
class KnownValues:
    """What a wrong function is known to compute.

    `intermediates` are those found in the trace, by the reference's names; `output` is the first output of the right
    shape with wrong values, and its case; `black_box` is the output for the black-box case.
    """

    intermediates: Mapping[str, Array] = field(default_factory=dict)
    output: tuple[Case, Array] | None = None
    black_box: Array | None = None


@dataclass(frozen=True, eq=False)
class Exercise:
    """All that the checker knows about one notebook. An exercise is equal to itself only.

    `answer` and `function` are the names that the notebook asks for, `parameters` the function's signature, `axes`
    the names of the answer's dimensions. `reference` maps the arguments to every named intermediate, the answer
    included. `draw` makes the cases from a seed, so that a regrade with the same seed repeats them. `decisions` with
    their right variants compute the same as `reference`; other variants compute what students compute by mistake.
    `words` describes each intermediate and `summarise` several of them. `given` holds the sources of the functions
    that the notebook provides, by name. `read_black_box` says what the output for the black-box case reveals of the
    intermediates, and `compare` puts what a wrong function computed beside what is right.
    """

    id: str
    title: str
    notebook: str
    answer: str
    function: str
    parameters: tuple[str, ...]
    axes: tuple[str, ...]
    steps: tuple[Step, ...]
    tolerance: Tolerance
    reference: Callable[[Mapping[str, Array]], Mapping[str, Array]]
    draw: Callable[[int], Cases]
    decisions: tuple[Decision, ...]
    own_mistakes: tuple[Mistake, ...]
    words: Mapping[str, str]
    summarise: Callable[[Sequence[str]], str]
    given: Mapping[str, str]
    read_black_box: Callable[[Case, Array], str | None]
    compare: Callable[[Cases, KnownValues], tuple[Comparison, ...]] = lambda cases, known: ()

    @cached_property
    def mistakes(self) -> Mapping[str, Mistake]:
        """Every mistake by id: the general ones, and this exercise's own, which may describe the same more closely."""
        return {mistake.id: mistake for mistake in (*GENERAL, *self.own_mistakes)}

    def expected(self, case: Case) -> Array:
        """The right answer for a case."""
        return self.reference(case.arguments)[self.answer]
