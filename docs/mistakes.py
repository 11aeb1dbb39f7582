"""Writes the tables of mistakes.md: run `python docs/mistakes.py` when a mistake was added or its title changed."""

from __future__ import annotations

import re
from pathlib import Path

from checker.exercises import load
from checker.exercises.model import Exercise

PAGE = Path(__file__).with_suffix(".md")

# Remarks on what is no mistake in the exercise's terms, or one only where it changes the answer.
FURTHER_REMARKS = {
    "later-cell-failed": "a cell that is not needed for the answer raised an exception or took too long",
    "inputs-changed": "the function changed its arguments in place",
}


def with_tables(text: str, exercise: Exercise) -> str:
    """The page with the tables as they should be, each between its two comments."""
    steps = {step.id: step.title for step in exercise.steps}
    mistakes = [mistake for mistake in exercise.mistakes.values() if not mistake.remark]
    # Those of a step come first, in the exercise's own order.
    mistakes.sort(key=lambda mistake: mistake.step is None)
    remarks = {mistake.id: mistake.title for mistake in exercise.mistakes.values() if mistake.remark} | FURTHER_REMARKS
    tables = {
        "mistakes": [
            "| id | step | what is wrong |",
            "|---|---|---|",
            *(f"| `{mistake.id}` | {steps.get(mistake.step or '', '')} | {mistake.title} |" for mistake in mistakes),
        ],
        "remarks": [
            "| id | what is remarked on |",
            "|---|---|",
            *(f"| `{id}` | {title} |" for id, title in remarks.items()),
        ],
    }
    for name, lines in tables.items():
        pattern = rf"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)"
        text = re.sub(pattern, lambda _, table=lines: "\n".join(["", *table, "", ""]), text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), load()), encoding="utf-8", newline="\n")
