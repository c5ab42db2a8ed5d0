"""What a finished run has left: its results, and the parameters that were kept."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sim.errors import a_path, choose, require
from sim.model.networks import Params
from sim.runs import results
from sim.runs.store import Store, flattened


class Saved:
    """A finished run, in its folder: `results` is its Dataset."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = a_path("folder", folder, "the folder of a finished run")
        self.results: xr.Dataset = results.load(self.folder)
        identity = json.loads(self.results.attrs["settings"])
        of_task = {name: identity[name] for name in identity if name not in ("study", "settings")}
        self._store = Store(self.folder.parent / self.results.attrs["store"], of_task)

    def params(self, model: str, seed: int, **point: Any) -> Params:
        """Take a network's parameters: {layer: {"kernel": [in, out], "bias": [out]}}.

        Args:
          model: its name, as in the results.
          seed: its seed.
          **point: of a sweep, the value of each axis.

        Errors: InputError for what is not among the results, and for a network whose parameters
        were not kept.

        """
        choose("model", model, self.results.model.values)
        network = self.results.network.sel(model=model)
        for axis in network.dims:
            known = self.results[axis].values.tolist()
            require(axis, point.get(axis), point.get(axis) in known, f"one of {known}")
        θ = self._store.params(str(network.sel(point).item()), seed)
        kept = θ is not None
        require("params", f"{model}, seed {seed}", kept, "kept: run it again with keep = params")
        return θ

    def save_params(self, path: str | Path, model: str, seed: int, **point: Any) -> None:
        """Write a network's parameters as a flat .npz: arrays named "hidden_0/kernel" and so on."""
        np.savez(path, **flattened(self.params(model, seed, **point)))


def load(run: str | Path) -> Saved:
    """Open the folder of a finished run. Errors: InputError if there is none."""
    return Saved(run)
