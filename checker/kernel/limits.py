"""How much a notebook may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Seconds for a cell, for a whole notebook and for one call of the function; bytes of output and memory."""

    cell: float = 20.0
    notebook: float = 60.0
    call: float = 10.0
    output: int = 8 * 2**20
    memory: int = 2 * 2**30
