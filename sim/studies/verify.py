"""A finished run, verified: files against each other, and a part of it computed again.

A part is what was computed in one program: some networks for a chunk of seeds, with the ancestors
that they need. On the same device, versions and code its bits are the same; elsewhere its law is.
"""

import json
import os
import random
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sim.errors import a_path, require
from sim.model import arrays, sources
from sim.runs import identity, results, store
from sim.runs.run import DIRECTORY, GIVEN, QUIET, Progress
from sim.runs.schedule import Network
from sim.runs.statistics import Summary, difference, summary
from sim.runs.store import Store
from sim.runs.train import train
from sim.settings.declare import replaced
from sim.settings.experiments import Common, Experiment, Networks
from sim.settings.setup import Hyper, Setup
from sim.studies.sweep import Grid
from sim.training import families

CLEAR, LEAST = 4, 1e-3  # standard errors, and accuracy, beyond which two means are not the same
# Students that are trained side by side share a program, and so their last bits.
EXTENDED = "other last bits, as where a run was extended"
UNDER_WAY = "seeds", "chunk"  # what a folder says beside its run's identity: a command changes it
HERE = "device", "versions", "python", "code_sha256", "jax_settings"  # of which last bits may hang


class Check(NamedTuple):
    """Something that was looked at: what was found, and whether it is as it must be."""

    what: str
    found: str
    holds: bool


def verify(
    run: str | Path,
    draw: int | None = None,
    data_dir: str | Path | None = None,
    progress: Progress = QUIET,
) -> Iterator[Check]:
    """Look at the files of a finished run, and compute a part of it again.

    draw: which part, by chance unless given. Errors: InputError for no finished run, for one of no
    networks, and for one that needs what is not here.
    """
    folder = a_path("run", run, "the folder of a finished run")
    whole = draw is None or (type(draw) is int and draw >= 0)
    require("draw", draw, whole, "a whole number, 0 or more")
    ds = results.load(folder)
    yield Check("results", "whole: their checksum is that of their bytes", True)
    yield from _beside(ds, folder if folder.is_dir() else folder.parent)
    grid = grid_of(ds, data_dir)
    place = folder.parent / ds.attrs["store"]
    if ds.attrs["store"] and place.is_dir():
        yield from _in_store(ds, grid, place)
    yield from _again(ds, grid, draw, progress)


def _in_store(ds: xr.Dataset, grid: Grid, place: Path) -> Iterator[Check]:
    """Hold results against the parts of them that are kept, if all are: seeds may have gaps."""
    each = []
    for seeds in _in_row(ds.seed.values.tolist()):
        some = copy(grid)
        some.common = replace(grid.common, seeds=f"{seeds[0]}:{seeds[-1] + 1}")
        work = some.work(Store(place, _of_task(ds)), ds.attrs["chunk"])
        there, whole = work.schedule.saved()
        if there < whole:
            return
        each.append(_identical(work.assemble(), ds.sel(seed=seeds)))
    words = "put together, they are the results" if all(each) else "they are other results"
    yield Check("parts in the store", words, all(each))


def _in_row(seeds: Sequence[int]) -> list[list[int]]:
    """Part seeds, sorted, where numbers are left out between two."""
    found: list[list[int]] = []
    for seed in seeds:
        if not found or seed != found[-1][-1] + 1:
            found.append([])
        found[-1].append(seed)
    return found


def _of_task(ds: xr.Dataset) -> dict[str, Any]:
    known = json.loads(ds.attrs["settings"])
    return {name: value for name, value in known.items() if name not in ("study", "settings")}


def _beside(ds: xr.Dataset, folder: Path) -> Iterator[Check]:
    """Hold the other files of a run's folder against its results."""
    said = folder / results.SETTINGS
    if said.is_file():
        own = json.loads(ds.attrs["settings"]) | {k: ds.attrs[k] for k in UNDER_WAY}
        yield _of_folder(said, own)
    drawn = folder / results.DRAWN
    if drawn.is_file():
        try:
            of = _content(drawn)["results_sha256"]
        except (ValueError, KeyError, AttributeError):
            of = ""
        same = of == store.checksum(folder / results.RESULTS)
        yield Check("figures", "of these results" if same else "of other results: draw again", same)


