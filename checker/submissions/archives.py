"""Finding and opening untrusted files: folders, archives and single files as one flat list."""

import errno
import io
import os
import stat
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from checker.submissions.notebook import LARGEST_FILE, TOO_LARGE, UnreadableError

SUFFIXES = (".ipynb", ".py")
LARGEST_ARCHIVE = 500 * 2**20
LARGEST_UNPACKED = 4 * LARGEST_ARCHIVE
LARGEST_RATIO = 200  # of what a file unpacks to and its size in the archive; text has 5 to 20
LARGEST_CONTENTS = 8 * 2**20  # bytes of an archive's table of contents
MOST_MEMBERS = 20_000
LONGEST_PART = 255  # characters of a file's or a folder's name, as on a disk
DEEPEST_ARCHIVE = 2  # 1 is an archive in a folder, 2 an archive in that


class CannotOpenError(OSError):
    """A file could not be opened for a reason that is not the student's, say a missing permission.

    `strerror`, also the last argument, is the end of a sentence that begins with the file's name.
    """


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


def is_folder(path: Path) -> bool:
    """Whether what a teacher names is a folder; links are followed. Raises `CannotOpenError` where nothing is seen.

    >>> is_folder(Path("."))
    True
    """
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a name that no file can have
        raise CannotOpenError(errno.ENOENT, "there is no such file or folder") from None
    except OSError as error:
        raise CannotOpenError(error.errno, f"it could not be opened: {error.strerror}") from None


def files_in_folder(root: Path, on_error: Callable[[CannotOpenError], None]) -> Iterator[File]:
    """Every file below a folder that may be a submission, in a fixed order; links to folders are not followed.

    `on_error` is called for each folder that cannot be opened; the error's `filename` says which.
    """

    def not_opened(error: OSError) -> None:
        reason = f"the folder could not be opened: {error.strerror}"
        on_error(CannotOpenError(error.errno, reason, error.filename))

    for folder, folders, names in os.walk(root, onerror=not_opened):
        folders[:] = sorted(name for name in folders if not _ignored(name))
        for name in sorted(names):
            path = Path(folder) / name
            if _ignored(name):
                continue
            parts = path.relative_to(root).parts
            if name.lower().endswith(".zip"):
                yield from _files_in_inner_archive(parts, _modified(path), partial(_open_archive, path))
            elif name.lower().endswith(SUFFIXES):
                yield File(parts, _modified(path), partial(read_file, path))


def files_in_archive(path: Path) -> Iterator[File]:
    """Every file in a .zip that may be a submission. Raises `UnreadableError`, `CannotOpenError`."""
    return _members((), partial(_open_archive, path), depth=1)


def read_file(path: Path) -> bytes:
    """The bytes of a regular file of bounded size; no link is followed and nothing blocks.

    Raises `UnreadableError` for what is no such file, `CannotOpenError` for what may not be opened.
    """
    with _open_file(path, LARGEST_FILE) as file:
        return file.read(LARGEST_FILE + 1)


def _open_file(path: Path, largest: int) -> BinaryIO:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(path, flags), "rb")
    except IsADirectoryError:
        raise UnreadableError("this is a folder, not a notebook") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnreadableError("the file is a symbolic link, not a notebook") from None
        if error.errno == errno.ENXIO:
            raise UnreadableError("the file is a pipe or a device, not a notebook") from None
        raise CannotOpenError(error.errno, f"the file could not be opened: {error.strerror}") from None
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("the file is a pipe or a device, not a notebook")
        if status.st_nlink > 1 and _links_elsewhere(status, path.parent):
            raise UnreadableError("the file is a hard link to another file; hand in a copy instead")
        if status.st_size > largest:
            raise UnreadableError(f"the file is larger than {largest // 2**20} MB")
    except BaseException:
        file.close()
        raise
    return file


def _links_elsewhere(file: os.stat_result, folder: Path) -> bool:
    """Whether a file with several names may have been given this one by somebody it does not belong to.

    Back-up and deduplicating tools link files too, but those keep to their owner, as do the folders around them. A
    link to another person's file shows where file and folder have different owners, or where anybody may write.
    """
    try:
        around = folder.stat()
    except OSError:
        return True
    return file.st_uid != around.st_uid or bool(around.st_mode & stat.S_IWOTH)


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:  # it has gone in the meantime, which reading it will say
        return 0.0


def raise_error(error: Exception) -> bytes:
    """For `read()` of what is known to be unreadable, in a form that can be pickled: `partial(raise_error, error)`."""
    raise error


# Opens an archive, on the disk or in another archive.
_Opener = Callable[[], BinaryIO]


def _open_archive(path: Path) -> BinaryIO:
    return _open_file(path, LARGEST_ARCHIVE)


