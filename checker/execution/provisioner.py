"""Starting and ending the process of a kernel, in its sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from checker.execution.sandbox.inside.policy import OUT_OF_MEMORY

REPORT_WITHIN = 60.0  # seconds; it takes a few hundredths of one on a quiet machine
END_WITHIN = 5.0
KEPT = sys.platform == "linux"  # kernels have a keeper, which reports, and which ends all that the kernel started


class KernelStartError(RuntimeError):
    """The kernel did not start as it must. This is never the student's fault."""


class SandboxProvisioner(LocalProvisioner):
    """jupyter_client's own provisioner, but it starts nothing unless every layer of the sandbox came up.

    The process that it starts becomes the kernel's keeper: interrupts and the request to end go through it.
    """

    ended_with: int | None = None

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        if not KEPT:
            return await super().launch_kernel([part.replace("{report}", "-1") for part in cmd], **options)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                command = [part.replace("{report}", str(theirs.fileno())) for part in cmd]
                information = await super().launch_kernel(command, pass_fds=(theirs.fileno(),), **options)
            try:
                report = await asyncio.wait_for(_line(ours), REPORT_WITHIN)
            except TimeoutError:
                report = {"layer": "start", "reason": "nothing was heard of it"}
        if "layers" not in report:
            await self.kill()
            raise KernelStartError(f"the sandbox did not come up ({report.get('layer')}: {report.get('reason')})")
        return information

    async def poll(self) -> int | None:
        code = await super().poll()
        if self.process is not None and code is not None:
            self.ended_with = code
        return code

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and everything it started, and wait until that is so."""
        if not KEPT:
            return await super().kill(restart)
        if self.process is None:
            return None
        await self.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + END_WITHIN
        while self.process is not None and self.process.poll() is None:
            if time.monotonic() > deadline:
                return await super().kill(restart)
            await asyncio.sleep(0.002)
        return None

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel was ended because it and its processes used too much memory together."""
        return self.ended_with == OUT_OF_MEMORY


async def _line(connection: socket.socket) -> dict[str, Any]:
    """One line of JSON from our own code in the kernel's process, or what can be said if there is none."""
    connection.setblocking(False)
    data = b""
    while not data.endswith(b"\n") and len(data) < 2**16:
        part = await asyncio.get_running_loop().sock_recv(connection, 2**16)
        if not part:
            return {"layer": "start", "reason": "the process ended at once"}
        data += part
    report: dict[str, Any] = json.loads(data)
    return report


def protect_this_process() -> None:
    """Close this process's memory and environment to other processes of the same user, where that can be done."""
    if KEPT and os.name == "posix":
        from checker.execution.sandbox.inside.system import PR_SET_DUMPABLE, prctl

        prctl(PR_SET_DUMPABLE, 0)
