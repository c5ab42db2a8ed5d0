"""A full factorial: how much of the variance is whose, and accuracy at each level."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.patches import Patch
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from sim.report import names
from sim.report.names import counted
from sim.report.sheet import Sheet, drawn
from sim.report.style import SERIES
from sim.report.tables import Lines, laid_out, number
from sim.runs.decompose import REST, SEEDS, decompose
from sim.runs.results import axes_of
from sim.runs.statistics import summary
from sim.settings.grid import label

SHOWN = 12  # terms in the figure
MEANING = (
    "Share: of the variance of the students' test accuracy over all settings and seeds, by the "
    "sums of squares of a full factorial; 95 % by the jackknife over seeds. a × b: what two "
    "settings do together beyond what each does."
)


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out shares of the variance, a line a term, and means, a line for each level of an axis.

    Columns: what ("share", "level"), term (of a level, its axis), level, order, value, low, high.
    """
    of = ds.test_accuracy.sel(model="student_aux", drop=True)
    of = of.isel({axis: 0 for axis in axes_of(ds) if ds.sizes[axis] == 1}, drop=True)
    shares = decompose(of).rename(columns={"share": "value"}).assign(what="share", level="")
    levels = [
        {"what": "level", "term": axis, "level": str(level), "value": float(mean.mean)}
        | dict(zip(("low", "high"), map(float, mean.interval), strict=True))
        for axis in crossed(ds)
        for level in ds[axis].values
        for mean in [summary(of.sel({axis: level}, drop=True).mean(_but_seeds(of, axis)))]
    ]
    columns = ["what", "term", "level", "order", "value", "low", "high"]
    return pd.concat([shares, pd.DataFrame(levels)])[columns].reset_index(drop=True)


def crossed(ds: xr.Dataset) -> list[str]:
    """Name the axes that have several levels."""
    return [axis for axis in axes_of(ds) if ds.sizes[axis] > 1]


def _but_seeds(of: xr.DataArray, axis: str) -> list[str]:
    return [str(dim) for dim in of.dims if dim not in ("seed", axis)]


def shares(of: pd.DataFrame) -> Lines:
    """Write the largest terms, seeds, and what is left."""
    head = ["what", "share of the variance"]
    terms = of[of.what == "share"]
    named = terms[~terms.term.isin([SEEDS, REST])].sort_values("value", ascending=False)
    last = terms[terms.term.isin([SEEDS, REST])]

    def lines() -> Iterator[list[str]]:
        for row in pd.concat([named[named.value >= 0.005], last]).itertuples():
            yield [words(row.term), _percent(row)]

    return head, lines()


def levels(of: pd.DataFrame) -> Lines:
    """Write mean accuracy at each level of each axis."""
    head = ["setting", "level", "accuracy, over all else"]

    def lines() -> Iterator[list[str]]:
        for row in of[of.what == "level"].itertuples():
            interval = f"[{number(row.low)},{number(row.high)}]"
            yield [words(row.term), str(row.level), f"{number(row.value)} {interval}"]

    return head, lines()


def words(term: str) -> str:
    """Write a term as people say it."""
    names = {"noise_on": "range of inputs", "inputs": "inputs new", "init": "initial weights"}
    found = (names.get(axis, label(axis)) for axis in term.split(" × "))
    return " × ".join(name.split(" (")[0] for name in found)


def _percent(row: Any) -> str:
    if np.isnan(row.value):
        return "–"
    interval = "" if np.isnan(row.low) else f" [{100 * row.low:.1f},{100 * row.high:.1f}]"
    return f"{100 * row.value:.1f} %{interval}"


def finding(of: pd.DataFrame) -> str:
    """Say how much is of single settings, of two and three together, of seeds and of the rest."""
    terms = of[of.what == "share"].set_index("term")
    if terms.value.isna().all():
        return "All accuracies are the same: there is no variance to share out."
    by = {size: terms.value[terms.order == size].sum() for size in (1, 2, 3)}
    named = terms[terms.order > 0].sort_values("value", ascending=False)
    first = "; ".join(f"{words(row.Index)} {_percent(row)}" for row in named[:5].itertuples())
    return (
        f"Named settings explain {100 * sum(by.values()):.0f} % of the variance: "
        f"{100 * by[1]:.0f} % alone, {100 * by[2]:.0f} % two together, {100 * by[3]:.0f} % three. "
        f"Seeds {100 * terms.value[SEEDS]:.1f} %, all else {100 * terms.value[REST]:.1f} %.\n"
        f"Most: {first}."
    )


def factorial(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out shares and levels, and say what they come to."""
    of = rows(ds)
    about = f"{escape(ds.attrs['dataset'])}, n = {counted(ds.sizes['seed'], 'seed')}"
    for title, lines, note in (
        ("Shares of the variance", shares(of), MEANING),
        ("Levels", levels(of), "95 % t-intervals over seeds."),
    ):
        yield laid_out(f"{title}, {about}", note, lines, len(lines[0]) - 1)
    yield Padding(Text(finding(of)), (1, 0))


@drawn
def figure(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw shares of the variance as bars, and accuracy at the levels of each setting."""
    of = rows(ds)
    terms = of[(of.what == "share")]
    named = terms[~terms.term.isin([SEEDS, REST])].sort_values("value", ascending=False)[:SHOWN]
    bars = pd.concat([named, terms[terms.term.isin([SEEDS, REST])]])[::-1]
    settings = crossed(ds)[::-1]
    at, ticks = 0.0, {}
    for axis in settings:
        mine = of[(of.what == "level") & (of.term == axis)][::-1]
        ticks |= {at + k: row for k, row in enumerate(mine.itertuples())}
        at += len(mine) + 0.6
    levels_ = (f"{words(row.term)}: {names.value(row.level)}" for row in ticks.values())
    (labels, lines), (levels_, more) = sheet.broken(map(words, bars.term)), sheet.broken(levels_)
    high = [len(bars) * (0.06 + 0.155 * lines), at * (0.06 + 0.155 * more)]
    ((left, right),) = sheet.panels(
        1, 2, panel=(5.1, high), edge=(0, 1.8), least=4.2, lines=True, ratios=(1.1, 1)
    )
    colors = {1: SERIES[0], 2: SERIES[1], 3: SERIES[2], 0: "#999999"}
    for y, row in enumerate(bars.itertuples()):
        left.barh(y, 100 * row.value, color=colors[int(row.order)], height=0.7)
        if not np.isnan(row.low):
            ends = [100 * row.low, 100 * row.high]
            left.plot(ends, [y, y], "-", color="#333333", lw=sheet.pt(1.4))
    sheet.named(left, "y", range(len(bars)), labels)
    left.set_xlabel("share of the variance of accuracy (%)")
    kinds = {1: "one setting", 2: "two together", 3: "three", 0: "seeds; all else"}
    sheet.key([Patch(color=colors[kind]) for kind in kinds], [*kinds.values()])
    for at, row in ticks.items():
        right.plot([row.low, row.high], [at, at], "-", color=SERIES[0], lw=sheet.pt(1.6))
        right.plot(row.value, at, "o", color=SERIES[0], ms=sheet.pt(5))
    sheet.named(right, "y", [*ticks], levels_)
    right.set_xlabel("test accuracy of students, over all other settings")
    points = int(np.prod([ds.sizes[axis] for axis in crossed(ds)]))
    seeds = counted(ds.sizes["seed"], "seed")
    sheet.caption(
        f"{ds.attrs['dataset']}, {points} settings × {seeds}. Lines: 95 %, of shares by the "
        "jackknife over seeds."
    )


FIGURES = {"factorial": figure}
