"""Results of classes of any size, as grading would make them; for tests and benchmarks of reports."""

from __future__ import annotations

import random

from checker.exercises.model import Exercise
from checker.result import CheckResult, Comparison, Finding, Result, Source

# fmt: off
FIRST = (
    "Ada", "Bea", "Cem", "Dan", "Eva", "Finn", "Gül", "Hugo", "Ines", "Jan", "Kim", "Lea", "Mia", "Nuño", "Ona", "Pia",
    "Quin", "Rosa", "Søren", "Tara", "Uma", "Vera", "Wim", "Zoë",
)
LAST = (
    "Almeida", "Berg", "Costa", "Dvořák", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jensen", "Kowalski",
    "Lindgren", "Moreau", "Nowak", "Osei",
)
# fmt: on
CHECKS = ("runs", "answer", "fresh inputs", "other sizes", "inputs kept")
FUNCTION = "def f(X):\n  Q = omega @ X\n  A = softmax(Q.T @ Q, axis=1)\n  return Q @ A"


def make_class(count: int, exercise: Exercise, seed: int = 0) -> list[Result]:
    """A class of which half is right, and the others have one mistake or two, nothing explains, or nothing ran."""
    dice = random.Random(seed)
    return [make_result(number, exercise, dice) for number in range(count)]


def make_result(number: int, exercise: Exercise, dice: random.Random) -> Result:
    student = f"{dice.choice(FIRST)} {dice.choice(LAST)} {number}"
    kind = dice.choices(("correct", "wrong", "partial", "not graded", "timeout"), (50, 40, 6, 1, 3))[0]
    known = [id for id, mistake in exercise.mistakes.items() if mistake.step]
    ids = dice.sample(known, dice.choice((1, 1, 2))) if dice.random() < 0.9 else ["unexplained"]
    findings = tuple(finding(id, exercise, pointing=not i and id != "unexplained") for i, id in enumerate(ids))
    told = kind in ("wrong", "partial")
    return Result(
        submission=f"student-{number:05}",
        student=student,
        file=f"submissions/{student}.ipynb",
        sha256=f"{number:064x}",
        exercise=exercise.id,
        verdict=kind,  # type: ignore[arg-type]
        score={"correct": 100, "timeout": 0, "not graded": None}.get(kind, dice.randrange(0, 96, 5)),
        summary="X_prime is right." if kind == "correct" else "X_prime has the right shape, but all 48 values differ.",
        checks=tuple(CheckResult(name, "It is as it should be", "failed" if told else "passed") for name in CHECKS),
        mistakes=findings if told else (),
        right_so_far="queries and keys" if told else "",
        function=Source(5, 7, FUNCTION),
        comparisons=comparisons(dice.randrange(200)) if told else (),
        timings={"start": 0.1, "total": 0.4},
        seed=number,
        sandbox="full",
        settings={"cell": 20.0, "notebook": 60.0, "call": 10.0, "output": 2**23, "memory": 2**31},
        versions={"checker": "0.1.0", "numpy": "2.0"},
    )


def finding(id: str, exercise: Exercise, *, pointing: bool = True) -> Finding:
    mistake = exercise.mistakes[id]
    where = {"code_cell": 5, "line": 9, "columns": (6, 30), "source": FUNCTION.split("\n")[2]} if pointing else {}
    return Finding(id, f"{mistake.title}. {mistake.explanation}", mistake.step, **where)  # type: ignore[arg-type]


def contrast(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    """The contrast of two colours as WCAG 2 defines it, from 1 to 21."""

    def luminance(colour: tuple[int, int, int]) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    darker, lighter = sorted((luminance(a), luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


def comparisons(seed: int) -> tuple[Comparison, ...]:
    """Attention weights and an output, 6 x 6 and 8 x 6."""
    dice = random.Random(seed)

    def matrix(rows: int, low: float, high: float) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(round(dice.uniform(low, high), 4) for _ in range(6)) for _ in range(rows))

    weights, output = (matrix(6, 0, 1), matrix(6, 0, 1)), (matrix(8, -20, 20), matrix(8, -20, 20))
    return (
        Comparison("Attention weights", "weights", "keys", "queries", *weights, "All 36 weights differ."),
        Comparison("X_prime", "values", "dimensions", "inputs", *output, "All 48 values differ."),
    )
