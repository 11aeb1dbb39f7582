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
import types
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
from checker.kernel.canceller import Canceller
from checker.kernel.launchers import choose_launcher
from checker.result import Result
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


def work(job: Job, canceller: Canceller | None = None) -> Graded:
    """Grade one submission; what every worker does, on this machine and on a cluster's."""
    from checker.batch.grade import grade_one  # late: who only starts workers needs no notebook's libraries

    result, executed = grade_one(job.submission, exercises.load(job.exercise), job.settings, canceller)
    return result, executed if job.keep_executed else ""


def worker_lost(job: Job, exercise: Exercise, why: str, sandbox: Sandbox | None = None) -> Graded:
    """What is left to say of a submission that no worker brought to an end."""
    data = None
    with contextlib.suppress(Exception):
        data = job.submission.read()
    text = f"{job.submission.file}: {why}."
    return new_result(job.submission, exercise, data, job.settings, "not graded", text, sandbox), ""


def grade_all(
    submissions: Sequence[Submission], exercise: Exercise, settings: Settings, *, keep_executed: bool = False
) -> Generator[Graded]:
    """Grade every submission in worker processes; yield each result as soon as it is there, in the order of finishing.

    With each comes the notebook as it ran, if that is to be kept, else "". A submission whose worker dies gets another
    worker once, and is `not graded` if that dies too. Closing the generator (as Ctrl-C does) starts nothing new and
    stops what runs, kernels included.
    """
    settings = replace(settings, chosen=settings.choice())  # workers need not find out again
    forks = choose_launcher(settings.launcher) == "fork"
    jobs = (job_for(submission, exercise, settings, keep_executed) for submission in submissions)
    staff: list[_Worker] = []
    running: dict[Future[Graded], tuple[Job, int, _Worker]] = {}

    def begin(worker: _Worker, job: Job, attempt: int = 1) -> None:
        try:
            future = worker.begin(job)
        except BrokenProcessPool:  # it died in the moment between two submissions
            worker = replaced(worker)
            future = worker.begin(job)
        running[future] = job, attempt, worker

    def hire() -> _Worker:
        staff.append(_Worker(forks))
        return staff[-1]

    def replaced(worker: _Worker) -> _Worker:
        staff.remove(worker)
        return hire()

    with contextlib.ExitStack() as stack:
        stack.callback(_dismiss, staff)
        for job in itertools.islice(jobs, settings.workers):
            begin(hire(), job)
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
                    if attempt < ATTEMPTS:  # once more, in a cold kernel: a warm one may have been to locate
                        begin(worker, replace(job, settings=replace(job.settings, launcher="spawn")), attempt + 1)
                        continue
                    why = f"the process that graded it ended unexpectedly, {ATTEMPTS} times"
                    finished.append(worker_lost(job, exercise, why))
                if (following := next(jobs, None)) is not None:
                    begin(worker, following)
            yield from finished  # while the workers are busy again


class _Worker:
    """One process, on a leash that it feels when this process lets go of it, or dies.

    It is alone in its pool: the death of a process breaks all of a pool, and nobody could say whose fault it was.
    """

    def __init__(self, forks: bool) -> None:
        # Spawned, not forked: this process has threads, and on some systems nothing else works.
        context = multiprocessing.get_context("spawn")
        theirs, self._leash = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(1, context, _begin, (theirs, forks))

    def begin(self, job: Job) -> Future[Graded]:
        with _nothing_of_ours():
            return self._pool.submit(_work, job)

    def let_go(self) -> None:
        """It stops what it does, cleans up and ends."""
        self._leash.close()

    def wait(self) -> None:
        """Wait until the process is gone."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _dismiss(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.let_go()
    for worker in workers:
        worker.wait()


@contextlib.contextmanager
def _nothing_of_ours() -> Iterator[None]:
    """While a process is started, spare it two things.

    The program that uses this package, which multiprocessing would run again there; and Ctrl-C, which reaches the
    whole group of processes, until it knows what to do with it.
    """
    main, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if masked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)


# What follows runs in the worker.

_canceller = Canceller()
_busy = threading.Lock()
_used = threading.Event()


def _begin(leash: Connection[None, None], forks: bool) -> None:
    # Ctrl-C is the judge's affair. Not SIG_IGN, which the kernels would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    atexit.register(signal.signal, signal.SIGTERM, signal.SIG_IGN)  # once is enough: it would cut the tidying up short
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_heed, args=(leash,), daemon=True).start()
    if forks:
        with contextlib.suppress(OSError):  # it will happen again where it is reported
            fork_server.start()  # while the first submission is on its way
    from checker.batch import grade  # noqa: F401

    gc.freeze()  # what is imported stays, and need not be looked through again and again


def _heed(leash: Connection[None, None]) -> None:
    """End this process when the judge lets go or dies, after cleaning up."""
    with contextlib.suppress(EOFError, OSError):
        leash.recv_bytes()  # which is never sent
    _canceller.stop()
    if _busy.acquire(timeout=CLEAN_UP_WITHIN) and _used.is_set() and hasattr(signal, "pthread_kill"):
        # The main thread waits for more work, and it alone can leave in an orderly way.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        threading.main_thread().join(CLEAN_UP_WITHIN)
    fork_server.stop()
    os._exit(1)


def _work(job: Job) -> Graded:
    with _busy:
        _used.set()
        return work(job, _canceller)
