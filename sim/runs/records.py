"""What was measured of networks: parts of the store, found by network and seed."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sim.runs.store import Store
from sim.settings.layers import in_order


class Wanted(NamedTuple):
    """What a record must have to serve: these measures, at these steps, of this chunk if given."""

    measures: tuple[str, ...]
    times: tuple[int, ...]
    chunk: int | None

    def has(self, part: xr.Dataset) -> bool:
        """Tell whether a part has that."""
        return (
            {*self.measures} <= {*map(str, part.data_vars)}
            and {*self.times} <= {*part.step.values.tolist()}
            and self.chunk in (None, part.attrs["chunk"])
        )


class Records:
    """The measurements of networks in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._parts: dict[str, list[str]] = {}  # by network
        for name in store:
            if "network" in (part := store.get(name)).dims:
                self._add(name, part)

    def _add(self, name: str, part: xr.Dataset) -> None:
        for network in part.network.values:
            names = self._parts.setdefault(str(network), [])
            if name not in names:
                names.append(name)

    def put(
        self,
        networks: Sequence[str],
        seeds: Sequence[int],
        times: Sequence[int],
        record: Mapping[str, Any],
        chunk: int,
        origins: Mapping[str, Any],
    ) -> None:
        """Keep the record [seed, network, moment] of networks that were trained side by side.

        `origins` says for people what the networks' names stand for.
        """
        each, by_layer = ("seed", "network", "step"), {}
        variables: dict[str, Any] = {}
        for name, values in record.items():
            if isinstance(values, Mapping):
                layers = in_order(values)
                stacked = np.stack([values[layer] for layer in layers], axis=-1)
                variables[name], by_layer = ((*each, "layer"), stacked), {"layer": layers}
            else:
                variables[name] = each, values
        part = xr.Dataset(
            variables,
            {"seed": [*seeds], "network": [*networks], "step": [*times]} | by_layer,
            {"chunk": chunk, "together": len(networks), "origins": json.dumps(origins)},
        ).drop_duplicates("network")  # what filled a block up
        what = repr(([*networks], [*seeds], [*times], sorted(record), chunk))
        name = f"{networks[0]}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"
        self.add(name, part)

    def add(self, name: str, part: xr.Dataset) -> None:
        """Keep a part by its name, as `put` named it, here or in another process."""
        self.store.put(name, part)
        self._add(name, part)

    def seeds(self, network: str, wanted: Wanted) -> set[int]:
        """Name the seeds of which a network's record serves."""
        return {int(seed) for part in self._serving(network, wanted) for seed in part.seed.values}

    def kept(self, network: str, wanted: Wanted) -> set[int]:
        """Name those of them that are in files, where there is a folder."""
        parts = self._serving(network, wanted)
        return {
            int(s)
            for part in parts
            if self.store.is_kept(part.attrs["part"])
            for s in part.seed.values
        }

    def take(self, network: str, seeds: Sequence[int], wanted: Wanted) -> xr.Dataset:
        """Take a network's record over seeds and all steps that its parts have in common."""
        # By numpy: xarray's selecting and joining would take most of the time of a wide sweep.
        left = {int(seed): i for i, seed in enumerate(seeds)}
        values: dict[str, Any] = {}
        for part in self._serving(network, wanted):
            places = {int(seed): i for i, seed in enumerate(part.seed.values)}
            mine = [seed for seed in left if seed in places]
            rows, to = [places[seed] for seed in mine], [left.pop(seed) for seed in mine]
            steps = [*map(part.step.values.tolist().index, wanted.times)]
            at = part.network.values.tolist().index(network)
            for name in wanted.measures if mine else ():
                found = part[name].values[rows, at][:, steps]
                dims = "seed", "step", *part[name].dims[3:]
                if name not in values:
                    values[name] = dims, np.empty((len(seeds), *found.shape[1:]), found.dtype)
                values[name][1][to] = found
                values |= {dim: part[dim].values for dim in dims[2:]}
        if left:
            raise KeyError(f"{network} of seeds {[*left]}")
        return xr.Dataset(values | {"seed": [*seeds], "step": [*wanted.times]})

    def _serving(self, network: str, wanted: Wanted) -> Iterable[xr.Dataset]:
        parts = (self.store.get(name) for name in sorted(self._parts.get(network, [])))
        return [part for part in parts if part is not None and wanted.has(part)]
