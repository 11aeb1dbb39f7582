"""One notebook in one kernel: run its cells, then ask what they left behind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
import marshal
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from checker.kernel.client import KernelGoneError, LimitedClient
from checker.kernel.fork_server import LOST
from checker.kernel.jupyter import nbformat
from checker.kernel.launch import Kernel, KernelStartError, launch
from checker.kernel.observation import (
    Array,
    Call,
    Ending,
    Failure,
    Observation,
    Trace,
    decode_call,
    decode_functions,
    decode_trace,
    decode_values,
)
from checker.kernel.options import Launcher, Limits
from checker.kernel.probe import pack
from checker.sandbox.inside.policy import OUT_OF_MEMORY
from checker.sandbox.levels import Level
from checker.submissions.bounded_json import loads
from checker.submissions.notebook import Notebook

ENDED_WITHIN = 1.0  # seconds, for a kernel that no longer answers to be gone
# The cells that ask. What they ask for comes beside them in the same message, as do at first the instructions of the
# probe, which stays in a module of its own: ipykernel would take longest over reading all that as the text of a cell.
SET_UP = """\
__import__("sys").modules["__probe__"] = __import__("types").ModuleType("__probe__")
__import__("builtins").exec(
    __import__("marshal").loads(__import__("base64").b64decode(
        __import__("IPython").get_ipython().get_parent()["content"]["probe"]["instructions"])),
    __import__("sys").modules["__probe__"].__dict__)
