"""Worker processes: what crosses to them, what their death costs, and that nothing of them stays."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from helpers import GRADE, ROOT, filled_in, notebook

from checker.batch import workers
from checker.batch.settings import Settings
from checker.batch.workers import grade_all
from checker.exercises.model import Exercise
from checker.kernel.options import Limits
from checker.submissions.archives import CannotOpenError
from checker.submissions.find import Submission
from checker.submissions.notebook import UnreadableError

ENDLESS = notebook("X_prime = 1\nwhile True: pass")


def submission(name: str, data: bytes) -> Submission:
    return Submission(name, name, f"{name}.ipynb", lambda: data)


def kill_all() -> None:
    for process in multiprocessing.active_children():
        process.kill()


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("error", [UnreadableError("it is a pipe"), CannotOpenError(13, "it may not be opened")])
def test_a_submission_travels_with_its_content_or_with_what_reading_it_raised(error: Exception) -> None:
    def fail() -> bytes:
        raise error

    assert pickle.loads(pickle.dumps(submission("ada", b"{}").loaded())).read() == b"{}"
    sent = pickle.loads(pickle.dumps(Submission("eve", "Eve", "eve.ipynb", fail).loaded()))
    with pytest.raises(type(error)) as raised:
        sent.read()
    assert raised.value.args == error.args


def test_a_submission_whose_worker_dies_is_graded_by_another(exercise: Exercise) -> None:
    right = [submission(name, filled_in()) for name in ("bea", "cem")]
    graded = grade_all([submission("ada", b""), *right], exercise, Settings(workers=2))
    first, _ = next(graded)  # so that another is being graded now
    kill_all()
    verdicts = {result.submission: result.verdict for result in (first, *(result for result, _ in graded))}
    assert verdicts == {"ada": "unreadable", "bea": "correct", "cem": "correct"}


def test_a_submission_whose_workers_die_is_not_graded_and_the_rest_is(
    exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "ATTEMPTS", 1)
    batch = [submission("eve", ENDLESS), submission("ada", b""), submission("bea", filled_in())]
    # Eve's time must not end before ada is graded, however slow the machine is.
    settings = Settings(Limits(cell=300, notebook=300), workers=2)
    with closing(grade_all(batch, exercise, settings)) as graded:
        first, _ = next(graded)
        assert first.submission == "ada"
        oldest_first = sorted(multiprocessing.active_children(), key=lambda each: int(each.name.split("-")[-1]))
        oldest_first[0].kill()  # eve's
        rest = {result.submission: result for result, _ in graded}
    assert rest["bea"].verdict == "correct"
    assert rest["eve"].verdict == "not graded" and rest["eve"].score is None and rest["eve"].sha256
    assert rest["eve"].summary == "eve.ipynb: the process that graded it ended unexpectedly, 1 times."


def test_closing_the_generator_ends_workers_and_kernels_at_once(exercise: Exercise) -> None:
    graded = grade_all([submission("ada", b""), submission("eve", ENDLESS)], exercise, Settings(workers=2))
    next(graded)
    graded.close()
    assert not multiprocessing.active_children()


@pytest.mark.skipif(sys.platform != "linux", reason="there is no sandbox that is good enough")
def test_a_program_without_a_main_guard_can_grade(tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(b"")
    program = tmp_path / "program.py"
    program.write_text(f"from checker import grade\nprint(grade({str(tmp_path / 'ada.ipynb')!r})[0].verdict)\n")
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)
    assert run.stdout == "unreadable\n" and not run.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in Linux's way")
@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_checker(deadly: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(b"")
    (tmp_path / "eve.ipynb").write_bytes(ENDLESS)
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o755)
    options = ["--out", tmp_path / "out", "--workers", "2", "--cell-timeout", "300", "--timeout", "300"]
    command = [sys.executable, "-m", "checker", *GRADE, tmp_path, *options]
    process = subprocess.Popen(
        list(map(str, command)),
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        assert process.stdout is not None and process.stdout.readline().startswith("Sandbox: ")
        assert "ada" in process.stdout.readline()
        assert eventually(lambda: any(temporary.glob("checker-*/private/connection.json")))
        (os.killpg if deadly == signal.SIGINT else os.kill)(process.pid, deadly)  # Ctrl-C reaches the whole group
        process.wait(timeout=60)
    assert eventually(lambda: not any(temporary.iterdir())), list(temporary.iterdir())
    assert eventually(lambda: not members(process.pid)), members(process.pid)


def members(session: int) -> list[str]:
    """The processes of a session; the third field after the name in parentheses is its number."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(path.parent.name)
    return found
