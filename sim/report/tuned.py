"""Settings at one learning rate for all, and each at its own best one."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from sim.report import names
from sim.report.names import counted
from sim.report.sheet import Sheet, drawn
from sim.report.style import SERIES
from sim.report.tables import Lines, laid_out, number, with_half
from sim.runs.statistics import difference, summary

MODEL = "student_aux"
USUAL = "× 1"  # the recipe's rates
KINDS = {
    "stays": "at one rate for all and at each one's best",
    "goes": "at one rate for all, and not at each one's best",
    "turns": "at one rate for all, and the other way round at each one's best",
    "comes": "at each one's best alone",
    "never": "at neither",
}
MEANING = (
    "Test accuracy, mean ± half of the 95 % interval over seeds; less the first setting, by pairs "
    "of seeds: both at the recipe's rates, or each at its own best. Rates are of teacher and "
    "students alike, times the recipe's; the best is that of highest mean accuracy on validation "
    "images."
)


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a line for each setting at each rate.

    Columns: setting, rates, role, validation (mean accuracy), mean, half_width, sd, n, diverged of
    test accuracy; less, less_half_width, by pairs of seeds, less the first setting: at the same
    rates, but of the role "best" (the setting's highest validation accuracy) the first at its own
    best. The recipe's rates have the role "usual"; where they are best, there are two lines. Where
    no rate has a validation accuracy, none is best, and nothing is less it.
    """
    of = ds.sel(model=MODEL, drop=True)
    validation = of.validation_accuracy.mean("seed", skipna=False).transpose("setting", "rate")
    rates, settings = ([*map(str, ds[axis].values)] for axis in ("rate", "setting"))
    best = {
        setting: rates[int(np.nanargmax(values))] if np.isfinite(values).any() else None
        for setting, values in zip(settings, validation.values, strict=True)
    }
    first, found = settings[0], []
    for setting, rate in product(settings, rates):
        at = {"setting": setting, "rate": rate}
        here = of.test_accuracy.sel(at, drop=True)
        mine, lost = summary(here), int(of.diverged.sel(at).sum())
        roles = ["usual"] * (rate == USUAL) + ["best"] * (rate == best[setting])
        for role in roles or [""]:
            other = best[first] if role == "best" else rate
            there = of.test_accuracy.sel({"setting": first, "rate": other or rate}, drop=True)
            less = summary(difference(here, there if other else there * np.nan))
            line = {"setting": setting, "rates": rate, "role": role}
            line |= {"validation": float(validation.sel(at)), "n": int(mine.n), "diverged": lost}
            line |= {k: float(getattr(mine, k)) for k in ("mean", "half_width", "sd")}
            line |= {"less": float(less.mean), "less_half_width": float(less.half_width)}
            found.append(line)
    return pd.DataFrame(found)


def cells(of: pd.DataFrame) -> Lines:
    """Write each setting at the recipe's rates and at its own best."""
    first = of.setting.iloc[0]
    head = ["setting", "at the recipe's rates", f"less {first}", "best rates", "there"]
    head.append(f"less {first} at its best")

    def lines() -> Iterator[list[str]]:
        for setting, mine in of.groupby("setting", sort=False):
            usual, best = (_role(mine, role) for role in ("usual", "best"))
            rates = best.rates if best else "–"
            yield [str(setting), *_said(usual, first), rates, *_said(best, first)]

    return head, lines()


def _role(mine: pd.DataFrame, role: str) -> Any:
    found = [row for row in mine.itertuples() if row.role == role]
    return found[0] if found else None


def _said(row: Any, first: str) -> list[str]:
    if row is None:
        return ["–", "–"]
    lost = f" (×{row.diverged} of {row.n})" if row.diverged else ""
    mean = with_half(number(row.mean), row.half_width) + lost
    less = with_half(number(row.less, "+.3f"), row.less_half_width)
    return [mean, "" if row.setting == first else less]


