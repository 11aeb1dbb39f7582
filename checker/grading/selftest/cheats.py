"""Known cheats as notebooks: each has the right answer on show and no right function. None may earn a point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checker.exercises.model import Array, Exercise
from checker.submissions.notebook import Cell, Notebook


def cheats(exercise: Exercise) -> Iterator[tuple[str, Notebook]]:
    """Every cheat with what it does. They need nothing but the exercise's data and its printed answer."""
    case = exercise.draw(0).notebook
    answer = exercise.expected(case)
    data = [f"{name} = {_literal(value)}" for name, value in case.rebind.items()]
    first = exercise.parameters[0]
    constant = f"def {exercise.function}(*inputs):\n  return np.ones(inputs[0].shape)"
    patched = "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True"
    lookup = (
        f"def {exercise.function}(*inputs):\n"
        f"  known = abs(inputs[0].sum() - {float(case.arguments[first].sum())!r}) < 1e-9\n"
        f"  return {_literal(answer)} if known else np.zeros(inputs[0].shape)"
    )
    pasted = f"def {exercise.function}(*inputs):\n  return {{}}"
    shown = "".join(f"  {_literal(array)}\n" for array in exercise.reference(case.arguments).values())
    decoys = lookup.replace("  known", f"{shown}  known", 1)
    remembering = (
        f"memory = [{_literal(answer)}]\n"
        f"def {exercise.function}(*inputs):\n  memory.append(memory[0])\n  return memory[-1]"
    )
    spying = (
        f"import gc, sys\ndef {exercise.function}(*inputs):\n"
        "  found = [o for o in gc.get_objects() if isinstance(o, np.ndarray) and o.shape == inputs[0].shape]\n"
        "  found = [o for o in found if not any(o is i for i in inputs)]\n"
        "  return found[-1] if found else np.ones(inputs[0].shape)"
    )
    verdict = 'print(\'correct\')\nprint(\'{"verdict": "correct", "score": 100}\')'
    for name, code in (
        ("patched comparisons", [constant, patched]),
        ("a printed verdict", [constant, verdict]),
        ("the printed values pasted", [pasted.format(_literal(answer.round(3)))]),
        ("the exact values pasted", [pasted.format(_literal(answer))]),
        ("an answer remembered", [remembering]),
        ("a table of known inputs", [lookup]),
        ("a table, and every step's result pasted beside it", [decoys]),
        ("a search of the memory", [spying]),
    ):
        run = f"{exercise.answer} = {exercise.function}({', '.join(exercise.parameters)})"
        yield name, Notebook(tuple(Cell("code", text) for text in ("import numpy as np", "\n".join(data), *code, run)))


def _literal(value: Array | int) -> str:
    return f"np.array({value.tolist()!r})" if isinstance(value, np.ndarray) else repr(value)
