"""Whose file it is, as the names that learning platforms give to folders and files tell.

To add a platform, add a pattern to `PATTERNS`, or a function to `PLATFORMS` if one name alone does not tell.

>>> owner_of(["hw12", "Ada Lovelace_1234_assignsubmission_file_", "x.ipynb"])
Owner(student='Ada Lovelace', id='1234', platform='moodle', order=0)
>>> owner_of(["hw12", "lovelaceada_LATE_123_456_notebook.ipynb"])
Owner(student='lovelaceada', id='123', platform='canvas', order=456)
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

# What Gradescope puts beside the folders of its export, whose names are numbers.
GRADESCOPE_METADATA = "submission_metadata.yml"


@dataclass(frozen=True)
class Owner:
    """A student. `id` tells two of the same name apart; it is what `platform` calls the student by, if there is one.

    Of two files of one student, the one of higher `order` is the newer.
    """

    student: str
    id: str
    platform: str = ""
    order: int = 0


# Platforms that name the student in one part of a path, a folder's name or the file's.
PATTERNS = {
    # Ada Lovelace_1234_assignsubmission_file_, as a folder or in front of the file's name
    "moodle": re.compile(r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)"),
    # submission_1234/ in an export; the student's name is in GRADESCOPE_METADATA
    "gradescope": re.compile(r"(?P<student>submission_(?P<id>\d+))\Z"),
}


def by_pattern(path: Sequence[str]) -> Owner | None:
    """The first part of the path that matches one of `PATTERNS`."""
    for part, (platform, pattern) in itertools.product(path, PATTERNS.items()):
        if found := pattern.match(part):
            return Owner(found["student"], found["id"], platform)
    return None


def canvas(path: Sequence[str]) -> Owner | None:
    """Canvas: `lovelaceada_LATE_123_456_name.ipynb`, the numbers being the student's and the file's."""
    found = re.match(r"([^\W\d_][^_]*)_(?:LATE_)?(\d+)_(\d+)_.+\.", path[-1])
    return Owner(found[1], found[2], "canvas", int(found[3][:18])) if found else None


def nbgrader(path: Sequence[str]) -> Owner | None:
    """nbgrader: `submitted/<student>/<assignment>/<file>`."""
    for i, part in enumerate(path):
        if part == "submitted" and len(path) > i + 2:
            return Owner(path[i + 1], path[i + 1], "nbgrader")
    return None


def github_classroom(path: Sequence[str]) -> Owner | None:
    """GitHub Classroom: `<assignment>-submissions/<assignment>-<account>/`."""
    for parent, child in itertools.pairwise(path):
        slug = parent.removesuffix("-submissions")
        if slug != parent and child.startswith(f"{slug}-"):
            account = child.removeprefix(f"{slug}-")
            return Owner(account, account, "github")
    return None


# In the order in which they are tried.
PLATFORMS: tuple[Callable[[Sequence[str]], Owner | None], ...] = (nbgrader, github_classroom, by_pattern, canvas)


def owner_of(path: Sequence[str], names: Mapping[str, str] | None = None) -> Owner | None:
    """Whose a file is by the naming of a platform, or None where no platform named it.

    `path` is the whole path from the folder that was given, that folder's name first; `names` has the names that the
    platform states elsewhere, by what the path calls the student.
    """
    owner = next(filter(None, (platform(path) for platform in PLATFORMS)), None)
    return owner and replace(owner, student=(names or {}).get(owner.student, owner.student))


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


_COPY_MARKS = (
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
    while found := next(filter(None, (mark.search(stem) for mark in _COPY_MARKS)), None):
        stem = (stem[: found.start()] + stem[found.end() :]).strip()
        number = max([number, *(int(digits[:6] or 1) for digits in found.groups())])
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
