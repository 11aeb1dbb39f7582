"""Many submissions: one is graded in `grading`, by many `workers` or a `cluster`, into a `folder` with a `journal`."""
