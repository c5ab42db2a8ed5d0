"""Networks of a grid, and beside them something that is made of each point and seed."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import xarray as xr

from sim.errors import StorageError
from sim.model.data import Task
from sim.model.networks import Params
from sim.runs import cluster
from sim.runs.plan import Plan, plan
from sim.runs.run import QUIET, Progress
from sim.runs.schedule import Schedule
from sim.runs.store import PARAMS, Store
from sim.runs.train import train
from sim.settings.experiments import Common
from sim.studies.sweep import Grid, Networks


class Part(NamedTuple):
    """What is made of one seed at one point, by name."""

    name: str
    place: int  # of the point
    seed: int


class Made(Protocol):
    """What a part is made of: all of it, so that it can be sent to another process."""

    def make(self, task: Task) -> xr.Dataset: ...


class Maker(NamedTuple):
    """What parts of a task are made by: `cluster.Work`."""

    task: Task
    common: Common

    def make(self, given: Made) -> xr.Dataset:
        """Make a part."""
        return given.make(self.task)


class Parts(Networks, ABC):
    """The work of a grid's networks, and of a part for each point and seed."""

    prefix: str  # of their names
    coords: tuple[str, ...]  # of theirs, alike at all points

    def __init__(self, of: Grid, store: Store, chunk: int | None) -> None:
        """Look for networks and parts in a store, which keeps parameters for both."""
        store.remembers = True
        super().__init__(of, store, chunk)
        self.store = store

    @abstractmethod
    def depends(self, place: int) -> list[Any]:
        """Name what parts at a point depend on beside its settings, as JSON has it."""

    @abstractmethod
    def given(self, part: Part) -> Made:
        """Gather what a part is made of, from networks that are there."""

    @abstractmethod
    def steps(self, part: Part) -> float:
        """Say how many steps of a network's training take as long, for the bar of progress."""

    def schedules(self) -> Sequence[Schedule]:
        """List what is trained before any part is made."""
        return (self.schedule,)

    def missing(self) -> dict[str, Part]:
        """List the parts that are not there, by name."""
        return {part.name: part for part in self.parts() if part.name not in self.store}

    def plan(self) -> Plan:
        """Count what is still to do: of all networks, and of the parts."""
        return plan(*self.schedules(), beside=sum(map(self.steps, self.missing().values())))

    def saved(self) -> str:
        """Say how much of what was asked for is kept."""
        parts = [*self.parts()]
        there = sum(self.store.is_kept(part.name) for part in parts)
        return f"{super().saved()} and {there} of {len(parts)} parts"

    def compute(self, progress: Progress) -> None:
        """Train what is missing, then make the parts that are."""
        missing = self.missing()
        each, done = {name: self.steps(part) for name, part in missing.items()}, 0.0
        work = [sum(map(schedule.work, schedule.jobs())) for schedule in self.schedules()]
        whole = sum(work) + sum(each.values())
        for schedule, steps in zip(self.schedules(), work, strict=True):
            train(schedule, lambda some, _, done=done: progress(done + some, whole))
            done += steps
        parts = ((name, self.given(part)) for name, part in missing.items())
        for name, made in cluster.made(Maker(self.of.task, self.of.common), parts):
            self.store.put(name, made)
            progress(done := done + each[name], whole)

    def assemble(self) -> xr.Dataset:
        """Lay the parts out beside what was measured of the networks."""
        ds, of = super().assemble(), self.of
        sizes = [*map(len, of.axes.values()), len(of.common.each_seed)]
        parts = [self.store.get(part.name) for part in self.parts()]
        for name, first in parts[0].data_vars.items():
            values = np.stack([part[name].values for part in parts])
            values = values.reshape(*sizes, *first.shape)
            ds[name] = (*of.axes, "seed", *first.dims), values, first.attrs
        return ds.assign_coords({name: parts[0][name] for name in self.coords})

    def parts(self) -> Iterator[Part]:
        """Name all parts: by what they depend on, the point's settings, and the seed."""
        for place, point in enumerate(self.of.points):
            depends = [*self.depends(place), {k: str(v) for k, v in point.values.items()}]
            text = json.dumps(depends, sort_keys=True)
            name = hashlib.sha256(text.encode()).hexdigest()[:16]
            for seed in self.of.common.each_seed:
                yield Part(f"{self.prefix}-{name}-{seed:06d}", place, seed)

    def params(self, schedule: Schedule, file: str, seed: int) -> Params:
        """Read a network's parameters; one whose file was damaged is trained again.

        Errors: StorageError if it cannot be set aside: what is none would be taken for a drawn one.
        """
        if (θ := self.store.params(file, seed)) is None:  # now set aside, so missing
            train(schedule, QUIET)
            θ = self.store.params(file, seed)
        if θ is None:
            where = f"{self.store.folder}/{PARAMS}/{file}"
            raise StorageError(f"{where}: of seed {seed}, parameters can neither be read nor kept")
        return θ
