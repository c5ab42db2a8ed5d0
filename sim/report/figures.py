"""Figures from results: each takes a Dataset and returns a matplotlib Figure."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from sim.runs.results import fixed
from sim.runs.statistics import Summary, summary
from sim.training import cast

LABELS = {
    "reference": "reference\n(untrained)",
    "teacher": "teacher",
    "student_aux": "student\naux logits",
    "student_all": "student\nall logits",
    "cross_aux": "other init\naux logits",
    "cross_all": "other init\nall logits",
}
# Keeps a number readable where it lies over the line of chance.
HALO = withStroke(linewidth=3, foreground="white")
# Okabe and Ito's palette, told apart with any colour vision; controls are the cooler colours.
COLORS = {
    "reference": "#666666",
    "teacher": "#000000",
    "student_aux": "#D55E00",
    "student_all": "#E69F00",
    "cross_aux": "#0072B2",
    "cross_all": "#56B4E9",
}
STYLE = {"teacher": "--", "cross_aux": "-.", "cross_all": ":"}
STYLE_SIZE = 11


def figure10(ds: xr.Dataset) -> Figure:
    """Test accuracy of each model: every seed a point, the mean with its 95 % interval."""
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = figure.subplots()
    jitter = np.random.default_rng(0).uniform(-0.2, 0.2, ds.sizes["seed"])  # looks, not data
    for place, model in enumerate(cast.MODELS):
        one = ds.sel(model=model)
        color, accuracy = COLORS[model], one.test_accuracy.values
        for lost, marker in ((False, "o"), (True, "x")):
            some = one.diverged.values == lost
            axes.plot(place + jitter[some], accuracy[some], marker, color=color, alpha=0.35, ms=4,
                      mew=1.5 if lost else 0)  # fmt: skip
        mean, bar = with_bar(summary(one.test_accuracy))
        axes.errorbar([place], mean, bar, fmt="D", color=color, mec="white", mew=1.0, ms=6.5,
                      capsize=8, capthick=2.2, elinewidth=2.2, zorder=3)  # fmt: skip
        beside = place + 0.25, mean.item()
        axes.annotate(f"{mean.item():.3f}".lstrip("0"), beside, va="center", zorder=4,
                      fontsize=STYLE_SIZE - 1, color=color, path_effects=[HALO])  # fmt: skip
    chance(axes, ds, x=len(cast.MODELS) - 0.45)
    axes.set_xticks(range(len(cast.MODELS)), [LABELS[m] for m in cast.MODELS])
    axes.set(xlim=(-0.5, len(cast.MODELS) - 0.4), ylim=(0, 1.02))
    axes.set_ylabel("test accuracy (fraction)", fontsize=STYLE_SIZE)
    lost = int(ds.diverged.any("model").sum())
    caption(
        figure,
        f"{setting(ds)}. Point: one seed{f' (×: diverged, {lost} seeds)' if lost else ''}. "
        "Diamond and bar: mean, 95 % t-interval.",
    )
    return tidy(figure)


def trajectories(ds: xr.Dataset) -> Figure:
    """Test accuracy and training loss over optimiser steps: mean with its 95 % interval."""
    figure = Figure(figsize=(9.5, 4.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1))
    for model in (cast.TEACHER, *cast.STUDENTS):
        name = LABELS[model].replace("\n", ", ")
        _line(left, ds, "accuracy_by_step", model, label=name)
        _line(right if model == cast.TEACHER else middle, ds, "loss_by_step", model)
    chance(left, ds, x=float(ds.step[-1]))
    left.set(ylim=(0, 1.02))
    for axes, what in (
        (left, "test accuracy (fraction)"),
        (middle, f"distillation loss ({_units(ds)})"),
        (right, "teacher's loss (nats)"),
    ):
        axes.set_ylabel(what, fontsize=STYLE_SIZE)
        axes.set_xlabel("optimiser steps", fontsize=STYLE_SIZE)
        axes.margins(x=0.02)
    for axes in (middle, right):
        if any((line.get_ydata() > 0).any() for line in axes.get_lines()):  # some loss is finite
            axes.set_yscale("log")
    diverged = int(ds.diverged.any("model").sum())
    lost = f" ({diverged} diverged: loss curves of the finite)" if diverged else ""
    figure.legend(loc="outside upper center", ncols=5, fontsize=STYLE_SIZE - 1.5, frameon=False)
    caption(figure, f"{setting(ds)}. Line and band: mean over seeds, 95 % t-interval{lost}.")
    return tidy(figure)


FIGURES = {"figure10": figure10, "trajectories": trajectories}


def with_bar(of: Summary) -> tuple[np.ndarray, np.ndarray]:
    """Means [k], and how far their 95 % intervals reach below and above [2, k]."""
    low, high = of.interval
    ends = np.stack([np.atleast_1d(of.mean - low), np.atleast_1d(high - of.mean)])
    return np.atleast_1d(of.mean.values), ends


def _line(axes: Axes, ds: xr.Dataset, variable: str, model: str, label: str | None = None) -> None:
    """Mean and interval of one model at each step, of the seeds that are finite there."""
    curve = ds[variable].sel(model=model)
    curve = curve.where(np.isfinite(curve)).dropna("step", how="all")
    style = {"color": COLORS[model], "ls": STYLE.get(model, "-")}
    of = [summary(curve.isel(step=i).dropna("seed")) for i in range(curve.sizes["step"])]
    mean, low, high = np.array([(s.mean, *s.interval) for s in of], float).reshape(-1, 3).T
    axes.plot(curve.step, mean, lw=2, label=label, **style)
    axes.fill_between(curve.step, low, high, color=COLORS[model], alpha=0.2, lw=0)


def chance(axes: Axes, ds: xr.Dataset, x: float) -> None:
    """A line at one over the number of classes, its name ending at x."""
    level = 1 / ds.attrs["classes"]
    axes.axhline(level, color="#666666", lw=1, ls=(0, (2, 3)), zorder=0)
    axes.annotate("chance", (x, level), (0, 3), textcoords="offset points", ha="right",
                  fontsize=STYLE_SIZE - 2, color="#666666")  # fmt: skip


def setting(ds: xr.Dataset) -> str:
    """Data set, seeds, test images, and what a slice was taken at, for a caption."""
    dataset, images = ds.attrs["dataset"], ds.attrs["test_images"]
    most = "up to " if "classes" in ds.dims else ""
    at = "".join(f", {name} {value}" for name, value in fixed(ds))
    return f"{dataset}{at}, n = {ds.sizes['seed']} seeds, {most}{images:,} test images"


def _units(ds: xr.Dataset) -> str:
    return "squared logits" if '"loss": "squared_error"' in ds.attrs["settings"] else "nats"


def caption(figure: Figure, text: str) -> None:
    """What is shown, with n, below a figure."""
    figure.supxlabel(text, fontsize=STYLE_SIZE - 1.5, color="#333333")


def tidy(figure: Figure) -> Figure:
    """No frame on the free sides, ticks readable at half size."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=STYLE_SIZE - 1)
    return figure
