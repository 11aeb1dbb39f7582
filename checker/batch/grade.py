"""One submission: from its bytes to its result."""

from __future__ import annotations

import secrets
from dataclasses import replace

from checker.batch.new_result import new_result
from checker.batch.settings import Settings
from checker.exercises.model import Exercise
from checker.grading.judge import is_right, judge
from checker.kernel.canceller import Canceller
from checker.kernel.launch import KernelStartError
from checker.kernel.launchers import choose_launcher
from checker.kernel.run import ProbeRequest, observe
from checker.result import Result
from checker.submissions.archives import CannotOpenError
from checker.submissions.file_lines import with_file_lines
from checker.submissions.find import Submission
from checker.submissions.notebook import Notebook, UnreadableError, parse


def grade_one(
    submission: Submission, exercise: Exercise, settings: Settings | None = None, canceller: Canceller | None = None
) -> tuple[Result, str]:
    """Grade one submission; also returns the executed notebook as Jupyter's JSON ("" if nothing ran).

    Never raises for what a student handed in, nor for a fault of ours, which is `not graded`; only when the sandbox
    that is asked for does not start here at all: `SandboxUnavailableError`.
    """
    settings = settings or Settings()
    settings.choice()
    data = None
    try:
        data = submission.read()
        notebook = parse(data, script=submission.is_script)
        return grade_notebook(notebook, exercise, settings, submission=submission, data=data, canceller=canceller)
    except UnreadableError as error:
        return new_result(submission, exercise, data, settings, "unreadable", f"{submission.file}: {error}."), ""
    except (CannotOpenError, KernelStartError) as error:
        reason = f"{submission.file}: {error.args[-1]}."
        return new_result(submission, exercise, data, settings, "not graded", reason), ""
    except Exception as error:  # a bug of ours must cost neither the student a point nor the class its grades
        text = f"{submission.file}: the checker itself failed ({type(error).__name__}: {error}); please report it."
        return new_result(submission, exercise, data, settings, "not graded", text), ""


NO_SUBMISSION = Submission("notebook", "", "", bytes)


def grade_notebook(
    notebook: Notebook,
    exercise: Exercise,
    settings: Settings | None = None,
    *,
    submission: Submission = NO_SUBMISSION,
    data: bytes = b"",
    canceller: Canceller | None = None,
) -> tuple[Result, str]:
    """Run and judge a notebook; also returns it as it ran. Raises `KernelStartError`."""
    settings = settings or Settings()
    seed = secrets.randbits(32) if settings.seed is None else settings.seed
    cases = exercise.draw(seed)
    names = (exercise.answer, *cases.notebook.rebind)
    question = ProbeRequest(
        tuple(dict.fromkeys(names)),
        exercise.function,
        (*cases.all, *cases.unused.values()),
        more=(cases.black_box,) if cases.black_box else (),
        traced=cases.traced,
        doubt=lambda observation: not is_right(exercise, cases, observation),
    )
    sandbox = settings.choice()
    launcher = choose_launcher(settings.launcher)
    observation = observe(notebook, question, settings.limits, canceller, sandbox.level, launcher)
    judgement = judge(exercise, cases, notebook.code, observation, settings.scale)
    judgement = with_file_lines(judgement, data, notebook.code, script=submission.is_script)
    result = replace(
        new_result(submission, exercise, data, settings, judgement.verdict, judgement.summary, sandbox),
        score=judgement.score,
        checks=judgement.checks,
        mistakes=judgement.mistakes,
        alternatives=judgement.alternatives,
        right_so_far=judgement.right_so_far,
        remarks=judgement.remarks,
        function=judgement.function,
        comparisons=judgement.comparisons,
        timings=observation.seconds,
        seed=seed,
    )
    return result, observation.executed
