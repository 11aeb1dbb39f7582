"""Finding and opening strangers' files: folders, archives and single files as one flat list."""

from __future__ import annotations

import errno
import io
import os
import stat
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from checker.notebook import LARGEST_FILE, UnreadableError

SUFFIXES = (".ipynb", ".py")
LARGEST_ARCHIVE = 500 * 2**20
MOST_MEMBERS = 20_000
_ARCHIVES_IN_ARCHIVES = 2


class CannotOpenError(OSError):
    """A file could not be opened for a reason that is not the student's, say a missing permission."""


class BadArchiveError(ValueError):
    """A .zip that cannot be read; the message is one sentence without the file's name."""


@dataclass(frozen=True)
class File:
    """A file that may be a submission. `parts` is its path below the root it was found in, name last.

    `read()` returns its bytes, or raises `UnreadableError` (the student's doing) or `CannotOpenError`.
    """

    parts: tuple[str, ...]
    modified: float
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        return self.parts[-1]


def files_in_folder(root: Path) -> Iterator[File]:
    """Every file below a folder that may be a submission, in a fixed order; links to folders are not followed."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not _ignored(name))
        for name in sorted(names):
            path = Path(folder) / name
            if _ignored(name):
                continue
            parts = path.relative_to(root).parts
            if name.lower().endswith(".zip"):
                yield from _archive_or_its_error(
                    parts, path.lstat().st_mtime, partial(read_file, path, LARGEST_ARCHIVE)
                )
            elif name.lower().endswith(SUFFIXES):
                yield File(parts, path.lstat().st_mtime, partial(read_file, path))


def files_in_archive(path: Path) -> Iterator[File]:
    """Every file in a .zip that may be a submission. Raises `BadArchiveError`, `CannotOpenError`."""
    try:
        yield from _members((), partial(read_file, path, LARGEST_ARCHIVE), depth=1)
    except UnreadableError as error:
        raise BadArchiveError(str(error)) from None


def read_file(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """The bytes of a regular file of bounded size; no link is followed and nothing blocks.

    Raises `UnreadableError` for what is no such file, `CannotOpenError` for what may not be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnreadableError("the file is a symbolic link, not a notebook") from None
        if error.errno == errno.ENXIO:
            raise UnreadableError("the file is a pipe or a device, not a notebook") from None
        raise CannotOpenError(error.errno, f"the file could not be opened: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("the file is a pipe or a device, not a notebook")
        if status.st_size > largest:
            raise UnreadableError(f"the file is larger than {largest // 2**20} MB")
        return file.read(largest + 1)


def _archive_or_its_error(parts: tuple[str, ...], modified: float, read: Callable[[], bytes]) -> Iterator[File]:
    """The members of an archive that a student handed in; a damaged one stands for itself as unreadable."""
    try:
        yield from list(_members(parts, read, depth=1))
    except (BadArchiveError, UnreadableError, CannotOpenError) as error:

        def fail(error: Exception = error) -> bytes:
            raise error if isinstance(error, CannotOpenError) else UnreadableError(str(error))

        yield File(parts, modified, fail)


def _members(parts: tuple[str, ...], read: Callable[[], bytes], depth: int) -> Iterator[File]:
    if depth > _ARCHIVES_IN_ARCHIVES:
        raise BadArchiveError("the archive holds archives within archives")
    for info in _infos(read()):
        inner = PurePosixPath(info.filename.replace("\\", "/"))
        if inner.is_absolute() or ".." in inner.parts or any(_ignored(part) for part in inner.parts):
            continue
        below = (*parts, *inner.parts)
        member = partial(_read_member, read, info.filename)
        if inner.suffix.lower() == ".zip":
            yield from _members(below, member, depth + 1)
        elif inner.suffix.lower() in SUFFIXES:
            yield File(below, _time_of(info), member)


def _infos(data: bytes) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise BadArchiveError("the file is not a .zip archive, or it is damaged") from None
    if len(infos) > MOST_MEMBERS:
        raise BadArchiveError(f"the archive holds more than {MOST_MEMBERS} files")
    return infos


def _read_member(read: Callable[[], bytes], name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(read())) as archive, archive.open(name) as member:
            data = member.read(LARGEST_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
        raise UnreadableError("the file in the archive is damaged or encrypted") from None
    if len(data) > LARGEST_FILE:
        raise UnreadableError(f"the file is larger than {LARGEST_FILE // 2**20} MB")
    return data


def _time_of(info: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*info.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0


def _ignored(name: str) -> bool:
    """Checkpoints, version control, a Mac's resource forks and editors' back-ups."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__", "node_modules")
