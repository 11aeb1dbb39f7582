"""Every known attempt ends with the right verdict, in time, and leaves nothing; the next submission is graded right."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import os
import socket
import subprocess
import sys
import time
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import corpus
import pytest
from corpus import Entry, Watch
from helpers import ROOT, Once, filled_in
from rich.console import Console

from checker import Result
from checker.batch.grade import grade_one
from checker.batch.settings import Settings
from checker.batch.workers import grade_all
from checker.exercises.model import Exercise
from checker.kernel.options import LAUNCHERS, Limits
from checker.reports.terminal import details
from checker.result import to_json
from checker.sandbox.levels import LEVELS, Level, trial
from checker.sandbox.policies import USERS
from checker.submissions.find import Submission, find

ENTRIES = corpus.entries()
LIMITS = Limits(cell=3, notebook=20, call=3)
RIGHT, WRONG = filled_in(), filled_in("  return -X")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one entry, and of the submission that was graded right after it."""

    result: Result
    seconds: float
    left: list[str]
    following: tuple[str, ...]


def meant_for(level: str) -> list[Entry]:
    return [entry for entry in ENTRIES if LEVELS.index(level) <= LEVELS.index(entry.weakest)]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, exercise: Exercise) -> Iterator[corpus.Target]:
    """What there is to be found: a secret, servers, this process, the reference."""
    folder = tmp_path_factory.mktemp("canary")
    (folder / "secret.txt").write_text("secret")
    answer = exercise.expected(exercise.draw(0).notebook)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        named.bind(str(folder / "socket"))
        named.listen()
        with socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind(f"\0canary{os.getpid()}")
            abstract.listen()
            yield {
                "canary": str(folder),
                "judge": os.getpid(),
                "port": server.getsockname()[1],
                "socket": str(folder / "socket"),
                "abstract": f"canary{os.getpid()}",
                "package": [str(ROOT)],
                "expected": float(answer[0, 0]),
                "answer": answer.tolist(),
            }


@pytest.fixture(scope="module", params=LEVELS[:2])
def attacked(
    request: pytest.FixtureRequest, target: corpus.Target, exercise: Exercise, once: Once
) -> tuple[Level, dict[str, Outcome], Path]:
    """All entries at one level, which stands in the name of each test, and the folder with the secret.

    Another process may have run them, against a target of its own.
    """
    level: Level = request.param
    if not trial(level).started:
        pytest.skip(f"this machine does not offer the level {level}: {trial(level).reason}")
    found, canary = once(f"hostile-{level}", lambda: (run(level, meant_for(level), target, exercise), target["canary"]))
    return level, found, Path(canary)


@pytest.fixture(scope="module")
def outcomes(attacked: tuple[Level, dict[str, Outcome], Path]) -> tuple[Level, dict[str, Outcome]]:
    return attacked[:2]


def run(level: Level, chosen: list[Entry], target: corpus.Target, exercise: Exercise) -> dict[str, Outcome]:
    # Where there is a sandbox worth the name, in forked kernels, as a batch has them; elsewhere in cold ones.
    launcher = LAUNCHERS[0] if level in LEVELS[:2] else "spawn"
    settings = Settings(LIMITS, sandbox=f"require={level}", launcher=launcher)
    with pytest.MonkeyPatch.context() as patched:
        watch = Watch(patched)

        def grade(data: bytes, name: str) -> Result:
            return grade_one(Submission(name, name, f"{name}.ipynb", lambda: data), exercise, settings)[0]

        def attempt(number: int, entry: Entry) -> Outcome:
            begun = time.monotonic()
            result = grade(corpus.notebook(entry, target), entry.name)
            seconds, left = time.monotonic() - begun, watch.leftovers()
            following: tuple[str, ...] = ()
            if level == "full" or number % 12 < 2:  # each at one level, and some at the other, for time
                following = grade(RIGHT, "right").verdict, grade(WRONG, "wrong").verdict
            return Outcome(result, seconds, left, following)

        # Forked kernels wait more than they compute; six cold ones that load their libraries at once run out of time.
        with ThreadPoolExecutor(max_workers=2 if launcher == "spawn" else 6) as pool:
            found = pool.map(attempt, range(len(chosen)), chosen)
            return dict(zip((entry.name for entry in chosen), found, strict=True))


