"""The judge's end of a kernel's sockets: what arrives is counted before it is kept, and little of it is believed.

ZMTP (rfc.zeromq.org/spec/23) is spoken here and not by libzmq, because libzmq bounds single frames and the number
of whole messages, but not a message: one of 400 buffers made the judge 1.5 GB larger with all of libzmq's limits set.
A frame over its limit it drops without a word. Here every byte is paid for from one allowance before it is read.
"""

import asyncio
import contextlib
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from queue import Empty
from typing import Any

from jupyter_client.session import DELIM, Session

from checker.kernel.launch import Kernel, KernelStartError
from checker.kernel.observation import Ending
from checker.submissions.bounded_json import loads, without_strings

# What a frame, and a value of each kind, take in memory at most when they are parsed and kept, in bytes.
_FRAME, _OBJECT, _LIST, _ITEM = 64, 400, 100, 50
LARGEST_FRAME = 4 * 2**20  # a message is in memory about four times while it is parsed
_MOST_VALUES, _MOST_IN_HEADER = 100_000, 100  # in one message
_DRAIN_WITHIN = 0.1  # seconds in which the last messages of a kernel that hung up are still looked at
_EXIT_WITHIN = 1.0  # seconds in which it may end by itself, so that its exit code tells why

_MORE, _LONG, _COMMAND = 1, 2, 4  # flags of a frame
_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


class FloodError(Exception):
    """More has arrived than is allowed."""


class Allowance:
    """How many bytes of memory a kernel's messages may still take."""

    def __init__(self, left: int) -> None:
        self.left = left

    def pay(self, size: int) -> None:
        """Raises `FloodError` when nothing is left."""
        self.left -= size
        if self.left < 0:
            raise FloodError


