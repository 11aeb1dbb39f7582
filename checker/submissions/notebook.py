"""From untrusted bytes to a notebook, or one sentence that says why not.

Not with nbformat: for untrusted files it raises a dozen kinds of errors, quotes the content, or takes seconds. Only
cell types and sources are read here, so little can go wrong.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from checker.submissions.bounded_json import TooMuchError, loads

LARGEST_FILE = 20 * 2**20
TOO_LARGE = f"the file is larger than {LARGEST_FILE // 2**20} MB"
MOST_CELLS = 2_000
MOST_VALUES = 1_000_000  # in all of the notebook's JSON
LARGEST_CODE = 2**20  # characters of all code cells


class UnreadableError(ValueError):
    """A file is no notebook, or no archive; the message is one sentence for the student, without the file's name."""


@dataclass(frozen=True)
class Cell:
    """`kind` is `code`, `markdown` or `raw`."""

    kind: str
    source: str


@dataclass(frozen=True)
class Notebook:
    """The cells of a notebook; nothing else of it is ever used."""

    cells: tuple[Cell, ...]

    @property
    def code(self) -> tuple[str, ...]:
        """The sources of the code cells that hold anything, in order: element 0 is Jupyter's In [1]."""
        return tuple(cell.source for cell in self.cells if cell.kind == "code" and cell.source.strip())


def parse(data: bytes, *, script: bool = False) -> Notebook:
    """Read a notebook (or, with `script`, a Python export of one). Raises `UnreadableError`.

    >>> parse(b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["x = 1"]}]}').code
    ('x = 1',)
    >>> parse(b"")
    Traceback (most recent call last):
    checker.submissions.notebook.UnreadableError: the file is empty
    """
    if len(data) > LARGEST_FILE:
        raise UnreadableError(TOO_LARGE)
    if not data.strip():
        raise UnreadableError("the file is empty")
    text = decode(data)
    return _parse_script(text) if script else _parse_json(text)


def decode(data: bytes) -> str:
    """The text of a file. Raises `UnreadableError`."""
    # Windows editors save "Unicode" as UTF-16 with a byte order mark.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        reason = "the file is not UTF-8 text; save it again as UTF-8, or download the notebook again"
        raise UnreadableError(reason) from None


def _parse_json(text: str) -> Notebook:
    try:
        content = loads(text, MOST_VALUES)
    except TooMuchError as error:
        raise UnreadableError(f"the file is not a notebook: it {error}") from None
    except json.JSONDecodeError as error:
        at_the_end = error.pos >= len(text.rstrip()) - len("false") or error.msg.startswith("Unterminated string")
        if text.lstrip()[:1] == "{" and at_the_end:
            raise UnreadableError("the file breaks off in the middle; download or save it again") from None
        raise UnreadableError("the file is not a Jupyter notebook: it is not JSON") from None
    except ValueError:  # a number of thousands of digits
        content = None
    if not isinstance(content, dict) or "nbformat" not in content:
        raise UnreadableError("the file is JSON, but not a Jupyter notebook")
    version = content["nbformat"]
    if type(version) is int and 1 <= version < 4:
        raise UnreadableError(
            f"the notebook has the old format {version}; open it in Jupyter, save it and hand in the saved file"
        )
    if version != 4:
        raise UnreadableError("the notebook has a format that does not exist yet; only format 4 is known")
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise UnreadableError("the notebook has no list of cells")
    if len(cells) > MOST_CELLS:
        raise UnreadableError(f"the notebook has more than {MOST_CELLS} cells")
    return _bounded(Notebook(tuple(_parse_cell(cell, number) for number, cell in enumerate(cells, 1))))


def _bounded(notebook: Notebook) -> Notebook:
    if sum(map(len, notebook.code)) > LARGEST_CODE:
        raise UnreadableError(f"the notebook holds more than {LARGEST_CODE // 2**20} MB of code")
    return notebook


def _parse_cell(cell: Any, number: int) -> Cell:
    if not isinstance(cell, dict):
        raise UnreadableError(f"cell {number} of the notebook is not a cell")
    kind, source = cell.get("cell_type"), cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise UnreadableError(f"cell {number} of the notebook has no readable source")
    source = source.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be sent to a kernel
    return Cell(kind if kind in ("code", "markdown") else "raw", _plain(source))


def _plain(source: str) -> str:
    """Without NULs, which no kernel takes, and with the line ends of Python, so that an error's columns are right."""
    return source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


# Lines that nbconvert (`# In[3]:`), VS Code and Spyder (`# %%`) and Databricks put between cells.
MARKER = re.compile(r"^#\s*(?:In\s*\[[ \d]*\]:?|%%.*|COMMAND -+)\s*$", re.MULTILINE)


def _parse_script(text: str) -> Notebook:
    """A script exported from a notebook: one code cell between each two markers, or one in all."""
    parts = [part.strip("\n") for part in MARKER.split(_plain(text))]
    if len(parts) > MOST_CELLS:
        raise UnreadableError(f"the notebook has more than {MOST_CELLS} cells")
    return _bounded(Notebook(tuple(Cell("code", part) for part in parts if part.strip())))
