"""Tables of a terminal as tables of a page: the same cells, with caption, heads and scopes."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from rich.padding import Padding
from rich.table import Table as Printed
from rich.text import Text


class Table(NamedTuple):
    """Text only: what a page escapes. ends: rows that end a part. right: columns of numbers."""

    title: str
    note: str
    head: list[str]
    rows: list[list[str]]
    right: list[bool]
    ends: list[bool]


def table(of: Printed) -> Table:
    """Take the words of a table that a terminal prints."""
    rows = [[*map(plain, row)] for row in zip(*(c.cells for c in of.columns), strict=True)]
    return Table(
        plain(of.title),
        plain(of.caption),
        [plain(column.header) for column in of.columns],
        rows,
        [column.justify == "right" for column in of.columns],
        [row.end_section for row in of.rows],
    )


def parts(printed: Iterable[Any]) -> tuple[list[Table], list[str]]:
    """Part what a terminal prints of a run: its tables, and its paragraphs."""
    found, said = [], []
    for one in printed:
        if isinstance(one, Printed):
            found.append(table(one))
        else:
            text = plain(one.renderable if isinstance(one, Padding) else one)
            said += [line for line in text.splitlines() if line.strip()]
    return found, said


def plain(text: Any) -> str:
    """Take the words of what may be markup."""
    if text is None:
        return ""
    return text.plain if isinstance(text, Text) else Text.from_markup(str(text)).plain
