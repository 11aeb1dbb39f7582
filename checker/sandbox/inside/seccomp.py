"""seccomp: which system calls this process and its children may make, as a filter in BPF."""

import ctypes
import errno
import struct
from collections.abc import Sequence

from .syscalls import DENIED, NUMBERS, PRETENDED, SHARED
from .system import (
    MACHINE,
    NEWCGROUP,
    NEWIPC,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWUSER,
    NEWUTS,
    PR_SET_NO_NEW_PRIVS,
    call,
    prctl,
)  # fmt: skip

Instruction = tuple[int, int, int, int]

AUDIT_ARCHITECTURE = (0xC000003E, 0xC00000B7)
X32 = 0x40000000  # x86_64's second numbering of all calls
ANY_NAMESPACE = NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
AF_UNIX, AF_NETLINK, SOCK_STREAM = 1, 16, 1
TIOCSTI, TIOCLINUX = 0x5412, 0x541C  # typing into a terminal that others read

ALLOW, KILL = 0x7FFF0000, 0x80000000


def _give(result: int) -> Instruction:
    return 0x06, 0, 0, result


def _fail(code: int) -> Instruction:
    return _give(0x50000 | code)


def _load(offset: int) -> Instruction:
    return 0x20, 0, 0, offset


def _argument(index: int) -> Instruction:
    return _load(16 + 8 * index)  # its lower half: both machines are little-endian


def _unless(value: int, then: int, otherwise: int, operation: int = 0x15) -> Instruction:
    """Compare with the value: skip `then` instructions if it matches, `otherwise` if not."""
    return operation, then, otherwise, value


_SOME_BITS, _AT_LEAST = 0x45, 0x35


def _on(name: str, *body: Instruction) -> list[Instruction]:
    number = NUMBERS[name][MACHINE]
    return [] if number is None else [_unless(number, 0, len(body)), *body]


def _begin() -> list[Instruction]:
    start = [_load(4), _unless(AUDIT_ARCHITECTURE[MACHINE], 1, 0), _give(KILL), _load(0)]
    return start + ([_unless(X32, 0, 1, _AT_LEAST), _give(KILL)] if MACHINE == 0 else [])


def program(own_namespaces: bool) -> list[Instruction]:
    """The filter for a kernel, with or without namespaces of its own."""
    code = _begin()
    for name in sorted(DENIED):
        # A C library that gets "no such call" goes on with the older one, whose arguments can be seen.
        code += _on(name, _fail(errno.ENOSYS if name in ("clone3", "memfd_create") else errno.EPERM))
    if not own_namespaces:
        for name in sorted(SHARED):
            code += _on(name, _fail(errno.EPERM))
        # These seem to work: copying a file must not fail for its mode, and ZeroMQ sets its threads' priority.
        for name in sorted(PRETENDED):
            code += _on(name, _fail(0))
        code += _on("kill", _argument(0), _unless(0xFFFFFFFF, 0, 1), _fail(errno.EPERM), _give(ALLOW))
    code += _on("clone", _argument(0), _unless(ANY_NAMESPACE, 0, 1, _SOME_BITS), _fail(errno.EPERM), _give(ALLOW))
    stream = (_argument(1), (0x54, 0, 0, 0xF), _unless(SOCK_STREAM, 1, 0), _fail(errno.EACCES), _give(ALLOW))
    # ZeroMQ looks for network interfaces, and gives up the process for any other error than "not supported".
    netlink = (_unless(AF_NETLINK, 0, 1), _fail(errno.EOPNOTSUPP), _fail(errno.EACCES))
    code += _on("socket", _argument(0), _unless(AF_UNIX, 3, 0), *netlink, *stream)
    code += _on("socketpair", *stream)
    keys = (_unless(TIOCSTI, 1, 0), _unless(TIOCLINUX, 0, 1), _fail(errno.EPERM), _give(ALLOW))
    code += _on("ioctl", _argument(1), *keys)
    code += _on("prlimit64", _argument(0), _unless(0, 1, 0), _fail(errno.EPERM), _give(ALLOW))
    return [*code, _give(ALLOW)]


def restrict(own_namespaces: bool) -> str:
    """Apply the filter to this process, which must have one thread."""
    instructions = program(own_namespaces)
    _install(instructions)
    return f"{len(instructions)} instructions"


def no_more_sockets() -> None:
    """Once a kernel's own sockets are there, no thread of it makes another: they are files outside of its scratch."""
    _install([*_begin(), *_on("bind", _fail(errno.EACCES)), _give(ALLOW)], every_thread=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _install(instructions: Sequence[Instruction], every_thread: bool = False) -> None:
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    call("seccomp", 1, int(every_thread), ctypes.byref(_Program(len(instructions), code)))