def _of_folder(said: Path, own: dict[str, Any]) -> Check:
    """Hold what a folder says that it is of against what its results are of.

    That file is written first. If it is whole and of another run, the results came from elsewhere.
    """
    try:
        content = _content(said)
        whole = results.CHECKSUM in json.loads(said.read_text()) and bool(results.load_json(said))
    except (ValueError, AttributeError):
        content, whole = {}, False
    if content == own:
        return Check(said.name, "those of the results", True)
    if not whole:
        return Check(said.name, "not those of the results: edited", False)
    if {**content, **{k: own[k] for k in UNDER_WAY}} == own:
        words = "those of the results; a later command began, of other seeds, and did not end"
        return Check(said.name, words, True)
    return Check(results.RESULTS, "not this folder's: its settings.json is of another run", False)


def _content(file: Path) -> dict[str, Any]:
    """Read what a file of JSON says of a run; earlier versions of sublim put no checksum there."""
    beside = (results.CHECKSUM, "combined")
    return {k: v for k, v in json.loads(file.read_text()).items() if k not in beside}


def grid_of(ds: xr.Dataset, data_dir: str | Path | None = None) -> Grid:
    """Make the study of a run's networks anew, from what its results say.

    Errors: InputError for other results, for functions or data that are not here, for another code.
    """
    known = json.loads(ds.attrs.get("settings", "{}"))
    own = known.get("settings", {})
    rule = "of networks that were trained; `sublim again` repeats others whole"
    require("run", ds.attrs.get("study", ""), "family" in own, rule)
    missing = known.get("functions", {}).items() - dict(identity.put_in()).items()
    names = ", ".join(sorted(name for name, _ in missing))
    require("run", names, not missing, "of functions that are here: add them as it did")
    require("run", "parameters", not own.get("params"), "of no parameters that were handed in")
    seeds = ds.seed.values
    common = {
        "dataset": _data(ds),
        "seeds": f"{seeds.min()}:{seeds.max() + 1}",
    }  # with those between
    common |= {"chunk": ds.attrs["chunk"]}
    common |= {"validation": known["validation"], "memory": ds.attrs.get("memory", Common.memory)}
    common |= {"data_dir": data_dir}
    wanted = {name: own[name] for name in ("models", "measure", "keep")}
    given = Experiment(
        *replaced(
            common | wanted | own["setup"] | own["hyper"],
            *(Common(), Networks(), Setup(), Hyper()),
        )
    )
    axes = {axis: _values(ds, axis, values) for axis, values in own["axes"]}
    grid = Grid(ds.attrs["study"], given, axes, family=families.read(dict(own["family"])))
    data = grid.task.digest == known["data_sha256"]
    require("dataset", grid.task.name, data, "the very data of the run")
    return grid


def _data(ds: xr.Dataset) -> str:
    """Name a run's data set as it was given: a file's is told from where the run was made.

    Errors: InputError for arrays that are in no file and were not put in here.
    """
    name = ds.attrs["dataset"]
    given = ds.attrs.get(GIVEN, name)
    if not given:
        there = arrays.given(name) is not None
        rule = "put in again, by sim.task(…, name=…) in the same process: its arrays are in no file"
        require("dataset", name, there, rule)
        return name
    if given in sources.KNOWN or sources.embedded(given):
        return given
    place = Path(ds.attrs.get(DIRECTORY, "")) / os.path.expanduser(given)
    return str(place) if place.exists() else given


def _values(ds: xr.Dataset, axis: str, values: Any) -> Any:
    """Take an axis's values, or its cases in the order in which they were computed."""
    if isinstance(values, dict):
        return {str(label): values[str(label)] for label in ds[axis].values}
    return tuple(values)


