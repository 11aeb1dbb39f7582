"""Finding the submissions in what a teacher points at, one for each student."""

from __future__ import annotations

import glob
import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from checker import sanitize
from checker.exercises.model import Exercise
from checker.result import Superseded
from checker.submissions import platforms
from checker.submissions.archives import (
    CannotOpenError,
    File,
    files_in_archive,
    files_in_folder,
    is_folder,
    raise_error,
    read_file,
)
from checker.submissions.notebook import UnreadableError
from checker.submissions.platforms import Owner, without_copy_marks


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

    def loaded(self) -> Submission:
        """The same with its content, or the error of reading it, in memory: it can be pickled for another process.

        >>> Submission("ada", "Ada", "ada.ipynb", lambda: b"{}").loaded().read()
        b'{}'
        """
        try:
            return replace(self, read=partial(bytes, self.read()))
        except Exception as error:  # raised again where the submission is graded
            return replace(self, read=partial(raise_error, error))


@dataclass(frozen=True)
class Found:
    """What was found. `superseded` are the files that do not count, because a newer one of the same student does.

    `problems` are sentences about paths in which nothing, or not everything, could be found; `complete` is whether
    everything there was could be opened.
    """

    submissions: tuple[Submission, ...]
    superseded: tuple[Superseded, ...] = ()
    problems: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class _Candidate:
    """A file that may be a submission, and the folder or archive that was given."""

    file: File
    root: Path

    @property
    def shown(self) -> str:
        return sanitize.line(self.root.joinpath(*self.file.parts).as_posix())

    @property
    def path(self) -> tuple[str, ...]:
        """The parts of the path from the root, the root's name first."""
        return (self.root.name.removesuffix(".zip"), *self.file.parts)

    @property
    def folder(self) -> tuple[str, ...]:
        """The folders below the root; an archive that a student handed in counts only where no folder does."""
        above = self.file.parts[:-1]
        return tuple(part for part in above if not part.lower().endswith(".zip")) or tuple(map(_stem, above))

    @property
    def stem(self) -> str:
        return _stem(self.file.name)


_Owned = tuple[Owner, _Candidate]


def find(paths: Sequence[str | Path], exercise: Exercise, student: str | None = None) -> Found:
    """The submissions in files, folders, globs and .zip archives; of two by one student, the newest.

    With `student`, all that is found is that student's.
    """
    owned: list[_Owned] = []
    problems: list[str] = []
    single_files: list[Path] = []
    complete = True
    for path in _expand(paths):
        files: list[File] = []
        names: Mapping[str, str] = {}
        not_opened: list[CannotOpenError] = []
        try:
            if is_folder(path):
                files = list(files_in_folder(path, not_opened.append))
                names = _gradescope_names(path)
            elif path.suffix.lower() == ".zip":
                files = list(files_in_archive(path))
            else:
                single_files.append(path)
                continue
        except UnreadableError as error:
            problems.append(f"{path}: {error}")
            continue
        except CannotOpenError as error:
            not_opened.append(error)
        complete = complete and not not_opened
        problems += [f"{error.filename or path}: {error.strerror}" for error in not_opened]
        candidates = [_Candidate(file, path) for file in files if _may_be_submission(file, exercise)]
        if not candidates and not not_opened:
            problems.append(f"{path}: there is no notebook (.ipynb) in it")
        owned += _with_owners(candidates, exercise, names)
    owned += _with_owners(_from_single_files(single_files), exercise)
    if student is not None:
        owned = [(Owner(student, "named"), candidate) for _, candidate in owned]
    submissions, superseded = _one_for_each_student(owned, exercise)
    return Found(submissions, superseded, tuple(map(sanitize.line, problems)), complete)


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


def _from_single_files(paths: Sequence[Path]) -> list[_Candidate]:
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
    return not file.name.lower().endswith(".py") or _mentions(file, exercise, if_not_opened=True)


def _mentions(file: File, exercise: Exercise, *, if_not_opened: bool = False) -> bool:
    """Whether a file's text holds the name of the exercise's function or answer."""
    try:
        data = file.read()
    except UnreadableError:
        return False
    except CannotOpenError:
        return if_not_opened
    return exercise.function.encode() in data or exercise.answer.encode() in data


