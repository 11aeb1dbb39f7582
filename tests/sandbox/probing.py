"""The other side of the escape probes: what they aim at, and what can be seen of them only from outside.

`probing.py LEVEL [LAUNCHER]` runs them all and prints the outcomes as JSON; `auto` takes the best level.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # for running this file as a program
from helpers import notebook, processes_that_mention

import checker
from checker.kernel.options import Launcher, Limits, choose_launcher
from checker.kernel.run import observe
from checker.sandbox.levels import Level, choose
from checker.submissions.notebook import parse

SOURCE = Path(__file__).with_name("escape_probes.py").read_text(encoding="utf-8")

# Each of these in a kernel of its own, because its supervisor may have to end it.
RESOURCES = {
    "much memory in many processes": """
children = []
ready, tell = os.pipe()
for _ in range(5):
    children.append(os.fork())
    if children[-1] == 0:
        hoard = os.urandom(1) * (150 << 20)
        os.write(tell, b"r")
        time.sleep(60)
        os._exit(0)
for _ in children:
    os.read(ready, 1)
time.sleep(PATIENCE)
if all(os.waitpid(child, os.WNOHANG) == (0, 0) for child in children):
    print("OPEN")""",
    "much disk in many files": """
for number in range(40):
    with open(f"file{number}", "wb") as file:
        file.write(bytes(5 << 20))
time.sleep(PATIENCE)
print("OPEN")""",
    "very many files": """
for number in range(12_000):
    open(f"file{number}", "w").close()
time.sleep(PATIENCE)
print("OPEN")""",
}
PATIENCE = 5  # seconds that a supervisor on a busy machine has to notice, from when all is used up

NEIGHBOUR = """
import os, signal, sys, time
signal.signal(signal.SIGURG, lambda *_: os.write(1, b"s"))
print("ready", flush=True)
time.sleep(600)
"""


def outcomes(level: Level, how: Launcher = "spawn") -> dict[str, str]:
    """What each probe found at a level."""
    with _targets() as (target, neighbour):
        sockets = "os.path.dirname(ipykernel.get_connection_file())"
        inside = f"{{'sockets': {sockets}, 'supervisor': os.getppid()}}"
        code = f"import ipykernel, os\nTARGET = {target!r} | {inside}"
        seen = observe(
            parse(notebook(code, SOURCE, "main()")), limits=Limits(cell=60, notebook=120), level=level, launcher=how
        )
        assert seen.ending == "finished" and not seen.failures, (seen.ending, seen.failures)
        texts = [text for text in _printed(seen.executed) if "OUTCOMES" in text]
        found: dict[str, str] = json.loads(texts[0].split("OUTCOMES")[1])
        assert neighbour.stdout is not None
        # Probes that signal the neighbour alone have made it write too; that is told apart by their number.
        alone = found["signal another process"] == "open"
        found["signal everybody"] = _said(_signals(neighbour) > alone)
        left = [
            path
            for folder in ("/tmp", "/dev/shm", "/var/tmp")
            if (path := Path(folder, f"{target['mark']}-left")).exists()
        ]
        found["leave a file behind"] = _said(bool(left))
        for path in left:
            path.unlink()
        survivors = processes_that_mention(str(target["mark"]))
        found["leave a process behind"] = _said(bool(survivors))
        for process in survivors:
            os.kill(process, signal.SIGKILL)
    with ThreadPoolExecutor(len(RESOURCES)) as pool:
        return found | dict(
            zip(RESOURCES, pool.map(partial(_use_up, level=level, how=how), RESOURCES.values()), strict=True)
        )


def _use_up(attempt: str, level: Level, how: Launcher) -> str:
    limits = Limits(cell=20, notebook=30, memory=600 * 2**20)
    code = notebook(f"import os, time\nPATIENCE = {PATIENCE}", attempt)
    seen = observe(parse(code), limits=limits, level=level, launcher=how)
    return _said(any("OPEN" in text for text in _printed(seen.executed)))


def _said(is_open: bool) -> str:
    return "open" if is_open else "closed"


def _printed(executed: str) -> list[str]:
    cells = json.loads(executed)["cells"]
    return ["".join(output.get("text", "")) for cell in cells for output in cell.get("outputs", ())]


def _signals(neighbour: subprocess.Popen[bytes]) -> int:
    assert neighbour.stdout is not None
    count = 0
    while select.select([neighbour.stdout], [], [], 0.3)[0]:
        count += len(os.read(neighbour.stdout.fileno(), 100))
    return count


@contextlib.contextmanager
def _targets() -> Iterator[tuple[dict[str, object], subprocess.Popen[bytes]]]:
    """Servers, files, a process and a terminal, all as open to others as they ever are."""
    mark = f"escaped-{secrets.token_hex(6)}"
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="victim-")))
        folder.chmod(0o755)
        (folder / "open").mkdir()
        for name in ("readable", "private", "open/file", "open/moved", "open/deleted", "open/times"):
            (folder / name).write_text("secret")
            (folder / name).chmod(0o666 if name.startswith("open") else 0o644 if name == "readable" else 0o600)
        os.utime(folder / "open/times", (1000, 1000))
        (folder / "open").chmod(0o777)
        servers = {
            "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{mark}"),
            "file": (socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "socket")),
            "datagrams": (socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "datagrams")),
        }
        opened = {}
        for name, (family, kind, address) in servers.items():
            opened[name] = server = stack.enter_context(socket.socket(family, kind))
            server.bind(address)
            if kind == socket.SOCK_STREAM:
                server.listen()
        for path in ("socket", "datagrams"):
            (folder / path).chmod(0o777)
        master, terminal = os.openpty()
        stack.callback(lambda: (os.close(master), os.close(terminal)))
        command = [sys.executable, "-I", "-S", "-c", NEIGHBOUR]
        neighbour = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
        stack.callback(neighbour.kill)
        assert neighbour.stdout is not None and os.read(neighbour.stdout.fileno(), 6) == b"ready\n"
        package = Path(checker.__file__).parent
        disks = [path for path in map(Path, ("/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0")) if path.exists()]
        before = signal.signal(signal.SIGURG, signal.SIG_IGN)
        stack.callback(signal.signal, signal.SIGURG, before)
        yield (
            {
                "mark": mark,
                "folder": str(folder),
                "tcp": opened["tcp"].getsockname()[1],
                "udp": opened["udp"].getsockname()[1],
                "abstract": mark,
                "reference": str(next((package / "exercises").glob("m*.py"))),
                "package": str(package),
                "home": str(Path.home()),
                # An own root holds the folders on the way to the interpreter, and nothing else that is at home.
                "at home": [
                    path.name for path in Path.home().iterdir() if str(path) not in f"{sys.prefix} {sys.base_prefix}"
                ],
                "terminal": os.ttyname(terminal),
                "disk": str(disks[0]) if disks else "/dev/nothing",
                "neighbour": neighbour.pid,
                "judge": os.getpid(),
            },
            neighbour,
        )


if __name__ == "__main__":
    asked = sys.argv[1]
    chosen = choose(asked if asked in ("auto", "require", "off") else f"require={asked}")
    how = choose_launcher(sys.argv[2] if len(sys.argv) > 2 else "spawn")
    print(json.dumps({"level": chosen.level, "reason": chosen.reason, "outcomes": outcomes(chosen.level, how)}))
