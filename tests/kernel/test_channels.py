"""Whatever a kernel sends, the judge stays small, goes on, and says what happened."""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from helpers import ROOT, filled_in, notebook
from jupyter_client.session import Session

from checker import Result
from checker.kernel.channels import Allowance, Channel, FloodError, read_message
from checker.kernel.launch import launch
from checker.kernel.run import SET_UP, ProbeRequest, observe
from checker.kernel.run import _as_nbformat as as_nbformat
from checker.kernel.run import _failure_in as failure_in
from checker.submissions.notebook import parse

# Real kernels, each judged in a process of its own, whose memory is watched.

KERNEL = """
k = get_ipython().kernel
def send(content, kind='display_data', **more):
  k.session.send(k.iopub_socket, kind, content, parent=k.get_parent(), **more)
"""
SHELL = """
k = get_ipython().kernel
ident = k._parent_ident['shell'] if hasattr(k, '_parent_ident') else k._shell_parent_ident.get()
shell = getattr(k.shell_stream, 'socket', k.shell_stream)  # a stream would wait for the cell to end
def reply(kind, content):
  k.session.send(shell, kind, content, parent=k.get_parent('shell'), ident=ident)
"""
DISPLAY = "from IPython.display import HTML, clear_output, display\n"
SLEEP = "\nimport time; time.sleep(60)"
EMPTY = "{'data': {}, 'metadata': {}}"
FLOODS = {
    "one giant print": "print('x' * 200_000_000)",
    "displays": DISPLAY + "while True: display(HTML('x' * 100_000))",
    "small displays": DISPLAY + "while True: display(1)",
    "updates": DISPLAY + "h = display('x', display_id=True)\nwhile True: h.update('y' * 100_000)",
    "displays of one id": DISPLAY + "while True: display('x', display_id='a')",
    "cleared outputs": DISPLAY + "while True:\n  print('x' * 50_000); clear_output()",
    "wide characters": "while True: print('x' * 50_000 + '\\U0001f600', flush=True)",
    "a traceback": "class E(Exception):\n  def _render_traceback_(self): return ['\\n' * 3_000_000]\nraise E('x')",
    "many buffers": f"{KERNEL}send({EMPTY}, buffers=[b'x' * 4_000_000] * 100){SLEEP}",
    "many empty buffers": f"{KERNEL}send({EMPTY}, buffers=[b''] * 500_000){SLEEP}",
    "metadata": f"{KERNEL}while True: send({EMPTY}, metadata={{'a': 'x' * 1_000_000}})",
    "brackets": KERNEL + "while True: send(b'{\"data\":{\"a/json\":[' + b'{},' * 300_000 + b'0]},\"metadata\":{}}')",
    "unread messages": KERNEL + "k.get_parent = lambda: {}\nwhile True: send({'data': {'a/b': 'x' * 100_000}})",
    "replies": SHELL + "while True: reply('x_reply', {'status': 'x' * 100_000})",
    "a thread, after its cell": """
import threading
def go():
  while True: print('x' * 100_000)
threading.Thread(target=go).start()""",
}
JUDGE = """
import sys, threading
sys.path.insert(0, "tests")
from helpers import notebook
from checker.kernel.options import Limits
from checker.kernel.run import observe
from checker.submissions.notebook import parse

def size():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

observe(parse(notebook("x = 1")))
before = peak = size()
done = threading.Event()
def watch():
    global peak
    while not done.wait(0.005):
        peak = max(peak, size())
threading.Thread(target=watch).start()
observation = observe(parse(notebook(sys.stdin.read(), "import time; time.sleep(1)")), limits=Limits(cell=15))
done.set()
print(observation.ending, max(peak, size()) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from /proc")
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_ends_as_output_limit_and_leaves_the_judge_small(flood: str) -> None:
    command = [sys.executable, "-W", "error", "-c", JUDGE]
    run = subprocess.run(command, input=FLOODS[flood], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert not run.stderr
    ending, growth = run.stdout.rsplit(" ", 1)
    assert ending == "output limit" and int(growth) < 50 * 2**20, run.stdout


def test_a_function_that_floods_only_when_it_is_asked_ends_as_output_limit(grade: Callable[..., Result]) -> None:
    body = """
  calls.append(1)
  while len(calls) > 1: display('x' * 100_000)
  return X
"""
    result = grade(filled_in(body, before="calls = []"))
    assert result.verdict == "output limit" and "printed or displayed more than 8 MB" in result.summary


def test_messages_that_are_none_are_passed_over() -> None:
    code = """
