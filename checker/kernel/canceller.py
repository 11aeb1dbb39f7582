"""Cancelling runs from another thread."""

import contextlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Canceller:
    """Cancels runs from another thread: their kernels are killed, and `observe` returns early or raises."""

    def __init__(self) -> None:
        self._cancelled = False
        self._running: set[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = set()

    def cancel(self) -> None:
        """Cancel every run, those that are just about to start included."""
        self._cancelled = True
        for loop, task in list(self._running):
            with contextlib.suppress(RuntimeError):  # a loop that has just closed has nothing left to cancel
                loop.call_soon_threadsafe(task.cancel)

    async def watch(self, run: Coroutine[Any, Any, T]) -> T:
        """Await a run that `cancel` can end."""
        import asyncio  # late, as in `batch/workers.py`

        entry = asyncio.get_running_loop(), asyncio.ensure_future(run)
        self._running.add(entry)
        try:
            if self._cancelled:
                entry[1].cancel()
            return await entry[1]
        finally:
            self._running.discard(entry)
