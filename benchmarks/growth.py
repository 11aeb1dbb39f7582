"""Time and memory for one submission as the number of submissions grows: both should stay as they are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from measuring import measure
from submissions import make_submissions
from ways import prepare

WAY = "checker, fork, all workers"


def grow(most: int, report: Callable[[str], None]) -> str:
    """A table for 10, 30, 100 and so on up to `most` submissions."""
    sizes = [size for size in (10, 30, 100, 200, 1_000, 3_000, 10_000) if size <= most]
    lines = [f"{'submissions':>12}{'wall ms':>10}{'peak MB':>10}"]
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="growth-") as directory:
            done = measure(WAY, prepare(WAY, make_submissions(size), Path(directory) / "all"))
        lines.append(f"{size:>12}{1000 * done.wall:>10.1f}{done.memory:>10.0f}")
        report(lines[-1])
    return "\n".join(lines)
