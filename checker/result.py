"""The result of one grade, and its JSON form, which is the contract with everything that reads it.

docs/result.schema.json documents that form.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from checker import sanitize

SCHEMA_VERSION = 1
RESULTS = "results.jsonl"  # the file of results in the folder that `checker grade` writes

Verdict = Literal[
    "correct",
    "partial",
    "wrong",
    "not attempted",
    "error",
    "timeout",
    "memory",
    "output limit",
    "crashed",
    "unreadable",
    "not graded",
]
Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class CheckResult(sanitize.Record):
    """One check: what it asks, whether it passed, and if it did not, why."""

    name: str
    sentence: str
    status: Status
    message: str = ""


@dataclass(frozen=True)
class Finding(sanitize.Record):
    """A mistake that was found. `id` is stable; its hint, explanation and correction are the exercise's.

    `line` (from 1) and `columns` (characters, from 0) count within code cell `code_cell` (from 1, as Jupyter's In),
    and point at the first wrong expression; `source` is that line, and `file_line` its number in the student's file,
    where it has a line of its own there. `note` and `remedy` say what is known of this run in particular: what
    happened, and what would have been right.
    """

    id: str
    message: str
    step: str | None = None
    code_cell: int | None = None
    line: int | None = None
    columns: tuple[int, int] | None = None
    source: str = ""
    file_line: int | None = None
    note: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Remark(sanitize.Record):
    """Something worth saying that costs nothing."""

    id: str
    message: str


@dataclass(frozen=True)
class Source(sanitize.Record):
    """The student's function as written: its text, whose first line is line `line` (from 1) of cell `code_cell`.

    `file_line` is that line's number in the student's file, where it has a line of its own there.

    A finding in that cell points at line `finding.line - function.line` (from 0) of `text`, if there is such a line.
    """

    longest: ClassVar[int] = 10_000  # characters; most are under 2,000

    code_cell: int
    line: int
    text: str
    file_line: int | None = None


Kind = Literal["weights", "values"]


@dataclass(frozen=True)
class Comparison(sanitize.Record):
    """A matrix that the student's function computed, beside the right one of the same shape.

    `weights` should be from 0 to 1 (the student's may lie outside), `values` are any numbers; `rows` and `columns` say
    what the axes are. Numbers are rounded to four digits after the point; None is one that is not finite. `sentence`
    says what there is to see, for those who cannot see it.
    """

    name: str
    kind: Kind
    rows: str
    columns: str
    yours: tuple[tuple[float | None, ...], ...]
    expected: tuple[tuple[float, ...], ...]
    sentence: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if [*map(len, self.yours)] != [*map(len, self.expected)]:
            raise ValueError("yours and expected must be of one shape")


@dataclass(frozen=True)
class Judgement(sanitize.Record):
    """What is concluded of a submission.

    `score` is None where there is no grade (which is no zero). `summary` is the verdict's reason and names no mistake.
    `alternatives` are other sets of mistakes that explain the outputs as well, and `right_so_far` says in words which
    intermediate results were seen to be right. `function` is the student's, as written, and `comparisons` what it
    computed beside what is right, if the answer is not right.
    """

    verdict: Verdict
    score: int | None
    summary: str
    checks: tuple[CheckResult, ...] = ()
    mistakes: tuple[Finding, ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()
    right_so_far: str = ""
    remarks: tuple[Remark, ...] = ()
    function: Source | None = None
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Result(sanitize.Record):
    """All that is reported of one submission. Times are in seconds; `not graded` has no score.

    `summary` gives nothing away. `alternatives` are other sets of mistakes that explain the outputs as well, and
    `right_so_far` says in words which intermediate results were seen to be right. `function` is the student's, as
    written, and `comparisons` what it computed beside what is right, if the answer is not right. `sandbox` is the level
    at which the notebook ran, and `sandbox_reason` why it was none better. `settings` are those that it depends on.
    `student_id` is what `platform`, the learning platform that the file comes from, calls the student by.
    """

    submission: str
    student: str
    file: str
    sha256: str
    exercise: str
    verdict: Verdict
    score: int | None
    summary: str
    checks: tuple[CheckResult, ...] = ()
    mistakes: tuple[Finding, ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()
    right_so_far: str = ""
    remarks: tuple[Remark, ...] = ()
    function: Source | None = None
    comparisons: tuple[Comparison, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    sandbox: str = ""
    sandbox_reason: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    student_id: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def correct(self) -> bool:
        return self.verdict == "correct"

    @property
    def points(self) -> str:
        """The score as tables have it: empty where there is none, which is not a zero."""
        return "" if self.score is None else str(self.score)


@dataclass(frozen=True)
class Superseded:
    """A file that does not count because the same student handed in a newer or a more fitting one."""

    file: str
    student: str
    counted: str


def to_dict(result: Result) -> dict[str, Any]:
    """The JSON form as a dictionary."""
    return {"schema_version": result.schema_version, **dataclasses.asdict(result)}


def to_json(result: Result) -> str:
    """The JSON form as one line.

    >>> to_json(Result("ada", "Ada", "ada.ipynb", "0", "x", "correct", 100, "Right."))[:36]
    '{"submission":"ada","student":"Ada",'
    """
    import msgspec  # late: `check()` in a notebook needs numpy alone

    return msgspec.json.encode(result).decode()


def from_json(line: str | bytes) -> Result:
    """Read what `to_json` wrote. Raises `ValueError` for anything else.

    >>> result = Result("ada", "Ada", "ada.ipynb", "0", "x", "wrong", 0, "No.", (CheckResult("a", "b", "passed"),))
    >>> from_json(to_json(result)) == result
    True
    """
    import msgspec

    try:
        result = msgspec.json.decode(line, type=Result)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError(f"not a result of schema version {SCHEMA_VERSION}: {error}") from None
    if result.schema_version != SCHEMA_VERSION:
        raise ValueError(f"not a result of schema version {SCHEMA_VERSION}")
    return result


def read_results(path: Path) -> Iterator[Result]:
    """The results in a file, oldest first. A line that is none, such as one that a crash tore, is passed over."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            with contextlib.suppress(ValueError, RecursionError):
                yield from_json(line)
