"""The ledger of the trait's loss over a training: drive, curvature and what is left, by layer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.errors import require
from sim.report import names
from sim.report.names import formula
from sim.report.sheet import Sheet, drawn
from sim.report.style import GREY, SERIES, setting
from sim.report.tables import Lines, number
from sim.runs.results import axes_of
from sim.runs.statistics import summary
from sim.training.measures import WHOLE

NEEDED = ("trait_loss_by_step", "drive_by_step", "plain_drive_by_step", "curvature_by_step")
#: Columns of the account, and the measure of each.
ENTRIES = {
    "change": "change",
    "drive": "drive",
    "along gradient": "plain_drive",
    "added": "added",
    "curvature": "curvature",
    "rest": "rest",
}
EARLY = 0.1  # of the steps: the beginning
MEANING = (
    "In nats, mean ± half of 95 % interval over seeds; change = drive + curvature + rest; drive = "
    "along the batch's gradient + added by the optimiser."
)


def there(ds: xr.Dataset) -> bool:
    """Tell whether results have a ledger."""
    return {*NEEDED} <= {*ds.data_vars}


def entries(ds: xr.Dataset) -> dict[str, xr.DataArray]:
    """Lay out what follows from the account along the way, each [.., seed, model, step], in nats.

    change: of L_T since the start. added: the drive that is not along the batch's gradient. rest:
    change less drive less curvature. early: the drive of the first tenth of the steps, at all.
    """
    loss = ds.trait_loss_by_step.drop_attrs()
    drive, plain = (
        ds[name].sel(layer=WHOLE, drop=True).drop_attrs()
        for name in ("drive_by_step", "plain_drive_by_step")
    )
    change = loss - loss.isel(step=0, drop=True)
    first = drive.sel(step=EARLY * float(drive.step[-1]), method="nearest", drop=True)
    return {
        "change": change,
        "added": drive - plain,
        "rest": change - drive - ds.curvature_by_step.drop_attrs(),
        "early": first + 0 * drive,
    }


def cells(of: pd.DataFrame, axes: list[str]) -> Lines:
    """Write columns and lines of the account after training, a line for each point and student."""
    by_place = _by_place(of, axes)
    models = of[of.measure == "change"][[*axes, "model"]].drop_duplicates()

    def lines() -> Iterator[list[str]]:
        for place in models.itertuples(index=False, name=None):
            each = (by_place.loc[(*place, name)] for name in ENTRIES.values())
            cells = (f"{number(row['last'])} ±{number(row.last_half_width)}" for row in each)
            yield [*map(str, place[:-1]), place[-1].replace("_", " "), *cells]

    return [*axes, "student", *ENTRIES], lines()


def findings(of: pd.DataFrame, axes: list[str]) -> Iterator[str]:
    """Say how much of the fall of the trait's loss is drive, when, where, and made by what."""
    by_place = _by_place(of, axes)
    layered = of[(of.measure == "drive") & ~of.layer.isin(["", WHOLE])]
    models = of[of.measure == "change"][[*axes, "model"]].drop_duplicates()
    for place in models.itertuples(index=False, name=None):
        if place[-1] not in ("student", "other"):
            continue
        rows = {name: by_place.loc[(*place, name)] for name in (*ENTRIES.values(), "early")}
        at = ", ".join(map(str, place))
        change, drive = rows["change"], rows["drive"]
        if not all(np.isfinite(row["last"]) for row in rows.values()):
            yield f"{at}: the account of the trait's loss is no number in some seed."
            continue
        if not abs(change["last"]) > change.last_half_width:
            yield f"{at}: the trait's loss does not surely change ({_of(change)} nats)."
            continue
        parts = ", ".join(f"{name} {_of(rows[name])}" for name in ("drive", "curvature", "rest"))
        said = f"{at}: the trait's loss changes by {_of(change)} nats: {parts}."
        if not abs(drive["last"]) > drive.last_half_width:
            yield said  # of what may be 0 there are no parts
            continue
        here = layered
        for name, value in zip((*axes, "model"), place, strict=True):
            here = here[here[name] == value]
        first = here.loc[here["last"].abs().idxmax()]
        of_drive = rows["plain_drive"], rows["early"], first
        plain, early, mine = (f"{round(100 * row['last'] / drive['last'])}%" for row in of_drive)
        yield (
            f"{said} Of the drive {plain} is along the batch's gradient, the rest is made by the "
            f"optimiser; {early} of it falls in the first tenth of the steps, {mine} in "
            f"{first.layer}."
        )


