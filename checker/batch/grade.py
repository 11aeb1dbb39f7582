"""One submission: from its bytes to its result."""

import secrets
import threading
from dataclasses import replace

from checker.batch.new_result import new_result
from checker.batch.settings import Settings
from checker.exercises.model import Exercise
from checker.grading.checks import Checks, needs_trace, run_checks
from checker.grading.evidence import Evidence
from checker.grading.judge import judge
from checker.kernel.launch import KernelStartError
from checker.kernel.options import Launcher, choose_launcher
from checker.kernel.run import ProbeRequest, open_session, run_with
from checker.result import Judgement, Result
from checker.submissions.archives import CannotOpenError
from checker.submissions.file_lines import with_file_lines
from checker.submissions.find import Submission
from checker.submissions.notebook import Notebook, UnreadableError, parse


def grade_one(
    submission: Submission,
    exercise: Exercise,
    settings: Settings | None = None,
    cancelled: threading.Event | None = None,
) -> tuple[Result, str]:
    """Grade one submission; also returns the executed notebook as Jupyter's JSON ("" if nothing ran).

    Never raises for what a student handed in, nor for a fault of ours, which is `not graded`; only when the sandbox
    that is asked for does not start here at all: `SandboxUnavailableError`.
    """
    settings = settings or Settings()
    settings.resolve_sandbox()
    data = None
    try:
        data = submission.read()
        notebook = parse(data, script=submission.is_script)
        return grade_notebook(notebook, exercise, settings, submission=submission, data=data, cancelled=cancelled)
    except UnreadableError as error:
        judgement = Judgement("unreadable", 0, f"{submission.file}: {error}.")
    except (CannotOpenError, KernelStartError) as error:
        judgement = Judgement("not graded", None, f"{submission.file}: {error.args[-1]}.")
    except Exception as error:  # a bug of ours must cost neither the student a point nor the class its grades
        text = f"{submission.file}: the checker itself failed ({type(error).__name__}: {error}); please report it."
        judgement = Judgement("not graded", None, text)
    return new_result(submission, exercise, settings, judgement, data=data), ""


NO_SUBMISSION = Submission("notebook", "", "", bytes)


def grade_notebook(
    notebook: Notebook,
    exercise: Exercise,
    settings: Settings | None = None,
    *,
    submission: Submission = NO_SUBMISSION,
    data: bytes = b"",
    cancelled: threading.Event | None = None,
) -> tuple[Result, str]:
    """Run and judge a notebook; also returns it as it ran. Raises `KernelStartError`."""
    settings = settings or Settings()
    seed = secrets.randbits(32) if settings.seed is None else settings.seed
    cases, sandbox = exercise.draw(seed), settings.resolve_sandbox()

    async def observed(launcher: Launcher) -> tuple[Evidence, Checks]:
        async with open_session(notebook, settings.limits, sandbox.level, launcher) as session:
            names = tuple(dict.fromkeys((exercise.answer, *cases.names)))
            observation = await session.ask(ProbeRequest(exercise.function, names, cases.asked))
            evidence = Evidence(exercise, cases, notebook.code, observation)
            checks = run_checks(evidence)
            if needs_trace(checks):
                await session.ask(ProbeRequest(exercise.function, (), cases.asked_if_wrong, traced=cases.traced))
        return replace(evidence, observation=session.observation), checks

    evidence, checks = run_with(choose_launcher(settings.launcher), observed, cancelled)
    judgement = judge(evidence, checks, settings.scale)
    judgement = with_file_lines(judgement, data, notebook.code, script=submission.is_script)
    result = new_result(
        submission, exercise, settings, judgement, data=data, sandbox=sandbox, seed=seed,
        timings=evidence.observation.seconds,
    )  # fmt: skip
    return result, evidence.observation.executed
