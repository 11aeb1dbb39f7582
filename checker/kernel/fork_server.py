"""The judge's end of the fork server (see `sandbox/inside/fork_server.py`), and of the kernels that it forks.

A process that grades has at most one, started when it is first needed. It ends with this process, whatever ends that,
and is replaced when it is found dead.
"""

import atexit
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from checker.kernel.environment import environment
from checker.sandbox.inside import hooks
from checker.sandbox.levels import BOOTSTRAP
from checker.sandbox.policies import SYSTEM

LOST = -1000  # in place of an exit code: the fork server is gone, and its kernels with it


class ForkedKernel:
    """A kernel's process, with as much of `subprocess.Popen` as is used of that."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, or None."""
        while self.returncode is None:
            try:
                said = self.channel.recv(1000, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            except OSError:
                said = b""
            ended = json.loads(said or b'{"ended": %d}' % LOST).get("ended")
            if ended is not None:
                self.returncode = ended
                self.channel.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Have the fork server, its parent, send a signal: nobody else can tell it from a later process."""
        if self.poll() is None:
            with contextlib.suppress(OSError):
                self.channel.send(bytes([number]))


def start() -> None:
    """Start the fork server if there is none, and do not wait for it. Raises `OSError`."""
    _running()


def fork(
    policy_file: str, isolated: bool, connection_file: str, variables: Mapping[str, str], errors: int
) -> ForkedKernel:
    """A new kernel, `isolated` by namespaces or not, whose errors go to a descriptor. Raises `OSError`."""
    request = {"policy": policy_file, "isolated": isolated, "arguments": ["-f", connection_file]}
    request["environment"] = dict(variables)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    data, descriptors = json.dumps(request).encode(), [theirs.fileno(), errors]
    with theirs, contextlib.ExitStack() as unless_sent:
        unless_sent.callback(ours.close)
        try:
            server = _running()
            socket.send_fds(server.control, [data], descriptors)
        except ConnectionError:  # it is dead
            server.alive = False
            socket.send_fds(_running().control, [data], descriptors)
        unless_sent.pop_all()
    return ForkedKernel(ours)


class ForkServer:
    """The process, started by a thread that waits for its end: it gets a signal when that thread ends."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.alive = True
        self._error: OSError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        started = threading.Event()
        self._thread = threading.Thread(target=self._live, args=(theirs, started), daemon=True, name="fork server")
        self._thread.start()
        started.wait()
        if self._error is not None:
            self.control.close()
            raise self._error

    def _live(self, control: socket.socket, started: threading.Event) -> None:
        folder = tempfile.mkdtemp(prefix="checker-")  # which it removes when everything is loaded
        try:
            hooks.copy_font_lists(Path(folder) / ".matplotlib", SYSTEM)
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(BOOTSTRAP), "--fork-server", str(control.fileno())],
                pass_fds=(control.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(Path(folder)),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self._error = error
        finally:
            control.close()
            started.set()
        if self._process is not None:
            self._process.wait()
        self.alive = False
        shutil.rmtree(folder, ignore_errors=True)

    @property
    def worked(self) -> bool:
        """Whether it has said that it is ready."""
        with contextlib.suppress(OSError):
            return bool(self.control.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK))
        return False

    def stop(self) -> None:
        self.control.close()
        if self._process is not None:
            self._process.kill()  # it may still be loading, and then would not notice
        self._thread.join(2)  # which removes its folder


_current: ForkServer | None = None
_lock = threading.Lock()


def _running() -> ForkServer:
    global _current
    with _lock:
        if _current is None or not _current.alive:
            if _current is not None:
                if not _current.worked:
                    raise ChildProcessError("the fork server does not start here")
                _current.control.close()
            _current = ForkServer()
        return _current


@atexit.register
def stop() -> None:
    """End the fork server, if there is one, and leave nothing of it; for a process that is about to end."""
    if _current is not None:
        _current.stop()


def _forget() -> None:
    """In a fork of this process: it has none yet, and does not keep ours alive."""
    global _current, _lock
    if _current is not None:
        _current.control.close()
    _current, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
