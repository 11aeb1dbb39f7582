"""Starting a kernel: always this interpreter's ipykernel, never the one that a notebook names.

`spawn` is the launcher for every platform: a new process for each notebook.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from checker.execution.provisioner import KernelStartError, SandboxProvisioner, protect_this_process
from checker.execution.sandbox.inside.policy import SOCKETS_INSIDE
from checker.execution.sandbox.levels import BOOTSTRAP, Level
from checker.execution.sandbox.policies import policy_for, run_folder, write_policy

__all__ = ["KEPT_VARIABLES", "Kernel", "KernelStartError", "spawn"]

# What a kernel may see of the environment. Tokens, keys and addresses in other variables stay outside.
KEPT_VARIABLES = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
)  # fmt: skip

# Where there is no network, `pip install` should say so at once.
NO_NETWORK = {"PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

# exit() in a cell would end the kernel a little later, in the middle of a question; here it does nothing.
KEEP_ALIVE = "get_ipython().ask_exit = lambda: None"


@dataclass(frozen=True)
class Kernel:
    """A running kernel: its manager, and the scratch directory in which the notebook works."""

    manager: AsyncKernelManager
    scratch: Path

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel was ended because it and its processes used too much memory together."""
        provisioner = self.manager.provisioner
        return isinstance(provisioner, SandboxProvisioner) and provisioner.out_of_memory


class _OurKernel(KernelSpecManager):
    """Knows one kernel: this interpreter, started through the bootstrap."""

    policy: Path
    connection: str

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-P", str(BOOTSTRAP), str(self.policy), "{report}", "-f", self.connection]
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
async def spawn(memory: int, level: Level = "limits", cpu: int = 3600) -> AsyncIterator[Kernel]:
    """Start a cold kernel in a fresh scratch directory; on leaving, both are gone whatever happened.

    `memory` bounds the kernel's address space and what it and its processes have together, in bytes; `cpu` is in
    seconds; `level` is how it is kept in its place. Raises `KernelStartError`, also when that level does not come up.
    """
    protect_this_process()
    with run_folder() as run:
        private, scratch = run / "private", run / "scratch"
        policy = policy_for(level, run, memory=memory, cpu=cpu)
        specs = _OurKernel()
        specs.policy = write_policy(policy, run)
        specs.connection = "{connection_file}" if level != "full" else f"{SOCKETS_INSIDE}/inside.json"
        manager = _Manager(kernel_spec_manager=specs, connection_file=str(private / "connection.json"))
        if os.name == "posix":
            # Sockets in a private directory: no port to guess, and no race for one. The name must be short.
            manager.transport, manager.ip = "ipc", str(private / "k")
        manager.kernel_id = "kernel"
        manager.provisioner = SandboxProvisioner(kernel_id="kernel", kernel_spec=manager.kernel_spec, parent=manager)
        try:
            await _start(manager, private, scratch, level)
            yield Kernel(manager, scratch)
        finally:
            await stop(manager)


async def _start(manager: AsyncKernelManager, private: Path, scratch: Path, level: Level) -> None:
    if level == "full":
        # The same connection as in the manager's own file, as it looks from inside.
        manager.write_connection_file()
        content = json.loads(Path(manager.connection_file).read_text(encoding="utf-8"))
        inside = content | {"ip": f"{SOCKETS_INSIDE}/k"}
        (private / "inside.json").write_text(json.dumps(inside), encoding="utf-8")
    try:
        with (private.parent / "kernel.log").open("wb") as log:
            await manager.start_kernel(
                cwd=str(scratch),
                env=environment(scratch) | ({} if level == "limits" else NO_NETWORK),
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
    path = kept.get("PATH", os.defpath)
    return kept | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), path)),  # `!pip` and `!python` are the kernel's own
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
        "MALLOC_ARENA_MAX": "2",  # each reserves address space, which is limited
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
