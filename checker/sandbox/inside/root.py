"""Namespaces and a root of one's own: no network, no other process, no file but what the policy names."""

import os
from pathlib import Path

from . import system
from .identity import reachable, switch_user
from .policy import SOCKETS_INSIDE, Policy
from .system import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT, mount

NAMESPACES = system.NEWNS | system.NEWPID | system.NEWNET | system.NEWIPC | system.NEWUTS | system.NEWCGROUP
USER_INSIDE = 1000
DEVICES = ("null", "zero", "full", "random", "urandom")

# Flags of a mount that a user namespace may not take away: as statvfs and as mount name them.
_KEPT_FLAGS = (
    (1, MS_RDONLY), (2, MS_NOSUID), (4, MS_NODEV), (8, MS_NOEXEC), (1024, 1024), (2048, 2048), (4096, 1 << 21),
)  # fmt: skip


def fork_isolated() -> int:
    """Fork; the child is the first process of its own namespaces, as the next child is after `isolate`.

    Raises `OSError` where it takes more than that, or cannot be at all.
    """
    user, group = os.getuid(), os.getgid()
    process = system.fork_into(NAMESPACES if user == 0 else NAMESPACES | system.NEWUSER)
    if process == 0 and user != 0:
        system.prctl(system.PR_SET_DUMPABLE, 1)
        _keep_name(user, group)
    return process


def isolate(policy: Policy) -> None:
    """Leave the machine's namespaces; the next child is the first process of the new ones.

    Root needs no user namespace. Where root may not do it (a container), and for everybody else, there is one.
    """
    if os.getuid() == 0:
        try:
            system.unshare(NAMESPACES)
            return
        except PermissionError:
            if policy.uid is None or not reachable(policy.needed):
                raise
            switch_user(policy.uid)
    user, group = os.getuid(), os.getgid()
    system.unshare(NAMESPACES | system.NEWUSER)
    _keep_name(user, group)


def _keep_name(user: int, group: int) -> None:
    """In a new user namespace be who one was, under another number."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{USER_INSIDE} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{USER_INSIDE} {group} 1")


def isolation() -> str:
    """The namespaces that this process has of its own: all but root's need one for users, where nobody is root."""
    return ("" if os.getuid() == 0 else "user, ") + "mount, pid, net, ipc, uts, cgroup"


def build(policy: Policy) -> str:
    """Build the root and move into it. Everything but the scratch tmpfs is read-only, and the old root is gone."""
    new, old_mask = policy.root, os.umask(0o022)
    mount("", "/", flags=MS_REC | MS_PRIVATE)
    mount("tmpfs", new, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=755")
    _devices(new)
    os.makedirs(new + "/tmp")
    options = f"size={policy.disk},nr_inodes={policy.inodes},mode=1777"
    mount("tmpfs", new + "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options)
    masks = _masks(policy)
    for path in sorted({*policy.readable, *masks}):  # parents first: a later mount lies on top
        if _leads_out(new, path):
            continue  # it lies below a link that is shown as a link
        if path not in policy.readable:
            _mask(new, path)
        elif os.path.islink(path):
            if not os.path.lexists(new + path):
                os.makedirs(os.path.dirname(new + path), exist_ok=True)
                os.symlink(os.readlink(path), new + path)
        elif os.path.exists(path):
            _bind(path, new + path, read_only=True)
    _accounts(new)
    os.makedirs(new + "/proc", exist_ok=True)
    mount("proc", new + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _bind(policy.private, new + SOCKETS_INSIDE, read_only=False)
    os.makedirs(new + policy.scratch, exist_ok=True)
    if policy.uid is not None and os.getuid() == 0:
        os.chown(new + policy.scratch, policy.uid, policy.uid)
    if not policy.scratch.startswith("/tmp/"):
        mount(new + "/tmp", new + policy.scratch, flags=MS_BIND)
    for path in ("/dev/shm", "/var/tmp"):
        if not os.path.lexists(new + path):
            os.makedirs(os.path.dirname(new + path), exist_ok=True)
            os.symlink("/tmp", new + path)
    os.chdir(new)
    system.call("pivot_root", b".", b".")
    system.detach(".")
    os.chdir("/")
    for path in ("/", *masks):
        if os.path.isdir(path):
            mount("", path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.umask(old_mask)
    return f"{policy.disk // 2**20} MB of scratch, everything else read-only"


def _masks(policy: Policy) -> set[str]:
    """Where what is hidden would be seen: below every folder that is shown, by whatever links it is reached."""
    found = set()
    hidden = [os.path.realpath(path) for path in policy.hidden]
    for shown in policy.readable:
        real = os.path.realpath(shown)
        if not os.path.islink(shown):
            found |= {shown + path.removeprefix(real) for path in hidden if path.startswith(f"{real}/")}
    return found


def _leads_out(new: str, path: str) -> bool:
    """Whether a link on the way leads to the old root, which is still around the new one."""
    return not f"{os.path.realpath(os.path.dirname(new + path))}/".startswith(f"{os.path.realpath(new)}/")


def _bind(source: str, target: str, read_only: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    mount(source, target, flags=MS_BIND | (MS_REC if read_only else 0))
    flags = os.statvfs(target).f_flag
    kept = sum(ours for theirs, ours in _KEPT_FLAGS if flags & theirs) | MS_NOSUID | (MS_RDONLY if read_only else 0)
    mount("", target, flags=MS_BIND | MS_REMOUNT | kept)


def _mask(new: str, path: str) -> None:
    if os.path.isdir(new + path):
        mount("tmpfs", new + path, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=755")
    elif os.path.exists(new + path):
        mount(new + "/dev/null", new + path, flags=MS_BIND)


def _devices(new: str) -> None:
    os.makedirs(new + "/dev/pts")
    for name in DEVICES:
        Path(f"{new}/dev/{name}").touch()
        mount(f"/dev/{name}", f"{new}/dev/{name}", flags=MS_BIND)
    mount("devpts", new + "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0600")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd"}
    links |= {name: f"/proc/self/fd/{number}" for number, name in enumerate(("stdin", "stdout", "stderr"))}
    for name, target in links.items():
        os.symlink(target, f"{new}/dev/{name}")


def _accounts(new: str) -> None:
    """Names for the users there are inside, and none of the machine's."""
    os.makedirs(new + "/etc", exist_ok=True)
    for name, text in (
        ("passwd", f"root:x:0:0::/:/bin/sh\nstudent:x:{USER_INSIDE}:{USER_INSIDE}::/tmp:/bin/sh\n"),
        ("group", f"root:x:0:\nstudent:x:{USER_INSIDE}:\n"),
        ("hosts", "127.0.0.1 localhost\n"),
    ):
        Path(f"{new}/etc/{name}").write_text(text)
