"""Figures of a sweep: curves over one axis, heat maps over two."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.errors import require
from sim.published.entries import Published
from sim.report.style import (
    COLORS,
    MARKERS,
    SIZE,
    caption,
    chance,
    drawn,
    name,
    setting,
    trained,
    unit,
    with_bar,
    words,
)
from sim.runs.results import axes_of, extra, fixed
from sim.runs.statistics import summary
from sim.settings.grid import label
from sim.training.measures import MEASURES, WHOLE

PANELS = 12  # of a grid of three axes or more; the rest is in the data


@drawn
def sweep(
    ds: xr.Dataset, measure: str = "test_accuracy", published: Sequence[Published] = ()
) -> Figure:
    """Draw a measure over the grid: curves for one axis, a heat map a student for two.

    With more axes, heat maps over the first two at each value of the others, of the first student.
    What was published of test accuracy stands beside it.
    Errors: InputError for a slice that has no axis left.
    """
    axes = axes_of(ds)
    require("axes", fixed(ds), axes, "one or more: this slice of a sweep is a single point")
    if "layer" in ds[MEASURES[measure].final].dims:
        ds = ds.sel(layer=WHOLE, drop=True)
    first, *more = axes
    numeric = [axis for axis in axes if ds[axis].dtype.kind in "if"]
    ds = ds.sortby(numeric) if numeric else ds
    values = ds[MEASURES[measure].final]
    published = [p for p in published if p.value is not None and measure == "test_accuracy"]
    if more:
        return _maps(ds, values, published, first, *more)
    return _curves(ds, values, published, first)


def _curves(
    ds: xr.Dataset, measured: xr.DataArray, published: Sequence[Published], axis: str
) -> Figure:
    figure = Figure(figsize=(7.0, 4.6), layout="constrained")
    axes = figure.subplots()
    x, scale = _places(ds[axis].values)
    line = "" if scale == "category" else "-"  # distances that mean nothing are not joined
    for model in trained(ds):
        one = measured.sel(model=model).transpose(axis, "seed")
        values, lost = one.values, ds.diverged.sel(model=model).transpose(axis, "seed").values
        if not np.isfinite(values).any():
            continue  # of a network that this is not measured of
        mean, bar = with_bar(summary(one))
        color, said = COLORS[model], name(model)
        if model == "teacher":
            style = {"ls": "--"} if line else {"ls": "", "marker": "_", "ms": 24, "mew": 2}
            axes.plot(x, mean, color=color, lw=1.5, label=said, **style)
            continue
        shift = _jitter(x, scale, values.shape)
        axes.plot(shift[~lost], values[~lost], ".", color=color, alpha=0.3, ms=7, mew=0)
        axes.plot(shift[lost], values[lost], "x", color=color, alpha=0.5, ms=6)
        axes.errorbar(
            x,
            mean,
            bar,
            fmt=MARKERS[model] + line,
            color=color,
            ms=6,
            lw=1.8,
            capsize=4,
            label=said,
        )
    _ticks(axes, "x", ds[axis].values, x, scale)
    if scale == "category" and sum(len(_word(value)) for value in ds[axis].values) > 60:
        axes.tick_params(axis="x", labelrotation=60)
    axes.margins(x=0.1)
    if measured.attrs.get("units") != "fraction":
        axes.axhline(0, color="#666666", lw=0.8, zorder=0)
    elif axis == "classes":  # of which chance is another at each
        axes.plot(x, 1 / ds.classes.values, color="#666666", lw=1, ls=(0, (2, 3)), label="chance")
    else:
        chance(axes, ds, x=axes.get_xlim()[1])
    if measured.attrs.get("units") == "fraction":
        axes.set(ylim=(0, 1.02))
    aside = _published(
        axes, published, axis, dict(zip(ds[axis].values.tolist(), x, strict=True)), scale
    )
    axes.set_xlabel(words(label(axis)), fontsize=SIZE)
    axes.set_ylabel(_measured(measured), fontsize=SIZE)
    columns = 4 if len(axes.get_legend_handles_labels()[0]) <= 4 else 3  # no wider than the figure
    figure.legend(loc="outside upper center", ncols=columns, frameon=False, fontsize=SIZE - 1)
    numbers = scale == "category" and ds[axis].dtype.kind in "if"
    spaced = "\nValues stand side by side, not at their distances." if numbers else ""
    caption(
        figure,
        f"{setting(ds)}. Point: one seed. Marker and bar: mean, 95 % t-interval."
        + spaced
        + aside
        + _lost(ds),
    )
    return figure


def _published(
    axes: Axes, published: Sequence[Published], axis: str, places: dict, scale: str
) -> str:
    """Draw published values beside ours, hollow, and say for the caption what they are."""
    left = 0
    for dataset in dict.fromkeys(p.dataset for p in published):
        drawn = []
        for p in (p for p in published if p.dataset == dataset and set(p.at) == {axis}):
            at = p.at[axis]
            place = places.get(at, at if scale != "category" else None)
            drawn += [(place, p)] if place is not None else []
        left += sum(p.dataset == dataset for p in published) - len(drawn)
        if drawn:
            low, high = np.transpose([p.span for _, p in drawn])
            axes.errorbar(
                [place for place, _ in drawn],
                (low + high) / 2,
                (high - low) / 2,
                fmt="o",
                color="black",
                mfc="none",
                ms=9,
                capsize=0,
                label=f"published ({dataset})",
                zorder=4,
            )
    rest = f" ({left} more not on this axis)" if left else ""
    return (
        f"\nHollow: published of student, aux logits{rest}; sources in the table."
        if published
        else ""
    )


def _maps(
    ds: xr.Dataset,
    measured: xr.DataArray,
    published: Sequence[Published],
    first: str,
    second: str,
    *others: str,
) -> Figure:
    students = [model for model in trained(ds) if model != "teacher"]
    cells = [dict(zip(others, at, strict=True)) for at in product(*(ds[o].values for o in others))]
    panels = [(cell, model) for cell in cells for model in (students[:1] if others else students)]
    shown = panels[:PANELS]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    rows_x, columns_x = ds.sizes[first], ds.sizes[second]
    width = max(7.0, 1.0 + columns * max(3.0, 0.62 * columns_x))  # 7: the caption's
    size = (width, 1.3 + rows * max(2.4, 0.36 * rows_x))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel()[len(shown) :]:
        axes.set_axis_off()
    means = measured.sel(model=students).mean("seed")
    fraction = measured.attrs.get("units") == "fraction"
    ends = (0, 1) if fraction else (float(means.min()), float(means.max()))
    for axes, (cell, model) in zip(grid.ravel(), shown, strict=False):
        at = cell | {"model": model}
        one = means.sel(at).transpose(first, second)
        lost = ds.diverged.sel(at).any("seed").transpose(first, second).values
        image = axes.imshow(
            one, vmin=ends[0], vmax=ends[1], cmap="cividis", origin="lower", aspect="auto"
        )
        for i, j in np.ndindex(*one.shape):
            value = float(one[i, j])
            color = "black" if image.norm(value) > 0.5 else "white"
            text = f"{value:.2f}".lstrip("0") + ("×" if lost[i, j] else "")
            here = cell | {first: ds[first].values[i], second: ds[second].values[j]}
            said = [p for p in published if p.model == model and dict(p.at) == here]
            values = (f"{'>' * (p.how == '>')}{p.value:.2f}".replace("0.", ".") for p in said)
            text += f"\n({', '.join(values)})" if said else ""
            axes.text(j, i, text, ha="center", va="center", color=color, fontsize=SIZE - 3)
        title = ", ".join(f"{k.replace('_', ' ')} {_word(v)}" for k, v in cell.items())
        axes.set_title(title or name(model), fontsize=SIZE)
        for way, axis in (("x", second), ("y", first)):
            values = ds[axis].values
            _ticks(axes, way, values, np.arange(len(values)), "linear", every=True)
            getattr(axes, f"set_{way}label")(words(label(axis)), fontsize=SIZE)
    bar = figure.colorbar(image, ax=grid, shrink=0.8)
    bar.set_label(_measured(measured), fontsize=SIZE)
    who = f" {name(students[0]).capitalize()}." if others else ""
    left = f" First {len(shown)} of {len(panels)} maps." if len(panels) > len(shown) else ""
    level = "one over classes" if "classes" in ds.dims else f"{1 / ds.attrs['classes']:.2g}"
    by_chance = f"; chance {level}" if fraction else ""
    sets = ", ".join(sorted({p.dataset for p in published}))
    aside = f"\nIn brackets: published ({sets}); sources in the table." if published else ""
    caption(
        figure, f"{setting(ds)}. Cell: mean over seeds{by_chance}.{who}{left}{_lost(ds)}{aside}"
    )
    return figure


def _lost(ds: xr.Dataset) -> str:
    n = int(ds.diverged.sum())
    return f" ×: diverged, {n} of {ds.diverged.size} networks (kept)." if n else ""


def _places(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Place values on an axis, and choose its scale: log if numbers span a decade.

    Names stand side by side, and so do numbers of which two would stand in each other's way.
    """
    side_by_side = np.arange(len(values)), "category"
    if values.dtype.kind not in "if":
        return side_by_side
    wide = values.min() > 0 and values.max() >= 10 * values.min() and len(values) > 2
    at = np.sort(np.log(values) if wide else values)
    if len(at) > 1 and np.diff(at).min() < 0.1 * (at[-1] - at[0]):
        return side_by_side
    return values.astype(float), "log" if wide else "linear"


