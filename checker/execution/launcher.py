"""Starting a kernel: always this interpreter's ipykernel, never the one that a notebook names.

`spawn` is the launcher for every platform: a new process for each notebook.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")

# What a kernel may see of the environment. Tokens, keys and addresses in other variables stay outside.
KEPT_VARIABLES = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
)  # fmt: skip

# exit() in a cell would end the kernel a little later, in the middle of a question; here it does nothing.
KEEP_ALIVE = "get_ipython().ask_exit = lambda: None"


class KernelStartError(RuntimeError):
    """The kernel did not start. This is never the student's fault."""


@dataclass(frozen=True)
class Kernel:
    """A running kernel: its manager, and the scratch directory in which the notebook works."""

    manager: AsyncKernelManager
    scratch: Path


class _OurKernel(KernelSpecManager):
    """Knows one kernel: this interpreter, started through the bootstrap."""

    memory: int

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-P", str(BOOTSTRAP), str(self.memory), "-f", "{connection_file}"]
        return KernelSpec(
            argv=[*command, "--HistoryManager.enabled=False", f"--IPKernelApp.exec_lines={KEEP_ALIVE}"],
            language="python",
            display_name=kernel_name,
            interrupt_mode="signal",
        )


class _Manager(AsyncKernelManager):
    """Starts and stops a kernel, and leaves the talking to `channels`."""

    def _connect_control_socket(self) -> None:
        """Connect none: nobody would read what a kernel sends to it, and it would pile up in this process."""


@asynccontextmanager
async def spawn(memory: int) -> AsyncIterator[Kernel]:
    """Start a cold kernel in a fresh scratch directory; on leaving, both are gone whatever happened.

    `memory` bounds the kernel's address space, in bytes. Raises `KernelStartError`.
    """
    with tempfile.TemporaryDirectory(prefix="checker-", ignore_cleanup_errors=True) as directory:
        private, scratch = Path(directory) / "private", Path(directory) / "scratch"
        private.mkdir(mode=0o700)
        scratch.mkdir()
        specs = _OurKernel()
        specs.memory = memory
        manager = _Manager(kernel_spec_manager=specs, connection_file=str(private / "connection.json"))
        if os.name == "posix":
            # Sockets in a private directory: no port to guess, and no race for one. The name must be short.
            manager.transport, manager.ip = "ipc", str(private / "k")
        try:
            await _start(manager, private, scratch)
            yield Kernel(manager, scratch)
        finally:
            await stop(manager)


async def _start(manager: AsyncKernelManager, private: Path, scratch: Path) -> None:
    try:
        with (private / "kernel.log").open("wb") as log:
            await manager.start_kernel(
                cwd=str(scratch),
                env=environment(scratch),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
    except OSError as error:
        raise KernelStartError(f"the kernel could not be started: {error}") from error


async def stop(manager: AsyncKernelManager) -> None:
    """Kill the kernel and all of its process group, and wait until it is gone."""
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)
    await manager.cleanup_resources()


def environment(scratch: Path) -> dict[str, str]:
    """The environment of a kernel: little of ours, nobody's configuration, one thread for linear algebra."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    home = str(scratch)
    return kept | {
        "HOME": home,
        "USERPROFILE": home,
        "TMPDIR": home,
        "TEMP": home,
        "TMP": home,
        "PYTHONUSERBASE": site.getuserbase(),  # HOME moved, but packages installed with --user must be found
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "IPYTHONDIR": str(scratch / ".ipython"),
        "MPLCONFIGDIR": str(scratch / ".matplotlib"),
        "JUPYTER_CONFIG_DIR": str(scratch / ".jupyter"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
