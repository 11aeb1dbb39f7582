"""Where a line of a code cell stands in the file that was handed in, for tools that show files and know no cells."""

from __future__ import annotations

import bisect
import itertools
import json
import json.decoder
import json.scanner
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from checker.result import Finding, Source
from checker.submissions.notebook import MARKER, UnreadableError, decode

if TYPE_CHECKING:
    from checker.result import Judgement

_LINE_END = re.compile(r"\r\n|\r|\n")


def with_file_lines(judgement: Judgement, data: bytes, *, script: bool = False) -> Judgement:
    """The same with the lines of the file that it points at, as far as there are such lines."""
    function = judgement.function
    if judgement.verdict == "correct" or (function is None and not any(place.line for place in judgement.mistakes)):
        return judgement
    cells = file_lines(data, script=script)

    def line_of(place: Finding | Source) -> int | None:
        lines = cells[place.code_cell - 1] if place.code_cell and place.code_cell <= len(cells) else []
        return lines[place.line - 1] if place.line and place.line <= len(lines) else None

    return replace(
        judgement,
        mistakes=tuple(replace(finding, file_line=line_of(finding)) for finding in judgement.mistakes),
        function=function and replace(function, file_line=line_of(function)),
    )


def file_lines(data: bytes, *, script: bool = False) -> list[list[int | None]]:
    r"""For each code cell that holds anything, the line in the file (from 1) of each of its lines.

    None stands for a line that shares the file's with another, as all do in a notebook written without line breaks.

    >>> file_lines(b'{"cells": [{"cell_type": "code", "source": [\n "x = 1\\n",\n "y = 2"\n]}]}')
    [[2, 3]]
    >>> file_lines(b"# In[1]:\n\nx = 1\n# In[2]:\ny = x\nz = y\n", script=True)
    [[3], [5, 6]]
    """
    try:
        text = decode(data)
        cells = _lines_of_script(text) if script else _lines_of_notebook(text)
    except (UnreadableError, ValueError, RecursionError):
        return []
    times = Counter(itertools.chain.from_iterable(cells))
    return [[line if times[line] == 1 else None for line in lines] for lines in cells]


def _lines_of_script(text: str) -> list[list[int]]:
    text = _LINE_END.sub("\n", text)
    cells, start, line = [], 0, 1
    for end, following in [*((found.start(), found.end()) for found in MARKER.finditer(text)), (len(text), len(text))]:
        part = text[start:end]
        if part.strip():
            first = line + len(part) - len(part.lstrip("\n"))
            cells.append(list(range(first, first + part.strip("\n").count("\n") + 1)))
        line += text.count("\n", start, following)
        start = following
    return cells


def _lines_of_notebook(text: str) -> list[list[int]]:
    breaks = [found.end() for found in _LINE_END.finditer(text)]
    cells = []
    for cell in _with_places(text)["cells"]:
        source = cell.get("source", "")
        pieces = source if isinstance(source, list) else [source]
        whole = "".join(pieces)
        if cell.get("cell_type") == "code" and whole.strip():
            begins = [0, *itertools.accumulate(map(len, pieces))][:-1]
            starts = [0, *(found.end() for found in _LINE_END.finditer(whole))]
            holders = [pieces[bisect.bisect_right(begins, start) - 1] for start in starts]
            cells.append([bisect.bisect_right(breaks, piece.place) + 1 for piece in holders])
    return cells


class _Placed(str):
    """A string of a JSON text, and where it ends there; it cannot hold a line end as such."""

    place: int


def _with_places(text: str) -> Any:
    """JSON whose strings know their places. It has been read before, so it is JSON, and bounded."""

    def placed(text: str, begin: int, strict: bool) -> tuple[_Placed, int]:
        value, end = json.decoder.scanstring(text, begin, strict)  # type: ignore[attr-defined]
        string = _Placed(value)
        string.place = end
        return string, end

    decoder: Any = json.JSONDecoder()
    decoder.parse_string = placed
    # Not the scanner in C, which does not ask `parse_string`.
    decoder.scan_once = json.scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]
    return decoder.decode(text)
