"""Finding the submissions in what a teacher points at, one for each student."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from checker import sanitize
from checker.exercises.model import Exercise
from checker.result import Superseded
from checker.submissions.archives import (
    BadArchiveError,
    CannotOpenError,
    File,
    files_in_archive,
    files_in_folder,
    is_folder,
    read_file,
)
from checker.submissions.notebook import UnreadableError
from checker.submissions.platforms import Owner, gradescope_names, named_by_platform, names_nobody, without_copy_marks


@dataclass(frozen=True)
class Submission:
    """One student's file. `id` is unique in a batch and safe in a path, `file` is the path to show.

    `student_id` is what `platform` calls the student by, where the file comes from one. `read()` returns the bytes
    or raises `UnreadableError` or `CannotOpenError`.
    """

    id: str
    student: str
    file: str
    read: Callable[[], bytes]
    platform: str = ""
    student_id: str = ""

    @property
    def is_script(self) -> bool:
        return self.file.lower().endswith(".py")

    def taken(self) -> Submission:
        """The same with its content read, or what reading it raised: plain data, which may go to another process.

        >>> Submission("ada", "Ada", "ada.ipynb", lambda: b"{}").taken().read()
        b'{}'
        """
        try:
            return replace(self, read=partial(bytes, self.read()))
        except Exception as error:  # raised again where the submission is graded
            return replace(self, read=partial(_fail, error))


def _fail(error: Exception) -> bytes:
    raise error


@dataclass(frozen=True)
class Found:
    """What was found.

    `problems` are sentences about paths in which nothing, or not everything, could be found; `complete` is whether
    everything there was could be looked at.
    """

    submissions: tuple[Submission, ...]
    superseded: tuple[Superseded, ...] = ()
    problems: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class _Candidate:
    file: File
    root: Path
    owner: Owner | None = None

    @property
    def shown(self) -> str:
        return sanitize.line(self.root.joinpath(*self.file.parts).as_posix())

    @property
    def path(self) -> tuple[str, ...]:
        """The parts of the path from the folder that was given, that folder's name first."""
        return (self.root.name.removesuffix(".zip"), *self.file.parts)

    @property
    def folder(self) -> tuple[str, ...]:
        """The folders below the root; an archive that a student handed in counts only where no folder does."""
        above = self.file.parts[:-1]
        return tuple(part for part in above if not part.lower().endswith(".zip")) or tuple(
            part.rsplit(".", 1)[0] for part in above
        )

    @property
    def stem(self) -> str:
        return self.file.name.rsplit(".", 1)[0]


def find(paths: Sequence[str | Path], exercise: Exercise, student: str | None = None) -> Found:
    """The submissions in files, folders, globs and .zip archives; of two by one student, the newest.

    With `student`, all that is found is that student's.
    """
    candidates: list[_Candidate] = []
    problems: list[str] = []
    closed: list[str] = []
    singles: list[Path] = []

    def not_opened(path: str, why: str) -> None:
        closed.append(path)
        problems.append(f"{path}: {why}")

    def missed(error: OSError) -> None:
        not_opened(error.filename, f"the folder could not be opened: {error.strerror}")

    for given in _expand(paths):
        before = len(closed)
        try:
            if is_folder(given):
                found = [_Candidate(file, given) for file in files_in_folder(given, missed)]
                found = _with_gradescope_names(given, found)
            elif given.suffix.lower() == ".zip":
                found = [_Candidate(file, given) for file in files_in_archive(given)]
            else:
                singles.append(given)
                continue
        except BadArchiveError as error:
            problems.append(f"{given}: {error}")
            continue
        except CannotOpenError as error:
            not_opened(str(given), error.args[-1])
            continue
        found = [candidate for candidate in found if _may_be_submission(candidate.file, exercise)]
        if not found and len(closed) == before:
            problems.append(f"{given}: there is no notebook (.ipynb) in it")
        candidates += _name_owners(found, exercise)
    candidates += _name_owners(_from_single_files(singles), exercise)
    if student is not None:
        candidates = [replace(candidate, owner=Owner(student, "named")) for candidate in candidates]
    submissions, superseded = _one_for_each_student(candidates, exercise)
    return Found(submissions, superseded, tuple(map(sanitize.line, problems)), complete=not closed)


def single(path: str | Path) -> Submission:
    """One file as a submission, whatever its name."""
    path = Path(path)
    return Submission(
        sanitize.file_name(path.stem),
        sanitize.name(path.stem),
        sanitize.line(str(path)),
        partial(read_file, path.resolve()),
    )


def _expand(paths: Iterable[str | Path]) -> Iterable[Path]:
    """Each path, and what a glob that the shell left alone stands for."""
    for path in paths:
        # Not pathlib's, which raise where a folder may not be looked into.
        matches = [] if os.path.exists(path) else sorted(glob.glob(str(path), recursive=True))  # noqa: PTH110, PTH207
        yield from map(Path, matches or [str(path)])


def _from_single_files(paths: list[Path]) -> list[_Candidate]:
    """Files that were named one by one; the folders in which they differ may name their students."""
    parents = [path.absolute().parent.parts for path in paths]
    root = Path(*parents[0][: _common(parents)]) if parents else Path()
    found = []
    for path in paths:
        parts = path.absolute().relative_to(root).parts
        # A link that the teacher names herself is followed; one found in a student's folder is not.
        file = File(parts, path.stat().st_mtime, partial(read_file, path.resolve()))
        found.append(_Candidate(file, Path(*path.parts[: -len(parts)])))
    return found