class Channel:
    """One connection. Messages wait in a queue, which the allowance bounds.

    `flooded` is called when that is used up, `hung_up` when the kernel closes the connection; then no more can come.
    """

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        session: Session,
        allowance: Allowance,
        flooded: Callable[[], None],
        hung_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._reader, self._writer = streams
        self._session, self._allowance = session, allowance
        self._flooded, self._hung_up = flooded, hung_up
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def open(self, kind: str) -> None:
        """Make the handshake of a socket of this kind. Raises `ConnectionError`, or `EOFError` if nobody answers."""
        properties = [(b"Socket-Type", kind.encode()), (b"Identity", self._session.bsession)]
        ready = b"\x05READY" + b"".join(
            bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value for name, value in properties
        )
        self._writer.write(_GREETING + bytes([_COMMAND, len(ready)]) + ready)
        greeting = await self._reader.readexactly(len(_GREETING))
        if greeting[0] != 0xFF or greeting[10] < 3:
            raise ConnectionError("the kernel speaks another protocol")
        await self._frame()  # its READY
        if kind == "SUB":
            self._write([b"\x01"])  # subscribes to everything
        self._receiver = asyncio.ensure_future(self._receive())

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; what cannot be delivered shows in the silence that follows."""
        self._write(self._session.serialize(message))

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        """The next message. Raises `queue.Empty` after so many seconds, as nbclient expects."""
        try:
            return await asyncio.wait_for(self._waiting.get(), timeout)
        except TimeoutError:
            raise Empty from None

    async def close(self) -> None:
        self._receiver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._receiver
        self._writer.transport.abort()

    def _write(self, frames: list[bytes]) -> None:
        flags = [_LONG | _MORE] * (len(frames) - 1) + [_LONG]
        heads = (bytes([flag]) + len(frame).to_bytes(8, "big") for flag, frame in zip(flags, frames, strict=True))
        self._writer.write(b"".join(head + frame for head, frame in zip(heads, frames, strict=True)))

    async def _receive(self) -> None:
        try:
            while True:
                message = read_message(await self._frames(), self._session, self._allowance)
                if message is not None:
                    self._waiting.put_nowait(message)
        except FloodError:
            self._flooded()
        except (EOFError, OSError):
            await self._hung_up()

    async def _frames(self) -> list[bytes]:
        """The frames of one message; commands in between are left out."""
        frames: list[bytes] = []
        while True:
            flags, frame = await self._frame()
            if not flags & _COMMAND:
                frames.append(frame)
                if not flags & _MORE:
                    return frames

    async def _frame(self) -> tuple[int, bytes]:
        [flags] = await self._reader.readexactly(1)
        size = int.from_bytes(await self._reader.readexactly(8 if flags & _LONG else 1), "big")
        if size > LARGEST_FRAME:
            raise FloodError
        self._allowance.pay(_FRAME + size)
        return flags, await self._reader.readexactly(size)


class Connection:
    """A kernel as nbclient sees it: a `shell_channel` for requests and replies, an `iopub_channel` for outputs."""

    shell_channel: Channel
    iopub_channel: Channel

    def __init__(self, kernel: Kernel, allowance: Allowance, gone: Callable[[Ending], None]) -> None:
        self._kernel, self._allowance, self._gone = kernel, allowance, gone
        self.beside: Mapping[str, Any] = {}  # what goes along with the code of the next cell

    async def open(self, seconds: float) -> None:
        """Connect, and wait until the kernel answers. Raises `KernelStartError`."""
        deadline = time.monotonic() + seconds
        try:
            self.shell_channel = await self._channel("shell", "DEALER", deadline)
            self.iopub_channel = await self._channel("iopub", "SUB", deadline)
            await self._wait_for_answer(deadline)
        except (EOFError, OSError, FloodError) as error:
            raise KernelStartError(f"the kernel did not start: {error}") from error

    async def close(self) -> None:
        """Hang up; nothing is read any more."""
        for name in ("shell_channel", "iopub_channel"):
            if hasattr(self, name):
                await getattr(self, name).close()

    async def is_alive(self) -> bool:
        return self._kernel.is_alive()

    def execute(self, code: str, store_history: bool = True, stop_on_error: bool = True) -> str:
        """Ask for a cell to be run; returns the id that all answers to it carry."""
        return self._request(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": store_history,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": stop_on_error,
                **self.beside,
            },
        )

    def _request(self, kind: str, content: dict[str, Any]) -> str:
        message = self._kernel.session.msg(kind, content)
        self.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    async def _channel(self, name: str, kind: str, deadline: float) -> Channel:
        while True:
            try:
                streams = await self._connect(name)
                break
            except OSError:  # the kernel has not got as far yet
                await self._still_starting(deadline)
                await asyncio.sleep(0.01)
        flooded = partial(self._gone, "output limit")
        channel = Channel(streams, self._kernel.session, self._allowance, flooded, self._hung_up)
        try:
            await channel.open(kind)
        except BaseException:
            streams[1].transport.abort()
            raise
        return channel

    async def _connect(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        info = self._kernel.connection
        ip, port = str(info["ip"]), int(info[f"{name}_port"])  # type: ignore[literal-required]
        if info["transport"] == "ipc":
            return await asyncio.open_unix_connection(f"{ip}-{port}")
        return await asyncio.open_connection(ip, port)

    async def _wait_for_answer(self, deadline: float) -> None:
        """Until a reply and some output have come: the kernel takes requests, and the subscription is in force."""
        while True:
            self._request("kernel_info_request", {})
            with contextlib.suppress(Empty):
                await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=0.2)
                return
            await self._still_starting(deadline)

    async def _hung_up(self) -> None:
        deadline = time.monotonic() + _EXIT_WITHIN
        await asyncio.sleep(_DRAIN_WITHIN)
        while time.monotonic() < deadline and await self.is_alive():
            await asyncio.sleep(0.02)
        self._gone("crashed")

    async def _still_starting(self, deadline: float) -> None:
        if not await self.is_alive():
            raise ConnectionError("the process ended")
        if time.monotonic() > deadline:
            raise ConnectionError("it did not answer in time")


def read_message(frames: list[bytes], session: Session, allowance: Allowance) -> dict[str, Any] | None:
    """A message as nbclient wants it, or None for what is malformed or of no use. Raises `FloodError`.

    Only what is listed in `_content` is kept of it; metadata and binary buffers are not even looked at.
    """
    with contextlib.suppress(ValueError, KeyError, IndexError, TypeError, AttributeError):
        parts = frames[frames.index(DELIM) + 1 :]
        if not hmac.compare_digest(parts[0], session.sign(parts[1:5])):
            return None
        header, parent = (loads(parts[number].decode(), _MOST_IN_HEADER) for number in (1, 2))
        sent = _read(parts[4], allowance)
        ids = {"msg_type": str(header["msg_type"]), "msg_id": str(header["msg_id"])}
        content = _content(ids["msg_type"], sent)
        if content is not None:
            return {**ids, "header": ids, "parent_header": {"msg_id": str(parent["msg_id"])}, "content": content}
    return None


def _read(part: bytes, allowance: Allowance) -> Any:
    # A single wide character makes a string of a million others four times as large.
    if not part.isascii() or b"\\u" in part:
        allowance.pay(3 * len(part))
    text = part.decode("utf-8")
    rest = without_strings(text)
    allowance.pay(_OBJECT * rest.count("{") + _LIST * rest.count("[") + _ITEM * rest.count(","))
    return loads(text, _MOST_VALUES)


def _content(kind: str, sent: dict[str, Any]) -> dict[str, Any] | None:
    """What is kept of a message's content, every part of it of the type that it should have."""
    count = sent.get("execution_count")
    numbered = {"execution_count": count} if type(count) is int and 0 <= count < 10**6 else {}
    match kind:
        case "status":
            return {"execution_state": str(sent["execution_state"])}
        case "execute_reply" if sent["status"] == "error":
            return {"status": "error", **_error(sent)}
        case "execute_reply" | "kernel_info_reply":
            return {"status": "ok"}
        case "execute_input":
            return numbered
        case "clear_output":
            return {"wait": bool(sent.get("wait"))}
        case "stream" if sent["name"] in ("stdout", "stderr") and isinstance(sent["text"], str):
            return {"name": sent["name"], "text": sent["text"]}
        case "error":
            return _error(sent)
        case "display_data" | "update_display_data" | "execute_result":
            shown = {"data": _bundle(sent["data"]), "metadata": dict(sent.get("metadata") or {})}
            id = (sent.get("transient") or {}).get("display_id")
            more = {"execution_count": None, **numbered} if kind == "execute_result" else {}
            return {**shown, **more, "transient": {"display_id": id} if isinstance(id, str) else {}}
    return None  # widgets' messages, and kinds that are unknown


def _error(sent: dict[str, Any]) -> dict[str, Any]:
    traceback = [line for line in sent["traceback"] if isinstance(line, str)]
    return {"ename": str(sent["ename"]), "evalue": str(sent["evalue"]), "traceback": traceback}


def _bundle(data: dict[str, Any]) -> dict[str, Any]:
    """Representations by MIME type: text, or JSON where the type says so."""
    return {mime: value for mime, value in data.items() if isinstance(value, str) or mime.endswith("json")}
