"""Figures of figure 10, from its results: each takes a Dataset and returns a matplotlib Figure."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.errors import require
from sim.published.entries import Published
from sim.report import names
from sim.report.names import counted
from sim.report.sheet import Sheet, drawn
from sim.report.style import (
    HALO,
    LINES,
    chance,
    colors,
    measured,
    setting,
    trained,
    with_bar,
)
from sim.runs.results import extra
from sim.runs.statistics import summary
from sim.training.measures import MEASURES


def _over_seeds(ds: xr.Dataset) -> None:
    """Require results of one point. Errors: InputError."""
    dims = getattr(ds, "test_accuracy", xr.DataArray()).dims
    require("results", dims, {*dims} == {"seed", "model"}, "over seed and model, and nothing else")


@drawn
def figure10(sheet: Sheet, ds: xr.Dataset, published: Sequence[Published] = ()) -> None:
    """Test accuracy of each model: every seed a point, the mean with its 95 % interval.

    Beside them what was published of the same settings.
    """
    _over_seeds(ds)
    models = sheet.chosen(ds.model.values)
    labels = [names.model(m).replace(", ", "\n") for m in models]
    lying = sheet.flat(labels)
    high = 0.55 * len(models) if lying else 4.6
    axes = sheet.panels(panel=(7.5, high), lines=lying)[0, 0]

    def on(place: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (value, place) if lying else (place, value)

    jitter = np.random.default_rng(0).uniform(-0.2, 0.2, ds.sizes["seed"])  # looks, not data
    for place, model in enumerate(models):
        one = ds.sel(model=model)
        color, accuracy = colors(ds.model.values)[model], one.test_accuracy.values
        for lost, marker in ((False, "o"), (True, "x")):
            some = one.diverged.values == lost
            axes.plot(
                *on(place + jitter[some], accuracy[some]),
                marker,
                color=color,
                alpha=0.35,
                ms=sheet.pt(4),
                mew=sheet.pt(1.5) if lost else 0,
            )
        mean, bar = with_bar(summary(one.test_accuracy))
        axes.errorbar(
            *on([place], mean),
            **{"xerr" if lying else "yerr": bar},
            fmt="D",
            color=color,
            mec="white",
            mew=sheet.pt(1),
            ms=sheet.pt(6.5),
            capsize=sheet.pt(8 if not lying else 5),
            capthick=sheet.pt(2.2),
            elinewidth=sheet.pt(2.2),
            zorder=3,
        )
        axes.annotate(
            f"{mean.item():.3f}".lstrip("0"),
            (mean.item(), place + 0.2) if lying else (place + 0.25, mean.item()),
            ha="center" if lying else "left",
            va="top" if lying else "center",
            zorder=4,
            fontsize="small",
            color=color,
            path_effects=[HALO],
        )
    published = [p for p in published if p.how == "=" and not p.differs and p.model in models]
    for k, p in enumerate(published):
        low, high = p.span
        before = sum(q.model == p.model for q in published[:k])
        axes.errorbar(
            *on([models.index(p.model) - 0.3 - 0.06 * before], [(low + high) / 2]),
            **{"xerr" if lying else "yerr": [(high - low) / 2]},
            fmt="o",
            color="black",
            mfc="none",
            ms=sheet.pt(6),
        )
    chance(axes, ds, lying=lying)
    if lying:
        axes.set_yticks(range(len(models)), [label.replace("\n", ", ") for label in labels])
        axes.set(ylim=(len(models) - 0.25, -0.75), xlim=(0, 1.02))
        axes.set_xlabel("test accuracy (fraction)")
    else:
        axes.set_xticks(range(len(models)), labels)
        axes.set(xlim=(-0.5, len(models) - 0.4), ylim=(0, 1.02))
        axes.set_ylabel("test accuracy (fraction)")
    lost = int(ds.diverged.any("model").sum())
    diverged = f" (×: diverged, {counted(lost, 'seed')})" if lost else ""
    sheet.caption(
        f"{setting(ds)}. Point: one seed{diverged}. "
        "Diamond and bar: mean, 95 % t-interval."
        + ("\nHollow: published of the same settings; sources in the table." if published else "")
    )


@drawn
def trajectories(sheet: Sheet, ds: xr.Dataset) -> None:
    """Test accuracy and training loss over optimiser steps: mean with its 95 % interval.

    Errors: InputError for results without what was measured on the way.
    """
    _over_seeds(ds)
    require("results", [*ds.data_vars], "accuracy_by_step" in ds, "of what was measured by step")
    (panels,) = sheet.panels(1, 3, panel=(3.17, 4.4), sharex="all")
    left, middle, right = panels
    models = [model for model in sheet.chosen(ds.model.values) if model != "reference"]
    for model in models:
        _line(left, ds.accuracy_by_step, model)
        _line(right if model == "teacher" else middle, ds.loss_by_step, model)
    chance(left, ds)
    left.set(ylim=(0, 1.02))
    of_students = measured(ds.loss_by_step, "distillation loss")
    for axes, what in (
        (left, "test accuracy (fraction)"),
        (middle, of_students),
        (right, "teacher's loss (nats)"),
    ):
        axes.set_ylabel(what)
        axes.set_xlabel("optimiser steps")
        axes.margins(x=0.02)
    for axes in (middle, right):
        if any((line.get_ydata() > 0).any() for line in axes.get_lines()):  # some loss is finite
            axes.set_yscale("log")
    diverged = int(ds.diverged.any("model").sum())
    lost = f" ({diverged} diverged: loss curves of the finite)" if diverged else ""
    sheet.key(left.get_lines()[: len(models)], [*map(names.model, models)])
    sheet.caption(f"{setting(ds)}. Line and band: mean over seeds, 95 % t-interval{lost}.")


@drawn
def along(sheet: Sheet, ds: xr.Dataset, measure: str) -> None:
    """Draw a measure over optimiser steps, whole and by layer, with its interval."""
    values = ds[MEASURES[measure].path]
    layers = [*ds.layer.values] if "layer" in values.dims else [None]
    (panels,) = sheet.panels(
        1, len(layers), across=3, panel=(3.2, 2.7), edge=(1.5, 1.2), sharex="all", sharey="all"
    )
    shown = {}
    for axes, layer in zip(panels, layers, strict=True):
        of = values if layer is None else values.sel(layer=layer)
        for model in sheet.chosen(trained(ds)):
            if np.isfinite(of.sel(model=model)).any():
                shown[model] = _line(axes, of, model)
        axes.set_title("" if layer is None else names.value(layer))
        axes.set_xlabel("optimiser steps")
        axes.set_ylabel(measured(values, measure))
    sheet.key([*shown.values()], [*map(names.model, shown)])
    sheet.caption(f"{setting(ds)}. Line and band: mean over seeds, 95 % t-interval.")


def figures(
    ds: xr.Dataset, published: Sequence[Published] = ()
) -> dict[str, Callable[[xr.Dataset], Figure]]:
    """Name the figures that there are of these results."""
    more = {name: partial(along, measure=name) for name in extra(ds)}
    return {"figure10": partial(figure10, published=published), "trajectories": trajectories} | more


def _line(axes: Axes, values: xr.DataArray, model: str) -> Line2D:
    """Draw mean and interval of one model at each step, of the seeds that are finite there."""
    curve = values.sel(model=model)
    curve = curve.where(np.isfinite(curve)).dropna("step", how="all")
    color = colors(values.model.values)[model]
    parts = [curve]
    if curve.isnull().any():  # of other seeds at other steps
        parts = [curve.isel(step=[i]).dropna("seed") for i in range(curve.sizes["step"])]
    of = [summary(part) for part in parts]
    mean, low, high = np.concatenate([(s.mean, *s.interval) for s in of], 1)
    (line,) = axes.plot(curve.step, mean, color=color, ls=LINES.get(model, "-"))
    axes.fill_between(curve.step, low, high, color=color, alpha=0.2, lw=0)
    return line
