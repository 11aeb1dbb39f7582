"""Forked kernels: to a notebook they look like spawned ones, and nothing is lost when the fork server ends."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers import EXAMPLES, EXERCISE, ROOT, SOLUTION, filled_in, notebook, outputs_of

from checker.batch.grade import grade_one
from checker.batch.settings import Settings
from checker.exercises import load
from checker.kernel import fork_server, launch, options
from checker.kernel import run as runs
from checker.kernel.observation import Observation
from checker.kernel.options import LAUNCHERS, Launcher, Limits, choose_launcher
from checker.kernel.run import observe
from checker.sandbox import policies
from checker.sandbox.inside import hooks
from checker.sandbox.inside.supervisor import descendants
from checker.sandbox.levels import LEVELS, Level, trial
from checker.submissions.find import Submission
from checker.submissions.notebook import UnreadableError, parse

pytestmark = pytest.mark.skipif("fork" not in LAUNCHERS, reason="kernels are forked on Linux only")

CELLS = [cell.strip("\n") for cell in (ROOT / "tests/torture.txt").read_text().split("# %%\n")[1:]]
LIMITS = Limits(cell=5)
OFFERED = [level for level in LEVELS if trial(level).started]


@pytest.fixture(autouse=True)
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Launcher]:
    """The launchers of all kernels that this test starts: what could not be forked is spawned."""
    seen: list[Launcher] = []
    start = runs.launch

    def launch(memory: int, level: Level, cpu: int, how: Launcher) -> Any:
        seen.append(how)
        return start(memory, level, cpu, how)

    monkeypatch.setattr(runs, "launch", launch)
    return seen


def run(*cells: str, how: Launcher = "fork", level: Level = "limits") -> Observation:
    return observe(parse(notebook(*cells)), level=level, launcher=how)


def outputs(seen: Observation) -> list[list[dict[str, Any]]]:
    """Without what is another in every run: folders, numbers of processes, addresses."""
    found = outputs_of(re.sub(r"checker-\w{8}|ipykernel_\d+|0x[0-9a-f]{6,}", "...", seen.executed))
    for output in (output for cell in found for output in cell if output.get("ename") == "KeyboardInterrupt"):
        output["traceback"] = []  # it came somewhere in a loop
    return found


def printed(seen: Observation) -> str:
    return "".join(output.get("text", "") for cell in outputs(seen) for output in cell)


def fork_servers() -> list[int]:
    """Those of this process, without the kernels that are forks of them."""
    found = []
    for process in descendants(os.getpid()):
        try:
            status = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            if b"--fork-server" in Path(f"/proc/{process}/cmdline").read_bytes() and int(status[1]) == os.getpid():
                found.append(process)
        except OSError:
            continue
    return found


# What a notebook sees.


def test_every_example_gives_the_same_outputs() -> None:
    paths = [SOLUTION, EXERCISE, *sorted(path for path in EXAMPLES.rglob("*") if path.suffix in (".ipynb", ".py"))]
    parsed = {}
    for path in paths:
        with contextlib.suppress(UnreadableError):
            parsed[path] = parse(path.read_bytes(), script=path.suffix == ".py")
    assert len(parsed) > 30

    def both(path: Path) -> tuple[Observation, Observation]:
        return tuple(observe(parsed[path], None, LIMITS, level=OFFERED[0], launcher=how) for how in LAUNCHERS)  # type: ignore[return-value]

    with ThreadPoolExecutor(2) as pool:
        for path, (forked, spawned) in zip(parsed, pool.map(both, parsed), strict=True):
            assert (forked.ending, forked.failures) == (spawned.ending, spawned.failures), path
            assert outputs(forked) == outputs(spawned), path
            assert path != SOLUTION or forked.executed.count("image/png") > 1


@pytest.mark.parametrize("level", [level for level in OFFERED if level in ("full", "limits")])
def test_a_notebook_cannot_tell_how_its_kernel_was_started(level: Level, attempts: list[Launcher]) -> None:
    forked, spawned = (outputs(run(*CELLS, how=how, level=level)) for how in LAUNCHERS)
    different = [cell for cell, one, other in zip(CELLS, forked, spawned, strict=True) if one != other]
    assert not different and attempts == [*LAUNCHERS]


def test_no_two_forks_have_the_same_random_numbers() -> None:
    code = """
