"""How long the pages of a large class take to write, and how large they are: python benchmarks/class_page.py [5000]."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from synthetic import make_class  # noqa: E402

from checker import exercises  # noqa: E402
from checker.reports.class_page import class_page  # noqa: E402
from checker.reports.feedback_pages import write_feedback_pages  # noqa: E402


def timed(what: str, do: Callable[[], object]) -> None:
    begin = time.perf_counter()
    do()
    print(f"{what:<40}{time.perf_counter() - begin:8.2f} s")


def main(count: int) -> None:
    exercise = exercises.load()
    results = make_class(count, exercise)
    with tempfile.TemporaryDirectory() as directory:
        index, folder = Path(directory) / "index.html", Path(directory) / "feedback"
        timed("class page", lambda: index.write_text(class_page(results, exercise), encoding="utf-8"))
        timed("feedback pages", lambda: write_feedback_pages(folder, results, exercise, "hint"))
        timed("feedback pages, nothing has changed", lambda: write_feedback_pages(folder, results, exercise, "hint"))
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{count} results: class page {index.stat().st_size / 1e6:.2f} MB, feedback pages {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
