"""The project's own promises: requirements in step, commands that are what they say, links that lead somewhere."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT
from ruamel.yaml import YAML


def fenced(text: str, marker: str) -> str:
    """The code block that follows a marker in the README."""
    found = re.search(rf"<!-- {marker} -->\n```bash\n(.*?)\n```", text, re.DOTALL)
    assert found, marker
    return found[1]


def yaml(path: str) -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe").load(ROOT / path)
    return content


README = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "solutions").glob("*.md"), *(ROOT / "integrations").rglob("*.md")])
PAGES += sorted((ROOT / "docs").rglob("*.md"))


def test_the_readmes_two_commands_set_themselves_up() -> None:
    for marker in ("grade the examples", "run the tests"):
        command = fenced(README, marker)
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ") and "\n" not in command
    assert "checker grade examples/submissions" in fenced(README, "grade the examples")


def test_the_readme_is_a_front_page() -> None:
    assert len(README.splitlines()) <= 150


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "<!-- run the tests -->" in script and 'bash -c "$tests"' in script
    assert fenced(README, "run the tests").endswith("-m pytest")
    workflow = yaml(".github/workflows/tests.yml")["jobs"]
    assert {"run": "python -m pytest"} in workflow["tests"]["steps"]


def test_the_slow_tests_run_in_cis_longest_job_only() -> None:
    assert "not slow" in PYPROJECT["tool"]["pytest"]["ini_options"]["addopts"]
    jobs = yaml(".github/workflows/tests.yml")["jobs"]
    assert [name for name, job in jobs.items() if {"run": 'python -m pytest -m ""'} in job["steps"]] == ["long"]


@pytest.mark.parametrize("linter", ["ruff format", "ruff check", "mypy", "checker run"])
def test_ci_and_the_hooks_before_a_commit_check_the_same(linter: str) -> None:
    assert f"\n.venv/bin/{linter}" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    steps = [
        step.get("run", "") for job in yaml(".github/workflows/tests.yml")["jobs"].values() for step in job["steps"]
    ]
    assert any(step.startswith(linter) for step in steps)
    [local] = yaml(".pre-commit-config.yaml")["repos"]
    assert any(hook["entry"].startswith(linter) for hook in local["hooks"])


def test_requirements_txt_lists_what_pyproject_does_for_those_who_work_on_the_project() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line and line[0] != "#"]
    project = PYPROJECT["project"]
    assert listed == project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[<>=]", line)[0] for line in listed}
    assert {"numpy", "matplotlib", "nbformat", "nbclient", "pytest"} <= names


def test_the_package_itself_needs_no_tool_of_those_who_work_on_it() -> None:
    project = PYPROJECT["project"]
    assert not set(project["dependencies"]) & set(project["optional-dependencies"]["dev"])
    assert set(project["optional-dependencies"]["cluster"]) <= set(project["optional-dependencies"]["dev"])


def test_no_module_is_longer_than_400_lines() -> None:
    """Exercises aside: each is one file by design, and mostly tables."""
    modules = [path for path in (ROOT / "checker").rglob("*.py") if path.parent.name != "exercises"]
    long = {path.name: n for path in modules if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long


def slug(heading: str) -> str:
    """The anchor that a heading gets: lower case, spaces as hyphens, and no other punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    broken = []
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", prose):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert not broken
    assert page != ROOT / "README.md" or "](docs/" in prose