"""
RESPOND = '__import__("sys").modules["__probe__"].respond()'
KERNEL_START = 60.0  # seconds; a kernel takes one on a quiet machine and many on a crowded one
LOOK_EVERY = 0.1  # seconds, at whether a run has been cancelled
MOST_VALUES = 100_000  # in an answer of the probe
LONGEST_TRACEBACK = 100_000  # characters

T = TypeVar("T")


class Inputs(Protocol):
    """The inputs of one call: its name, the arguments in their order, and globals to rebind while it lasts."""

    @property
    def name(self) -> str: ...
    @property
    def arguments(self) -> Mapping[str, Array]: ...
    @property
    def rebind(self) -> Mapping[str, Array | int]: ...


@dataclass(frozen=True)
class ProbeRequest:
    """What to ask: the values of `names`, `function` called with each of `calls`, and one call of it `traced`."""

    function: str
    names: tuple[str, ...] = ()
    calls: Sequence[Inputs] = ()
    traced: Inputs | None = None


def observe(
    notebook: Notebook,
    request: ProbeRequest | None = None,
    limits: Limits | None = None,
    level: Level = "limits",
    launcher: Launcher = "spawn",
) -> Observation:
    """Run a notebook in a kernel of its own, at a level of the sandbox, and report what happened.

    Whatever the notebook does is in the observation. Raises `KernelStartError` when no kernel could be had.
    """

    async def run(launcher: Launcher) -> Observation:
        async with open_session(notebook, limits or Limits(), level, launcher) as session:
            if request is not None:
                await session.ask(request)
        return session.observation

    return run_with(launcher, run)


def run_with(
    launcher: Launcher, session: Callable[[Launcher], Coroutine[Any, Any, T]], cancelled: threading.Event | None = None
) -> T:
    """Run a session to its end; once more with `spawn` where the fork server could not fork a kernel, or ended.

    Raises `KernelStartError`.
    """
    cancelled = cancelled or threading.Event()
    try:
        return asyncio.run(_unless(cancelled, session(launcher)))
    except KernelStartError:
        if launcher == "spawn":
            raise
    return asyncio.run(_unless(cancelled, session("spawn")))


async def _unless(cancelled: threading.Event, session: Coroutine[Any, Any, T]) -> T:
    """Run a session, and end it early, its kernel killed, once another thread sets the event."""
    task = asyncio.ensure_future(session)
    while not task.done() and not cancelled.is_set():
        await asyncio.wait([task], timeout=LOOK_EVERY)
    task.cancel()
    return await task


@asynccontextmanager
async def open_session(notebook: Notebook, limits: Limits, level: Level, launcher: Launcher) -> AsyncIterator[Session]:
    """A kernel in which the cells of a notebook have run. Raises `KernelStartError`."""
    begun = time.perf_counter()
    executed = _as_nbformat(notebook)
    most_seconds = int(limits.notebook + 20 * limits.call) + 60  # the clock is stopped by the judge long before
    async with launch(limits.memory, level, most_seconds, launcher) as kernel:
        client = LimitedClient(executed, kernel, limits.output)
        try:
            await client.connection.open(KERNEL_START)
            started = time.perf_counter()
            session = Session(kernel, client, executed, limits)
            await session.run_cells(deadline=started + limits.notebook)
            cells_done = time.perf_counter()
            yield session
        finally:
            await client.connection.close()
    ended = time.perf_counter()
    seconds = {
        "start": started - begun,
        "cells": cells_done - started,
        "probe": ended - cells_done,
        "total": ended - begun,
    }
    session.seconds = {name: round(value, 3) for name, value in seconds.items()}
    session.executed_json = _as_json(executed)


class Session:
    """A notebook in its kernel, and what has been seen of it so far."""

    def __init__(self, kernel: Kernel, client: LimitedClient, executed: nbformat.NotebookNode, limits: Limits) -> None:
        self._kernel, self._client, self._executed, self._limits = kernel, client, executed, limits
        self._ending: Ending = "finished"
        self._stopped_in: int | None = None
        self._stop_reason = ""
        self._failures: list[Failure] = []
        self._values: Mapping[str, Any] | None = None
        self._functions: Mapping[str, int] = {}
        self._calls: dict[str, Call] = {}
        self._called = ""
        self._trace: Trace | None = None
        self._expected: set[str] = set()
        self._code = [i for i, cell in enumerate(executed.cells) if cell.cell_type == "code" and cell.source.strip()]
        self._sources = [executed.cells[i].source for i in self._code]
        self._probe_is_there = False
        self._answering = True  # until a cell or a call hangs, or takes the kernel down
        self.seconds: Mapping[str, float] = {}
        self.executed_json = ""

    @property
    def observation(self) -> Observation:
        """What has been seen so far; the times and the executed notebook are there once the session is closed."""
        return Observation(
            ending=self._ending,
            stopped_in=self._stopped_in,
            stop_reason=self._stop_reason,
            failures=tuple(self._failures),
            values=self._values or {},
            functions=self._functions,
            calls=dict(self._calls),
            called=self._called,
            trace=self._trace,
            seconds=self.seconds,
            executed=self.executed_json,
        )

    async def run_cells(self, deadline: float) -> None:
        """Run every code cell, going on after one that raises: whether it mattered is for the judge."""
        for number, index in enumerate(self._code, 1):
            cell = self._executed.cells[index]
            left = deadline - time.perf_counter()
            too_late = f"was not finished when the {self._limits.notebook:g} s for all cells were over"
            too_long = f"timed out after {self._limits.cell:g} s" if self._limits.cell <= left else too_late
            try:
                if left <= 0:
                    raise KernelGoneError("timeout")
                interrupted = await self._client.run_cell(cell, index, min(self._limits.cell, left))
            except KernelGoneError as gone:
                self._answering = False
                self._ending, self._stopped_in = await self._reason(gone), number
                self._stop_reason = too_long if self._ending == "timeout" else _stop_reason(self._ending, self._limits)
                return
            failure = _failure_in(cell, number, too_long if interrupted else "", self._sources)
            if failure is not None:
                self._failures.append(failure)

    async def ask(self, request: ProbeRequest) -> Observation:
        """Ask for names and for calls; one that hangs or kills the kernel ends the asking. Returns all that is known.

        Where the first request's function is missing, the only other one of as many parameters is called in its place.
        Nothing is asked of a kernel that no longer answers.
        """
        if not self._answering:
            return self.observation
        self._client.allowance.left = self._limits.output  # what was printed before has been paid for
        first, self._called = not self._called, self._called or request.function
        try:
            self._answering = await self._call(request.calls, read=request.names if first else ())
            if first and self._function_for(request) != request.function:
                self._called = self._function_for(request)
                self._calls.clear()
                self._answering = await self._call(request.calls)
            if self._answering and request.traced is not None:
                await self._watch(request.traced)
        except KernelGoneError as gone:
            self._answering = False
            self._ending_of_a_call(await self._reason(gone), request.calls)
        return self.observation

    def _ending_of_a_call(self, reason: Ending, calls: Sequence[Inputs]) -> None:
        pending = next((inputs.name for inputs in calls if inputs.name not in self._calls), None)
        if pending is not None:  # otherwise it was the trace that did not survive, and it is not needed
            name = "MemoryError" if reason == "memory" else reason
            timed_out = reason == "timeout"
            message = self._too_long.message if timed_out else _stop_reason(reason, self._limits)
            self._calls[pending] = Call(failure=Failure(name, message, timed_out=timed_out, stopped=True))

    @property
    def _too_long(self) -> Failure:
        return Failure("timeout", f"timed out after {self._limits.call:g} s", timed_out=True, stopped=True)

    async def _call(self, calls: Sequence[Inputs], read: Sequence[str] = ()) -> bool:
        """Call the function with all inputs, and read names before; false if a call took too long.

        All is asked for at once, because a request takes longer than most calls. Those that were cut off, because all
        together took too long, are asked for one by one.
        """
        self._expected = {inputs.name for inputs in calls}
        reading = {"read": list(read)} if self._values is None else {}
        interrupted = await self._exchange(reading | self._request(calls), self._keep_answer)
        pending = [inputs for inputs in calls if inputs.name not in self._calls]
        if interrupted and pending and pending[0] is calls[0] and self._values is not None:
            self._calls[pending[0].name] = Call(failure=self._too_long)  # it had all the time for itself
            return False
        for inputs in pending:
            if await self._exchange(self._request([inputs]), self._keep_answer):
                self._calls[inputs.name] = Call(failure=self._too_long)
                return False
            self._calls.setdefault(inputs.name, decode_call(None))
        return True

    def _request(self, calls: Sequence[Inputs]) -> dict[str, Any]:
        return {"call": self._called, "cases": [{"name": inputs.name, **_pack(inputs)} for inputs in calls]}

    def _keep_answer(self, answer: dict[str, Any]) -> None:
        """What was read, or a call; the first of each, as the function could go on answering."""
        if "values" in answer and self._values is None:
            self._values = decode_values(answer["values"])
            self._functions = decode_functions(answer.get("functions"))
        elif isinstance(name := answer.get("case"), str) and name in self._expected:
            self._calls.setdefault(name, decode_call(answer))

    async def _watch(self, inputs: Inputs) -> None:
        """Call the function once more, and see every expression's value."""
        seen: list[Trace | None] = []
        request = {"trace": self._called, "sources": self._sources, **_pack(inputs)}
        interrupted = await self._exchange(request, lambda answer: seen.append(decode_trace(answer)))
        self._trace = seen[0] if seen and not interrupted else None

    async def _reason(self, gone: KernelGoneError) -> Ending:
        """Why the kernel is gone: its supervisor may have ended it. Raises `KernelStartError` if that was our fault."""
        if gone.reason != "crashed":
            return gone.reason
        code = await self._kernel.ended(ENDED_WITHIN)
        if code == LOST:
            raise KernelStartError("the kernel was lost with the process that it was forked from")
        return "memory" if code == OUT_OF_MEMORY else "crashed"

    def _function_for(self, request: ProbeRequest) -> str:
        """The function asked for; where there is none of its name, the only one of as many parameters."""
        size = len(request.calls[0].arguments) if request.calls else -1
        similar = [name for name, count in self._functions.items() if count == size]
        renamed = request.function not in self._functions and len(similar) == 1
        return similar[0] if renamed else request.function

    async def _exchange(self, request: dict[str, Any], keep: Callable[[dict[str, Any]], None]) -> bool:
        """Send one request as a cell of its own and pass every answer on; true if it was interrupted."""
        instructions = {} if self._probe_is_there else {"instructions": _instructions()}
        cell = _cell("code", SET_UP + RESPOND if instructions else RESPOND, "probe")
        self._probe_is_there = True
        cells = self._executed.cells
        cells.append(cell)
        self._client.answers.clear()
        try:
            beside = {"probe": request | instructions}
            return await self._client.run_cell(cell, len(cells) - 1, self._limits.call, beside)
        finally:
            cells.pop()
            for text in self._client.answers:
                with contextlib.suppress(ValueError):
                    if isinstance(answer := loads(text, MOST_VALUES), dict):
                        keep(answer)


