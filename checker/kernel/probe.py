"""What is asked of a notebook's namespace after its cells have run: values of names, and calls of a function.

This file runs inside the student's kernel, to which it is sent, so it imports nothing of this package and
knows no answers. `check()` in a live notebook imports it and uses the same functions. Nothing it returns is
trusted: the judge reads shapes and bytes (see `observation`), and only right numbers count.
"""

import base64
import contextlib
import inspect
import io
import json
import linecache
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

if __name__ != "__probe__":  # there `tracing` stands before this
    from checker.kernel.tracing import Recorder, instrument, operands

MIME = "application/vnd.checker.probe+json"
LARGEST_ARRAY = 100_000  # elements; the exercises' arrays have some hundred
_MISSING = object()


def encode(value: Any) -> dict[str, Any]:
    """A value as JSON: its type, and where it is numbers, shape and little-endian float64 bytes.

    >>> encode(np.float64(2.0))
    {'type': 'float64', 'shape': [], 'data': 'AAAAAAAAAEA='}
    >>> encode(None)
    {'type': 'NoneType'}
    """
    description: dict[str, Any] = {"type": type(value).__name__[:80]}
    if value is None or isinstance(value, (str, bytes, types.FunctionType)):
        return description
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a complex array must not lose its imaginary part silently
            array = np.asarray(value, dtype=np.float64)
    except Exception:
        return description
    description["shape"] = list(array.shape)
    if array.size <= LARGEST_ARRAY:
        description["data"] = base64.b64encode(array.astype("<f8").tobytes()).decode("ascii")
    return description


