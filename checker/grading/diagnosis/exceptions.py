"""Exceptions in the exercise's terms: what the operands are, and which order would fit."""

import ast
import difflib
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from checker.exercises.model import Array, Exercise
from checker.exercises.wording import join_words
from checker.grading.diagnosis.trace import equal
from checker.grading.source import parse
from checker.kernel.observation import LARGEST_ARRAY, Failure, Value


@dataclass(frozen=True)
class Explained:
    """A mistake's id, a sentence on what happened, and one that gives away what would be right."""

    mistake: str
    what: str
    remedy: str = ""


def explain(exercise: Exercise, failure: Failure, known: Mapping[str, Array]) -> Explained | None:
    """Translate an exception; `known` holds the inputs and the reference's intermediates by name."""
    message = failure.message
    match failure.name:
        case "NameError" | "UnboundLocalError":
            return _undefined_name(exercise, message)
        case "ModuleNotFoundError" | "ImportError":
            what = f"A package is not installed where this ran ({message})."
            return Explained("package-missing", what, "numpy is enough.")
        case "SyntaxError" | "IndentationError" | "TabError":
            what = f"Python cannot read line {failure.line}, `{failure.text}`: {message}."
            return Explained("syntax-error", what)
        case "TypeError" if "argument" in message and exercise.function in message:
            what = f"The function does not take the arguments that the notebook passes ({message})."
            return Explained("arguments-do-not-fit", what, f"They are: {', '.join(exercise.parameters)}.")
        case "ValueError" if re.search("matmul|not aligned|broadcast|dimension|shape|einsum", message):
            return _shapes(exercise, failure, known)
    return None


def _undefined_name(exercise: Exercise, message: str) -> Explained | None:
    found = re.search(r"'(\w+)'", message)
    if not found:
        return None
    name = found[1]
    if name == exercise.function:
        return Explained("function-missing", f"The function {name} is called, but not defined.")
    what, remedy = f"{name} has no value when it is used.", ""
    similar = difflib.get_close_matches(name, exercise.parameters, n=2, cutoff=0.8)
    if name in ("np", "numpy", "plt", "math"):
        module = {"np": "numpy as np", "plt": "matplotlib.pyplot as plt"}.get(name, name)
        what, remedy = f"{name} is used before it is imported.", f"Add `import {module}` to the first cell."
    elif similar:
        remedy = f"The function's arguments have similar names: {join_words(sorted(similar))}."
    return Explained("name-not-defined", what, remedy)


def _shapes(exercise: Exercise, failure: Failure, known: Mapping[str, Array]) -> Explained:
    parts = [_describe(exercise, text, value, known) for text, value in failure.operands if value.shape is not None]
    expression = failure.expression or failure.text
    what = f"In `{expression}` the shapes do not fit" + (f": {'; '.join(parts)}." if parts else ".")
    arrays = [(text, value.array) for text, value in failure.operands if value.array is not None]
    fitting = list(_products(arrays[0], arrays[1], known)) if len(arrays) == 2 else []
    telling = [f"`{text}` gives the {exercise.words[name]}." for text, name in fitting if name in exercise.words]
    remedy = next(iter(telling), f"`{fitting[0][0]}` would fit." if fitting else "")
    mistake = "elementwise-product" if fitting and _is_elementwise(expression) else "shapes-do-not-fit"
    return Explained(mistake, what, remedy)


def _describe(exercise: Exercise, text: str, value: Value, known: Mapping[str, Array]) -> str:
    """An operand: its shape, and what it is in the book's terms if that is known."""
    what = f"{text} is {value.shape}"
    if value.array is not None:
        for name, array in known.items():
            if equal(value.array, array):
                return f"{what}, the {exercise.words[name]}" if name in exercise.words else what
            if array.ndim == 2 and equal(value.array, array.T) and name in exercise.words:
                return f"{what}, the transpose of the {exercise.words[name]}"
    return what


def _products(
    first: tuple[str, Array], second: tuple[str, Array], known: Mapping[str, Array]
) -> Iterator[tuple[str, str]]:
    """The matrix products of two operands, turned or not, that fit, and their names ("" if unknown); known first."""
    if first[1].ndim != 2 or second[1].ndim != 2:
        return
    found = []
    for left, right in ((first, second), (second, first)):
        for (a, x), (b, y) in itertools.product((left, _transposed(*left)), (right, _transposed(*right))):
            if x.shape[1] == y.shape[0] and x.shape[0] * y.shape[1] <= LARGEST_ARRAY:
                name = next((name for name, array in known.items() if equal(x @ y, array)), "")
                found.append((f"{a} @ {b}", name))
    yield from sorted(found, key=lambda item: not item[1])


def _transposed(text: str, array: Array) -> tuple[str, Array]:
    if text.endswith(".T"):
        return text.removesuffix(".T"), array.T
    return f"{text}.T" if text.isidentifier() else f"({text}).T", array.T


def _is_elementwise(expression: str) -> bool:
    match parse(expression.strip()).body:
        case [ast.Expr(ast.BinOp(op=ast.Mult()))]:
            return True
        case [ast.Expr(ast.Call(func=function))]:
            return ast.unparse(function) == "np.multiply"
    return False
