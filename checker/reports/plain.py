"""Making strangers' text harmless before it reaches a terminal or a spreadsheet."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Text on one line, without control characters and marks that turn the direction of writing.

    >>> printable("a\\x1b[31mb\\nc\\u202ed")
    'a[31mb cd'
    """
    return "".join(c if unicodedata.category(c)[0] != "C" else " " if c in "\n\t" else "" for c in text)


def spreadsheet_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("Ada")
    ("'=1+1", 'Ada')
    """
    text = printable(text)
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text
