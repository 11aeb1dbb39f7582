"""Many submissions: one is graded in `grading`, by many `workers` or a `cluster`, into a `folder` with a `journal`."""

from checker.batch.folder import grade, grade_into
from checker.batch.grading import grade_notebook, grade_one, versions
from checker.batch.settings import Settings
from checker.batch.workers import grade_all

__all__ = ["Settings", "grade", "grade_all", "grade_into", "grade_notebook", "grade_one", "versions"]
