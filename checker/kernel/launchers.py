"""The launchers by name; `launcher` has what they do."""

from __future__ import annotations

import sys
from typing import Literal, get_args

Launcher = Literal["fork", "spawn"]
LAUNCHERS: tuple[Launcher, ...] = get_args(Launcher) if sys.platform == "linux" else ("spawn",)


def choose_launcher(asked: str) -> Launcher:
    """The launcher for `auto`, `fork` or `spawn`. Raises `ValueError` for one that is not offered here.

    >>> choose_launcher("spawn")
    'spawn'
    """
    if asked == "auto":
        return LAUNCHERS[0]
    if asked not in LAUNCHERS:
        raise ValueError(f"the launchers here are {', '.join(LAUNCHERS)}; not {asked!r}")
    return asked
