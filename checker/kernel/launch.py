"""Starting a kernel: always this interpreter's ipykernel, never the one that a notebook names.

The launcher `spawn` works everywhere: a new process for each notebook. `fork` takes a fork of a warm process that has
imported what all notebooks need, on Linux. To a notebook both look the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from checker.kernel.environment import environment
from checker.kernel.fonts import put_font_lists
from checker.kernel.launchers import Launcher
from checker.kernel.provisioner import ForkProvisioner, KernelStartError, SandboxProvisioner, protect_this_process
from checker.sandbox.inside.policy import SOCKETS_INSIDE
from checker.sandbox.levels import BOOTSTRAP, Level
from checker.sandbox.policies import policy_for, run_folder, write_policy

__all__ = ["Kernel", "KernelStartError", "launch"]

GONE_WITHIN = 5.0  # seconds after a kernel was killed
# Where there is no network, `pip install` should say so at once.
NO_NETWORK = {"PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@dataclass(frozen=True)
class Kernel:
    """A running kernel: its manager, and the scratch directory in which the notebook works."""

    manager: AsyncKernelManager
    scratch: Path

    async def ended(self, within: float) -> int | None:
        """How the kernel's process has ended, after so many seconds at most; None if it has not, or nobody knows."""
        provisioner = self.manager.provisioner
        assert isinstance(provisioner, SandboxProvisioner)
        return await provisioner.ended(within)


class _OurKernel(KernelSpecManager):
    """Knows one kernel: this interpreter, started through the bootstrap."""

    policy: Path
    connection: str

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-P", str(BOOTSTRAP), str(self.policy), "{report}", "-f", self.connection],
            language="python",
            display_name=kernel_name,
            interrupt_mode="signal",
        )


@asynccontextmanager
async def launch(
    memory: int, level: Level = "limits", cpu: int = 3600, launcher: Launcher = "spawn"
) -> AsyncIterator[Kernel]:
    """Start a kernel in a fresh scratch directory; on leaving, both are gone whatever happened.

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
        manager = AsyncKernelManager(kernel_spec_manager=specs, connection_file=str(private / "connection.json"))
        if os.name == "posix":
            # Sockets in a private directory: no port to guess, and no race for one. The name must be short.
            manager.transport, manager.ip = "ipc", str(private / "k")
        manager.kernel_id = "kernel"
        if launcher == "spawn":
            put_font_lists(run / "fonts")
        kind = ForkProvisioner if launcher == "fork" else SandboxProvisioner
        manager.provisioner = provisioner = kind(kernel_id="kernel", kernel_spec=manager.kernel_spec, parent=manager)
        if isinstance(provisioner, ForkProvisioner):
            provisioner.isolated = policy.namespaces
        try:
            await _start(manager, provisioner, private, scratch, level)
            yield Kernel(manager, scratch)
        finally:
            await _stop(manager, provisioner)


async def _start(
    manager: AsyncKernelManager, provisioner: SandboxProvisioner, private: Path, scratch: Path, level: Level
) -> None:
    """Have the provisioner start the kernel, as it ends it in `_stop`: the manager sleeps for 10 ms after either."""
    if level == "full":
        # The same connection as in the manager's own file, as it looks from inside.
        manager.write_connection_file()
        content = json.loads(Path(manager.connection_file).read_text(encoding="utf-8"))
        inside = content | {"ip": f"{SOCKETS_INSIDE}/k"}
        (private / "inside.json").write_text(json.dumps(inside), encoding="utf-8")
    try:
        with (private.parent / "kernel.log").open("wb") as log:
            options = await provisioner.pre_launch(
                cwd=str(scratch),
                env=environment(scratch) | ({} if level == "limits" else NO_NETWORK),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
            await provisioner.launch_kernel(options.pop("cmd"), **options)
    except OSError as error:
        raise KernelStartError(f"the kernel could not be started: {error}") from error


async def _stop(manager: AsyncKernelManager, provisioner: SandboxProvisioner) -> None:
    """Kill the kernel and all that it started, and wait until it is gone."""
    await provisioner.kill()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(provisioner.wait(), GONE_WITHIN)
    await manager.cleanup_resources()
