"""Grading on other machines: the workers of an existing Dask cluster do what `workers.py` has processes do here."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checker import __version__
from checker.batch.settings import Settings
from checker.batch.workers import Graded, Job, job_for, work, worker_lost
from checker.exercises.model import Exercise
from checker.sandbox.levels import ENOUGH_FOR_UNTRUSTED, LEVELS, Sandbox, SandboxUnavailableError, choose
from checker.submissions.find import Submission

if TYPE_CHECKING:
    from distributed import Client

CONNECT_WITHIN = 10.0  # seconds
AHEAD = 2  # submissions sent for each that can be graded at once, so that no worker waits for the next


class NoClusterError(RuntimeError):
    """There is no cluster that could be used; the message says why."""


class ClusterLostError(RuntimeError):
    """The connection to the cluster broke; the message is a sentence."""

    def __init__(self) -> None:
        super().__init__("the connection to the cluster is lost")


@dataclass(frozen=True)
class Cluster:
    """A cluster that is ready to grade; `sandbox` is the weakest of its workers'."""

    client: Client
    sandbox: Sandbox
    workers: int

    def grade_all(
        self, submissions: Sequence[Submission], exercise: Exercise, settings: Settings, *, keep_executed: bool = False
    ) -> Generator[Graded]:
        """Grade every submission on the cluster; yield each result as soon as it is there.

        When a worker dies, the scheduler gives its submissions to others; one that kills several workers is `not
        graded`. Closing the generator cancels what has not begun. Raises `ClusterLostError`.
        """
        jobs = (job_for(submission, exercise, settings, keep_executed) for submission in submissions)
        running: dict[Future[Graded], Job] = {}
        executor = self.client.get_executor(pure=False)
        try:
            while True:
                while len(running) < AHEAD * self._capacity() and (job := next(jobs, None)) is not None:
                    running[executor.submit(work_on_cluster, job)] = job
                if not running:
                    return
                done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    yield self._outcome(future, running.pop(future), exercise)
        finally:
            for future in running:
                future.cancel()

    def _capacity(self) -> int:
        """How many submissions can be graded at once now: workers come and go."""
        try:
            return max(1, int(sum(self.client.nthreads().values())))
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise ClusterLostError from error

    def _outcome(self, future: Future[Graded], job: Job, exercise: Exercise) -> Graded:
        from distributed import KilledWorker

        try:
            return future.result()
        except CancelledError as error:
            raise ClusterLostError from error
        except KilledWorker:
            why = "the workers of the cluster that graded it ended unexpectedly"
        except Exception as error:  # say, a worker that joined later has no checker installed
            why = f"a worker of the cluster could not grade it ({type(error).__name__}: {error})"
        return worker_lost(job, exercise, why, self.sandbox)


@contextlib.contextmanager
def connected(address: str, settings: Settings) -> Iterator[Cluster]:
    """The cluster of the scheduler at an address, once its workers' versions and sandboxes are checked.

    Raises `NoClusterError`, and `SandboxUnavailableError` when a worker has no sandbox that is good enough.
    """
    try:
        from distributed import Client
    except ImportError:
        raise NoClusterError("this needs one more package: pip install 'udl-notebook-checker[cluster]'") from None
    try:
        client = Client(address, timeout=CONNECT_WITHIN, set_as_default=False, name="checker")
    except (OSError, ValueError, TypeError):
        raise NoClusterError(f"no Dask scheduler answers at {address}") from None
    with client:
        try:
            found: dict[str, WorkerInfo] = client.run(worker_info, settings.sandbox, on_error="return")
        except OSError as error:
            raise ClusterLostError from error
        if not found:
            raise NoClusterError(f"the Dask scheduler at {address} has no workers")
        for worker, info in found.items():
            _check_worker(worker, info)
        weakest = max((info.sandbox for info in found.values()), key=lambda sandbox: LEVELS.index(sandbox.level))
        yield Cluster(client, weakest, len(found))


def work_on_cluster(job: Job) -> Graded:
    """`work` after a look at the sandbox: workers may join a cluster at any time. Raises `SandboxUnavailableError`."""
    choose(job.settings.sandbox, least=ENOUGH_FOR_UNTRUSTED)
    return work(job)


@dataclass(frozen=True)
class WorkerInfo:
    """A worker's version of the checker and its sandbox, or why it has none that is good enough."""

    version: str
    sandbox: Sandbox
    error: str = ""


def worker_info(sandbox: str) -> WorkerInfo:
    """Called on each worker."""
    try:
        return WorkerInfo(__version__, choose(sandbox, least=ENOUGH_FOR_UNTRUSTED))
    except SandboxUnavailableError as error:
        return WorkerInfo(__version__, Sandbox("limits"), str(error))


def _check_worker(worker: str, info: object) -> None:
    if not isinstance(info, WorkerInfo):  # but the error that `worker_info` ended with
        reason = f"has no checker, or another version; install {__version__} there ({info})"
        raise NoClusterError(f"the worker {worker} {reason}")
    if info.version != __version__:
        raise NoClusterError(f"the worker {worker} has version {info.version} of the checker, not {__version__}")
    if info.error:
        raise SandboxUnavailableError(f"on the worker {worker}, {info.error}")
