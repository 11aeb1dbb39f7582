"""Every place where we reach into private parts of another package: what, why, and what happens without it.

Some of these run in the kernel's own process before anything else, so this module needs nothing but the standard
library, and imports what it touches only when it is called. `tests/kernel/test_hooks.py` fails for each hook that no
longer holds.
"""

import contextlib
import functools
import importlib
import json
import os
import sys
import tempfile
import types
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Hook:
    """A private part of a package (`touches`), the versions that it was tried with, and what happens `without` it."""

    package: str
    tried: str
    touches: str
    why: str
    without: str


HOOKS = {name: Hook(*fields) for name, *fields in (
    ("cell names", "ipykernel", "6.29 to 7.4", "ipykernel.compiler.murmur2_x86",
     "Files stand for cells in tracebacks, named after a hash that is computed character by character so that a "
     "debugger can compute it too; a checksum in C does as well where there is no debugger.",
     "Long cells start a few milliseconds later."),
    ("shell commands", "ipykernel", "6.29 to 7.4", "ipykernel.zmqshell.system",
     "`!command` opens a terminal, and only a root of its own has terminals that nobody else uses; a pipe will do.",
     "Below `full`, `!command` fails with an exception."),
    ("kernel arguments", "ipykernel", "6.29 to 7.4", "IPKernelApp.parse_command_line",
     "Making a parser of all its options takes longer than all else; we configure the application instead.",
     "Kernels start 10 ms later."),
    ("exit", "ipykernel", "6.29 to 7.4", "ZMQInteractiveShell.ask_exit",
     "exit() in a cell would end the kernel a little later, while the probe asks for values.",
     "A notebook that calls exit() counts as crashed."),
    ("debugger", "ipykernel", "6.29 to 7.4", 'sys.modules["debugpy"]',
     "There is nobody who would use ipykernel's debugger, and it takes 55 ms to import.",
     "Kernels start that much later."),
    ("request content", "ipykernel", "6.29 to 7.4", "get_parent()['content'] of an execute_request",
     "What the probe is asked travels beside its cell: ipykernel would take long to read it as the cell's text.",
     "No value of a notebook can be read; every submission is `not graded`."),
    ("traceback", "IPython", "9.18", '"Cell In[1], line 2" in the lines of a traceback',
     "It is the only place that says which line of which cell raised.",
     "Errors name no line."),
    ("matplotlib folders", "matplotlib", "3.9 to 3.11", "the cache in the closures of get_configdir and get_cachedir",
     "A fork must look for its own folder, and not for that of the fork server.",
     "matplotlib warns that its folder is not writable."),
    ("font lists", "matplotlib", "3.9 to 3.11", "fontlist-v*.json in its cache folder",
     "Making the list of this machine's fonts takes 0.2 s in every fresh folder; a copy takes none.",
     "Notebooks that plot take that much longer."),
    ("temporary names", "Python", "3.11", "tempfile._name_sequence",
     "Forks of one process would draw the same names for their temporary files.",
     "Names can be guessed from those of another kernel."),
    ("client", "nbclient", "0.10 to 0.11", "NotebookClient.kc, .task_poll_for_reply and .process_message",
     "nbclient drives our own connection, which bounds what arrives; a cell ends at once if its kernel is killed.",
     "No notebook runs."),
    ("session", "jupyter_client", "8.10", "Session.serialize, .sign and .bsession, launch_kernel",
     "We read a kernel's sockets ourselves, since nothing else bounds what arrives there.",
     "No kernel starts."),
    ("grammars", "jsonschema", "4.20 to 4.26", 'sys.modules["rfc3987_syntax"]',
     "Where JupyterLab is installed, nbformat imports a library for addresses that parses whole grammars at import.",
     "Every command starts a second later."),
    ("interrupts on Windows", "jupyter_client", "8.10", "win32_interrupt_event, win_interrupt.send_interrupt",
     "Windows has no signal that interrupts a process of another console.",
     "A cell that takes too long takes its kernel down."),
    ("main module", "Python", "3.11", 'sys.modules["__main__"] while multiprocessing spawns a process',
     "A worker must not run the program again that uses this package.",
     "A script that calls grade() outside of `if __name__ == ...` starts itself again."),
)}  # fmt: skip


