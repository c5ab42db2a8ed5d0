"""Tables of finished runs: which there are, and how two of them differ."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import xarray as xr
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sim.report.names import counted
from sim.report.tables import cell, lean
from sim.runs.statistics import Summary

COLUMNS = ("seeds", "axes", "not as usual", "made", "took")
WORDS = ("axes", "not as usual")  # which may be broken into lines


class Listed(NamedTuple):
    """Runs as a table, or line by line where a terminal is too narrow for one."""

    title: str
    rows: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay them out; columns in which nothing stands are left out."""
        kept = [i for i, _ in enumerate(COLUMNS, 1) if any(row[i] for row in self.rows)]
        shown = lean(self.title, "")
        shown.add_column("run", no_wrap=True)  # to be copied
        for i in kept:
            words, way = COLUMNS[i - 1] in WORDS, "right" if i == 1 else "left"
            least = min(24, max(len(row[i]) for row in self.rows)) if words else None
            shown.add_column(COLUMNS[i - 1], justify=way, no_wrap=not words, min_width=least)
        for row in self.rows:
            shown.add_row(*(escape(row[i]) for i in (0, *kept)))
        if Measurement.get(console, options.update_width(1000), shown).minimum <= options.max_width:
            yield shown
            return
        yield Text.from_markup(self.title, style="italic")
        for row in self.rows:
            said = (f"{COLUMNS[i - 1]}: {row[i]}" for i in kept if row[i])
            yield Text(row[0], no_wrap=True, overflow="ignore")
            yield Padding(Text("; ".join(said)), (0, 0, 0, 4))


def listed(rows: Sequence[Sequence[str]], folder: str) -> Listed | str:
    """Lay out runs: folder, seeds, axes, what is not as usual, when, how long.

    Where there are none, a line says so.
    """
    if not rows:
        return f"No finished runs in {escape(folder)}"
    return Listed(
        f"{counted(len(rows), 'finished run')} in {escape(folder)}, the latest first", rows
    )


def unlike(found: Mapping[str, tuple[Any, Any]], names: Sequence[str]) -> Table:
    """Lay out what two runs do not have in common."""
    shown = lean("What is not the same", "")
    for column in ("", *names):
        shown.add_column(escape(column), overflow="fold")
    for name, values in found.items():
        shown.add_row(name.replace("_", " "), *(escape(word(value)) for value in values))
    return shown


def apart(
    found: Iterable[
        tuple[Mapping[str, Any], str, str, Summary, Summary, Summary, tuple[xr.DataArray, ...]]
    ],
    names: Sequence[str],
    seeds: int,
) -> Table:
    """Lay out the same measures in two runs, and their difference by pairs of seeds."""
    found = [*found]
    axes = [*found[0][0]]
    diverged = any(either.any() for *_, (_, _, either) in found)
    mark = "; ×k: k seeds diverged (kept)" if diverged else ""
    shown = lean(
        f"What both measured, n = {counted(seeds, 'seed')} that both have{mark}",
        "Mean ± half of the 95 % t-interval; the difference is the second less the first, by seed.",
    )
    for column in (*axes, "measure", "model"):
        shown.add_column(escape(column.replace("_", " ")), overflow="fold")
    for column in (*names, "difference"):
        shown.add_column(escape(column), justify="right", overflow="fold")
    for at, model, measure, *of, lost in found:
        place = (word(value) for value in at.values())
        cells = map(cell, of, lost)
        shown.add_row(*map(escape, (*place, measure.replace("_", " "), model, *cells)))
    return shown


def found(
    of: Iterable[tuple[str, str, tuple[str, str], tuple[str, str]]], names: Sequence[str]
) -> Table | str:
    """Lay out what two runs found of each statement of the theorem, where that is not the same."""
    rows = [*of]
    other = [row for row in rows if row[2] != row[3]]
    alone = sum(not (a[1] and b[1]) for _, _, a, b in rows)
    verdicts = sum(a[1] != b[1] for _, _, a, b in rows) - alone
    said = f"{counted(len(rows), 'statement')}: {verdicts} of other verdicts, "
    said += f"{len(other) - alone} of other numbers as they are shown, {alone} of one run alone"
    if not other:
        return f"{said}; bits differ below what is shown"
    shown = lean(said, "")
    for column in (
        "statement",
        "eq.",
        *(f"{name}: {of}" for of in ("found", "verdict") for name in names),
    ):
        shown.add_column(escape(column), overflow="fold")
    for statement, equation, a, b in other:
        shown.add_row(*map(escape, (statement, equation, a[0], b[0], a[1], b[1])))
    return shown


def put_together(of: Mapping[str, str]) -> str:
    """Say of which run a part is of one that was combined: its folder, seeds, and command."""
    where = [of["run"]] if of.get("run") else []
    about = ", ".join([*where, f"seeds {of['seeds']}"])
    made = f", made {of['created'][:16].replace('T', ' ')}" if of.get("created") else ""
    return about + made + (f": {of['command']}" if of.get("command") else "")


def word(value: Any) -> str:
    """Write a value, or that there is none."""
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(word, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
