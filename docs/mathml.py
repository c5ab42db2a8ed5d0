"""A hook of mkdocs: mathematics becomes MathML when the site is built; no script draws it."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

MATHS = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(text: str, **_: Any) -> str:
    """Put MathML in the place of TeX."""
    return MATHS.sub(_drawn, text)


def _drawn(found: re.Match[str]) -> str:
    tag, tex = found.groups()
    display = "block" if tag == "div" else "inline"
    return f'<{tag} class="maths">{convert(html.unescape(tex), display=display)}</{tag}>'
