"""The ledger of the trait's loss over a training: drive, curvature and what is left, by layer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from rich.markup import escape

from sim.report.style import SERIES, SIZE, caption, drawn, setting, words
from sim.report.tables import lean, number
from sim.runs.results import axes_of
from sim.runs.statistics import summary
from sim.training.lineages import FOUNDERS
from sim.training.measures import WHOLE

NEEDED = ("trait_loss_by_step", "drive_by_step", "plain_drive_by_step", "curvature_by_step")
ENTRIES = ("change", "drive", "plain", "added", "curvature", "rest")
EARLY = 0.1  # of the steps: the beginning


def there(ds: xr.Dataset) -> bool:
    """Tell whether results have a ledger."""
    return {*NEEDED} <= {*ds.data_vars}


def entries(ds: xr.Dataset) -> xr.Dataset:
    """Lay out the account along the way, each [.., seed, model, step], in the loss's unit.

    change: of L_T since the start. drive, and its parts plain (along the batch's gradient) and
    added (by the optimiser); curvature; rest: change less drive less curvature. by_layer: the drive
    of each layer.
    """
    loss, drive = ds.trait_loss_by_step, ds.drive_by_step
    whole, plain = (of.sel(layer=WHOLE, drop=True) for of in (drive, ds.plain_drive_by_step))
    change = loss - loss.isel(step=0, drop=True)
    found = {
        "change": change,
        "drive": whole,
        "plain": plain,
        "added": whole - plain,
        "curvature": ds.curvature_by_step,
        "rest": change - whole - ds.curvature_by_step,
        "by_layer": drive.sel(layer=[la for la in drive.layer.values if la != WHOLE]),
    }
    of = xr.Dataset({name: values.drop_attrs() for name, values in found.items()})
    return of.sel(model=[m for m in of.model.values.tolist() if m not in FOUNDERS]).dropna(
        "step", how="all", subset=["change"]
    )


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a row for each point and student, after training.

    Columns: the axes, model; of each of ENTRIES and of each layer's drive the mean over seeds with
    half_width; early: the part of the drive in the first tenth of the steps; n.
    """
    of, axes, found = entries(ds), axes_of(ds), []
    early = int(np.searchsorted(of.step, EARLY * float(of.step[-1])))
    for place in np.ndindex(*(of.sizes[axis] for axis in axes)):
        at = {axis: of[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}
        for model in of.model.values.tolist():
            one, row = of.sel(at | {"model": model}), at | {"model": model}
            last = one.isel(step=-1)
            each = {name: last[name] for name in ENTRIES}
            each |= {str(la): last.by_layer.sel(layer=la) for la in of.layer.values}
            each["early"] = one.drive.isel(step=early)
            for name, values in each.items():
                mean = summary(values)
                row |= {name: float(mean.mean), f"{name}_half_width": float(mean.half_width)}
            found.append(row | {"n": ds.sizes["seed"]})
    return pd.DataFrame(found)


def table(ds: xr.Dataset) -> Any:
    """Lay out the account after training, a line for each point and student."""
    shown = lean(
        f"Ledger of the trait's loss, {escape(ds.attrs['dataset'])}, n = {ds.sizes['seed']} seeds",
        "In nats, mean ± half of 95 % interval; change = drive + curvature + rest; drive = along "
        "the batch's gradient + added by the optimiser.",
    )
    of, axes = rows(ds), axes_of(ds)
    for column in (*axes, "student"):
        shown.add_column(escape(column))
    for column in ENTRIES:
        shown.add_column(column, justify="right")
    for _, row in of.iterrows():
        cells = (f"{number(row[k])} ±{number(row[f'{k}_half_width'])}" for k in ENTRIES)
        at = (str(row[axis]) for axis in axes)
        shown.add_row(*map(escape, at), escape(row.model.replace("_", " ")), *cells)
    return shown


def findings(ds: xr.Dataset) -> Iterator[str]:
    """Say how much of the fall of the trait's loss is drive, when, where, and made by what."""
    of, axes = rows(ds), axes_of(ds)
    layers = [str(la) for la in ds.layer.values if la != WHOLE]
    for _, row in of[of.model.isin(["student", "other"])].iterrows():
        at = ", ".join([*(str(row[axis]) for axis in axes), row.model])
        first = max(layers, key=lambda la: abs(row[la]))
        if abs(row.change) <= row.change_half_width:
            yield f"{at}: the trait's loss does not surely change ({_of(row, 'change')} nats)."
            continue
        plain, early, mine = (number(row[k] / row.drive, ".0%") for k in ("plain", "early", first))
        parts = ", ".join(f"{name} {_of(row, name)}" for name in ("drive", "curvature", "rest"))
        yield (
            f"{at}: the trait's loss changes by {_of(row, 'change')} nats: {parts}. Of the drive "
            f"{plain} is along the batch's gradient, the rest is made by the optimiser; {early} of "
            f"it falls in the first tenth of the steps, {mine} in {first}."
        )


def _of(row: pd.Series, name: str) -> str:
    return f"{number(row[name], '+.3f')} ± {number(row[f'{name}_half_width'])}"


@drawn
def figure(ds: xr.Dataset) -> Figure:
    """Draw the account along training, a column a point; below, the drive of each layer."""
    of, axes = entries(ds), axes_of(ds)
    at = [
        {axis: of[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}
        for place in np.ndindex(*(of.sizes[axis] for axis in axes))
    ]
    figure = Figure(figsize=(2 + 4 * len(at), 6.6), layout="constrained")
    grid = figure.subplots(2, len(at), squeeze=False, sharey="row")
    lines = {"change": "#000000", "drive": SERIES[0], "plain": SERIES[4]}
    lines |= {"curvature": SERIES[1], "rest": SERIES[2]}
    styles = {"student": "-", "other": (0, (2, 2))}
    styles = {m: style for m, style in styles.items() if m in of.model.values}
    for column, where in enumerate(at):
        top, bottom = grid[:, column]
        for model, style in styles.items():
            one = of.sel(where | {"model": model})
            for name, color in lines.items():
                mean = summary(one[name])
                top.plot(one.step, mean.mean, color=color, ls=style, lw=1.8)
                if model == "student":
                    ends = mean.mean - mean.half_width, mean.mean + mean.half_width
                    top.fill_between(one.step, *ends, color=color, alpha=0.2, lw=0)
        top.axhline(0, color="#666666", lw=0.8, zorder=0)
        top.set_title(words(", ".join(map(str, where.values()))), fontsize=SIZE)
        top.set_xlabel("student's steps", fontsize=SIZE)
        _layers(bottom, of.sel(where), [*styles])
    grid[0, 0].set_ylabel("change of the trait's loss\nsince the start (nats)", fontsize=SIZE)
    grid[1, 0].set_ylabel("drive, by layer (nats)", fontsize=SIZE)
    keys = [grid[0, 0].plot([], [], color=c, lw=1.8)[0] for c in lines.values()]
    keys += [grid[0, 0].plot([], [], color="#666666", ls=s, lw=1.8)[0] for s in styles.values()]
    names = ["change", "drive", "drive along the\nbatch's gradient", "curvature", "rest"]
    names += [{"student": "same base", "other": "another base"}[m] for m in styles]
    figure.legend(
        keys, names, loc="outside upper center", ncols=4, frameon=False, fontsize=SIZE - 1
    )
    caption(figure, f"{setting(ds)}. Band and bar: 95 % t-interval.")
    return figure


def _layers(axes: Any, of: xr.Dataset, models: list[str]) -> None:
    """Draw the drive of each layer after training, and the part of each along the gradient."""
    layers = of.layer.values.tolist()
    for k, model in enumerate(models):
        one = summary(of.by_layer.sel(model=model).isel(step=-1))
        x = np.arange(len(layers)) + 0.38 * (k - (len(models) - 1) / 2)
        axes.bar(
            x,
            one.mean,
            0.34,
            yerr=one.half_width,
            color=SERIES[0] if model == "student" else "#BBBBBB",
            capsize=3,
            label={"student": "same base", "other": "another base"}[model],
        )
    axes.axhline(0, color="#666666", lw=0.8)
    axes.set_xticks(range(len(layers)), [la.replace("_", "\n") for la in layers], fontsize=SIZE - 1)
    axes.legend(frameon=False, fontsize=SIZE - 1)
