"""The student's code as text: reading it without trusting it, and finding a function in it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache

from checker.result import Source

LARGEST_CELL = 100_000  # characters; a tree takes some hundred times as much memory


@lru_cache(maxsize=64)
def parse(cell: str) -> ast.Module:
    """The tree of a cell, IPython's own lines left out; an empty one if it is not Python, or no person's program."""
    if len(cell) > LARGEST_CELL:
        return ast.Module([], [])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they would quote the cell
            return ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in cell.split("\n")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def function_source(code: Sequence[str], name: str) -> Source | None:
    """The last definition of a function in the cells that ran; of code that does not parse, what looks like one.

    >>> found = function_source(("x = 1", "# mine\\ndef f(x):\\n  return x\\n\\nf(2)"), "f")
    >>> found.code_cell, found.line, found.text
    (2, 2, 'def f(x):\\n  return x')
    """
    numbered = [*enumerate(code, 1)][::-1]
    for number, cell in numbered:
        defined = list(_definitions(parse(cell), name))
        if defined:
            return _cut(number, cell, _first_line(defined[-1]), defined[-1].end_lineno or defined[-1].lineno)
    for number, cell in numbered:
        lines = [] if parse(cell).body else cell.split("\n")
        starts = [i for i, line in enumerate(lines, 1) if re.match(rf"\s*def\s+{re.escape(name)}\b", line)]
        if starts:
            return _cut(number, cell, starts[-1], _end_of_block(lines, starts[-1]))
    return None


def _cut(number: int, cell: str, first: int, last: int) -> Source:
    return Source(number, first, "\n".join(cell.split("\n")[first - 1 : last]))


def _definitions(tree: ast.Module, name: str) -> Iterator[ast.stmt]:
    """The statements that define a name as a function, in order, but for those inside of functions and classes."""
    statements = list(tree.body)
    while statements:
        statement = statements.pop(0)
        if isinstance(statement, ast.FunctionDef):
            if statement.name == name:
                yield statement
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            if any(isinstance(target, ast.Name) and target.id == name for target in statement.targets):
                yield statement
        elif isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            statements[:0] = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]


def _first_line(statement: ast.stmt) -> int:
    decorators = statement.decorator_list if isinstance(statement, ast.FunctionDef) else []
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _end_of_block(lines: Sequence[str], first: int) -> int:
    """The last line that is indented more than the line `first`, of those that follow it without a break."""
    indent = _indent(lines[first - 1])
    last = first
    for number, line in enumerate(lines[first:], first + 1):
        if line.strip():
            if _indent(line) <= indent:
                break
            last = number
    return last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
