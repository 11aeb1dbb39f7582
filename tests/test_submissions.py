"""Finding the submissions in what teachers download."""

import os
import re
import zipfile
from pathlib import Path

import pytest
from helpers import filled_in, notebook

from checker.exercise import Exercise
from checker.intake import CannotOpenError, read_file
from checker.submission import Found, find

DATA = filled_in()
NAME = "12_2_Multihead_Self_Attention"


def write(root: Path, *paths: str, data: bytes = DATA, age: float = 0) -> None:
    """Files below a root, all of the same age in seconds before a fixed moment."""
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (1_700_000_000 - age,) * 2)


def students(found: Found) -> list[str]:
    return sorted(submission.student for submission in found.submissions)


@pytest.mark.parametrize(
    ("layout", "paths", "expected"),
    [
        ("plain files", ["ada.ipynb", "Grace Hopper.ipynb"], ["Grace Hopper", "ada"]),
        ("copies", ["Copy_of_ada.ipynb", "Copy of grace.ipynb", "emmy (1).ipynb"], ["ada", "emmy", "grace"]),
        ("folders", [f"ada/{NAME}.ipynb", f"grace/{NAME} (1).ipynb"], ["ada", "grace"]),
        ("deep folders", [f"ada/week12/{NAME}.ipynb", f"grace/week12/{NAME}.ipynb"], ["ada", "grace"]),
        (
            "sections",
            [f"s1/ada/{NAME}.ipynb", f"s1/grace/{NAME}.ipynb", f"s2/ada/{NAME}.ipynb"],
            ["s1/ada", "s1/grace", "s2/ada"],
        ),
        ("folders, free names", ["ada/final.ipynb", "grace/my work.ipynb"], ["ada", "grace"]),
        ("a folder of students", ["group/ada.ipynb", "group/grace.ipynb"], ["ada", "grace"]),
        ("Canvas", ["lovelaceada_LATE_123_456_x.ipynb", "hoppergrace_124_457_x.ipynb"], ["hoppergrace", "lovelaceada"]),
        ("Canvas namesakes", ["smithjo_1_12_x.ipynb", "smithjo_2_13_x.ipynb"], ["smithjo", "smithjo"]),
        (
            "Moodle",
            ["Ada Lovelace_11_assignsubmission_file_/x.ipynb", "Grace Hopper_12_assignsubmission_file_/y.ipynb"],
            ["Ada Lovelace", "Grace Hopper"],
        ),
        ("Moodle, flat", ["Ada Lovelace_11_assignsubmission_file_x.ipynb"], ["Ada Lovelace"]),
        ("Gradescope", ["assignment_1_export/submission_7/x.ipynb"], ["submission_7"]),
        ("nbgrader", [f"submitted/ada/hw12/{NAME}.ipynb", f"submitted/grace/hw12/{NAME}.ipynb"], ["ada", "grace"]),
        (
            "GitHub Classroom",
            [f"hw12-submissions/hw12-ada/notebooks/{NAME}.ipynb", "hw12-submissions/hw12-grace-h/a.ipynb"],
            ["ada", "grace-h"],
        ),
        ("heap of the exercise's own name", [f"{NAME}.ipynb", f"{NAME} (1).ipynb"], [NAME, f"{NAME} (1)"]),
        (
            "checkpoints and hidden files",
            ["ada.ipynb", ".ipynb_checkpoints/ada-checkpoint.ipynb", "._ada.ipynb"],
            ["ada"],
        ),
        ("a Mac's zip", ["ada.ipynb", "__MACOSX/ada.ipynb"], ["ada"]),
    ],
)
def test_students_are_told_from_the_layout_in_a_folder_and_in_a_zip(
    layout: str, paths: list[str], expected: list[str], tmp_path: Path, exercise: Exercise
) -> None:
    root = tmp_path / "download"
    write(root, *paths)
    assert students(find([root], exercise)) == expected, layout
    archive = tmp_path / "download.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in paths:
            file.write(root / path, path)
    assert students(find([archive], exercise)) == expected, f"{layout}, zipped"


def test_gradescope_names_come_from_its_metadata(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "submission_7/x.ipynb", "submission_8/x.ipynb")
    metadata = (
        "---\nsubmission_7:\n  :submitters:\n  - :name: Ada Lovelace\n    :email: a@b.c\nsubmission_8:\n  :id: 8\n"
    )
    (tmp_path / "submission_metadata.yml").write_text(metadata)
    assert students(find([tmp_path], exercise)) == ["Ada Lovelace", "submission_8"]


def test_nbgraders_submitted_folder_may_be_named_itself(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, f"submitted/ada/hw12/{NAME}.ipynb")
    assert students(find([tmp_path / "submitted"], exercise)) == ["ada"]


def test_of_two_files_from_one_student_the_newest_counts_and_the_other_is_reported(
    tmp_path: Path, exercise: Exercise
) -> None:
    write(tmp_path, "ada (1).ipynb", age=90_000)
    write(tmp_path, "ada.ipynb", age=10)
    found = find([tmp_path], exercise)
    assert [submission.file for submission in found.submissions] == [(tmp_path / "ada.ipynb").as_posix()]
    [other] = found.set_aside
    assert (other.file, other.student) == ((tmp_path / "ada (1).ipynb").as_posix(), "ada")


