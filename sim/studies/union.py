"""Several finished runs as one: all of their points, seeds and models."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sim.errors import require
from sim.runs.results import axes_of
from sim.runs.store import notice
from sim.studies.kept import COMBINED, settings

WHERE = ("device", "revision", "versions")  # runs may differ in these; all are kept
OWN = {"seeds", "chunk", "models", "axes", "keep"}  # and in these


def combine(*runs: xr.Dataset) -> xr.Dataset:
    """Put runs of one study together: over all of their values of each axis, seeds and models.

    Where several measured the same, the first counts. Chunks, devices, revisions and versions may
    differ, and with them last bits, of which a Notice is given; devices and revisions are all among
    the attributes.

    Errors: InputError for one run, or one twice; for runs of which another setting differs, that
    disagree with no such reason, or that together leave a hole in the grid.

    >>> import sim
    >>> short = {"teacher_steps": 2, "student_steps": 2, "points": 1}
    >>> a, b = (sim.figure10(seeds=seeds, **short) for seeds in (2, "2:4"))
    >>> sim.combine(a, b).seed.values.tolist()
    [0, 1, 2, 3]

    """
    require("runs", len(runs), len(runs) > 1, "two or more")
    for i, ds in enumerate(runs):
        kind = getattr(ds, "attrs", {}).get("experiment")
        trained = isinstance(ds, xr.Dataset) and {"test_accuracy", "network"} <= {*ds.variables}
        whole = trained and "settings" in ds.attrs
        require("runs", kind, whole, "results of networks that were trained")
        for dim in (*axes_of(ds), "seed", "model"):
            require("runs", f"0 of {dim}", ds.sizes[dim], f"of one {dim} or more")
        _alike(runs[0], ds)
        once = not any(ds.identical(other) for other in runs[:i])
        require("runs", ds.attrs.get("study"), once, "runs that differ: one of them is there twice")
    first, grid = runs[0], (*axes_of(runs[0]), "seed", "model")
    coords = {str(dim): _union([ds[dim].values for ds in runs]) for dim in first.dims}
    free = {dim: coords[dim] for dim in coords if dim not in grid}  # steps, layers: NaN elsewhere
    parts = [ds.reindex(free) for ds in runs]
    there = np.zeros([len(coords[dim]) for dim in grid], bool)
    for ds in parts:
        there[_places(ds, grid, coords)] = True
    for at in np.argwhere(~there):
        where = ", ".join(f"{dim} {coords[dim][i]}" for dim, i in zip(grid, at, strict=True))
        rule = f"of a full grid together; {(~there).sum():,} networks are in none, as {where}"
        require("runs", len(runs), False, rule)
    names = [name for name in first.variables if name not in coords]
    alike = all(ds.attrs.get(n) == first.attrs.get(n) for ds in runs for n in ("chunk", *WHERE))
    whole = {name: (first[name].dims, _filled(name, parts, coords, alike)) for name in names}
    ds = xr.Dataset(whole, coords).set_coords([name for name in names if name in first.coords])
    for name in (*names, *coords):
        ds[name].attrs = first[name].attrs
    ds.attrs = _attributes(runs, ds)
    return ds


def _alike(a: xr.Dataset, b: xr.Dataset) -> None:
    """Check that two runs are of one study, at the same settings but for axes' values and seeds."""
    of, own = json.loads(a.attrs["settings"]), json.loads(b.attrs["settings"])
    require("axes", axes_of(b), axes_of(a) == axes_of(b), f"the same of all runs, {axes_of(a)}")
    own_names, names = ({*map(str, ds.variables)} for ds in (b, a))
    require("runs", [*sorted(own_names ^ names)], own_names == names, "what all measured")
    for (axis, here), (_, there) in zip(*(r["settings"]["axes"] for r in (of, own)), strict=True):
        if isinstance(here, dict):  # cases: what is called alike must be
            for label in {*here} & {*there}:
                rule = f"the same in all runs; the first has {here[label]}"
                require(f"{axis} {label}", there[label], here[label] == there[label], rule)
    parts = [
        {**settings(ds), "data": ran["data_sha256"], "functions": ran.get("functions")}
        for ds, ran in ((a, of), (b, own))
    ]
    for name in ("code_sha256", "jax_settings", "python"):
        if of.get(name) != own.get(name):
            notice(f"{name} is not the same in all runs: bits may differ, or what was computed")
    known = {*OWN, *WHERE, *axes_of(a), *of["versions"]}
    for name in sorted({*parts[0], *parts[1]} - known):
        mine, other = (part.get(name) for part in parts)
        require(name, other, mine == other, f"the same in all runs; the first has {mine!r}")


