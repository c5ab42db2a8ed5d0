"""What others published, and whether it agrees with what was measured here."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sim import published
from sim.published.entries import Published, Row
from sim.runs.results import axes_of
from sim.runs.statistics import student_t, summary
from sim.training.families import CONTROLS

RULE = (
    "Agrees: its 95 % interval, or the range that was published, and ours overlap, at all points "
    "that it is of. Where there is none it is that of n networks with the spread between ours, or "
    "where n was not published, the value alone. A bound (>): all of our interval lies beyond; a "
    "dash where some of it does. Chance: ours overlaps with the control's. No effect: all of our "
    "intervals have a value in common. A dash: no interval, or no such point, of ours."
)
ELSEWHERE = "Of another data set: not compared."
COLUMNS = ("at", "here", "published", "n", "verdict", "source")


class Compared(NamedTuple):
    """A published value, our rows at its place (none if it is none of ours), and the verdict."""

    published: Published
    ours: pd.DataFrame
    agrees: bool | None

    @property
    def verdict(self) -> str:
        """Say whether they agree; a dash where nothing can be compared."""
        return {True: "agrees", False: "differs", None: "–"}[self.agrees]

    @property
    def measured(self) -> str:
        """Write what was measured there: mean and half-width, or from which mean to which."""
        if not len(self.ours):
            return "–"
        low, high = self.ours["mean"].min(), self.ours["mean"].max()
        if len(self.ours) > 1:
            return f"{low:.3f} to {high:.3f}".replace("0.", ".")
        half = self.ours["half_width"].item()
        return (f"{low:.3f}" + (f" ± {half:.3f}" if half >= 0 else "")).replace("0.", ".")

    @property
    def row(self) -> tuple[str, ...]:
        """Write all of it, COLUMNS of a table."""
        p = self.published
        at = ", ".join(f"{axis} {value}" for axis, value in p.at.items()).replace("_", " ")
        if at and p.model not in ("student_aux", "student"):  # of whom most speak
            at += f", {p.model}".replace("_", " ")
        everywhere = "everywhere" if len(self.ours) > 1 else p.model
        n = "" if p.n is None else f"{p.n:,}"
        differs = f" ({p.differs})" if p.differs else ""
        return at or everywhere, self.measured, p.words, n, self.verdict, p.source + differs


def means(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out test accuracy after training: a row for each point and model.

    Columns: the axes, model, mean, half_width, low and high (ends of the 95 % interval), sd, n,
    diverged (number of seeds).
    """
    of = summary(ds.test_accuracy)
    low, high = of.interval
    found = of._asdict() | {"low": low, "high": high, "diverged": ds.diverged.sum("seed")}
    names = ["mean", "half_width", "low", "high", "sd", "n", "diverged"]
    kept = {name: found[name].drop_attrs().reset_coords(drop=True) for name in names}
    table = xr.Dataset(kept).to_dataframe([*axes_of(ds), "model"])
    return table.reset_index()[[*axes_of(ds), "model", *names]]


def compare(ours: pd.DataFrame, published: Sequence[Published], dataset: str) -> Iterator[Compared]:
    """Hold published values against our rows."""
    for one in published:
        here = pd.Series(data=True, index=ours.index)
        for axis, value in one.at.items():
            here &= ours[axis] == value if axis in ours else False
        mine, control = (
            ours[here & (ours.model == m)] for m in (one.model, CONTROLS.get(one.model))
        )
        needed = (mine, control) if one.how == "chance" else (mine,)
        held = one.dataset == dataset
        held &= all(len(rows) and rows.half_width.notna().all() for rows in needed)
        yield Compared(one, mine, agrees(one, mine, control) if held else None)


def agrees(one: Published, ours: pd.DataFrame, control: pd.DataFrame | None = None) -> bool | None:
    """Tell whether a published value agrees with ours, all of them where they are several.

    None where our interval reaches both sides of a bound.
    """
    if one.how == "no effect":
        return bool(ours.low.max() <= ours.high.min())
    if one.how == "chance":
        low, high = control.low.values, control.high.values
        return bool(((ours.low.values <= high) & (low <= ours.high.values)).all())
    if one.how == ">":
        beyond, short = (ours.low > one.value).all(), (ours.high <= one.value).any()
        return True if beyond else False if short else None
    low, high = one.span
    alone = low == high and one.n is not None
    reach = student_t(ours.n) * ours.sd / np.sqrt(one.n) if alone else 0.0
    return bool(((ours.low <= high + reach) & (low - reach <= ours.high)).all())


def catalogue() -> Iterator[Table]:
    """Lay out all rows, a table for each publication: settings, what came out, what is unknown."""
    for publication in published.publications():
        of = {n: r for n, r in published.rows().items() if published.publication(n) == publication}
        table = Table(
            title=f"{published.source(publication).name}   (sublim cite {publication})",
            title_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            pad_edge=False,
            show_edge=False,
        )
        table.add_column("preset", no_wrap=True)  # to be copied
        for column in ("what is not the paper's", "published", "here"):
            table.add_column(column, overflow="fold")
        for name, row in of.items():
            changes = ", ".join(row.changes) or "nothing"
            if row.command != "figure10":
                changes += f"; sublim {row.command}"
            if row.unknown:
                changes += f" [dim](unknown: {row.unknown})[/]"
            here = ""
            if ours := published.ours().get(name):
                here = (
                    f"{_short(ours.mean)} ± {_short(ours.half_width)}, n = {ours.n}: {ours.verdict}"
                )
            table.add_row(escape(name), changes, "\n".join(said(row)) or "–", here)
        yield table


def listed() -> Iterator[dict[str, Any]]:
    """Lay out all rows as plain values: settings, what was published, what was measured here."""
    for name, row in published.rows().items():
        ours = published.ours().get(name)
        yield {
            "preset": name,
            "source": published.source(name).name,
            "cite": published.publication(name),
            "command": row.command,
            "dataset": row.dataset,
            "changes": {change: dict(of) for change, of in row.changes.items()},
            "published": [v._asdict() for v in row.values],
            "said": row.said,
            "unknown": row.unknown,
            "beyond": row.beyond,
            "here": ours._asdict() if ours else None,
        }


def _short(x: float) -> str:
    return f"{x:.3f}".replace("0.", ".")


def said(row: Row) -> Iterator[str]:
    """Write what was published of a row: values with interval and n, or words."""
    for v in row.values:
        shown = Published({}, v.value, "", v.half_width, v.n, "", v.how, v.to).words
        n = f", n = {v.n}" if v.n else ""
        yield shown + n + ("" if v.model == "student_aux" else f" ({v.model})")
    if row.said:
        yield row.said
    if row.beyond:
        yield f"not here: {row.beyond}"
