"""What a finished run has left: its results, and the parameters that were kept."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sim.errors import a_path, choose, require
from sim.model.networks import Params
from sim.runs import results
from sim.runs.store import Store, flattened, write


class Saved:
    """A finished run, in its folder: `results` is its Dataset."""

    def __init__(self, folder: str | Path) -> None:
        place = a_path("folder", folder, "the folder of a finished run")
        self.results: xr.Dataset = results.load(place)
        # Wherever the process goes from here: parameters are read when they are asked for.
        self.folder = (place if place.is_dir() else place.parent).absolute()
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
        for axis, of in point.items():
            require(axis, of, axis in network.dims, "left out: it is no axis of this run")
        for name, of in {"seed": seed, **{axis: point.get(axis) for axis in network.dims}}.items():
            known = self.results[name].values.tolist()
            single = isinstance(of, str | float | int | np.generic)
            require(name, of, single and of in known, f"one of {known}")
        θ = self._store.params(str(network.sel(point).item()), seed)
        kept = θ is not None
        require("params", f"{model}, seed {seed}", kept, "kept: run it again with keep = params")
        return θ

    def save_params(self, path: str | Path, model: str, seed: int, **point: Any) -> None:
        """Write a network's parameters as a flat .npz: arrays named "hidden_0/kernel" and so on.

        Errors: InputError, as `params`; StorageError if it cannot be written.
        """
        file = a_path("path", path, "the name of a file")
        file = file if file.suffix == ".npz" else file.with_name(f"{file.name}.npz")  # as NumPy
        np.savez(content := BytesIO(), **flattened(self.params(model, seed, **point)))
        write(file, content.getvalue())


def load(run: str | Path) -> Saved:
    """Open the folder of a finished run. Errors: InputError if there is none."""
    return Saved(run)
