"""Figures of a sweep: curves over one axis, heat maps over two."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.errors import choose, require
from sim.published.entries import Published
from sim.report import names
from sim.report.names import formula
from sim.report.sheet import Sheet, drawn
from sim.report.style import (
    DOTTED,
    GREY,
    MARKERS,
    chance,
    colors,
    measured,
    setting,
    with_bar,
)
from sim.runs.results import axes_of, extra, fixed
from sim.runs.statistics import difference, summary
from sim.training.families import CONTROLS
from sim.training.measures import MEASURES, WHOLE

PANELS = 12  # of a grid of three axes or more; the rest is in the data
EVENER = 1.5  # so much more evenly spaced in another scale, values are drawn in that


@drawn
def sweep(
    sheet: Sheet,
    ds: xr.Dataset,
    measure: str = "test_accuracy",
    published: Sequence[Published] = (),
) -> None:
    """Draw a measure over the grid: curves for one axis, heat maps for two.

    Of two axes: a map of means for each student and control, and one of their paired difference.
    With more axes, heat maps over the first two at each value of the others, of the first student.
    What was published of test accuracy stands beside it.
    Errors: InputError for a slice that has no axis left, or for what was not measured.
    """
    axes = axes_of(ds)
    require("axes", fixed(ds), axes, "one or more: this slice of a sweep is a single point")
    choose("measure", measure, [name for name, m in MEASURES.items() if m.final in ds])
    if "layer" in ds[MEASURES[measure].final].dims:
        ds = ds.sel(layer=WHOLE, drop=True)
    first, *more = axes
    numeric = [axis for axis in axes if ds[axis].dtype.kind in "if"]
    ds = ds.sortby(numeric) if numeric else ds
    values = ds[MEASURES[measure].final]
    published = [p for p in published if p.value is not None and measure == "test_accuracy"]
    if more:
        _maps(sheet, ds, values, measure, published, first, *more)
    else:
        _curves(sheet, ds, values, measure, published, first)


def _curves(
    sheet: Sheet,
    ds: xr.Dataset,
    values: xr.DataArray,
    measure: str,
    published: Sequence[Published],
    axis: str,
) -> None:
    x, scale = _places(ds[axis].values)
    words = [*map(names.value, ds[axis].values)]
    line = "" if scale == "category" else "-"  # distances that mean nothing are not joined
    lying = scale == "category" and sheet.flat(words)
    words, most = sheet.broken(words) if lying else (words, 1)
    high = (0.18 + 0.18 * most) * len(words) if lying else 4.6
    edge = (0, 1.8 * lying)
    axes = sheet.panels(panel=(7.0, high), edge=edge, lines=lying)[0, 0]
    along, across = ("y", "x") if lying else ("x", "y")
    _scale(axes, along, x, scale)

    def on(place: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (value, place) if lying else (place, value)

    shown = [
        model
        for model in sheet.chosen(ds.model.values)
        if model != "reference" and np.isfinite(values.sel(model=model)).any()
    ]  # and not those that this is not measured of
    students = [model for model in shown if model != "teacher"]
    handles = {}
    for model in shown:
        one = values.sel(model=model).transpose(axis, "seed")
        mean, bar = with_bar(summary(one))
        color = colors(ds.model.values)[model]
        if model == "teacher":
            mark = {"marker": "|" if lying else "_", "ms": sheet.pt(20), "mew": sheet.pt(2)}
            style = {"ls": "--", "lw": sheet.pt(1.5)} if line else {"ls": ""} | mark
            (handles[model],) = axes.plot(*on(x, mean), color=color, zorder=1.5, **style)
            continue
        beside = sheet.dodged(axes, along, x, students.index(model), len(students))
        near = _jitter(axes, along, beside, one.shape)
        of, lost = one.values, ds.diverged.sel(model=model).transpose(axis, "seed").values
        for some, mark, size in ((~lost, ".", 7), (lost, "x", 6)):
            look = {"color": color, "ms": sheet.pt(size), "alpha": 0.4}
            axes.plot(*on(near[some], of[some]), mark, mew=sheet.pt(mark == "x"), **look)
        handles[model] = axes.errorbar(
            *on(beside, mean),
            **{f"{across}err": bar},
            fmt=MARKERS.get(model, "o") + line,
            color=color,
            label=names.model(model),
            capsize=sheet.pt(3 if len(students) > 1 else 4),
        )
    if scale == "category":
        sheet.named(axes, along, x, words)
        getattr(axes, f"set_{along}lim")(*((-0.6, len(x) - 0.4)[:: -1 if lying else 1]))
    elif len(x) <= 10:
        _ticks(axes, along, x, words)
    if scale != "category":
        axes.margins(x=0.08)
    entries = {names.model(model): handle for model, handle in handles.items()}
    _level(axes, ds, values, axis, entries, lying=lying)
    at = dict(zip(ds[axis].values.tolist(), x, strict=True))
    aside = _published(sheet, axes, published, axis, at, scale, entries, lying=lying)
    getattr(axes, f"set_{along}label")(formula(names.axis(axis)))
    getattr(axes, f"set_{across}label")(measured(values, measure))
    if lying:
        axes.set_ylabel("")  # the names say it, and need the room
    sheet.key([*entries.values()], [*entries], columns=3)
    marks = "Point: one seed. Marker and bar: mean, 95 % t-interval."
    sheet.caption(f"{setting(ds)}. {marks}{aside}{_lost(ds)}")


def _level(
    axes: Axes,
    ds: xr.Dataset,
    values: xr.DataArray,
    axis: str,
    entries: dict[str, Any],
    *,
    lying: bool,
) -> None:
    """Draw what says nothing: chance, or of what is no fraction 0."""
    if values.attrs.get("units") != "fraction":
        (axes.axvline if lying else axes.axhline)(0, color=GREY, lw=0.8, zorder=0)
        return
    if axis == "classes":  # of which chance is another at each
        (entries["chance"],) = axes.plot(ds.classes, 1 / ds.classes, **DOTTED)
    else:
        chance(axes, ds, lying=lying)
    (axes.set_xlim if lying else axes.set_ylim)(0, 1.02)


def _published(
    sheet: Sheet,
    axes: Axes,
    published: Sequence[Published],
    axis: str,
    places: dict,
    scale: str,
    entries: dict[str, Any],
    *,
    lying: bool,
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
            at, middle = [place for place, _ in drawn], (low + high) / 2
            entries[f"published ({dataset})"] = axes.errorbar(
                *((middle, at) if lying else (at, middle)),
                **{"xerr" if lying else "yerr": (high - low) / 2},
                fmt="o",
                color="black",
                mfc="none",
                ms=sheet.pt(9),
                lw=sheet.pt(1.5),
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
    sheet: Sheet,
    ds: xr.Dataset,
    values: xr.DataArray,
    measure: str,
    published: Sequence[Published],
    first: str,
    second: str,
    *others: str,
) -> None:
    students = [m for m in sheet.chosen(ds.model.values) if m not in ("reference", "teacher")]
    require("models", sheet.models, students, "a student, or several")
    cells = [dict(zip(others, at, strict=True)) for at in product(*(ds[o].values for o in others))]
    if others:
        panels = [(cell, students[0], "") for cell in cells]
    else:
        panels = [({}, *pair) for pair in _beside_controls(students)]
    shown = panels[:PANELS]
    rows_x, columns_x = ds.sizes[first], ds.sizes[second]
    (grid,) = sheet.panels(
        1,
        len(shown),
        across=3,
        panel=(max(3.0, 0.62 * columns_x), max(1.8, 0.36 * rows_x)),
        edge=(1.0, 0.9 + 0.9 * -(-len(shown) // 3)),
        least=1 + 0.4 * columns_x,
        lines=True,
        sharex="all",
        sharey="all",
    )
    means = values.sel(model=students).mean("seed")
    fraction = values.attrs.get("units") == "fraction"
    ends = (0, 1) if fraction else (float(means.min()), float(means.max()))
    apart = [_apart(values, student, control) for _, student, control in shown if control]
    reach = max([float(abs(of.mean).max()) for of in apart], default=0) or 1.0
    bars = {}
    for axes, (cell, model, control) in zip(grid, shown, strict=True):
        if control:
            of = _apart(values, model, control)
            one, clear = of.mean, (abs(of.mean) > of.half_width).transpose(first, second).values
            style = {"vmin": -reach, "vmax": reach, "cmap": "RdBu_r"}
            lost = ds.diverged.sel(model=[model, control]).any(["seed", "model"])
            kind, title = "difference", f"{names.model(model)} less control"
        else:
            at = cell | {"model": model}
            one, clear, lost = means.sel(at), None, ds.diverged.sel(at).any("seed")
            style = {"vmin": ends[0], "vmax": ends[1], "cmap": "cividis"}
            title = ", ".join(f"{names.short(k)} {names.value(v)}" for k, v in cell.items())
            kind, title = "mean", title or names.model(model)
        one, lost = one.transpose(first, second).values, lost.transpose(first, second).values
        image = bars[kind] = axes.imshow(one, origin="lower", aspect="auto", **style)
        said = {
            (i, j): [p for p in published if p.model == model and not control and dict(p.at) == at]
            for i, a in enumerate(ds[first].values)
            for j, b in enumerate(ds[second].values)
            for at in [cell | {first: a, second: b}]
        }
        _numbers(sheet, axes, image, one, lost, clear, said)
        axes.set_title(formula(title))
        for way, axis in (("x", second), ("y", first)):
            words = [*map(names.value, ds[axis].values)]
            sheet.named(axes, way, np.arange(len(words)), words)
            getattr(axes, f"set_{way}label")(formula(names.axis(axis)))
    side = "bottom" if sheet.inches and sheet.inches < 8 else "right"
    look = {"shrink": 0.8, "pad": 0.02, "aspect": 30, "fraction": 0.06}
    for kind, image in bars.items():
        bar = sheet.figure.colorbar(image, ax=[*grid], location=side, **look)
        text = measured(values, measure)
        bar.set_label(f"{text}, difference" if kind == "difference" else text)
    who = f" {names.model(students[0]).capitalize()}." if others else ""
    left = f" First {len(shown)} of {len(panels)} maps." if len(panels) > len(shown) else ""
    level = "one over classes" if "classes" in ds.dims else f"{1 / ds.attrs['classes']:.2g}"
    by_chance = f"; chance {level}" if fraction else ""
    sets = ", ".join(sorted({p.dataset for p in published}))
    aside = f"\nIn brackets: published ({sets}); sources in the table." if published else ""
    pairs = " Difference: by pairs of seeds; bold: 95 % interval clear of 0." if apart else ""
    sheet.caption(
        f"{setting(ds)}. Cell: mean over seeds{by_chance}.{pairs}{who}{left}{_lost(ds)}{aside}"
    )


def _numbers(
    sheet: Sheet,
    axes: Axes,
    image: Any,
    values: np.ndarray,
    lost: np.ndarray,
    clear: np.ndarray | None,
    published: dict[tuple[int, int], list[Published]],
) -> None:
    """Write each cell's value; of differences with its sign, bold where it is clear of 0."""
    for i, j in np.ndindex(*values.shape):
        text = _digits(values[i, j], sign=clear is not None) + ("×" if lost[i, j] else "")
        said = ", ".join(f"{'>' * (p.how == '>')}{_digits(p.value)}" for p in published[i, j])
        axes.text(
            j,
            i,
            text + (f"\n({said})" if said else ""),
            ha="center",
            va="center",
            color=_readable(image, values[i, j]),
            fontsize=0.7 * sheet.size,
            fontweight="bold" if clear is not None and clear[i, j] else "normal",
        )


