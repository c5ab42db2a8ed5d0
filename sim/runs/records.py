"""What was measured of networks: parts of the store, found by network and seed.

A part is what was computed at once, for a chunk of seeds. Parts of one kind are put together, many
in one, now and then: a store of a wide sweep, or of many seeds, would else be hundreds of thousands
of files, which takes minutes to open.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sim.runs.store import Store
from sim.settings.layers import in_order

MANY = 16  # files of one kind and about one size are put together
LARGEST = MANY**3  # parts in one file: what is lost if it is damaged
# In such a file: by record, the number of its network (once for many seeds, as names are long) and
# of its part; names and seeds of the parts.
RECORD, OF, PART, SEEDS = "record", "of", "part", "seeds"
NETWORKS = 2**32  # more than a file has
# How their names end. Other studies' parts lie beside them, which to open would take long: they may
# be one for each seed.
ENDS = "-[0-9a-f]{8}|^(records|many)-[0-9a-f]{16}"  # "many" named a network for each record


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


class Record(NamedTuple):
    """What was measured of a network: by name [seed, step], and [layer] if it is of layers."""

    steps: Sequence[int]
    layers: Sequence[str]
    values: Mapping[str, np.ndarray]


class _File:
    """A part, or many that were put together: what is asked of it for every network."""

    def __init__(self, name: str, ds: xr.Dataset) -> None:
        self.name, self.ds = name, ds
        self.steps = {int(step): i for i, step in enumerate(ds.step.values)}
        self.layers = ds.layer.values.tolist() if "layer" in ds.dims else []
        self.values = {str(n): v.values for n, v in ds.data_vars.items() if n not in (OF, SEEDS)}
        many, self.networks = OF in ds, ds.network.values.tolist()
        self.parts = ds[PART].values.tolist() if many else [name]
        self.by_part = ds[SEEDS].values if many else ds.seed.values[None]  # [part, seed]
        self.places = [{s: i for i, s in enumerate(of.tolist())} for of in self.by_part]
        if RECORD in ds.dims:
            self.of_network = ds[RECORD].values  # [record]
        else:
            numbers = _numbered(self.networks)
            self.of_network = np.array([numbers[network] for network in self.networks])
            self.networks = [*numbers]
        self.of_part = ds[OF].values if many else np.zeros(len(self.of_network), int)
        # Records of a network are found side by side in another order than the file's.
        self._order = np.argsort(self.of_network, kind="stable")
        counts = np.bincount(self.of_network, minlength=len(self.networks))
        self._ends = [0, *np.cumsum(counts).tolist()]
        # The parts of each of them, 4 bytes a number: many networks have the same, and their seeds.
        self._parts = self.of_part[self._order].astype(np.int32).tobytes()
        self._seeds: dict[bytes, set[int]] = {}

    @property
    def kind(self) -> tuple[Any, ...]:
        """Say what files must have in common to be put together: all but networks and seeds."""
        size = next(n for n in range(9) if len(self.parts) < MANY ** (n + 1))
        about = ((name, values.dtype, values.ndim) for name, values in self.values.items())
        each = self.ds.sizes["seed"], (*self.steps,), (*self.layers,), (*sorted(about),)
        return self.ds.attrs["chunk"], *each, size

    def records(self, network: int) -> Iterable[tuple[int, int]]:
        """Number the records of a network, each with its part's number."""
        own = self._order[self._ends[network] : self._ends[network + 1]]
        return zip(own.tolist(), self.of_part[own].tolist(), strict=True)

    def seeds(self, network: int) -> set[int]:
        """Name the seeds of which a network has a record here."""
        parts = self._parts[4 * self._ends[network] : 4 * self._ends[network + 1]]
        if parts not in self._seeds:
            numbers = np.frombuffer(parts, np.int32)
            self._seeds[parts] = {*self.by_part[numbers].ravel().tolist()}
        return self._seeds[parts]

    def named(self) -> Iterable[tuple[str, str]]:
        """Name each record by its network and its part."""
        each = zip(self.of_network.tolist(), self.of_part.tolist(), strict=True)
        return ((self.networks[network], self.parts[part]) for network, part in each)