def pack(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs as JSON, on the judge's side: arrays encoded, whole numbers as they are."""
    return {name: value if isinstance(value, int) else encode(value) for name, value in inputs.items()}


def decode(encoded: Any) -> Any:
    """One packed input, on the kernel's side: a fresh writable array, or the number itself."""
    if not isinstance(encoded, dict):
        return encoded
    flat = np.frombuffer(base64.b64decode(encoded["data"]), dtype="<f8")
    return flat.astype(np.float64).reshape(encoded["shape"])


def read(namespace: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """What each name holds now; names that hold nothing are left out.

    >>> read({"a": 1.0}, ["a", "b"])
    {'a': {'type': 'float', 'shape': [], 'data': 'AAAAAAAA8D8='}}
    """
    return {name: encode(namespace[name]) for name in names if name in namespace}


def functions(namespace: Mapping[str, Any]) -> dict[str, int]:
    """The functions that the notebook itself defines, with their numbers of parameters."""
    found = {}
    for name, value in list(namespace.items()):
        if isinstance(value, types.FunctionType) and value.__module__ == "__main__":
            found[name[:80]] = value.__code__.co_argcount
    return dict(list(found.items())[:100])


def call(
    namespace: dict[str, Any],
    function: str | Callable[..., Any],
    arguments: Mapping[str, Any],
    rebind: Mapping[str, Any],
) -> dict[str, Any]:
    """Call a function of the notebook, its globals rebound for as long as the call lasts.

    The result has `value` (see `encode`) or `error`, and `arguments`, the inputs as they are afterwards.
    """
    given, bound = _decode_inputs(arguments, rebind)
    before = {name: namespace.get(name, _MISSING) for name in bound}
    namespace.update(bound)
    try:
        outcome = _outcome(namespace.get(function) if isinstance(function, str) else function, given)
    finally:
        for name, value in before.items():
            if value is _MISSING:
                namespace.pop(name, None)
            else:
                namespace[name] = value
    outcome["arguments"] = {name: encode(value) for name, value in given.items()}
    return outcome


def trace(
    namespace: dict[str, Any],
    function: str | Callable[..., Any],
    arguments: Mapping[str, Any],
    rebind: Mapping[str, Any],
    sources: list[str],
) -> dict[str, Any]:
    """Call a function in a copy of the namespace, with every sub-expression of the notebook's code watched.

    The result is that of `call`, and `records`: places (cell, line, column, end line, end column) and values.
    """
    given, bound = _decode_inputs(arguments, rebind)
    scope, recorder = {**namespace, **bound}, Recorder()
    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    with contextlib.suppress(Exception):  # what cannot be watched is called as it is
        instrument(scope, sources, recorder)
    outcome = _outcome(scope.get(name), given)
    outcome["records"] = [[list(span), encode(value)] for span, value in recorder.records]
    return outcome


def _decode_inputs(arguments: Mapping[str, Any], rebind: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments and the globals, the same objects for both, as in the notebook, whose globals are passed."""
    given = {name: decode(value) for name, value in arguments.items()}
    return given, {name: given[name] if name in given else decode(value) for name, value in rebind.items()}


def _outcome(target: Any, given: dict[str, Any]) -> dict[str, Any]:
    if not callable(target):
        return {"error": {"name": "Missing", "message": "", "line": None, "text": ""}}
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            named = _by_name(target, given)
            return {"value": encode(target(*given.values()) if named is None else target(**named))}
    except BaseException as error:  # a student's sys.exit() or an interrupt is an outcome like any other
        return {"error": _describe_error(error)}


def _by_name(target: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments to pass by name: for a function that takes the same names in another order, or some of them.

    What it does not take it can only read from the notebook's globals, which hold the same values.
    """
    try:
        names = list(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return None
    if names == list(given) or not set(names) <= set(given):
        return None
    return {name: given[name] for name in names}


def _describe_error(error: BaseException) -> dict[str, Any]:
    """The exception, and the innermost expression of the notebook (not of a library) that it went through."""
    described: dict[str, Any] = {"name": type(error).__name__[:80], "line": None, "text": ""}
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals.get("__name__") == "__main__":
            lines = linecache.getlines(frame.f_code.co_filename)
            positions = list(frame.f_code.co_positions())[trace.tb_lasti // 2]
            described |= _describe_span(lines, trace.tb_lineno, positions, frame)
        trace = trace.tb_next
    try:
        described["message"] = str(error)[:500]
    except Exception:
        described["message"] = ""
    return described


def _describe_span(lines: list[str], line: int, positions: tuple[int | None, ...], frame: Any) -> dict[str, Any]:
    text = lines[line - 1].strip()[:300] if 0 < line <= len(lines) else ""
    described: dict[str, Any] = {"line": line, "text": text, "span": None, "operands": []}
    first, last, start, end = positions
    if None not in positions and first == last == line and text:
        described["span"] = [0, line, start, line, end]
        expression = lines[line - 1].encode()[start:end].decode("utf-8", "replace")
        described["expression"] = expression[:300]
        values = operands(expression, frame.f_locals, frame.f_globals)
        described["operands"] = [[name, encode(value)] for name, value in values]
    return described


def answers(namespace: dict[str, Any], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The answers to one request: to "read" names, to "call" a function for each of its cases, or to "trace" one.

    An interrupt ends all calls but a single one: the next may take as long.
    """
    if "read" in request:
        yield {"values": read(namespace, request["read"]), "functions": functions(namespace)}
    for case in request.get("cases", ()):
        outcome = call(namespace, request["call"], case["arguments"], case["rebind"])
        if len(request["cases"]) > 1 and outcome.get("error", {}).get("name") == "KeyboardInterrupt":
            return
        yield {"case": case["name"], **outcome}
    if "trace" in request:
        yield trace(namespace, request["trace"], request["arguments"], request["rebind"], request["sources"])


if __name__ == "__probe__":  # sent to the kernel and run there, where it stays; see `run`
    from IPython import get_ipython

    _shell = get_ipython()

    def respond() -> None:
        """Answer the request beside the cell that calls this; each answer leaves as soon as it is there."""
        for answer in answers(_shell.user_ns, _shell.get_parent()["content"]["probe"]):
            _shell.display_pub.publish({MIME: json.dumps(answer)})