def _beside_controls(students: Sequence[str]) -> list[tuple[str, str]]:
    """Order maps: a student, its control, their difference (which has the control's name too)."""
    found: list[tuple[str, str]] = []
    for student in students:
        if (student, "") in found:
            continue
        found.append((student, ""))
        if (control := CONTROLS.get(student)) in students:
            found += [(control, "")] * ((control, "") not in found) + [(student, control)]
    return found


def _apart(values: xr.DataArray, student: str, control: str) -> Any:
    mine, other = (values.sel(model=model, drop=True) for model in (student, control))
    return summary(difference(mine, other))


def _digits(value: float, *, sign: bool = False) -> str:
    text = re.sub(r"^([+-]?)0\.", r"\1.", f"{value:{'+' if sign else ''}.2f}").replace("-", "−")
    return ".00" if text in ("−.00", "+.00") else text


def _readable(image: Any, value: float) -> str:
    """Choose black or white letters, on the colour of a value."""
    red, green, blue, _ = image.cmap(image.norm(value))
    return "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"


def _lost(ds: xr.Dataset) -> str:
    n = int(ds.diverged.sum())
    return f" ×: diverged, {n} of {ds.diverged.size} networks (kept)." if n else ""


def _places(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Place values on an axis, and choose its scale: names side by side, numbers as they are.

    A single number as a name: it has no distances, and no line through it. Log where that spaces
    them more evenly; where 0 is among them, linear below the least.
    """
    if values.dtype.kind not in "if" or len(values) == 1:
        return np.arange(len(values)), "category"
    at = np.sort(values.astype(float))
    positive = at[at > 0]
    if at[0] < 0 or len(positive) < 3:
        return values.astype(float), "linear"
    steps = np.diff(np.log10(positive))
    if at[0] == 0:
        steps = np.append(steps, np.median(steps))
    plain = np.diff(at).min() / (at[-1] - at[0])
    if steps.min() / steps.sum() <= EVENER * plain:
        return values.astype(float), "linear"
    return values.astype(float), "symlog" if at[0] == 0 else "log"


def _scale(axes: Axes, way: str, x: np.ndarray, scale: str) -> None:
    """Set the scale of an axis; of symlog, 0 is as far from the least as values are apart."""
    more = {}
    if scale == "symlog":
        positive = np.sort(x[x > 0])
        apart = float(np.median(np.diff(np.log10(positive))))
        more = {"linthresh": float(positive[0]), "linscale": max(apart, 0.2)}
    if scale in ("log", "symlog"):
        getattr(axes, f"set_{way}scale")(scale, **more)


def _jitter(axes: Axes, way: str, x: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Spread seeds a little beside their value, alike in every scale."""
    noise = np.random.default_rng(0).uniform(-0.008, 0.008, shape)  # looks, not data
    scale = getattr(axes, f"{way}axis").get_transform()
    at = scale.transform(np.asarray(x, float))
    reach = (at.max() - at.min()) or 1
    return scale.inverted().transform((at[:, None] + noise * reach).ravel()).reshape(shape)


def _ticks(axes: Axes, way: str, x: np.ndarray, words: Sequence[str]) -> None:
    getattr(axes, f"set_{way}ticks")(x, words)
    getattr(axes, f"{way}axis").minorticks_off()


def figures(
    ds: xr.Dataset, published: Sequence[Published] = ()
) -> dict[str, Callable[[xr.Dataset], Figure]]:
    """Name the figures that there are of these results."""
    return {"sweep": partial(sweep, published=published)} | {
        name: partial(sweep, measure=name) for name in extra(ds)
    }
