"""The sandbox, with real kernels, at every level that this machine offers (each is in a test's name)."""

import asyncio
import ctypes
import dataclasses
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import EXAMPLES, ROOT, SOLUTION, filled_in, notebook, outputs_of, processes_that_mention
from jupyter_client.asynchronous import AsyncKernelClient

from checker import Result
from checker.batch.grade import grade_one
from checker.batch.settings import Settings
from checker.exercises import load
from checker.kernel import launch
from checker.kernel.observation import Observation
from checker.kernel.options import LAUNCHERS, Launcher, Limits
from checker.kernel.run import observe
from checker.sandbox import doctor, policies
from checker.sandbox.inside import landlock
from checker.sandbox.inside.identity import reachable
from checker.sandbox.inside.policy import Policy
from checker.sandbox.levels import LEVELS, Level, SandboxUnavailableError, choose, trial
from checker.submissions.find import Submission
from checker.submissions.notebook import parse

LINUX = sys.platform == "linux"
OFFERED = [level for level in LEVELS if trial(level).started]
BOXED = [level for level in OFFERED if level != "limits"]
DOCKERLIKE = [sys.executable, str(ROOT / "tests/sandbox/dockerlike.py")]

every_level = pytest.mark.parametrize("level", OFFERED)
every_launcher = pytest.mark.parametrize("how", LAUNCHERS)
boxed_levels = pytest.mark.parametrize("level", BOXED)
on_linux = pytest.mark.skipif(not LINUX, reason="only Linux has a sandbox so far")


def run(*cells: str, level: Level, limits: Limits | None = None, how: Launcher = "spawn") -> Observation:
    return observe(parse(notebook(*cells)), limits=limits, level=level, launcher=how)


def printed(observation: Observation) -> str:
    cells = json.loads(observation.executed)["cells"]
    return "".join("".join(output.get("text", "")) for cell in cells for output in cell["outputs"])


# Life inside goes on.


@pytest.mark.skipif(os.name != "posix", reason="its commands are those of POSIX")
@every_level
@every_launcher
def test_ordinary_notebooks_notice_nothing(how: Launcher, level: Level) -> None:
    """Commands, temporary files, threads, other processes of Python, plots, and a check cell."""
    cells = (
        "!echo shell $((1 + 1))",
        "%%bash\necho bash",
        "import os, subprocess, sys\nprint(subprocess.check_output([sys.executable, '-c', 'print(3)']))",
        "import tempfile\nwith tempfile.NamedTemporaryFile() as file: print('temporary', file.write(b'x'))",
        "from concurrent.futures import ThreadPoolExecutor\nprint(list(ThreadPoolExecutor().map(abs, [-4])))",
        "os.mkdir('folder'); os.chmod('folder', 0o700)\nopen('folder/file', 'w').close()\nprint(os.listdir('folder'))",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "from checker import check\ncheck()",
    )
    seen = run(*cells, level=level, how=how)
    assert seen.ending == "finished" and not seen.failures, seen.failures
    said = printed(seen).replace("\r", "")
    for part in ("shell 2", "bash", "b'3\\n'", "temporary 1", "[4]", "['file']"):
        assert part in said
    assert "image/png" in seen.executed


@pytest.fixture(scope="module")
def outputs_without() -> Callable[[Path], Any]:
    known: dict[Path, Any] = {}

    def outputs(path: Path) -> Any:
        if path not in known:
            known[path] = run_and_outputs(path, "limits")
        return known[path]

    return outputs


def run_and_outputs(path: Path, level: Level) -> Any:
    seen = observe(parse(path.read_bytes()), level=level)
    return seen.ending, outputs_of(seen.executed)


@boxed_levels
@pytest.mark.parametrize("name", ["solution", "wim_jansen", "karl_lang", "gabor_toth"])
def test_outputs_are_the_same_with_and_without(name: str, level: Level, outputs_without: Callable[[Path], Any]) -> None:
    path = SOLUTION if name == "solution" else EXAMPLES / f"{name}.ipynb"
    assert run_and_outputs(path, level) == outputs_without(path)