def _stop_reason(ending: Ending, limits: Limits) -> str:
    """What a cell or a call did that ended its kernel: the predicate of a sentence."""
    return {
        "output limit": f"printed or displayed more than {limits.output / 2**20:.3g} MB",
        "memory": f"used more than {limits.memory / 2**30:.3g} GB of memory",
    }.get(ending, "ended the Python process")


@functools.cache
def _instructions() -> str:
    """The probe, compiled: its kernel is a process of this very interpreter."""
    parts = (Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8") for name in ("tracing", "probe"))
    return base64.b64encode(marshal.dumps(compile("".join(parts), "<probe>", "exec"))).decode()


def _pack(inputs: Inputs) -> dict[str, Any]:
    """Inputs as the probe reads them. What is rebound and an argument too is the same object, and sent once."""
    rebind = {name: None if name in inputs.arguments else value for name, value in pack(inputs.rebind).items()}
    return {"arguments": pack(inputs.arguments), "rebind": rebind}


def _as_nbformat(notebook: Notebook) -> nbformat.NotebookNode:
    """The notebook's cells in a new notebook: nothing of its metadata, kernel name or stored outputs."""
    cells = [_cell(cell.kind, cell.source, f"cell-{number}") for number, cell in enumerate(notebook.cells)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def _cell(kind: str, source: str, id: str) -> nbformat.NotebookNode:
    """A cell as nbformat would make it, which checks it against a schema each time."""
    more: dict[str, Any]
    if kind == "code":
        more = {"cell_type": "code", "execution_count": None, "outputs": []}
    else:
        more = {"cell_type": "markdown" if kind == "markdown" else "raw"}
    return nbformat.from_dict({"id": id, "metadata": {}, "source": source, **more})


def _as_json(executed: nbformat.NotebookNode) -> str:
    """A notebook in Jupyter's JSON. nbformat's own writer makes a copy first, and a list of every text's lines."""
    parts = json.JSONEncoder(indent=1, sort_keys=True, ensure_ascii=False).iterencode(executed)
    return "".join((*parts, "\n"))


def _failure_in(cell: nbformat.NotebookNode, number: int, too_long: str, sources: Sequence[str]) -> Failure | None:
    if too_long:
        return Failure("timeout", too_long, code_cell=number, timed_out=True, stopped=True)
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if not errors:
        return None
    error = errors[0]
    raised_in, line, text = _place(error.traceback, sources)
    # IPython ends a syntax error's message with the name of a temporary file.
    name = str(error.ename)[:80].replace("_IncompleteInputError", "SyntaxError")  # a private name of Python 3.13
    message = re.sub(r" \([^()]*, line \d+\)$", "", str(error.evalue)[:500])
    return Failure(name, message, line, text, code_cell=number, raised_in=raised_in or number)


_PLACE = re.compile(r"^[ \t]{0,20}(?:Cell|Input) In ?\[(\d{1,6})\], line (\d{1,6})", re.MULTILINE)


def _place(traceback: Sequence[str], sources: Sequence[str]) -> tuple[int | None, int | None, str]:
    """The innermost line of the notebook in a traceback of IPython's: code cell, line number and the line.

    >>> _place(["Cell In[1], line 2\\n----> 2 f(x)", "Cell In[2], line 1, in f(x)"], ["\\nf(x)", "def f(x): y"])
    (2, 1, 'def f(x): y')
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback)[-LONGEST_TRACEBACK:])
    for found in reversed(_PLACE.findall(plain)):
        cell, line = int(found[0]), int(found[1])
        if 0 < cell <= len(sources) and 0 < line <= len(lines := sources[cell - 1].splitlines()):
            return cell, line, lines[line - 1].strip()
    return None, None, ""