def test_no_attempt_is_a_module_that_something_might_import() -> None:
    assert len(ENTRIES) >= 60 and {path.suffix for path in corpus.FOLDER.iterdir()} == {".txt"}


def test_every_attempt_ends_with_its_verdict(outcomes: tuple[Level, dict[str, Outcome]]) -> None:
    level, found = outcomes
    bad = {
        entry.name: f"{found[entry.name].result.verdict} in place of {' or '.join(entry.verdicts)}"
        for entry in meant_for(level)
        if found[entry.name].result.verdict not in entry.verdicts
    }
    assert not bad


def test_every_attempt_ends_in_time(outcomes: tuple[Level, dict[str, Outcome]]) -> None:
    _, found = outcomes
    assert not {name: outcome.seconds for name, outcome in found.items() if outcome.seconds > corpus.SECONDS}


def test_no_process_and_no_folder_is_left(outcomes: tuple[Level, dict[str, Outcome]]) -> None:
    _, found = outcomes
    assert not {name: outcome.left for name, outcome in found.items() if outcome.left}
    shared = [path for folder in ("/tmp", "/dev/shm", "/var/tmp") for path in Path(folder).iterdir()]
    assert not [path for path in shared if user_of(path) in USERS[0]], "files of a kernel's user"


def user_of(path: Path) -> int | None:
    """The owner of a file; none if it is gone, or if an escape probe has left it that runs in another process."""
    with contextlib.suppress(FileNotFoundError):
        return None if path.name.startswith("escaped-") else path.lstat().st_uid
    return None


def test_what_comes_next_in_the_batch_is_graded_right(outcomes: tuple[Level, dict[str, Outcome]]) -> None:
    level, found = outcomes
    followed = {name: outcome.following for name, outcome in found.items() if outcome.following}
    assert len(followed) == len(found) if level == "full" else len(followed) > 10
    assert set(followed.values()) == {("correct", "wrong")}


def test_nothing_of_the_graders_is_changed(attacked: tuple[Level, dict[str, Outcome], Path]) -> None:
    _, found, canary = attacked
    assert found and sorted(path.name for path in canary.iterdir()) == ["secret.txt", "socket"]
    assert (canary / "secret.txt").read_text() == "secret"


def test_no_report_holds_anything_harmful(outcomes: tuple[Level, dict[str, Outcome]], exercise: Exercise) -> None:
    _, found = outcomes
    results = [outcome.result for outcome in found.values()]
    printed = Console(file=io.StringIO(), force_terminal=False, width=100, record=True)
    for result in results:
        printed.print(details(result, exercise, "explain"))
    text = printed.export_text() + "".join(to_json(result) for result in results)
    assert not {character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs")} - {"\n"}


def test_without_a_sandbox_the_attempts_do_get_through(target: corpus.Target, exercise: Exercise) -> None:
    """The corpus has teeth: what fails above for the sandbox's sake succeeds where there is none."""
    bites = {"reads_the_reference", "reads_other_submissions", "writes_the_grades", "connects", "asks_for_namespaces"}
    if os.getuid() == 0:
        bites |= {"becomes_root", "reads_keys_and_tokens"}
    found = run("limits", [entry for entry in ENTRIES if entry.name in bites], target, exercise)
    assert {name: outcome.result.verdict for name, outcome in found.items()} == dict.fromkeys(bites, "correct")
    (Path(target["canary"]) / "written").unlink()


@pytest.mark.parametrize("level", LEVELS[2:])
def test_attempts_that_harm_nobody_end_as_well_at_the_weaker_levels(
    level: Level, target: corpus.Target, exercise: Exercise
) -> None:
    if not trial(level).started:
        pytest.skip(f"this machine does not offer the level {level}: {trial(level).reason}")
    sample = ("allclose_patched", "cells_rewritten", "segmentation_fault", "stdout_flood", "leaves_at_once")
    chosen = [entry for entry in ENTRIES if entry.name in sample]
    found = run(level, chosen, target, exercise)
    assert not [entry.name for entry in chosen if found[entry.name].result.verdict not in entry.verdicts]


# Files that are no notebooks, or none that anybody should open.


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**30)


def odd(**changes: object) -> bytes:
    content = json.loads(RIGHT)
    return json.dumps(content | changes).encode()


def cells_with(**changes: object) -> bytes:
    content = json.loads(RIGHT)
    content["cells"] = [cell | changes for cell in content["cells"]]
    return json.dumps(content).encode()


