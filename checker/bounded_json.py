"""JSON from strangers: how much there is in it is counted before it is parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

DEEPEST = 100  # brackets within brackets; an honest notebook or message has about ten

# The closing quote may be missing, and nothing is tried twice, so that this takes linear time on any text.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_PUNCTUATION = re.compile(r"[^\[\]{},]+")


class TooMuchError(ValueError):
    """The JSON is too large or too deep to be parsed; the message says which, and quotes nothing."""


def punctuation(text: str) -> str:
    """The brackets and commas of JSON, those within strings left out: they tell how many values it holds.

    >>> punctuation('{"a": [1, "x,y"]}')
    '{[,]}'
    """
    return _NO_PUNCTUATION.sub("", _STRING.sub("", text))


def loads(text: str, most: int) -> Any:
    """The value of JSON with at most about `most` values in it. Raises `TooMuchError` or another `ValueError`.

    >>> loads("[1, 2]", most=10)
    [1, 2]
    >>> loads("[1, 2, 3]", most=2)
    Traceback (most recent call last):
    checker.bounded_json.TooMuchError: holds more than 2 values
    """
    marks = punctuation(text)
    if marks.count(",") + marks.count("[") + marks.count("{") > most:
        raise TooMuchError(f"holds more than {most} values")
    if _depth(marks) > DEEPEST:
        raise TooMuchError("is nested too deeply")
    return json.loads(text)


def _depth(marks: Iterable[str]) -> int:
    depth = deepest = 0
    for mark in marks:
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest
