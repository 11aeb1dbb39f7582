"""What all pages have in common: templates that escape, and a policy that lets nothing in but what we wrote."""

import base64
import functools
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, *, style: str, script: str = "", **content: Any) -> str:
    """A whole page from a template. Whatever `content` holds is shown as text; `style` and `script` are ours."""
    content |= {"policy": policy(style, script), "style": Markup(style), "script": Markup(script)}
    return _environment().get_template(template).render(content)


@functools.cache
def policy(style: str, script: str = "") -> str:
    """The Content-Security-Policy of a page: this style, this script, pictures within the page, nothing else.

    >>> policy("p {}")[:81]
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src"
    """
    parts = ["default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"]
    for directive, text in {"style-src": style, "script-src": script}.items():
        if text:
            parts.append(f"{directive} 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")
    return "; ".join(parts)


@functools.cache
def asset(name: str) -> str:
    """A file beside the templates: a style or a script."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@functools.cache
def digest() -> str:
    """A digest of templates, styles and scripts: pages that were written with others are written again."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(TEMPLATES.iterdir()))).hexdigest()
