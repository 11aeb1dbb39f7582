"""The autograder for Gradescope and the action for GitHub, run as those run them."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import EXAMPLES, GRADESCOPE, ROOT
from ruamel.yaml import YAML

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Gradescope and the action run on Linux")


class Autograder:
    """Gradescope's folders, with the zip unpacked as Gradescope unpacks it; this interpreter has what is needed."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        for name in ("source", "submission", "results"):
            (root / name).mkdir(parents=True)
        build = [sys.executable, ROOT / "integrations/gradescope/build.py", root / "autograder.zip", *options]
        subprocess.run(build, check=True, capture_output=True)
        with zipfile.ZipFile(root / "autograder.zip") as archive:
            for info in archive.infolist():
                Path(archive.extract(info, root / "source")).chmod(info.external_attr >> 16)
        shutil.copy2(root / "source/run_autograder", root)
        package = str(root / "source/package")
        self.environment = os.environ | {"AUTOGRADER": str(root), "AUTOGRADER_PYTHON": sys.executable}
        self.environment |= {"PYTHONPATH": package}

    def run(self, script: str, *before: object) -> subprocess.CompletedProcess[str]:
        command = [*map(str, before), str(self.root / script)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    def results(self) -> dict[str, object]:
        content: dict[str, object] = json.loads((self.root / "results/results.json").read_text(encoding="utf-8"))
        GRADESCOPE.validate(content)
        return content


@pytest.fixture
def autograder(tmp_path: Path) -> Autograder:
    return Autograder(tmp_path / "autograder", "--feedback", "explain")


def test_the_zip_holds_the_package_and_grades_with_it(autograder: Autograder) -> None:
    code = "import checker; print(checker.__file__)"
    where = subprocess.run(
        [sys.executable, "-P", "-c", code], env=autograder.environment, capture_output=True, text=True, check=True
    )
    assert where.stdout.startswith(str(autograder.root / "source/package/checker"))
    setup = autograder.run("source/setup.sh")
    assert setup.returncode == 0 and "Landlock" in setup.stdout

    shutil.copy(EXAMPLES / "quentin_roux.ipynb", autograder.root / "submission/final version.ipynb")
    (autograder.root / "submission/notes.ipynb").write_text("{}")
    run = autograder.run("run_autograder")
    assert run.returncode == 0, run.stderr
    results = autograder.results()
    assert results["score"] == 85 and "The softmax runs over the queries" in str(results["output"])
    assert results["extra_data"]["file"] == "submission/final version.ipynb"  # type: ignore[index]


def test_in_a_container_with_dockers_defaults_it_is_confined_or_refuses(autograder: Autograder) -> None:
    shutil.copy(EXAMPLES / "amelia_stone.ipynb", autograder.root / "submission")
    dockerlike = ROOT / "tests/sandbox/dockerlike.py"
    run = autograder.run("run_autograder", sys.executable, dockerlike)
    if run.returncode == 0:
        assert autograder.results()["extra_data"]["sandbox"] == "confined"  # type: ignore[index]
        (autograder.root / "results/results.json").unlink()
    run = autograder.run("run_autograder", sys.executable, dockerlike, "--no-landlock")
    assert run.returncode == 4 and "There is no grade, through no fault of the student" in run.stdout
    assert not (autograder.root / "results/results.json").exists()


def test_a_submission_without_a_notebook_gets_told(autograder: Autograder) -> None:
    (autograder.root / "submission/answer.pdf").write_text("%PDF")
    assert autograder.run("run_autograder").returncode == 0
    results = autograder.results()
    assert results["score"] == 0
    assert results["output"] == "submission: there is no notebook (.ipynb) in it. Hand in your notebook."


def the_actions_last_step(repository: Path, runner: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run it as GitHub does, in a student's repository; `runner` is where the step before has installed the checker."""
    (runner / "checker/bin").mkdir(parents=True)
    python = runner / "checker/bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    action = YAML(typ="safe").load(ROOT / "action.yml")
    step = action["runs"]["steps"][-1]
    given = {name: str(what["default"]) for name, what in action["inputs"].items()} | inputs
    environment = {name: given[value.split("inputs.")[1].rstrip(" }")] for name, value in step["env"].items()}
    environment |= {"RUNNER_TEMP": str(runner), "GITHUB_OUTPUT": str(runner / "outputs")}
    environment |= {"GITHUB_STEP_SUMMARY": str(runner / "summary.md"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=repository, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_action_annotates_a_students_line_and_fails_on_a_wrong_answer(tmp_path: Path) -> None:
    repository = tmp_path / "hw12-ada"
    repository.mkdir()
    shutil.copy(EXAMPLES / "quentin_roux.ipynb", repository / "12_2.ipynb")
    run = the_actions_last_step(
        repository, tmp_path / "runner", student="class/hw12-ada; $(exit 7)", feedback="explain", options="--seed 1"
    )
    assert run.returncode == 1, run.stderr
    [line] = [line for line in run.stdout.splitlines() if line.startswith("::")]
    assert line.startswith("::error file=12_2.ipynb,line=") and "title=wrong%3A 85 of 100 points" in line
    marked = (
        (repository / "12_2.ipynb")
        .read_text(encoding="utf-8")
        .splitlines()[int(line.split("line=")[1].split(",")[0]) - 1]
    )
    assert "e.sum(axis=1, keepdims=True)" in marked
    assert "The softmax runs over the queries" in (tmp_path / "runner/summary.md").read_text(encoding="utf-8")
    assert (tmp_path / "runner/outputs").read_text().strip() == f"results={tmp_path / 'runner/grades'}"
    assert (tmp_path / "runner/grades/junit.xml").exists()


def test_a_zip_of_the_autograder_is_the_same_each_time_and_needs_a_name(tmp_path: Path) -> None:
    script = ROOT / "integrations/gradescope/build.py"
    for name in ("a.zip", "b.zip"):
        subprocess.run([sys.executable, script, tmp_path / name], check=True, capture_output=True)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert subprocess.run([sys.executable, script], capture_output=True, check=False).returncode == 1