def _files_in_inner_archive(parts: tuple[str, ...], modified: float, opener: _Opener, depth: int = 1) -> Iterator[File]:
    """The files in an archive that a student handed in; one that cannot be read stands for itself."""
    try:
        yield from list(_members(parts, opener, depth))
    except (UnreadableError, CannotOpenError) as error:
        yield File(parts, modified, partial(raise_error, error))


def _members(parts: tuple[str, ...], opener: _Opener, depth: int) -> Iterator[File]:
    """The files in an archive, and in archives in it, that may be submissions; `parts` leads to the archive."""
    if depth > DEEPEST_ARCHIVE:
        raise UnreadableError("the archive holds archives within archives")
    infos = _table_of_contents(opener)
    paths = [PurePosixPath(info.filename.replace("\\", "/")) for info in infos]
    copies = Counter(paths)
    for info, path in zip(infos, paths, strict=True):
        suffix = path.suffix.lower()
        if suffix not in (*SUFFIXES, ".zip") or any(_ignored(part) for part in path.parts if part != ".."):
            continue
        below, modified = (*parts, *(_safe_parts(path) or (f"unnamed{suffix}",))), _time_of(info)
        if reason := _why_refused(info, path, copies[path]):
            yield File(below, modified, partial(raise_error, UnreadableError(reason)))
        elif suffix == ".zip":
            yield from _files_in_inner_archive(below, modified, partial(_open_member, opener, info), depth + 1)
        else:
            yield File(below, modified, partial(_read_member, opener, info))


def _safe_parts(path: PurePosixPath) -> tuple[str, ...]:
    """The parts of a path without those that lead elsewhere: `..`, a root, a drive; too long ones are cut."""
    return tuple(part[:LONGEST_PART] for part in path.parts if part not in ("..", "/", "//") and ":" not in part)


def _why_refused(info: zipfile.ZipInfo, path: PurePosixPath, copies: int) -> str | None:
    """Why a file in an archive is not read, as far as the table of contents tells."""
    if _safe_parts(path) != path.parts:
        return "its path in the archive leads out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "the file in the archive is a symbolic link, not a notebook"
    if info.flag_bits & 1:
        return "the file in the archive is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "the file in the archive is packed in an unusual way; pack it again as an ordinary .zip"
    if info.file_size > LARGEST_FILE:
        return TOO_LARGE
    if info.file_size > 2**20 and info.file_size > LARGEST_RATIO * info.compress_size:
        return f"the file in the archive unpacks to more than {LARGEST_RATIO} times its size"
    return "the archive holds two files of this name" if copies > 1 else None


class _BoundedReads:
    """A file of which only pieces of bounded size can be read: zipfile reads the table of contents in one piece."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable, self._read = file.seek, file.tell, file.seekable, file.read

    def read(self, size: int = -1) -> bytes:
        if size > LARGEST_CONTENTS:
            raise zipfile.BadZipFile
        return self._read(size if size >= 0 else LARGEST_CONTENTS)


def _table_of_contents(opener: _Opener) -> list[zipfile.ZipInfo]:
    """The files in an archive. Raises `UnreadableError`, `CannotOpenError`."""
    with opener() as file:
        size = file.seek(0, os.SEEK_END)
        try:
            with zipfile.ZipFile(cast(BinaryIO, _BoundedReads(file))) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir()]
        except Exception:  # of a dozen kinds, for damaged files
            raise UnreadableError("the file is not a .zip archive, or it is damaged") from None
    if len(infos) > MOST_MEMBERS:
        raise UnreadableError(f"the archive holds more than {MOST_MEMBERS} files")
    if sum(info.compress_size for info in infos) > size:
        raise UnreadableError("the archive's table of contents is wrong: its files would not fit into it")
    if sum(info.file_size for info in infos) > LARGEST_UNPACKED:
        raise UnreadableError(f"the archive unpacks to more than {LARGEST_UNPACKED // 2**20} MB")
    return infos


def _read_member(opener: _Opener, info: zipfile.ZipInfo) -> bytes:
    with opener() as file:
        try:
            with zipfile.ZipFile(file) as archive, archive.open(info) as member:
                data = member.read(LARGEST_FILE + 1)
        except Exception:  # as above
            raise UnreadableError("the file in the archive is damaged") from None
    if len(data) > LARGEST_FILE:
        raise UnreadableError(TOO_LARGE)
    return data


def _open_member(opener: _Opener, info: zipfile.ZipInfo) -> BinaryIO:
    return io.BytesIO(_read_member(opener, info))


def _time_of(info: zipfile.ZipInfo) -> float:
    try:
        return time.mktime((*info.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0


def _ignored(name: str) -> bool:
    """Checkpoints, version control, a Mac's resource forks and editors' back-ups."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__", "node_modules")
