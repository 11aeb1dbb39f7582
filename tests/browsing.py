"""A real browser, and what happens in it: everything that a page asks for, says or tries."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PHONE, DESKTOP = 390, 1280  # pixels


@dataclass
class Visit:
    """An open page, and what it did that no page should: `noise` is what it said, `requests` what it asked for."""

    page: Any
    noise: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def fits(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        return bool(self.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    def spoken(self) -> list[tuple[str, str]]:
        """Role and name of everything in the accessibility tree, which screen readers read, in its order."""
        session = self.page.context.new_cdp_session(self.page)
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        by_id = {node["nodeId"]: node for node in nodes}
        found, rest = [], [nodes[0]["nodeId"]]
        while rest:
            node = by_id[rest.pop()]
            rest += [child for child in reversed(node.get("childIds", ())) if child in by_id]
            if not node.get("ignored"):
                found.append((node["role"]["value"], node.get("name", {}).get("value", "").strip()))
        return found


@dataclass(frozen=True)
class Browser:
    """Chromium without a window."""

    chromium: Any

    def visit(self, path: Path, width: int = DESKTOP, **options: Any) -> Visit:
        """Open a file in a profile of its own. `options` are Playwright's for a context, as `color_scheme`."""
        context = self.chromium.new_context(viewport={"width": width, "height": 900}, **options)
        visit = Visit(context.new_page())
        visit.page.set_default_timeout(20_000)
        visit.page.on("console", lambda message: visit.noise.append(message.text))
        visit.page.on("pageerror", lambda error: visit.noise.append(str(error)))
        visit.page.on("dialog", lambda dialog: (visit.noise.append(dialog.message), dialog.dismiss()))
        visit.page.on("popup", lambda popup: visit.noise.append(popup.url))
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.goto(path.as_uri())
        return visit


@contextlib.contextmanager
def opened() -> Iterator[Browser]:
    """The browser that pages are visited in."""
    with chromium() as browser:
        yield Browser(browser)


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Chromium, driven by playwright; where there is none, the test is skipped, and says so."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed (on Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e .[dev]")
    # Chromium refuses to be root in its own sandbox.
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
