"""The exercise in a real JupyterLab: a wrong and then a right solution, and what `check()` shows of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest
from browsing import chromium
from helpers import EXERCISE, RIGHT, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PATIENCE = 60_000  # milliseconds; what takes that long on a busy machine does not work
WRONG = re.sub(r" / np.sqrt\(Q\d.shape\[0\]\)", "", RIGHT)
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are there, on the screen or not
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """A JupyterLab of its own for the notebooks in a folder: its address, with the token."""
    if find_spec("jupyterlab") is None:
        pytest.skip("jupyterlab is not installed: pip install -e .[dev]")
    own = {name: str(folder / ".jupyter" / name) for name in ("config", "data", "runtime", "settings", "ipython")}
    for name, content in SETTINGS.items():
        path = Path(own["settings"], "@jupyterlab", f"{name}.jupyterlab-settings")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": own["config"],
        "JUPYTER_DATA_DIR": own["data"],
        "JUPYTER_RUNTIME_DIR": own["runtime"],
        "JUPYTERLAB_SETTINGS_DIR": own["settings"],
        "IPYTHONDIR": own["ipython"],
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    with subprocess.Popen(
        [*command, f"--ServerApp.root_dir={folder}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as server:
        assert server.stderr is not None
        # What it goes on to say has to be read by somebody, or it would stop one day.
        reader = threading.Thread(target=lambda log: [None for _ in log], args=[server.stderr])
        too_late = threading.Timer(2 * PATIENCE / 1000, server.kill)
        too_late.start()
        try:
            address = _address(server.stderr)
            reader.start()
            yield address
        finally:
            too_late.cancel()
            _end(server)
            if reader.ident is not None:
                reader.join()


def _address(log: IO[str]) -> str:
    said = []
    for line in log:
        said.append(line)
        found = re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/lab\?token=\w+", line)
        if found:
            return found[0]
    raise AssertionError(f"JupyterLab did not start:\n{''.join(said[-20:])}")


def _end(server: subprocess.Popen[str]) -> None:
    """End the server as Ctrl-C does, so that it ends its kernels, or else all that it has started."""
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def run_with(page: Page, body: str, verdict: str) -> Locator:
    """Type in the function's body, run all cells, and wait for the verdict that `check()` shows in the last one.

    JupyterLab may lose what is typed and run while it is still connecting to its kernel; then it is done once more.
    """
    from playwright.sync_api import TimeoutError as TooLateError

    cell = page.locator(".jp-CodeCell", has_text="def multihead_scaled_self_attention").locator(".cm-content")
    shown = page.locator(".jp-CodeCell", has_text="from checker import check").locator(".jp-OutputArea-output")
    header = cell.inner_text().split(":")[0]
    for last in (False, True):
        cell.click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(f"{header}:\n{body}")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            shown.get_by_text(verdict, exact=True).wait_for(timeout=PATIENCE if last else PATIENCE / 3)
            break
        except TooLateError:
            if last:
                raise
    return shown


@pytest.mark.skipif(sys.platform == "win32", reason="its servers are ended in another way")
def test_check_is_read_off_the_screen_of_jupyterlab(tmp_path: Path) -> None:
    shutil.copy(EXERCISE, tmp_path / "exercise.ipynb")
    with chromium() as browser, jupyterlab(tmp_path) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address.replace("/lab?", "/lab/tree/exercise.ipynb?"))
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()

        shown = run_with(page, WRONG, "wrong")
        assert shown.get_by_text("Look at the step “scaling of the scores”.").is_visible()
        assert not shown.get_by_text("The scores are not scaled.").is_visible()
        shown.get_by_text("Tell me more").click()
        assert shown.get_by_text("The scores are not scaled.").is_visible()
        assert shown.locator("pre u").inner_text() in ("K1.T @ Q1", "softmax_cols(K1.T @ Q1)")
        assert shown.get_by_text("Attention weights of head 2 for random inputs").is_visible()
        assert shown.locator("table caption").count() == 9
        cell = shown.locator("table td[style*=background]").nth(1)  # the first is the empty corner
        assert cell.evaluate("cell => getComputedStyle(cell).backgroundColor").startswith("rgb(")

        shown = run_with(page, RIGHT, "correct")
        assert shown.get_by_text("X_prime is right, and so is the function").is_visible()
        assert shown.locator("table caption").count() == 0 and not errors
