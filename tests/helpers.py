"""Making notebooks as students hand them in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

ROOT = Path(__file__).parent.parent
ORIGINAL = ROOT / "tests/data/original_12_2.ipynb"
EXERCISE = ROOT / "notebooks/12_2_Multihead_Self_Attention.ipynb"
SOLUTION = ROOT / "solutions/12_2_Multihead_Self_Attention.ipynb"
EXAMPLES = ROOT / "examples/submissions"

# The command that grades other people's notebooks, also where there is no sandbox good enough for them.
GRADE = ("grade",) if sys.platform == "linux" else ("grade", "--sandbox", "off")

# What Gradescope reads of an autograder.
GRADESCOPE = Draft202012Validator(
    json.loads((ROOT / "tests/data/gradescope-results.schema.json").read_text(encoding="utf-8"))
)

RIGHT = """
  Q1, Q2 = omega_q1 @ X + beta_q1, omega_q2 @ X + beta_q2
  K1, K2 = omega_k1 @ X + beta_k1, omega_k2 @ X + beta_k2
  V1, V2 = omega_v1 @ X + beta_v1, omega_v2 @ X + beta_v2
  A1 = softmax_cols(K1.T @ Q1 / np.sqrt(Q1.shape[0]))
  A2 = softmax_cols(K2.T @ Q2 / np.sqrt(Q2.shape[0]))
  return omega_c @ np.concatenate((V1 @ A1, V2 @ A2))
"""

Once = Callable[[str, Callable[[], Any]], Any]  # the fixture `once`


def checker(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "checker", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, cwd=ROOT, **options)


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code_cell(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": text}


def notebook(*cells: str) -> bytes:
    """A notebook of these code cells."""
    return json.dumps({"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": [*map(code_cell, cells)]}).encode()


def filled_in(body: str = RIGHT, *, before: str = "", after: str = "") -> bytes:
    """The exercise with this function body, and code cells right before and right after the answer's cell."""
    content = load(EXERCISE)
    cells = content["cells"]
    function = next(cell for cell in cells if "TODO" in source(cell))
    function["source"] = source(function).split("\n\n")[0] + "\n" + body
    answer = next(i for i, cell in enumerate(cells) if "Your answer:" in source(cell))
    cells[answer + 1 : answer + 1] = [code_cell(after)] if after else []
    cells[answer:answer] = [code_cell(before)] if before else []
    return json.dumps(content).encode()


def outputs_of(executed: str) -> list[list[dict[str, Any]]]:
    """The outputs of each code cell; what is printed comes in one piece or in several, and here in one."""
    found: list[list[dict[str, Any]]] = []
    for cell in json.loads(executed)["cells"]:
        if cell["cell_type"] == "code":
            found.append([])
            for output in cell["outputs"]:
                if found[-1] and output.get("name") == found[-1][-1].get("name", "-"):
                    found[-1][-1]["text"] += output["text"]
                else:
                    found[-1].append(output)
    return found


def processes_that_mention(text: str) -> list[int]:
    """Those with this text in their command line; none where there is no /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
