"""The rooms of `checker/` and what each may import, read from the source with `ast`.

A room is a file or folder right in `checker/`, and an import from one room in another is an arrow. Imports inside of
functions count, and those for type checkers too. For cycles between modules only those count that happen when a module
is imported.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from helpers import ROOT

PACKAGE = ROOT / "checker"


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
ROOMS = {name.split(".")[1] for name in MODULES if "." in name}


def room(module: str) -> str:
    return module.partition(".")[2].split(".")[0]  # "" for the package's own __init__.py


def nodes(tree: ast.AST, deferred: bool) -> Iterator[ast.AST]:
    """All nodes, or those only that run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if deferred or not (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or for_types(node)):
            yield node
            yield from nodes(node, deferred)


def for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(module: str, deferred: bool = True) -> set[str]:
    """The full names of what a module imports."""
    found = set()
    for node in nodes(ast.parse(MODULES[module].read_text(encoding="utf-8")), deferred):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{source}.{alias.name}"
                # A public name of the package would hide the room that it is loaded from, and so is no room at all.
                whole = full in MODULES or (source == "checker" and not alias.name.startswith("__"))
                found.add(full if whole else source)
    return found - {module}


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] == "checker"}


ARROWS = {(importer, imported) for importer in MODULES for imported in ours(imports(importer))}

SHARED = {"result", "sanitize"}
# What each room may import, beside its own modules: a room, or a single module of one.
ALLOWED: dict[str, set[str]] = {
    "": {"batch.folder", "live", "result"},  # for `from checker import ...`, only when it is asked for
    "__main__": {"cli"},
    "cli": ROOMS - {"__main__"},
    "commands": ROOMS - {"cli", "__main__"},
    "sanitize": set(),
    "files": set(),
    "result": {"sanitize"},
    "exercises": SHARED,
    "submissions": SHARED | {"exercises"},
    "sandbox": set(),
    "kernel": {"sandbox", "submissions.notebook", "submissions.bounded_json"},
    "grading": SHARED | {"exercises", "kernel.observation"},
    "reports": SHARED | {"exercises", "files"},
    "batch": SHARED | {"exercises", "submissions", "kernel", "sandbox", "grading", "reports", "files"},
    "live": SHARED | {"exercises", "grading", "kernel", "reports"},
}


@pytest.mark.parametrize("importer", ["", *sorted(ROOMS)])
def test_a_room_imports_only_what_it_may(importer: str) -> None:
    allowed = ALLOWED[importer] | {importer, "checker"}  # `checker` itself loads nothing, and knows its version
    wrong = []
    for module, imported in sorted(ARROWS):
        local = imported.removeprefix("checker.")
        if room(module) == importer and not any(local == name or local.startswith(f"{name}.") for name in allowed):
            wrong.append(f"{module} -> {imported}")
    assert not wrong


@pytest.mark.parametrize("folder", ["exercises", "grading"])
def test_exercises_and_grading_need_numpy_alone(folder: str) -> None:
    tops = {name.split(".")[0] for module in MODULES if room(module) == folder for name in imports(module)}
    assert tops - sys.stdlib_module_names <= {"checker", "numpy"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Only `checker` itself, whose names are loaded when they are asked for, is left out."""
    modules = sorted(MODULES.keys() - {"checker"})
    assert_acyclic({module: ours(imports(module, deferred=False)) - {"checker"} for module in modules})


def test_no_room_imports_itself_by_way_of_others() -> None:
    rooms: dict[str, set[str]] = {name: set() for name in ROOMS}
    for importer, imported in arrows_between_rooms():
        rooms[importer].add(imported)
    assert_acyclic(rooms)


def assert_acyclic(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def arrows_between_rooms() -> set[tuple[str, str]]:
    pairs = {(room(importer), room(imported)) for importer, imported in ARROWS}
    return {(importer, imported) for importer, imported in pairs if importer and imported and importer != imported}


def test_the_rooms_and_the_arrows_between_them_are_few() -> None:
    entries = {path.name for path in PACKAGE.iterdir()} - {"__init__.py", "__main__.py", "__pycache__", "py.typed"}
    assert len(entries) <= 13, sorted(entries)
    assert len(arrows_between_rooms()) <= 70


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))
def test_every_room_says_what_it_is_for_and_where_to_start(folder: str) -> None:
    """The docstring of its `__init__.py` names a file of the room."""
    text = ast.get_docstring(ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    modules = [path.stem for path in (PACKAGE / folder).rglob("*.py") if path.stem != "__init__"]
    files = [*modules, *(f"{name}.py" for name in modules)]
    assert "start" in text.lower() and any(f"`{name}`" in text for name in files), text


def test_importing_the_package_and_asking_for_help_load_nothing_heavy() -> None:
    """`check` needs numpy alone, and everything else nothing but the standard library."""
    code = """
import sys
before = set(sys.modules)
def report():
    found = {name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
    print(sorted(name for name in found if "cython" not in name))  # of numpy's own
import checker, checker.cli
try: checker.cli.main(["--help"])
except SystemExit: report()
from checker import check
report()
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    *_, light, with_check = run.stdout.splitlines()
    assert (light, with_check) == ("['checker']", "['checker', 'numpy']")
