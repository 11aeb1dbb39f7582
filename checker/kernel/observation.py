"""What was seen when a notebook ran. Everything in it came from an untrusted process and is only evidence."""

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# How the run as a whole ended. All but `finished` mean that the kernel was gone before it could be asked.
Ending = Literal["finished", "timeout", "crashed", "output limit", "memory"]

LARGEST_ARRAY = 100_000
MOST_RECORDS = 1_000


@dataclass(frozen=True)
class Value:
    """What a name held or a call returned: its type's name, its shape and numbers where it has them."""

    type: str
    shape: tuple[int, ...] | None = None
    array: Array | None = None


@dataclass(frozen=True)
class Span:
    """A piece of source: code cell (from 1; 0 where it is not known), lines from 1, columns in bytes from 0."""

    cell: int
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Record:
    """The value that a piece of source had when it was evaluated."""

    span: Span
    array: Array


@dataclass(frozen=True)
class Trace:
    """A watched call: what it returned, if it did, and what its sub-expressions gave, in order."""

    value: Value | None
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Failure:
    """An exception: in a cell (`code_cell` counts from 1 as Jupyter's In [n]) or in a call of the function.

    `raised_in` is the code cell that holds the innermost line of the notebook, `line` and `text` that line: a
    cell that calls a function fails where it calls, and is raised in the cell that defines the function. For a
    call of the function, `expression` is the piece of that line which raised, and `operands` are its parts. Where a
    limit `stopped` it, `message` is the predicate of a sentence ("timed out after 20 s").
    """

    name: str
    message: str
    line: int | None = None
    text: str = ""
    code_cell: int | None = None
    raised_in: int | None = None
    timed_out: bool = False
    stopped: bool = False
    span: Span | None = None
    expression: str = ""
    operands: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Call:
    """One call of the student's function: what it returned or raised, and its arguments afterwards."""

    value: Value | None = None
    failure: Failure | None = None
    arguments: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Observation:
    """All that is known of one run: how it ended, which cells failed, what names held, what calls gave.

    `stopped_in` is the code cell (from 1) in which a run that did not finish was stopped, `stop_reason` the predicate
    of a sentence that says why. `called` is the function that was called: the one asked for, or where there is none,
    the only other one of as many parameters. `executed` is the notebook as it ran, in Jupyter's JSON.
    """

    # asyncio makes a text of what a task returns, only to throw it away: arrays take long.

    ending: Ending = "finished"
    stopped_in: int | None = None
    stop_reason: str = ""
    failures: tuple[Failure, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    functions: Mapping[str, int] = field(default_factory=dict)
    calls: Mapping[str, Call] = field(default_factory=dict, repr=False)
    called: str = ""
    trace: Trace | None = field(default=None, repr=False)
    seconds: Mapping[str, float] = field(default_factory=dict)
    executed: str = field(default="", repr=False)


def decode_value(encoded: Any) -> Value:
    """Read what the kernel sent for one value; what does not fit together is a value without numbers.

    >>> decode_value({"type": "float", "shape": [], "data": "AAAAAAAAAEA="}).array
    array(2.)
    >>> decode_value({"type": "ndarray", "shape": [10**13], "data": "AAAAAAAAAEA="}).array is None
    True
    """
    if not isinstance(encoded, dict):
        return Value("unknown")
    kind = str(encoded.get("type", "unknown"))[:80]
    shape = encoded.get("shape")
    if not (isinstance(shape, list) and len(shape) <= 32 and all(type(n) is int and 0 <= n < 2**63 for n in shape)):
        return Value(kind)
    data = encoded.get("data")
    if not isinstance(data, str) or math.prod(shape) > LARGEST_ARRAY:
        return Value(kind, tuple(shape))
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return Value(kind, tuple(shape))
    if len(raw) != 8 * math.prod(shape):
        return Value(kind, tuple(shape))
    array = np.frombuffer(raw, dtype="<f8").astype(np.float64).reshape(shape)
    with np.errstate(all="ignore"):
        array[np.isnan(array)] = np.nan  # one kind of NaN, and none that arithmetic warns of
    return Value(kind, tuple(shape), array)


def decode_values(encoded: Any) -> dict[str, Value]:
    """Values by name."""
    if not isinstance(encoded, dict):
        return {}
    return {str(name)[:80]: decode_value(value) for name, value in list(encoded.items())[:200]}


def decode_functions(encoded: Any) -> dict[str, int]:
    """Numbers of parameters by function name."""
    if not isinstance(encoded, dict):
        return {}
    pairs = list(encoded.items())[:200]
    return {str(name)[:80]: count for name, count in pairs if type(count) is int and 0 <= count < 1_000}


def decode_call(encoded: Any) -> Call:
    """Read what the kernel sent for one call."""
    if not isinstance(encoded, dict):
        return Call(failure=Failure("NoReply", "the kernel's answer could not be read"))
    arguments = decode_values(encoded.get("arguments"))
    error = encoded.get("error")
    if isinstance(error, dict):
        return Call(failure=_decode_failure(error), arguments=arguments)
    return Call(value=decode_value(encoded.get("value")), arguments=arguments)


def decode_trace(encoded: Any) -> Trace | None:
    """Read what the kernel sent for a watched call; records that do not fit together are left out."""
    if not isinstance(encoded, dict) or not isinstance(encoded.get("records"), list):
        return None
    records = []
    for item in encoded["records"][:MOST_RECORDS]:
        if _is_pair(item):
            span, array = _decode_span(item[0]), decode_value(item[1]).array
            if span is not None and array is not None:
                records.append(Record(span, array))
    return Trace(decode_value(encoded["value"]) if "value" in encoded else None, tuple(records))


def _decode_failure(error: dict[str, Any]) -> Failure:
    line, operands = error.get("line"), error.get("operands")
    pairs = operands[:4] if isinstance(operands, list) else []
    return Failure(
        name=str(error.get("name", ""))[:80],
        message=str(error.get("message", ""))[:500],
        line=line if type(line) is int and 0 < line < 10**6 else None,
        text=str(error.get("text", ""))[:300],
        span=_decode_span(error.get("span")),
        expression=str(error.get("expression", ""))[:300],
        operands=tuple((str(pair[0])[:80], decode_value(pair[1])) for pair in pairs if _is_pair(pair)),
    )


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2


def _decode_span(encoded: Any) -> Span | None:
    fits = isinstance(encoded, list) and len(encoded) == 5 and all(type(n) is int and 0 <= n < 10**6 for n in encoded)
    return Span(*encoded) if fits else None
