"""Submissions to be graded: the exercise with a right answer, no two files the same."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parent.parent
NAME = "12_2_Multihead_Self_Attention.ipynb"

DRAW = """
fig, axes = plt.subplots(1, 2, figsize = (9.5, 4.4))
for ax in axes:
  image = ax.imshow(np.abs(X_prime) / np.max(np.abs(X_prime)), vmin = 0, vmax = 1)
  for (m, n), value in np.ndenumerate(X_prime):
    ax.text(n, m, f"{value:.1f}", ha = "center", va = "center")
fig.colorbar(image, ax = axes)
plt.show()
"""


def make_submissions(count: int, first: int = 0, plots: bool = False) -> dict[str, bytes]:
    """Right answers by student, in the exercise's own notebook (which has no check cell here: not all graders know it).

    With `plots` the notebook draws two annotated heat maps at its end.
    """
    exercise = json.loads((ROOT / "notebooks" / NAME).read_text(encoding="utf-8"))
    solution = json.loads((ROOT / "solutions" / NAME).read_text(encoding="utf-8"))
    marker = "def multihead_scaled_self_attention"
    answer = next(cell for cell in solution["cells"] if marker in "".join(cell["source"]))
    cells = [
        cell for cell in exercise["cells"] if cell["metadata"].get("id") not in ("check-your-answer", "run-the-check")
    ]
    cells = [
        answer | {"outputs": [], "execution_count": None} if marker in "".join(cell["source"]) else cell
        for cell in cells
    ]
    if plots:
        cells.append({"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": DRAW})
    made = {}
    for number in range(first, first + count):
        student = f"student{number:05d}"
        signed = {"cell_type": "markdown", "metadata": {}, "source": f"Handed in by {student}"}
        made[student] = json.dumps(exercise | {"cells": [*cells, signed]}).encode()
    return made
