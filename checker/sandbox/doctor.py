"""What a machine offers for a sandbox, what it lacks, and the command that would add it."""

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from checker.sandbox.levels import ENOUGH_FOR_UNTRUSTED, LEVELS, Level, choose, trial


@dataclass(frozen=True)
class Layer:
    """One layer: whether it is offered here, what is known of it, and what would add it."""

    name: str
    offered: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Examination:
    """The layers of this machine and the level that results; `reason` says why it is none better."""

    layers: tuple[Layer, ...]
    level: Level
    reason: str

    @property
    def enough_for_untrusted(self) -> bool:
        return LEVELS.index(self.level) <= LEVELS.index(ENOUGH_FOR_UNTRUSTED)


def examine() -> Examination:
    """Try every level and look for the reasons of what does not start."""
    best = choose("auto")
    if sys.platform != "linux":
        name = {"darwin": "macOS", "win32": "Windows"}.get(sys.platform, sys.platform)
        remedy = "grade in a virtual machine or a container with Linux, for example in Docker Desktop"
        return Examination((Layer("sandbox", False, f"not made for {name} yet", remedy),), best.level, best.reason)
    layers = (_namespaces(), _landlock(), _seccomp(), _user())
    return Examination(layers, best.level, best.reason)


def report(found: Examination) -> str:
    """What `checker doctor` prints: the layers, what would add those that are missing, and the level."""
    width = max(len(layer.name) for layer in found.layers)
    lines = [f"{layer.name:<{width}}  {'yes' if layer.offered else 'no':<3}  {layer.detail}" for layer in found.layers]
    lines += ["", *(f"{layer.name}: {layer.remedy}" for layer in found.layers if layer.remedy)]
    lines.append(f"Level: {found.level}" + (f" ({found.reason})" if found.reason else ""))
    if not found.enough_for_untrusted:
        lines.append("That is too little for grading other people's notebooks.")
    return "\n".join(lines)


def _namespaces() -> Layer:
    tried = trial("full")
    if tried.started:
        return Layer("namespaces", True, tried.layers["namespaces"])
    if tried.layer not in ("namespaces", "root", "start"):
        return Layer("namespaces", True, f"not reached: {tried.layer} came first")
    return Layer("namespaces", False, f"{tried.layer}: {tried.reason}", namespaces_remedy(Path("/")))


def namespaces_remedy(root: Path) -> str:
    """The command that would allow namespaces, read off the settings of the system that lies in `root`."""
    for setting, denies, value in (
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
        ("kernel/unprivileged_userns_clone", "0", "1"),
        ("user/max_user_namespaces", "0", "15000"),
    ):
        path = root / "proc/sys" / setting
        if path.is_file() and path.read_text().strip() == denies:
            return f"sudo sysctl -w {setting.replace('/', '.')}={value}"
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined ..."
    return "ask whoever runs this machine to allow user namespaces"


def _landlock() -> Layer:
    from checker.sandbox.inside import landlock, system

    try:
        version = landlock.abi()
    except OSError as error:
        remedy = "add landlock to the list in the boot option lsm=..., or use Linux 5.13 or newer"
        if system.MACHINE < 0:
            return Layer("Landlock", False, f"no numbers of its calls for {platform.machine()}")
        return Layer("Landlock", False, error.strerror or str(error), remedy)
    if version < 6:
        return Layer("Landlock", True, f"version {version}; from 6 (Linux 6.12) on it stops signals too")
    return Layer("Landlock", True, f"version {version}")


def _seccomp() -> Layer:
    tried = trial("reduced")
    if tried.started or tried.layer != "seccomp":
        return Layer("seccomp", tried.started, platform.machine() if tried.started else tried.reason)
    return Layer("seccomp", False, tried.reason, "use a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64")


def _user() -> Layer:
    import os

    if os.getuid() != 0:
        return Layer("another user", False, "only root can give each kernel a user of its own; not needed for full")
    for level in LEVELS[1:3]:
        tried = trial(level)
        if tried.started:
            detail = tried.layers.get("capabilities", "")
            other = tried.layers["user"] == "another"
            remedy = "" if other else "install Python where every user can read it, for example in /opt or /usr/local"
            return Layer("another user", other, f"left of root's capabilities: {detail}" if other else "", remedy)
    return Layer("another user", False, trial("reduced").reason)
