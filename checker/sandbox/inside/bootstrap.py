"""The first lines of a kernel's life: lock oneself in, hide this package, start ipykernel.

Run as a script by the launcher, `bootstrap.py POLICY REPORT ...`: the policy is a JSON file, what came of it is
written to the descriptor REPORT as one line of JSON (-1: nobody waits for it), and the rest is `-f CONNECTION_FILE`,
or `--trial` to start no kernel. `bootstrap.py --fork-server CONTROL` becomes the fork server, whose forks become
kernels.
It imports nothing of this package by its name, so that no answer is ever in the student's process.
"""

import contextlib
import importlib
import json
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def ours(name: str) -> Any:
    """A module of the folder `inside`, imported without this package."""
    folder = str(Path(__file__).parent.parent)
    sys.path.insert(0, folder)
    module = importlib.import_module(f"inside.{name}")
    sys.path.remove(folder)
    return module


def lock_in(policy_file: str, report: int) -> tuple[Any, Mapping[str, str]]:
    """Apply the policy; returns it and the layers that came up. A failure is reported, and ends the process."""
    entry, inside, _ = ours("entry"), ours("policy"), ours("hooks")  # later they can no longer be read
    try:
        policy = inside.Policy(**json.loads(Path(policy_file).read_text(encoding="utf-8")))
        layers = entry.enter(policy, report)
        if "--trial" in sys.argv:
            smoke_test()
    except BaseException as error:
        layer, reason = getattr(error, "layer", "start"), getattr(error, "reason", f"{type(error).__name__}: {error}")
        tell(report, {"layer": layer, "reason": reason})
        os._exit(inside.REFUSED)
    return policy, layers


def tell(report: int, content: dict[str, Any]) -> None:
    if report >= 0:
        with contextlib.suppress(OSError):
            os.write(report, json.dumps(content).encode() + b"\n")
            os.close(report)


def smoke_test() -> None:
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


def font_lists(folder: Path) -> dict[str, bytes]:
    """What the judge has put there for matplotlib: a forked kernel needs none."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def keep_fonts(lists: Mapping[str, bytes]) -> None:
    """Put them where matplotlib looks for them."""
    folder = Path(os.environ["MPLCONFIGDIR"])
    folder.mkdir(exist_ok=True)
    for name, content in lists.items():
        (folder / name).write_bytes(content)


def prepare_kernel(policy: Any) -> Any:
    """A kernel that has its sockets, and will have no others."""
    seccomp, hooks = ours("seccomp"), ours("hooks")
    for name in [name for name in sys.modules if name.split(".")[0] == "inside"]:
        del sys.modules[name]
    hide_checker()
    with hooks.without_debugger():
        if policy.seccomp and not policy.namespaces:
            hooks.run_commands_without_terminal()
        hooks.name_cells_quickly()
        application = hooks.kernel_application(sys.argv[-1])
        application.initialize()
    hooks.ignore_exit(application)
    if policy.seccomp:
        seccomp.no_more_sockets()
    return application


if __name__ == "__main__":
    if sys.argv[1] == "--fork-server":
        with ours("hooks").without_debugger():
            ours("entry")
            ours("fork_server").serve(int(sys.argv[2]))
    report = int(sys.argv.pop(2))
    fonts = font_lists(Path(sys.argv[1]).parent / "fonts")
    policy, layers = lock_in(sys.argv.pop(1), report)
    if "--trial" in sys.argv:
        tell(report, {"layers": layers})
    else:
        if fonts:
            keep_fonts(fonts)
        kernel = prepare_kernel(policy)
        tell(report, {"layers": layers})
        kernel.start()
