"""What all pages have in common: templates that escape, and a policy that lets nothing in but what we wrote."""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, *, style: str, script: str = "", **content: Any) -> str:
    """A page from a template. Whatever `content` holds is shown as text; `style` and `script` are ours.

    >>> render("feedback.html.j2", style="", title="<b>")  # doctest: +ELLIPSIS
    """
    return environment().get_template(template).render(
        policy=policy(style, script), style=Markup(style), script=Markup(script), **content
    )


def policy(style: str, script: str = "") -> str:
    """The Content-Security-Policy of a page: this style, this script, pictures within the page, nothing else.

    >>> policy("p {}")
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src 'sha256-...='"
    """
    parts = ["default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"]
    parts.append(f"style-src '{_hash(style)}'")
    parts += [f"script-src '{_hash(script)}'"] if script else []
    return "; ".join(parts)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@functools.cache
def asset(name: str) -> str:
    """A file beside the templates: a style or a script."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


@functools.cache
def environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    return found


@functools.cache
def form() -> str:
    """A digest of templates, styles and scripts: pages that were written with others are written again."""
    digest = hashlib.sha256()
    for path in sorted(TEMPLATES.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()