def _jitter(x: np.ndarray, scale: str, shape: tuple[int, int]) -> np.ndarray:
    noise = np.random.default_rng(0).uniform(-0.012, 0.012, shape)  # looks, not data
    if scale == "log":
        return x[:, None] * (x[-1] / x[0]) ** noise
    return x[:, None] + noise * (abs(x[-1] - x[0]) or 1)


def _ticks(
    axes: Axes, way: str, values: np.ndarray, x: np.ndarray, scale: str, *, every: bool = False
) -> None:
    if scale == "log":
        getattr(axes, f"set_{way}scale")("log")
    if every or scale == "category" or len(values) <= 10:
        getattr(axes, f"set_{way}ticks")(x, [_word(value) for value in values])
        getattr(axes, f"{way}axis").minorticks_off()


def _measured(values: xr.DataArray) -> str:
    """Name a measure with its unit, short."""
    return (values.name or "").replace("_", " ") + unit(values)


def _word(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, (float, np.floating)) else words(value)


def figures(
    ds: xr.Dataset, published: Sequence[Published] = ()
) -> dict[str, Callable[[xr.Dataset], Figure]]:
    """Name the figures that there are of these results."""
    return {"sweep": partial(sweep, published=published)} | {
        name: partial(sweep, measure=name) for name in extra(ds)
    }
