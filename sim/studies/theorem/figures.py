"""Figures of `sublim theorem`: each takes its Dataset and returns a matplotlib Figure."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from sim.report.style import SERIES, SIZE, caption, drawn, words
from sim.studies.theorem.figures_of_steps import labels, many_steps
from sim.studies.theorem.statements import asked

MARKERS = "osD^v"


@drawn
def ladder(ds: xr.Dataset) -> Figure:
    """Draw the errors of eq. (2) and of Theorem 1 over ε, with the slopes they should have."""
    figure = Figure(figsize=(9.5, 4.6), layout="constrained")
    panels = figure.subplots(1, 2)
    one = ds.sel(case="data", loss=ds.loss[0])
    for axes, measured, leading, order, what in (
        (panels[0], one.dot, one.epsilon_q, 1, "|Δθ_S·Δθ_T / ε q − 1|"),
        (panels[1], one.change, one.epsilon_alpha_q, 1, "|ΔL_T / (−ε α q) − 1|"),
    ):
        ε = ds.epsilon.values
        for color, marker, network in zip(SERIES, MARKERS, asked(ds), strict=False):
            gap = np.abs(measured / leading - 1).sel(network=network)
            if not np.isfinite(gap).any():
                continue
            low, middle, high = gap.quantile([0.1, 0.5, 0.9], "seed").values
            axes.plot(ε, middle, f"{marker}-", color=color, lw=2, ms=5, label=network)
            axes.fill_between(ε, low, high, color=color, alpha=0.15, lw=0)
        if not axes.get_lines():
            _nothing(axes)
            continue
        top = float(np.nanmax(axes.get_lines()[-1].get_ydata()))
        axes.plot(ε, 3 * top * (ε / ε[0]) ** order, "--", color="#555555", lw=1.2)
        axes.annotate(
            f"slope {order}",
            (ε[3], 3 * top * (ε[3] / ε[0]) ** order),
            (-4, 4),
            textcoords="offset points",
            ha="right",
            color="#555555",
        )
        axes.set(xscale="log", yscale="log")
        axes.set_xlabel("teacher's step ε", fontsize=SIZE)
        axes.set_ylabel(what, fontsize=SIZE)
    panels[0].set_title("eq. (2): the dot product", fontsize=SIZE, loc="left")
    panels[1].set_title("Theorem 1: the fall of L_T", fontsize=SIZE, loc="left")
    if panels[0].get_lines():
        panels[0].legend(frameon=False, fontsize=SIZE - 1)
    caption(
        figure,
        f"{_setting(ds)}, {ds.loss.values[0]}, float64. Line: median; band: 10–90 % of seeds.",
    )
    return figure


@drawn
def sign_map(ds: xr.Dataset) -> Figure:
    """Map where L_T falls in the plane of α and ε, with the hyperbola that eq. (3) predicts."""
    networks, losses = asked(ds), ds.loss.values
    size = (3.3 * len(networks) + 0.6, 2.9 * len(losses) + 0.9)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(losses), len(networks), squeeze=False)
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
                axes.plot(grid, predicted / grid, color="black", lw=2)
            axes.set(xscale="log", yscale="log", xlim=grid[[0, -1]], ylim=grid[[0, -1]])
            axes.set_title(f"{network}, {loss.replace('_', ' ')}", fontsize=SIZE - 0.5)
    for axes in panels[-1]:
        axes.set_xlabel("teacher's step ε", fontsize=SIZE)
    for axes in panels[:, 0]:
        axes.set_ylabel("student's rate α", fontsize=SIZE)
    handles = [
        Patch(color="#56B4E9", label="L_T falls"),
        Patch(color="#E69F00", label="L_T rises"),
        *figure.axes[0].plot([], [], color="black", lw=2, label="α ε = 2q / vᵀ∇²L_T v, eq. (3)"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
    caption(
        figure,
        f"{words(ds.attrs['dataset'])}, seed {int(ds.seed[0])}, L_T on data, one student step.",
    )
    return figure


@drawn
def boundary(ds: xr.Dataset) -> Figure:
    """Draw the α ε at which L_T is back at its start: predicted and measured, every seed."""
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    axes = figure.subplots()
    one = ds.isel(boundary_epsilon=-1)
    shown, whole = 0, 0
    for color, marker, network in zip(SERIES, MARKERS, asked(ds), strict=False):
        x = one.boundary_predicted.sel(network=network).values.ravel()
        y = one.boundary_measured.sel(network=network).values.ravel()
        both = np.isfinite(x) & np.isfinite(y)
        shown, whole = shown + both.sum(), whole + both.size
        axes.plot(x[both], y[both], marker, color=color, ms=5, alpha=0.55, mew=0, label=network)
    values = np.concatenate([np.concatenate(line.get_data()) for line in axes.get_lines()])
    ends = (
        np.array([values.min() / 1.5, values.max() * 1.5]) if values.size else np.array([0.1, 10])
    )
    axes.fill_between(ends, ends / 2, ends * 2, color="#888888", alpha=0.15, lw=0)
    axes.plot(ends, ends, color="#555555", lw=1.2)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    axes.set_xlabel("predicted α ε = 2q / vᵀ∇²L_T v", fontsize=SIZE)
    axes.set_ylabel("measured α ε", fontsize=SIZE)
    axes.legend(frameon=False, fontsize=SIZE - 1)
    caption(
        figure,
        f"{_setting(ds)} × {ds.sizes['loss']} losses: {shown} of {whole} have both.\n"
        f"ε = {float(ds.boundary_epsilon[-1]):g}. Band: a factor of 2.",
    )
    return figure


@drawn
def lazy(ds: xr.Dataset) -> Figure:
    """Draw trained networks' distance from the linearised prediction over width."""
    figure = Figure(figsize=(9.5, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _over_width(left, ds, "lazy_gap", SERIES[0], "o", "parameters, θ_S − θ_0")
    _over_width(left, ds, "lazy_logit_gap", SERIES[1], "s", "class logits on test images")
    width = ds.width.values
    start = float(ds.lazy_gap.isel(width=0).mean())
    left.plot(
        width,
        1.6 * start * (width / width[0]) ** -0.5,
        "--",
        color="#555555",
        lw=1.2,
        label="slope −1/2",
    )
    left.set_ylabel("gap to eq. (6), relative", fontsize=SIZE)
    _over_width(right, ds, "lazy_visible_fraction", SERIES[2], "D", None)
    right.set_ylabel("visible fraction ‖PΔθ_T‖² / ‖Δθ_T‖²", fontsize=SIZE)
    left.legend(frameon=False, fontsize=SIZE - 1)
    caption(
        figure,
        f"{words(ds.attrs['dataset'])}, n = {ds.sizes['lazy_seed']} seeds a width. Small points: "
        "seeds; line: mean. Plain gradient descent, squared error.",
    )
    return figure


@drawn
def boundaries(*studies: xr.Dataset) -> Figure:
    """Draw the boundary over each of some settings: predicted and measured medians.

    studies: from `sim.boundaries`, one for each column.
    """
    losses = studies[0].loss.values
    size = (2.7 * len(studies) + 0.6, 2.7 * len(losses) + 0.9)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(losses), len(studies), sharey="row", squeeze=False)
    for column, study in zip(panels.T, studies, strict=True):
        one = study.isel(boundary_epsilon=-1)
        varied = str(one.boundary_q.dims[0])
        for axes, loss in zip(column, losses, strict=True):
            for color, marker, network in zip(SERIES, MARKERS, one.network.values, strict=False):
                of = one.sel(loss=loss, network=network)
                _medians(axes, of.boundary_measured, f"{marker}-", color, str(network))
                _medians(axes, of.boundary_predicted, f"{marker}--", color, None)
            axes.set_yscale("log")
            axes.set_xticks(range(one.sizes[varied]), [str(v) for v in one[varied].values])
        column[-1].set_xlabel(varied, fontsize=SIZE)
    for axes, loss in zip(panels[:, 0], losses, strict=True):
        axes.set_ylabel(f"α ε, {str(loss).replace('_', ' ')}", fontsize=SIZE)
    lines = figure.axes[0].get_lines()
    style = [
        Line2D([], [], color="#555555", ls=ls, marker="o", ms=5, mfc=face, label=label)
        for ls, face, label in (("-", None, "measured"), ("--", "white", "predicted, eq. (3)"))
    ]
    figure.legend(handles=[*lines[::2], *style], loc="outside upper center", ncols=5, frameon=False)
    caption(
        figure,
        f"Medians of n = {studies[0].sizes['seed']} seeds at ε = {float(one.boundary_epsilon):g}; "
        "no point where half of them have no boundary.",
    )
    return figure


def _medians(axes: Axes, values: xr.DataArray, style: str, color: str, label: str | None) -> None:
    """Over seeds; a seed without a boundary counts as beyond all others."""
    middle = values.fillna(np.inf).median("seed").values
    axes.plot(
        range(len(middle)),
        np.where(np.isfinite(middle), middle, np.nan),
        style,
        lw=1.6,
        color=color,
        ms=5,
        mfc="white" if "--" in style else color,
        label=label,
    )


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
        fontsize=SIZE,
        color="#555555",
    )


def _over_width(
    axes: Axes, ds: xr.Dataset, name: str, color: str, marker: str, label: str | None
) -> None:
    width, values = ds.width.values, ds[name].transpose("width", "lazy_seed").values
    axes.plot(width, values.mean(1), f"{marker}-", color=color, lw=2, ms=6, label=label)
    axes.plot(width, values, marker, color=color, ms=3.5, alpha=0.4, mew=0)
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(width, [str(w) for w in width])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("units in each hidden layer", fontsize=SIZE)


def _setting(ds: xr.Dataset) -> str:
    return f"{words(ds.attrs['dataset'])}, n = {ds.sizes['seed']} seeds"