def _union(values: Sequence[np.ndarray]) -> np.ndarray:
    """Take all values that there are: numbers sorted, words in order of appearance."""
    every = np.concatenate(values)
    if every.dtype.kind in "iuf":
        return np.unique(every)
    return np.array([*dict.fromkeys(every.tolist())], every.dtype)


def _places(ds: xr.Dataset, dims: Sequence[str], coords: Mapping[str, np.ndarray]) -> Any:
    """Find where the values of a run lie in the whole, to index an array over these dims."""
    where = ({v: i for i, v in enumerate(coords[dim].tolist())} for dim in dims)
    found = zip(dims, where, strict=True)
    return np.ix_(*([at[v] for v in ds[dim].values.tolist()] for dim, at in found))


def _filled(
    name: str, runs: Sequence[xr.Dataset], coords: Mapping[str, np.ndarray], alike: bool
) -> np.ndarray:
    """Lay one variable out over the whole; runs that were made alike must agree where they meet."""
    dims = runs[0][name].dims
    kind = np.result_type(*(ds[name].dtype for ds in runs))
    found = np.zeros([len(coords[dim]) for dim in dims], kind)
    filled = np.zeros(found.shape, bool)
    for ds in runs:
        at, values = _places(ds, dims, coords), ds[name].transpose(*dims).values
        before, both = found[at], filled[at]
        same = np.array_equal(before[both], values[both], equal_nan=kind.kind == "f")
        exact = alike or name == "network"
        require("runs", name, same or not exact, "the same, bit by bit, where several have it")
        if not same:
            notice(f"{name} is not the same in runs of other chunks or devices: the first's counts")
        found[at], filled[at] = np.where(both, before, values), True
    return found


def _attributes(runs: Sequence[xr.Dataset], ds: xr.Dataset) -> dict[str, Any]:
    """Say what the whole is of: the first's attributes, with what is all runs'."""
    about = dict(runs[0].attrs)
    ran = json.loads(about["settings"])
    each = [dict(json.loads(run.attrs["settings"])["settings"]["axes"]) for run in runs]
    ran["settings"]["axes"] = [
        [axis, {k: v for one in each for k, v in one[axis].items()}]
        if isinstance(each[0].get(axis), dict)
        else [axis, ds[axis].values.tolist()]
        for axis in axes_of(ds)
    ]
    if "models" in ran["settings"]:
        trained = [m for m in ds.model.values.tolist() if m not in ("reference", "teacher")]
        asked = {m for run in runs for m in json.loads(run.attrs["settings"])["settings"]["models"]}
        ran["settings"]["models"] = [m for m in trained if m in asked]
    seeds = ds.seed.values.tolist()
    in_row = seeds == [*range(seeds[0], seeds[-1] + 1)]
    listed = f"{seeds[0]}:{seeds[-1] + 1}" if in_row else ",".join(map(str, seeds))
    stores = {run.attrs.get("store", "") for run in runs}
    about |= {"settings": json.dumps(ran, sort_keys=True), "command": ""}
    named = ("seeds", "command", "created")
    parts = [{name: str(run.attrs.get(name, "")) for name in named} for run in runs]
    about |= {COMBINED: json.dumps(parts)}
    about |= {"seeds": len(seeds) if in_row and not seeds[0] else listed}
    about |= {"store": stores.pop() if len(stores) == 1 else ""}
    about |= {name: "; ".join(dict.fromkeys(run.attrs[name] for run in runs)) for name in WHERE[:2]}
    if all("wall_seconds" in run.attrs for run in runs):
        about["wall_seconds"] = sum(run.attrs["wall_seconds"] for run in runs)
    return about
