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
import zlib
from collections.abc import Iterator, Mapping
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
    entry, inside = ours("entry"), ours("policy")
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


@contextlib.contextmanager
def without_debugger() -> Iterator[None]:
    """There is nobody who would use ipykernel's debugger, and it takes long to load."""
    vars(sys)["modules"]["debugpy"] = None
    yield
    del sys.modules["debugpy"]


def font_lists(folder: Path) -> dict[str, bytes]:
    """What the judge has put there for matplotlib: a forked kernel needs none."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def keep_fonts(lists: Mapping[str, bytes]) -> None:
    """Put them where matplotlib looks for them."""
    folder = Path(os.environ["MPLCONFIGDIR"])
    folder.mkdir(exist_ok=True)
    for name, content in lists.items():
        (folder / name).write_bytes(content)


def name_cells_quickly() -> None:
    """Files stand for cells in tracebacks, and are named after a hash that ipykernel computes character by character.

    It is a known one so that a debugger can compute it too; here there is none, and questions are long.
    """
    with contextlib.suppress(ImportError, AttributeError):  # another version names them in another way
        import ipykernel.compiler

        vars(ipykernel.compiler)["murmur2_x86"] = lambda code, seed: zlib.crc32(code.encode(), seed)


def configured(connection_file: str) -> Any:
    """ipykernel's application, told what it would find in its arguments: it makes a parser of all its options for that.

    Nor does it make messages that are below the level at which it shows them.
    """
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    config = Config(HistoryManager={"enabled": False})
    quiet = {"loggers": {IPKernelApp.__name__: {"level": "WARNING"}}}
    application: Any = IPKernelApp.instance(connection_file=connection_file, config=config, logging_config=quiet)
    application.parse_command_line = lambda argv=None: None
    return application


def prepare_kernel(policy: Any) -> Any:
    """A kernel that has its sockets, and will have no others."""
    seccomp = ours("seccomp")
    for name in [name for name in sys.modules if name.split(".")[0] == "inside"]:
        del sys.modules[name]
    hide_checker()
    with without_debugger():
        if policy.seccomp and not policy.namespaces:
            run_commands_without_terminal()
        name_cells_quickly()
        application = configured(sys.argv[-1])
        application.initialize()
    # exit() in a cell would end the kernel a little later, in the middle of a question; here it does nothing.
    application.shell.ask_exit = lambda: None
    if policy.seccomp:
        seccomp.no_more_sockets()
    return application


if __name__ == "__main__":
    if sys.argv[1] == "--fork-server":
        with without_debugger():
            ours("entry")
            ours("fork_server").serve(int(sys.argv[2]))
    report = int(sys.argv.pop(2))
    fonts = font_lists(Path(sys.argv[1]).parent / "fonts")
    policy, layers = lock_in(sys.argv.pop(1), report)
    if "--trial" in sys.argv:
        tell(report, {"layers": layers})
    else:
        if sys.platform == "linux":
            os.environ.pop("JPY_PARENT_PID", None)  # its keeper ends the kernel with the judge; its parent may be 1
        if fonts:
            keep_fonts(fonts)
        kernel = prepare_kernel(policy)
        tell(report, {"layers": layers})
        kernel.start()
