"""Forecasts: what is known at a student's first step, and what comes of it, over many settings."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from sim.errors import require
from sim.report import names
from sim.report.dynamics import points
from sim.report.names import counted
from sim.report.sheet import Sheet, drawn
from sim.report.style import DOTTED, SERIES, setting
from sim.report.tables import Lines, lean, number
from sim.runs.forecast import Estimate, held_out, rank_correlation
from sim.runs.results import axes_of
from sim.runs.statistics import summary
from sim.training.measures import MEASURES, WHOLE

PREDICTORS = ("coverage", "update_cosine", "gradient_cosine", "visible_fraction")
PREDICTORS += ("held_out_loss", "units_inputs")
WHO = {"student": "the same start", "other": "another start"}
MEANING = (
    "Over settings, of means over seeds: rank correlation (Spearman) of a measure before the first "
    "step with the rate of the trait after training; R² of foretelling the rate of settings that "
    "were held out, by least squares (below 0: worse than their mean). 95 % by bootstrap over "
    "settings. Both: students of either start together, those of a setting held out together. "
    "Settings: how many of each there are."
)


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a row for each setting and student.

    Columns: the axes, model; final: the rate of the trait after training, with half_width; each of
    PREDICTORS before the first step, the mean over seeds; n, diverged.
    """
    found = []
    for at, one in points(ds):
        for model in [m for m in WHO if m in ds.model.values]:
            here = one.sel(model=model)
            of = summary(here.trait_rate)
            row = at | {"model": model, "final": float(of.mean)}
            row["final_half_width"] = float(of.half_width)
            for name in PREDICTORS:
                path = here[MEASURES[name].path].sel(step=0)
                path = path.sel(layer=WHOLE) if "layer" in path.dims else path
                row[f"first_{name}"] = float(path.mean("seed", skipna=False))
            found.append(row | {"n": ds.sizes["seed"], "diverged": int(here.diverged.sum())})
    return pd.DataFrame(found)


class Forecast(NamedTuple):
    """Rank correlation and held-out R², over n settings: of "both" each has two students."""

    rank: Estimate
    r2: Estimate
    n: int


Forecasts = dict[tuple[str, str], Forecast]  # by predictor, and start
LEAST = 3  # settings, for anything to be foretold


def forecasts(of: pd.DataFrame) -> Forecasts:
    """Find rank correlation and held-out R² of each predictor, and of all, for each start.

    Each over the settings where what it needs was measured, of which there must be three.
    """
    found: Forecasts = {}
    for who in (*WHO, "both"):
        part = of if who == "both" else of[of.model == who]
        for name in PREDICTORS:
            X, y, settings = _known(part, name)
            if (n := len(np.unique(settings))) >= LEAST:
                rank = rank_correlation(X[:, 0], y, settings)
                found[(name, who)] = Forecast(rank, held_out(X, y, settings)[0], n)
        X, y, settings = _known(part, *PREDICTORS)
        if (n := len(np.unique(settings))) >= LEAST:
            every, foretold = held_out(X, y, settings)
            rank = rank_correlation(foretold, y, settings)
            found[("all of them", who)] = Forecast(rank, every, n)
    return found


