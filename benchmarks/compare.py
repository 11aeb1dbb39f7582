"""How long this checker takes, beside the graders people use, on the same submissions in one run.

    python benchmarks/compare.py                    200 submissions, every way, about half an hour
    python benchmarks/compare.py --submissions 40   a quick look
    python benchmarks/compare.py --plots            submissions that draw two figures
    python benchmarks/compare.py --growth           this checker alone, from 10 to 10,000 submissions

The submissions are cut into rounds. In each round every way grades the same ones, one way after the other, in an
order that rotates; what is compared are the rounds' medians, and ratios within a round. docs/performance.md says how
to read the table. The other graders are installed from the package index, each in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from submissions import make_submissions
from ways import WAYS, Prepared, prepare

from checker.sandbox.inside.supervisor import descendants

RIVAL = "nbgrader autograde"


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


def compare(ways: Sequence[str], count: int, rounds: int, plots: bool, tell: Callable[[str], None]) -> list[Round]:
    """All rounds of all ways."""
    found: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        for number in range(rounds):
            size = count * (number + 1) // rounds - count * number // rounds
            submissions = make_submissions(size, first=count * number // rounds, plots=plots)
            for way in [*ways[number % len(ways) :], *ways[: number % len(ways)]]:
                folder = Path(directory) / f"{number}-{way.replace(' ', '-').replace(',', '')}"
                done = measure(way, prepare(way, submissions, folder))
                found.append(done)
                tell(f"round {number + 1} of {rounds}: {way:<32} {1000 * done.wall:8.0f} ms a submission")
    return found


def table(found: Sequence[Round]) -> str:
    """Medians, and how many times the throughput of the rival, as the median of the rounds' ratios."""
    ways = list(dict.fromkeys(done.way for done in found))
    rows = {way: [done for done in found if done.way == way] for way in sorted(ways, key=list(WAYS).index)}
    lines = [f"{'way':<34}{'wall ms':>9}{'peak MB':>9}{'times ' + RIVAL.split()[0]:>16}"]
    for way, done in rows.items():
        wall = 1000 * statistics.median(one.wall for one in done)
        times = ""
        if RIVAL in rows:
            ratios = [rival.wall / one.wall for rival, one in zip(rows[RIVAL], done, strict=True)]
            times = f"{statistics.median(ratios):.2f}"
        lines.append(f"{way:<34}{wall:>9.0f}{max(one.memory for one in done):>9.0f}{times:>16}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=200, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="in how many rounds (default: %(default)s)")
    parser.add_argument("--plots", action="store_true", help="submissions that draw two figures")
    parser.add_argument("--only", metavar="TEXT", action="append", help="only ways whose name has this in it")
    parser.add_argument("--growth", action="store_true", help="this checker alone, 10 to 10,000 submissions")
    parser.add_argument("--most", type=int, default=10_000, metavar="N", help="where --growth ends")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every round's figures here")
    options = parser.parse_args()

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if options.growth:
        from growth import grow

        print(grow(options.most, tell))
        return
    ways = [way for way in WAYS if not options.only or any(text in way for text in options.only)]
    found = compare(ways, options.submissions, options.rounds, options.plots, tell)
    print(f"{options.submissions} submissions {'with' if options.plots else 'without'} plots, {os.cpu_count()} cores")
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps([asdict(done) for done in found], indent=2))


if __name__ == "__main__":
    main()