def _gradescope_names(root: Path) -> Mapping[str, str]:
    try:
        metadata = read_file(root / platforms.GRADESCOPE_METADATA).decode("utf-8", "replace")
    except (CannotOpenError, UnreadableError):
        return {}
    return platforms.gradescope_names(metadata)


def _with_owners(
    candidates: Iterable[_Candidate], exercise: Exercise, names: Mapping[str, str] | None = None
) -> list[_Owned]:
    """Each candidate of one root with its owner: by the platform's naming, else by its folder or by its own name."""
    owned: list[_Owned] = []
    by_folder: dict[tuple[str, ...], list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        if owner := platforms.owner_of(candidate.path, names):
            owned.append((owner, candidate))
        else:
            by_folder[candidate.folder].append(candidate)

    students = [folder for folder, files in by_folder.items() if folder and _is_one_students(files, exercise)]
    start, end = _common(students), _common([folder[::-1] for folder in students])
    for folder, files in by_folder.items():
        for candidate in files:
            if folder in students:
                distinct = folder[start : len(folder) - end] if len(students) > 1 else folder[-1:]
                student, id = "/".join(distinct) or folder[-1], f"{candidate.root} folder {folder}"
            else:
                stem, _ = without_copy_marks(candidate.stem)
                # Several files of the exercise's own name in one heap may be of several students: keep them all.
                student = candidate.stem if platforms.names_nobody(stem, exercise.notebook) else stem
                id = f"{candidate.root} file {folder} {student.lower()}"
            owned.append((Owner(student, id), candidate))
    return owned


def _is_one_students(files: Sequence[_Candidate], exercise: Exercise) -> bool:
    """Whether the files of a folder are one student's: they name nobody, or only one is of this exercise."""

    def stems(files: Iterable[_Candidate]) -> set[str]:
        return {without_copy_marks(candidate.stem)[0].lower() for candidate in files}

    if len(stems(files)) == 1 or any(platforms.names_nobody(stem, exercise.notebook) for stem in stems(files)):
        return True
    return len(stems(candidate for candidate in files if _mentions(candidate.file, exercise))) == 1


def _common(sequences: Sequence[tuple[str, ...]]) -> int:
    """How many leading elements all sequences share."""
    return sum(1 for _ in itertools.takewhile(lambda each: len(set(each)) == 1, zip(*sequences, strict=False)))


def _one_for_each_student(
    owned: Iterable[_Owned], exercise: Exercise
) -> tuple[tuple[Submission, ...], tuple[Superseded, ...]]:
    by_owner: dict[tuple[str, str], list[_Owned]] = defaultdict(list)
    for owner, candidate in owned:
        by_owner[owner.platform, owner.id].append((owner, candidate))

    submissions, superseded = [], []
    ids: set[str] = set()
    for files in by_owner.values():
        *older, (owner, counted) = _oldest_first(files, exercise)
        student = sanitize.name(owner.student)
        id = _unique(sanitize.file_name(student), ids)
        student_id = owner.id if owner.platform else ""
        submissions.append(Submission(id, student, counted.shown, counted.file.read, owner.platform, student_id))
        superseded += [Superseded(other.shown, student, counted.shown) for _, other in older]
    submissions.sort(key=lambda submission: submission.id)
    return tuple(submissions), tuple(superseded)


# Unpacking or cloning gives all files about the same time, which then says nothing about their age.
_SAME_TIME = 60.0


def _oldest_first(files: Sequence[_Owned], exercise: Exercise) -> Sequence[_Owned]:
    """One student's files, the one that counts last: of this exercise, newest, of the highest copy number."""
    if len(files) == 1:  # it need not be read
        return files
    latest = max(candidate.file.modified for _, candidate in files)

    def age(owned: _Owned) -> tuple[bool, float, int, int, float, str]:
        owner, candidate = owned
        modified = candidate.file.modified
        rounded = latest if modified > latest - _SAME_TIME else modified
        copy = without_copy_marks(candidate.stem)[1]
        return _mentions(candidate.file, exercise), rounded, owner.order, copy, modified, candidate.shown

    return sorted(files, key=age)


def _unique(name: str, taken: set[str]) -> str:
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    taken.add(unique)
    return unique


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0]
