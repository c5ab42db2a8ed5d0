"""An extension of griffe: what docstrings set apart, the site does too, as Markdown does it.

Of a figure's function, what it takes is shown as those who call it see it.
"""

import inspect
import re
from typing import Any

import griffe

from sim.report.sheet import drawn

SESSION = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.DOTALL | re.MULTILINE)
FIELD = re.compile(r"^(?=\w[\w, ]*: \S)", re.MULTILINE)
FIELDS = re.compile(r"(?:^\w[\w, ]*: \S.*\n(?:  .*\n)*){2,}(?=\n|\Z)", re.MULTILINE)
#: What every figure can be asked for.
ASKED = inspect.signature(drawn(lambda sheet: None)).parameters.values()


class Apart(griffe.Extension):
    """Fence sessions, and make lists of fields."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change one docstring, once; and the parameters of a figure."""
        if obj.docstring and "```" not in obj.docstring.value:
            text = SESSION.sub(r"```pycon\n\g<0>\n```", obj.docstring.value + "\n")
            text = FIELDS.sub(lambda fields: FIELD.sub("- ", fields[0]), text)
            obj.docstring.value = text.rstrip("\n")
        if obj.is_function and "drawn" in {str(one.value) for one in obj.decorators}:
            del obj.parameters["sheet"]
            for one in ASKED:
                kind = griffe.ParameterKind.keyword_only
                obj.parameters.add(griffe.Parameter(one.name, kind=kind, default=repr(one.default)))
            obj.returns = "Figure"
