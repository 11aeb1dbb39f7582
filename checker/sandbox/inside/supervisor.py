"""The supervisor: the parent of a kernel and of all that it starts. It watches, passes interrupts on, and cleans up.

In a pid namespace it is the first process, and its end is the end of all. Elsewhere it adopts every orphan below it
and ends them itself. It runs our code only.
"""

import contextlib
import os
import signal
import time
from typing import NoReturn

from .identity import set_fs_ids
from .policy import OUT_OF_DISK, OUT_OF_MEMORY, Policy
from .system import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl

INTERVAL = 0.1  # seconds between looks at what is used
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def supervise(kernel: int, policy: Policy, signals: set[signal.Signals]) -> NoReturn:
    """Stay until the kernel has ended, then end whatever it left, and exit as it did. `signals` are blocked."""
    prctl(PR_SET_DUMPABLE, 0)
    os.closerange(0, 1024)
    if policy.seccomp and not policy.namespaces and policy.uid is not None:
        set_fs_ids(policy.uid)
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # a change of user clears it
    looked = time.monotonic()
    status = None
    verdict = None
    while status is None:
        caught = signal.sigtimedwait(signals, INTERVAL)
        match caught.si_signo if caught else None:
            case signal.SIGINT:
                _kill_group(kernel, signal.SIGINT)
            case signal.SIGTERM:
                _kill(kernel, signal.SIGKILL)
        if verdict is None and time.monotonic() - looked >= INTERVAL:
            looked = time.monotonic()
            verdict = _excess(policy)
            if verdict is not None:
                _kill(kernel, signal.SIGKILL)
        status = _reap(kernel)
    end_all_below()
    leave(status, verdict)


def end_all_below() -> None:
    """End everything below this process, however fast it forks.

    All are stopped first: what is stopped still counts against the limit on processes, what is killed makes room.
    """
    stopped: set[int] = set()
    while fresh := {*descendants(os.getpid())} - stopped:
        for process in fresh:
            _kill(process, signal.SIGSTOP)
        stopped |= fresh
    while below := descendants(os.getpid()):
        for process in below:
            _kill(process, signal.SIGKILL)
        _reap(0)
        time.sleep(0.001)


def wait_for_first(first: int) -> NoReturn:
    """Wait, outside of a pid namespace, for its first process; asked to end, end it."""
    prctl(PR_SET_DUMPABLE, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: _kill(first, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    os.closerange(0, 1024)
    _, status = os.waitpid(first, 0)
    leave(status, None)


def leave(status: int, verdict: int | None) -> NoReturn:
    """Exit as a child did, or with the reason why it was ended."""
    code = os.waitstatus_to_exitcode(status)
    os._exit(verdict if verdict is not None else code if code >= 0 else 128 - code)


def descendants(process: int) -> list[int]:
    """All processes below one. What is orphaned on the way has been adopted and is below it too."""
    found: list[int] = []
    todo = [process]
    while todo:
        with contextlib.suppress(OSError):
            parent = todo.pop()
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as file:
                    children = [int(child) for child in file.read().split()]
                found += children
                todo += children
    return found


def _excess(policy: Policy) -> int | None:
    if _memory(descendants(os.getpid()), policy.memory) > policy.memory:
        return OUT_OF_MEMORY
    if not policy.namespaces and policy.seccomp and not _fits(policy):
        return OUT_OF_DISK
    return None


def _memory(processes: list[int], limit: int) -> int:
    """Bytes that processes have in all; only when it may be too much, what forks still share is counted once."""
    rough = sum(_resident(process) for process in processes)
    return rough if rough <= limit else sum(_proportional(process) for process in processes)


def _resident(process: int) -> int:
    try:
        with open(f"/proc/{process}/statm") as file:
            _, resident, shared = map(int, file.read().split()[:3])
    except (OSError, ValueError):
        return 0
    return (resident - shared) * PAGE


def _proportional(process: int) -> int:
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except PermissionError:
        return _resident(process)  # it hides, and pays for what it shares
    except (OSError, ValueError, StopIteration):
        return 0  # it has just ended


def _fits(policy: Policy) -> bool:
    """Whether the scratch folder is within its size and number of files (it is no file system of its own here)."""
    size = count = 0
    todo = [policy.scratch]
    while todo:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                count += 1
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                if size > policy.disk or count > policy.inodes:
                    return False
    return True


def _reap(kernel: int) -> int | None:
    """Collect children that have ended; the kernel's status if it is one of them."""
    status = None
    with contextlib.suppress(ChildProcessError):
        while True:
            process, ended = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                break
            if process == kernel:
                status = ended
    return status


def _kill(process: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(process, number)


def _kill_group(group: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, number)
