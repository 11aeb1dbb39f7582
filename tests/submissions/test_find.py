"""Finding the submissions in what teachers download."""

import contextlib
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import filled_in, notebook

from checker.batch.grade import grade_one
from checker.batch.settings import Settings
from checker.exercises.model import Exercise
from checker.submissions.archives import CannotOpenError, read_file
from checker.submissions.find import Found, Submission, find
from checker.submissions.notebook import LARGEST_FILE, UnreadableError

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


@pytest.mark.parametrize(
    ("path", "platform", "student_id"),
    [
        ("lovelaceada_LATE_123_456_x.ipynb", "canvas", "123"),
        ("Ada Lovelace_11_assignsubmission_file_/x.ipynb", "moodle", "11"),
        ("hw12-submissions/hw12-ada/x.ipynb", "github", "ada"),
        ("submission_7/x.ipynb", "gradescope", "7"),
        ("submitted/ada/hw12/x.ipynb", "nbgrader", "ada"),
        ("ada.ipynb", "", ""),
    ],
)
def test_what_a_platform_calls_a_student_is_kept_for_its_gradebook(
    path: str, platform: str, student_id: str, tmp_path: Path, exercise: Exercise
) -> None:
    write(tmp_path, path)
    [submission] = find([tmp_path], exercise).submissions
    assert (submission.platform, submission.student_id) == (platform, student_id)
    result, _ = grade_one(replace(submission, read=lambda: b"{"), exercise, Settings(sandbox="off"))
    assert (result.platform, result.student_id) == (platform, student_id)


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
    [other] = found.superseded
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
    assert len(found.superseded) == 2


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


def only_submission(archive: Path, exercise: Exercise) -> Submission:
    [submission] = find([archive], exercise).submissions
    return submission


