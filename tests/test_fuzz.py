"""Ten thousand damaged notebooks, archives, messages and answers: no traceback of ours, and nothing that hangs.

The environment variable FUZZ multiplies the numbers; the examples are the same in every run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from helpers import EXAMPLES, EXERCISE, SOLUTION, filled_in
from hostile_text import TEXTS, commands, unseen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_process import judge_observation, replies
from jupyter_client.session import Session
from mutations import damaged_bytes, damaged_json, odd_numbers
from rich.console import Console

from checker import files, sanitize
from checker.exercises import load
from checker.exercises.mistakes import LEVELS
from checker.exercises.model import Exercise
from checker.grading.checks import error_of_run
from checker.kernel.channels import Allowance, FloodError, read_message
from checker.kernel.observation import (
    Observation,
    decode_call,
    decode_functions,
    decode_trace,
    decode_value,
    decode_values,
)
from checker.reports import terminal
from checker.reports.grades_csv import grades, table
from checker.result import Result, from_json, to_json
from checker.submissions.find import find
from checker.submissions.notebook import Notebook, UnreadableError, parse

TIMES = float(os.environ.get("FUZZ", "1"))
RANDOM = st.randoms(use_true_random=False)


def fuzz(count: int) -> settings:
    return settings(
        max_examples=max(1, int(count * TIMES)),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def small(path: Path) -> bytes:
    """A notebook without its pictures, so that what is damaged is mostly code and structure."""
    if path.suffix == ".py":
        return path.read_bytes()
    content = json.loads(path.read_bytes())
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = cell["outputs"][:1] if "image/png" not in str(cell["outputs"][:1]) else []
    return json.dumps(content).encode()


FILES = [small(path) for path in (EXERCISE, SOLUTION, *sorted(EXAMPLES.iterdir())[:6])]
NOTEBOOKS = [json.loads(data) for data in FILES if data.startswith(b"{")]


def read(data: bytes, *, script: bool = False) -> Notebook | None:
    try:
        return parse(data, script=script)
    except UnreadableError as error:
        assert len(str(error)) < 150 and str(error).isascii() and "\n" not in str(error)
        return None


@given(RANDOM, st.booleans())
@fuzz(2_500)
def test_damaged_files(random: Random, script: bool) -> None:
    found = read(damaged_bytes(random.choice(FILES), random.choice(FILES), random), script=script)
    assert found is None or all(cell.source.encode("utf-8").count(b"\0") == 0 for cell in found.cells)


@given(RANDOM)
@fuzz(2_500)
def test_damaged_notebooks(random: Random) -> None:
    read(json.dumps(damaged_json(random.choice(NOTEBOOKS), random)).encode())


def archive() -> bytes:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("hw.ipynb", filled_in())
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("class/ada/hw.ipynb", b'{"nbformat": 4, "cells": []}')
        file.writestr("class/grace/hw.zip", inner.getvalue())
        file.writestr("__MACOSX/x.ipynb", b"")
    return outer.getvalue()


ARCHIVE = archive()


@given(random=RANDOM)
@fuzz(1_000)
def test_damaged_archives(random: Random, tmp_path: Path, exercise: Exercise) -> None:
    path = tmp_path / "class.zip"
    data = bytearray(ARCHIVE)
    if random.randint(0, 1):  # in the table of contents, where it hurts
        start = ARCHIVE.index(b"PK\x01\x02")
        for _ in range(random.randint(1, 6)):
            data[random.randrange(start, len(data))] = random.randint(0, 255)
    else:
        data[:] = damaged_bytes(ARCHIVE, ARCHIVE, random)
    path.write_bytes(data)
    found = find([path], exercise)
    assert not unseen("".join(found.problems))
    for submission in found.submissions:
        assert not unseen(submission.student + submission.file)
        try:
            submission.read()
        except UnreadableError as error:
            assert str(error).isascii() and "\n" not in str(error)


SESSION = Session(key=b"key")
MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("status", {"execution_state": "idle"}),
    ("stream", {"name": "stdout", "text": "hello"}),
    ("display_data", {"data": {"text/plain": "1", "a/json": {"b": [1]}}, "transient": {"display_id": "x"}}),
    ("execute_result", {"data": {"text/plain": "1"}, "metadata": {"a": 1}, "execution_count": 3}),
    ("error", {"ename": "E", "evalue": "x", "traceback": ["a", "b"]}),
    ("execute_reply", {"status": "error", "ename": "E", "evalue": "x", "traceback": []}),
]


@given(RANDOM)
@fuzz(1_500)
def test_damaged_messages(random: Random) -> None:
    kind, content = random.choice(MESSAGES)
    header = {"msg_id": "2", "msg_type": kind, "date": "2024-01-01T00:00:00Z", "version": "5.4"}
    parts = [json.dumps(part) for part in (header, {"msg_id": "1"}, {}, content)]
    number = random.randrange(4)
    if random.randint(0, 1):
        parts[number] = json.dumps(damaged_json(json.loads(parts[number]), random))
    raw = [part.encode() for part in parts]
    if random.randint(0, 1):
        raw[number] = damaged_bytes(raw[number], raw[3], random)
    frames = [b"<IDS|MSG>", SESSION.sign(raw), *raw]
    if not random.randint(0, 4):
        frames[random.randrange(len(frames))] = b"x"
    with contextlib.suppress(FloodError):
        read_message(frames, SESSION, Allowance(10**6))


EXERCISE_12 = load()
CASES = EXERCISE_12.draw(1)
BODIES = [
    "  return np.zeros_like(X)",
    "  return X @ omega_c",
    """
  K1, Q1, V1 = omega_k1 @ X + beta_k1, omega_q1 @ X + beta_q1, omega_v1 @ X + beta_v1
  K2, Q2, V2 = omega_k2 @ X + beta_k2, omega_q2 @ X + beta_q2, omega_v2 @ X + beta_v2
  A1, A2 = softmax_cols(K1.T @ Q1), softmax_cols(K2.T @ Q2)
  return omega_c @ np.concatenate((V1 @ A1, V2 @ A2))""",
    """
  Q1 = omega_q1 @ X + beta_q1
  return Q1 * omega_c""",
]
RUNS = [replies(body, EXERCISE_12, CASES) for body in BODIES]


def observed(run: dict[str, Any]) -> Observation:
    calls = run.get("calls")
    return Observation(
        values=decode_values(run.get("values")),
        functions=decode_functions(run.get("functions")),
        calls={
            case.name: decode_call(calls[case.name])
            for case in CASES.all
            if isinstance(calls, dict) and case.name in calls
        },
        called=EXERCISE_12.function,
        trace=decode_trace(run.get("trace")),
    )


@given(RANDOM)
@fuzz(2_000)
def test_damaged_answers_of_the_probe(random: Random) -> None:
    run = damaged_json(random.choice(RUNS)[1], random)
    if isinstance(run, dict):
        observation = observed(run)
        error_of_run(observation)
    value = decode_value(damaged_json({"type": "ndarray", "shape": [1, 2], "data": "AAAAAAAA8D8AAAAAAADwPw=="}, random))
    assert value.array is None or value.array.shape == value.shape


def odd_run(run: Any, random: Random) -> Any:
    """A run in which every array, or every one of a kind, holds odd numbers."""
    if isinstance(run, dict):
        odd = isinstance(run.get("data"), str) and random.randint(0, 3) == 0
        return {k: odd_numbers(v, random) if odd and k == "data" else odd_run(v, random) for k, v in run.items()}
    return [odd_run(item, random) for item in run] if isinstance(run, list) else run


@given(random=RANDOM, text=TEXTS, level=st.sampled_from(LEVELS))
@fuzz(500)
def test_damaged_runs_through_judge_diagnosis_and_reports(
    random: Random, text: str, level: str, tmp_path: Path
) -> None:
    code, run = random.choice(RUNS)
    code = tuple(damaged_bytes(cell.encode(), b"x", random).decode("utf-8", "replace") for cell in code[:1]) + code[1:]
    damaged = damaged_json(run, random)
    if random.randint(0, 1):
        damaged = odd_run(damaged, random)
    judgement = judge_observation(EXERCISE_12, CASES, code, observed(damaged if isinstance(damaged, dict) else {}))
    result = Result(
        "ada", text, text, "", EXERCISE_12.id, judgement.verdict, judgement.score, judgement.summary, judgement.checks,
        judgement.mistakes, judgement.alternatives, judgement.right_so_far, judgement.remarks,
        function=judgement.function, comparisons=judgement.comparisons,
    )  # fmt: skip
    assert from_json(to_json(result)) == result
    files.write(tmp_path / "grades.csv", table(grades([result])))
    file = io.StringIO()
    console = Console(file=sanitize.Log(file), highlight=False, markup=False, emoji=False, width=80)  # type: ignore[arg-type]
    console.print(terminal.details(result, EXERCISE_12, level))
    console.print(terminal.line(result, EXERCISE_12, 20))
    assert not unseen(file.getvalue()) and not commands(file.getvalue())


def test_ten_thousand_inputs_in_all() -> None:
    if TIMES != 1:
        pytest.skip("another number was asked for")
    tests = [test for name, test in globals().items() if name.startswith("test_damaged")]
    assert sum(test._hypothesis_internal_use_settings.max_examples for test in tests) >= 10_000
