"""Results: labelled arrays with their settings, laid out by what each measure declares."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sim.errors import InputError
from sim.runs import store
from sim.runs.records import Record
from sim.runs.statistics import Summary, paired, summary
from sim.settings.layers import in_order
from sim.settings.setup import Setup
from sim.training.measures import ALWAYS, MEASURES

__all__ = ["Summary", "load", "load_json", "paired", "save", "save_json", "summary"]
RESULTS, SETTINGS = "results.nc", "settings.json"
CHECKSUM = "sha256"  # in a file of JSON, of all else there
DRAWN = "figures.json"  # of which results a run's figures were drawn
STEP = {"long_name": "optimiser steps taken", "units": "steps"}
DIVERGED = (
    "a training loss was not finite, or ended beyond 1,000 times the larger of 1 and its start"
)


def labelled(
    axes: Mapping[str, Sequence[Any]],
    seeds: Sequence[int],
    records: Mapping[str, Sequence[Record]],
    measures: Sequence[str],
    setups: Sequence[Setup],
    *,
    along: bool,
) -> xr.Dataset:
    """Lay records out over axes × seed × model, what is measured along the way × step too.

    Args:
      axes: their values; the last runs fastest over the points.
      records: by model, at each point.
      setups: at each point.
      along: whether to lay out what is measured along the way.

    A model that was not measured at a step has NaN there; so has a layer that it does not have.

    """
    every = [one for of_model in records.values() for one in of_model]
    steps = sorted({int(step) for one in every for step in one.steps}) if along else []
    layers = in_order({la for one in every for la in one.layers})
    sizes = [*(len(values) for values in axes.values()), len(seeds), len(records)]
    dims = (*axes, "seed", "model")
    variables = {}
    for name in measures:
        measure, by_layer = MEASURES[name], ("layer",) * (every[0].values[name].ndim - 2)
        shape = (
            len(setups),
            len(seeds),
            len(records),
            len(steps),
            *(len(layers) for _ in by_layer),
        )
        path = np.full(shape, np.nan, np.float32)
        final = np.full((*shape[:3], *shape[4:]), np.nan, np.float32)
        for k, of_model in enumerate(records.values()):
            for p, one in enumerate(of_model):
                values = one.values[name]
                if by_layer:
                    values = np.full((*values.shape[:2], len(layers)), np.nan, np.float32)
                    values[..., [*map(layers.index, one.layers)]] = one.values[name]
                final[p][:, k] = values[:, -1]
                if along:
                    path[p][:, k, np.searchsorted(steps, one.steps)] = values
        units = (measure.unit(s) if callable(measure.unit) else measure.unit for s in setups)
        attrs = {
            "long_name": DIVERGED if name == "diverged" else measure.label,
            "units": " or ".join(dict.fromkeys(units)),
        } | ({"valid_range": measure.range} if measure.range else {})
        final = final.reshape(*sizes, *shape[4:]).astype(bool if name == "diverged" else np.float32)
        variables[measure.final] = (*dims, *by_layer), final, attrs | {"when": "after training"}
        if along and measure.path:
            path = path.reshape(*sizes, *shape[3:])
            variables[measure.path] = (*dims, "step", *by_layer), path, attrs
    coords: dict[str, Any] = {name: [*values] for name, values in axes.items()}
    coords |= {"seed": np.asarray(seeds), "model": [*records]}
    coords |= {"step": ("step", steps, STEP)} if along else {}
    coords |= {"layer": layers} if layers else {}
    return xr.Dataset(variables, coords)


def axes_of(ds: xr.Dataset) -> list[str]:
    """Name the axes of a sweep's results, in order."""
    return [str(axis) for axis in ds.test_accuracy.dims if axis not in ("seed", "model")]


def extra(ds: xr.Dataset) -> list[str]:
    """Name the measures in results beside those that are always there."""
    return [name for name, m in MEASURES.items() if name not in ALWAYS and m.final in ds]


def fixed(ds: xr.Dataset) -> list[tuple[str, str]]:
    """Name what a slice of a sweep was taken at: (axis, value) pairs, as words."""
    found = [(str(name), ds[name].item()) for name in ds.coords if not ds[name].ndim]
    return [
        (name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
        for name, value in found
    ]


def save(ds: xr.Dataset, path: str | Path) -> None:
    """Write a Dataset as netCDF 4 with a checksum, whole or not at all. Errors: StorageError."""
    store.save(ds, Path(path))


def load(path: str | Path) -> xr.Dataset:
    """Read the Dataset of a results file, or of a run folder, verified. Errors: InputError."""
    path = Path(path)
    file = path / RESULTS if os.path.isdir(path) else path
    if not os.path.isfile(file):
        raise InputError(f"{path}: no {RESULTS} here; name the folder of a finished run")
    try:
        return store.load(file)
    except store.UNREADABLE as error:
        raise InputError(f"{file}: not a results file ({error})") from None


def save_json(content: dict[str, Any], path: Path) -> None:
    """Write JSON for people, with its checksum, whole or not at all. Errors: StorageError."""
    content = json.loads(json.dumps(content))  # as it will be read
    checked = content | {CHECKSUM: store.digest(content)}
    store.write(path, (json.dumps(checked, indent=2, sort_keys=True) + "\n").encode())


def load_json(path: Path) -> dict[str, Any]:
    """Read what `save_json` has written. Errors: ValueError if it was changed or damaged; OSError.

    A flipped bit may well leave JSON, of another number.
    """
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict) or content.pop(CHECKSUM, "") != store.digest(content):
        raise store.DamagedError("its checksum is another's: it was changed or damaged")
    return content