def finding(of: pd.DataFrame) -> str:
    """Say of each setting whether its difference stays, goes or turns at its own best rate."""
    first, *others = of.setting.unique()
    if not others:
        return f"There is nothing but {first}: nothing to hold against it."
    if of.n.iloc[0] == 1:
        return "One seed: no interval, and nothing to say of differences."
    found: dict[str, list[str]] = {}
    unknown = []
    for setting in others:
        mine = of[of.setting == setting]
        usual, best = (_clear(_role(mine, role)) for role in ("usual", "best"))
        if usual is None or best is None:
            unknown.append(setting)
            continue
        word = {1: " better", -1: " worse", 0: ""}[usual or best]
        found.setdefault(KINDS[_kind(usual, best)], []).append(f"{setting}{word}")
    said = [f"{what}: {', '.join(found[what])}" for what in KINDS.values() if what in found]
    edge = {of.rates.iloc[0], of.rates.iloc[-1]}
    at_edge = [row.setting for row in of.itertuples() if row.role == "best" and row.rates in edge]
    lines = [f"Differs from {first} {'; '.join(said)}."] if said else []
    if unknown:
        lines.append(f"Not measured both at the recipe's rates and at best: {', '.join(unknown)}.")
    if at_edge:
        lines.append(f"The best rates are the ends of what was tried for: {', '.join(at_edge)}.")
    return "\n".join(lines)


def _kind(usual: int, best: int) -> str:
    if usual and best:
        return "stays" if usual == best else "turns"
    return "goes" if usual else "comes" if best else "never"


def _clear(row: Any) -> int | None:
    """Give the sign of a difference whose interval is clear of 0, else 0; None of what is none."""
    if row is None or np.isnan(row.less_half_width):
        return None
    return int(np.sign(row.less)) * (abs(row.less) > row.less_half_width)


def tuned(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out settings at both rates, and say what they come to."""
    of = rows(ds)
    about = f"{escape(ds.attrs['dataset'])}, n = {counted(ds.sizes['seed'], 'seed')}"
    yield laid_out(f"Each setting at its own best learning rate, {about}", MEANING, cells(of))
    yield Padding(Text(finding(of)), (1, 0))


@drawn
def figure(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw test accuracy against the rate, a panel for each setting that is varied."""
    of = rows(ds).drop_duplicates(["setting", "rates"])
    rates = [float(rate.removeprefix("× ")) for rate in of.rates.unique()]
    first, *others = of.setting.unique()
    kinds = list(dict.fromkeys(setting.split()[0] for setting in others)) or [""]
    (panels,) = sheet.panels(
        1, len(kinds), panel=(2.9, 4.4), edge=(0.6, 0), least=2.0, sharey="all"
    )
    for ax, kind in zip(panels, kinds, strict=True):
        shown = [first, *(s for s in others if s.split()[0] == kind)]
        lines = []
        ax.set_xscale("log")
        for i, setting in enumerate(shown):
            mine = of[of.setting == setting]
            color, style = ("#333333", "--") if i == 0 else (SERIES[i - 1], "-")
            beside = sheet.dodged(ax, "x", rates, i, len(shown))
            look = {"capsize": sheet.pt(2), "lw": sheet.pt(1.6), "ms": sheet.pt(4)}
            look["color"] = color
            lines.append(
                ax.errorbar(beside, mine["mean"], mine.half_width, fmt=f"o{style}", **look)
            )
            best = mine[mine.validation == mine.validation.max()].iloc[:1]  # none, of NaN
            at = [beside[[*mine.rates].index(rate)] for rate in best.rates]
            ring = {"ms": sheet.pt(10), "mfc": "none", "color": color}
            ax.plot(at, best["mean"], "o", **ring)
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
        ax.minorticks_off()
        ax.margins(x=0.1)
        ax.set_ylim(0, 1)
        ax.set_xlabel("rates, times the recipe's")
        ax.set_ylabel("test accuracy of students")
        said = [*map(names.value, shown)]
        ax.legend(lines, said, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    sheet.caption(
        f"{ds.attrs['dataset']}, n = {counted(ds.sizes['seed'], 'seed')}; bars: 95 % intervals. "
        "Circles: the rate that is best on validation images."
    )


FIGURES = {"tuned": figure}
