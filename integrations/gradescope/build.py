"""Zips an autograder for Gradescope: `python build.py autograder.zip [OPTION OF checker grade]...`

The zip holds the checker itself, as it lies beside this file, so that it need not be on any package index.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SCRIPTS = ("setup.sh", "run_autograder")
PROJECT = ("pyproject.toml", "requirements.txt", "README.md", "LICENSE")


def build(path: Path, options: Sequence[str]) -> None:
    """Write the zip; each submission is then graded with these options of `checker grade`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in SCRIPTS:
            _add(archive, name, (HERE / name).read_bytes(), mode=0o755)
        _add(archive, "options", "".join(f"{option}\n" for option in options).encode())
        for file in _package():
            _add(archive, f"package/{file.relative_to(ROOT).as_posix()}", file.read_bytes())


def _package() -> Iterator[Path]:
    yield from (ROOT / name for name in PROJECT)
    for file in sorted((ROOT / "checker").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644) -> None:
    info = zipfile.ZipInfo(name)  # of no particular time, so that the same files give the same zip
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not sys.argv[1].endswith(".zip"):
        sys.exit(__doc__)
    build(Path(sys.argv[1]), sys.argv[2:])
    print(f"{sys.argv[1]}: upload it to Gradescope, at Configure Autograder")
