"""The project's own promises: one list of requirements, commands that are what they say."""

import re
import tomllib
from importlib.metadata import requires

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


def test_pyproject_takes_its_requirements_from_requirements_txt() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["tool"]["setuptools"]["dynamic"]["dependencies"]["file"] == ["requirements.txt"]
    listed = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    installed = [line for line in requires("udl-notebook-checker") or [] if "extra ==" not in line]
    assert sorted(installed) == sorted(listed)


def test_no_module_is_longer_than_400_lines() -> None:
    """Exercises aside: each is one file by design, and mostly tables."""
    modules = [path for path in (ROOT / "checker").rglob("*.py") if path.parent.name != "exercises"]
    long = {path.name: n for path in modules if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long


def test_every_link_in_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links and all((ROOT / link).exists() for link in links)
