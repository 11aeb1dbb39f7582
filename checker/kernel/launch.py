"""Starting and ending a kernel: always this interpreter's ipykernel, never the one that a notebook names.

The launcher `spawn` works everywhere: a new process for each notebook. `fork` takes a fork of the fork server, which
has imported what all notebooks need, on Linux. To a notebook both look the same.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from jupyter_client.connect import KernelConnectionInfo, write_connection_file
from jupyter_client.launcher import launch_kernel
from jupyter_client.session import Session

from checker.kernel import fork_server
from checker.kernel.environment import environment
from checker.kernel.fork_server import ForkedKernel
from checker.kernel.options import Launcher
from checker.sandbox.inside import hooks
from checker.sandbox.inside.policy import SOCKETS_INSIDE, Policy
from checker.sandbox.levels import BOOTSTRAP, Level
from checker.sandbox.policies import SYSTEM, policy_for, run_folder, write_policy

REPORT_WITHIN = 60.0  # seconds; it takes a few hundredths of one on a quiet machine
END_WITHIN = 60.0  # seconds that a supervisor has to end its kernel; killed itself, it would leave all of that
GONE_WITHIN = 5.0  # seconds after a kernel was killed
SUPERVISED = sys.platform == "linux"  # a supervisor reports how the kernel started, and ends all that this starts
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # which Windows takes for the same
# Where there is no network, `pip install` should say so at once.
NO_NETWORK = {"PIP_RETRIES": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


class KernelStartError(RuntimeError):
    """The kernel did not start as it must. This is never the student's fault."""


@dataclass(frozen=True)
class Kernel:
    """A running kernel: its process, how to talk to it, and the scratch directory in which the notebook works.

    The process is the supervisor, where there is one.
    """

    process: subprocess.Popen[bytes] | ForkedKernel
    connection: KernelConnectionInfo
    session: Session
    scratch: Path

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the cell that is running. Raises `OSError` if the kernel has just ended."""
        self._send(signal.SIGINT)

    async def kill(self) -> None:
        """End the kernel and everything it started, and wait until that is so."""
        if SUPERVISED:
            self._send(signal.SIGTERM)
            await self.ended(END_WITHIN)
        self._send(KILL)
        await self.ended(GONE_WITHIN)

    async def ended(self, within: float) -> int | None:
        """How the process has ended, after so many seconds at most; None if it has not."""
        deadline = time.monotonic() + within
        while (code := self.process.poll()) is None and time.monotonic() < deadline:
            await asyncio.sleep(0.002)
        return code

    def _send(self, number: int) -> None:
        if not self.is_alive():
            return
        if isinstance(self.process, ForkedKernel) or (sys.platform == "win32" and number != signal.SIGINT):
            self.process.send_signal(number)
        elif sys.platform == "win32":
            hooks.interrupt_on_windows(self.process)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)  # it leads a session of its own


@asynccontextmanager
async def launch(
    memory: int, level: Level = "limits", cpu: int = 3600, launcher: Launcher = "spawn"
) -> AsyncIterator[Kernel]:
    """Start a kernel in a fresh scratch directory; on leaving, both are gone whatever happened.

    `memory` bounds the kernel's address space and what it and its processes have together, in bytes; `cpu` is in
    seconds; `level` is the sandbox's. Raises `KernelStartError`, also when that level does not come up.
    """
    _protect_this_process()
    with run_folder() as run, contextlib.ExitStack() as stack:
        private, session = run / "private", Session()
        # Sockets in a private directory: no port to guess, and no race for one. Their names must be short.
        transport, ip = ("ipc", str(private / "k")) if os.name == "posix" else ("tcp", "")
        file, connection = write_connection_file(
            str(private / "connection.json"), transport=transport, ip=ip, key=session.key
        )
        if level == "full":  # the same connection as it looks from inside
            inside = {**connection, "ip": f"{SOCKETS_INSIDE}/k"}
            (private / "inside.json").write_text(json.dumps(inside), encoding="utf-8")
            file = f"{SOCKETS_INSIDE}/inside.json"
        policy = policy_for(level, run, memory=memory, cpu=cpu)
        try:
            process, channel = _start(policy, run, file, launcher, stack)
        except OSError as error:
            raise KernelStartError(f"the kernel could not be started: {error}") from error
        kernel = Kernel(process, connection, session, run / "scratch")
        try:
            if SUPERVISED:
                await _wait_for_report(channel)
            yield kernel
        finally:
            await kernel.kill()


def _start(
    policy: Policy, run: Path, connection_file: str, launcher: Launcher, stack: contextlib.ExitStack
) -> tuple[subprocess.Popen[bytes] | ForkedKernel, socket.socket]:
    """The process, and the socket on which it reports; what is to be closed afterwards goes on the stack."""
    policy_file = str(write_policy(policy, run))
    log = stack.enter_context((run / "kernel.log").open("wb"))
    variables = environment(run / "scratch") | (NO_NETWORK if policy.seccomp else {})
    if launcher == "fork":
        kernel = fork_server.fork(policy_file, policy.namespaces, connection_file, variables, log.fileno())
        return kernel, kernel.channel
    hooks.copy_font_lists(run / "fonts", SYSTEM)
    ours, theirs = map(stack.enter_context, socket.socketpair())
    report = theirs.fileno() if SUPERVISED else -1
    with theirs:  # only the kernel keeps it, so that its end shows
        process = launch_kernel(
            [sys.executable, "-P", str(BOOTSTRAP), policy_file, str(report), "-f", connection_file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log.fileno(),
            env=variables,
            cwd=str(run / "scratch"),
            independent=SUPERVISED,  # the supervisor ends with this process; its kernel need not look for that
            **({"pass_fds": (report,)} if SUPERVISED else {}),
        )
    return process, ours


async def _wait_for_report(connection: socket.socket) -> None:
    """Wait until every layer has come up and the kernel has its sockets. Raises `KernelStartError`."""
    connection.setblocking(False)
    line, report = b"", {"layer": "start", "reason": "the process ended at once"}
    try:
        async with asyncio.timeout(REPORT_WITHIN):
            while not line.endswith(b"\n") and len(line) < 2**16:
                part = await asyncio.get_running_loop().sock_recv(connection, 2**16)
                if not part:
                    break
                line += part
            else:
                report = json.loads(line)
    except TimeoutError:
        report["reason"] = "nothing was heard of it"
    if "layers" not in report:
        raise KernelStartError(f"the sandbox did not come up ({report.get('layer')}: {report.get('reason')})")


def _protect_this_process() -> None:
    """Close this process's memory and environment to other processes of the same user, where that can be done."""
    if SUPERVISED:
        from checker.sandbox.inside.system import PR_SET_DUMPABLE, prctl

        prctl(PR_SET_DUMPABLE, 0)
