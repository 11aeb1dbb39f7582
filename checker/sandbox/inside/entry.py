"""Locking this process in, layer by layer."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace

from . import landlock, seccomp
from .identity import (
    drop_capabilities,
    key_to_closed_folders,
    reachable,
    set_limits,
    switch_user,
)  # fmt: skip
from .landlock import ALL_BUT_DEVICES, DEVICE_CONTROL, MAKE_SOCKET, READ, READ_FILE, WRITE
from .policy import SOCKETS_INSIDE, Policy
from .root import DEVICES, build, isolate, isolation
from .supervisor import supervise, wait_for_first
from .system import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl


class LayerError(Exception):
    """A layer that the level needs did not come up."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(layer, reason)
        self.layer, self.reason = layer, reason


def enter(policy: Policy, keep_open: int) -> dict[str, str]:
    """Apply every layer of a policy's level and return, in the process that is to be the kernel, what came up.

    The caller must have one thread; it stays behind as the kernel's supervisor, and never returns from here. It may be
    the first process of its own namespaces already (`root.fork_isolated`). All descriptors but the standard ones and
    `keep_open` are closed. Raises `LayerError`, in whichever process it is, when a layer does not come up: there is no
    weaker result.
    """
    if sys.platform != "linux":
        return {"limits": set_limits(policy)}
    layers: dict[str, str] = {}
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    os.closerange(3, keep_open)
    os.closerange(keep_open + 1, 1024)
    prctl(PR_SET_DUMPABLE, 1)
    if policy.level == "reduced" and not reachable(policy.needed):
        policy = replace(policy, uid=None)
    if policy.uid is not None:
        with _layer("user"):
            _give_away(policy.uid, policy.private, policy.scratch)
    if policy.namespaces:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getpid() != 1:
            with _layer("namespaces"):
                isolate(policy)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user clears it
            first = os.fork()
            if first:
                wait_for_first(first)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        layers["namespaces"] = isolation()
        with _layer("root"):
            layers["root"] = build(policy)
    else:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    kernel = os.fork()
    if kernel:
        supervise(kernel, policy, signals)
    os.setsid()  # interrupts go to the kernel's group, not to its supervisor's
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with _layer("user"):
        layers |= _change_user(policy)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(policy.scratch)
    with _layer("limits"):
        layers["limits"] = set_limits(policy)
    if policy.landlock:
        with _layer("landlock"):
            layers["landlock"] = landlock.restrict(_rules(policy))
    if policy.seccomp:
        with _layer("seccomp"):
            layers["seccomp"] = seccomp.restrict(policy.namespaces)
    return layers


@contextlib.contextmanager
def _layer(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LayerError(name, error.strerror or str(error)) from error


def _give_away(user: int, *folders: str) -> None:
    """The kernel's own folders and what is in them become the kernel's."""
    for folder in folders:
        os.chown(folder, user, user)
        for entry in os.scandir(folder):
            os.chown(entry.path, user, user, follow_symlinks=False)


def _change_user(policy: Policy) -> dict[str, str]:
    if not policy.seccomp:
        return {"user": "unchanged"}
    if os.getuid() != 0 or policy.uid is None:
        return {"user": "unchanged", "capabilities": drop_capabilities()}
    key = key_to_closed_folders(policy) if policy.level == "confined" else None
    switch_user(policy.uid, key)
    return {"user": "another", "capabilities": drop_capabilities(key)}


def _rules(policy: Policy) -> Iterator[tuple[str, int]]:
    for device in DEVICES:
        yield f"/dev/{device}", READ_FILE | WRITE
    if policy.namespaces:
        yield "/", READ
        yield from (("/tmp", ALL_BUT_DEVICES), ("/dev/pts", READ | WRITE | DEVICE_CONTROL))
        yield SOCKETS_INSIDE, MAKE_SOCKET | READ_FILE
        if not policy.scratch.startswith("/tmp/"):
            yield policy.scratch, ALL_BUT_DEVICES
    else:
        yield from landlock.without(policy.readable, policy.hidden)
        yield policy.scratch, ALL_BUT_DEVICES
        yield policy.private, MAKE_SOCKET | READ_FILE