def _again(ds: xr.Dataset, grid: Grid, draw: int | None, progress: Progress) -> Iterator[Check]:
    """Compute a part of a run again, and hold it against what is kept."""
    work = grid.work(Store(None, _of_task(ds)), ds.attrs["chunk"])
    schedule = work.schedule
    own = {*ds.seed.values.tolist()}
    jobs = [job for job in schedule.jobs() if job.networks[0].imitates and own & {*job.seeds}]
    job = random.Random(draw).choice(jobs)
    train(schedule, progress, [job])
    here, then = identity.of_task(grid.task, grid.common.validation), _of_task(ds)
    unlike = [name for name in HERE if json.loads(json.dumps(here[name])) != then.get(name)]
    seeds = [seed for seed in job.seeds if seed in own]
    places = dict.fromkeys(network.place for network in job.networks)
    each = [of[place] for place in places for of in schedule.networks.values()]
    same: list[str] = []
    for network in {one.key: one for one in each}.values():  # ancestors that it needed as well
        if not {*seeds} <= schedule.records.seeds(network.key, schedule.wants(network)):
            continue
        name, at = network.name, _at(grid, network)
        record, setups = {name: [schedule.take(network, seeds)]}, [network.point.setup]
        made = results.labelled({}, seeds, record, grid.measures, setups, along=grid.along)
        kept = ds.sel(at | {"model": name}, drop=True).sel(seed=seeds)
        if _identical(made := made.sel(model=name, drop=True), kept):
            same.append(name)
        else:
            yield _other(_said(name, at), kept, made, unlike, extended=bool(at))
    if same:
        count = "; ".join(f"{same.count(name)} × {name}" for name in dict.fromkeys(same))
        words = f"{_seeds(seeds)}: {count}"
        yield Check(words, "computed again, the same bit for bit", True)


def _seeds(seeds: list[int]) -> str:
    return f"seeds {seeds[0]} to {seeds[-1]}"


def _said(name: str, at: dict[str, Any]) -> str:
    return ", ".join([name, *(f"{axis} {value}" for axis, value in at.items())])


def _other(
    name: str, kept: xr.Dataset, made: xr.Dataset, unlike: list[str], *, extended: bool
) -> Check:
    """Say how far apart two are that are not the same, and whether that may be."""
    seeds = made.seed.values.tolist()
    of = summary(difference(made.test_accuracy, kept.test_accuracy))
    change = f"test accuracy {float(of.mean):+.4f} ± {float(of.half_width):.4f} by seed"
    words = f"{_seeds(seeds)}: {name}"
    error = float(of.sd) / np.sqrt(len(seeds))
    same = len(seeds) > 1 and abs(float(of.mean)) <= max(CLEAR * error, LEAST)
    if unlike:
        return Check(
            words, f"other bits, for here are other {' and '.join(unlike)}; {change}", same
        )
    if extended and same and last_bits(of):
        return Check(words, f"{EXTENDED}; {change}", True)
    return Check(words, f"computed again, it is another: {change}", False)


def last_bits(change: Summary) -> bool:
    """Tell whether accuracies differ by so little as other last bits make them."""
    return abs(float(change.mean)) <= LEAST


def _identical(made: xr.Dataset, kept: xr.Dataset) -> bool:
    """Tell whether what was made is in what was kept, bit for bit."""
    names = [name for name in made.data_vars if name in kept]
    same = (np.array_equal(made[n].values, _like(kept[n], made[n]), equal_nan=True) for n in names)
    return bool(names) and all(same)


def _like(kept: xr.DataArray, made: xr.DataArray) -> np.ndarray:
    """Take the steps at which the other was measured, in its order of dimensions."""
    if "step" in kept.dims and "step" in made.dims:
        kept = kept.sel(step=made.step.values)
    return kept.transpose(*made.dims).values


def _at(grid: Grid, network: Network) -> dict[str, Any]:
    """Name the point of a network by the values of the axes."""
    sizes = [len(values) for values in grid.axes.values()]
    places = np.unravel_index(network.place, sizes) if sizes else ()
    each = zip(grid.axes.items(), places, strict=True)
    return {axis: [*values][i] for (axis, values), i in each}
