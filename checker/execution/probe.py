"""What is asked of a notebook's namespace after its cells have run: values of names, and calls of a function.

This file runs inside the student's kernel, to which its text is sent, so it imports nothing of this package and
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
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

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
    """  # fmt: skip
    target = namespace.get(function) if isinstance(function, str) else function
    if not callable(target):
        return {"error": {"name": "Missing", "message": "", "line": None, "text": ""}}
    given = {name: decode(value) for name, value in arguments.items()}
    # The same objects for both, as in the notebook, where the arguments *are* its globals.
    bound = {name: given.get(name, decode(value)) for name, value in rebind.items()}
    before = {name: namespace.get(name, _MISSING) for name in bound}
    namespace.update(bound)
    outcome: dict[str, Any] = {}
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            if _reordered(target, list(given)):
                outcome["value"] = encode(target(**given))
            else:
                outcome["value"] = encode(target(*given.values()))
    except BaseException as error:  # a student's sys.exit() or an interrupt is an outcome like any other
        outcome = {"error": _describe_error(error)}
    finally:
        for name, value in before.items():
            if value is _MISSING:
                namespace.pop(name, None)
            else:
                namespace[name] = value
    outcome["arguments"] = {name: encode(value) for name, value in given.items()}
    return outcome


def _reordered(target: Callable[..., Any], expected: list[str]) -> bool:
    """Whether the function takes the same names in another order, so that only names tell which is which."""
    try:
        names = list(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return False
    return names != expected and sorted(names) == sorted(expected)


def _describe_error(error: BaseException) -> dict[str, Any]:
    """The exception, and the innermost line of the notebook (not of a library) that it went through."""
    line, text = None, ""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals.get("__name__") == "__main__":
            line = trace.tb_lineno
            text = linecache.getline(frame.f_code.co_filename, line).strip()
        trace = trace.tb_next
    try:
        message = str(error)
    except Exception:
        message = ""
    return {"name": type(error).__name__[:80], "message": message[:500], "line": line, "text": text[:300]}


def answer(namespace: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request: {"read": [names]} or {"call": name, "arguments": ..., "rebind": ...}."""
    if "read" in request:
        return {"values": read(namespace, request["read"]), "functions": functions(namespace)}
    return call(namespace, request["call"], request["arguments"], request["rebind"])


if __name__ == "__probe__":  # sent as text and run by the kernel; `request_json` is set beside it
    from IPython import get_ipython

    _shell = get_ipython()
    _reply = answer(_shell.user_ns, json.loads(globals()["request_json"]))
    _shell.display_pub.publish({MIME: json.dumps(_reply)})
