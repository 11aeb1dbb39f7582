"""`check()` needs numpy and pure Python, and no process, thread, connection or file."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from helpers import RIGHT, ROOT, filled_in

SCRIPT = Path(__file__).with_name("browser_kernel.py")


def in_browser_kernel(body: str) -> dict[str, Any]:
    cells = [cell for cell in json.loads(filled_in(body))["cells"] if cell["cell_type"] == "code"][:-1]
    sources = ["".join(cell["source"]).strip().replace("import matplotlib.pyplot as plt", "") for cell in cells]
    quiet = [source.replace("print(", "str(") for source in sources]
    run = subprocess.run(
        [sys.executable, "-I", "-B", str(SCRIPT)],
        input=json.dumps([str(ROOT), *quiet]),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    shown: dict[str, Any] = json.loads(run.stdout)
    return shown


def test_a_wrong_answer_is_explained_with_nothing_but_numpy_and_pure_python() -> None:
    shown = in_browser_kernel(re.sub(r" / np.sqrt\(Q\d.shape\[0\]\)", "", RIGHT))
    assert not shown["not refused"]
    assert "scaling of the scores" in shown["text"] and "rows: keys, columns: queries" in shown["text"]
    assert "Tell me more" in shown["html"] and shown["html"].count("<caption") == 9
    assert re.search(r"<u [^>]*>(softmax_cols\()?K1.T @ Q1", shown["html"])
    assert {"numpy", "checker"} < set(shown["modules"])
    assert not {"matplotlib", "rich", "jinja2", "nbclient", "nbformat", "IPython"} & set(shown["modules"])


def test_a_right_answer_is_right_there_too() -> None:
    shown = in_browser_kernel(RIGHT)
    assert shown["text"].startswith("correct\n") and not shown["not refused"]
