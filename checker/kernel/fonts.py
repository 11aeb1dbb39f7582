"""matplotlib's list of this machine's fonts, which takes it 0.2 s to make in every fresh folder.

Taken from where matplotlib keeps it for this user, if it ever ran; nobody makes it for this purpose.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checker.sandbox.policies import SYSTEM


def put_font_lists(folder: Path) -> None:
    """Write the lists into a new folder."""
    folder.mkdir()
    for name, content in _lists().items():
        (folder / name).write_text(content, encoding="utf-8")


@functools.cache
def _lists() -> Mapping[str, str]:
    """The lists (one for each version of matplotlib) by file name, without fonts that kernels could not open."""
    found = {}
    for path in _folder().glob("fontlist-v*.json"):
        try:
            found[path.name] = json.dumps(_of_the_system(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # another version keeps it in another form
    return found


def _folder() -> Path:
    """The folder that matplotlib would take."""
    if configured := os.environ.get("MPLCONFIGDIR"):
        return Path(configured)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # this one never raises
    if sys.platform.startswith(("linux", "freebsd")):
        return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "matplotlib"
    return home / ".matplotlib"


def _of_the_system(fonts: dict[str, Any]) -> dict[str, Any]:
    """Fonts of matplotlib's own, whose paths are relative, and such as are for all users."""

    def shared(font: dict[str, Any]) -> bool:
        path = str(font["fname"])
        return not path.startswith("/") or any(path.startswith(f"{folder}/") for folder in SYSTEM)

    if sys.platform != "linux":
        return fonts
    return fonts | {kind: [*filter(shared, fonts[kind])] for kind in ("ttflist", "afmlist")}
