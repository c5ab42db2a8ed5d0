"""Results: labelled arrays with their settings, written whole or not at all, and what they say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sim.training import cast
from sim.runs import store
from sim.engine.programs import Record
from sim.errors import InputError
from sim.runs.statistics import Summary, paired, summary

__all__ = ["Summary", "label", "load", "paired", "save", "save_json", "summary"]
RESULTS, SETTINGS = "results.nc", "settings.json"
ACCURACY = {
    "long_name": "accuracy by the model's own class head",
    "units": "fraction",
    "valid_range": (0.0, 1.0),
}
DIVERGED = {
    "long_name": "a training loss was not finite, or ended beyond 1,000 times the larger of 1 and "
    "its start"
}


def label(
    seeds: range, moments: tuple[list[int], list[int]], teacher: Record, students: Record
) -> xr.Dataset:
    """The records of one chunk as a Dataset over seed × model × step.

    The steps are those at which teacher or students were measured; a model that was not measured
    at one of them has NaN there. The reference is the teacher before its first step.
    """
    steps = np.union1d(*moments)

    def along(of_teacher: np.ndarray, of_students: np.ndarray) -> np.ndarray:
        table = np.full((len(seeds), len(cast.MODELS), len(steps)), np.nan, np.float32)
        at_teacher, at_students = (np.searchsorted(steps, m) for m in moments)
        table[:, 0, 0] = of_teacher[:, 0]
        table[:, 1, at_teacher] = of_teacher
        table[:, 2:, at_students] = of_students
        return table

    def last(of_teacher: np.ndarray, of_students: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [of_teacher[:, [0]], of_teacher[:, [-1]], of_students[:, :, -1]], axis=1
        )

    each, path = ("seed", "model"), ("seed", "model", "step")
    return xr.Dataset(
        {
            "test_accuracy": (
                each,
                last(teacher.test_accuracy, students.test_accuracy),
                ACCURACY | {"part": "test", "when": "after training"},
            ),
            "validation_accuracy": (
                each,
                last(teacher.validation_accuracy, students.validation_accuracy),
                ACCURACY | {"part": "validation (NaN: none held out)", "when": "after training"},
            ),
            "diverged": (
                each,
                last(teacher.diverged, students.diverged),
                DIVERGED,
            ),
            "accuracy_by_step": (
                path,
                along(teacher.test_accuracy, students.test_accuracy),
                ACCURACY | {"part": "test"},
            ),
            "loss_by_step": (
                path,
                along(teacher.loss, students.loss),
                {"long_name": "the model's own training loss on a fixed batch"},
            ),
        },
        {
            "seed": np.asarray(seeds),
            "model": list(cast.MODELS),
            "step": ("step", steps, {"long_name": "optimiser steps taken", "units": "steps"}),
        },
    )


def axes_of(ds: xr.Dataset) -> list[str]:
    """Name the axes of a sweep's results, in order."""
    return [str(axis) for axis in ds.test_accuracy.dims if axis not in ("seed", "model")]


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
    file = path / RESULTS if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{path}: no {RESULTS} here; name the folder of a finished run")
    try:
        return store.load(file)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{file}: not a results file ({error})") from None


def save_json(content: dict[str, Any], path: Path) -> None:
    """Write JSON for people: sorted and indented, whole or not at all. Errors: StorageError."""
    store.write(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())
