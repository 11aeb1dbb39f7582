"""What `check()` shows: HTML where a notebook can show it, text elsewhere.

The HTML keeps to what Jupyter, Colab and VS Code let through and show alike: styles are inline, there is no script,
colours of text are the page's own, and what lies behind it is half transparent, for light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from checker.exercises.model import Exercise
from checker.reports import blocks
from checker.reports.feedback import Paragraph, feedback
from checker.reports.heat import Panel, ink, is_right, panels
from checker.result import Comparison, Finding, Judgement

MARKS = {"passed": "ok", "failed": "no", "skipped": "--"}
SIGNS = {"passed": "✓", "failed": "✗", "skipped": "·"}

# What one click shows beyond a level. The solution is a click away only for those who asked for an explanation.
NEXT = {"hint": ("explain", "Tell me more"), "explain": ("solution", "What would be right?")}

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
        paragraphs = [judgement.verdict, judgement.summary]
        said = feedback(judgement, self.exercise, self.level)
        paragraphs += [paragraph.text for paragraph in said]
        if said and self.level == "hint":
            paragraphs.append('For more: check(level="explain")')
        for comparison in self._comparisons:
            maps = "" if is_right(comparison) else blocks.text(comparison)
            paragraphs.append(f"{comparison.sentence}\n{maps}".rstrip())
        paragraphs.append("\n".join(f"  {MARKS[check.status]}  {check.sentence}" for check in judgement.checks))
        paragraphs += [f"Note: {remark.message}" for remark in judgement.remarks]
        return "\n\n".join(paragraphs)

    def _repr_html_(self) -> str:
        judgement = self.judgement
        parts = [
            _headline(judgement),
            *_told(judgement, self.exercise, self.level),
            *map(_comparison, self._comparisons),
            _checks(judgement),
            *(f"<p>Note: {escape(remark.message)}</p>" for remark in judgement.remarks),
        ]
        return f"<div style='line-height:1.5;max-width:62em'>{''.join(parts)}</div>"

    @property
    def _comparisons(self) -> tuple[Comparison, ...]:
        return () if self.level == "verdict" else self.judgement.comparisons


def _headline(judgement: Judgement) -> str:
    colour = VERDICT_COLOURS.get(judgement.verdict, OTHER_VERDICTS)
    return (
        f"<p style='border-left:.35em solid {colour};background:{PALE};margin:0 0 .8em;padding:.5em .8em'>"
        f"<b>{escape(judgement.verdict)}</b><br>{escape(judgement.summary)}</p>"
    )


def _told(judgement: Judgement, exercise: Exercise, level: str) -> Iterator[str]:
    """The feedback of a level, and folded away what the next level adds to it."""
    said = feedback(judgement, exercise, level)
    yield from map(_paragraph, said)
    if said and level in NEXT:
        next_level, summary = NEXT[level]
        more = [paragraph for paragraph in feedback(judgement, exercise, next_level) if paragraph not in said]
        if more:
            yield (
                "<details style='margin:.6em 0;padding-left:.8em;border-left:2px solid rgba(128,128,128,.5)'>"
                f"<summary style='cursor:pointer'><b>{summary}</b></summary>{''.join(map(_paragraph, more))}</details>"
            )


def _paragraph(paragraph: Paragraph) -> str:
    if paragraph.kind == "code" and paragraph.finding is not None:
        return _code(paragraph.finding)
    text = escape(paragraph.text)
    return f"<p style='margin:.6em 0'>{f'<b>{text}</b>' if paragraph.kind == 'hint' else text}</p>"


def _code(finding: Finding) -> str:
    """The line that a finding points at, with the wrong expression underlined."""
    start, end = finding.columns or (0, len(finding.source))
    end = max(end, start + 1)
    before, wrong, after = finding.source[:start], finding.source[start:end], finding.source[end:]
    return (
        f"<p style='margin:.6em 0 .2em'>Code cell {finding.code_cell}, line {finding.line}:</p>"
        f"<pre style='background:{PALE};margin:0;padding:.5em .8em;overflow-x:auto'>{escape(before.lstrip())}"
        f"<u style='text-decoration:underline 2px;text-underline-offset:.25em;background:{MARKED}'>{escape(wrong)}</u>"
        f"{escape(after)}</pre>"
    )


def _comparison(comparison: Comparison) -> str:
    """The three maps side by side, or below one another where there is little room; what they show in a sentence."""
    sentence = f"<p style='margin:.9em 0 .3em'>{escape(comparison.sentence)}</p>"
    if is_right(comparison):
        return sentence
    axes = f"<p style='margin:0;font-size:.85em;opacity:.75'>{escape(comparison.rows)} down, "
    axes += f"{escape(comparison.columns)} across</p>"
    digits = 2 if comparison.kind == "weights" else 1
    maps = "".join(_map(panel, digits) for panel in panels(comparison))
    row = "display:flex;flex-wrap:wrap;align-items:flex-start;gap:.4em 1.6em"
    return f"{sentence}{axes}<div style='{row}'>{maps}</div>"


def _map(panel: Panel, digits: int) -> str:
    """A table whose cells are coloured and hold their values."""
    cell = "padding:.15em .3em;min-width:2.9em;text-align:right;border:0;font-variant-numeric:tabular-nums"
    head = "padding:.15em .5em;text-align:right;border:0;font-weight:normal;opacity:.75;background:none"
    count = len(panel.values[0]) if panel.values else 0
    numbers = "".join(f"<th scope='col' style='{head}'>{i}</th>" for i in range(1, count + 1))
    lines = []
    for i, row in enumerate(panel.values, 1):
        cells = []
        for value in row:
            colour = panel.colour(value)
            style = f"{cell};background:rgb{colour};color:rgb{ink(colour)}".replace(", ", ",")
            cells.append(f"<td style='{style}'>{_number(value, digits)}</td>")
        lines.append(f"<tr style='background:none'><th scope='row' style='{head}'>{i}</th>{''.join(cells)}</tr>")
    return (
        "<table style='border-collapse:collapse;margin:0;font-size:.85em;width:auto'>"
        f"<caption style='caption-side:top;text-align:left;color:inherit;padding:.2em 0'><b>{panel.title}</b>"
        "</caption>"
        f"<tr style='background:none'><td style='border:0'></td>{numbers}</tr>{''.join(lines)}</table>"
    )


def _number(value: float | None, digits: int) -> str:
    """A number as a cell holds it.

    >>> _number(0.494, 2), _number(-0.001, 2), _number(123456.0, 1), _number(None, 2)
    ('0.49', '0.00', '1e+05', 'nan')
    """
    if value is None:
        return "nan"
    if abs(value) >= 10_000:
        return f"{value:.0e}"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def _checks(judgement: Judgement) -> str:
    cell = "text-align:left;border:0;padding:.1em .8em .1em 0;background:none"
    rows = "".join(
        f"<tr style='background:none'><td style='{cell};white-space:nowrap'>{SIGNS[check.status]} {check.status}</td>"
        f"<td style='{cell}'>{escape(check.sentence)}</td></tr>"
        for check in judgement.checks
    )
    return f"<table style='border-collapse:collapse;margin:1em 0 .4em;font-size:inherit'>{rows}</table>"
