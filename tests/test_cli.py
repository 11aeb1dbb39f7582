"""The command line, run as people run it."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import EXAMPLES, EXERCISE, GRADE, ROOT, SOLUTION, checker, filled_in, notebook, processes_that_mention
from hostile_text import commands, unseen
from jsonschema import Draft202012Validator

from checker import cli
from checker.reports import gradebook
from checker.result import SCHEMA_VERSION, Result, from_json
from checker.sandbox.inside.supervisor import descendants


def table() -> dict[str, dict[str, str]]:
    """What is expected of each example: the rows of examples/expected.csv by file."""
    with (ROOT / "examples/expected.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def expected() -> dict[str, str]:
    return {file: row["verdict"] for file, row in table().items()}


def test_every_example_has_a_line_in_the_table_and_every_line_its_example() -> None:
    assert set(expected()) == {path.name for path in EXAMPLES.iterdir()}
    assert len(expected()) >= 20


def test_every_example_gets_its_expected_verdict(graded: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    run, out = graded
    results = [from_json(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    verdicts = {Path(result.file).name: result.verdict for result in results}
    assert verdicts == {file: verdict for file, verdict in expected().items() if verdict != "superseded"}
    assert run.returncode == 1
    for result in results:
        assert result.summary and not result.summary.startswith("checker")


def test_every_example_gets_its_expected_score_and_mistakes_and_its_first_wrong_expression(
    graded: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    rows = table()
    for line in (graded[1] / "results.jsonl").read_text(encoding="utf-8").splitlines():
        result = from_json(line)
        row = rows[Path(result.file).name]
        assert str(result.score) == row["score"], row
        assert " ".join(finding.id for finding in result.mistakes) == row["mistakes"], row
        pointed = [finding for finding in result.mistakes if finding.line is not None]
        assert (str(pointed[0].line) if pointed else "") == row["line"], row
        if pointed:
            assert pointed[0].columns is not None
            assert pointed[0].source[slice(*pointed[0].columns)] == row["expression"]


def test_each_feedback_level_says_more_and_a_hint_gives_nothing_away(tmp_path: Path) -> None:
    path = EXAMPLES / "oscar_nunez.ipynb"
    said = {}
    for level in ("verdict", "hint", "explain", "solution"):
        said[level] = " ".join(checker("check", path, "--feedback", level).stdout.split())
    assert "scal" not in said["verdict"]
    assert "Look at the step “scaling of the scores”." in said["hint"]
    assert "sqrt" not in said["hint"] and "not scaled" not in said["hint"] and "^^^" not in said["hint"]
    assert "The scores are not scaled." in said["explain"] and "code cell 5, line 14:" in said["explain"]
    assert "A1 = softmax_cols(np.matmul(K1.T, Q1)) ^^^^" in said["explain"]
    assert "Right so far: queries, keys and values of both heads" in said["explain"]
    assert "Correction:" in said["solution"] and "Correction:" not in said["explain"]


def test_teachers_weigh_the_steps_or_give_no_partial_credit(tmp_path: Path) -> None:
    path = EXAMPLES / "oscar_nunez.ipynb"
    weights = tmp_path / "weights.json"
    steps = ("projections", "scores", "scaling", "softmax", "weighted-values", "joining", "output-projection")
    weights.write_text(json.dumps(dict(zip(steps, (10, 10, 50, 10, 10, 5, 5), strict=True))))
    assert json.loads(checker("check", path, "--weights", weights, "--json").stdout)["score"] == 50
    assert json.loads(checker("check", path, "--no-partial-credit", "--json").stdout)["score"] == 0


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", "is not JSON"),
        ("{}", "just these steps: projections, scores"),
        (
            '{"projections": 1, "scores": 1, "scaling": 1, "softmax": 1, "weighted-values": 1, "joining": 1, '
            '"output-projection": 1}',
            "add up to 100",
        ),
    ],
)
def test_weights_that_make_no_sense_are_refused(content: str, part: str, tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(content)
    run = checker("check", EXERCISE, "--weights", tmp_path / "w.json")
    assert run.returncode == 2 and part in run.stderr and "w.json" in run.stderr


def test_selftest_prints_the_rates_and_no_mutant_or_cheat_survives() -> None:
    run = checker("selftest", "--json")
    tested = json.loads(run.stdout)
    assert run.returncode == 0 and tested["passed"]
    rows = {row["kind"]: row for row in tested["rows"]}
    single, pairs, cheats = rows["single mistakes"], rows["pairs"], rows["cheats"]
    assert single["exactly"] == single["caught"] and pairs["unexplained"] == 0
    assert rows["mutants"]["caught"] > 100 and not rows["mutants"]["survivors"]
    assert cheats["caught"] == cheats["tried"] >= 6
    assert tested["invisible"] == ["key-bias-missing"]


def test_every_result_keeps_to_the_schema(graded: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    schema = json.loads((ROOT / "docs/result.schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    for line in (graded[1] / "results.jsonl").read_text(encoding="utf-8").splitlines():
        validator.validate(json.loads(line))
    assert schema["properties"]["schema_version"]["const"] == SCHEMA_VERSION
    assert set(schema["properties"]) == {field.name for field in dataclasses.fields(Result)}


def test_superseded_examples_are_reported(graded: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    [superseded] = [file for file, verdict in expected().items() if verdict == "superseded"]
    assert f"{superseded}: not graded, because henry also handed in" in graded[0].stderr


def test_grade_writes_one_line_a_submission_a_summary_and_the_table(
    graded: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    run, out = graded
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["submission"] for row in rows] == sorted(row["submission"] for row in rows)
    assert len(rows) == len(expected()) - 1
    first, *lines = run.stdout.splitlines()
    assert first.startswith("Sandbox: ")
    assert sum(row["student"] in lines[i] for i in range(len(rows)) for row in rows) >= len(rows)
    assert any(line.split() == ["all", str(len(rows))] for line in lines)
    assert lines[-2:] == [str(out / "index.html"), str(out / "grades.csv")]
    pages = {path.stem for path in (out / "feedback").iterdir()}
    assert pages == {row["submission"] for row in rows}
    index = (out / "index.html").read_text(encoding="utf-8")
    assert all(f'"feedback/{page}.html"' in index for page in pages) and "henry also handed in" in index
    assert "Traceback" not in run.stderr


def test_executed_notebooks_are_kept_on_request(graded: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    executed = json.loads((graded[1] / "executed/amelia_stone.ipynb").read_text(encoding="utf-8"))
    assert any("Your answer:" in str(cell.get("outputs")) for cell in executed["cells"])


def test_check_says_that_the_exercise_is_not_attempted_and_the_solution_correct(tmp_path: Path) -> None:
    run = checker("check", EXERCISE)
    assert run.returncode == 1 and "not attempted" in run.stdout
    run = checker("check", SOLUTION)
    assert run.returncode == 0 and "correct" in run.stdout and "100 of 100" in run.stdout
    broken = tmp_path / "broken.ipynb"
    broken.write_bytes(EXERCISE.read_bytes()[:2000])
    run = checker("check", broken)
    assert run.returncode == 1 and f"{broken}: the file breaks off in the middle" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_a_pipe_gets_every_path_and_sentence_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 25) / "ada.ipynb"
    path.parent.mkdir()
    path.write_bytes(filled_in(f"  raise ValueError({'x' * 150!r})"))
    run = checker("check", path)
    assert run.stdout.startswith(f"{path}\n")
    assert all(run.stdout.count(text) == run.stdout.replace("\n", "").count(text) for text in (str(path), "x" * 150))
    assert not any(line.endswith(" ") for line in run.stdout.splitlines())


def test_check_prints_json_and_a_seed_makes_a_regrade_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ada.ipynb"
    path.write_bytes(filled_in("  return X"))
    first, again = (json.loads(checker("check", path, "--json", "--seed", 5).stdout) for _ in range(2))
    assert first["seed"] == 5 and first["verdict"] == "wrong"
    first.pop("timings"), again.pop("timings")
    assert first == again


def test_a_mixed_batch_grades_the_good_names_the_bad_and_exits_with_2(tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(filled_in())
    (tmp_path / "eve.ipynb").write_bytes(b"")
    run = checker(
        *GRADE, tmp_path / "ada.ipynb", tmp_path / "eve.ipynb", tmp_path / "nobody.ipynb", "--out", tmp_path / "o"
    )
    assert run.returncode == 2
    assert "nobody.ipynb: there is no such file or folder" in run.stderr
    lines = (tmp_path / "o/results.jsonl").read_text().splitlines()
    assert {from_json(line).verdict for line in lines} == {"correct", "unreadable"}


def test_the_json_of_a_class_keeps_its_keys(tmp_path: Path) -> None:
    for name in ("ada.ipynb", "ada (1).ipynb"):
        (tmp_path / name).write_bytes(b"")
    content = json.loads(checker(*GRADE, tmp_path, tmp_path / "x", "--out", tmp_path / "o", "--json").stdout)
    assert list(content) == ["sandbox", "results", "set_aside", "problems"]
    older, newer = (str(tmp_path / name) for name in ("ada.ipynb", "ada (1).ipynb"))
    assert content["set_aside"] == [{"file": older, "student": "ada", "counted": newer}]
    assert content["problems"] == [f"{tmp_path / 'x'}: there is no such file or folder"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["check", "nowhere.ipynb"], "nowhere.ipynb: there is no such file"),
        (["check", "examples"], "examples: is a folder; use `checker grade`"),
        (["grade", "nowhere", "--out", "OUT"], "nothing to grade"),
        (["grade", "docs", "--out", "OUT"], "docs: there is no notebook (.ipynb) in it"),
        (["grade", "examples", "--out", "README.md"], "README.md: is a file"),
        (["grade", "examples", "--out", "README.md/x"], "--out takes a folder"),
        (["run", "solutions/x.ipynb", "--out", "README.md/x"], "--out takes a folder"),
        (["check", 300 * "x"], "x: it could not be opened"),
        (["grade", 300 * "x", "--out", "OUT"], "x: it could not be opened"),
        (["grade", "docs", "--out", 300 * "x"], "--out takes a folder"),
        (["report", 300 * "x"], "x: it could not be opened"),
        (["grade", "examples"], "--out"),
        (["check", "x.ipynb", "--exercise", "12.9"], "there is no exercise '12.9'; there is: multihead-self-attention"),
        (["check", "x.ipynb", "--timeout", "-1"], "positive number"),
        (["run", "nowhere.ipynb"], ""),
        (["grde"], "invalid choice"),
        ([], ""),
    ],
)
def test_a_wrong_command_line_gets_one_sentence_and_exit_code_2(
    arguments: list[str], part: str, tmp_path: Path
) -> None:
    run = checker(*(argument.replace("OUT", str(tmp_path)) for argument in arguments))
    assert run.returncode == 2 and part in run.stderr
    assert "Traceback" not in run.stderr


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    run = checker("grade", tmp_path, "--out", tmp_path / "out")
    assert run.returncode == 2 and f"{tmp_path}: there is no notebook" in run.stderr


def test_run_says_what_it_could_not_write_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("in/ada.ipynb", "in/bob.ipynb"):
        (tmp_path / name).write_bytes(notebook("x = 1"))
    (tmp_path / "out/ada.ipynb").mkdir(parents=True)
    run = checker("run", tmp_path / "in/ada.ipynb", tmp_path / "in/bob.ipynb", "--out", tmp_path / "out")
    assert run.returncode == 3 and f"{tmp_path / 'out/ada.ipynb'} could not be written" in run.stdout
    assert (tmp_path / "out/bob.ipynb").is_file() and "Traceback" not in run.stderr


def test_run_executes_the_notebooks_and_fails_on_a_failing_cell(tmp_path: Path) -> None:
    run = checker("run", EXERCISE, SOLUTION, "--out", tmp_path)
    assert run.returncode == 0, run.stdout
    assert "image/png" in (tmp_path / SOLUTION.name).read_text(encoding="utf-8")
    bad = tmp_path / "bad.ipynb"
    bad.write_bytes(notebook("x = 1", "y = z"))
    run = checker("run", bad, "--json")
    assert run.returncode == 1
    [report] = json.loads(run.stdout)["notebooks"]
    assert not report["passed"] and "code cell 2 failed with NameError: name 'z' is not defined" in report["message"]


def test_exercises_are_listed() -> None:
    assert "multihead-self-attention" in checker("exercises").stdout
    assert json.loads(checker("exercises", "--json").stdout)[0]["answer"] == "X_prime"


def test_the_exit_codes_stand_in_the_first_help_alone() -> None:
    first = checker("--help").stdout
    assert all(f"\n  {code:<3}  " in first for code in (0, 1, 2, 3, 4, 130))
    for verb in ("check", "grade", "report", "run", "selftest", "doctor", "exercises"):
        shown = checker(verb, "--help").stdout
        assert "exit codes: see `checker --help`" in shown and "130" not in shown and f"\n    {verb} " in first


def test_the_platforms_of_the_command_line_are_those_that_get_a_gradebook() -> None:
    assert (*gradebook.PLATFORMS,) == cli.PLATFORMS


@pytest.mark.parametrize("verb", ["", "check", "grade", "report", "run", "selftest", "doctor", "exercises"])
def test_help_describes_every_verb_with_an_example(verb: str) -> None:
    run = checker(*verb.split(), "--help", env={**os.environ, "COLUMNS": "80"})
    assert run.returncode == 0 and not run.stderr
    assert verb in ("", "exercises") or f"checker {verb}" in run.stdout.split("example")[1]
    assert max(map(len, run.stdout.splitlines())) <= 79


def test_importing_the_package_and_asking_for_help_import_nothing_heavy() -> None:
    code = """
