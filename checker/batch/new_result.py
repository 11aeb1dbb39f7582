"""The result of a submission: what was judged of it, and whose it is, how it was graded, and with what."""

import functools
import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping

from checker import __version__
from checker.batch.settings import Settings
from checker.exercises.model import Exercise
from checker.result import Judgement, Result
from checker.sandbox.levels import Sandbox
from checker.submissions.find import Submission


def new_result(
    submission: Submission,
    exercise: Exercise,
    settings: Settings,
    judgement: Judgement,
    *,
    data: bytes | None,
    sandbox: Sandbox | None = None,
    seed: int | None = None,
    timings: Mapping[str, float] | None = None,
) -> Result:
    """The result of a submission, whatever came of it. `data` is the content of its file, None if that is unknown."""
    sandbox = sandbox or settings.resolve_sandbox()
    return Result(
        **vars(judgement),
        submission=submission.id,
        student=submission.student,
        file=submission.file,
        sha256=hashlib.sha256(data).hexdigest() if data is not None else "",
        exercise=exercise.id,
        timings=timings or {},
        seed=seed,
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
