"""Watching a function at work: every sub-expression of it reports its value and its span in the source.

Like `probe`, with which its text is sent, this runs inside the student's kernel: it imports nothing of this package.
The functions that the notebook defines are compiled again from the sources of its cells, rewritten so that they
report, and run in a copy of the notebook's namespace, which stays as it is.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

MOST_RECORDS = 600
LARGEST_RECORD = 2_000  # elements
RECORDER = "__record_value__"

_REPORTING = (
    ast.BinOp, ast.Call, ast.Subscript, ast.Attribute, ast.UnaryOp, ast.ListComp, ast.IfExp, ast.List, ast.Tuple,
)  # fmt: skip


class Recorder:
    """Keeps what is reported, in order: (cell, line, column, end line, end column) and a copy of the value."""

    def __init__(self) -> None:
        self.records: list[tuple[tuple[int, ...], Any]] = []

    def __call__(self, span: tuple[int, ...], value: Any) -> Any:
        if len(self.records) < MOST_RECORDS:
            kept = _keep(value)
            if kept is not None:
                self.records.append((span, kept))
        return value


def _keep(value: Any) -> Any:
    """A copy of what is worth keeping: arrays of numbers, and lists of arrays of one shape."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, np.ndarray) for item in value):
        if len({item.shape for item in value}) > 1:
            return None
        value = np.array(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.ndim and value.size <= LARGEST_RECORD:
        return np.array(value, dtype=np.float64)
    return None


def instrument(namespace: dict[str, Any], sources: Sequence[str], recorder: Callable[..., Any]) -> None:
    """Replace the functions in a (copied) namespace by reporting ones, wherever their source is known.

    Of several definitions of a name the last one that ran counts, as it does in the notebook.
    """
    namespace[RECORDER] = recorder
    definitions: dict[str, tuple[int, ast.stmt]] = {}
    for cell, source in enumerate(sources, 1):
        for name, statement in _definitions(source):
            if callable(namespace.get(name)):
                definitions[name] = cell, statement
    for cell, statement in definitions.values():
        rewritten = ast.Module([_Reporting(cell).visit(statement)], [])
        exec(compile(ast.fix_missing_locations(rewritten), f"<cell {cell}>", "exec"), namespace)


def _definitions(source: str) -> list[tuple[str, ast.stmt]]:
    """The functions that a cell defines at its top level, `if` and `try` included; none if it does not parse."""
    if source.startswith("%%"):
        source = "#" + source
    lines = ["pass" if line.startswith(("%", "!")) else line for line in source.split("\n")]
    try:
        statements: list[ast.AST] = list(ast.parse("\n".join(lines)).body)
    except (SyntaxError, ValueError):
        return []
    found: list[tuple[str, ast.stmt]] = []
    while statements:
        statement = statements.pop(0)
        if isinstance(statement, ast.FunctionDef):
            found.append((statement.name, statement))
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            found += [(target.id, statement) for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            statements[:0] = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]
    return found


class _Reporting(ast.NodeTransformer):
    """Wraps expressions into calls of the recorder, and reports arrays after they are changed in place."""

    def __init__(self, cell: int) -> None:
        self.cell = cell

    def generic_visit(self, node: ast.AST) -> Any:
        visited = super().generic_visit(node)
        if isinstance(node, _REPORTING) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return self._report(node, visited)
        return visited

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        decorators, node.decorator_list = node.decorator_list, []
        super().generic_visit(node)
        node.decorator_list = decorators
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node.value = self.visit(node.value)
        # A slice like 1:3 is no expression that could be passed on; what stands beside it, or alone, is one.
        if isinstance(node.slice, ast.Tuple):
            parts = node.slice.elts
            node.slice.elts = [part if isinstance(part, ast.Slice) else self.visit(part) for part in parts]
        elif not isinstance(node.slice, ast.Slice):
            node.slice = self.visit(node.slice)
        return self._report(node, node) if isinstance(node.ctx, ast.Load) else node

    def visit_Assign(self, node: ast.Assign) -> Any:
        super().generic_visit(node)
        return [node, *(self._after(node, target) for target in node.targets if isinstance(target, ast.Subscript))]

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        super().generic_visit(node)
        return [node, self._after(node, node.target)]

    def visit_Match(self, node: ast.Match) -> ast.AST:
        return node  # patterns are no expressions

    def _after(self, statement: ast.stmt, target: ast.AST) -> ast.stmt:
        while isinstance(target, (ast.Subscript, ast.Attribute)):
            target = target.value
        if not isinstance(target, ast.Name):
            return ast.copy_location(ast.Pass(), statement)
        value = ast.Name(target.id, ast.Load())
        return ast.copy_location(ast.Expr(self._report(statement, value)), statement)

    def _report(self, node: Any, value: Any) -> Any:
        span = (self.cell, node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0)
        call = ast.Call(
            ast.Name(RECORDER, ast.Load()),
            [ast.Tuple([ast.Constant(number) for number in span], ast.Load()), value],
            [],
        )
        return ast.copy_location(call, node)


def operands(expression: str, local: Mapping[str, Any], outer: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The operands of an expression that raised, as text and value, so that their shapes can be shown."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return []
    parts: list[ast.expr] = []
    if isinstance(tree, ast.BinOp):
        parts = [tree.left, tree.right]
    elif isinstance(tree, ast.Call):
        for argument in tree.args:
            parts += argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument]
    values = []
    for part in parts[:4]:
        try:
            values.append(
                (ast.unparse(part)[:80], eval(compile(ast.Expression(part), "<operand>", "eval"), {**outer, **local}))
            )
        except Exception:
            continue
    return values
