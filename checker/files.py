"""Files that a crash leaves whole, replaced or longer by a line; and folders locked for one process."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO


class CannotWriteError(RuntimeError):
    """A file could not be written, say because the disk is full; the message is a sentence that names it."""


class FolderInUseError(RuntimeError):
    """Another process works in the folder; the message is a sentence."""


def write(path: Path, parts: Iterable[str], *, sync: bool = True) -> None:
    """Replace a file at once, in a folder that is made if missing: the path leads to the old content or to the new.

    Without `sync` that survives the end of this process, but no power cut: for files that can be made again, and that
    show by their last line whether they are whole. Raises `CannotWriteError`.
    """
    new = path.with_name(f".{path.name}.part")
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new.open("w", encoding="utf-8", errors="replace", newline="") as file:
                file.writelines(parts)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            new.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        if sync:
            _sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, if there is none. Raises `CannotWriteError`."""
    with _naming(path):
        path.mkdir(parents=True, exist_ok=True)


def remove(path: Path) -> None:
    """Remove a file, if there is one. Raises `CannotWriteError`."""
    with _naming(path):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def appending(path: Path) -> Iterator[Callable[[str], None]]:
    """A function that adds a line to a file; when it returns, the line is on the disk. Raises `CannotWriteError`.

    A last line that a crash cut short stays as it is, and the next begins on a line of its own.
    """
    with _naming(path):
        file = path.open("a+b", buffering=0)  # a buffer would keep, and write later, what a full disk refused
    with file:
        with _naming(path):
            _sync_folder(path.parent)  # the new file's name, too, must survive
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            if file.read(1) not in (b"", b"\n"):
                _write_all(file, b"\n")

        def append(line: str) -> None:
            with _naming(path):
                _write_all(file, line.encode("utf-8", "replace") + b"\n")
                os.fsync(file.fileno())

        yield append


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder. The operating system unlocks it when the process ends, even if it is killed.

    Raises `FolderInUseError`, `CannotWriteError`.
    """
    path = folder / ".lock"
    with _naming(path):
        file = path.open("ab")
    with file:
        with _naming(path):
            try:
                _lock(file)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                    raise FolderInUseError(f"{folder}: another checker is writing into this folder") from None
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                    raise
                # Some network file systems know no locks; there the folder is its user's to look after.
        yield


if sys.platform == "win32":

    def _lock(file: BinaryIO) -> None:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: BinaryIO) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWriteError(f"{path} could not be written: {error.strerror or error}") from error


def _write_all(file: BinaryIO, data: bytes) -> None:
    """Write to a file without a buffer, which may take a part at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _sync_folder(folder: Path) -> None:
    """The file is on the disk; so must be its name. Windows has no such call, and some file systems refuse it."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
