"""How figures look: colours, marks, captions, chance, bars; the same on every machine."""

from collections.abc import Iterable
from itertools import cycle

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from sim.report import names
from sim.report.names import counted, formula
from sim.runs.results import fixed
from sim.runs.statistics import Summary

# Keeps a number readable where it lies over the line of chance.
HALO = withStroke(linewidth=3, foreground="white")
GREY = "#666666"
DOTTED = {"color": GREY, "lw": 1, "ls": (0, (2, 3)), "zorder": 0}
# Okabe and Ito's palette, told apart with any colour vision; controls are the cooler colours.
COLORS = {
    "reference": GREY,
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


def colors(models: Iterable[str]) -> dict[str, str]:
    """Choose models' colours: each its own; one that was renamed has what no other here has."""
    own = {model: COLORS[model] for model in models if model in COLORS}
    free = dict.fromkeys(c for c in (*SERIES, *COLORS.values()) if c not in own.values())
    others = [str(model) for model in models if model not in COLORS]
    return own | dict(zip(others, cycle(free or SERIES), strict=False))


def trained(ds: xr.Dataset) -> list[str]:
    """Name the models that were trained."""
    return [str(model) for model in ds.model.values if model != "reference"]


def with_bar(of: Summary) -> tuple[np.ndarray, np.ndarray]:
    """Means [k], and how far their 95 % intervals reach below and above [2, k]."""
    low, high = of.interval
    ends = np.stack([np.atleast_1d(of.mean - low), np.atleast_1d(high - of.mean)])
    return np.atleast_1d(of.mean.values), ends


def chance(axes: Axes, ds: xr.Dataset, *, lying: bool = False) -> None:
    """Draw a line at one over the number of classes, its name beyond the frame.

    lying: of axes whose values go from left to right.
    """
    level = 1 / ds.attrs["classes"]
    (axes.axvline if lying else axes.axhline)(level, **DOTTED)
    axes.annotate(
        "chance",
        (level, 1) if lying else (1, level),
        (0, 2) if lying else (2, 0),
        xycoords=axes.get_xaxis_transform() if lying else axes.get_yaxis_transform(),
        textcoords="offset points",
        ha="center" if lying else "left",
        va="bottom" if lying else "center",
        fontsize="small",
        color=GREY,
    )


def setting(ds: xr.Dataset) -> str:
    """Say data set, what a slice was taken at, seeds and test images, for a caption."""
    images = ds.attrs["test_images"]
    most = "up to " if "classes" in ds.dims else ""
    at = "".join(f", {name} {value}" for name, value in fixed(ds))
    seeds = counted(ds.sizes["seed"], "seed")
    return formula(f"{ds.attrs['dataset']}{at}, n = {seeds}, {most}{images:,} test images")


def unit(values: xr.DataArray) -> str:
    """Put a measure's unit in brackets, if it has one."""
    return f" ({values.attrs['units']})" if values.attrs.get("units") else ""


def measured(values: xr.DataArray, name: str) -> str:
    """Name a measure with its unit, for an axis."""
    return formula(names.measure(name)) + unit(values)