def member(name: str = "ada.ipynb", **fields: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize(
    "name",
    [
        "../ada.ipynb",
        "a/../../ada.ipynb",
        "/ada.ipynb",
        "..\\ada.ipynb",
        "C:\\ada.ipynb",
        "a:b.ipynb",
        "\\\\server\\x\\ada.ipynb",
    ],
)
def test_a_path_in_a_zip_that_leads_outside_is_not_read_and_said_so(
    name: str, tmp_path: Path, exercise: Exercise
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, DATA)
    submission = only_submission(tmp_path / "x.zip", exercise)
    assert ".." not in submission.file and ":" not in submission.file
    with pytest.raises(UnreadableError, match="leads out of the archive"):
        submission.read()


@pytest.mark.parametrize(
    ("info", "data", "reason"),
    [
        (member(external_attr=0o120777 << 16), b"/etc/passwd", "symbolic link"),
        (member(compress_type=zipfile.ZIP_LZMA), DATA, "unusual way"),
        (member(), b" " * 5_000_000, "200 times its size"),
        (member(), b" " * (LARGEST_FILE + 1), "larger than 20 MB"),
    ],
    ids=["link", "lzma", "bomb", "large"],
)
def test_a_file_in_a_zip_is_refused_for_what_the_table_of_contents_says(
    info: zipfile.ZipInfo, data: bytes, reason: str, tmp_path: Path, exercise: Exercise
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, data)
    with pytest.raises(UnreadableError, match=reason):
        only_submission(tmp_path / "x.zip", exercise).read()


def patched(archive: Path, field: int, value: bytes) -> None:
    """Overwrite a field of the first entry of the table of contents."""
    data = bytearray(archive.read_bytes())
    start = data.index(b"PK\x01\x02") + field
    data[start : start + len(value)] = value
    archive.write_bytes(data)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (8, b"\x01\x00", "encrypted"),
        (24, (10).to_bytes(4, "little"), "damaged"),  # unpacks to more than it says
        (16, b"\0\0\0\0", "damaged"),  # another checksum
    ],
)
def test_a_table_of_contents_that_lies_is_found_out(
    field: int, value: bytes, reason: str, tmp_path: Path, exercise: Exercise
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(member(), DATA)
    patched(tmp_path / "x.zip", field, value)
    with pytest.raises(UnreadableError, match=reason):
        only_submission(tmp_path / "x.zip", exercise).read()


@pytest.mark.parametrize(("field", "reason"), [(20, "would not fit"), (24, "unpacks to more than")])
def test_an_archive_of_impossible_size_is_refused(field: int, reason: str, tmp_path: Path, exercise: Exercise) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(member(), DATA)
    patched(tmp_path / "x.zip", field, (0xFFFFFFFE).to_bytes(4, "little"))
    [problem] = find([tmp_path / "x.zip"], exercise).problems
    assert "x.zip" in problem and reason in problem


def test_an_archive_of_too_many_files_is_refused(
    tmp_path: Path, exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}.ipynb", b"{}")
    monkeypatch.setattr("checker.submissions.archives.MOST_MEMBERS", 99)
    assert "more than 99 files" in find([tmp_path / "x.zip"], exercise).problems[0]
    monkeypatch.setattr("checker.submissions.archives.LARGEST_CONTENTS", 1_000)
    assert "damaged" in find([tmp_path / "x.zip"], exercise).problems[0]


def test_zip64_is_read(tmp_path: Path, exercise: Exercise) -> None:
    with (
        zipfile.ZipFile(tmp_path / "x.zip", "w") as archive,
        archive.open(member(), "w", force_zip64=True) as file,
    ):
        file.write(DATA)
    assert only_submission(tmp_path / "x.zip", exercise).read() == DATA


def test_two_files_of_one_name_in_a_zip_count_as_unreadable(tmp_path: Path, exercise: Exercise) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("ada.ipynb", DATA)
        archive.writestr("ada.ipynb", notebook("x = 1"))
    with pytest.raises(UnreadableError, match="two files of this name"):
        only_submission(tmp_path / "x.zip", exercise).read()


def test_a_damaged_zip_within_a_classes_zip_is_one_students_result(tmp_path: Path, exercise: Exercise) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("class/ada/hw.ipynb", DATA)
        archive.writestr("class/eve/hw.zip", b"PK\x03\x04 broken")
    found = find([tmp_path / "x.zip"], exercise)
    assert students(found) == ["ada", "eve"] and not found.problems
    with pytest.raises(UnreadableError, match=r"not a \.zip archive"):
        found.submissions[1].read()


def test_zips_within_zips_within_zips_are_not_opened(tmp_path: Path, exercise: Exercise) -> None:
    data = DATA
    for name in ("ada.ipynb", "a.zip", "b.zip"):
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr(name, data)
        data = (tmp_path / "x.zip").read_bytes()
    with pytest.raises(UnreadableError, match="archives within archives"):
        only_submission(tmp_path / "x.zip", exercise).read()


def test_names_that_differ_in_case_or_in_unicode_form_stay_apart(tmp_path: Path, exercise: Exercise) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for folder in ("jos\u00e9", "jose\u0301", "JOS\u00c9", "\uff4aose\u0301"):
            archive.writestr(f"{folder}/{NAME}.ipynb", DATA)
    ids = [submission.id for submission in find([tmp_path / "x.zip"], exercise).submissions]
    assert sorted(ids) == ["jose", "jose-2", "jose-3", "jose-4"]


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


def linked(folder: Path, mode: int = 0o755) -> Path:
    """A notebook that has a second name in another folder."""
    (folder / "elsewhere.ipynb").write_bytes(DATA)
    (folder / "class").mkdir()
    path = folder / "class/ada.ipynb"
    path.hardlink_to(folder / "elsewhere.ipynb")
    path.parent.chmod(mode)
    return path


@pytest.mark.skipif(os.name != "posix", reason="owners and modes as here are POSIX")
def test_a_hard_link_that_a_backup_made_is_read(tmp_path: Path) -> None:
    assert read_file(linked(tmp_path)) == DATA


@pytest.mark.skipif(os.name != "posix", reason="owners and modes as here are POSIX")
def test_a_hard_link_in_a_folder_that_anybody_may_write_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="hard link"):
        read_file(linked(tmp_path, 0o1777))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_hard_link_to_somebody_elses_file_is_refused(tmp_path: Path) -> None:
    path = linked(tmp_path)
    os.chown(path.parent, 65534, -1)
    with pytest.raises(UnreadableError, match="hard link"):
        read_file(path)
    os.chown(path, 65534, -1)
    assert read_file(path) == DATA


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device to read from for ever")
def test_a_device_is_not_read() -> None:
    with pytest.raises(UnreadableError, match="pipe or a device"):
        read_file(Path("/dev/zero"))


@contextlib.contextmanager
def closed(*paths: Path) -> Iterator[None]:
    """Files and folders that this process may not open: root may open everything, so it is another user meanwhile."""
    for path in paths:
        path.chmod(0)
        for parent in path.parents:
            if "pytest" in str(parent):
                parent.chmod(0o755)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        for path in paths:
            path.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="modes as here are POSIX")
def test_a_file_without_read_permission_is_no_fault_of_its_student(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "class/ada.ipynb", "class/bob.py")
    with closed(tmp_path / "class/ada.ipynb", tmp_path / "class/bob.py"):
        submissions = find([tmp_path / "class"], exercise).submissions
        assert [submission.student for submission in submissions] == ["ada", "bob"]
        for submission in submissions:
            with pytest.raises(CannotOpenError, match="Permission denied"):
                submission.read()


@pytest.mark.skipif(os.name != "posix", reason="modes as here are POSIX")
def test_a_folder_that_may_not_be_opened_is_a_problem_and_the_rest_is_found(tmp_path: Path, exercise: Exercise) -> None:
    write(tmp_path, "class/ada/a.ipynb", "class/bob/b.ipynb", "hidden/eve/a.ipynb")
    with closed(tmp_path / "class/bob", tmp_path / "hidden"):
        found = find([tmp_path / name for name in ("class", "hidden", "hidden/eve/a.ipynb")], exercise)
    assert students(found) == ["ada"] and not found.complete
    assert found.problems == (
        f"{tmp_path}/class/bob: the folder could not be opened: Permission denied",
        f"{tmp_path}/hidden: the folder could not be opened: Permission denied",
        f"{tmp_path}/hidden/eve/a.ipynb: it could not be opened: Permission denied",
    )
