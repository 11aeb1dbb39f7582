"""What `check()` shows: HTML where a notebook can show it, text elsewhere.

The HTML keeps to what Jupyter, Colab and VS Code let through and show alike: styles are inline, there is no script,
colours of text are the page's own, and what lies behind it is half transparent, for light and dark pages.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from checker.exercises.model import Exercise
from checker.reports import heat_maps
from checker.reports.feedback import Paragraph, feedback, split_line
from checker.result import Comparison, Finding, Judgement

MARKS = {"passed": "ok", "failed": "no", "skipped": "--"}
SIGNS = {"passed": "✓", "failed": "✗", "skipped": "·"}

# What one click shows beyond a level. The solution is a click away only for those who asked for an explanation.
NEXT = {"hint": ("explain", "Tell me more"), "explain": ("solution", "Show the solution")}

# Half transparent: green, amber and red, each also said in words.
VERDICT_COLOURS = {"correct": "rgba(0,150,80,.8)", "partial": "rgba(220,150,0,.8)"}
OTHER_VERDICTS = "rgba(210,60,50,.8)"
PALE, MARKED = "rgba(128,128,128,.14)", "rgba(255,170,0,.3)"


@dataclass(frozen=True, repr=False)
class CheckDisplay:
    """A judgement that shows itself, at a feedback level. `judgement` has the details."""

    exercise: Exercise
    judgement: Judgement
    level: str

    def __repr__(self) -> str:
        judgement = self.judgement
        told = feedback(judgement, self.exercise, self.level)
        paragraphs = [judgement.verdict, judgement.summary, *(paragraph.text for paragraph in told)]
        if told and self.level == "hint":
            paragraphs.append('For more: check(level="explain")')
        for comparison in self._comparisons:
            maps = "" if heat_maps.is_right(comparison) else heat_maps.text(comparison)
            paragraphs.append(f"{comparison.sentence}\n{maps}".rstrip())
        paragraphs.append("\n".join(f"  {MARKS[check.status]}  {check.sentence}" for check in judgement.checks))
        paragraphs += [f"Note: {remark.message}" for remark in judgement.remarks]
        return "\n\n".join(paragraphs)

    def _repr_html_(self) -> str:
        judgement = self.judgement
        colour = VERDICT_COLOURS.get(judgement.verdict, OTHER_VERDICTS)
        parts = [
            f"<p style='border-left:.35em solid {colour};background:{PALE};margin:0 0 .8em;padding:.5em .8em'>"
            f"<b>{escape(judgement.verdict)}</b><br>{escape(judgement.summary)}</p>",
            *_feedback(judgement, self.exercise, self.level),
            *map(_comparison, self._comparisons),
            _checks(judgement),
            *(f"<p>Note: {escape(remark.message)}</p>" for remark in judgement.remarks),
        ]
        return f"<div style='line-height:1.5;max-width:62em'>{''.join(parts)}</div>"

    @property
    def _comparisons(self) -> tuple[Comparison, ...]:
        return () if self.level == "verdict" else self.judgement.comparisons


def _feedback(judgement: Judgement, exercise: Exercise, level: str) -> Iterator[str]:
    """The feedback of a level, and folded away what the next level adds to it."""
    paragraphs = feedback(judgement, exercise, level)
    yield from map(_paragraph, paragraphs)
    next_level, summary = NEXT.get(level, (level, ""))
    more = [paragraph for paragraph in feedback(judgement, exercise, next_level) if paragraph not in paragraphs]
    if paragraphs and more:
        yield (
            "<details style='margin:.6em 0;padding-left:.8em;border-left:2px solid rgba(128,128,128,.5)'>"
            f"<summary style='cursor:pointer'><b>{summary}</b></summary>{''.join(map(_paragraph, more))}</details>"
        )


def _paragraph(paragraph: Paragraph) -> str:
    if paragraph.finding is not None:
        return _code(paragraph.finding)
    text = escape(paragraph.text)
    return f"<p style='margin:.6em 0'>{f'<b>{text}</b>' if paragraph.kind == 'hint' else text}</p>"


def _code(finding: Finding) -> str:
    """The line that a finding points at, with the wrong expression underlined."""
    before, wrong, after = map(escape, split_line(finding))
    return (
        f"<p style='margin:.6em 0 .2em'>Code cell {finding.code_cell}, line {finding.line}:</p>"
        f"<pre style='background:{PALE};margin:0;padding:.5em .8em;overflow-x:auto'>{before.lstrip()}"
        f"<u style='text-decoration:underline 2px;text-underline-offset:.25em;background:{MARKED}'>{wrong}</u>"
        f"{after}</pre>"
    )


def _comparison(comparison: Comparison) -> str:
    maps = "" if heat_maps.is_right(comparison) else heat_maps.html(comparison, inline=True)
    return f"<p style='margin:.9em 0 .3em'>{escape(comparison.sentence)}</p>{maps}"


def _checks(judgement: Judgement) -> str:
    cell = "text-align:left;border:0;padding:.1em .8em .1em 0;background:none"
    rows = "".join(
        f"<tr style='background:none'><td style='{cell};white-space:nowrap'>{SIGNS[check.status]} {check.status}</td>"
        f"<td style='{cell}'>{escape(check.sentence)}</td></tr>"
        for check in judgement.checks
    )
    return f"<table style='border-collapse:collapse;margin:1em 0 .4em;font-size:inherit'>{rows}</table>"
