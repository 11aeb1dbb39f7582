"""Line numbers in the file that was handed in, for tools that show files and know no cells."""

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import replace

from checker.result import Finding, Judgement, Source
from checker.submissions.notebook import UnreadableError, decode

MOST_PLACES = 4  # of one cell's source in a file; where it is written more often, no line is claimed

# What some write otherwise than Jupyter does: line ends of Windows, and characters that Colab may escape.
_IN_STRINGS = {r"\r\n": r"\n", **{f"\\u{ord(character):04x}": character for character in "<>&='"}}


def with_file_lines(judgement: Judgement, data: bytes, code: Sequence[str], *, script: bool = False) -> Judgement:
    """The judgement with `file_line` filled in, where that is known. `code` are the sources of the code cells."""
    try:
        text = normalised(decode(data), script=script)
    except UnreadableError:
        return judgement

    @functools.cache
    def begin(code_cell: int) -> int | None:
        return first_line(text, code[code_cell - 1], script=script) if 0 < code_cell <= len(code) else None

    def line_of(place: Finding | Source) -> int | None:
        first = begin(place.code_cell) if place.code_cell and place.line else None
        return first + place.line - 1 if first and place.line else None

    return replace(
        judgement,
        mistakes=tuple(replace(finding, file_line=line_of(finding)) for finding in judgement.mistakes),
        function=judgement.function and replace(judgement.function, file_line=line_of(judgement.function)),
    )


def first_line(text: str, source: str, *, script: bool = False) -> int | None:
    r"""The line of a file (from 1) in which the source of a code cell begins.

    None where that cannot be told: the source is in the file more than once, or not as Jupyter writes it, each of its
    lines on a line of its own. Nothing is parsed, so this takes a few passes over the text, whatever is in it.

    >>> first_line('{"cells": [{"cell_type": "code", "source": [\n "x = 1\\n",\n "y = 2"\n]}]}', "x = 1\ny = 2")
    2
    >>> first_line("# In[1]:\n\nx = 1\n# In[2]:\ny = x\nz = y\n", "y = x\nz = y", script=True)
    5
    """
    if script:
        place = _only_place(f"\n{text}\n", f"\n{source}\n")
        return None if place is None else text.count("\n", 0, place) + 1
    gap = re.search(r'"source": ?\[(\n[ \t]*)"', text)  # before each line of a source
    if gap is None:
        return None
    for ascii_only in (False, True):
        lines = [json.dumps(line, ensure_ascii=ascii_only) for line in re.findall(r".*\n|.+", source)]
        place = _only_place(text, f"[{gap[1]}{f',{gap[1]}'.join(lines)}\n")
        if place is not None:
            return text.count("\n", 0, place) + 2
    return None


def normalised(text: str, *, script: bool = False) -> str:
    """The text as `first_line` takes it: only line feeds end lines, and no character is escaped without need."""
    for escape, character in {"\r\n": "\n", "\r": "\n", **({} if script else _IN_STRINGS)}.items():
        text = text.replace(escape, character)
    return text


def _only_place(text: str, part: str) -> int | None:
    """Where the text has this part; where it has several, the one in a code cell."""
    places = [text.find(part)]
    while places[-1] >= 0 and len(places) <= MOST_PLACES:
        places.append(text.find(part, places[-1] + 1))
    *places, end = places
    if len(places) > 1:
        kinds = (text.rfind('"cell_type"', 0, place) for place in places)
        places = [p for p, kind in zip(places, kinds, strict=True) if text.startswith('"cell_type": "code"', kind)]
    return places[0] if end < 0 and len(places) == 1 else None
