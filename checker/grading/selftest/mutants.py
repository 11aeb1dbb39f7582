"""Mutants of a reference: its source with one operator, transpose, axis, constant or name changed."""

import ast
import copy
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from checker.exercises.model import Array, Exercise, State

# Computes the intermediates from the inputs; None where that is not possible.
Program = Callable[[Mapping[str, Array]], State | None]

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult,),
    ast.MatMult: (ast.Mult, ast.Add),
}


def mutants(exercise: Exercise) -> Iterator[tuple[str, Program]]:
    """What was changed, and the mutant: of an exercise's reference and of the functions in its module that it calls."""
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
            exec(compile(ast.fix_missing_locations(ast.Module(nodes, [])), "<mutant>", "exec"), scope)
            yield f"{target}: {change}", _or_none(scope[name])


def _or_none(function: Program) -> Program:
    def run(inputs: Mapping[str, Array]) -> State | None:
        try:
            with np.errstate(all="ignore"):
                return function(inputs)
        except Exception:
            return None

    return run


def _changes(function: ast.FunctionDef) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Each small change of a function, as a copy of it."""
    for statement in function.body:
        for node in ast.walk(statement):
            for replacement in _replacements(node, function):
                change = f"line {node.lineno}: {ast.unparse(node)} -> {ast.unparse(replacement)}"  # type: ignore[attr-defined]
                # Only what is replaced keeps its identity in the copy, so that it can be found there.
                mutated = copy.deepcopy(function, {id(node): node})
                yield change, _Replace(node, replacement).visit(mutated)


def _replacements(node: ast.AST, function: ast.FunctionDef) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp(left, operator, right):
            yield from (ast.BinOp(left, other(), right) for other in OPERATORS.get(type(operator), ()))
            if isinstance(operator, (ast.MatMult, ast.Sub, ast.Div)):
                yield ast.BinOp(right, operator, left)
            yield left
            yield right
        case ast.Attribute(value, "T"):
            yield value
        case ast.Constant(int(number)) if not isinstance(number, bool):
            yield ast.Constant(number + 1)
            yield ast.Constant(number - 1)
        case ast.Name(id, ast.Load()) if id in _results(function):
            yield ast.Attribute(node, "T", ast.Load())
            yield from (ast.Name(other, ast.Load()) for other in sorted(_results(function) - {id}))
        case ast.Call(args=[first, *_], keywords=[]) if not isinstance(first, ast.Starred):
            yield first
        case ast.JoinedStr([ast.Constant(str(prefix)), *others]) if "_" in prefix:
            # A name like f"beta_q{h}": another one of its kind, or always that of the first h.
            similar = (other for other in _prefixes(function) if other.rpartition("_")[0] == prefix.rpartition("_")[0])
            yield from (ast.JoinedStr([ast.Constant(other), *others]) for other in similar if other != prefix)
            yield ast.Constant(f"{prefix}1")


def _results(function: ast.FunctionDef) -> set[str]:
    """The local names that results are assigned to: no loop variables, no dictionaries."""
    assigned = [
        target
        for node in ast.walk(function)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and not isinstance(node.value, ast.Dict)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    names = (node for target in assigned for node in ast.walk(target) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _prefixes(function: ast.FunctionDef) -> list[str]:
    """The constant beginnings of the f-strings in a function."""
    strings = (node for node in ast.walk(function) if isinstance(node, ast.JoinedStr))
    return sorted({str(text.values[0].value) for text in strings if isinstance(text.values[0], ast.Constant)})


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return copy.deepcopy(self.new) if node is self.old else super().visit(node)
