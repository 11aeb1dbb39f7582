"""The project's own promises: requirements in step, commands that are what they say, links that lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest
from helpers import ROOT


def fenced(text: str, marker: str) -> str:
    """The code block that follows a marker in the README."""
    found = re.search(rf"<!-- {marker} -->\n```bash\n(.*?)\n```", text, re.DOTALL)
    assert found, marker
    return found[1]


README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readmes_two_commands_set_themselves_up() -> None:
    for marker in ("grade the examples", "run the tests"):
        command = fenced(README, marker)
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ") and "\n" not in command
    assert "checker grade examples/submissions" in fenced(README, "grade the examples")


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "<!-- run the tests -->" in script and 'bash -c "$tests"' in script
    assert fenced(README, "run the tests").endswith("-m pytest")


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LISTED = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]


def test_requirements_txt_lists_what_it_takes_to_work_on_the_project() -> None:
    assert sorted(LISTED) == sorted([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
    names = {re.match(r"[\w.-]+", line)[0] for line in LISTED}  # type: ignore[index]
    assert names >= {"numpy", "matplotlib", "nbformat", "nbclient", "pytest"}


def test_no_tool_of_the_tests_is_installed_with_the_checker() -> None:
    tools = ("pytest", "ruff", "mypy", "hypothesis", "playwright", "jupyterlab")
    assert not [line for line in PROJECT["dependencies"] if line.startswith(tools)]


def test_no_module_is_longer_than_400_lines() -> None:
    """Exercises aside: each is one file by design, and mostly tables."""
    modules = [path for path in (ROOT / "checker").rglob("*.py") if path.parent.name != "exercises"]
    long = {path.name: n for path in modules if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long


def test_the_readme_is_a_front_page() -> None:
    assert len(README.splitlines()) <= 150


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", [*PAGES, "solutions/README.md", "integrations/gradescope/README.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    text, folder = (ROOT / page).read_text(encoding="utf-8"), (ROOT / page).parent
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        target = folder / path if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}