def _by_place(of: pd.DataFrame, axes: list[str]) -> pd.DataFrame:
    whole = of[of.layer.isin(["", WHOLE])]
    return whole.set_index([*axes, "model", "measure"]).sort_index()


def _of(row: pd.Series) -> str:
    return f"{number(row['last'], '+.3f')} ± {number(row.last_half_width)}"


@drawn
def figure(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw the account along training, a column a point; below, the drive of each layer."""
    axes = axes_of(ds)
    at = [
        {axis: ds[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}
        for place in np.ndindex(*(ds.sizes[axis] for axis in axes))
    ]
    grid = sheet.panels(2, len(at), panel=(4, 3.3), edge=(2, 0), sharey="row")
    chosen = sheet.chosen(ds.model.values)
    styles = {m: style for m, style in STYLES.items() if m in chosen}
    require("models", sheet.models, styles, f"of {', '.join(STYLES)}")
    for column, where in enumerate(at):
        top, bottom = grid[:, column]
        for model, style in styles.items():
            one = ds.sel(where | {"model": model}).dropna("step", subset=["trait_loss_by_step"])
            parts = entries(one)
            for name in ("drive", "plain_drive"):
                parts[name] = one[f"{name}_by_step"].sel(layer=WHOLE)
            parts["curvature"] = one.curvature_by_step
            for name, color in LINES.items():
                of = summary(parts[name])
                top.plot(one.step, of.mean, color=color, ls=style)
                if model == "student":
                    ends = of.mean - of.half_width, of.mean + of.half_width
                    top.fill_between(one.step, *ends, color=color, alpha=0.2, lw=0)
        top.axhline(0, color=GREY, lw=0.8, zorder=0)
        top.set_title(formula(", ".join(map(names.value, where.values()))))
        top.set_xlabel("student's steps")
        top.set_ylabel("change of L_T so far (nats)".replace("L_T", "$L_T$"))
        _layers(sheet, bottom, ds.sel(where), [*styles])
    keys: list[Any] = [Line2D([], [], color=c) for c in LINES.values()]
    keys += [Line2D([], [], color=GREY, ls=style) for style in styles.values()]
    keys += [Patch(color=BARS[m]) for m in styles]
    said = ["change", "drive", "drive along the gradient", "curvature", "rest"]
    said += [f"{WHOSE[m]} (line)" for m in styles] + [f"{WHOSE[m]} (bar)" for m in styles]
    sheet.key(keys, said, columns=5)
    sheet.caption(f"{setting(ds)}. $L_T$: the trait's loss. Band and bar: 95 % t-interval.")


LINES = {"change": "#000000", "drive": SERIES[0], "plain_drive": SERIES[4]}
LINES |= {"curvature": SERIES[1], "rest": SERIES[2]}
STYLES: dict[str, Any] = {"student": "-", "other": (0, (2, 2))}
WHOSE = {"student": "same base", "other": "another base"}


BARS = {"student": SERIES[0], "other": "#BBBBBB"}


def _layers(sheet: Sheet, axes: Any, ds: xr.Dataset, models: list[str]) -> None:
    """Draw the drive of each layer after training."""
    layers = [la for la in ds.layer.values.tolist() if la != WHOLE]
    for k, model in enumerate(models):
        of = summary(ds.drive.sel(model=model, layer=layers))
        x = np.arange(len(layers)) + 0.38 * (k - (len(models) - 1) / 2)
        bars = {"yerr": of.half_width, "capsize": sheet.pt(3)}
        axes.bar(x, of.mean, 0.34, color=BARS[model], **bars)
    axes.axhline(0, color=GREY, lw=0.8)
    sheet.named(axes, "x", range(len(layers)), [*map(names.value, layers)])
    axes.set_ylabel("drive, by layer (nats)")
