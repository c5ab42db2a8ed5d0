"""Finished runs, as things: which there are, what is in one, how two of them differ."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sim.errors import InputError, require
from sim.report.runs import word
from sim.report.tables import duration
from sim.runs import results
from sim.runs.results import axes_of
from sim.runs.statistics import Summary, difference, summary
from sim.studies.shown import changed, rows

COMBINED = "combined"  # attribute of results that were put together
MEASURES = ("test_accuracy", "trait_rate", "ordinary_accuracy")
ABOUT = ("study", "dataset", "seeds", "chunk", "device", "revision", "versions")
BENEATH = ("data_sha256", "functions", "code_sha256", "jax_settings", "python")  # of one name


def folders(place: Path) -> list[Path]:
    """Find the folders of all finished runs in a place, the latest first. Errors: InputError."""
    require("folder", str(place), os.path.isdir(place), "a folder")
    files = [*place.glob(f"*/{results.RESULTS}"), *place.glob(results.RESULTS)]
    return [file.parent for file in sorted(files, key=lambda file: -file.stat().st_mtime)]


def row(folder: Path) -> list[str]:
    """Write what a list of runs says of one: folder, seeds, axes, what is not as usual, when, took.

    What cannot be read is said in its place.
    """
    try:
        ds = results.load(folder)
        other = [f"{name} {word(value)}" for name, value in changed(ds).items()]
        seeds = str(ds.attrs["seeds"])
    except (InputError, KeyError) as error:
        wrong = str(error) if isinstance(error, InputError) else "of another version"
        return [folder.name, "", "", wrong, "", ""]
    of = [f"{axis.replace('_', ' ')} × {ds.sizes[axis]}" for axis in axes(ds)]
    made = ds.attrs.get("created", "")[:16].replace("T", " ")
    return [folder.name, seeds, ", ".join(of), ", ".join(other), made, took(ds)]


def took(ds: xr.Dataset) -> str:
    """Say how long the command took that finished a run, if that is known."""
    return duration(float(ds.attrs["wall_seconds"])) if "wall_seconds" in ds.attrs else ""


def axes(ds: xr.Dataset) -> list[str]:
    """Name the axes of a run; none of one that trains no networks."""
    return axes_of(ds) if "test_accuracy" in ds else []


def settings(ds: xr.Dataset) -> dict[str, Any]:
    """Name all that a run depends on, flat: settings, seeds, versions, device, revision."""
    ran = json.loads(ds.attrs["settings"])
    own = dict(ran["settings"])
    flat = {**own.pop("setup", {}), **own.pop("hyper", {}), **own, "validation": ran["validation"]}
    flat |= {axis: ds[axis].values.tolist() for axis in axes(ds)}
    flat |= {name: ds.attrs[name] for name in ABOUT if name in ds.attrs}
    return flat | json.loads(flat.pop("versions", "{}"))


def unlike(a: xr.Dataset, b: xr.Dataset) -> dict[str, tuple[Any, Any]]:
    """Name what two runs depend on and do not share, with the value in each (None: has none)."""
    here, there = ({**settings(ds), **_beneath(ds)} for ds in (a, b))
    names = [*here, *(name for name in there if name not in here)]
    return {n: (here.get(n), there.get(n)) for n in names if here.get(n) != there.get(n)}


def _beneath(ds: xr.Dataset) -> dict[str, Any]:
    """Name what else a run depends on: data, functions and code may be others of one name."""
    ran = json.loads(ds.attrs["settings"])
    return {name: ran[name] for name in BENEATH if name in ran}


def trained(ds: xr.Dataset) -> list[str]:
    """Name the models of a run; none of the theorem's."""
    return ds.model.values.tolist() if "model" in ds.dims else []


class Found(NamedTuple):
    """A statement of the theorem, and what two runs found of it: measured, and the verdict.

    Both are empty where a run has no such statement, as its settings name others.
    """

    statement: str
    equation: str
    a: tuple[str, str]
    b: tuple[str, str]


def found(a: xr.Dataset, b: xr.Dataset) -> list[Found]:
    """Hold what two runs of the theorem found against each other, statement by statement."""
    first, second = (
        {
            (statement, equation): (measured, verdict)
            for statement, equation, _, measured, verdict in rows(ds).itertuples(index=False)
        }
        for ds in (a, b)
    )
    none = "", ""
    every = dict.fromkeys([*first, *second])
    return [Found(*of, first.get(of, none), second.get(of, none)) for of in every]


class Apart(NamedTuple):
    """One model's measure in two runs, at a point that both have: b less a, by pairs of seeds.

    diverged: in which seeds a did, b did, and either.
    """

    at: Mapping[str, Any]
    model: str
    measure: str
    a: Summary
    b: Summary
    change: Summary
    diverged: tuple[xr.DataArray, xr.DataArray, xr.DataArray]


def apart(a: xr.Dataset, b: xr.Dataset) -> Iterator[Apart]:
    """Hold two runs against each other where both measured the same, over the seeds of both.

    Errors: InputError where they share no seed, model, measure or point.
    """
    seeds = np.intersect1d(a.seed, b.seed)
    models = [m for m in trained(a) if m in trained(b)]
    measures = [m for m in MEASURES if m in a and m in b]
    both = [axis for axis in axes(a) if axis in axes(b)]
    own = [axis for axis in {*axes(a), *axes(b)} if axis not in both]
    require("axes", ", ".join(sorted(own)), not own, "of both runs")
    places = {axis: [v for v in a[axis].values.tolist() if v in b[axis].values] for axis in both}
    for name, of in (("seeds", seeds), ("models", models), ("measures", measures), *places.items()):
        require(name, [*of], len(of), "some that both runs have")
    at = {"seed": seeds, "model": models, **places}
    a, b = (ds[[*measures, "diverged"]].sel(at) for ds in (a, b))
    for place in np.ndindex(*(len(places[axis]) for axis in both)):
        point = {axis: places[axis][i] for axis, i in zip(both, place, strict=True)}
        for measure in measures:
            for model in models:
                one, other = (ds[measure].sel(point | {"model": model}, drop=True) for ds in (a, b))
                change = summary(difference(other, one))
                lost, gone = (ds.diverged.sel(point | {"model": model}, drop=True) for ds in (a, b))
                which = lost, gone, lost | gone
                yield Apart(point, str(model), measure, summary(one), summary(other), change, which)


def combined(ds: xr.Dataset) -> list[dict[str, str]]:
    """Name the runs that were put together to one: where each lay, its seeds, its command."""
    return json.loads(ds.attrs.get(COMBINED, "[]"))


def same_bits(a: xr.Dataset, b: xr.Dataset) -> bool:
    """Tell whether two runs measured the same, to the last bit; when and how is no part of it."""
    return a.drop_attrs().identical(b.drop_attrs())