import multiprocessing, os, random, tempfile, uuid
import numpy as np
print(random.random(), np.random.rand(), np.random.default_rng().random(), uuid.uuid4(), tempfile.mktemp(),
      multiprocessing.current_process().authkey.hex())"""
    first, second = (printed(run(code, level=OFFERED[0])).split() for _ in range(2))
    assert len(first) == 6 and all(one != other for one, other in zip(first, second, strict=True))


def test_nothing_of_one_notebook_is_seen_by_the_next() -> None:
    code = "import builtins, numpy as np\nprint(hasattr(builtins, 'mark'), np.pi > 3)\nbuiltins.mark, np.pi = 1, 2"
    assert printed(run(code)) == printed(run(code)) == "False True\n"


# The fork server's own life.


def test_there_is_one_fork_server_and_it_is_replaced_when_it_has_been_killed(attempts: list[Launcher]) -> None:
    run("pass")
    [first] = fork_servers()
    run("pass")
    assert fork_servers() == [first]
    os.kill(first, signal.SIGKILL)
    wait_for_the_end_of(first)
    assert printed(run("print('runs')")) == "runs\n"
    [second] = fork_servers()
    assert second != first and set(attempts) == {"fork"}


# Not more than its own: other processes that run tests have theirs. The fork server comes first, since the kernel ends
# with its supervisor.
KILLS = """
import os, signal, time
above = [os.getppid()]
while b'--fork-server' in open(f'/proc/{above[-1]}/cmdline', 'rb').read():
    above.append(int(open(f'/proc/{above[-1]}/stat').read().rsplit(')', 1)[1].split()[1]))
for process in above[-2::-1]:
    os.kill(process, signal.SIGKILL)
time.sleep(FORKED * 20)
"""


def test_a_submission_that_kills_the_fork_server_is_graded_in_a_spawned_kernel(attempts: list[Launcher]) -> None:
    """Nothing keeps it from doing so at the weakest level."""
    forked = "import sys\nFORKED = '--fork-server' in sys.orig_argv"
    data = {"killer": filled_in(before=f"{forked}\n{KILLS}"), "next": filled_in()}
    for name, content in data.items():
        submission = Submission(name, name, f"{name}.ipynb", partial(bytes, content))
        result, _ = grade_one(submission, load(), Settings(sandbox="off", launcher="fork"))
        assert result.verdict == "correct", result.summary
    assert attempts == ["fork", "spawn", "fork"]


@pytest.mark.parametrize("level", OFFERED)
def test_what_kills_all_it_can_does_not_hurt_the_next(level: Level, attempts: list[Launcher]) -> None:
    if level == "limits":
        pytest.skip("there it would kill this process too")
    run("import os, signal\nos.kill(-1, signal.SIGKILL)", "import os, signal\nos.kill(os.getppid(), 9)", level=level)
    assert printed(run("print('runs')", level=level)) == "runs\n"
    assert attempts[-1] == "fork"


JUDGE = """
import asyncio, os, time
from checker.kernel.launch import launch
from checker.sandbox.inside.supervisor import descendants

