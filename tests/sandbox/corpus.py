"""The hostile corpus: one file in `tests/hostile/` for each attempt, as cells that are put into a right notebook.

They are text and no modules, so that nothing imports them by mistake. The head of a file says what is tried and which
verdicts are right; `# weakest` is the weakest level of the sandbox at which it can be let loose without harm. Then
follow the cells:

    # %% function   in place of the cell that defines the function
    # %% attack     before the answer; where it sets `hole`, the right answer is given, and otherwise a wrong one,
                    so that the verdict `correct` means that it got out
    # %% before     before the answer
    # %% after      after the answer
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import EXERCISE, RIGHT, code_cell, load, source

from checker.kernel import launch
from checker.sandbox import policies

FOLDER = Path(__file__).parent / "hostile"
SECONDS = 30.0  # in which an entry must have ended, on a busy machine too: it takes 1 to 8 on a quiet one

Target = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One attempt: its name, the verdicts that are right, and its cells by kind."""

    name: str
    verdicts: tuple[str, ...]
    weakest: str
    cells: tuple[tuple[str, str], ...]

    @property
    def is_attack(self) -> bool:
        return any(kind == "attack" for kind, _ in self.cells)


def read(path: Path) -> Entry:
    head, *rest = re.split(r"^# %% (\w+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    fields = dict(re.findall(r"^# (verdict|weakest): (.*)$", head, flags=re.MULTILINE))
    cells = tuple((kind, code.strip("\n")) for kind, code in zip(rest[::2], rest[1::2], strict=True))
    return Entry(path.stem, tuple(fields["verdict"].split(", ")), fields.get("weakest", "limits"), cells)


def entries() -> list[Entry]:
    return [read(path) for path in sorted(FOLDER.glob("*.txt"))]


def notebook(entry: Entry, target: Target) -> bytes:
    """The exercise with a right answer, and the attempt in it."""
    content = load(EXERCISE)
    cells = content["cells"]
    known = f"TARGET = {dict(target)!r}\n"
    function = next(cell for cell in cells if "TODO" in source(cell))
    head = source(function).split("\n\n")[0]
    function["source"] = f"{head}\n{RIGHT}"
    answer = next(i for i, cell in enumerate(cells) if "Your answer:" in source(cell))
    before, after = [], []
    for kind, code in entry.cells:
        if kind == "function":
            function["source"] = known + code.replace("RIGHT_ANSWER", f"np.array({target['answer']!r})")
        elif kind == "attack":
            before.append(code_cell(f"{known}hole = False\n{code}"))
            guarded = RIGHT.replace("return", "result =")
            function["source"] = f"{head}\n{guarded}  return result if hole else -result\n"
        else:
            {"before": before, "after": after}[kind].append(code_cell(code))
    cells[answer + 1 : answer + 1] = after
    cells[answer:answer] = before
    return json.dumps(content).encode()


class Watch:
    """Remembers the folder and the user of each kernel that a thread starts, to look for what is left of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seen = threading.local()
        make_folder, make_user = launch.run_folder, policies._user

        @contextlib.contextmanager
        def run_folder() -> Iterator[Path]:
            with make_folder() as folder:
                self._seen.folder = folder
                yield folder

        def user() -> int:
            self._seen.user = make_user()
            return self._seen.user

        monkeypatch.setattr(launch, "run_folder", run_folder)
        monkeypatch.setattr(policies, "_user", user)

    def leftovers(self) -> list[str]:
        """What is left of this thread's last kernel: folders, and processes by their user or their environment."""
        folder, user = getattr(self._seen, "folder", None), getattr(self._seen, "user", None)
        if folder is None:
            return []
        left = [str(folder)] if folder.exists() else []
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and _belongs(process, folder, user):
                left.append(f"process {process.name}: {_command(process)}")
        return left


def _belongs(process: Path, folder: Path, user: int | None) -> bool:
    try:
        state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
        environment = (process / "environ").read_bytes()
        return state != "Z" and (process.stat().st_uid == user or os.fsencode(folder) in environment)
    except OSError:  # gone, or another user's, whose kernel this is not
        return False


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "?"
