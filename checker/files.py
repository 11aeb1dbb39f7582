"""Files that a crash leaves whole, replaced or longer by a line; and folders locked for one process."""

import contextlib
import errno
import os
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
    with _error_as_sentence(path):
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
    with _error_as_sentence(path):
        path.mkdir(parents=True, exist_ok=True)


def remove(path: Path) -> None:
    """Remove a file, if there is one. Raises `CannotWriteError`."""
    with _error_as_sentence(path):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def appending(path: Path) -> Iterator[Callable[[str], None]]:
    """A function that adds a line to a file; when it returns, the line is on the disk. Raises `CannotWriteError`.

    A last line that a crash cut short stays as it is, and the next begins on a line of its own.
    """
    with _error_as_sentence(path):
        file = path.open("a+b", buffering=0)  # a buffer would keep, and write later, what a full disk refused
    with file:
        with _error_as_sentence(path):
            _sync_folder(path.parent)  # the new file's name, too, must survive
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            if file.read(1) not in (b"", b"\n"):
                _write_all(file, b"\n")

        def append(line: str) -> None:
            with _error_as_sentence(path):
                _write_all(file, line.encode("utf-8", "replace") + b"\n")
                os.fsync(file.fileno())

        yield append


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder. The operating system unlocks it when the process ends, even if it is killed.

    Raises `FolderInUseError`, `CannotWriteError`.
    """
    from filelock import FileLock, Timeout  # late: `checker --help` needs no lock

    # No soft lock where there is no other: it would outlast a process that is killed.
    lock = FileLock(folder / ".lock", blocking=False, fallback_to_soft=False)
    with _error_as_sentence(folder / ".lock"):
        try:
            lock.acquire()
        except Timeout:
            raise FolderInUseError(f"{folder}: another checker is writing into this folder") from None
        except OSError as error:
            # Some network file systems know no locks; there the folder is its user's to look after.
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                raise
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _error_as_sentence(path: Path) -> Iterator[None]:
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
