"""The same command resumes after an interruption: nothing is lost, nothing is graded twice."""

from __future__ import annotations

import csv
import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import GRADE, filled_in, notebook

from checker import files
from checker.batch.folder import grade_into
from checker.batch.new_result import new_result
from checker.batch.settings import Settings
from checker.exercises.model import Exercise
from checker.grading.score import Scale
from checker.kernel.options import Limits
from checker.result import Judgement, Result, from_json, to_json
from checker.submissions.find import Submission

SETTINGS = Settings(sandbox="off")


class Students:
    """A class whose submissions are files' contents by name, and a grader that only remembers what it was given."""

    def __init__(self, out: Path, exercise: Exercise, **contents: bytes) -> None:
        self.out, self.exercise, self.contents = out, exercise, contents
        self.graded: list[str] = []
        self.verdict = "wrong"

    def grade(self, settings: Settings = SETTINGS, **options: Any) -> list[Result]:
        """Grade as a batch does; `graded` then says which were."""
        self.graded.clear()
        return grade_into(self.submissions(), self.exercise, settings, self.out, grader=self.pretend, **options)

    def submissions(self) -> list[Submission]:
        return [
            Submission(name, name.title(), f"{name}.ipynb", lambda data=data: data)  # type: ignore[misc]
            for name, data in self.contents.items()
        ]

    def pretend(
        self, submissions: Sequence[Submission], exercise: Exercise, settings: Settings, *, keep_executed: bool = False
    ) -> Generator[tuple[Result, str]]:
        for submission in submissions:
            self.graded.append(submission.id)
            judgement = Judgement(self.verdict, None, "No.")  # type: ignore[arg-type]
            result = new_result(submission, exercise, settings, judgement, data=submission.read())
            yield replace(result, seed=settings.seed), "{}" if keep_executed else ""

    def lines(self) -> list[Result]:
        return list(map(from_json, (self.out / "results.jsonl").read_text(encoding="utf-8").splitlines()))

    def table(self) -> list[str]:
        with (self.out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
            return [row["submission"] for row in csv.DictReader(file)]


@pytest.fixture
def students(tmp_path: Path, exercise: Exercise) -> Students:
    return Students(tmp_path / "out", exercise, ada=b"1", bea=b"2", cem=b"3")


def test_what_is_graded_is_not_graded_again(students: Students) -> None:
    first = students.grade()
    assert students.graded == ["ada", "bea", "cem"]
    assert students.grade() == first and not students.graded
    assert students.lines() == first


def test_a_newer_upload_is_graded_and_takes_the_place_of_the_older(students: Students) -> None:
    students.grade()
    students.contents["bea"] = b"20"
    results = students.grade()
    assert students.graded == ["bea"] and students.lines() == results and students.table() == ["ada", "bea", "cem"]


def test_a_submission_that_is_gone_leaves_the_table_and_a_new_one_joins_it(students: Students) -> None:
    students.grade()
    del students.contents["ada"]
    students.contents["dan"] = b"4"
    students.grade()
    assert students.graded == ["dan"] and students.table() == ["bea", "cem", "dan"]


def test_a_file_that_was_moved_is_not_graded_again_but_named_as_it_is_now(
    students: Students, monkeypatch: pytest.MonkeyPatch
) -> None:
    students.grade()
    before = students.submissions()
    moved = [replace(submission, file=f"elsewhere/{submission.file}") for submission in before]
    monkeypatch.setattr(students, "submissions", lambda: moved)
    assert [result.file for result in students.grade()] == [submission.file for submission in moved]
    assert not students.graded


def test_what_could_not_be_graded_is_tried_again(students: Students) -> None:
    students.verdict = "not graded"
    students.grade()
    students.verdict = "correct"
    assert [result.verdict for result in students.grade()] == ["correct"] * 3


@pytest.mark.parametrize(
    ("settings", "again"),
    [
        (replace(SETTINGS, workers=3), False),
        (replace(SETTINGS, limits=Limits(cell=19)), True),
        (replace(SETTINGS, limits=Limits(memory=2**30)), True),
        (replace(SETTINGS, scale=Scale(partial_credit=False)), True),
        (replace(SETTINGS, scale=Scale({"scores": 100})), True),
        (replace(SETTINGS, sandbox="auto"), True),
        (replace(SETTINGS, seed=5), True),
    ],
)
def test_settings_that_decide_a_grade_decide_whether_it_is_reused(
    settings: Settings, again: bool, students: Students
) -> None:
    students.grade(replace(SETTINGS, seed=4))
    assert students.grade(replace(SETTINGS, seed=4)) and not students.graded
    assert students.grade() and not students.graded, "without a seed, any is right"
    students.grade(settings)
    assert bool(students.graded) == again
    assert students.grade(settings) and not students.graded


def test_another_version_of_the_checker_or_another_exercise_grades_again(
    students: Students, monkeypatch: pytest.MonkeyPatch
) -> None:
    students.grade()
    monkeypatch.setattr("checker.batch.folder.__version__", "99")
    students.grade()
    assert len(students.graded) == 3
    monkeypatch.undo()
    students.exercise = replace(students.exercise, id="another")
    students.grade()
    assert len(students.graded) == 3


def test_force_grades_all_again(students: Students) -> None:
    students.grade()
    assert len(students.grade(force=True)) == 3 and len(students.graded) == 3


def test_executed_notebooks_that_are_asked_for_later_are_made_later(students: Students) -> None:
    students.grade()
    students.grade(keep_executed=True)
    assert len(students.graded) == 3 and len(list((students.out / "executed").iterdir())) == 3
    (students.out / "executed/bea.ipynb").unlink()
    assert students.grade(keep_executed=True) and students.graded == ["bea"]


def test_reused_and_new_results_are_told_apart(students: Students) -> None:
    students.grade()
    students.contents["dan"] = b"4"
    reused: list[Result] = []
    new: list[str] = []
    students.grade(on_reused=reused.extend, on_result=lambda result: new.append(result.submission))
    assert [result.submission for result in reused] == ["ada", "bea", "cem"] and new == ["dan"]


def test_a_journal_cut_off_anywhere_is_resumed(students: Students, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    del students.contents["cem"]
    undisturbed = students.grade()
    path, table = students.out / "results.jsonl", (students.out / "grades.csv").read_bytes()
    whole = path.read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    near_an_end = {end + offset for end in (-1, *ends) for offset in range(-4, 5)}
    for length in sorted({*range(0, len(whole), 11), *near_an_end} & {*range(len(whole) + 1)}):
        for tail in (b"", b"\0" * 7):
            path.write_bytes(whole[:length] + tail)
            complete = sum(end <= length for end in ends) if not tail else sum(end < length for end in ends)
            assert students.grade() == undisturbed
            assert students.graded == ["ada", "bea"][complete:], (length, tail)
            assert path.read_bytes() == whole and (students.out / "grades.csv").read_bytes() == table


def test_lines_that_are_no_results_are_passed_over(students: Students) -> None:
    first = students.grade()
    good = to_json(first[1]).encode()
    odd = [b"", b"null", b"[" * 100_000, b"\xff\xfe", b"\0" * 50, b'{"schema_version": 1, "mistakes": [1]}', b"{}"]
    (students.out / "results.jsonl").write_bytes(b"\n".join([*odd, good, *odd]))
    assert students.grade() == first and students.graded == ["ada", "cem"]


class FullDisk:
    """os.fsync that fails from the given call on, as it does when the disk is full or breaks."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.sync = os.fsync

    def __call__(self, descriptor: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        self.sync(descriptor)


@pytest.mark.parametrize("calls", range(14))
def test_a_disk_that_fills_up_at_any_moment_costs_nothing_that_was_reported(
    calls: int, students: Students, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    with monkeypatch.context() as patched, ExitStack() as stack:
        patched.setattr(os, "fsync", FullDisk(calls))
        if calls < 9:  # the last call is for the folder, which not every file system can do
            stack.enter_context(pytest.raises(files.CannotWriteError, match="No space left on device"))
        students.grade(on_result=lambda result: reported.append(result.submission))
    students.grade()
    assert not set(students.graded) & set(reported)
    assert students.table() == ["ada", "bea", "cem"]
    assert {path.name for path in students.out.iterdir()} == {
        ".lock", "feedback", "grades.csv", "index.html", "results.jsonl",
    }  # fmt: skip
    assert {path.name for path in (students.out / "feedback").iterdir()} == {"ada.html", "bea.html", "cem.html"}


@pytest.mark.skipif(os.name != "posix", reason="limits on files as here are POSIX")
def test_a_full_disk_is_said_in_one_sentence(tmp_path: Path) -> None:
    import resource

    for name in ("ada", "bea", "cem", "dan"):
        (tmp_path / f"{name}.ipynb").write_bytes(b"")
    command = [sys.executable, "-m", "checker", "grade", "--sandbox", "off", tmp_path, "--out", tmp_path / "out"]
    limited = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert limited.returncode == 3 and "Traceback" not in limited.stderr
    assert "could not be written: File too large; what was graded is kept; run the" in limited.stderr
    again = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=120)
    assert again.returncode == 1 and "of 4 were graded before and are kept" in again.stdout


def test_two_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(b"")
    (tmp_path / "out").mkdir()
    with files.locked(tmp_path / "out"):
        run = subprocess.run(
            [sys.executable, "-m", "checker", *GRADE, tmp_path / "ada.ipynb", "--out", tmp_path / "out"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert run.returncode == 2 and "another checker is writing into this folder" in run.stderr
    assert "Traceback" not in run.stderr and not (tmp_path / "out/results.jsonl").exists()
    with files.locked(tmp_path / "out"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="locks as here are POSIX")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_without_locks_is_written_to_all_the_same(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(file: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    for _ in range(2):
        with files.locked(tmp_path):
            assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def essence(path: Path) -> dict[str, tuple[Any, ...]]:
    """Of each result in a journal what a regrade with the same seed must repeat."""
    results = list(map(from_json, path.read_text(encoding="utf-8").splitlines()))
    found = {each.submission: (each.verdict, each.score, each.mistakes, each.checks, each.summary) for each in results}
    assert len(found) == len(results), "graded twice"
    return found


@pytest.mark.skipif(os.name != "posix", reason="processes are killed as POSIX does it")
@pytest.mark.parametrize("kills", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_kills_at_random_moments_change_nothing(kills: int, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(100):
        (folder / f"s{number:03d}.ipynb").write_bytes(b"{" * (number + 1))
    for number, data in enumerate((filled_in(), filled_in("  return X"), notebook("1 / 0"), filled_in("  pass"))):
        (folder / f"s{20 * number + 10:03d}.ipynb").write_bytes(data)

    def command(out: Path) -> list[str]:
        # Without a sandbox, for the sake of time: finding out which there is takes as long as many a life here.
        options = ("--sandbox", "off", folder, "--out", out, "--seed", 7, "--workers", 2, "--executed")
        return [sys.executable, "-m", "checker", "grade", *map(str, options)]

    undisturbed = subprocess.run(command(tmp_path / "a"), capture_output=True, text=True, check=False, timeout=300)
    assert undisturbed.returncode == 1, undisturbed.stderr
    out, dice = tmp_path / "b", random.Random(kills)
    for _ in range(kills):
        process = subprocess.Popen(command(out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        assert process.stdout is not None
        for _ in range(dice.randrange(6)):
            process.stdout.readline()
        time.sleep(dice.uniform(0, 0.05))  # the random moment
        process.kill()
        process.communicate(timeout=60)
    last = subprocess.run(command(out), capture_output=True, text=True, check=False, timeout=300)
    assert last.returncode == 1, last.stderr
    assert essence(out / "results.jsonl") == essence(tmp_path / "a/results.jsonl")
    assert (out / "grades.csv").read_bytes() == (tmp_path / "a/grades.csv").read_bytes()
    assert len(list((out / "executed").iterdir())) == 4
