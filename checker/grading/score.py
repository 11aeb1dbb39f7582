"""Points from evidence: a step of the computation counts when something shows that it is right."""

from collections.abc import Mapping
from dataclasses import dataclass

from checker.exercises.mistakes import HARD_CODED
from checker.exercises.model import Exercise
from checker.grading.diagnosis import Diagnosis
from checker.result import Verdict

UNNAMED = 10  # what a partial answer loses when no step of it is wrong


@dataclass(frozen=True)
class Scale:
    """How points are given: other weights of the steps than the exercise's, or no partial credit at all."""

    weights: Mapping[str, int] | None = None
    partial_credit: bool = True


def score(exercise: Exercise, verdict: Verdict, diagnosis: Diagnosis | None, function_right: bool, scale: Scale) -> int:
    """Points out of 100.

    A step is lost when the diagnosis finds a mistake in it or when nothing shows it right. A partial answer in which
    every step is right (the function has another name, say, or the data were changed) loses 10.
    """
    if verdict == "correct":
        return 100
    if not scale.partial_credit or verdict not in ("partial", "wrong", "error"):
        return 0
    if function_right:
        return 100 - UNNAMED
    if diagnosis is None or HARD_CODED in diagnosis.mistakes:
        return 0
    weights = scale.weights or {step.id: step.weight for step in exercise.steps}
    points = sum(weights[id] for id in diagnosis.steps_right)
    return min(points, 100 - UNNAMED)


def weights_from(content: object, exercise: Exercise) -> dict[str, int]:
    """Weights of the steps from a teacher's file, a JSON object of step ids and points that add up to 100.

    Raises `ValueError` with a sentence that says what is wrong.
    """
    ids = [step.id for step in exercise.steps]
    if not isinstance(content, dict) or set(content) != set(ids):
        raise ValueError(f"the weights must be a JSON object with just these steps: {', '.join(ids)}")
    if not all(type(points) is int and points >= 0 for points in content.values()) or sum(content.values()) != 100:
        raise ValueError("the weights must be whole numbers from 0 that add up to 100")
    return dict(content)