class Records:
    """The measurements of networks in a store."""

    def __init__(self, store: Store) -> None:
        """Read all of them; remove what is in a larger file as well, as whoever died left it."""
        self.store = store
        self._files: list[_File] = []  # those that were put together since as well, emptied
        # By network: the number of a file × NETWORKS, and its own there.
        self._at: dict[str, tuple[int, ...]] = {}
        self._alike: dict[tuple[Any, ...], dict[str, _File]] = {}  # by kind and name
        # Which files, by number, have what is asked for.
        self._serve: dict[Wanted, dict[int, bool]] = {}
        files = [_File(name, store.get(name)) for name in store.named(ENDS)]
        known: set[str] = set()
        for file in sorted(files, key=lambda file: len(file.parts), reverse=True):
            if known.issuperset(file.parts):
                store.drop([file.name])
            else:
                known.update(file.parts)
                self._add(file)

    def _add(self, file: _File) -> None:
        self._alike.setdefault(file.kind, {})[file.name] = file
        begin = len(self._files) * NETWORKS
        self._files.append(file)
        for at, network in enumerate(file.networks, begin):  # lists would keep the collector busy
            self._at[network] = (*self._at.get(network, ()), at)

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
        first = [i for i, name in enumerate(networks) if name not in networks[:i]]  # others fill up
        for name, values in record.items():
            if isinstance(values, Mapping):
                layers = in_order(values)
                stacked = np.stack([values[layer] for layer in layers], axis=-1)
                variables[name], by_layer = ((*each, "layer"), stacked[:, first]), {"layer": layers}
            else:
                variables[name] = each, np.asarray(values)[:, first]
        part = xr.Dataset(
            variables,
            {"seed": [*seeds], "network": [networks[i] for i in first], "step": [*times]}
            | by_layer,
            {"chunk": chunk, "together": len(networks), "origins": _said(_each(origins))},
        )
        what = repr(([*networks], [*seeds], [*times], sorted(record), chunk))
        name = f"{networks[0]}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"
        self.add(name, part)

    def add(self, name: str, part: xr.Dataset) -> None:
        """Keep a part by its name, as `put` named it, here or in another process."""
        self.store.put(name, part)
        self._add(file := _File(name, self.store.get(name)))
        if self.store.folder:
            self._gather(file.kind)

    def _gather(self, kind: tuple[Any, ...]) -> None:
        """Put files of a kind into one, once they are many, and only then remove them."""
        files = [file for name, file in self._alike[kind].items() if self.store.is_kept(name)]
        if len(files) < MANY or len(files[0].parts) >= LARGEST:
            return
        name, ds = _together(files)
        self.store.put(name, ds)
        if not self.store.is_kept(name):  # no room: they stay as they are
            self.store.drop([name])
            return
        gone = {self._files.index(file) for file in files}
        for network in {network for file in files for network in file.networks}:
            left = (at for at in self._at[network] if at // NETWORKS not in gone)
            self._at[network] = tuple(left)
        for number in gone:
            del self._alike[kind][self._files[number].name]
            self._files[number] = None
        self.store.drop(file.name for file in files)
        self._add(file := _File(name, self.store.get(name)))
        self._gather(file.kind)

    def __contains__(self, network: object) -> bool:
        """Tell whether there is any record of a network."""
        return network in self._at

    def seeds(self, network: str, wanted: Wanted) -> set[int]:
        """Name the seeds of which a network's record serves."""
        found: set[int] = set()
        for file, own in self._serving(network, wanted):
            found |= file.seeds(own)
        return found

    def kept(self, network: str, wanted: Wanted) -> set[int]:
        """Name those of them that are in files, where there is a folder."""
        found = self._serving(network, wanted)
        kept = (file.seeds(own) for file, own in found if self.store.is_kept(file.name))
        return set().union(*kept)

    def take(self, network: str, seeds: Sequence[int], wanted: Wanted) -> Record:
        """Take a network's record over seeds and all steps that its parts have in common."""
        # By numpy: xarray's selecting and joining would take most of the time of a wide sweep.
        left = {int(seed): i for i, seed in enumerate(seeds)}
        values: dict[str, np.ndarray] = {}
        layers: Sequence[str] = ()
        every = ((f, *at) for f, own in self._serving(network, wanted) for at in f.records(own))
        # In the order of parts' names: whichever files they are in by now, the same one counts.
        for file, record, part in sorted(every, key=lambda of: of[0].parts[of[2]]):
            places = file.places[part]
            mine = [seed for seed in places if seed in left]
            rows, to = [places[seed] for seed in mine], [left.pop(seed) for seed in mine]
            steps = [file.steps[step] for step in wanted.times]
            for name in wanted.measures if mine else ():
                found = file.values[name][rows, record][:, steps]
                if name not in values:
                    values[name] = np.empty((len(seeds), *found.shape[1:]), found.dtype)
                values[name][to] = found
                layers = file.layers if found.ndim == 3 else layers
        if left:
            raise KeyError(f"{network} of seeds {[*left]}")
        return Record(wanted.times, layers, values)

    def _serving(self, network: str, wanted: Wanted) -> list[tuple[_File, int]]:
        serve, found = self._serve.setdefault(wanted, {}), []
        for at in self._at.get(network, ()):  # of a wide sweep, millions of times: nothing twice
            number, own = divmod(at, NETWORKS)
            if number not in serve:
                serve[number] = wanted.has(self._files[number].ds)
            if serve[number]:
                found.append((self._files[number], own))
        return found


def _together(files: Sequence[_File]) -> tuple[str, xr.Dataset]:
    """Put files of one kind into one, each record of each part once, and name it."""
    seeds = {part: own for f in files for part, own in zip(f.parts, f.by_part, strict=True)}
    parts = {part: i for i, part in enumerate(seeds)}
    names = _numbered(network for file in files for network in file.networks)
    records: dict[tuple[str, str], None] = {}
    chosen = []  # of each file's records, those that no file before it has
    for file in files:
        new = {record: i for i, record in enumerate(file.named()) if record not in records}
        records |= dict.fromkeys(new)
        chosen.append([*new.values()])
    first = files[0].ds
    variables: dict[str, Any] = {OF: (RECORD, [parts[part] for _, part in records])}
    variables[SEEDS] = (PART, "seed"), np.stack([*seeds.values()])
    for name in files[0].values:
        each = (f.values[name][:, at] for f, at in zip(files, chosen, strict=True))
        dims = "seed", RECORD, *first[name].dims[2:]
        variables[name] = dims, np.concatenate([*each], axis=1)
    coords = {dim: first[dim].values for dim in ("step", "layer") if dim in first.dims}
    coords |= {
        "seed": range(first.sizes["seed"]),
        "network": [*names],
        RECORD: [names[network] for network, _ in records],
        PART: [*parts],
    }
    said = [group for file in files for group in _groups(file.ds.attrs.get("origins", "{}"))]
    attrs = {"chunk": int(first.attrs["chunk"]), "origins": _said(said)}
    name = f"records-{hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()[:16]}"
    return name, xr.Dataset(variables, coords, attrs)


def _numbered(names: Iterable[str]) -> dict[str, int]:
    """Number names, each once."""
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def _each(origins: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say of each network alone what it stands for."""
    return [
        {"settings": of["settings"], "networks": {key: of | {"settings": {}}}}
        for key, of in origins.items()
    ]


def _groups(said: str) -> list[dict[str, Any]]:
    """Read what networks' names stand for, also as it was said before settings were shared."""
    found = json.loads(said)
    return [found] if "networks" in found else _each(found)


def _said(groups: Sequence[Mapping[str, Any]]) -> str:
    """Say what networks' names stand for: once what is set the same for all, most of it by far."""
    first, *rest = [group["settings"] for group in groups] or [{}]
    same = {k: v for k, v in first.items() if all(k in of and of[k] == v for of in rest)}
    networks = {}
    for group in groups:
        own = {name: v for name, v in group["settings"].items() if name not in same}
        for key, of in group["networks"].items():
            networks[key] = of | {"settings": own | of["settings"]}
    return json.dumps({"settings": same, "networks": networks})