def _may_be_submission(file: File, exercise: Exercise) -> bool:
    """Scripts count when they are exports of this notebook; students' helper modules do not."""
    return not file.name.lower().endswith(".py") or _mentions(file, exercise, if_closed=True)


def _mentions(file: File, exercise: Exercise, *, if_closed: bool = False) -> bool:
    """Whether a file is of this exercise, as far as its text tells."""
    try:
        data = file.read()
    except UnreadableError:
        return False
    except CannotOpenError:
        return if_closed
    return exercise.function.encode() in data or exercise.answer.encode() in data


def _with_gradescope_names(root: Path, found: list[_Candidate]) -> list[_Candidate]:
    try:
        text = read_file(root / "submission_metadata.yml").decode("utf-8", "replace")
    except (CannotOpenError, UnreadableError):
        return found
    names = gradescope_names(text)
    named = []
    for candidate in found:
        owner = named_by_platform(candidate.path)
        if owner is not None:
            owner = replace(owner, student=names.get(owner.student, owner.student))
        named.append(replace(candidate, owner=owner))
    return named


def _name_owners(candidates: list[_Candidate], exercise: Exercise) -> list[_Candidate]:
    """Give each candidate an owner: by the platform's naming, else by its folder or by its own name."""
    named: list[_Candidate] = []
    rest: list[_Candidate] = []
    for candidate in candidates:
        owner = candidate.owner or named_by_platform(candidate.path)
        (rest if owner is None else named).append(replace(candidate, owner=owner))

    by_folder: dict[tuple[str, ...], list[_Candidate]] = {}
    for candidate in rest:
        by_folder.setdefault(candidate.folder, []).append(candidate)
    students = [folder for folder, files in by_folder.items() if folder and _is_one_students(files, exercise)]
    start, end = _common(students), _common([folder[::-1] for folder in students])
    for folder, files in by_folder.items():
        for candidate in files:
            if folder in students:
                distinct = folder[start : len(folder) - end] if len(students) > 1 else folder[-1:]
                student, key = "/".join(distinct) or folder[-1], f"folder {folder}"
            else:
                stem, _ = without_copy_marks(candidate.stem)
                # Several files of the exercise's own name in one heap may be of several students: keep them all.
                student = candidate.stem if names_nobody(stem, exercise.notebook) else stem
                key = f"file {folder} {student.lower()}"
            named.append(replace(candidate, owner=Owner(student, f"{candidate.root} {key}")))
    return named


def _is_one_students(files: list[_Candidate], exercise: Exercise) -> bool:
    """Whether the files of a folder are one student's: they name nobody, or only one is of this exercise."""
    stems = {without_copy_marks(candidate.stem)[0].lower() for candidate in files}
    if len(stems) == 1 or any(names_nobody(stem, exercise.notebook) for stem in stems):
        return True
    fitting = [candidate for candidate in files if _mentions(candidate.file, exercise)]
    return len({without_copy_marks(candidate.stem)[0].lower() for candidate in fitting}) == 1


def _common(sequences: Sequence[tuple[str, ...]]) -> int:
    """How many leading elements all sequences share."""
    count = 0
    for elements in zip(*sequences, strict=False):
        if len(set(elements)) > 1:
            break
        count += 1
    return count


def _one_for_each_student(
    candidates: list[_Candidate], exercise: Exercise
) -> tuple[tuple[Submission, ...], tuple[Superseded, ...]]:
    by_owner: dict[str, list[_Candidate]] = {}
    for candidate in candidates:
        assert candidate.owner is not None
        by_owner.setdefault(candidate.owner.key, []).append(candidate)

    submissions, superseded = [], []
    taken: set[str] = set()
    for files in by_owner.values():
        *older, counted = _oldest_first(files, exercise)
        owner = counted.owner
        assert owner is not None
        student = sanitize.name(owner.student)
        id = _unique(sanitize.file_name(student), taken)
        submissions.append(Submission(id, student, counted.shown, counted.file.read, owner.platform, owner.id))
        superseded += [Superseded(file.shown, student, counted.shown) for file in older]
    submissions.sort(key=lambda submission: submission.id)
    return tuple(submissions), tuple(superseded)


# Unpacking or cloning gives all files about the same time, which then says nothing about their age.
_SAME_TIME = 60.0


def _oldest_first(files: list[_Candidate], exercise: Exercise) -> list[_Candidate]:
    """One student's files, the one that counts last: of this exercise, newest, of the highest copy number."""
    if len(files) == 1:
        return files
    latest = max(candidate.file.modified for candidate in files)

    def age(candidate: _Candidate) -> tuple[bool, float, int, int, float, str]:
        assert candidate.owner is not None
        fits = _mentions(candidate.file, exercise)
        modified = candidate.file.modified
        rounded = latest if modified > latest - _SAME_TIME else modified
        copy = without_copy_marks(candidate.stem)[1]
        return fits, rounded, candidate.owner.order, copy, modified, candidate.shown

    return sorted(files, key=age)


def _unique(slug: str, taken: set[str]) -> str:
    name, number = slug, 1
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    taken.add(name)
    return name