def _known(part: pd.DataFrame, *names: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take predictors [row, k], the rate and the setting, where all of these are numbers.

    Both students of a setting are of one: they are held out, and drawn, together.
    """
    axes = [*part.columns[: part.columns.get_loc("model")]]
    settings = part.groupby(axes, sort=False, dropna=False).ngroup() if axes else part.final * 0
    known = part[[*(f"first_{name}" for name in names), "final"]].to_numpy(float)
    numbers = np.isfinite(known).all(1)  # what overflowed is no number
    known = known[numbers]
    return known[:, :-1], known[:, -1], settings.to_numpy()[numbers].astype(int)


def cells(table: Forecasts) -> Lines:
    """Write a line for each predictor: rank correlation and R² for each start, and settings."""
    whose = [who for who in (*WHO, "both") if any(whom == who for _, whom in table)]
    head = ["at the first step"]
    head += [f"{what}, {WHO.get(who, who)}" for who in whose for what in ("rank", "R²")]

    def lines() -> Iterator[list[str]]:
        for name in (*PREDICTORS, "all of them"):
            line, n = [name.replace("_", " ")], []
            for who in whose:
                of = table.get((name, who))
                line += [_interval(of.rank), _interval(of.r2)] if of else ["–", "–"]
                n.append(str(of.n) if of else "–")
            yield [*line, ", ".join(n)]

    return [*head, "settings"], lines()


def _interval(of: Estimate) -> str:
    low, high = number(of.low, ".2f"), number(of.high, ".2f")
    return f"{number(of.value, '.2f')} [{low},{high}]"


def prediction(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out how well each predictor foretells, and say what that comes to."""
    table = forecasts(of := rows(ds))
    settings = len(of) // of.model.nunique()
    shown = lean(
        f"{escape(ds.attrs['title'])}, {escape(ds.attrs['dataset'])}, {settings} settings × "
        f"{counted(ds.sizes['seed'], 'seed')}",
        MEANING,
    )
    head, lines = cells(table)
    for i, column in enumerate(head):
        shown.add_column(escape(column), justify="right" if i else "left")
    for line in lines:
        shown.add_row(*map(escape, line))
    yield shown
    yield Padding(Text(finding(of, table)), (1, 0))


def finding(of: pd.DataFrame, table: Forecasts) -> str:
    """Say what foretells the trait, where, and whether it knows one start from another."""
    if not table:
        return f"Nothing is foretold of fewer than {LEAST} settings where all of it was measured."
    said = []
    for who, words in WHO.items():
        mine = {name: e for (name, w), e in table.items() if w == who and name in PREDICTORS}
        if not mine:
            continue
        sure = [name for name, of in mine.items() if of.rank.low > 0 or of.rank.high < 0]
        named = [f"{name.replace('_', ' ')} ({_interval(mine[name].rank)})" for name in sure]
        rates = of[of.model == who].final
        spread = f"rates from {number(rates.min())} to {number(rates.max())}"
        said.append(f"From {words}, {spread}: rank is foretold by {'; '.join(named) or 'none'}.")
    for who, words in WHO.items():
        if ("all of them", who) in table:
            r2 = table[("all of them", who)].r2
            said.append(f"All together, {words}: R² on held-out settings {_interval(r2)}.")
    return "\n".join(said)


@drawn
def figure(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw the rate after training against each predictor at the first step, and the forecast."""
    of, chosen = rows(ds), sheet.chosen(ds.model.values)
    marks = dict(zip(WHO, (("o", SERIES[0]), ("D", SERIES[1])), strict=True))
    marks = {who: look for who, look in marks.items() if who in chosen and who in {*of.model}}
    require("models", sheet.models, marks, f"of {', '.join(WHO)}")
    shown = PREDICTORS[:4]
    (panels,) = sheet.panels(
        1, len(shown) + len(marks), across=3, panel=(3.47, 3.3), least=2.1, sharey="all"
    )
    for panel, name in zip(panels, shown, strict=False):
        for who, (mark, color) in marks.items():
            part = of[of.model == who]
            look = {"color": color, "ms": sheet.pt(4), "alpha": 0.6}
            panel.plot(part[f"first_{name}"], part.final, mark, **look)
        if name == "visible_fraction":
            panel.set_xscale("log")
        panel.set_xlabel(f"{names.measure(name)}, at the first step")
    for panel, (who, (mark, color)) in zip(panels[len(shown) :], marks.items(), strict=True):
        X, y, _ = _known(of[of.model == who], *PREDICTORS)
        if len(y) < LEAST:
            panel.set_xlabel("foretold by all: too few settings")
            continue
        r2, foretold = held_out(X, y)
        panel.plot(foretold, y, mark, color=color, ms=sheet.pt(4), alpha=0.6)
        ends = [np.min([foretold, y]), np.max([foretold, y])]
        panel.plot(ends, ends, **DOTTED)
        panel.set_xlabel(f"foretold by all, held out: R² {_interval(r2)}, n = {len(y)}")
    for panel in panels:
        panel.set_ylabel("rate of the trait after training")
    keys = [Line2D([], [], ls="", marker=m, color=c) for m, c in marks.values()]
    sheet.key(keys, [WHO[who] for who in marks], columns=2)
    settings = len(of) // of.model.nunique()
    at = ds.isel(dict.fromkeys(axes_of(ds), 0), drop=True)
    sheet.caption(f"{setting(at)}. A point: one of {settings} settings.")


FIGURES = {"prediction": figure}
