"""What `check()` shows: HTML where a notebook can show it, text elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from checker.exercise import Exercise
from checker.feedback import feedback
from checker.judge import Judgement

MARKS = {"passed": "ok", "failed": "no", "skipped": "--"}


@dataclass(frozen=True, repr=False)
class Shown:
    """A judgement that shows itself, at a feedback level. `judgement` has the details."""

    exercise: Exercise
    judgement: Judgement
    level: str

    def __repr__(self) -> str:
        judgement = self.judgement
        paragraphs = [judgement.verdict, judgement.summary]
        paragraphs += [paragraph.text for paragraph in feedback(judgement, self.exercise, self.level)]
        paragraphs.append("\n".join(f"  {MARKS[check.status]}  {check.sentence}" for check in judgement.checks))
        paragraphs += [f"Note: {remark.message}" for remark in judgement.remarks]
        return "\n\n".join(paragraphs)

    def _repr_html_(self) -> str:
        judgement = self.judgement
        parts = [f"<p><b>{escape(judgement.verdict)}</b></p><p>{escape(judgement.summary)}</p>"]
        for paragraph in feedback(judgement, self.exercise, self.level):
            tag = "pre" if paragraph.kind == "code" else "p"
            parts.append(f"<{tag}>{escape(paragraph.text)}</{tag}>")
        rows = "".join(
            f"<tr><td style='text-align:left;padding-right:1em'>{check.status}</td>"
            f"<td style='text-align:left'>{escape(check.sentence)}</td></tr>"
            for check in judgement.checks
        )
        parts.append(f"<table>{rows}</table>")
        parts += [f"<p>Note: {escape(remark.message)}</p>" for remark in judgement.remarks]
        return f"<div>{''.join(parts)}</div>"
