"""An extension of griffe: what docstrings set apart, the site does too, as Markdown does it."""

import re
from typing import Any

import griffe

SESSION = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.DOTALL | re.MULTILINE)
FIELD = re.compile(r"^(?=\w[\w, ]*: \S)", re.MULTILINE)
FIELDS = re.compile(r"(?:^\w[\w, ]*: \S.*\n(?:  .*\n)*){2,}(?=\n|\Z)", re.MULTILINE)


class Apart(griffe.Extension):
    """Fence sessions, and make lists of fields."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change one docstring, once."""
        if obj.docstring and "```" not in obj.docstring.value:
            text = SESSION.sub(r"```pycon\n\g<0>\n```", obj.docstring.value + "\n")
            text = FIELDS.sub(lambda fields: FIELD.sub("- ", fields[0]), text)
            obj.docstring.value = text.rstrip("\n")
