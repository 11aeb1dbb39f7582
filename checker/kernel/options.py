"""What can be chosen for a run: how much a notebook may use, and how its kernel is started."""

import sys
from dataclasses import dataclass
from typing import Literal, get_args

Launcher = Literal["fork", "spawn"]
LAUNCHERS: tuple[Launcher, ...] = get_args(Launcher) if sys.platform == "linux" else ("spawn",)


@dataclass(frozen=True)
class Limits:
    """Seconds for a cell, for a whole notebook and for one call of the function; bytes of output and memory."""

    cell: float = 20.0
    notebook: float = 60.0
    call: float = 10.0
    output: int = 8 * 2**20
    memory: int = 2 * 2**30


def choose_launcher(name: str) -> Launcher:
    """The launcher for `auto`, `fork` or `spawn`. Raises `ValueError` for one that is not offered here.

    >>> choose_launcher("spawn")
    'spawn'
    """
    if name == "auto":
        return LAUNCHERS[0]
    if name not in LAUNCHERS:
        raise ValueError(f"the launchers here are {', '.join(LAUNCHERS)}; not {name!r}")
    return name
