"""One fresh kernel and one fresh scratch directory for each notebook, and nothing left of either."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, filled_in, notebook

from checker.exercises.model import Exercise
from checker.kernel.environment import KEPT_VARIABLES
from checker.kernel.launch import launch
from checker.kernel.observation import decode_call, decode_value, decode_values
from checker.kernel.options import Limits
from checker.kernel.run import ProbeRequest, observe
from checker.submissions.notebook import parse


def ask(code: str, *names: str) -> dict[str, float]:
    """Run one cell and return the numbers that names hold afterwards."""
    observation = observe(parse(notebook(code)), ProbeRequest("none", names))
    assert not observation.failures, observation.failures
    return {name: float(value.array) for name, value in observation.values.items() if value.array is not None}


def test_every_notebook_gets_an_empty_directory_of_its_own() -> None:
    code = (
        "import os\nfiles = len([f for f in os.listdir('.') if not f.startswith('.')])\nopen('left.txt', 'w').close()"
    )
    assert ask(code, "files") == ask(code, "files") == {"files": 0}


def test_nothing_is_left_of_a_kernel_and_its_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pid = int(ask("import os\npid = os.getpid()\nopen('left.txt', 'w').close()", "pid")["pid"])
    assert not list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_process_that_the_notebook_started_is_gone_too() -> None:
    code = "import subprocess, sys\npid = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']).pid"
    pid = int(ask(code, "pid")["pid"])
    # It may still wait to be reaped by init, but it no longer runs.
    status = Path(f"/proc/{pid}/stat")
    assert not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_the_kernel_sees_no_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    code = "import os\nsecret = int('SECRET_TOKEN' in os.environ)\nhome = int(os.environ['HOME'] == os.getcwd())"
    assert ask(code, "secret", "home") == {"secret": 0, "home": 1}
    assert not any("TOKEN" in name or "KEY" in name for name in KEPT_VARIABLES)


def test_the_kernel_cannot_import_this_package_but_a_check_cell_runs() -> None:
    code = """
import sys
from checker import check, grade
shown = int(check() is not None)
try:
  import checker.exercises.multihead_self_attention
except ImportError:
  hidden = 1
judges = sum(name.startswith('checker.') for name in sys.modules)"""
    assert ask(code, "shown", "hidden", "judges") == {"shown": 0, "hidden": 1, "judges": 0}


def test_the_kernel_that_a_notebook_names_is_never_started() -> None:
    data = notebook("x = 1").replace(
        b'"metadata": {}, "cells"', b'"metadata": {"kernelspec": {"name": "bash"}}, "cells"'
    )
    observation = observe(parse(data), ProbeRequest("f", ("x",)))
    assert observation.ending == "finished" and "x" in observation.values


def test_expected_values_and_the_seed_never_enter_the_kernel(exercise: Exercise) -> None:
    """The kernel gets inputs only: a search of everything that it holds finds no expected answer."""
    cases = exercise.draw(1)
    spy = """
import gc
import numpy as np
def multihead_scaled_self_attention(*a):
  arrays = [o for o in gc.get_objects() if isinstance(o, np.ndarray)]
  arrays += [v for o in gc.get_objects() if isinstance(o, dict) for v in list(o.values()) if isinstance(v, np.ndarray)]
  return np.array([o.sum() for o in arrays if o.dtype == np.float64])"""
    observation = observe(parse(notebook(spy)), ProbeRequest(exercise.function, calls=cases.all))
    for case in cases.all:
        value = observation.calls[case.name].value
        assert value is not None and value.array is not None and value.array.size > 10
        sums = value.array[np.isfinite(value.array)]
        assert abs(sums - exercise.expected(case).sum()).min() > 1e-9


def test_a_call_leaves_the_notebooks_globals_as_they_were(exercise: Exercise) -> None:
    cases = exercise.draw(1)
    data = notebook("N = 99\ndef f(*a):\n  return N", "def g(*a):\n  return D", "def h(*a):\n  return 'D' in globals()")
    [case] = cases.other_sizes[:1]
    observation = observe(parse(data), ProbeRequest("f", calls=(case,)))
    value = observation.calls[case.name].value
    assert value is not None and value.array == case.rebind["N"]
    observation = observe(parse(data), ProbeRequest("f", ("N", "D")))
    assert set(observation.values) == {"N"} and observation.values["N"].array == 99


def test_the_time_of_a_whole_notebook_is_limited_too() -> None:
    cells = ["import time\ntime.sleep(1.5)"] * 4
    observation = observe(parse(notebook(*cells)), limits=Limits(cell=60, notebook=2))
    assert observation.ending == "timeout" or observation.failures[0].timed_out


def test_executed_notebooks_keep_their_outputs() -> None:
    assert "hello" in observe(parse(notebook("print('hello')"))).executed


def test_a_kernel_that_fails_to_start_is_said_to_be_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from checker.batch.grade import grade_one
    from checker.batch.settings import Settings
    from checker.exercises import load
    from checker.submissions.find import Submission

    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    submission = Submission("ada", "Ada", "ada.ipynb", filled_in)
    result, _ = grade_one(submission, load(), Settings(launcher="spawn"))
    assert (result.verdict, result.score) == ("not graded", None)
    assert "kernel could not be started" in result.summary


async def _socket_directory_mode() -> int:
    async with launch(memory=2**31) as kernel:
        return Path(kernel.connection["ip"]).parent.stat().st_mode & 0o777


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes; its kernels use TCP")
def test_only_the_owner_reaches_the_kernels_sockets() -> None:
    assert asyncio.run(_socket_directory_mode()) == 0o700


# What comes out of the kernel is checked before it is read.


@pytest.mark.parametrize(
    "lie",
    [
        None,
        [],
        "x",
        {},
        {"type": "ndarray", "shape": [2], "data": "AAAA"},
        {"type": "ndarray", "shape": [-1], "data": ""},
        {"type": "ndarray", "shape": [10**9, 10**9], "data": ""},
        {"type": "ndarray", "shape": [True], "data": "AAAAAAAAAEA="},
        {"type": "ndarray", "shape": [1], "data": "not base64!!"},
        {"type": "ndarray", "shape": "8", "data": ""},
        {"type": ["x"], "shape": [1] * 1000, "data": ""},
    ],
)
def test_a_value_that_does_not_fit_its_description_has_no_numbers(lie: object) -> None:
    assert decode_value(lie).array is None
    assert decode_call(lie).value is None or decode_call({"value": lie}).value.array is None  # type: ignore[union-attr]
    assert decode_values(lie) == {} or all(value.array is None for value in decode_values(lie).values())


def test_nothing_parses_grammars_of_addresses_before_it_starts(tmp_path: Path) -> None:
    """JupyterLab brings a library that takes seconds to import; it stays importable for whoever wants it."""
    (tmp_path / "rfc3987_syntax.py").write_text("print('imported')")
    code = "import checker.kernel.run; print('ours done'); import rfc3987_syntax"
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["ours done", "imported"]
