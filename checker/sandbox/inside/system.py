"""The system calls of Linux that the standard library does not offer. Every failure is an `OSError`."""

import ctypes
import errno
import os
import platform
import signal
import sys
from ctypes import c_char_p, c_int, c_long, c_ulong

from .syscalls import NUMBERS

MACHINES = {"x86_64": 0, "aarch64": 1, "arm64": 1}
MACHINE = MACHINES.get(platform.machine(), -1)  # the column of `syscalls.NUMBERS`

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECCOMP = 1, 4, 8, 22
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 24, 36, 38, 47

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _checked(result: int, name: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    assert _libc is not None
    numbers = [c_ulong(number) for number in (first, second, 0, 0)]
    _checked(_libc.prctl(c_int(option), *numbers), f"prctl {option}")


def number_of(name: str) -> int:
    """The number of a system call. Raises `OSError` where it is not known."""
    number = NUMBERS[name][MACHINE] if MACHINE >= 0 else None
    if number is None:
        raise OSError(errno.ENOSYS, f"no number of {name} is known for this kind of processor")
    return number


def call(name: str, *arguments: object) -> int:
    """A system call by its name; arguments are integers and bytes."""
    assert _libc is not None
    given = [c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _checked(_libc.syscall(c_long(number_of(name)), *given), name)


def unshare(flags: int) -> None:
    assert _libc is not None
    _checked(_libc.unshare(c_int(flags)), "unshare")


def fork_into(namespaces: int) -> int:
    """As `os.fork`, of a process with one thread, but the child is the first process of new namespaces."""
    number = number_of("clone")
    holding = ctypes.PyDLL(None, use_errno=True)  # the interpreter's lock: nothing may happen in between
    holding.PyOS_BeforeFork()
    process: int = holding.syscall(c_long(number), c_long(namespaces | signal.SIGCHLD), *[c_long(0)] * 4)
    if process == 0:
        holding.PyOS_AfterFork_Child()
        return 0
    try:
        return _checked(process, "clone")
    finally:
        holding.PyOS_AfterFork_Parent()


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    assert _libc is not None
    texts = [text.encode() if text else None for text in (source, target, kind, options)]
    result = _libc.mount(c_char_p(texts[0]), c_char_p(texts[1]), c_char_p(texts[2]), c_ulong(flags), c_char_p(texts[3]))
    _checked(result, f"mount {target}")


def detach(target: str) -> None:
    """Unmount at once, whatever still uses it."""
    assert _libc is not None
    _checked(_libc.umount2(c_char_p(target.encode()), c_int(2)), f"umount {target}")
