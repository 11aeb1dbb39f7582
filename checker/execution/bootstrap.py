"""The first lines of a kernel's life: lock oneself in, hide this package, start ipykernel.

Run as a script by the launcher, `bootstrap.py POLICY REPORT ...`: the policy is a JSON file, what came of it is
written to the descriptor REPORT as one line of JSON (-1: nobody waits for it), and the rest are ipykernel's arguments,
or `--trial` to start no kernel. It imports nothing of this package by its name, so that no answer is ever in the
student's process.
"""

import contextlib
import importlib
import json
import os
import sys
import types
from pathlib import Path
from typing import Any


def lock_in(policy_file: str, report: int) -> Any:
    """Apply the policy and report; returns it, and what is left to do. A failure ends the process."""
    folder = str(Path(__file__).parent / "sandbox")
    sys.path.insert(0, folder)
    entry = importlib.import_module("inside.entry")
    sys.path.remove(folder)
    policy = importlib.import_module("inside.policy")
    try:
        wanted = policy.Policy(**json.loads(Path(policy_file).read_text(encoding="utf-8")))
        layers = entry.enter(wanted, report)
        if "--trial" in sys.argv:
            live_a_little()
        tell(report, {"layers": layers})
    except BaseException as error:
        layer, reason = getattr(error, "layer", "start"), getattr(error, "reason", f"{type(error).__name__}: {error}")
        tell(report, {"layer": layer, "reason": reason})
        os._exit(policy.REFUSED)
    for name in [name for name in sys.modules if name.split(".")[0] == "inside"]:
        del sys.modules[name]
    return wanted, entry.seccomp


def tell(report: int, content: dict[str, Any]) -> None:
    if report >= 0:
        with contextlib.suppress(OSError):
            os.write(report, json.dumps(content).encode() + b"\n")
            os.close(report)


def live_a_little() -> None:
    """What every kernel needs: a file, a thread, its libraries, and another process of the same interpreter."""
    import importlib.util
    import subprocess
    import threading

    Path("file").write_text("x")
    thread = threading.Thread(target=os.getpid)
    thread.start()
    thread.join()
    for library in ("ipykernel", "numpy", "zmq"):
        found = importlib.util.find_spec(library)
        if found is None or found.origin is None:
            raise OSError(f"{library} is not where libraries usually are")
        Path(found.origin).read_bytes()  # os.access would ask for the user without the capability that is left
    subprocess.run([sys.executable, "-I", "-S", "-c", "import json"], check=True, stderr=subprocess.DEVNULL, timeout=20)


def hide_checker() -> None:
    """Put an empty `checker` in this package's place: a self-check cell runs, and shows and knows nothing."""
    stub = types.ModuleType("checker", "A stand-in while a notebook is being graded.")
    for name in ("check", "grade"):
        setattr(stub, name, lambda *arguments, **options: None)
    sys.modules["checker"] = stub


def run_commands_without_terminal() -> None:
    """Let `!command` use a pipe: only a root of its own has terminals that nobody else uses."""
    import subprocess

    import ipykernel.zmqshell

    def system(command: str) -> int:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                print(line, end="")
        except KeyboardInterrupt:
            process.kill()
        return process.wait()

    vars(ipykernel.zmqshell)["system"] = system


def start_kernel(policy: Any, seccomp: Any) -> None:
    from ipykernel.kernelapp import IPKernelApp

    if policy.seccomp and not policy.namespaces:
        run_commands_without_terminal()
    application: Any = IPKernelApp.instance()
    application.initialize()
    if policy.seccomp:
        seccomp.no_more_sockets()
    application.start()


if __name__ == "__main__":
    policy, seccomp = lock_in(sys.argv.pop(1), int(sys.argv.pop(1)))
    if "--trial" not in sys.argv:
        if sys.platform == "linux":
            os.environ.pop("JPY_PARENT_PID", None)  # its keeper ends the kernel with the judge; its parent may be 1
        hide_checker()
        start_kernel(policy, seccomp)
