"""Texts as a hostile student would choose them, and what must never be left of them."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import strategies as st

TERMINAL = [
    "\x1b]0;title\x07",
    "\x1b]8;;http://e.vil\x1b\\link",
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J",
    "\x9b31m",
    "\x08",
    "\r",
]
UNSEEN = ["\0", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\u0085", "\ud800", "\ue000", "\U000e0041", "\u3164"]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1+1", ";=1", "\u22121"]
COMMANDS = ["::error::x", "\n::set-output name=a::b", "##[group]x", "##vso[task]"]
MARKUP = [
    "[red]",
    "[/]",
    ":smile:",
    "[link=http://e.vil]",
    "<script>alert(1)</script>",
    "&lt;",
    '"',
    "'",
    "`",
    "{{7*7}}",
]
PATHS = ["../../etc/passwd", "CON", "C:\\x", "%s", "\\"]
LONG = ["x" * 3_000, "a" + "\u0301" * 50, "\n" * 40]
PIECES = [*TERMINAL, *UNSEEN, *FORMULAS, *COMMANDS, *MARKUP, *PATHS, *LONG, "Ada Lovelace", "Zoë", "名前", " "]

TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=5).map("".join)


def unseen(text: str) -> list[str]:
    """The characters of a text that nobody can see or that act on what shows it; line ends are for the caller."""
    bad = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return [c for c in text if (unicodedata.category(c) in bad and c != "\n") or c in "\u3164\u115f\u2800\uffa0"]


def longest_run_of_marks(text: str) -> int:
    marks = "".join("m" if unicodedata.category(c) in ("Mn", "Me") else " " for c in text)
    return max(map(len, marks.split()), default=0)


def commands(text: str) -> list[str]:
    """What a CI system would obey."""
    return re.findall(r"(?m)^\s*::.*|##\w*\[.*", text)
