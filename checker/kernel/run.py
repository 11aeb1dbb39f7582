"""One notebook, one fresh kernel: run its cells, then ask what they left behind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
import marshal
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checker.exercises.model import Case
from checker.kernel.canceller import Canceller
from checker.kernel.client import KernelGoneError, LimitedClient
from checker.kernel.fork_server import LOST
from checker.kernel.jupyter import nbformat
from checker.kernel.launch import Kernel, KernelStartError, launch
from checker.kernel.launchers import Launcher
from checker.kernel.limits import Limits
from checker.kernel.observation import (
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
MOST_VALUES = 100_000  # in an answer of the probe
LONGEST_TRACEBACK = 100_000  # characters


@dataclass(frozen=True)
class ProbeRequest:
    """What to ask after the cells: the values of `names`, and `function` called on every case.

    When `doubt` says so of what was observed, the function is also called on the `more` cases and watched at work
    on the `traced` one.
    """

    names: tuple[str, ...]
    function: str
    cases: tuple[Case, ...]
    more: tuple[Case, ...] = ()
    traced: Case | None = None
    doubt: Callable[[Observation], bool] = lambda observation: False


def observe(
    notebook: Notebook,
    question: ProbeRequest | None = None,
    limits: Limits | None = None,
    canceller: Canceller | None = None,
    level: Level = "limits",
    launcher: Launcher = "spawn",
) -> Observation:
    """Run a notebook in a kernel of its own, at a level of the sandbox, and report what happened.

    Whatever the notebook does is in the observation. Raises `KernelStartError` when no kernel could be had; where none
    could be forked, or it was lost because its warm process ended, that is after a second attempt without one.
    """
    canceller, limits = canceller or Canceller(), limits or Limits()
    try:
        return asyncio.run(canceller.watch(_observe(notebook, question, limits, level, launcher)))
    except KernelStartError:
        if launcher == "spawn":
            raise
    return asyncio.run(canceller.watch(_observe(notebook, question, limits, level, "spawn")))


async def _observe(
    notebook: Notebook, question: ProbeRequest | None, limits: Limits, level: Level, launcher: Launcher
) -> Observation:
    begun = time.perf_counter()
    executed = _as_nbformat(notebook)
    most_seconds = int(limits.notebook + 20 * limits.call) + 60  # the clock is stopped by the judge long before
    async with launch(limits.memory, level, most_seconds, launcher) as kernel:
        client = LimitedClient(executed, kernel.manager, limits.output)
        try:
            await client.connection.open(KERNEL_START)
            started = time.perf_counter()
            run = _Run(kernel, client, executed, limits, deadline=started + limits.notebook)
            await run.cells()
            cells_done = time.perf_counter()
            if question is not None and run.ending == "finished":
                await run.ask(question)
        finally:
            await client.connection.close()
    seconds = {
        "start": started - begun,
        "cells": cells_done - started,
        "probe": time.perf_counter() - cells_done,
        "total": time.perf_counter() - begun,
    }
    rounded = {name: round(value, 3) for name, value in seconds.items()}
    return replace(run.observation(), seconds=rounded, executed=_as_json(executed))


class _Run:
    """The run as it grows; `observation` freezes it."""

    def __init__(
        self, kernel: Kernel, client: LimitedClient, executed: nbformat.NotebookNode, limits: Limits, deadline: float
    ) -> None:
        self.kernel, self.client, self.executed = kernel, client, executed
        self.limits, self.deadline = limits, deadline
        self.ending: Ending = "finished"
        self.stopped_in: int | None = None
        self.failures: list[Failure] = []
        self.values: Mapping[str, Any] = {}
        self.functions: Mapping[str, int] = {}
        self.calls: dict[str, Call] = {}
        self.called = ""
        self.trace: Trace | None = None
        self.asked = self.has_read = False
        self.expected: set[str] = set()
        self.code = [i for i, cell in enumerate(executed.cells) if cell.cell_type == "code" and cell.source.strip()]
        self.sources = [executed.cells[i].source for i in self.code]

    def observation(self) -> Observation:
        """What has been seen so far."""
        return Observation(
            ending=self.ending,
            stopped_in=self.stopped_in,
            failures=tuple(self.failures),
            values=self.values,
            functions=self.functions,
            calls=dict(self.calls),
            called=self.called,
            trace=self.trace,
        )

    async def cells(self) -> None:
        """Run every code cell, going on after one that raises: whether it mattered is for the judge."""
        for number, index in enumerate(self.code, 1):
            cell = self.executed.cells[index]
            left = self.deadline - time.perf_counter()
            if left <= 0:
                self.ending, self.stopped_in = "timeout", number
                return
            try:
                interrupted = await self.client.run_cell(cell, index, min(self.limits.cell, left))
            except KernelGoneError as gone:
                self.ending, self.stopped_in = await self._reason(gone), number
                return
            failure = _failure_in(cell, number, interrupted, self.sources)
            if failure is not None:
                self.failures.append(failure)

    async def ask(self, question: ProbeRequest) -> None:
        """Ask for the names and for every call; a call that hangs or kills the kernel ends the asking."""
        self.client.allowance.left = self.limits.output  # what was printed before has been paid for
        self.called = question.function
        try:
            in_time = await self._call(question.cases, read=question.names)
            self.called = self._function_for(question)
            if self.called != question.function:
                self.calls.clear()
                in_time = await self._call(question.cases)
            if in_time and question.doubt(self.observation()):
                if question.more:
                    await self._call(question.more)
                if question.traced is not None:
                    await self._watch(question.traced)
        except KernelGoneError as gone:
            pending = next((case.name for case in question.cases if case.name not in self.calls), None)
            if pending is not None:  # otherwise it was the trace that did not survive, and it is not needed
                reason = await self._reason(gone)
                name = "MemoryError" if reason == "memory" else reason
                failure = Failure(name, _GONE[reason], timed_out=reason == "timeout")
                self.calls[pending] = Call(failure=failure)

    async def _call(self, cases: Sequence[Case], read: Sequence[str] | None = None) -> bool:
        """Call the function on every case, and read names before; false if a call took too long.

        All is asked for at once, because a request takes longer than most calls. Those that were cut off, because all
        together took too long, are asked for one by one.
        """
        self.expected = {case.name for case in cases}
        reading = {} if read is None else {"read": list(read)}
        interrupted = await self._exchange(reading | self._request(cases), self._keep_answer)
        pending = [case for case in cases if case.name not in self.calls]
        if interrupted and pending and pending[0] is cases[0] and (self.has_read or read is None):
            self.calls[pending[0].name] = Call(failure=_TOO_LONG)  # it had all the time for itself
            return False
        for case in pending:
            if await self._exchange(self._request([case]), self._keep_answer):
                self.calls[case.name] = Call(failure=_TOO_LONG)
                return False
            self.calls.setdefault(case.name, decode_call(None))
        return True

    def _request(self, cases: Sequence[Case]) -> dict[str, Any]:
        return {"call": self.called, "cases": [{"name": case.name, **_inputs(case)} for case in cases]}

    def _keep_answer(self, answer: dict[str, Any]) -> None:
        """What was read, or a call; the first of each, as the function could go on answering."""
        if "values" in answer and not self.has_read:
            self.has_read = True
            self.values = decode_values(answer["values"])
            self.functions = decode_functions(answer.get("functions"))
        elif isinstance(name := answer.get("case"), str) and name in self.expected:
            self.calls.setdefault(name, decode_call(answer))

    async def _watch(self, case: Case) -> None:
        """Call the function once more, and see every expression's value."""
        seen: list[Trace | None] = []
        request = {"trace": self.called, "sources": self.sources, **_inputs(case)}
        interrupted = await self._exchange(request, lambda answer: seen.append(decode_trace(answer)))
        self.trace = seen[0] if seen and not interrupted else None

    async def _reason(self, gone: KernelGoneError) -> Ending:
        """Why the kernel is gone: its keeper may have ended it. Raises `KernelStartError` if that was our fault."""
        if gone.reason != "crashed":
            return gone.reason
        code = await self.kernel.ended(ENDED_WITHIN)
        if code == LOST:
            raise KernelStartError("the kernel was lost with the process that it was forked from")
        return "memory" if code == OUT_OF_MEMORY else "crashed"

    def _function_for(self, question: ProbeRequest) -> str:
        """The function asked for; where there is none of its name, the only one of as many parameters."""
        size = len(question.cases[0].arguments) if question.cases else -1
        similar = [name for name, count in self.functions.items() if count == size]
        renamed = question.function not in self.functions and len(similar) == 1
        return similar[0] if renamed else question.function

    async def _exchange(self, request: dict[str, Any], keep: Callable[[dict[str, Any]], None]) -> bool:
        """Send one request as a cell of its own and pass every answer on; true if it was interrupted."""
        first = not self.asked
        cell = _cell("code", SET_UP + RESPOND if first else RESPOND, "probe")
        beside = {"probe": request | ({"instructions": _instructions()} if first else {})}
        self.asked = True
        self.executed.cells.append(cell)
        self.client.answers.clear()
        try:
            return await self.client.run_cell(cell, len(self.executed.cells) - 1, self.limits.call, beside)
        finally:
            self.executed.cells.pop()
            for text in self.client.answers:
                with contextlib.suppress(ValueError):
                    if isinstance(answer := loads(text, MOST_VALUES), dict):
                        keep(answer)


_GONE: Mapping[str, str] = {
    "timeout": "the call took too long",
    "output limit": "the call printed or displayed more than the limit allows",
    "memory": "the call used more memory than the limit allows",
    "crashed": "the call ended the kernel",
}
_TOO_LONG = Failure("timeout", _GONE["timeout"], timed_out=True)


@functools.cache
def _instructions() -> str:
    """The probe, compiled: its kernel is a process of this very interpreter."""
    parts = (Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8") for name in ("tracing", "probe"))
    return base64.b64encode(marshal.dumps(compile("".join(parts), "<probe>", "exec"))).decode()


def _inputs(case: Case) -> dict[str, Any]:
    """The inputs as the probe reads them. What is rebound and an argument too is the same object, and sent once."""
    rebind = {name: None if name in case.arguments else value for name, value in pack(case.rebind).items()}
    return {"arguments": pack(case.arguments), "rebind": rebind}


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


def _failure_in(cell: nbformat.NotebookNode, number: int, interrupted: bool, sources: Sequence[str]) -> Failure | None:
    if interrupted:
        return Failure("timeout", "the cell took too long", code_cell=number, timed_out=True)
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
