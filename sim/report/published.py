"""What others published, and whether it agrees with what was measured here."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import stdtrit

from sim.runs.results import axes_of
from sim.runs.statistics import summary
from sim.training.families import CONTROLS

# Who published: as they are found, or what is known of them.
AUTHORS = "the authors' published script, run by us"
RERUNS = "four re-runs of the recipe"
SURVEY = "a public study, unnamed"
TAKE_HOME = "an answer to the take-home task (2026)"
OF_100 = "a study of 100 models, unnamed"
ARC_17 = "ARC-17 lab notes (2026)"
BROCKERS = "Brockers et al., arXiv 2605.23645"
COMMENTS = "Comments & Extensions of Subliminal Learning (2025)"
COURSE = "a course deck"
GAETAN = "gaetanX21"
GHOST = "GhostTrace"
HE_NORMAL = "SubliminalNetworks"
MADL = "Madl, arXiv 2606.22019"
HELD_OUT = "a re-run with a validation split"

RULE = (
    "Agrees: its 95 % interval, or the range that was published, and ours overlap, at all points "
    "that it is of. Where there is none it is that of n networks with the spread between ours, or "
    "where n was not published, the value alone. A bound (>): all of our interval lies beyond. "
    "Chance: ours overlaps with the control's. No effect: all of our intervals have a value in "
    "common. A dash: no interval, or no such point, of ours."
)
ELSEWHERE = "Of another data set: not compared."
COLUMNS = ("at", "here", "published", "n", "verdict", "source")


def _number(value: float, least: int = 2) -> str:
    """Write a fraction with as many digits as it has, two or more."""
    return f"{value:.4f}".rstrip("0").ljust(2 + least, "0").replace("0.", ".")


class Published(NamedTuple):
    """A test accuracy that was published, as a fraction.

    at: where on the axes of a study; axes that are not named: everywhere on them. value: None where
    only how was said. source: who. half_width: of its 95 % interval; or to: the upper end of a
    range that value begins. n: networks. differs: what in its setting is not ours. how: that it is
    value, or beyond; or without a number that it is chance, or the same along the other axes.
    """

    at: Mapping[str, Any]
    value: float | None
    source: str
    half_width: float | None = None
    n: int | None = None
    differs: str = ""
    how: Literal["=", ">", "chance", "no effect"] = "="
    to: float | None = None
    model: str = "student_aux"
    dataset: str = "mnist"

    @property
    def span(self) -> tuple[float, float]:
        """Ends of its interval or range; of a value alone, twice that."""
        reach = self.half_width or 0.0
        return self.value - reach, (self.value if self.to is None else self.to) + reach

    @property
    def short(self) -> str:
        """Write the value, or its range."""
        if self.value is None:
            return self.how
        upper = f"–{_number(self.to)}" if self.to is not None else ""
        return ("> " if self.how == ">" else "") + _number(self.value) + upper

    @property
    def words(self) -> str:
        """Write the value with its half-width."""
        return self.short + (f" ± {_number(self.half_width, 3)}" if self.half_width else "")


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


def series(axis: str, values: Mapping[Any, float], source: str, **same: Any) -> tuple:
    """List values that one source published along an axis."""
    return tuple(Published({axis: at}, value, source, **same) for at, value in values.items())


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


def agrees(one: Published, ours: pd.DataFrame, control: pd.DataFrame | None = None) -> bool:
    """Tell whether a published value agrees with ours, all of them where they are several."""
    if one.how == "no effect":
        return bool(ours.low.max() <= ours.high.min())
    if one.how == "chance":
        low, high = control.low.values, control.high.values
        return bool(((ours.low.values <= high) & (low <= ours.high.values)).all())
    if one.how == ">":
        return bool((ours.low > one.value).all())
    low, high = one.span
    alone = low == high and one.n is not None
    reach = stdtrit(ours.n - 1, 0.975) * ours.sd / np.sqrt(one.n) if alone else 0.0
    return bool(((ours.low <= high + reach) & (low - reach <= ours.high)).all())
