"""Figures of `sublim theorem`: each takes its Dataset and returns a matplotlib Figure."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from sim.report.names import counted, formula, value
from sim.report.sheet import Sheet, drawn
from sim.report.style import SERIES
from sim.studies.theorem.figures_of_steps import labels, many_steps
from sim.studies.theorem.statements import asked

MARKERS = "osD^v"


@drawn
def ladder(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw the errors of eq. (2) and of Theorem 1 over ε, with the slopes they should have."""
    (panels,) = sheet.panels(1, 2, panel=(4.75, 4.6))
    keys: dict[str, Any] = {}
    one = ds.sel(case="data", loss=ds.loss[0])
    for axes, measured, leading, order, what in (
        (panels[0], one.dot, one.epsilon_q, 1, "|Δθ_S · Δθ_T / ε q − 1|"),
        (panels[1], one.change, one.epsilon_alpha_q, 1, "|ΔL_T / (−ε α q) − 1|"),
    ):
        ε = ds.epsilon.values
        for color, marker, network in zip(SERIES, MARKERS, asked(ds), strict=False):
            gap = np.abs(measured / leading - 1).sel(network=network)
            if not np.isfinite(gap).any():
                continue
            low, middle, high = gap.quantile([0.1, 0.5, 0.9], "seed").values
            look = {"color": color, "ms": sheet.pt(5)}
            (keys[network],) = axes.plot(ε, middle, f"{marker}-", **look)
            axes.fill_between(ε, low, high, color=color, alpha=0.15, lw=0)
        if not axes.get_lines():
            _nothing(axes)
            continue
        top = float(np.nanmax(axes.get_lines()[-1].get_ydata()))
        slope = 3 * top * (ε / ε[0]) ** order
        (keys[f"slope {order}"],) = axes.plot(ε, slope, "--", color="#555555", lw=sheet.pt(1.2))
        axes.set(xscale="log", yscale="log")
        axes.set_xlabel("teacher's step ε")
        axes.set_ylabel(formula(what))
    panels[0].set_title("eq. (2): the dot product")
    panels[1].set_title(formula("Theorem 1: the fall of L_T"))
    sheet.key([*keys.values()], [*keys])
    sheet.caption(
        f"{_setting(ds)}, {value(ds.loss.values[0])}, float64. Line: median; band: 10–90 % of "
        "seeds.",
    )


@drawn
def sign_map(sheet: Sheet, ds: xr.Dataset) -> None:
    """Map where L_T falls in the plane of α and ε, with the hyperbola that eq. (3) predicts."""
    networks, losses = asked(ds), ds.loss.values
    panels = sheet.panels(
        len(losses),
        len(networks),
        panel=(3.3, 2.9),
        edge=(0.6, 0.9),
        least=2.1,
        sharex="all",
        sharey="all",
    )
    colors = ListedColormap(["#56B4E9", "#E69F00"])
    for row, loss in zip(panels, losses, strict=True):
        for axes, network in zip(row, networks, strict=True):
            one = ds.sel(network=network, loss=loss)
            grid, predicted = one.map_grid.values, float(one.map_predicted)
            if not np.isfinite(grid).all():
                _nothing(axes)
                continue
            axes.pcolormesh(
                grid,
                grid,
                (one.map_change.values >= 0).astype(float),
                cmap=colors,
                vmin=0,
                vmax=1,
                shading="nearest",
                rasterized=True,
            )
            if np.isfinite(predicted):
                axes.plot(grid, predicted / grid, color="black")
            axes.set(xscale="log", yscale="log", xlim=grid[[0, -1]], ylim=grid[[0, -1]])
            axes.set_title(f"{network}, {value(loss)}")
            axes.set_xlabel("teacher's step ε")
            axes.set_ylabel("student's rate α")
    keys = [Patch(color="#56B4E9"), Patch(color="#E69F00"), Line2D([], [], color="black")]
    said = ("L_T falls", "L_T rises", "α ε = 2q / vᵀ∇²L_T v, eq. (3)")
    sheet.key(keys, [*map(formula, said)], columns=3)
    sheet.caption(
        f"{formula(ds.attrs['dataset'])}, seed {int(ds.seed[0])}, $L_T$ on data, one student step.",
    )


