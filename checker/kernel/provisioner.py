"""Starting and ending the process of a kernel, in its sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from checker.kernel import fork_server

REPORT_WITHIN = 60.0  # seconds; it takes a few hundredths of one on a quiet machine
END_WITHIN = 60.0  # seconds that a keeper has to end what it keeps; ended itself, it would leave all of that
KEPT = sys.platform == "linux"  # kernels have a keeper, which reports, and which ends all that the kernel started


class KernelStartError(RuntimeError):
    """The kernel did not start as it must. This is never the student's fault."""


class SandboxProvisioner(LocalProvisioner):
    """jupyter_client's own provisioner, but it starts nothing unless every layer of the sandbox came up.

    The process that it starts becomes the kernel's keeper: interrupts and the request to end go through it.
    """

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        if not KEPT:
            return await super().launch_kernel([part.replace("{report}", "-1") for part in cmd], **options)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                command = [part.replace("{report}", str(theirs.fileno())) for part in cmd]
                information = await super().launch_kernel(command, pass_fds=(theirs.fileno(),), **options)
            await self._report(ours)
        return information

    async def _report(self, connection: socket.socket) -> None:
        """Wait until the kernel has its sockets, and nothing else. Raises `KernelStartError`."""
        try:
            report = await asyncio.wait_for(_line(connection), REPORT_WITHIN)
        except TimeoutError:
            report = {"layer": "start", "reason": "nothing was heard of it"}
        if "layers" not in report:
            await self.kill()
            raise KernelStartError(f"the sandbox did not come up ({report.get('layer')}: {report.get('reason')})")

    async def ended(self, within: float = 0) -> int | None:
        """How the kernel's process has ended, after so many seconds at most; None if it has not."""
        deadline = time.monotonic() + within
        while self.process is not None:
            code: int | None = self.process.poll()
            if code is not None or time.monotonic() > deadline:
                return code
            await asyncio.sleep(0.002)
        return None

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and everything it started, and wait until that is so."""
        if not KEPT:
            return await super().kill(restart)
        if self.process is None:
            return None
        await self.send_signal(signal.SIGTERM)
        if await self.ended(END_WITHIN) is None:
            await super().kill(restart)
        return None


class ForkProvisioner(SandboxProvisioner):
    """Asks the warm process for a kernel in place of starting one."""

    isolated = False  # whether the kernel is to have namespaces of its own

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        policy, _, *arguments = cmd[3:]
        request = {
            "policy": policy,
            "isolated": self.isolated,
            "arguments": arguments,
            "environment": options["env"],
        }
        kernel = fork_server.fork(request, options["stderr"].fileno())
        self.process = cast(Any, kernel)  # it has all of a Popen that is used
        await self._report(kernel.channel)
        return self.connection_info


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
        from checker.sandbox.inside.system import PR_SET_DUMPABLE, prctl

        prctl(PR_SET_DUMPABLE, 0)
