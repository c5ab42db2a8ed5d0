"""Surgery as a study: a grid of lineages, and transplants between a student and its control."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from sim.engine import programs, surgery
from sim.errors import require
from sim.model.networks import Params
from sim.runs.run import QUIET, Progress
from sim.runs.store import Store
from sim.runs.train import train
from sim.settings.experiments import Experiment
from sim.settings.grid import Axes
from sim.studies.sweep import Grid, Networks
from sim.training.families import INIT, Imitation

CUTS = 6  # moments of a training at which parts are transplanted
STEPS = 60  # trainings that an operation takes as long as, for the bar of progress
WHO = ("student", "control")
ATTRS = {"units": "nats"}
LABELS = {
    "end": "loss of the trait after training, untouched",
    "predicted": "change of it if another's part takes the place of one's own, to first order",
    "measured": "change of it, by going on from there",
    "at_once": "change of the trait's loss at the cut",
    "price": "slope of the trait's loss after training in the weight of a step's batch",
}


class Surgeries(Grid):
    """Students of a teacher with the trait, and of one without it, that exchange parts."""

    def __init__(self, name: str, given: Experiment, axes: Axes, **more: Any) -> None:
        """Check all of it."""
        given = given._replace(networks=replace(given.networks, keep="params"))
        super().__init__(name, given, axes, **more)
        self.kind, self.title = "surgery", "What parts of a student's state are worth"
        models = self.wanted.models
        require("models", models, {*WHO} <= {*models}, "with " + ", ".join(WHO))
        for setup, hyper in self.points:
            require("optimizer", setup.optimizer, setup.optimizer == "adam", "adam")
            plain = setup.outputs == "soft" and setup.filter == "none"
            plain &= hyper.dilution == hyper.pull == hyper.output_noise == 0
            require("outputs", setup.outputs, plain, "soft, and nothing left out or added")
        self.settings |= {"cuts": CUTS}

    def work(self, store: Store, chunk: int | None) -> "Operations":
        """Look for networks and operations in a store."""
        return Operations(self, store, chunk)


class Part(NamedTuple):
    """An operation on one seed at one point."""

    name: str
    place: int  # of the point
    seed: int


class Operations(Networks):
    """The networks of the grid, and an operation for each point and seed."""

    of: Surgeries

    def __init__(self, of: Surgeries, store: Store, chunk: int | None) -> None:
        store.remembers = True
        super().__init__(of, store, chunk)
        self.store = store
        self._where: programs.Place | None = None

    def compute(self, progress: Progress) -> None:
        """Train what is missing, then operate."""
        missing = [part for part in self._parts() if part.name not in self.store]
        each = [
            STEPS * self.schedule.times(self.schedule.networks["student"][part.place])[-1]
            for part in missing
        ]
        done = sum(map(self.schedule.work, self.schedule.jobs()))
        whole = done + sum(each)
        train(self.schedule, lambda some, _: progress(some, whole))
        for part, steps in zip(missing, each, strict=True):
            self.store.put(part.name, self._operate(part))
            progress(done := done + steps, whole)

    def assemble(self) -> xr.Dataset:
        """Lay out the operations beside what was measured of the networks."""
        ds, of = super().assemble(), self.of
        sizes = [*map(len, of.axes.values()), of.common.seeds]
        parts = [self.store.get(part.name) for part in self._parts()]
        for name, first in parts[0].data_vars.items():
            values = np.stack([part[name].values for part in parts])
            values = values.reshape(*sizes, *first.shape)
            ds[name] = (*of.axes, "seed", *first.dims), values, first.attrs
        return ds.assign_coords({name: parts[0][name] for name in ("receiver", "part", "cut")})

    def _parts(self) -> Iterator[Part]:
        """Name all operations: by the networks, and how many cuts there are."""
        networks = self.schedule.networks
        for place, point in enumerate(self.of.points):
            files = [networks[name][place].file for name in WHO]
            depends = [files, CUTS, {k: str(v) for k, v in point.values.items()}]
            text = json.dumps(depends, sort_keys=True)
            name = hashlib.sha256(text.encode()).hexdigest()[:16]
            for seed in range(self.of.common.seeds):
                yield Part(f"surgery-{name}-{seed:06d}", place, seed)

    def _operate(self, part: Part) -> xr.Dataset:
        schedule, networks = self.schedule, self.schedule.networks
        student = networks["student"][part.place]
        if self._where is None or len(self.of.points) > 1:
            self._where = programs.place(schedule.task(student.point), 1)
        teachers = []
        for name in WHO:
            lesson = schedule.lesson(networks[name][part.place])
            assert isinstance(lesson, Imitation)
            teachers.append(self._params(lesson.teacher, part))
        start = schedule.begin(student)
        shared = None if start == INIT else self._params(start.name, part)
        both = surgery.operate(
            student.point,
            self.of.family["student"],
            self._where,
            part.seed,
            tuple(teachers),
            shared,
            CUTS,
        )
        count = len(both[0].batches)
        each = -(-count // surgery.segments(count))
        dims = {
            "end": (),
            "predicted": ("cut", "part"),
            "measured": ("cut", "part"),
            "at_once": ("cut", "part"),
        }
        variables: dict[str, Any] = {
            name: (
                ("receiver", *of),
                np.stack([getattr(one, name) for one in both]),
                ATTRS | {"long_name": LABELS[name]},
            )
            for name, of in dims.items()
        }
        price = np.stack([one.batches for one in both])
        variables["price"] = ("receiver", "batch"), price, ATTRS | {"long_name": LABELS["price"]}
        cuts = [each * k for k in surgery.cuts(count, CUTS)]
        coords = {"receiver": [*WHO], "part": [*surgery.PARTS], "cut": cuts}
        return xr.Dataset(variables, coords)

    def _params(self, name: str, part: Part) -> Params:
        """Read a network's parameters, as a chunk of one seed; trained again if they are gone."""
        network = self.schedule.networks[name][part.place]
        source = self.schedule.source(network)
        if isinstance(source, str):
            return programs.initial(network.point, self._where, [part.seed])
        if (θ := self.store.params(source.file, part.seed)) is None:
            train(self.schedule, QUIET)
            θ = self.store.params(source.file, part.seed)
        return self._where.spread(jax.tree.map(lambda leaf: np.asarray(leaf)[None], θ))
