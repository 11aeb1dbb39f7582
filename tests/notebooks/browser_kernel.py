"""Runs as a program: `check()` where there is nothing but numpy and pure Python, as in a browser's kernel.

Of the standard library, what needs an operating system is missing, much as in Pyodide; no other library can be
imported; processes, threads, connections and files, source code to import aside, are refused. Reads the root of the
project and the cells of a notebook, in JSON, from stdin; writes what `check()` shows of them to stdout.
"""

from __future__ import annotations

import importlib.abc
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np  # noqa: F401  # whatever it needs

MISSING = {
    "_ctypes", "_curses", "_multiprocessing", "_posixshmem", "_posixsubprocess", "_socket", "_ssl", "asyncio",
    "concurrent", "ctypes", "curses", "dbm", "ensurepip", "fcntl", "grp", "mmap", "msvcrt", "multiprocessing",
    "pty", "pwd", "readline", "resource", "select", "selectors", "socket", "ssl", "subprocess", "syslog",
    "tempfile", "termios", "tkinter", "tty", "venv", "winreg",
}  # fmt: skip
REFUSED = ("_thread.", "ctypes.", "fcntl.", "mmap.", "os.", "pty.", "shutil.", "socket.", "subprocess.", "tempfile.")
ALLOWED = {"os.listdir", "os.scandir"}  # by which Python finds modules


class Finder(importlib.abc.MetaPathFinder):
    """Finds nothing that a browser's kernel may lack."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        top = name.split(".")[0]
        if top in MISSING or not (top in sys.stdlib_module_names or top in ("numpy", "checker")):
            raise ImportError(f"{name} is missing here")


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook, which nobody can take away again."""
    is_source = event == "open" and str(arguments[0]).endswith((".py", ".pyc")) and arguments[1] in ("r", "rb")
    if (event == "open" and not is_source) or (event.startswith(REFUSED) and event not in ALLOWED):
        raise PermissionError(f"{event} is refused here")


def refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (ImportError, PermissionError):
        return True
    return False


def start_thread(*arguments: Any) -> None:
    raise PermissionError("threads are refused here")


def main() -> None:
    root, *cells = json.load(sys.stdin)
    sys.path.insert(0, root)
    for name in [name for name in sys.modules if name.split(".")[0] in MISSING]:
        del sys.modules[name]
    threading._start_new_thread = start_thread  # type: ignore[attr-defined]
    sys.meta_path.insert(0, Finder())
    sys.addaudithook(refuse)
    import os

    attempts: dict[str, Callable[[], object]] = {
        "library": lambda: __import__("matplotlib"),
        "socket": lambda: __import__("socket"),
        "thread": threading.Thread(target=print).start,
        "process": os.fork if hasattr(os, "fork") else lambda: os.system(""),
        "write": lambda: open(os.devnull, "w"),  # noqa: PTH123, SIM115
        "read": lambda: open(os.devnull),  # noqa: PTH123, SIM115
    }
    namespace = sys.modules["__main__"].__dict__
    namespace["In"] = ["", *cells]  # as IPython keeps them
    for cell in cells:
        exec(cell, namespace)
    from checker import check

    shown = check()
    out = {
        "not refused": [name for name, attempt in attempts.items() if not refused(attempt)],
        "text": repr(shown),
        "html": shown._repr_html_(),
        "modules": sorted({name.split(".")[0] for name in sys.modules}),
    }
    sys.stdout.write(json.dumps(out))


if __name__ == "__main__":
    main()
