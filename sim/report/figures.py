"""Figures of figure 10, from its results: each takes a Dataset and returns a matplotlib Figure."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.errors import require
from sim.published.entries import Published
from sim.report.style import (
    COLORS,
    HALO,
    LABELS,
    LINES,
    SIZE,
    caption,
    chance,
    drawn,
    name,
    setting,
    trained,
    unit,
    with_bar,
)
from sim.runs.results import extra
from sim.runs.statistics import summary
from sim.training.measures import MEASURES


@drawn
def figure10(ds: xr.Dataset, published: Sequence[Published] = ()) -> Figure:
    """Test accuracy of each model: every seed a point, the mean with its 95 % interval.

    Beside them what was published of the same settings.
    """
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = figure.subplots()
    jitter = np.random.default_rng(0).uniform(-0.2, 0.2, ds.sizes["seed"])  # looks, not data
    models = [str(model) for model in ds.model.values]
    for place, model in enumerate(models):
        one = ds.sel(model=model)
        color, accuracy = COLORS[model], one.test_accuracy.values
        for lost, marker in ((False, "o"), (True, "x")):
            some = one.diverged.values == lost
            axes.plot(
                place + jitter[some],
                accuracy[some],
                marker,
                color=color,
                alpha=0.35,
                ms=4,
                mew=1.5 if lost else 0,
            )
        mean, bar = with_bar(summary(one.test_accuracy))
        axes.errorbar(
            [place],
            mean,
            bar,
            fmt="D",
            color=color,
            mec="white",
            mew=1.0,
            ms=6.5,
            capsize=8,
            capthick=2.2,
            elinewidth=2.2,
            zorder=3,
        )
        beside = place + 0.25, mean.item()
        axes.annotate(
            f"{mean.item():.3f}".lstrip("0"),
            beside,
            va="center",
            zorder=4,
            fontsize=SIZE - 1,
            color=color,
            path_effects=[HALO],
        )
    published = [p for p in published if p.how == "=" and not p.differs and p.model in models]
    for k, p in enumerate(published):
        low, high = p.span
        axes.errorbar(
            [models.index(p.model) - 0.3 - 0.06 * sum(q.model == p.model for q in published[:k])],
            [(low + high) / 2],
            [(high - low) / 2],
            fmt="o",
            color="black",
            mfc="none",
            ms=6,
        )
    chance(axes, ds, x=len(models) - 0.45)
    axes.set_xticks(range(len(models)), [LABELS[m] for m in models])
    axes.set(xlim=(-0.5, len(models) - 0.4), ylim=(0, 1.02))
    axes.set_ylabel("test accuracy (fraction)", fontsize=SIZE)
    lost = int(ds.diverged.any("model").sum())
    caption(
        figure,
        f"{setting(ds)}. Point: one seed{f' (×: diverged, {lost} seeds)' if lost else ''}. "
        "Diamond and bar: mean, 95 % t-interval."
        + ("\nHollow: published of the same settings; sources in the table." if published else ""),
    )
    return figure


@drawn
def trajectories(ds: xr.Dataset) -> Figure:
    """Test accuracy and training loss over optimiser steps: mean with its 95 % interval.

    Errors: InputError for results without what was measured on the way.
    """
    require("results", [*ds.data_vars], "accuracy_by_step" in ds, "of what was measured by step")
    figure = Figure(figsize=(9.5, 4.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1))
    for model in trained(ds):
        _line(left, ds.accuracy_by_step, model, label=name(model))
        _line(right if model == "teacher" else middle, ds.loss_by_step, model)
    chance(left, ds, x=float(ds.step[-1]))
    left.set(ylim=(0, 1.02))
    for axes, what in (
        (left, "test accuracy (fraction)"),
        (middle, f"distillation loss{unit(ds.loss_by_step)}"),
        (right, "teacher's loss (nats)"),
    ):
        axes.set_ylabel(what, fontsize=SIZE)
        axes.set_xlabel("optimiser steps", fontsize=SIZE)
        axes.margins(x=0.02)
    for axes in (middle, right):
        if any((line.get_ydata() > 0).any() for line in axes.get_lines()):  # some loss is finite
            axes.set_yscale("log")
    diverged = int(ds.diverged.any("model").sum())
    lost = f" ({diverged} diverged: loss curves of the finite)" if diverged else ""
    figure.legend(loc="outside upper center", ncols=5, fontsize=SIZE - 1.5, frameon=False)
    caption(figure, f"{setting(ds)}. Line and band: mean over seeds, 95 % t-interval{lost}.")
    return figure


@drawn
def along(ds: xr.Dataset, measure: str) -> Figure:
    """Draw a measure over optimiser steps, whole and by layer, with its interval."""
    values = ds[MEASURES[measure].path]
    layers = list(ds.layer.values) if "layer" in values.dims else [None]
    columns = min(3, len(layers))
    rows = -(-len(layers) // columns)
    figure = Figure(figsize=(1.5 + 3.2 * columns, 1.2 + 2.7 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, layer in zip(panels, layers, strict=False):
        of = values if layer is None else values.sel(layer=layer)
        for model in trained(ds):
            if np.isfinite(of.sel(model=model)).any():
                _line(axes, of, model, label=name(model))
        axes.set_title("" if layer is None else str(layer).replace("_", " "), fontsize=SIZE)
        axes.set_xlabel("optimiser steps", fontsize=SIZE)
    for axes in panels[len(layers) :]:
        axes.set_axis_off()
    figure.supylabel(values.attrs["long_name"] + unit(values), fontsize=SIZE)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside upper center", ncols=5, frameon=False, fontsize=SIZE - 1.5
    )
    caption(figure, f"{setting(ds)}. Line and band: mean over seeds, 95 % t-interval.")
    return figure


def figures(
    ds: xr.Dataset, published: Sequence[Published] = ()
) -> dict[str, Callable[[xr.Dataset], Figure]]:
    """Name the figures that there are of these results."""
    more = {name: partial(along, measure=name) for name in extra(ds)}
    return {"figure10": partial(figure10, published=published), "trajectories": trajectories} | more


def _line(axes: Axes, values: xr.DataArray, model: str, label: str | None = None) -> None:
    """Draw mean and interval of one model at each step, of the seeds that are finite there."""
    curve = values.sel(model=model)
    curve = curve.where(np.isfinite(curve)).dropna("step", how="all")
    style = {"color": COLORS[model], "ls": LINES.get(model, "-")}
    of = [summary(curve.isel(step=i).dropna("seed")) for i in range(curve.sizes["step"])]
    mean, low, high = np.array([(s.mean, *s.interval) for s in of], float).reshape(-1, 3).T
    axes.plot(curve.step, mean, lw=2, label=label, **style)
    axes.fill_between(curve.step, low, high, color=COLORS[model], alpha=0.2, lw=0)
