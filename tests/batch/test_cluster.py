"""Grading on a real Dask cluster: a scheduler and two worker processes on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import ROOT, filled_in, notebook

from checker.batch.cluster import Cluster
from checker.batch.settings import Settings
from checker.batch.workers import Graded, Job
from checker.exercises.model import Exercise
from checker.result import Result, from_json
from checker.sandbox.levels import Sandbox
from checker.submissions.find import Submission

KilledWorker = pytest.importorskip("distributed", reason="the extra `cluster` is not installed").KilledWorker
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a cluster of these machines has no sandbox")

PATIENCE = 60.0  # seconds for a process to be ready


@dataclass(frozen=True)
class Running:
    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


def begun(stack: ExitStack, module: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
    process = subprocess.Popen(
        command, cwd="/", env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def scheduler(stack: ExitStack, folder: Path) -> tuple[str, subprocess.Popen[bytes]]:
    file = folder / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    process = begun(stack, "dask_scheduler", *options)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            return str(json.loads(file.read_text())["address"]), process
        except (OSError, ValueError, KeyError):
            time.sleep(0.05)
    raise TimeoutError


def worker(stack: ExitStack, address: str, folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder))
    return begun(stack, "dask_worker", address, *options, **environment)


def ready(address: str, workers: int) -> None:
    from distributed import Client

    with Client(address, timeout=PATIENCE, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=PATIENCE)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Running]:
    with ExitStack() as stack:
        address, process = scheduler(stack, tmp_path)
        workers = [worker(stack, address, tmp_path) for _ in range(2)]
        ready(address, 2)
        yield Running(address, process, workers)


def command(folder: Path, address: str, *more: object) -> list[str]:
    options = [folder, "--out", folder.parent / "out", "--cluster", address, "--seed", 1, *more]
    return [sys.executable, "-m", "checker", "grade", *map(str, options)]


def graded(folder: Path, address: str, *more: object) -> subprocess.CompletedProcess[str]:
    run = command(folder, address, *more)
    return subprocess.run(run, capture_output=True, encoding="utf-8", timeout=300, cwd=ROOT, check=False)


def results(folder: Path) -> dict[str, Result]:
    lines = (folder.parent / "out/results.jsonl").read_text(encoding="utf-8").splitlines()
    found = {result.submission: result for result in map(from_json, lines)}
    assert len(found) == len(lines), "a submission was graded twice"
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """More submissions than are on their way at once."""
    folder = tmp_path / "submissions"
    folder.mkdir()
    for name in ("ada", "bea", "cem", "dan"):
        (folder / f"{name}.ipynb").write_bytes(filled_in())
    for name in ("eva", "flo"):
        (folder / f"{name}.ipynb").write_bytes(filled_in("  return X"))
    (folder / "gil.ipynb").write_bytes(b"")
    (folder / "hal.ipynb").write_bytes(notebook("X_prime = 1"))
    return folder


VERDICTS = dict.fromkeys(("ada", "bea", "cem", "dan"), "correct") | {"eva": "wrong", "flo": "wrong"}
VERDICTS |= {"gil": "unreadable", "hal": "wrong"}


def test_a_killed_worker_costs_nothing_and_nothing_is_graded_twice(cluster: Running, folder: Path) -> None:
    process = subprocess.Popen(
        command(folder, cluster.address, "--executed"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]  # the sandbox, and two results: work is going on
    cluster.workers[0].kill()
    more, errors = process.communicate(timeout=300)
    assert process.returncode == 1, (lines, more, errors)
    assert {name: result.verdict for name, result in results(folder).items()} == VERDICTS
    assert lines[0].startswith("Sandbox: ") and not errors
    assert "Your answer:" in (folder.parent / "out/executed/ada.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (KilledWorker("a task", None, 3), "the workers of the cluster that graded it ended unexpectedly"),
        (ImportError("no checker"), "a worker of the cluster could not grade it (ImportError: no checker)"),
    ],
)
def test_a_submission_that_no_worker_can_grade_is_not_graded(error: Exception, part: str, exercise: Exercise) -> None:
    future: Future[Graded] = Future()
    future.set_exception(error)
    job = Job(Submission("ada", "Ada", "ada.ipynb", lambda: b"{}"), exercise.id, Settings())
    result, _ = Cluster(None, Sandbox("full"), 2)._outcome(future, job, exercise)
    assert result.verdict == "not graded" and result.score is None and part in result.summary


def test_a_scheduler_without_workers_is_named(tmp_path: Path) -> None:
    with ExitStack() as stack:
        address, _ = scheduler(stack, tmp_path)
        (tmp_path / "ada.ipynb").write_bytes(b"")
        run = graded(tmp_path / "ada.ipynb", address)
    assert run.returncode == 2
    assert run.stderr == f"checker: --cluster: the Dask scheduler at {address} has no workers\n"


def test_a_scheduler_that_dies_ends_the_batch_with_what_is_done(cluster: Running, folder: Path) -> None:
    process = subprocess.Popen(
        command(folder, cluster.address), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    cluster.scheduler.kill()
    more, errors = process.communicate(timeout=300)
    assert process.returncode == 3, (lines, more, errors)
    assert errors == (
        "checker: the connection to the cluster is lost; what was graded is kept; run the same command again to "
        "resume\n"
    )
    assert results(folder)


def test_an_address_at_which_no_scheduler_answers_is_named(tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(b"")
    begin = "import sys; from checker import cli; from checker.batch import cluster; cluster.CONNECT_WITHIN = 1"
    program = [sys.executable, "-c", f"{begin}; sys.exit(cli.main())"]
    command_line = command(tmp_path / "ada.ipynb", "tcp://127.0.0.1:9")[3:]
    run = subprocess.run([*program, *command_line], capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)
    assert run.returncode == 2
    assert run.stderr == "checker: --cluster: no Dask scheduler answers at tcp://127.0.0.1:9\n"


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("checker/__init__.py", "has version 0.0.1 of the checker, not "),
        ("checker.py", "has no checker, or another version; install "),
    ],
)
def test_a_worker_without_this_version_of_the_checker_is_named(file: str, part: str, tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(b"")
    other = tmp_path / "other" / file
    other.parent.mkdir(parents=True)
    other.write_text('__version__ = "0.0.1"')
    with ExitStack() as stack:
        address, _ = scheduler(stack, tmp_path)
        worker(stack, address, tmp_path, PYTHONPATH=str(tmp_path / "other"))
        ready(address, 1)
        run = graded(tmp_path / "ada.ipynb", address)
    assert run.returncode == 2 and part in run.stderr
    assert "Traceback" not in run.stderr and len(run.stderr.splitlines()) == 1
