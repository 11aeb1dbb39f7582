"""The levels of the sandbox, and the best that this machine offers: found by really starting it once."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from checker.sandbox.policies import policy_for, run_folder, write_policy

Level = Literal["full", "confined", "reduced", "limits"]
LEVELS: tuple[Level, ...] = get_args(Level)
ENOUGH_FOR_UNTRUSTED: Level = "confined"

BOOTSTRAP = Path(__file__).parent / "inside/bootstrap.py"
TRIAL_WITHIN = 60.0  # seconds


class SandboxUnavailableError(RuntimeError):
    """The level that was asked for does not start here, or none that is good enough."""


@dataclass(frozen=True)
class Trial:
    """A level was started: the layers that came up, or the first that did not, and why."""

    level: Level
    started: bool
    layers: Mapping[str, str] = field(default_factory=dict)
    layer: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Sandbox:
    """A level, and in a few words why it is none better ("" for the best)."""

    level: Level
    reason: str = ""


def requested_level(option: str) -> Level | None:
    """The level that `off`, `require` or `require=LEVEL` stand for; None for `auto`. Raises `ValueError` for others.

    >>> requested_level("require"), requested_level("require=reduced"), requested_level("auto")
    ('full', 'reduced', None)
    """
    meanings: dict[str, Level | None] = {"auto": None, "off": "limits", "require": "full"}
    meanings |= {f"require={level}": level for level in LEVELS}
    if option not in meanings:
        levels = ", ".join(LEVELS)
        raise ValueError(f"{option!r} is none of auto, off, require, require=LEVEL (LEVEL: {levels})")
    return meanings[option]


def choose(option: str = "auto", *, least: Level = "limits") -> Sandbox:
    """The level for `auto`, `off`, `require` or `require=LEVEL`.

    `auto` takes the best that starts here. Raises `SandboxUnavailableError` when that is below `least`, or when the
    required level does not start; `ValueError` for any other option.

    >>> choose("off").level
    'limits'
    """
    level = requested_level(option)
    if level is None:
        best = next(level for level in LEVELS if trial(level).started)
        sandbox = Sandbox(best, why_not_better(best))
        if LEVELS.index(best) > LEVELS.index(least):
            raise SandboxUnavailableError(f"this machine offers only the sandbox level {best} ({sandbox.reason})")
        return sandbox
    if option == "off":
        return Sandbox(level, "switched off")
    tried = trial(level)
    if not tried.started:
        raise SandboxUnavailableError(f"the sandbox level {level} does not start here ({_why(tried)})")
    return Sandbox(level, "" if level == "full" else "asked for")


def why_not_better(level: Level) -> str:
    """Why the next better level does not start."""
    return _why(trial(LEVELS[LEVELS.index(level) - 1])) if level != LEVELS[0] else ""


def _why(tried: Trial) -> str:
    return f"{LAYERS.get(tried.layer, tried.layer)}: {tried.reason}"


LAYERS = {
    "platform": "only Linux has these layers so far",
    "namespaces": "no namespaces",
    "root": "no root of its own",
    "user": "no other user",
    "landlock": "no Landlock",
    "seccomp": "no seccomp",
    "limits": "limits cannot be set",
    "start": "a process does not start in it",
}


@functools.cache
def trial(level: Level) -> Trial:
    """Start a process at this level, as a kernel would be, and let it do what every kernel needs. Once a process."""
    if level == "limits":
        return Trial(level, True)
    if sys.platform != "linux":
        return Trial(level, False, layer="platform", reason=f"this is {sys.platform}")
    with run_folder() as run:
        policy = write_policy(policy_for(level, run, memory=2**31, cpu=60), run)
        report = _report_of_a_trial(policy, run)
    if "layers" in report:
        return Trial(level, True, layers=report["layers"])
    return Trial(level, False, layer=report["layer"], reason=report["reason"])


def _report_of_a_trial(policy: Path, run: Path) -> dict[str, Any]:
    ours, theirs = os.pipe()
    command = [sys.executable, "-P", str(BOOTSTRAP), str(policy), str(theirs), "--trial"]
    try:
        subprocess.run(
            command,
            pass_fds=(theirs,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ},
            cwd=run,
            start_new_session=True,
            timeout=TRIAL_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"layer": "start", "reason": str(error)}
    finally:
        os.close(theirs)
        with os.fdopen(ours, "rb") as file:
            said = file.readline()
    report: dict[str, Any] = json.loads(said or b'{"layer": "start", "reason": "the process ended at once"}')
    return report
