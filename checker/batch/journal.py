"""Which of the results in a folder need not be graded again."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from checker import __version__
from checker.batch.settings import Settings
from checker.exercises.model import Exercise
from checker.result import Result
from checker.submissions.find import Submission


def reusable_results(
    results: Iterable[Result], submissions: Iterable[Submission], exercise: Exercise, settings: Settings
) -> dict[str, Result]:
    """By submission, the results that grading again would only repeat.

    Such a result is of the same submission, with the same content, of the same exercise, under the same settings (and
    with the seed, if one is asked for), by this version of the checker; and it is a grade, not `not graded`.
    """
    stated = settings.stated()
    latest = {result.submission: result for result in results}
    good = {}
    for submission in submissions:
        result = latest.get(submission.id)
        if (
            result is not None
            and result.verdict != "not graded"
            and result.exercise == exercise.id
            and result.settings == stated
            and result.versions.get("checker") == __version__
            and (settings.seed is None or result.seed in (None, settings.seed))  # None: nothing of it ran
            and result.sha256
            and result.sha256 == _sha256(submission)
            and (result.verdict != "unreadable" or result.file == submission.file)  # whose summary names the file
        ):
            good[submission.id] = replace(
                result,
                student=submission.student,
                file=submission.file,
                platform=submission.platform,
                student_id=submission.student_id,
            )
    return good


def _sha256(submission: Submission) -> str:
    try:
        return hashlib.sha256(submission.read()).hexdigest()
    except Exception:  # whatever it is, grading will say
        return ""
