"""Time and memory of commands, measured as whole processes from outside."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ways import Prepared

from checker.sandbox.inside.supervisor import descendants


@dataclass(frozen=True)
class Round:
    """One way's turn at one round's submissions: seconds of wall time for each, and memory in MB at most.

    Not CPU time: what a kernel in a process namespace of its own has used is not added up for its parents.
    """

    way: str
    submissions: int
    wall: float
    memory: float


def measure(way: str, prepared: Prepared) -> Round:
    """Run the commands one after the other, as a whole; the slower start of an interpreter counts too."""
    memory = Memory()
    begun = perf_counter()
    for command in prepared.commands:
        process = subprocess.Popen(
            command,
            cwd=prepared.folder,
            env=os.environ | dict(prepared.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        with memory.of(process.pid):
            _, complaint = process.communicate()
        if process.returncode not in prepared.exit_codes:
            raise SystemExit(f"{way}: exit code {process.returncode}\n{complaint.decode(errors='replace')[-2000:]}")
    wall = perf_counter() - begun
    prepared.verify()
    count = prepared.submissions
    return Round(way, count, wall / count, memory.peak / 2**20)


class Memory:
    """The largest memory of a process and all below it, looked at a few times a second; shared pages count once."""

    def __init__(self) -> None:
        self.peak = 0
        self._ended = threading.Event()

    def of(self, process: int) -> Memory:
        self._process = process
        return self

    def __enter__(self) -> None:
        self._ended.clear()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.3):
            self.peak = max(self.peak, sum(map(_memory, [self._process, *descendants(self._process)])))


def _memory(process: int) -> int:
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
