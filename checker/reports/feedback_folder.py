"""The folder of feedback pages: what has changed is written, what is gone is removed, the rest is left alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from checker import __version__, files
from checker.exercises.model import Exercise
from checker.reports import html
from checker.reports.feedback_page import feedback_page, page_name
from checker.result import Result, to_json

# The last line of a page that we wrote: it tells our pages from other files, and of what result a page is.
_MARK = re.compile(rb"<!-- checker feedback page ([0-9a-f]{64}) -->\n\Z")
_MARK_LENGTH = len("<!-- checker feedback page  -->\n") + 64


def write_feedback_pages(folder: Path, results: Sequence[Result], exercise: Exercise, level: str) -> None:
    """Have a page for each result, and none for a result that there is no more.

    A page that is there and of an equal result is not written again; pages are removed only if this function wrote
    them. Raises `files.CannotWriteError`.
    """
    files.make_folder(folder)
    there = _pages(folder)
    for result in results:
        name, digest = page_name(result), _digest(result, level)
        if there.pop(name, None) != digest:
            page = feedback_page(result, exercise, level)
            files.write(folder / name, (page, f"<!-- checker feedback page {digest} -->\n"), sync=False)
    for name in there:
        files.remove(folder / name)
    for part in folder.glob(".*.html.part"):  # what a process left that was killed while it wrote
        files.remove(part)


def _pages(folder: Path) -> dict[str, str]:
    """The digest of each page of ours in a folder, by the page's name."""
    found = {}
    for path in folder.glob("*.html"):
        if path.is_file() and not path.is_symlink() and (mark := _MARK.search(_end(path))):
            found[path.name] = mark[1].decode()
    return found


def _end(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MARK_LENGTH))
            return file.read()
    except OSError:
        return b""


def _digest(result: Result, level: str) -> str:
    """Equal for pages that are equal."""
    depends_on = "\n".join((__version__, html.form(), level, to_json(result)))
    return hashlib.sha256(depends_on.encode("utf-8", "replace")).hexdigest()
