"""Files that a crash leaves whole: replaced as a whole, or longer by a line; and folders for one process at a time."""

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
    """Replace a file, in a folder that is made if missing. The path leads to all of the old content or all of the new.

    Without `sync` that holds for the end of this process, not for a power cut: for the many files that can be made
    again, and that show by their last line whether they are whole. Raises `CannotWriteError`.
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

    A line that a crash tore stays what it is, and the next begins on a line of its own.
    """
    with _error_as_sentence(path):
        file = path.open("ab", buffering=0)
    with file:
        with _error_as_sentence(path):
            _sync_folder(path.parent)  # the new file's name, too, must survive
            if _is_torn(path):
                _write_all(file, b"\n")

        def append(line: str) -> None:
            with _error_as_sentence(path):
                _write_all(file, line.encode("utf-8", "replace") + b"\n")
                os.fsync(file.fileno())

        yield append


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have a folder for this process alone. The system lets go of it when the process ends, in whatever way.

    Raises `FolderInUseError`, `CannotWriteError`.
    """
    import filelock  # late: `checker --help` needs no lock

    lock = filelock.FileLock(folder / ".lock")
    with _error_as_sentence(folder / ".lock"):
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            raise FolderInUseError(f"{folder}: another checker is writing into this folder") from None
        except (NotImplementedError, OSError) as error:
            # Some network file systems know no locks; there the folder is its user's to look after.
            if isinstance(error, OSError) and error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
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
    """Without a buffer, in which a full disk would leave what cannot be written."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _is_torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _sync_folder(folder: Path) -> None:
    """The file is on the disk; so must be its name. Windows has no such call, and some file systems refuse it."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