@drawn
def boundary(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw the α ε at which L_T is back at its start: predicted and measured, every seed."""
    axes = sheet.panels(panel=(5.6, 5.2))[0, 0]
    keys: dict[str, Any] = {}
    one = ds.isel(boundary_epsilon=-1)
    shown, whole = 0, 0
    for color, marker, network in zip(SERIES, MARKERS, asked(ds), strict=False):
        x = one.boundary_predicted.sel(network=network).values.ravel()
        y = one.boundary_measured.sel(network=network).values.ravel()
        both = np.isfinite(x) & np.isfinite(y)
        shown, whole = shown + both.sum(), whole + both.size
        look = {"color": color, "ms": sheet.pt(5), "alpha": 0.55, "mew": 0}
        (keys[network],) = axes.plot(x[both], y[both], marker, **look)
    values = np.concatenate([np.concatenate(line.get_data()) for line in axes.get_lines()])
    ends = (
        np.array([values.min() / 1.5, values.max() * 1.5]) if values.size else np.array([0.1, 10])
    )
    axes.fill_between(ends, ends / 2, ends * 2, color="#888888", alpha=0.15, lw=0)
    axes.plot(ends, ends, color="#555555", lw=1.2)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    axes.set_xlabel(formula("predicted α ε = 2q / vᵀ∇²L_T v"))
    axes.set_ylabel("measured α ε")
    sheet.key([*keys.values()], [*keys])
    sheet.caption(
        f"{_setting(ds)} × {ds.sizes['loss']} losses: {shown} of {whole} have both.\n"
        f"ε = {float(ds.boundary_epsilon[-1]):g}. Band: a factor of 2.",
    )


@drawn
def lazy(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw trained networks' distance from the linearised prediction over width."""
    ((left, right),) = sheet.panels(1, 2, panel=(4.75, 4.4), sharex="all")
    keys: dict[str, Any] = {}
    for name, color, marker, said in (
        ("lazy_gap", SERIES[0], "o", "parameters, θ_S − θ_0"),
        ("lazy_logit_gap", SERIES[1], "s", "class logits on test images"),
    ):
        keys[formula(said)] = _over_width(sheet, left, ds, name, color, marker)
    width = ds.width.values
    start = float(ds.lazy_gap.isel(width=0).mean())
    slope = 1.6 * start * (width / width[0]) ** -0.5
    (keys["slope −1/2"],) = left.plot(width, slope, "--", color="#555555", lw=sheet.pt(1.2))
    left.set_ylabel("gap to eq. (6), relative")
    _over_width(sheet, right, ds, "lazy_visible_fraction", SERIES[2], "D")
    right.set_ylabel(formula("visible fraction ‖PΔθ_T‖² / ‖Δθ_T‖²"))
    sheet.key([*keys.values()], [*keys])
    seeds = counted(ds.sizes["lazy_seed"], "seed")
    sheet.caption(
        f"{formula(ds.attrs['dataset'])}, n = {seeds} a width. Small points: seeds; line: mean. "
        "Plain gradient descent, squared error.",
    )


@drawn
def boundaries(sheet: Sheet, *studies: xr.Dataset) -> None:
    """Draw the boundary over each of some settings: predicted and measured medians.

    studies: from `sim.boundaries`, one for each column.
    """
    losses = studies[0].loss.values
    keys: dict[str, Any] = {}
    panels = sheet.panels(
        len(losses), len(studies), panel=(2.7, 2.7), edge=(0.6, 0.9), least=2.1, sharey="row"
    )
    for column, study in zip(panels.T, studies, strict=True):
        one = study.isel(boundary_epsilon=-1)
        varied = str(one.boundary_q.dims[0])
        for axes, loss in zip(column, losses, strict=True):
            for color, marker, network in zip(SERIES, MARKERS, one.network.values, strict=False):
                of = one.sel(loss=loss, network=network)
                keys[str(network)] = _medians(
                    sheet, axes, of.boundary_measured, f"{marker}-", color
                )
                _medians(sheet, axes, of.boundary_predicted, f"{marker}--", color)
            axes.set_yscale("log")
            said = [*map(value, one[varied].values)]
            sheet.named(axes, "x", range(len(said)), said)
            axes.set_xlabel(formula(value(varied)))
            axes.set_ylabel(f"α ε, {value(loss)}")
    style = [
        Line2D([], [], color="#555555", ls=ls, marker="o", mfc=face or "#555555")
        for ls, face in (("-", None), ("--", "white"))
    ]
    said = [*keys, "measured", "predicted, eq. (3)"]
    sheet.key([*keys.values(), *style], said)
    seeds = counted(studies[0].sizes["seed"], "seed")
    sheet.caption(
        f"Medians of n = {seeds} at ε = {float(one.boundary_epsilon):g}; "
        "no point where half of them have no boundary.",
    )


def _medians(sheet: Sheet, axes: Axes, values: xr.DataArray, style: str, color: str) -> Line2D:
    """Over seeds; a seed without a boundary counts as beyond all others."""
    middle = values.fillna(np.inf).median("seed").values
    (line,) = axes.plot(
        range(len(middle)),
        np.where(np.isfinite(middle), middle, np.nan),
        style,
        lw=sheet.pt(1.6),
        color=color,
        ms=sheet.pt(5),
        mfc="white" if "--" in style else color,
    )
    return line


FIGURES = {
    "ladder": ladder,
    "sign_map": sign_map,
    "boundary": boundary,
    "labels": labels,
    "lazy": lazy,
    "many_steps": many_steps,
}


def _nothing(axes: Axes) -> None:
    axes.text(
        0.5,
        0.5,
        "q = 0: nothing passes",
        ha="center",
        transform=axes.transAxes,
        color="#555555",
    )


def _over_width(
    sheet: Sheet, axes: Axes, ds: xr.Dataset, name: str, color: str, marker: str
) -> Line2D:
    width, values = ds.width.values, ds[name].transpose("width", "lazy_seed").values
    (line,) = axes.plot(width, values.mean(1), f"{marker}-", color=color)
    axes.plot(width, values, marker, color=color, ms=sheet.pt(3.5), alpha=0.4, mew=0)
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(width, [str(w) for w in width])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("units in each hidden layer")
    return line


def _setting(ds: xr.Dataset) -> str:
    return f"{formula(ds.attrs['dataset'])}, n = {counted(ds.sizes['seed'], 'seed')}"