async def main():
    async with launch(2**31, LEVEL, launcher="fork") as kernel:
        print(*descendants(os.getpid()), flush=True)
        time.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("level", OFFERED)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_fork_server_and_its_kernels_end_with_the_judge(number: signal.Signals, level: Level) -> None:
    command = [sys.executable, "-c", JUDGE.replace("LEVEL", repr(level))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as judge:
        assert judge.stdout is not None
        processes = [int(process) for process in judge.stdout.readline().split()]
        assert len(processes) >= 3
        judge.send_signal(number)
    wait_for_the_end_of(*processes)


def wait_for_the_end_of(*processes: int) -> None:
    deadline = time.monotonic() + 20
    while any(map(_runs, processes)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [process for process in processes if _runs(process)]


def _runs(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_judge_that_ends_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    code = "import sys; sys.path[:0] = ['tests', 'tests/kernel']; import test_fork_server as t; t.run('pass')"
    code += "; print('ran')"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", code]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("ran\n", "")
    assert not list(tmp_path.iterdir())


class ImpatientError(Exception):
    pass


@pytest.mark.parametrize("level", OFFERED)
def test_a_kernel_can_be_ended_before_it_has_begun(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    async def report(_: Any) -> None:
        raise ImpatientError

    async def start_and_end() -> None:
        with pytest.raises(ImpatientError):
            async with launch.launch(2**30, level, launcher="fork"):
                pass

    monkeypatch.setattr(launch, "_wait_for_report", report)
    monkeypatch.setattr(launch, "END_WITHIN", 10**6)
    for _ in range(20):
        asyncio.run(asyncio.wait_for(start_and_end(), 60))
    [process] = fork_servers()
    assert descendants(process) == []


def test_where_the_fork_server_does_not_start_kernels_are_spawned(
    attempts: list[Launcher], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is not tried a second time."""
    monkeypatch.setattr(fork_server, "_current", None)
    monkeypatch.setattr(fork_server, "BOOTSTRAP", tmp_path / "nothing.py")
    assert printed(run("print('runs')")) == "runs\n"
    broken = fork_server._current
    assert printed(run("print('runs')")) == "runs\n"
    assert attempts == ["fork", "spawn"] * 2 and fork_server._current is broken is not None
    broken.stop()


def test_two_threads_share_the_fork_server() -> None:
    with ThreadPoolExecutor(2) as pool:
        said = [*pool.map(lambda number: printed(run(f"print({number})")), range(4))]
    assert said == ["0\n", "1\n", "2\n", "3\n"] and len(fork_servers()) == 1


def test_a_fork_of_the_judge_has_a_fork_server_of_its_own() -> None:
    run("pass")
    code = "import sys; sys.path[:0] = ['tests', 'tests/kernel']; import test_fork_server; test_fork_server.in_a_fork()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def in_a_fork() -> None:
    """Without threads of its own but the one that waits for the fork server."""
    run("pass")
    [first] = fork_servers()
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        assert printed(run("print('runs')")) == "runs\n" and fork_servers() == [first]
    else:
        said = printed(run("print('runs')"))
        os._exit(0 if said == "runs\n" and len(fork_servers()) == 1 else 1)


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can look into it")
def test_the_fork_server_knows_nothing_of_any_exercise() -> None:
    run("pass")
    [process] = fork_servers()
    source = Path(sys.modules[load().expected.__module__].__file__ or "").parent
    texts = [path.read_bytes() for path in source.rglob("*.py")]
    lines = {line.strip() for text in texts for line in text.splitlines() if len(line.strip()) > 60}
    memory = _memory(process)
    assert b"ZMQInteractiveShell" in memory and len(lines) > 20
    assert not [line for line in lines if line in memory]


def _memory(process: int) -> bytes:
    """All that it could read of itself."""
    found = []
    maps = Path(f"/proc/{process}/maps").read_text().splitlines()
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as file:
        for entry in maps:
            first, last = (int(number, 16) for number in entry.split()[0].split("-"))
            if entry.split()[1].startswith("rw"):
                file.seek(first)
                try:
                    found.append(file.read(last - first))
                except OSError:
                    continue
    return b"".join(found)


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may look into every process")
def test_the_fork_server_is_closed_to_others_of_the_same_user() -> None:
    run("pass")
    [process] = fork_servers()
    with pytest.raises(PermissionError):
        Path(f"/proc/{process}/environ").read_bytes()


# Choosing.


def test_kernels_are_forked_where_that_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (choose_launcher("auto"), choose_launcher("fork"), choose_launcher("spawn")) == ("fork", "fork", "spawn")
    monkeypatch.setattr(options, "LAUNCHERS", ("spawn",))
    assert choose_launcher("auto") == "spawn"
    with pytest.raises(ValueError, match="the launchers here are spawn; not 'fork'"):
        choose_launcher("fork")


def test_fonts_of_other_folders_are_not_named_to_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = ["fonts/ttf/own.ttf", "/usr/share/fonts/shared.ttf", "/home/ada/.fonts/private.ttf"]
    listed = {"_version": 1, "afmlist": [], "ttflist": [{"fname": name} for name in names]}
    (tmp_path / "fontlist-v1.json").write_text(json.dumps(listed))
    (tmp_path / "fontlist-v2.json").write_text("[]")
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    hooks.font_lists.cache_clear()
    hooks.copy_font_lists(tmp_path / "copy", policies.SYSTEM)
    hooks.font_lists.cache_clear()
    [copy] = (tmp_path / "copy").iterdir()
    assert [font["fname"] for font in json.loads(copy.read_text())["ttflist"]] == names[:2]
