"""Mutants of a reference: its source with one operator, transpose, axis, constant or name changed."""

from __future__ import annotations

import ast
import copy
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from checker.exercises.model import Array, Exercise, State

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult,),
    ast.MatMult: (ast.Mult, ast.Add),
}


@dataclass(frozen=True)
class Mutant:
    """A changed reference. `change` says what was changed, and where."""

    change: str
    function: Callable[[Mapping[str, Array]], State]

    def run(self, inputs: Mapping[str, Array]) -> State | None:
        """What it computes, or None where it raises."""
        try:
            with np.errstate(all="ignore"):
                return self.function(inputs)
        except Exception:
            return None


def mutants(exercise: Exercise) -> Iterator[Mutant]:
    """Every mutant of an exercise's reference and of the functions in its module that it calls."""
    module = sys.modules[exercise.reference.__module__]
    name = exercise.reference.__name__
    statements = ast.parse(inspect.getsource(module)).body
    functions = {node.name: node for node in statements if isinstance(node, ast.FunctionDef)}
    called = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)} & set(functions)
    for target in sorted({name} | called):
        for change, mutated in _changes(functions[target]):
            scope: dict[str, Any] = dict(vars(module))
            # The reference is compiled again too, so that it calls the changed function and not the module's.
            nodes: list[ast.stmt] = [mutated, *([functions[name]] if target != name else [])]
            code = compile(ast.fix_missing_locations(ast.Module(nodes, [])), "<mutant>", "exec")
            exec(code, scope)
            yield Mutant(f"{target}: {change}", scope[name])


def _changes(function: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Each small change of a function, as a copy of it."""
    body = [node for statement in function.body for node in ast.walk(statement)]
    for number, node in enumerate(body):
        for replacement in _replacements(node, function):
            mutated = copy.deepcopy(function)
            target = [n for statement in mutated.body for n in ast.walk(statement)][number]
            if not isinstance(target, ast.expr):
                continue
            _Replace(target, replacement).visit(mutated)
            yield f"line {node.lineno}: {ast.unparse(node)} -> {ast.unparse(replacement)}", mutated  # type: ignore[attr-defined]


def _replacements(node: ast.AST, function: ast.FunctionDef) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp):
        for operator in OPERATORS.get(type(node.op), ()):
            yield ast.BinOp(node.left, operator(), node.right)
        if isinstance(node.op, (ast.MatMult, ast.Sub, ast.Div)):
            yield ast.BinOp(node.right, node.op, node.left)
        yield node.left
        yield node.right
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _locals(function):
        yield ast.Attribute(node, "T", ast.Load())
        for other in sorted(_locals(function) - {node.id}):
            yield ast.Name(other, ast.Load())
    elif isinstance(node, ast.Call) and node.args and not node.keywords and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]
    elif isinstance(node, ast.JoinedStr):
        yield from _renamed(node)


def _renamed(node: ast.JoinedStr) -> Iterator[ast.expr]:
    """A name like f"beta_q{h}" with another role in it, or with a head fixed."""
    first = node.values[0]
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str) and "_" in first.value):
        return
    for old in "qkv":
        for new in "qkv":
            if old != new and first.value.endswith(f"_{old}"):
                yield ast.JoinedStr([ast.Constant(first.value[:-1] + new), *node.values[1:]])
    yield ast.Constant(f"{first.value}1")


def _locals(function: ast.FunctionDef) -> set[str]:
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored - {"h", "steps"}


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return copy.deepcopy(self.new) if node is self.old else super().visit(node)
