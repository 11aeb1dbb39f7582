"""Worker processes, each with kernels of its own: the death of one costs one submission at most."""

from __future__ import annotations

import atexit
import contextlib
import gc
import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from checker import exercises
from checker.batch.new_result import new_result
from checker.batch.settings import Settings
from checker.exercises.model import Exercise
from checker.kernel import fork_server
from checker.kernel.options import choose_launcher
from checker.result import Judgement, Result
from checker.sandbox.inside import hooks
from checker.sandbox.levels import Sandbox
from checker.submissions.find import Submission

Graded = tuple[Result, str]
ATTEMPTS = 2  # at a submission whose worker dies
CLEAN_UP_WITHIN = 10.0  # seconds


@dataclass(frozen=True)
class Job:
    """A submission on its way to a worker: plain data, but for the exercise, which travels by its name."""

    submission: Submission
    exercise: str
    settings: Settings
    keep_executed: bool = False


def job_for(submission: Submission, exercise: Exercise, settings: Settings, keep_executed: bool) -> Job:
    """Reads the submission, so that a worker needs no access to where it lies."""
    return Job(submission.loaded(), exercise.id, settings, keep_executed)


def work(job: Job, cancelled: threading.Event | None = None) -> Graded:
    """Grade one submission; what every worker does, on this machine and on a cluster's."""
    from checker.batch.grade import grade_one  # late: who only starts workers needs no notebook's libraries

    result, executed = grade_one(job.submission, exercises.load(job.exercise), job.settings, cancelled)
    return result, executed if job.keep_executed else ""


def worker_lost(job: Job, exercise: Exercise, why: str, sandbox: Sandbox | None = None) -> Graded:
    """What is left to say of a submission that no worker brought to an end."""
    data = None
    with contextlib.suppress(Exception):
        data = job.submission.read()
    text = f"{job.submission.file}: {why}."
    judgement = Judgement("not graded", None, text)
    return new_result(job.submission, exercise, job.settings, judgement, data=data, sandbox=sandbox), ""


def grade_all(
    submissions: Sequence[Submission], exercise: Exercise, settings: Settings, *, keep_executed: bool = False
) -> Generator[Graded]:
    """Grade every submission in worker processes; yield each result as soon as it is there, in the order of finishing.

    With each comes the notebook as it ran, if that is to be kept, else "". A submission whose worker dies gets another
    worker once, and is `not graded` if that dies too. Closing the generator (as Ctrl-C does) starts nothing new and
    stops what runs, kernels included.
    """
    settings = replace(settings, resolved_sandbox=settings.resolve_sandbox())  # workers need not find out again
    forks = choose_launcher(settings.launcher) == "fork"
    jobs = (job_for(submission, exercise, settings, keep_executed) for submission in submissions)
    workers: list[_Worker] = []
    running: dict[Future[Graded], tuple[Job, int, _Worker]] = {}

    def start_worker() -> _Worker:
        workers.append(_Worker(forks))
        return workers[-1]

    def replaced(worker: _Worker) -> _Worker:
        workers.remove(worker)
        return start_worker()

    def submit(worker: _Worker, job: Job, attempt: int = 1) -> None:
        try:
            future = worker.submit(job)
        except BrokenProcessPool:  # it died in the moment between two submissions
            worker = replaced(worker)
            future = worker.submit(job)
        running[future] = job, attempt, worker

    with contextlib.ExitStack() as stack:
        stack.callback(_shutdown, workers)
        for job in itertools.islice(jobs, settings.workers):
            submit(start_worker(), job)
        while running:
            # Waking up now and then lets Ctrl-C through: a signal that arrives just before the main thread
            # goes to sleep on a lock would otherwise be looked at only when the lock is free.
            done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            finished = []
            for future in done:
                job, attempt, worker = running.pop(future)
                try:
                    finished.append(future.result())
                except BrokenProcessPool:
                    worker = replaced(worker)
                    if attempt < ATTEMPTS:  # once more, in a spawned kernel: a forked one may have been the cause
                        submit(worker, replace(job, settings=replace(job.settings, launcher="spawn")), attempt + 1)
                        continue
                    why = f"the process that graded it ended unexpectedly, {ATTEMPTS} times"
                    finished.append(worker_lost(job, exercise, why))
                if (following := next(jobs, None)) is not None:
                    submit(worker, following)
            yield from finished  # while the workers are busy again


class _Worker:
    """A process that grades one submission at a time, until this process shuts it down, or dies.

    It is alone in its pool: the death of a process breaks all of a pool, and nobody could say whose fault it was.
    """

    def __init__(self, forks: bool) -> None:
        # Spawned, not forked: this process has threads, and on some systems nothing else works.
        context = multiprocessing.get_context("spawn")
        # Its end in the worker is closed when this process closes ours, or dies.
        parent_pipe, self._pipe = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(1, context, _initialize, (parent_pipe, forks))

    def submit(self, job: Job) -> Future[Graded]:
        # Ctrl-C reaches the whole group of processes: it waits until the new one knows what to do with it.
        with hooks.without_main_module(), _sigint_blocked():
            return self._pool.submit(_work, job)

    def cancel(self) -> None:
        """Let it stop what it does, clean up and end."""
        self._pipe.close()

    def wait(self) -> None:
        """Wait until the process is gone."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _shutdown(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.cancel()
    for worker in workers:
        worker.wait()


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# What follows runs in the worker.

_cancelled = threading.Event()
_busy = threading.Lock()
_used = threading.Event()


def _initialize(parent_pipe: Connection[None, None], forks: bool) -> None:
    # Ctrl-C is the parent's affair. Not SIG_IGN, which the kernels would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    atexit.register(signal.signal, signal.SIGTERM, signal.SIG_IGN)  # once is enough: it would cut the tidying up short
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_watch_parent, args=(parent_pipe,), daemon=True).start()
    if forks:
        with contextlib.suppress(OSError):  # it will happen again where it is reported
            fork_server.start()  # while the first submission is on its way
    from checker.batch import grade  # noqa: F401

    gc.freeze()  # what is imported stays, and need not be looked through again and again


def _watch_parent(parent_pipe: Connection[None, None]) -> None:
    """End this process when its parent closes the pipe or dies, after cleaning up."""
    with contextlib.suppress(EOFError, OSError):
        parent_pipe.recv_bytes()  # which is never sent
    _cancelled.set()
    if _busy.acquire(timeout=CLEAN_UP_WITHIN) and _used.is_set() and hasattr(signal, "pthread_kill"):
        # The main thread waits for more work, and it alone can leave in an orderly way.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        threading.main_thread().join(CLEAN_UP_WITHIN)
    fork_server.stop()
    os._exit(1)


def _work(job: Job) -> Graded:
    with _busy:
        _used.set()
        return work(job, _cancelled)