def zipped(*names: str, data: bytes = RIGHT) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                archive.writestr(name, data)
        return file.getvalue()


BASH = {"kernelspec": {"name": "bash", "argv": ["bash", "-c", "touch {canary}"], "language": "bash"}}

FILES: dict[str, tuple[Callable[[Path], object] | bytes, str]] = {
    "a FIFO": (os.mkfifo, "unreadable"),
    "a symbolic link to a device": (lambda path: path.symlink_to("/dev/zero"), "unreadable"),
    "a symbolic link to a file of others": (lambda path: path.symlink_to("/etc/passwd"), "unreadable"),
    "a socket": (bind, "unreadable"),
    "a folder": (Path.mkdir, "not listed"),
    "a file of a gigabyte": (sparse, "unreadable"),
    "a million cells": (
        b'{"nbformat": 4, "cells": [' + b'{"cell_type": "raw", "source": ""},' * 500_000 + b"]}",
        "unreadable",
    ),
    "deep JSON": (b'{"nbformat": 4, "cells": ' + b"[" * 10**5 + b"]" * 10**5 + b"}", "unreadable"),
    "deep metadata": (b'{"nbformat": 4, "cells": [], "metadata": ' + b'{"a":' * 900 + b"1" + b"}" * 901, "unreadable"),
    "an integer of 5000 digits": (b'{"nbformat": 4, "cells": [], "metadata": ' + b"9" * 5000 + b"}", "unreadable"),
    "NaN": (odd(metadata={"x": float("nan")}), "correct"),
    "a byte order mark": (b"\xef\xbb\xbf" + RIGHT, "correct"),
    "UTF-16": (RIGHT.decode().encode("utf-16"), "correct"),
    "bad UTF-8": (RIGHT.replace(b"TODO", b"\xff\xfe") + b"\xff", "unreadable"),
    "lone surrogates": (RIGHT.replace(b"# Print X", b"# \\ud800"), "correct"),
    "NUL": (RIGHT.replace(b"# Print X", b"# \\u0000"), "correct"),
    "nbformat 3": (odd(nbformat=3, worksheets=[]), "unreadable"),
    "nbformat 9": (odd(nbformat=9), "unreadable"),
    "the same id for all cells": (cells_with(id="x"), "correct"),
    "a kernel of its own choice": (odd(metadata=BASH), "correct"),
    "no JSON": (b"<html>Please sign in</html>", "unreadable"),
    "nothing": (b"", "unreadable"),
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, exercise: Exercise) -> dict[str, str]:
    """What became of each file, all of them in one folder with a right one."""
    folder = tmp_path_factory.mktemp("files")
    for number, (content, _) in enumerate(FILES.values()):
        path = folder / f"s{number:02d}.ipynb"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)
    (folder / "zz_right.ipynb").write_bytes(RIGHT)
    found = find([folder], exercise)
    graded = {
        result.student: result.verdict for result, _ in grade_all(found.submissions, exercise, Settings(workers=2))
    }
    return {name: graded.get(f"s{number:02d}", "not listed") for number, name in enumerate(FILES)} | {
        "right": graded["zz_right"]
    }


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_or_graded_for_what_it_is(name: str, opened: dict[str, str]) -> None:
    assert opened[name] == FILES[name][1]
    assert opened["right"] == "correct"


def test_one_command_grades_a_mixed_folder_right(tmp_path: Path, target: corpus.Target) -> None:
    folder, out = tmp_path / "submissions", tmp_path / "grades"
    folder.mkdir()
    chosen = ("endless_loop", "kills_everybody", "stdout_flood", "segmentation_fault", "message_of_terror")
    for entry in ENTRIES:
        if entry.name in chosen:
            (folder / f"{entry.name}.ipynb").write_bytes(corpus.notebook(entry, target))
    for number in range(3):
        (folder / f"right{number}.ipynb").write_bytes(RIGHT)
    command = [sys.executable, "-m", "checker", "grade", folder, "--out", out, "--cell-timeout", "3", "--workers", "2"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1, done.stderr
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        verdicts = {row["student"]: row["verdict"] for row in csv.DictReader(file)}
    expected = {entry.name: entry.verdicts[0] for entry in ENTRIES if entry.name in chosen}
    assert verdicts == expected | {f"right{number}": "correct" for number in range(3)}
