"""The student's code as text: reading it without trusting it, and finding a function in it."""

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
    for lines_of in (_defined, _defined_by_indentation):
        for number, cell in reversed([*enumerate(code, 1)]):
            if lines := lines_of(cell, name):
                first, last = lines
                return Source(number, first, "\n".join(cell.split("\n")[first - 1 : last]))
    return None


def _defined(cell: str, name: str) -> tuple[int, int] | None:
    """The first and the last line of a cell's last definition of a function, decorators included."""
    definitions = list(_definitions(parse(cell), name))
    if not definitions:
        return None
    last = definitions[-1]
    decorators = last.decorator_list if isinstance(last, ast.FunctionDef) else []
    return min([last.lineno, *(decorator.lineno for decorator in decorators)]), last.end_lineno or last.lineno


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


def _defined_by_indentation(cell: str, name: str) -> tuple[int, int] | None:
    """The same for a cell that does not parse: from the last `def` to the last line that is indented more."""
    lines = [] if parse(cell).body else cell.split("\n")
    starts = [i for i, line in enumerate(lines) if re.match(rf"\s*def\s+{re.escape(name)}\b", line)]
    if not starts:
        return None
    first = last = starts[-1]
    for number, line in enumerate(lines[first + 1 :], first + 1):
        if line.strip():
            if _indent(line) <= _indent(lines[first]):
                break
            last = number
    return first + 1, last + 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
