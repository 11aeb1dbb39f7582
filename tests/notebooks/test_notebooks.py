"""The exercise is the original, and the solution is the exercise with its answer."""

import base64
import io
from pathlib import Path

import matplotlib.image
import nbformat
import numpy as np
import pytest
from helpers import EXERCISE, ORIGINAL, SOLUTION, load, source
from nbclient import NotebookClient

Cells = list[dict[str, object]]


def split_output(cell: dict) -> tuple[str, list[np.ndarray]]:
    """A cell's text outputs as one string, and its figures as pixels."""
    text, figures = "", []
    for output in cell.get("outputs", []):
        text += "".join(output.get("text", ""))
        data = output.get("data", {})
        if "image/png" in data:
            figures.append(matplotlib.image.imread(io.BytesIO(base64.b64decode(data["image/png"]))))
        else:
            text += "".join(data.get("text/plain", ""))
    return text, figures


def test_the_exercise_is_the_original_but_for_two_slips_in_its_heading() -> None:
    original, exercise = load(ORIGINAL)["cells"], load(EXERCISE)["cells"]
    heading = "".join(original[1]["source"])
    corrected = heading.replace("12.1", "12.2").replace("Multhead", "Multihead")
    assert source(exercise[1]) == corrected != heading
    unchanged = [cell for i, cell in enumerate(exercise[: len(original)]) if i != 1]
    assert unchanged == [cell for i, cell in enumerate(original) if i != 1]


def test_the_exercise_only_adds_an_optional_check_at_the_end() -> None:
    added = load(EXERCISE)["cells"][len(load(ORIGINAL)["cells"]) :]
    assert [cell["cell_type"] for cell in added] == ["markdown", "code"]
    assert "optional" in source(added[0])


def test_the_exercise_is_stored_without_outputs() -> None:
    for cell in load(EXERCISE)["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_the_solution_differs_from_the_exercise_in_the_solution_cell_and_added_cells_only() -> None:
    exercise = [(cell["cell_type"], source(cell)) for cell in load(EXERCISE)["cells"]]
    solution = [(cell["cell_type"], source(cell)) for cell in load(SOLUTION)["cells"]]
    missing = [cell for cell in exercise if cell not in solution]
    assert len(missing) == 1 and "# TODO Write" in missing[0][1]
    position = exercise.index(missing[0])
    signature = missing[0][1].split("# TODO")[0].rstrip()
    assert solution[position][1].startswith(signature)
    kept = [cell for cell in solution if cell in exercise]
    assert kept == [cell for cell in exercise if cell != missing[0]], "in the exercise's order"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Cells:
    """The solution executed again, by plain nbclient in the kernel that Jupyter would use."""
    notebook = nbformat.reads(SOLUTION.read_text(encoding="utf-8"), as_version=4)
    where = tmp_path_factory.mktemp("run")
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(where)}}).execute()
    return notebook.cells


def test_executing_the_solution_again_reproduces_its_stored_text(executed: Cells) -> None:
    stored = load(SOLUTION)["cells"]
    assert [split_output(cell)[0] for cell in executed] == [split_output(cell)[0] for cell in stored]


def test_the_solution_prints_the_true_values_as_its_answer() -> None:
    [text] = [split_output(cell)[0] for cell in load(SOLUTION)["cells"] if "Your answer:" in source(cell)]
    yours, true = text.removeprefix("Your answer:\n").split("True values:\n")
    assert yours == true


def test_the_figures_of_the_solution_are_not_blank(executed: Cells) -> None:
    figures = [figure for cell in executed for figure in split_output(cell)[1]]
    stored = [figure for cell in load(SOLUTION)["cells"] for figure in split_output(cell)[1]]
    assert len(figures) == len(stored) >= 1
    for figure in (*figures, *stored):
        colours = (figure * 255).astype(np.uint8).reshape(-1, 4).view(np.uint32)
        assert len(np.unique(colours)) > 50, "more than one colour"


def test_the_solution_runs_without_warnings() -> None:
    outputs = [output for cell in load(SOLUTION)["cells"] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr" or output["output_type"] == "error"]


def test_the_notebooks_are_small_enough_to_open_anywhere() -> None:
    for path in (EXERCISE, SOLUTION):
        assert Path(path).stat().st_size < 700_000