import sys, checker, checker.cli
try: checker.cli.main(["--help"])
except SystemExit: pass
heavy = {"nbclient", "nbformat", "matplotlib", "rich", "jinja2", "numpy", "jupyter_client", "zmq"} & set(sys.modules)
assert not heavy, heavy
from checker import check
heavy = {"nbclient", "nbformat", "matplotlib", "rich", "jinja2", "jupyter_client", "zmq"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def temporary() -> Iterator[str]:
    """A folder for temporary files of its own, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield folder


@pytest.mark.skipif(os.name != "posix", reason="signals as here are POSIX")
def test_ctrl_c_keeps_what_is_done_and_leaves_no_kernel(tmp_path: Path, temporary: str) -> None:
    (tmp_path / "ada.ipynb").write_bytes(filled_in())
    (tmp_path / "eve.ipynb").write_bytes(notebook("X_prime = 1\nwhile True: pass"))
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "checker",
        *GRADE,
        tmp_path,
        "--out",
        out,
        "--workers",
        "1",
        "--cell-timeout",
        "100",
    ]
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": temporary},  # where kernels have their folders
        # A shell starts jobs in the background with interrupts ignored, and tests may run in one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None and process.stdout.readline().startswith("Sandbox: ")
    assert "ada" in process.stdout.readline()
    kernels = {*descendants(process.pid)} & {*processes_that_mention("bootstrap.py")}
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in errors and "Traceback" not in errors
    [line] = (out / "results.jsonl").read_text().splitlines()
    assert from_json(line).verdict == "correct"
    assert "ada" in (out / "grades.csv").read_text() and "ada" in (out / "index.html").read_text()
    assert (out / "feedback/ada.html").exists()
    assert kernels or not Path("/proc").exists()
    assert not kernels & {*processes_that_mention("bootstrap.py")} and not list(Path(temporary).iterdir())


def test_a_formula_in_a_name_does_not_reach_the_table(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/=HYPERLINK(A1).ipynb").write_bytes(b"")
    checker(*GRADE, tmp_path / "in", "--out", tmp_path / "out")
    with (tmp_path / "out/grades.csv").open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["student"] == "'=HYPERLINK(A1)"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_names_and_texts_do_nothing_to_terminals_logs_and_machines(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("::error::x", "\x1b]0;t\x07ada", "##[group]eve", "名前", "bad\udcff"):
        (tmp_path / "in" / f"{name}.ipynb").write_bytes(b"")
    for encoding in ("utf-8", "latin-1"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        runs = [
            checker("grade", tmp_path / "in", "--out", tmp_path / "out", env=environment),
            checker("grade", tmp_path / "in", "--out", tmp_path / "out", "--json", env=environment),
            checker("check", tmp_path / "in/::error::x.ipynb", env=environment),
        ]
        for run in runs:
            assert run.returncode == 1 and "Traceback" not in run.stderr and not run.stderr
            assert not unseen(run.stdout) and not commands(run.stdout)
    rows = (tmp_path / "out/results.jsonl").read_text(encoding="utf-8")
    assert not unseen(rows) and len(rows.splitlines()) == 5
