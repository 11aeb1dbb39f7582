"""Who the kernel's process is and what it may use up: another user, no capabilities, limits of the process."""

import contextlib
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from .policy import Policy
from .system import (
    PR_CAP_AMBIENT,
    PR_CAPBSET_DROP,
    PR_SET_DUMPABLE,
    PR_SET_KEEPCAPS,
    call,
    prctl,
)  # fmt: skip

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


def reachable(paths: Iterable[str]) -> bool:
    """Whether any user could reach these paths: nothing on the way is closed to others."""
    above = {parent for path in paths for parent in (Path(path), *Path(path).parents)}
    return all(path.stat().st_mode & 0o001 for path in above if path.is_dir())


def switch_user(user: int, keep: int | None = None) -> None:
    """From root to another user for good, keeping at most one capability."""
    _bound_capabilities(keep)
    if keep is not None:
        prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    prctl(PR_SET_DUMPABLE, 1)  # otherwise /proc/self is root's


def set_fs_ids(user: int) -> None:
    """Look at files as another user while staying root otherwise; capabilities stay as they are.

    Without CAP_SYS_PTRACE, which containers lack, this is how root is shown the memory of that user's processes.
    """
    had = capabilities()
    for name in ("setfsgid", "setfsuid"):
        call(name, user)
    set_capabilities(had)


def drop_capabilities(keep: int | None = None) -> str:
    """Give up all capabilities, or all but one, which children then have too."""
    _bound_capabilities(keep)
    prctl(PR_CAP_AMBIENT, 4)
    set_capabilities(0 if keep is None else 1 << keep)
    if keep is None:
        return "none"
    prctl(PR_CAP_AMBIENT, 2, keep)
    return "reading below closed folders" if keep == CAP_DAC_READ_SEARCH else "passing closed folders"


def set_capabilities(bits: int) -> None:
    """Have these capabilities and no others; only such as this process has."""
    low, high = bits & 0xFFFFFFFF, bits >> 32
    words = (low, low, low, high, high, high)
    call("capset", struct.pack("=II", 0x20080522, 0), struct.pack("=IIIIII", *words))


def _bound_capabilities(keep: int | None) -> None:
    """No program that is started later gains a capability."""
    for capability in range(64):
        if capability != keep:
            with contextlib.suppress(OSError):  # there are fewer, or they are gone already
                prctl(PR_CAPBSET_DROP, capability)


def capabilities() -> int:
    """The bits of the capabilities that this process has."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("CapEff:")[1].split()[0], 16)


def key_to_closed_folders(policy: Policy) -> int | None:
    """The capability without which another user could not reach the interpreter; None if it can anyway.

    Only under Landlock, which then decides alone what may be opened. Raises `OSError` if there is none to be had.
    """
    if reachable(policy.needed):
        return None
    had = capabilities()
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if had & 1 << capability:
            return capability
    raise OSError("the interpreter lies in a folder that is closed to other users")


def set_limits(policy: Policy) -> str:
    """Bound what one process may use up, and how many there may be; on some platforms not everything can be bound."""
    try:
        import resource
    except ImportError:  # Windows
        return "none"
    wanted = {
        "AS": policy.memory, "CPU": policy.cpu, "FSIZE": policy.file_size, "NOFILE": policy.open_files,
        "CORE": 0, "MEMLOCK": 0, "MSGQUEUE": 0,
    }  # fmt: skip
    if sys.platform == "linux":
        # In a user namespace, and for a user of its own, the processes of others do not count.
        others = 0 if policy.namespaces or policy.uid == os.getuid() else tasks_of_this_user()
        wanted["NPROC"] = policy.processes + others
    done = []
    for name, value in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        most = resource.getrlimit(kind)[1]
        bound = value if most == resource.RLIM_INFINITY else min(value, most)
        try:
            resource.setrlimit(kind, (bound, bound))
            done.append(name)
        except (ValueError, OSError):
            if policy.seccomp:
                raise
    return " ".join(done)


def tasks_of_this_user() -> int:
    """How many processes and threads of this user run: outside of a user namespace, a limit counts them all."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid == os.getuid():
                count += len(os.listdir(process / "task"))
    return count
