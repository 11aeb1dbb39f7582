"""`dockerlike.py [--no-landlock] COMMAND...` runs a command as in a container with Docker's defaults.

That is: root with a few capabilities, and a filter that denies namespaces and mounts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys

from checker.sandbox.inside import seccomp, system

CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
DENIED = ("unshare", "setns", "mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen", "bpf", "ptrace")
LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")


def restrict(landlock: bool) -> None:
    for capability in range(64):
        if capability not in CAPABILITIES:
            with contextlib.suppress(OSError):
                system.prctl(system.PR_CAPBSET_DROP, capability)
    if os.getuid() == 0:
        kept = sum(1 << capability for capability in CAPABILITIES)
        from checker.sandbox.inside.identity import set_capabilities

        set_capabilities(kept)
    code = seccomp._begin()
    for name in DENIED:
        code += seccomp._on(name, seccomp._fail(errno.EPERM))
    for name in () if landlock else LANDLOCK:
        code += seccomp._on(name, seccomp._fail(errno.ENOSYS))
    code += seccomp._on("clone3", seccomp._fail(errno.ENOSYS))
    flags = seccomp._unless(seccomp.ANY_NAMESPACE, 0, 1, seccomp._SOME_BITS)
    allow = seccomp._give(seccomp.ALLOW)
    code += seccomp._on("clone", seccomp._argument(0), flags, seccomp._fail(errno.EPERM), allow)
    seccomp._install([*code, allow])


if __name__ == "__main__":
    restrict("--no-landlock" not in sys.argv)
    command = [argument for argument in sys.argv[1:] if argument != "--no-landlock"]
    os.execvp(command[0], command)
