"""Driving nbclient cell by cell under limits: time per cell and per notebook, and bytes of output."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from checker.kernel.channels import Allowance, Connection, FloodError
from checker.kernel.jupyter import DeadKernelError, nbclient, nbformat
from checker.kernel.launch import Kernel
from checker.kernel.observation import Ending
from checker.kernel.probe import MIME

_LOOK = 50
GRACE = 3.0  # seconds between asking a cell to stop and killing the kernel: on a busy machine stopping takes its time


class KernelGoneError(Exception):
    """The kernel is gone; the reason is never `finished`."""

    def __init__(self, reason: Ending) -> None:
        super().__init__(reason)
        self.reason = reason


class LimitedClient(nbclient.NotebookClient):
    """nbclient with an allowance of output, and a clock that first interrupts a cell and then kills the kernel.

    nbclient's own time limit is not used: it either gives up at once, or interrupts for ever a cell that
    ignores interrupts.
    """

    def __init__(self, notebook: nbformat.NotebookNode, kernel: Kernel, output_limit: int) -> None:
        super().__init__(notebook, timeout=None, allow_errors=True)
        self.kernel = kernel
        self.allowance = Allowance(output_limit)
        self.answers: list[str] = []
        self.killed_for: Ending | None = None
        self.connection = Connection(kernel, self.allowance, self.kill)
        self.kc = self.connection  # type: ignore[assignment]  # all that nbclient asks of a client is there
        self.on_cell_error = self._keep_error

    async def run_cell(
        self, cell: nbformat.NotebookNode, index: int, seconds: float, beside: Mapping[str, Any] | None = None
    ) -> bool:
        """Run one cell, which may find something beside it in its request; true if it had to be interrupted.

        Raises `KernelGoneError`.
        """
        if self.killed_for:  # by what a thread did after its cell had ended
            raise KernelGoneError(self.killed_for)
        self.connection.beside = beside or {}
        clock = asyncio.ensure_future(self._watch(seconds))
        try:
            await self.async_execute_cell(cell, index)
        except DeadKernelError:
            raise KernelGoneError(self.killed_for or "crashed") from None
        finally:
            interrupted = not clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                interrupted = await clock or interrupted
        return interrupted

    async def _watch(self, seconds: float) -> bool:
        await asyncio.sleep(seconds)
        with contextlib.suppress(OSError):  # a kernel that has just ended cannot be interrupted
            self.kernel.interrupt()
        try:
            await asyncio.sleep(GRACE)
        except asyncio.CancelledError:
            return True  # the interrupt worked
        self.kill("timeout")
        return True

    def kill(self, reason: Ending) -> None:
        """Kill the kernel at once and end the cell that is running."""
        self.killed_for = self.killed_for or reason
        self._killing = asyncio.ensure_future(self.kernel.kill())
        if self.task_poll_for_reply is not None:
            self.task_poll_for_reply.cancel()

    def _keep_error(self, cell: nbformat.NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        """Keep the exception that the reply names, where the kernel could not send it as an output."""
        if not any(output.output_type == "error" for output in cell.outputs):
            error = {name: execute_reply["content"].get(name, "") for name in ("ename", "evalue", "traceback")}
            cell.outputs.append(nbformat.v4.new_output("error", **error))

    def process_message(
        self, msg: dict[str, Any], cell: nbformat.NotebookNode, cell_index: int
    ) -> nbformat.NotebookNode | None:
        """Keep an output, unless it is none that a notebook may hold; the probe's answers are for us."""
        answer = (msg["content"].get("data") or {}).get(MIME)
        if isinstance(answer, str):
            self.answers.append(answer)
            return None
        try:
            if msg["content"].get("transient"):  # an output with an id is looked for among all the others
                self.allowance.pay(_LOOK * len(cell.outputs))
            return super().process_message(msg, cell, cell_index)
        except FloodError:
            self.kill("output limit")
        except nbformat.ValidationError:
            pass
        return None