@boxed_levels
@pytest.mark.parametrize("folder", ["/var/tmp", "/dev/shm"])
def test_the_folder_for_temporary_files_may_be_another(
    folder: str, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        Path(place).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", place)
        seen = run("import os\nopen('file', 'w').close()\nprint(os.getcwd(), os.listdir())", level=level)
        scratch, _, files = printed(seen).partition(" ")
        assert scratch.startswith(f"{place}/checker-") and "'file'" in files
        assert not list(Path(place).iterdir())
    assert not (Path("/tmp") / Path(scratch).parent.name).exists()  # nothing was built where a link leads


@boxed_levels
def test_installing_a_package_fails_at_once(level: Level) -> None:
    begun = time.perf_counter()
    said = printed(run("%pip install a-package-that-is-not-there", level=level))
    assert "No matching distribution" in said or "ERROR" in said or "No module named pip" in said
    assert time.perf_counter() - begun < 20  # it tries for half a minute where there is a network


# Limits, interrupts, and the end.


@pytest.mark.skipif(os.name != "posix", reason="its commands are those of POSIX")
@every_level
@every_launcher
@pytest.mark.parametrize("cell", ["import time\ntime.sleep(60)", "!sleep 60"])
def test_a_cell_that_takes_too_long_is_interrupted_and_the_kernel_lives(cell: str, how: Launcher, level: Level) -> None:
    seen = run(cell, "print('alive')", level=level, limits=Limits(cell=0.8), how=how)
    assert seen.ending == "finished" and seen.failures[0].timed_out
    assert "alive" in printed(seen)


@pytest.mark.parametrize("level", [level for level in OFFERED if LINUX])
@every_launcher
def test_processes_that_use_too_much_memory_together_are_ended(how: Launcher, level: Level) -> None:
    """Each stays below the limit."""
    code = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        hoard = os.urandom(1) * (150 << 20)
        time.sleep(20)
        os._exit(0)
time.sleep(20)"""
    seen = run(code, level=level, limits=Limits(memory=500 * 2**20), how=how)
    assert seen.ending == "memory" and seen.stopped_in == 1


@every_level
@every_launcher
def test_nothing_is_left_behind(how: Launcher, level: Level, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No process, though it ignores all it can and left its session; no folder, no mount."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tmp_path.chmod(0o755)
    mark = secrets.token_hex()
    mounts = Path("/proc/self/mounts").read_text() if LINUX else ""
    code = f"""
import os, signal, subprocess, sys
open('file', 'w').close()
code = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(99) # {mark}"
subprocess.Popen([sys.executable, '-c', code], start_new_session=True)
print('started')"""
    assert "started" in printed(run(code, level=level, how=how))
    assert not list(tmp_path.iterdir())
    if LINUX:
        assert Path("/proc/self/mounts").read_text() == mounts
        assert not processes_that_mention(mark)


JUDGE = """
import asyncio, sys, time
from checker.kernel.launch import launch

async def main():
    async with launch(2**31, sys.argv[1]) as kernel:
        print(kernel.scratch, flush=True)
        time.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("level", [level for level in OFFERED if LINUX])
def test_a_kernel_ends_with_its_judge_even_if_that_is_killed(level: Level, tmp_path: Path) -> None:
    command, environment = [sys.executable, "-c", JUDGE, level], {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as judge:
        assert judge.stdout is not None
        run_folder = Path(judge.stdout.readline().strip()).parent
        assert processes_that_mention(str(run_folder))
        judge.kill()
    deadline = time.monotonic() + 20
    while processes_that_mention(str(run_folder)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not processes_that_mention(str(run_folder))


@on_linux
def test_the_judges_memory_is_closed_to_other_processes() -> None:
    run("pass", level="limits")
    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0  # PR_GET_DUMPABLE


SUPERVISOR_OF_A_BOMB = """
import os, resource
from checker.sandbox.inside import identity, supervisor, system

system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
if os.getuid() == 0:
    identity.switch_user(1_999_999_999)  # root may have any number of processes
most = identity.tasks_of_this_user() + 60
resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
if os.fork() == 0:
    while True:
        try:
            os.fork()
        except OSError:
            pass
while len(supervisor.descendants(os.getpid())) < 50:
    pass
supervisor.end_all_below()
print("left:", supervisor.descendants(os.getpid()))
"""


@on_linux
def test_what_forks_faster_than_it_can_be_killed_is_stopped_first() -> None:
    command = [sys.executable, "-c", SUPERVISOR_OF_A_BOMB]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.stdout == "left: []\n", ended.stderr


FORKS = """
import os, subprocess, sys, threading
from checker.sandbox.inside.system import NEWNS, fork_into

process = fork_into(0)
if process == 0:
    thread = threading.Thread(target=print, args=("a thread",))
    thread.start()
    thread.join()
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", "print('a program')"], check=True)
    process = os.fork()
    if process == 0:
        os._exit(3)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) + 4)
print("the child:", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
try:
    fork_into(NEWNS | 0x200)  # a namespace for its own mounts, and its root shared: impossible
except OSError as error:
    print(error.strerror)
process = os.fork() or os._exit(5)
print("another:", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


@on_linux
def test_a_fork_into_namespaces_is_a_fork_like_any_other() -> None:
    ran = subprocess.run([sys.executable, "-W", "error", "-c", FORKS], cwd=ROOT, capture_output=True, text=True)
    assert (ran.stdout.splitlines(), ran.stderr) == (
        ["a thread", "a program", "the child: 7", "clone: Invalid argument", "another: 5"],
        "",
    )


# Failing closed.


@boxed_levels
@every_launcher
def test_a_layer_that_does_not_come_up_is_our_fault_and_nothing_runs(
    how: Launcher, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any, **options: Any) -> Policy:
        policy = policies.policy_for(*arguments, **options)
        # A root that cannot be built; a scratch folder that cannot be entered.
        changed = {"root": "/nonexistent"} if level == "full" else {"scratch": "/nonexistent"}
        return dataclasses.replace(policy, **changed)

    monkeypatch.setattr(launch, "policy_for", broken)
    submission = Submission("ada", "Ada", "ada.ipynb", filled_in)
    result, executed = grade_one(submission, load(), Settings(sandbox=f"require={level}", launcher=how))
    assert (result.verdict, result.score, executed) == ("not graded", None, "")
    assert "the sandbox did not come up" in result.summary and result.sandbox == level


@on_linux
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these layers")
def test_a_level_starts_wherever_its_layers_are_there() -> None:
    """A level that rots silently would be skipped by every other test."""
    offered = {layer.name: layer.offered for layer in doctor.examine().layers}
    assert trial("full").started == offered["namespaces"]
    assert trial("confined").started == (offered["Landlock"] and offered["seccomp"]), trial("confined").reason
    assert trial("reduced").started == offered["seccomp"]


def test_a_level_that_cannot_start_is_never_replaced_by_a_weaker_one() -> None:
    code = "import sys; sys.path[:0] = ['tests', 'tests/sandbox']; import test_sandbox; test_sandbox.grade_at_full()"
    ended = subprocess.run([*DOCKERLIKE, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def grade_at_full() -> None:
    with pytest.raises(launch.KernelStartError, match="the sandbox did not come up"):
        run("print('it ran')", level="full")


def test_what_is_required_or_refused() -> None:
    assert choose("off").level == choose("require=limits").level == "limits"
    assert choose("auto").level == OFFERED[0]
    for wrong in ("maybe", "require=", "require=most", "full", ""):
        with pytest.raises(ValueError, match="require=LEVEL"):
            choose(wrong)
    for level in set(LEVELS) - set(OFFERED):
        with pytest.raises(SandboxUnavailableError, match="does not start here"):
            choose(f"require={level}")


def test_the_result_says_the_level(grade: Callable[..., Result]) -> None:
    result = grade(filled_in())
    assert result.sandbox == OFFERED[0]
    assert bool(result.sandbox_reason) == (OFFERED[0] != "full")


# What is hidden, and what a level allows.


@pytest.mark.parametrize("installed", [True, False])
def test_this_package_is_hidden_wherever_it_lies(
    installed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Installed, it is hidden alone; in a checkout, all of the checkout is."""
    folder = tmp_path / ("site-packages" if installed else "checkout")
    (folder / "checker").mkdir(parents=True)
    monkeypatch.setattr("checker.__file__", str(folder / "checker/__init__.py"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site-packages")])
    assert str(folder / "checker") in policies.hidden()
    assert (str(folder) in policies.hidden()) == (not installed)
    assert all(not str(ROOT).startswith(path + "/") and path != str(ROOT) for path in policies.readable())


@on_linux
def test_rules_name_the_siblings_of_what_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "lib/checker").mkdir(parents=True)
    (tmp_path / "lib/numpy").mkdir()
    (tmp_path / "lib64").symlink_to("lib")
    (tmp_path / "lib/same").symlink_to("checker")
    shown = [str(tmp_path), str(tmp_path / "lib64")]
    rules = dict(landlock.without(shown, [str(tmp_path / "lib64/checker")]))
    assert rules == {
        str(tmp_path): landlock.LIST,
        str(tmp_path / "lib"): landlock.LIST,
        str(tmp_path / "lib/numpy"): landlock.READ,
    }


# The escape probes. Every one that is open is named in docs/security.md.

OPEN_AT_CONFINED = {"see that a file exists"}
OPEN_WITHOUT = {
    "connect to a server of this machine",
    "listen on a port",
    "connect to an abstract socket",
    "connect to a socket file",
    "read the reference",
    "read any file of the checker",
    "read another submission",
    "list other submissions",
    "write into a folder open to all",
    "delete a file",
    "see another process",
    "signal another process",
    "signal the judge",
    "more sockets beside the sockets",
    "programs that gain privileges",
    "memory that no limit counts",
    "leave a file behind",
    "much disk in many files",
    "very many files",
}
OPEN_AT_REDUCED = {
    "read the reference",
    "read another submission",
    "see another process",
    "write into a folder open to all",
}


def expected_open(level: Level) -> set[str]:
    if level == "full":
        return set()
    # Root keeps one capability if its interpreter lies in a folder that is closed to others.
    key = os.getuid() == 0 and not reachable([os.path.realpath(sys.executable), sys.prefix, sys.base_prefix])
    found = OPEN_AT_CONFINED | ({"capabilities"} if key else set())
    if os.getuid() != 0 and landlock.abi() < 6:
        found |= {"signal another process", "signal the judge", "signal the supervisor"}
    return found


# Some probes signal every process that they can: one after the other, they do not take each other's for their own.
one_at_a_time = pytest.mark.usefixtures("alone")


def probe(*options: str) -> tuple[str, set[str], int]:
    """The level, what was open, and how many probes there are."""
    program = [sys.executable, str(ROOT / "tests/sandbox/probing.py")]
    command = [*program, *options]
    if options[0] == "dockerlike":
        command = [*DOCKERLIKE, *options[1:], *program, "auto"]
    paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    ended = subprocess.run(command, cwd=ROOT, env=paths, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    outcomes = found["outcomes"]
    return found["level"], {name for name, outcome in outcomes.items() if outcome == "open"}, len(outcomes)


@one_at_a_time
@pytest.mark.parametrize("level", [level for level in OFFERED if level in ("full", "confined")])
def test_escape_probes_find_just_what_is_known(level: Level) -> None:
    """A forked kernel at one level, a cold one at the other: the layers are the same."""
    _, found, count = probe(level, "spawn" if level == "full" else "fork")
    assert found == expected_open(level)
    assert count >= 80


@one_at_a_time
@on_linux
def test_without_a_sandbox_the_probes_find_the_holes() -> None:
    _, found, _ = probe("off")
    assert found >= OPEN_WITHOUT


@one_at_a_time
@on_linux
def test_in_a_container_the_level_is_confined() -> None:
    if "confined" not in OFFERED:
        pytest.skip("this machine has no Landlock")
    level, found, _ = probe("dockerlike")
    assert level == "confined" and found == expected_open("confined")


@one_at_a_time
@on_linux
def test_in_a_container_without_landlock_the_level_is_reduced() -> None:
    level, found, _ = probe("dockerlike", "--no-landlock")
    assert level == "reduced" and found >= OPEN_AT_REDUCED
    network = {"connect to a server of this machine", "listen on a port", "connect to an abstract socket"}
    others = {"memory of the judge", "memory of another process", "trace another process", "signal everybody"}
    assert not found & (network | others | {"leave a process behind", "much disk in many files"})


# The command line.


def checker(*arguments: object, dockerlike: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "checker", *map(str, arguments)]
    if dockerlike:
        command = [*DOCKERLIKE, *dockerlike[1:], *command]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


WEAK = ("dockerlike", "--no-landlock")


@on_linux
def test_strangers_notebooks_are_not_graded_below_confined_unless_that_is_asked_for(tmp_path: Path) -> None:
    path = EXAMPLES / "amelia_stone.ipynb"
    refused = checker("grade", path, "--out", tmp_path / "a", dockerlike=WEAK)
    assert refused.returncode == 4 and not list(tmp_path.glob("a/*"))
    assert "only the sandbox level reduced (no Landlock" in refused.stderr and "--sandbox off" in refused.stderr
    refused = checker("grade", path, "--out", tmp_path / "b", "--sandbox", "require", dockerlike=WEAK)
    assert refused.returncode == 4 and "level full does not start here (no namespaces" in refused.stderr
    told = checker("grade", path, "--out", tmp_path / "c", "--sandbox", "require=reduced", dockerlike=WEAK)
    assert told.returncode == 0 and told.stdout.startswith("Sandbox: reduced")


@on_linux
def test_ones_own_notebook_is_checked_at_any_level() -> None:
    seen = checker("check", SOLUTION, "--json", dockerlike=WEAK)
    result = json.loads(seen.stdout)
    assert seen.returncode == 0 and result["sandbox"] == "reduced" and "no Landlock" in result["sandbox_reason"]


def test_no_sandbox_is_warned_of_in_one_line(tmp_path: Path) -> None:
    seen = checker("run", SOLUTION, "--sandbox", "off")
    assert seen.returncode == 0 and seen.stderr.count("\n") == 1 and "switched off" in seen.stderr


def test_a_sandbox_that_makes_no_sense_is_refused() -> None:
    for wrong in ("full", "require=most", "yes"):
        seen = checker("check", SOLUTION, "--sandbox", wrong)
        assert seen.returncode == 2 and "is none of auto, off, require" in seen.stderr


def test_doctor_says_what_there_is() -> None:
    seen = checker("doctor", "--json")
    found = json.loads(seen.stdout)
    assert found["level"] == OFFERED[0] and found["enough_for_untrusted"] == (seen.returncode == 0)
    assert seen.returncode == (0 if OFFERED[0] in ("full", "confined") else 4)
    assert f"Level: {OFFERED[0]}" in checker("doctor").stdout


@on_linux
def test_doctor_says_what_is_missing() -> None:
    seen = checker("doctor", dockerlike=WEAK)
    assert seen.returncode == 4 and "lsm=" in seen.stdout and "too little" in seen.stdout


@pytest.mark.parametrize(
    ("file", "content", "remedy"),
    [
        (
            "proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        ("proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces="),
        (".dockerenv", "", "--security-opt"),
        ("proc/sys/kernel/unprivileged_userns_clone", "1", "ask whoever runs this machine"),
    ],
)
def test_doctor_names_the_command_that_allows_namespaces(file: str, content: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(content + "\n")
    assert remedy in doctor.namespaces_remedy(tmp_path)


@on_linux
@every_launcher
def test_interrupting_a_sandboxed_kernel_raises_in_its_cell(how: Launcher) -> None:
    """As nbclient has it done: the kernel is not the process that the judge started."""

    async def interrupted() -> bool:
        async with launch.launch(2**31, OFFERED[0], launcher=how) as kernel:
            channels = AsyncKernelClient(session=kernel.session)
            channels.load_connection_info(kernel.connection)
            channels.start_channels(stdin=False, control=False)
            try:
                await channels.wait_for_ready(timeout=60)
                channels.execute("import time\nprint('begun', flush=True)\ntime.sleep(60)")
                while True:
                    message = await channels.get_iopub_msg(timeout=20)
                    if message["msg_type"] == "stream":  # before that an interrupt would hit the kernel, not the cell
                        kernel.interrupt()
                    if message["msg_type"] == "error":
                        return kernel.is_alive() and message["content"]["ename"] == "KeyboardInterrupt"
            finally:
                channels.stop_channels()

    assert asyncio.run(interrupted())


def test_signals_of_this_process_are_as_before() -> None:
    run("pass", level=OFFERED[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
