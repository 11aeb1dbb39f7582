"""Who handed in a file: read off the names that learning platforms give to folders and files.

>>> canvas("lovelaceada_LATE_123_456_notebook.ipynb").student
'lovelaceada'
>>> moodle("Ada Lovelace_1234_assignsubmission_file_").student
'Ada Lovelace'
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """A student. `key` tells two of the same name apart; of two files, the one of higher `order` is the newer.

    `id` is what `platform` calls the student by, for tables that go back there.
    """

    student: str
    key: str
    order: int = 0
    platform: str = ""
    id: str = ""

    @classmethod
    def on(cls, platform: str, student: str, id: str, order: int = 0) -> Owner:
        """A student whom a platform names."""
        return cls(student, f"{platform} {id}", order, platform, id)


def moodle(part: str) -> Owner | None:
    """Moodle: `Ada Lovelace_1234_assignsubmission_file_`, as a folder or in front of the file's name."""
    found = re.match(r"(.+?)_(\d+)_assignsubmission_(?:file|onlinetext)", part)
    return Owner.on("moodle", found[1], found[2]) if found else None


def canvas(part: str) -> Owner | None:
    """Canvas: `lovelaceada_LATE_123_456_name.ipynb`, the numbers being the student's and the file's."""
    found = re.match(r"([^\W\d_][^_]*)_(?:LATE_)?(\d+)_(\d+)_.+\.", part)
    return Owner.on("canvas", found[1], found[2], int(found[3][:18])) if found else None


def nbgrader(parts: Sequence[str]) -> Owner | None:
    """nbgrader: `submitted/<student>/<assignment>/<file>`."""
    for i, part in enumerate(parts):
        if part == "submitted" and len(parts) > i + 2:
            return Owner.on("nbgrader", parts[i + 1], parts[i + 1])
    return None


def gradescope(part: str) -> Owner | None:
    """Gradescope's export: `submission_1234/`; the names are in `submission_metadata.yml` (see below)."""
    found = re.fullmatch(r"submission_(\d+)", part)
    return Owner.on("gradescope", part, found[1]) if found else None


def gradescope_names(metadata: str) -> dict[str, str]:
    """Students' names by submission folder, from the text of Gradescope's `submission_metadata.yml`.

    >>> gradescope_names("submission_7:\\n  :submitters:\\n  - :name: Ada Lovelace\\n    :sid: '1'\\n")
    {'submission_7': 'Ada Lovelace'}
    """
    names: dict[str, list[str]] = {}
    current = ""
    for line in metadata.splitlines():
        if found := re.match(r"(submission_\d+):", line):
            current = found[1]
        elif (found := re.match(r"\s+-?\s*:name: (.+)", line)) and current:
            names.setdefault(current, []).append(found[1].strip().strip("'\""))
    return {folder: ", ".join(found) for folder, found in names.items()}


def github_classroom(parts: Sequence[str]) -> Owner | None:
    """GitHub Classroom: `<assignment>-submissions/<assignment>-<account>/`."""
    for parent, child in itertools.pairwise(parts):
        slug = parent.removesuffix("-submissions")
        if slug != parent and child.startswith(f"{slug}-"):
            account = child.removeprefix(f"{slug}-")
            return Owner.on("github", account, account)
    return None


def named_by_platform(parts: Sequence[str]) -> Owner | None:
    """The owner of a file by the naming of a platform, or None where no platform named it.

    `parts` is the whole path from the folder that was given, that folder's name first.
    """
    owner = nbgrader(parts) or github_classroom(parts)
    for part in parts:
        owner = owner or moodle(part) or gradescope(part)
    return owner or canvas(parts[-1])


_COPY = (
    re.compile(r"^(?:copy|kopie|copie|copia)[ _](?:of|von|van|de|di)[ _]", re.IGNORECASE),
    re.compile(r"[ _]?\((\d+)\)$"),
    re.compile(r"[-_ ]copy\s?(\d*)$", re.IGNORECASE),
)


def without_copy_marks(stem: str) -> tuple[str, int]:
    """A file's stem without the marks that browsers, Colab and Jupyter put on copies, and the copy's number.

    >>> without_copy_marks("Copy_of_ada (2)")
    ('ada', 2)
    """
    number = 0
    changed = True
    while changed:
        changed = False
        for pattern in _COPY:
            if found := pattern.search(stem):
                stem = (stem[: found.start()] + stem[found.end() :]).strip()
                number = max(number, int(found[1][:6] or 1) if pattern.groups else number)
                changed = True
    return stem, number


_NO_NAME = frozenset(
    ["notebook", "solution", "answer", "submission", "final", "homework", "hw", "assignment", "exercise", "untitled"]
)


def names_nobody(stem: str, notebook: str) -> bool:
    """Whether a file's stem holds only words of the exercise's own file name or words that name no person.

    >>> names_nobody("12_2_Multihead", "12_2_Multihead_Self_Attention.ipynb"), names_nobody("ada_12_2", "12_2.ipynb")
    (True, False)
    """
    known = set(_words(notebook.removesuffix(".ipynb"))) | _NO_NAME
    return all(word in known or word.isdigit() for word in _words(stem))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", text.lower())
