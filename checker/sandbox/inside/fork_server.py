"""The fork server: it has imported what kernels and notebooks need, and every kernel is a fork of it.

It runs no line of any notebook, has one thread, and knows nothing but where its kernels lie.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

from . import hooks
from .deferred_modules import DeferredModules
from .root import fork_isolated
from .system import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl

# What a kernel imports until it has run a few cells and shown an exception.
KERNEL = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger", "tornado.platform.asyncio",
    "IPython.core.async_helpers", "IPython.core.completer", "IPython.core.completerlib", "IPython.core.debugger",
    "IPython.core.logger", "IPython.core.magics.execution", "IPython.core.magics.script", "IPython.core.oinspect",
    "IPython.core.pylabtools", "IPython.extensions.storemagic", "pygments.formatters.terminal256", "stack_data",
)  # fmt: skip
# What notebooks import. `matplotlib_inline.backend_inline` is not there: it looks for its shell when it is imported.
NOTEBOOK = (
    "numpy", "numpy.random", "numpy.linalg", "numpy.ma", "numpy.fft", "matplotlib", "matplotlib.pyplot",
    "matplotlib.backends.backend_agg", "PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin", "PIL.PpmImagePlugin",
)  # fmt: skip

LARGEST_REQUEST = 2**18  # bytes
LARGE = 2**25 - 2**13  # bytes; of larger ones glibc does not learn (mallopt(3), M_MMAP_THRESHOLD)


@dataclass(frozen=True)
class _Kernel:
    """A process, a handle that says when it has ended, and the judge's connection to it.

    The first process of namespaces hears nothing but SIGKILL until it waits for signals, and all others end with it.
    """

    process: int
    first: bool
    handle: int
    channel: int


def serve(control: int) -> None:
    """Fork a kernel for each request; returns in these alone, and ends when the judge is gone.

    A request comes with two descriptors: a channel, and where the kernel's errors go. On the channel the kernel
    reports how it started, and this process how it ended; every byte that the judge sends there is a signal for it.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(PR_SET_DUMPABLE, 0)
    deferred = load()
    os.write(control, b"ready")
    here = os.pidfd_open(os.getpid())
    kernels: dict[int, _Kernel] = {}
    poller = select.poll()
    poller.register(control, select.POLLIN)
    while True:
        ready, _ = poller.poll()[0]
        if ready != control:
            _attend(kernels[ready], ready, kernels, poller)
            continue
        request, channel, errors = _receive(control)
        process, first = _fork(isolated=request["isolated"])
        if process == 0:
            return begin(request, channel, errors, here, deferred)
        os.close(errors)
        kernel = _Kernel(process, first, os.pidfd_open(process), channel)
        for descriptor in (kernel.handle, channel):
            kernels[descriptor] = kernel
            poller.register(descriptor, select.POLLIN)


def _receive(control: int) -> tuple[dict[str, Any], int, int]:
    connection = socket.socket(fileno=control)
    try:
        data, descriptors, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 2)
    finally:
        connection.detach()
    if not data:
        os._exit(0)  # what still runs ends with its parent
    return json.loads(data), *descriptors


def _fork(isolated: bool) -> tuple[int, bool]:
    """Fork; also returns whether the child is the first process of its own namespaces."""
    if isolated:
        here = os.getpid()
        try:
            return fork_isolated(), True
        except OSError:
            if os.getpid() != here:
                os._exit(1)
    return os.fork(), False  # and it isolates itself, or says why it cannot


def _attend(kernel: _Kernel, ready: int, kernels: dict[int, _Kernel], poller: Any) -> None:
    if ready == kernel.channel:
        try:
            wanted = os.read(ready, 100)
        except ConnectionResetError:
            wanted = b""
        for number in wanted or (signal.SIGTERM,):
            if kernel.first and number == signal.SIGTERM:
                number = signal.SIGKILL
            try:
                os.killpg(kernel.process, number)
            except ProcessLookupError:  # it has not got as far as having a group of its own
                os.kill(kernel.process, number)
        if not wanted:  # nobody listens any more
            poller.unregister(ready)
            del kernels[ready]
        return
    _, status = os.waitpid(kernel.process, 0)
    with contextlib.suppress(OSError):
        os.write(kernel.channel, b'{"ended": %d}\n' % os.waitstatus_to_exitcode(status))
    for descriptor in (kernel.handle, kernel.channel):
        if kernels.pop(descriptor, None) is not None:
            poller.unregister(descriptor)
        os.close(descriptor)


def load() -> DeferredModules:
    """Import everything, and leave nothing behind that a fork would be surprised by."""
    for name in KERNEL:
        with contextlib.suppress(ImportError):  # other versions have other parts
            importlib.import_module(name)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as ipykernel has it
    deferred = DeferredModules(NOTEBOOK)
    shutil.rmtree(os.environ["HOME"], ignore_errors=True)
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("a library has started a thread, which a fork would not have")
    bytearray(LARGE)  # and freed: from now on glibc keeps what is freed, where every figure would ask for it again
    gc.collect()
    gc.freeze()
    return deferred


def begin(request: dict[str, Any], channel: int, errors: int, server: int, deferred: DeferredModules) -> None:
    """Make this fork as if it had been started: its parent, its session, its arguments, its environment."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if select.select([server], [], [], 0)[0]:  # it has ended already
        os._exit(1)
    os.setsid()
    os.dup2(errors, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = [request["policy"], str(channel), *request["arguments"]]
    refresh(deferred)


def refresh(deferred: DeferredModules) -> None:
    """Forget what all forks would have in common. (The module `random` does so by itself.)"""
    if numpy_random := deferred.module("numpy.random"):
        numpy_random.seed()
    if matplotlib := deferred.module("matplotlib"):
        hooks.forget_matplotlib_folders(matplotlib)
    hooks.forget_temporary_names()
    if multiprocessing := sys.modules.get("multiprocessing.process") or deferred.module("multiprocessing.process"):
        multiprocessing.current_process().authkey = os.urandom(32)
