"""How figures look: names, colours, captions, chance, bars; the same on every machine."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from sim.runs.results import fixed
from sim.runs.statistics import Summary

LABELS = {
    "reference": "reference\n(untrained)",
    "teacher": "teacher",
    "student_aux": "student\naux logits",
    "student_all": "student\nall logits",
    "cross_aux": "other init\naux logits",
    "cross_all": "other init\nall logits",
    "placebo_aux": "placebo\naux logits",
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
    "placebo_aux": "#009E73",
}
SERIES = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00")  # of what has no name here
LINES = {"teacher": "--", "cross_aux": "-.", "cross_all": ":", "placebo_aux": (0, (5, 1))}
MARKERS = {
    "student_aux": "o",
    "student_all": "s",
    "cross_aux": "D",
    "cross_all": "^",
    "placebo_aux": "v",
}
SIZE = 11  # of text, in points


def drawn(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw under matplotlib's own settings, whatever the user's are, and tidy up.

    No frame on the free sides, ticks readable at half size.
    """

    @wraps(draw)
    def draws(*arguments: Any, **named: Any) -> Figure:
        with mpl.rc_context(mpl.rcParamsDefault):
            figure = draw(*arguments, **named)
            for axes in figure.axes:
                axes.spines[["top", "right"]].set_visible(False)
                axes.tick_params(labelsize=SIZE - 1)
            return figure

    return draws


def name(model: str) -> str:
    """Name a model in one line."""
    return LABELS.get(model, str(model).replace("_", " ")).replace("\n", ", ")


def trained(ds: xr.Dataset) -> list[str]:
    """Name the models that were trained."""
    return [str(model) for model in ds.model.values if model != "reference"]


def words(text: object) -> str:
    """Take a user's text as it is: $ begins no formula in it."""
    return str(text).replace("$", r"\$")


def with_bar(of: Summary) -> tuple[np.ndarray, np.ndarray]:
    """Means [k], and how far their 95 % intervals reach below and above [2, k]."""
    low, high = of.interval
    ends = np.stack([np.atleast_1d(of.mean - low), np.atleast_1d(high - of.mean)])
    return np.atleast_1d(of.mean.values), ends


def chance(axes: Axes, ds: xr.Dataset, x: float) -> None:
    """Draw a line at one over the number of classes, its name ending at x."""
    level = 1 / ds.attrs["classes"]
    axes.axhline(level, color="#666666", lw=1, ls=(0, (2, 3)), zorder=0)
    axes.annotate(
        "chance",
        (x, level),
        (0, 3),
        textcoords="offset points",
        ha="right",
        fontsize=SIZE - 2,
        color="#666666",
    )


def setting(ds: xr.Dataset) -> str:
    """Say data set, what a slice was taken at, seeds and test images, for a caption."""
    images = ds.attrs["test_images"]
    most = "up to " if "classes" in ds.dims else ""
    at = "".join(f", {name} {value}" for name, value in fixed(ds))
    return words(
        f"{ds.attrs['dataset']}{at}, n = {ds.sizes['seed']} seeds, {most}{images:,} test images"
    )


def unit(values: xr.DataArray) -> str:
    """Put a measure's unit in brackets, if it has one."""
    return f" ({values.attrs['units']})" if values.attrs.get("units") else ""


def caption(figure: Figure, text: str) -> None:
    """Say what is shown, with n, below a figure."""
    figure.supxlabel(text, fontsize=SIZE - 1.5, color="#333333")
