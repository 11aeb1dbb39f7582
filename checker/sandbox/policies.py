"""The policy of each level: what a kernel may read, whose user it becomes, how much it may use."""

import dataclasses
import json
import os
import secrets
import site
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import checker
from checker.sandbox.inside.policy import Policy

# Tools and libraries of the system, and nothing of its configuration but where they are.
SYSTEM = (
    "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64",
    "/usr/libexec", "/usr/share", "/usr/local/bin", "/usr/local/lib",
    "/usr/local/share/fonts", "/nix/store", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ssl", "/etc/localtime", "/etc/fonts", "/etc/alternatives",
    "/etc/mime.types", "/etc/os-release", "/etc/debian_version", "/etc/lsb-release",
)  # fmt: skip
OF_A_PREFIX = ("bin", "lib", "lib32", "lib64", "libexec", "share", "etc", "pyvenv.cfg")

# A user of its own for each kernel, so that no two share files or count each other's processes. No system gives
# accounts the first of these ranges; where so many numbers do not exist (some containers), the second is hardly used.
USERS = (range(1_900_000_000, 2_100_000_000), range(61_184, 65_519))
NOBODY = 65_534


@contextmanager
def run_folder() -> Iterator[Path]:
    """The folders of one kernel, gone afterwards. Another user may pass through, but not look around."""
    with tempfile.TemporaryDirectory(prefix="checker-", ignore_cleanup_errors=True) as directory:
        run = Path(directory)
        run.chmod(0o711)
        for name, mode in (("private", 0o700), ("scratch", 0o700), ("root", 0o755)):
            (run / name).mkdir()
            (run / name).chmod(mode)
        yield run


def write_policy(policy: Policy, run: Path) -> Path:
    """The policy as the file that a kernel's process reads first."""
    path = run / "policy.json"
    path.write_text(json.dumps(dataclasses.asdict(policy)), encoding="utf-8")
    return path


def policy_for(level: str, run: Path, *, memory: int, cpu: int) -> Policy:
    """The policy for one kernel, whose folders `private`, `scratch` and `root` are in `run`."""
    sandboxed = level != "limits"
    return Policy(
        level=level,
        scratch=str(run / "scratch"),
        private=str(run / "private"),
        root=str(run / "root"),
        readable=readable() if sandboxed else (),
        hidden=hidden() if sandboxed else (),
        needed=(os.path.realpath(sys.executable), sys.prefix, sys.base_prefix, str(run)) if sandboxed else (),
        uid=_user() if sandboxed and hasattr(os, "getuid") and os.getuid() == 0 else None,
        memory=memory,
        cpu=cpu,
    )


def readable() -> tuple[str, ...]:
    """The system's tools and libraries, this interpreter, and the packages that are installed for it."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.realpath(sys.prefix)}
    prefixes.add(os.path.realpath(sys.base_prefix))
    paths = {*SYSTEM, *_site_folders()}
    paths |= {f"{prefix}/{part}" for prefix in prefixes for part in OF_A_PREFIX}
    paths |= {path for path in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if path.startswith("/")}
    return tuple(sorted(path for path in paths if Path(path).exists()))


def hidden() -> tuple[str, ...]:
    """This package wherever it lies, with its answers, and the checkout that it is run from."""
    package = Path(checker.__file__).resolve().parent
    paths = {package}
    if str(package.parent) not in _site_folders():
        paths.add(package.parent)
    paths |= {other for folder in _site_folders() if (other := Path(folder) / "checker").is_dir()}
    return tuple(sorted(map(str, paths)))


def _site_folders() -> set[str]:
    named = map(Path, (*site.getsitepackages(), site.getusersitepackages(), *sys.path))
    folders = {path for path in named if path.name in ("site-packages", "dist-packages") and path.is_dir()}
    return {str(path) for folder in folders for path in (folder, folder.resolve())}


def _user() -> int:
    try:
        lines = Path("/proc/self/uid_map").read_text().splitlines()
    except OSError:
        return secrets.choice(USERS[0])
    mapped = [range(int(first), int(first) + int(size)) for first, _, size in map(str.split, lines)]
    for users in USERS:
        if any(users[0] in known and users[-1] in known for known in mapped):
            return secrets.choice(users)
    return NOBODY
