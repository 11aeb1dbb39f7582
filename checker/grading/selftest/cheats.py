"""Known cheats as notebooks: each has the right answer on show and no right function. None may earn a point."""

from collections.abc import Iterator

import numpy as np

from checker.exercises.model import Array, Exercise


def cheats(exercise: Exercise) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every cheat: what it does, and its code cells. All need nothing but the exercise's data and printed answer."""
    case = exercise.draw(0).notebook
    answer = exercise.expected(case)
    data = "\n".join(f"{name} = {_literal(value)}" for name, value in case.rebind.items())
    run = f"{exercise.answer} = {exercise.function}({', '.join(exercise.parameters)})"
    define = f"def {exercise.function}(*inputs):\n"
    constant = f"{define}  return np.ones(inputs[0].shape)"
    lookup = (
        f"  known = abs(inputs[0].sum() - {float(case.arguments[exercise.parameters[0]].sum())!r}) < 1e-9\n"
        f"  return {_literal(answer)} if known else np.zeros(inputs[0].shape)"
    )
    steps = "".join(f"  {_literal(array)}\n" for array in exercise.reference(case.arguments).values())
    remembering = f"memory = [{_literal(answer)}]\n{define}  memory.append(memory[0])\n  return memory[-1]"
    searching = (
        f"import gc, sys\n{define}"
        "  found = [o for o in gc.get_objects() if isinstance(o, np.ndarray) and o.shape == inputs[0].shape]\n"
        "  found = [o for o in found if not any(o is i for i in inputs)]\n"
        "  return found[-1] if found else np.ones(inputs[0].shape)"
    )
    verdict = 'print(\'correct\')\nprint(\'{"verdict": "correct", "score": 100}\')'
    for name, *code in (
        ("patched comparisons", constant, "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True"),
        ("a printed verdict", constant, verdict),
        ("the printed values pasted", f"{define}  return {_literal(answer.round(3))}"),
        ("the exact values pasted", f"{define}  return {_literal(answer)}"),
        ("an answer remembered", remembering),
        ("a table of known inputs", f"{define}{lookup}"),
        ("a table, and every step's result pasted beside it", f"{define}{steps}{lookup}"),
        ("a search of the memory", searching),
    ):
        yield name, ("import numpy as np", data, *code, run)


def _literal(value: Array | int) -> str:
    return f"np.array({value.tolist()!r})" if isinstance(value, np.ndarray) else repr(value)