for frames in ([b''], [b'<IDS|MSG>'], [b'<IDS|MSG>', b''], [b'<IDS|MSG>', *[b'\\xff'] * 5], [b'x'] * 50):
  k.iopub_socket.send_multipart(frames)
for content in ({}, {'data': 5, 'metadata': None}, {'data': {'text/plain': {}}, 'metadata': {}}):
  send(content)
for kind in ('status', 'stream', 'error', 'execute_result', 'comm_open', 'x'):
  send({'traceback': 5, 'name': 3}, kind)
print('done')"""
    observation = observe(parse(notebook(KERNEL + code, "x = 1")), ProbeRequest("f", ("x",)))
    assert observation.ending == "finished" and not observation.failures and "x" in observation.values
    assert "done" in observation.executed


@pytest.mark.skipif(os.name != "posix", reason="descriptors as here are POSIX")
def test_a_kernel_that_hangs_up_is_noticed() -> None:
    code = "import os, time\nfor n in range(3, 300):\n  try: os.close(n)\n  except OSError: pass\ntime.sleep(60)"
    observation = observe(parse(notebook(code)))
    assert (observation.ending, observation.stopped_in) == ("crashed", 1)


FORGED = (
    KERNEL
    + """
from IPython.core.displaypub import DisplayPublisher
MIME = 'application/vnd.checker.probe+json'
def publish(self, data, *a, **k):
  forged(REPLY)
def forged(reply):
  send({'data': {MIME: reply}, 'metadata': {}})
