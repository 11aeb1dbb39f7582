"""Grading on the workers of an existing Dask cluster, which do what worker processes do here."""

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
from checker.sandbox.levels import (
    ENOUGH_FOR_UNTRUSTED,
    LEVELS,
    Sandbox,
    SandboxUnavailableError,
    choose,
)
from checker.submissions.find import Submission

if TYPE_CHECKING:
    from distributed import Client

CONNECT_WITHIN = 10.0  # seconds
AHEAD = 2  # submissions on their way for each that can be graded at once, so that no worker waits for the next


class NoClusterError(RuntimeError):
    """There is no cluster that could be used; the message says why."""


class ClusterLostError(RuntimeError):
    """The connection to the cluster broke; the message is a sentence."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that is ready: `sandbox` is the weakest that one of its workers has."""

    client: Client
    sandbox: Sandbox
    workers: int

    def grade_all(
        self, submissions: Sequence[Submission], exercise: Exercise, settings: Settings, *, keep_executed: bool = False
    ) -> Generator[Graded]:
        """Grade every submission on the cluster; yield each result as soon as it is there.

        When a worker dies, the scheduler gives its submissions to others; one that goes on killing workers is `not
        graded`. Closing the generator takes back what has not begun. Raises `ClusterLostError`.
        """
        jobs = (job_for(submission, exercise, settings, keep_executed) for submission in submissions)
        running: dict[Future[Graded], Job] = {}
        executor = self.client.get_executor(pure=False)
        try:
            while True:
                while len(running) < AHEAD * self._at_once() and (job := next(jobs, None)) is not None:
                    running[executor.submit(work_on_cluster, job)] = job
                if not running:
                    return
                done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    yield self._outcome(future, running.pop(future), exercise)
        finally:
            for future in running:
                future.cancel()

    def _at_once(self) -> int:
        """How many submissions can be graded at once now: workers come and go."""
        try:
            return max(1, int(sum(self.client.nthreads().values())))
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise _lost() from error

    def _outcome(self, future: Future[Graded], job: Job, exercise: Exercise) -> Graded:
        from distributed import KilledWorker

        try:
            return future.result()
        except CancelledError as error:
            raise _lost() from error
        except KilledWorker:
            why = "the workers of the cluster that graded it ended unexpectedly"
        except Exception as error:  # say, a worker that joined later has no checker installed
            why = f"a worker of the cluster could not grade it ({type(error).__name__}: {error})"
        return worker_lost(job, exercise, why, self.sandbox)


@contextlib.contextmanager
def connected(address: str, settings: Settings) -> Iterator[Cluster]:
    """Connect to a cluster by the address of its scheduler, and check its workers' versions and sandboxes.

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
        infos = _worker_infos(client, settings)
        if not infos:
            raise NoClusterError(f"the Dask scheduler at {address} has no workers")
        for worker, info in infos.items():
            _check_worker(worker, info)
        weakest = max((info.sandbox for info in infos.values()), key=lambda each: LEVELS.index(each.level))
        yield Cluster(client, weakest, len(infos))


def work_on_cluster(job: Job) -> Graded:
    """Grade one submission, after another check of the sandbox: workers may join a cluster at any time.

    Raises `SandboxUnavailableError`.
    """
    choose(job.settings.sandbox, least=ENOUGH_FOR_UNTRUSTED)
    return work(job)


@dataclass(frozen=True)
class WorkerInfo:
    """A cluster's worker: its version of the checker, its sandbox, and why that is not good enough."""

    version: str
    sandbox: Sandbox
    error: str = ""


def worker_info(sandbox: str) -> WorkerInfo:
    """What is known of the worker on which this is called."""
    try:
        return WorkerInfo(__version__, choose(sandbox, least=ENOUGH_FOR_UNTRUSTED))
    except SandboxUnavailableError as error:
        return WorkerInfo(__version__, Sandbox("limits"), str(error))


def _worker_infos(client: Client, settings: Settings) -> dict[str, WorkerInfo]:
    try:
        found: dict[str, WorkerInfo] = client.run(worker_info, settings.sandbox, on_error="return")
    except OSError as error:
        raise _lost() from error
    return found


def _check_worker(worker: str, info: object) -> None:
    if not isinstance(info, WorkerInfo):  # it is what our function ended with there
        reason = f"has no checker, or another version; install {__version__} there ({info})"
        raise NoClusterError(f"the worker {worker} {reason}")
    if info.version != __version__:
        raise NoClusterError(f"the worker {worker} has version {info.version} of the checker, not {__version__}")
    if info.error:
        raise SandboxUnavailableError(f"on the worker {worker}, {info.error}")


def _lost() -> ClusterLostError:
    return ClusterLostError("the connection to the cluster is lost")
