"""Untrusted text made safe to show: in terminals, logs, tables, pages, JSON and paths.

Every `Result` applies `text` to all that it holds, so that no report can forget it; the other functions add what one
kind of output needs.
"""

import dataclasses
import json
import re
import unicodedata
from typing import Any, ClassVar, TextIO

LONGEST = 2_000  # characters of one piece of text
LONGEST_NAME = 100
MOST_MARKS = 4  # on one letter; Thai, Hebrew and Vietnamese use three
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Letters and marks by their category, but invisible.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def text(value: str, longest: int = LONGEST) -> str:
    """Text of visible characters and bounded length; line ends and tabs stay.

    Any other character is replaced by one that is visible, so that columns stay what they were.

    >>> text("a\\x1b[31mb\\nc\\u202ed")
    'a\\ufffd[31mb\\nc\\ufffdd'
    """
    cut = value[:longest]
    if not (cut.isascii() and cut.isprintable()):
        kept, marks = [], 0
        for character in cut:
            category = unicodedata.category(character)
            marks = marks + 1 if category in ("Mn", "Me") else 0
            kept.append(_visible(character, category) if marks <= MOST_MARKS else REPLACEMENT)
        cut = "".join(kept)
    return cut if len(value) <= longest else f"{cut}…"


def _visible(character: str, category: str) -> str:
    if category == "Zs":
        return " "
    seen = character.isprintable() and character not in _INVISIBLE
    return character if seen or character in "\n\t" else REPLACEMENT


def line(value: str, longest: int = LONGEST) -> str:
    """`text` on one line.

    >>> line("a\\nb")
    'a b'
    """
    return text(value, longest).replace("\n", " ").replace("\t", " ")


def name(value: str) -> str:
    """A person's name, without invisible characters (joiners, say, which Persian or Hindi names may hold).

    >>> name("Ada\\u200c \\x1b Lovelace\\n"), name("\\u202e")
    ('Ada Lovelace', '?')
    """
    return " ".join(line(value, LONGEST_NAME).replace(REPLACEMENT, "").split()) or "?"


def file_name(value: str) -> str:
    """A name for a file, without its ending: safe on every system, and the same in upper and lower case.

    >>> file_name("Ada Lovelace"), file_name("../../etc"), file_name("Zoë"), file_name("CON")
    ('ada-lovelace', 'etc', 'zoe', 'student-con')
    """
    plain = unicodedata.normalize("NFKD", value[:1_000]).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain.lower()).strip("-")[:80].rstrip("-")
    reserved = re.fullmatch(r"|con|prn|aux|nul|com\d|lpt\d|conin|conout", slug)  # Windows has devices of these names
    return f"student-{slug}".rstrip("-") if reserved else slug


def spreadsheet_cell(value: str, longest: int = LONGEST) -> str:
    """Text that no spreadsheet takes for a formula, not even one that ends cells at semicolons.

    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("Ada; @SUM(A1)"), spreadsheet_cell("Ada")
    ("'=1+1", "Ada;' @SUM(A1)", 'Ada')
    """

    def quote(found: re.Match[str]) -> str:
        is_formula = unicodedata.normalize("NFKC", found[3])[:1] in ("=", "+", "-", "@", "\N{MINUS SIGN}")
        return f"{found[1]}'{found[2]}{found[3]}" if is_formula else found[0]

    return re.sub(r"(^|;)(\s*)([^\s;])", quote, line(value, longest))


def markdown(value: str) -> str:
    """One line of text in Markdown, in which nothing is markup, a link or a mention.

    >>> markdown("*Ada* <b> a|b")
    '&#42;Ada&#42; &#60;b&#62; a&#124;b'
    """
    return re.sub(r"[!-/:-@\[-`{-~]", lambda found: f"&#{ord(found[0])};", line(value)).strip()


# GitHub takes `::error::` for a command at the start of a line, and `##[group]` anywhere; Azure `##vso[...]`.
_COMMAND = re.compile(r"^(\s*:):|(#)#(?=\w*\[)", re.MULTILINE)


def log(value: str) -> str:
    """Lines in which no CI system finds a command.

    >>> log("::error::x\\n##vso[task.setvariable]")
    ': :error::x\\n# #vso[task.setvariable]'
    """
    return _COMMAND.sub(lambda found: f"{found[1]} :" if found[1] else "# #", value)


def to_json(value: Any) -> str:
    """Indented JSON, in which no CI system finds a command either.

    >>> print(to_json({"a": "##[group]"}))
    {
      "a": "\\u0023#[group]"
    }
    """
    return re.sub(r"##(?=\w*\[)", r"\\u0023#", json.dumps(value, indent=2, ensure_ascii=False))


class Log:
    """A text stream in which no CI system finds a command."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, value: str) -> int:
        return self._stream.write(log(value))

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._stream, attribute)


class Record:
    """Base of frozen dataclasses whose text is sanitized when they are made."""

    longest: ClassVar[int] = LONGEST

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, field.name, _sanitized(getattr(self, field.name), self.longest))


def _sanitized(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return text(value, longest)
    return tuple(_sanitized(part, longest) for part in value) if type(value) is tuple else value
