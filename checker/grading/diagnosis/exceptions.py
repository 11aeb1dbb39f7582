"""Exceptions in the exercise's terms: what the operands are, and which order would fit."""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from checker.exercises.model import Array, Exercise
from checker.grading.diagnosis.trace import equal
from checker.kernel.observation import LARGEST_ARRAY, Failure, Value

SHAPES, ELEMENTWISE, NAME, ARGUMENTS, PACKAGE, SYNTAX, MISSING = (
    "shapes-do-not-fit",
    "elementwise-product",
    "name-not-defined",
    "arguments-do-not-fit",
    "package-missing",
    "syntax-error",
    "function-missing",
)


@dataclass(frozen=True)
class Explained:
    """A mistake's id, a sentence on what happened, and one that gives away what would be right."""

    mistake: str
    what: str
    remedy: str = ""


def explain(exercise: Exercise, failure: Failure, known: Mapping[str, Array]) -> Explained | None:
    """Translate an exception; `known` holds the inputs and the reference's intermediates by name."""
    message = failure.message
    if failure.name == "NameError" or failure.name == "UnboundLocalError":
        return _name(exercise, message)
    if failure.name in ("ModuleNotFoundError", "ImportError"):
        return Explained(PACKAGE, f"A package is not installed where this ran ({message}).", "numpy is enough.")
    if failure.name == "TypeError" and "argument" in message and exercise.function in message:
        what = f"The function does not take the arguments that the notebook passes ({message})."
        return Explained(ARGUMENTS, what, f"They are: {', '.join(exercise.parameters)}.")
    if failure.name in ("SyntaxError", "IndentationError", "TabError"):
        return Explained(SYNTAX, f"Python cannot read line {failure.line}, `{failure.text}`: {message}.")
    if failure.name == "ValueError" and _of_shapes(message):
        return _shapes(exercise, failure, known)
    return None


def _of_shapes(message: str) -> bool:
    telling = ("matmul", "not aligned", "broadcast", "dimension", "shape", "einsum")
    return any(part in message for part in telling)


def _name(exercise: Exercise, message: str) -> Explained | None:
    found = re.search(r"'(\w+)'", message)
    if not found:
        return None
    name = found[1]
    if name == exercise.function:
        return Explained(MISSING, f"The function {name} is called, but not defined.")
    if name in ("np", "numpy", "plt", "math"):
        module = {"np": "numpy as np", "plt": "matplotlib.pyplot as plt"}.get(name, name)
        return Explained(NAME, f"{name} is used before it is imported.", f"Add `import {module}` to the first cell.")
    similar = difflib.get_close_matches(name, exercise.parameters, n=2, cutoff=0.8)
    remedy = f"The function's arguments have similar names: {' and '.join(sorted(similar))}." if similar else ""
    return Explained(NAME, f"{name} has no value when it is used.", remedy)


def _shapes(exercise: Exercise, failure: Failure, known: Mapping[str, Array]) -> Explained:
    parts = [_describe(exercise, text, value, known) for text, value in failure.operands if value.shape is not None]
    shown = failure.expression or failure.text
    what = f"In `{shown}` the shapes do not fit" + (f": {'; '.join(parts)}." if parts else ".")
    arrays = [(text, value.array) for text, value in failure.operands if value.array is not None]
    if len(arrays) != 2:
        return Explained(SHAPES, what)
    fitting = list(_products(arrays[0], arrays[1], known))
    telling = [
        f"`{text}` gives the {exercise.words[name]}" for text, name in fitting if name and name in exercise.words
    ]
    remedy = f"{telling[0]}." if telling else f"`{fitting[0][0]}` would fit." if fitting else ""
    if _is_elementwise(shown) and fitting:
        return Explained(ELEMENTWISE, what, remedy)
    return Explained(SHAPES, what, remedy)


def _describe(exercise: Exercise, text: str, value: Value, known: Mapping[str, Array]) -> str:
    said = f"{text} is {value.shape}"
    if value.array is not None:
        for name, array in known.items():
            if equal(value.array, array):
                return f"{said}, the {exercise.words[name]}" if name in exercise.words else said
            if array.ndim == 2 and equal(value.array, array.T) and name in exercise.words:
                return f"{said}, the transpose of the {exercise.words[name]}"
    return said


def _products(
    first: tuple[str, Array], second: tuple[str, Array], known: Mapping[str, Array]
) -> Iterator[tuple[str, str | None]]:
    """The matrix products of two operands, turned or not, that fit, and what they are; known results first."""
    (a, left), (b, right) = first, second
    if left.ndim != 2 or right.ndim != 2:
        return
    found: list[tuple[str, str | None]] = []
    for (m, x), (n, y) in (((a, left), (b, right)), ((b, right), (a, left))):
        for m_text, x_turned in ((m, x), (_turned(m), x.T)):
            for n_text, y_turned in ((n, y), (_turned(n), y.T)):
                fits = x_turned.shape[1] == y_turned.shape[0]
                if fits and x_turned.shape[0] * y_turned.shape[1] <= LARGEST_ARRAY:
                    product = x_turned @ y_turned
                    name = next((name for name, array in known.items() if equal(product, array)), None)
                    found.append((f"{m_text} @ {n_text}", name))
    yield from sorted(found, key=lambda item: item[1] is None)


def _turned(text: str) -> str:
    return text.removesuffix(".T") if text.endswith(".T") else f"{text}.T" if text.isidentifier() else f"({text}).T"


def _is_elementwise(expression: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    by_operator = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult)
    return by_operator or (isinstance(tree, ast.Call) and ast.unparse(tree.func) == "np.multiply")
