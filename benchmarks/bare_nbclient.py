"""Runs every notebook of the current folder with plain nbclient, one fresh kernel each."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

for path in sorted(Path().glob("*.ipynb")):
    NotebookClient(nbformat.read(path, as_version=4), timeout=60, kernel_name="python3").execute()
