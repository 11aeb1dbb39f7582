"""What every result says, whatever came of its submission."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform

from checker import __version__
from checker.batch.settings import Settings
from checker.exercises.model import Exercise
from checker.result import Result, Verdict
from checker.sandbox.levels import Sandbox
from checker.submissions.find import Submission


def new_result(
    submission: Submission,
    exercise: Exercise,
    data: bytes | None,
    settings: Settings,
    verdict: Verdict,
    summary: str,
    sandbox: Sandbox | None = None,
) -> Result:
    """The result of a submission of which nothing ran."""
    sandbox = sandbox or settings.choice()
    return Result(
        submission=submission.id,
        student=submission.student,
        file=submission.file,
        sha256=hashlib.sha256(data).hexdigest() if data is not None else "",
        exercise=exercise.id,
        verdict=verdict,
        score=None if verdict == "not graded" else 0,
        summary=summary,
        sandbox=sandbox.level,
        sandbox_reason=sandbox.reason,
        settings=settings.stated(),
        versions=versions(),
        platform=submission.platform,
        student_id=submission.student_id,
    )


@functools.cache
def versions() -> dict[str, str]:
    """The versions that a grade may depend on."""
    packages = ("numpy", "nbclient", "ipykernel")
    ours = {"checker": __version__, "python": platform.python_version()}
    return ours | {name: importlib.metadata.version(name) for name in packages}
