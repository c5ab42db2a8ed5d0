"""What charts are chosen from: means with intervals and seeds of every measure, at every point."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sim.report.names import model as name
from sim.report.rates import family
from sim.report.style import COLORS, SERIES
from sim.runs.statistics import difference, summary
from sim.settings.grid import label
from sim.training import lineages
from sim.training.families import CONTROLS

SEEDS, CELLS = 40_000, 20_000  # values of seeds, and means, that a page has room for
ROLES = COLORS | {"student": SERIES[0], "control": SERIES[1], "other": SERIES[2]}
ROLES |= {"other_control": COLORS["cross_all"], "base": COLORS["reference"]}
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
NEVER = ("validation_accuracy",)  # settings are chosen by it: nothing to be shown
LEADING = ("trait_rate", "test_accuracy", "ordinary_accuracy")


def charts(ds: xr.Dataset) -> dict[str, Any] | None:
    """Lay out a run's measures for the page; None where it has none over seeds and models.

    axes, models, measures: what can be chosen, with names for people. Of a measure: mean, low, high
    and lost (seeds that diverged) of each place of its dims and of each model, the last fastest;
    seeds: of each such place. starts: what is chosen first, a chart each. left_out: measures for
    which a page has no room.
    """
    each = {str(n): v for n, v in ds.data_vars.items()}
    found = [n for n, v in each.items() if {"seed", "model"} <= {*v.dims} and _shown(n, v)]
    found.sort(key=lambda n: (n not in LEADING, "step" in ds[n].dims, n != LEADING[0]))
    if not found:
        return None
    pairs = _pairs(ds)
    measures, left_out, cells, seeds = [], [], 0, 0
    for measure in found:
        cells += ds[measure].size // ds.sizes["seed"]
        if cells > CELLS and measures:
            left_out.append(measure.replace("_", " "))
            continue
        seeds += ds[measure].size
        measures.append(_measure(ds, measure, pairs, with_seeds=seeds <= SEEDS))
    axes = dict.fromkeys(dim for one in measures for dim in one["dims"])
    return {
        "n": ds.sizes["seed"],
        "chance": 1 / ds.attrs["classes"]
        if "classes" in ds.attrs and "classes" not in ds.dims
        else None,
        "axes": {str(axis): _axis(ds, axis) for axis in axes},
        "models": [*_models(ds, pairs)],
        "measures": measures,
        "starts": [*_starts(ds, measures)],
        "left_out": left_out,
    }


def widths(ds: xr.Dataset, names: Mapping[str, str]) -> dict[str, Any]:
    """Lay out the trained networks that are beside the theorem, over width; names: of measures."""
    of = ds[[*names]].rename({**names, "lazy_seed": "seed"}).expand_dims(model=["student"])
    return charts(of) | {"chance": None}


def _shown(name: str, values: xr.DataArray) -> bool:
    return name not in NEVER and values.dtype.kind == "f" and bool(values.notnull().any())


def _pairs(ds: xr.Dataset) -> list[tuple[str, str]]:
    """Pair students with their controls."""
    models = [*map(str, ds.model.values)]
    if "trait_rate" not in ds:
        return [
            (model, control) for model, control in CONTROLS.items() if {model, control} <= {*models}
        ]
    found = lineages.controls(family(ds), models).items()
    return [(model, control) for model, control in found if control]


def _measure(
    ds: xr.Dataset, measure: str, pairs: Sequence[tuple[str, str]], *, with_seeds: bool
) -> dict[str, Any]:
    values = ds[measure]
    dims = [str(dim) for dim in values.dims if dim not in ("seed", "model")]
    values = values.transpose(*dims, "model", "seed")
    values = values.where(np.isfinite(values)).assign_attrs(values.attrs)  # no mean of what is not
    parts = [values]
    for model, control in pairs:
        of = difference(*(values.sel(model=m, drop=True) for m in (model, control)))
        parts.append(of.expand_dims(model=[_pair(model, control)], axis=-2))
    ends = []
    for part in parts:
        of = summary(part)
        low, high = of.interval
        ends.append([of.mean.values, low.values, high.values])
    mean, low, high = (np.concatenate(one, axis=-1) for one in zip(*ends, strict=True))
    lost = [ds.diverged.transpose(..., "model", "seed").values] if "diverged" in ds else []
    own = {*ds.diverged.dims} == {*values.dims} if lost else False
    found = {
        "name": measure,
        "label": measure.replace("_", " "),
        "about": values.attrs.get("long_name", ""),
        "unit": values.attrs.get("units", ""),
        "dims": dims,
        "mean": _numbers(mean),
        "low": _numbers(low),
        "high": _numbers(high),
    }
    if own:
        places = {model: i for i, model in enumerate(map(str, ds.model.values))}
        apart = [lost[0][..., places[m], :] | lost[0][..., places[c], :] for m, c in pairs]
        which = np.concatenate([lost[0], *(one[..., None, :] for one in apart)], axis=-2)
        if which.any():
            found["lost"] = which.sum(-1).ravel().tolist()
    if with_seeds:
        found["seeds"] = _numbers(np.concatenate([part.values for part in parts], axis=-2))
    return found


def _numbers(of: np.ndarray) -> list[float | None]:
    """Round to what a page shows; None for what is no number."""
    return [float(f"{x:.4g}") if np.isfinite(x) else None for x in of.ravel().tolist()]


def _axis(ds: xr.Dataset, axis: str) -> dict[str, Any]:
    values = ds[axis].values
    numbers = values.dtype.kind in "if"
    wide = numbers and values.min() > 0 and values.max() >= 10 * values.min() and len(values) > 2
    said = ds[axis].attrs.get("long_name") if axis == "step" else label(axis)
    kind = "log" if wide and axis != "step" else "linear" if numbers else "category"
    return {"label": said or axis, "values": values.tolist(), "kind": kind}


def _models(ds: xr.Dataset, pairs: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for i, model in enumerate(map(str, ds.model.values)):
        color = ROLES.get(model, SERIES[i % len(SERIES)])
        yield {
            "name": model,
            "label": name(model),
            "color": color,
            "shape": SHAPES[i % len(SHAPES)],
        }
    for i, (model, control) in enumerate(pairs):
        said = f"{name(model)} − {name(control)}, by seed"
        of = {"name": _pair(model, control), "label": said, "difference": True}
        yield of | {"color": SERIES[(3 + i) % len(SERIES)], "shape": SHAPES[i % len(SHAPES)]}


def _pair(model: str, control: str) -> str:
    return f"{model} − {control}"


def _starts(ds: xr.Dataset, measures: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Choose what is shown first: models; maps and curves of a grid; what was measured by step."""
    models = [*map(str, ds.model.values)]
    learnt = [m for m in models if m not in ("reference", "other_reference", "base", "other_base")]
    first = measures[0]
    axes = [dim for dim in first["dims"] if dim != "layer"]
    long = [axis for axis in axes if ds.sizes[axis] > 1]
    begin = {"measure": first["name"], "y": "", "models": learnt, "seeds": True}
    if not long:
        yield begin | {"x": "model", "models": models}
    else:
        if len(long) > 1:
            pairs = _pairs(ds)[:1]
            shown = [name for pair in pairs for name in (pair[0], _pair(*pair))] or learnt[:2]
            yield begin | {"x": long[1], "y": long[0], "models": shown}
        numbers = ds[long[0]].dtype.kind in "if"
        yield begin | {"x": long[0] if numbers or len(learnt) < 7 else "model", "seeds": False}
    by_step = next((one for one in measures if "step" in one["dims"]), None)
    if by_step:
        yield begin | {"measure": by_step["name"], "x": "step", "seeds": False}
