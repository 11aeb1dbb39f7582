"""How much JSON holds is counted before it is parsed, whatever its strings contain."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checker.submissions.bounded_json import DEEPEST, TooMuchError, loads, without_strings

TRICKY = st.text(st.sampled_from('"\\[]{},:aé1 \n'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TRICKY,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(TRICKY, parts, max_size=4),
    max_leaves=20,
)


def size(value: Any) -> int:
    """Brackets that open, and commas."""
    if not isinstance(value, (list, dict)):
        return 0
    parts = value.values() if isinstance(value, dict) else value
    return max(1, len(value)) + sum(map(size, parts))


@given(VALUES, st.booleans())
def test_what_is_counted_is_what_is_there(value: Any, escaped: bool) -> None:
    text, most = json.dumps(value, ensure_ascii=escaped), size(value)
    assert loads(text, most) == value
    if most:
        with pytest.raises(TooMuchError):
            loads(text, most - 1)


@given(st.text(st.sampled_from('"\\[]{},a1 '), max_size=12))
@example('[[["]]\\"[[')
def test_no_text_makes_the_parser_see_more_than_was_counted(text: str) -> None:
    try:
        json.loads(text)
        read = len(text)
    except json.JSONDecodeError as error:
        read = error.pos  # as far as it came
    assert without_strings(text).startswith(without_strings(text[:read]))


def test_depth_is_bounded_too() -> None:
    assert loads("[" * DEEPEST + "]" * DEEPEST, 10**6)
    with pytest.raises(TooMuchError, match="deeply"):
        loads("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 10**6)
    assert loads("[" + ",".join(["[]"] * 500) + "]", 10**6)