def name_cells_quickly() -> None:
    """Name the files that stand for cells after a checksum in C."""
    with contextlib.suppress(ImportError, AttributeError):  # another version names them in another way
        vars(importlib.import_module("ipykernel.compiler"))["murmur2_x86"] = lambda code, seed: zlib.crc32(
            code.encode(), seed
        )


def run_commands_without_terminal() -> None:
    """Let `!command` use a pipe."""
    import subprocess

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

    vars(importlib.import_module("ipykernel.zmqshell"))["system"] = system


@contextlib.contextmanager
def without(module: str) -> Iterator[None]:
    """Let the import of a module fail, unless it is there already."""
    absent = vars(sys)["modules"].setdefault(module, None) is None
    try:
        yield
    finally:
        if absent:
            del sys.modules[module]


def without_debugger() -> contextlib.AbstractContextManager[None]:
    return without("debugpy")


def without_grammars() -> contextlib.AbstractContextManager[None]:
    """For importing nbformat; no notebook's schema mentions an international address."""
    return without("rfc3987_syntax")


def kernel_application(connection_file: str) -> Any:
    """ipykernel's application, configured by us; it makes no messages below the level at which it shows them."""
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    config = Config(HistoryManager={"enabled": False})
    quiet = {"loggers": {IPKernelApp.__name__: {"level": "WARNING"}}}
    application: Any = IPKernelApp.instance(connection_file=connection_file, config=config, logging_config=quiet)
    application.parse_command_line = lambda argv=None: None
    return application


def ignore_exit(application: Any) -> None:
    """Let exit() in a cell do nothing."""
    application.shell.ask_exit = lambda: None


def forget_matplotlib_folders(matplotlib: Any) -> None:
    for cached in (matplotlib.get_configdir, matplotlib.get_cachedir):
        with contextlib.suppress(ValueError, AttributeError):  # another version remembers in another way
            cached.__closure__[cached.__code__.co_freevars.index("called")].cell_contents = False


def forget_temporary_names() -> None:
    tempfile.tempdir, vars(tempfile)["_name_sequence"] = None, None


def copy_font_lists(folder: Path, system: tuple[str, ...]) -> None:
    """Write the lists into a new folder."""
    folder.mkdir()
    for name, content in font_lists(system).items():
        (folder / name).write_text(content, encoding="utf-8")


@functools.cache
def font_lists(system: tuple[str, ...]) -> Mapping[str, str]:
    """matplotlib's lists of this machine's fonts by file name, from where it keeps them for this user if it ever ran.

    Fonts that kernels could not open, since they lie in none of the folders of the `system`, are left out.
    """

    def readable(font: dict[str, Any]) -> bool:
        path = str(font["fname"])
        return not path.startswith("/") or any(path.startswith(f"{folder}/") for folder in system)

    home = Path(os.path.expanduser("~"))  # this one never raises
    folder = home / ".matplotlib"
    if sys.platform.startswith(("linux", "freebsd")):
        folder = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "matplotlib"
    found = {}
    for path in Path(os.environ.get("MPLCONFIGDIR") or folder).glob("fontlist-v*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):  # another version's form
            fonts = json.loads(path.read_text(encoding="utf-8"))
            if sys.platform == "linux":
                fonts |= {kind: [*filter(readable, fonts[kind])] for kind in ("ttflist", "afmlist")}
            found[path.name] = json.dumps(fonts)
    return found


def interrupt_on_windows(process: Any) -> None:
    from jupyter_client.win_interrupt import send_interrupt

    send_interrupt(process.win32_interrupt_event)


@contextlib.contextmanager
def without_main_module() -> Iterator[None]:
    """For starting a process by multiprocessing, which would run the program again there that uses this package."""
    main, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
