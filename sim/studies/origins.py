"""Origins as a study: a grid of lineages, and what an auditor makes of each teacher's answers."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr

from sim.engine import origins
from sim.errors import require
from sim.model.networks import Params
from sim.runs.run import QUIET, Progress
from sim.runs.schedule import Schedule
from sim.runs.store import Store
from sim.runs.train import train
from sim.settings.experiments import Experiment
from sim.settings.grid import Axes, Point
from sim.studies.sweep import Grid, Networks
from sim.training.families import AXIS, Family, described
from sim.training.lineages import FOUNDERS

INPUTS = 16  # that an auditor has, unless a case says
OTHERS = range(10**6, 10**6 + 19)  # seeds whose bases are placebos to all; no run has them
TEACHERS = ("teacher", "control_teacher")
STEPS = 400  # of a network's training that take as long as an audit, for the bar of progress
MEASURED = {
    "residual": ("mean square of the residual, of contrasts of logits", "squared logits"),
    "held_out": ("part of the residual that is missed on inputs held out", "fraction"),
    "coverage": ("cosine of a student's first step with the displacement", "cosine"),
    "displacement": ("norm of the displacement that explains the answers", ""),
}
SCORE = {"long_name": "cosine of the displacement with that of a pair of one's own"}


class Origins(Grid):
    """Teachers of bases, and candidates for the bases."""

    def __init__(
        self,
        name: str,
        given: Experiment,
        axes: Axes,
        *,
        inputs: Mapping[str, int],
        siblings: Family,
        **more: Any,
    ) -> None:
        """Check all of it.

        Args:
          inputs: how many the auditor has, by case.
          siblings: candidates beside the base, of the same initialisation.

        """
        given = given._replace(networks=replace(given.networks, keep="params"))
        super().__init__(name, given, axes, **more)
        self.kind, self.title = "origins", "Which base a teacher came from, and what it was taught"
        self.siblings = siblings
        self.inputs = [inputs.get(case, INPUTS) for case in self.axes["case"]]
        self.settings |= {"inputs": self.inputs, "others": [*OTHERS]}
        self.settings |= {"siblings": described(siblings)}
        models = self.wanted.models
        needed = ("student", "control", *AXIS)
        require("models", models, {*needed} <= {*models}, "with " + ", ".join(needed))
        for setup, hyper in self.points:
            require("outputs", setup.outputs, setup.outputs == "soft", "soft, for an audit")
            seen = hyper.channel or setup.aux
            require("channel", seen, seen > 1, "2 or more: a softmax of one logit says nothing")

    def work(self, store: Store, chunk: int | None) -> "Audits":
        """Look for networks and audits in a store."""
        return Audits(self, store, chunk)


class Part(NamedTuple):
    """An audit of one seed at one point."""

    name: str
    place: int  # of the point
    seed: int


class Audits(Networks):
    """The networks of the grid, its placebos, and an audit for each point and seed."""

    of: Origins

    def __init__(self, of: Origins, store: Store, chunk: int | None) -> None:
        store.remembers = True
        super().__init__(of, store, chunk)
        self.store, self.x_train = store, None

        def placebos(family: Family, chunk: int, seeds: Sequence[int]) -> Schedule:
            wanted = replace(of.wanted, models=tuple(family), measure=())
            parts = of.points, of.task, self.schedule.records, of.common, wanted, {}
            family = {"reference": FOUNDERS["reference"]} | family
            return Schedule(family, *parts, chunk=chunk, seeds=seeds)

        self.siblings = placebos(of.siblings, self.chunk, range(of.common.seeds))
        # A chunk of their own: whatever the number of seeds, the same bits.
        self.others = placebos({"base": FOUNDERS["base"]}, len(OTHERS) + 1, OTHERS)

    def compute(self, progress: Progress) -> None:
        """Train what is missing, then audit."""
        missing = [part for part in self._parts() if part.name not in self.store]
        every = self.others, self.siblings, self.schedule
        work = [sum(map(schedule.work, schedule.jobs())) for schedule in every]
        whole, done = sum(work) + STEPS * len(missing), 0.0
        for schedule, steps in zip(every, work, strict=True):
            train(schedule, lambda some, _, done=done: progress(done + some, whole))
            done += steps
        for part in missing:
            self.store.put(part.name, self._audit(part))
            progress(done := done + STEPS, whole)

    def assemble(self) -> xr.Dataset:
        """Lay out what was audited beside what was measured of the networks."""
        ds, of = super().assemble(), self.of
        sizes = [*map(len, of.axes.values()), of.common.seeds]
        parts = [self.store.get(part.name) for part in self._parts()]
        for name, first in parts[0].data_vars.items():
            values = np.stack([part[name].values for part in parts])
            values = values.reshape(*sizes, *first.shape)
            ds[name] = (*of.axes, "seed", *first.dims), values, first.attrs
        ds = ds.assign_coords({name: parts[0][name] for name in ("candidate", "of")})
        return ds.assign_coords(inputs=((*of.axes,), np.reshape(of.inputs, sizes[:-1])))

    def _parts(self) -> Iterator[Part]:
        """Name all audits: by the networks, the point's settings, and how many inputs there are."""
        networks = self.schedule.networks
        for place, (point, inputs) in enumerate(zip(self.of.points, self.of.inputs, strict=True)):
            files = [networks[name][place].file for name in ("base", *TEACHERS, *AXIS)]
            files += [self.siblings.networks[name][place].file for name in self.of.siblings]
            depends = [files, [*OTHERS], inputs, {k: str(v) for k, v in point.values.items()}]
            text = json.dumps(depends, sort_keys=True)
            name = hashlib.sha256(text.encode()).hexdigest()[:16]
            for seed in range(self.of.common.seeds):
                yield Part(f"origins-{name}-{seed:06d}", place, seed)

    def _audit(self, part: Part) -> xr.Dataset:
        of, point = self.of, self.of.points[part.place]

        def θ(name: str) -> Params:
            return self._params(self.schedule, name, part.place, part.seed)

        candidates = {"base": θ("base")}
        for name in of.siblings:
            candidates[name] = self._params(self.siblings, name, part.place, part.seed)
        for k, seed in enumerate(OTHERS, 1):
            candidates[f"other_{k}"] = self._params(self.others, "base", part.place, seed)
        found = origins.audit(
            point,
            self.schedule.task(point).classes,
            self._images(point),
            part.seed,
            of.inputs[part.place],
            [θ(name) for name in TEACHERS],
            [*candidates.values()],
            tuple(θ(name) for name in AXIS),
        )
        variables: dict[str, Any] = {"score": (("of",), found.score, SCORE)}
        for name, (label, unit) in MEASURED.items():
            attrs = {"long_name": label, "units": unit}
            variables[name] = ("candidate", "of"), getattr(found, name), attrs
        return xr.Dataset(variables, {"candidate": [*candidates], "of": [*TEACHERS]})

    def _images(self, point: Point) -> Any:
        """Give the training images, on the device: some noise is made of them."""
        if self.x_train is None:
            self.x_train = jnp.asarray(self.schedule.task(point).x_train)
        return self.x_train

    def _params(self, schedule: Schedule, name: str, place: int, seed: int) -> Params:
        """Read a network's parameters; one whose file was damaged is trained again."""
        file = schedule.networks[name][place].file
        if (θ := self.store.params(file, seed)) is None:  # now set aside, so missing
            train(schedule, QUIET)
            θ = self.store.params(file, seed)
        return θ