DisplayPublisher.publish = publish
type(get_ipython().display_pub).publish = publish
"""
)


@pytest.mark.parametrize(
    "reply",
    ["not JSON", "[" * 5_000, "{}", '{"values": 5, "functions": [1]}', '{"values": {"x": {"shape": [1e9]}}}'],
    ids=["no JSON", "nested", "empty", "wrong types", "huge shape"],
)
def test_a_forged_answer_of_the_probe_is_evidence_of_nothing(reply: str) -> None:
    observation = observe(parse(notebook("x = 1", FORGED.replace("REPLY", repr(reply)))), ProbeRequest("f", ("x",)))
    assert observation.ending == "finished"
    assert all(value.array is None for value in observation.values.values())


def test_a_forged_reply_that_comes_too_early_only_hurries_the_forger() -> None:
    code = "reply('execute_reply', {'status': 'ok'})\nsend({'execution_state': 'idle'}, 'status')\nx = 1"
    observation = observe(parse(notebook(KERNEL + SHELL + code, "y = 2")), ProbeRequest("f", ("x", "y")))
    assert observation.ending == "finished" and set(observation.values) == {"x", "y"}


# Single messages, without a kernel.

SESSION = Session(key=b"key")


def frames(kind: str, content: object, **changes: object) -> list[bytes]:
    message = SESSION.msg(kind, content=content, parent=SESSION.msg("execute_request"), **changes)
    return SESSION.serialize(message)


def content_of(kind: str, content: object) -> object:
    message = read_message(frames(kind, content), SESSION, Allowance(10**6))
    return message and message["content"]


ODD_DISPLAY = {"data": {"a/b": "x", "c/d": 5, "e/json": [1]}, "metadata": {}, "transient": {"display_id": []}}


@pytest.mark.parametrize(
    ("kind", "content", "kept"),
    [
        ("status", {"execution_state": "idle", "more": 1}, {"execution_state": "idle"}),
        ("stream", {"name": "stdout", "text": "x"}, {"name": "stdout", "text": "x"}),
        ("stream", {"name": "stdlog", "text": "x"}, None),
        ("stream", {"name": "stdout", "text": 5}, None),
        ("error", {"ename": 5, "evalue": "", "traceback": ["a", 5]}, {"ename": "5", "evalue": "", "traceback": ["a"]}),
        ("error", {"ename": "E", "evalue": "", "traceback": 5}, None),
        ("display_data", ODD_DISPLAY, {"data": {"a/b": "x", "e/json": [1]}, "metadata": {}, "transient": {}}),
        ("execute_input", {"execution_count": True}, {}),
        ("execute_input", {"execution_count": 3, "code": "x"}, {"execution_count": 3}),
        ("execute_reply", {"status": "fine"}, {"status": "ok"}),
        ("comm_open", {"comm_id": "x", "data": {}}, None),
    ],
)
def test_little_is_kept_of_a_message(kind: str, content: object, kept: object) -> None:
    assert content_of(kind, content) == kept


def _sockets_of_this_process() -> int:
    descriptors = Path("/proc/self/fd").iterdir()
    return sum(str(path.readlink()).startswith("socket:") for path in descriptors if path.is_symlink())


async def _sockets_for_a_kernel() -> int:
    before = _sockets_of_this_process()
    async with launch(memory=2**31):
        return _sockets_of_this_process() - before


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="sockets are counted in /proc")
def test_the_judge_holds_no_socket_that_nobody_reads() -> None:
    """Only the one on which the kernel reports how it started."""
    assert asyncio.run(_sockets_for_a_kernel()) == 1


def test_a_message_with_a_wrong_signature_is_passed_over() -> None:
    assert read_message(frames("status", {"execution_state": "idle"}), Session(key=b"other"), Allowance(10**6)) is None


@pytest.mark.parametrize(
    "text",
    ["x" * 500_000 + "é", "\x1b" * 100_000, "\U0001f600" * 100_000],
    ids=["one wide letter", "escapes", "emoji"],
)
def test_wide_characters_are_paid_for_as_wide(text: str) -> None:
    with pytest.raises(FloodError):
        read_message(frames("stream", {"name": "stdout", "text": text}), SESSION, Allowance(10**6))


def test_nesting_is_bounded_and_numbers_are_paid_for() -> None:
    deep: object = 1
    for _ in range(200):
        deep = [deep]
    assert content_of("display_data", {"data": {"a/json": deep}, "metadata": {}}) is None
    with pytest.raises(FloodError):
        content_of("display_data", {"data": {"a/json": [1] * 30_000}, "metadata": {}})


@contextlib.asynccontextmanager
async def channel(sent: bytes, gone: list[str]) -> AsyncIterator[Channel]:
    """A channel to a kernel that sends these bytes and hangs up."""
    ours, theirs = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=theirs)
    writer.write(sent)
    writer.write_eof()

    async def hung_up() -> None:
        gone.append("hung up")

    streams = await asyncio.open_connection(sock=ours)
    opened = Channel(streams, SESSION, Allowance(10**6), lambda: gone.append("flooded"), hung_up)
    await opened.open("SUB")
    yield opened
    await opened._receiver
    await opened.close()
    writer.transport.abort()


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL".ljust(55, b"\0") + b"\x04\x06\x05READY"


@pytest.mark.parametrize(
    ("sent", "ending"),
    [
        (b"", "hung up"),
        (b"\x00\x05abc", "hung up"),
        (b"\x02" + (2**63 - 1).to_bytes(8, "big"), "flooded"),
        (b"\x03" + (10**5).to_bytes(8, "big") + bytes(10**5), "hung up"),
        (b"\x01\x00" * 20_000, "flooded"),
        (b"\x04\x00" * 20_000, "flooded"),
    ],
    ids=["nothing", "cut off", "endless frame", "large flags", "many frames", "many commands"],
)
def test_what_is_no_message_ends_the_reading(sent: bytes, ending: str) -> None:
    gone: list[str] = []

    async def read() -> None:
        async with channel(GREETING + sent, gone):
            pass

    asyncio.run(read())
    assert gone == [ending]


def test_frames_are_put_together_to_messages() -> None:
    parts = frames("status", {"execution_state": "idle"})
    sent = b"".join(
        bytes([1 if number < len(parts) else 0, len(part)]) + part if len(part) < 256
        else bytes([3 if number < len(parts) else 2]) + len(part).to_bytes(8, "big") + part
        for number, part in enumerate(parts, 1)
    )  # fmt: skip

    async def read() -> str:
        async with channel(GREETING + sent, []) as opened:
            message = await opened.get_msg(timeout=5)
            return str(message["content"]["execution_state"])

    assert asyncio.run(read()) == "idle"


def test_the_place_in_a_huge_traceback_is_found_in_a_moment() -> None:
    executed = as_nbformat(parse(notebook("x")))
    output = {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["\n" * 5_000_000, "Cell In[1], line 1"]}
    executed.cells[0].outputs = [type(executed)(output)]
    failure = failure_in(executed.cells[0], 1, False, ["x"])
    assert failure is not None and failure.line == 1


def test_nothing_is_ever_unpickled() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "checker").rglob("*.py"))
    judges = sources.replace(SET_UP, "")  # that runs in the kernel, and what it loads comes from the judge
    assert len(judges) < len(sources)
    assert not re.search(r"\b(pickle|marshal\.load\w*|from marshal|shelve|np\.load|allow_pickle=True)\b", judges)
