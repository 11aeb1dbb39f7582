"""What `check()` shows: HTML where a notebook can show it, text elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from checker.exercise import Exercise
from checker.judge import Judgement

MARKS = {"passed": "ok", "failed": "no", "skipped": "--"}


@dataclass(frozen=True, repr=False)
class Shown:
    """A judgement that shows itself. `judgement` has the details."""

    exercise: Exercise
    judgement: Judgement

    def __repr__(self) -> str:
        judgement = self.judgement
        lines = [judgement.verdict, "", judgement.summary, ""]
        for check in judgement.checks:
            lines.append(f"  {MARKS[check.status]}  {check.sentence}")
        lines += ["", *(f"Note: {remark.message}" for remark in judgement.remarks)] if judgement.remarks else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        judgement = self.judgement
        rows = "".join(
            f"<tr><td style='text-align:left;padding-right:1em'>{check.status}</td>"
            f"<td style='text-align:left'>{escape(check.sentence)}</td></tr>"
            for check in judgement.checks
        )
        notes = "".join(f"<p>Note: {escape(remark.message)}</p>" for remark in judgement.remarks)
        return (
            f"<div><p><b>{escape(judgement.verdict)}</b></p><p>{escape(judgement.summary)}</p>"
            f"<table>{rows}</table>{notes}</div>"
        )
