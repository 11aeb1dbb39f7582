"""Untrusted JSON: what it holds is counted before it is parsed."""

import itertools
import json
import re
from typing import Any

DEEPEST = 100  # brackets within brackets; an honest notebook or message has about ten


class TooMuchError(ValueError):
    """The JSON is too large or too deep to be parsed; the message says which, and quotes nothing."""


def without_strings(text: str) -> str:
    """JSON without its strings: the brackets and commas that are left tell how many values it holds.

    A backslash outside of strings may mislead this from there on, but there the parser stops.

    >>> without_strings('{"a": [1, "x,y"]}')
    '{: [1, ]}'
    """
    unescaped = text.replace("\\\\", "").replace('\\"', "")
    return "".join(unescaped.split('"')[::2])


def loads(text: str, most: int) -> Any:
    """The value of JSON with at most about `most` values in it. Raises `TooMuchError` or another `ValueError`.

    >>> loads("[1, 2]", most=10)
    [1, 2]
    >>> loads("[1, 2, 3]", most=2)
    Traceback (most recent call last):
    checker.submissions.bounded_json.TooMuchError: holds more than 2 values
    """
    rest = without_strings(text)
    opened = rest.count("[") + rest.count("{")
    if rest.count(",") + opened > most:
        raise TooMuchError(f"holds more than {most} values")
    if opened > DEEPEST and _depth(rest) > DEEPEST:
        raise TooMuchError("is nested too deeply")
    return json.loads(text)


def _depth(text: str) -> int:
    steps = (1 if bracket in "[{" else -1 for bracket in re.findall(r"[\[\]{}]", text))
    return max(itertools.accumulate(steps), default=0)
