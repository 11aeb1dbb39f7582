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
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from growth import grow
from measuring import Round, measure
from submissions import make_submissions
from ways import WAYS, prepare

RIVAL = "nbgrader autograde"


def compare(ways: Sequence[str], count: int, rounds: int, plots: bool, report: Callable[[str], None]) -> list[Round]:
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
                report(f"round {number + 1} of {rounds}: {way:<32} {1000 * done.wall:8.0f} ms a submission")
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

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if options.growth:
        print(grow(options.most, report))
        return
    ways = [way for way in WAYS if not options.only or any(text in way for text in options.only)]
    found = compare(ways, options.submissions, options.rounds, options.plots, report)
    print(f"{options.submissions} submissions {'with' if options.plots else 'without'} plots, {os.cpu_count()} cores")
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps([asdict(done) for done in found], indent=2))


if __name__ == "__main__":
    main()