def test_files_unpacked_at_the_same_time_are_ordered_by_their_copy_numbers(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "ada (2).ipynb", age=1)
    write(tmp_path, "ada (10).ipynb", age=2)
    write(tmp_path, "ada.ipynb", age=0)
    [submission] = find([tmp_path], exercise).submissions
    assert submission.file.endswith("ada (10).ipynb")


def test_canvas_resubmissions_are_ordered_by_their_upload_numbers(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "adal_5_100_x.ipynb", "adal_5_99_x.ipynb")
    [submission] = find([tmp_path], exercise).submissions
    assert submission.file.endswith("adal_5_100_x.ipynb")


def test_in_a_students_repository_the_notebook_of_this_exercise_counts(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, f"ada/{NAME}.ipynb", age=5_000)
    write(tmp_path, "ada/12_1_Self_Attention.ipynb", "ada/scratch.ipynb", data=notebook("x = 1"))
    write(tmp_path, f"grace/{NAME}.ipynb")
    found = find([tmp_path], exercise)
    assert sorted(submission.file.rsplit("/", 2)[-2:] for submission in found.submissions) == [
        ["ada", f"{NAME}.ipynb"],
        ["grace", f"{NAME}.ipynb"],
    ]
    assert len(found.set_aside) == 2


def test_a_python_export_counts_and_a_helper_module_does_not(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "ada.py", data=b"def multihead_scaled_self_attention(): pass")
    write(tmp_path, "helpers.py", data=b"def add(a, b): return a + b")
    assert students(find([tmp_path], exercise)) == ["ada"]


def test_zips_that_students_handed_in_are_opened_and_a_damaged_one_is_its_students_result(
    tmp_path: Path, exercise: Exercise
) -> None:
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.writestr(f"{NAME}.ipynb", DATA)
    write(tmp_path, "class/ada/hw.zip", data=(tmp_path / "inner.zip").read_bytes())
    write(tmp_path, "class/grace/hw.zip", data=b"PK\x03\x04 broken")
    found = find([tmp_path / "class"], exercise)
    assert students(found) == ["ada", "grace"]
    assert found.submissions[0].read() == DATA
    with pytest.raises(ValueError, match=r"not a \.zip archive"):
        found.submissions[1].read()


def test_paths_in_a_zip_that_lead_outside_are_left_out(tmp_path: Path, exercise: Exercise) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("../eve.ipynb", "/etc/eve.ipynb", "ada.ipynb"):
            archive.writestr(name, DATA)
    assert students(find([tmp_path / "x.zip"], exercise)) == ["ada"]


def test_a_glob_that_the_shell_left_alone_is_expanded(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "hw/ada.ipynb", "hw/grace.ipynb", "hw/notes.txt")
    assert students(find([f"{tmp_path}/*/*.ipynb"], exercise)) == ["ada", "grace"]


def test_files_named_one_by_one_are_told_apart_by_their_folders(tmp_path: Path, exercise: Exercise) -> None:
    paths = [f"ada/{NAME}.ipynb", f"grace/{NAME}.ipynb"]
    write(tmp_path, *paths)
    assert students(find([tmp_path / path for path in paths], exercise)) == ["ada", "grace"]


def test_ids_are_unique_and_safe_in_a_path(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "Zoë.ipynb", "zoe!.ipynb", "a%2f..%2fetc.ipynb", "名前.ipynb", "CON.ipynb")
    ids = [submission.id for submission in find([tmp_path], exercise).submissions]
    assert len(set(ids)) == 5
    assert all(re.fullmatch("[a-z0-9_-]+", id) for id in ids) and "con" not in ids


def test_problems_name_the_path_and_the_rest_is_found(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "class/ada.ipynb", "bad.zip", data=b"no zip")
    (tmp_path / "empty").mkdir()
    found = find([tmp_path / name for name in ("class", "empty", "bad.zip", "missing")], exercise)
    assert students(found) == ["ada"]
    assert [problem.split(": ", 1)[0] for problem in found.problems] == [
        str(tmp_path / name) for name in ("empty", "bad.zip", "missing")
    ]


@pytest.mark.skipif(os.name != "posix", reason="links and modes as here are POSIX")
def test_a_link_in_a_students_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(DATA)
    (tmp_path / "ada.ipynb").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="symbolic link"):
        read_file(tmp_path / "ada.ipynb")


@pytest.mark.skipif(os.name != "posix", reason="pipes as here are POSIX")
def test_a_pipe_named_like_a_notebook_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ada.ipynb")
    with pytest.raises(ValueError, match="pipe or a device"):
        read_file(tmp_path / "ada.ipynb")


@pytest.mark.skipif(os.name != "posix", reason="modes as here are POSIX")
def test_a_file_without_read_permission_is_no_fault_of_its_student(tmp_path: Path) -> None:
    path = tmp_path / "ada.ipynb"
    path.write_bytes(DATA)
    path.chmod(0)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o755) if str(parent).startswith("/tmp/pytest") else None
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(CannotOpenError, match="Permission denied"):
            read_file(path)
    finally:
        if was_root:
            os.seteuid(0)
