"""Origins as a study: a grid of lineages, and what an auditor makes of each teacher's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sim.engine import machine, origins
from sim.errors import require
from sim.model import data
from sim.model.data import Task
from sim.model.networks import Params
from sim.runs.schedule import Schedule
from sim.runs.store import Store
from sim.runs.train import placed
from sim.settings.experiments import Experiment
from sim.settings.grid import Axes, Point
from sim.studies.parts import Part, Parts
from sim.studies.sweep import Grid
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


class Audit(NamedTuple):
    """An audit of the teachers of one seed at one point, at so many inputs.

    candidates: θ_0 by name, the base first. axis: somebody's own two teachers of the base.
    """

    point: Point
    seed: int
    inputs: int
    teachers: list[Params]
    candidates: dict[str, Params]
    axis: tuple[Params, ...]

    @machine.one_thread()
    def make(self, task: Task) -> xr.Dataset:
        """Audit the teachers."""
        task = data.first_classes(task, self.point.setup.classes)
        found = origins.audit(
            self.point,
            task.classes,
            placed(task, 1).data.x_train,  # some noise is made of the images
            self.seed,
            self.inputs,
            self.teachers,
            [*self.candidates.values()],
            self.axis,
        )
        variables: dict[str, Any] = {"score": (("of",), found.score, SCORE)}
        for name, (label, unit) in MEASURED.items():
            attrs = {"long_name": label, "units": unit}
            variables[name] = ("candidate", "of"), getattr(found, name), attrs
        return xr.Dataset(variables, {"candidate": [*self.candidates], "of": [*TEACHERS]})


class Audits(Parts):
    """The networks of the grid, its placebos, and an audit for each point and seed."""

    of: Origins
    prefix, coords = "origins", ("candidate", "of")

    def __init__(self, of: Origins, store: Store, chunk: int | None) -> None:
        super().__init__(of, store, chunk)

        def placebos(family: Family, chunk: int, seeds: Sequence[int]) -> Schedule:
            wanted = replace(of.wanted, models=tuple(family), measure=())
            parts = of.points, of.task, self.schedule.records, of.common, wanted, {}
            family = {"reference": FOUNDERS["reference"]} | family
            return Schedule(family, *parts, chunk=chunk, seeds=seeds)

        self.siblings = placebos(of.siblings, self.chunk, of.common.each_seed)
        # A chunk of their own: whatever the number of seeds, the same bits.
        self.others = placebos({"base": FOUNDERS["base"]}, len(OTHERS) + 1, OTHERS)

    def schedules(self) -> Sequence[Schedule]:
        """List what is trained before any audit: placebos, and the grid."""
        return self.others, self.siblings, self.schedule

    def steps(self, part: Part) -> float:
        """Say how long an audit takes."""
        return STEPS

    def assemble(self) -> xr.Dataset:
        """Lay the audits out, with how many inputs there were."""
        of = self.of
        sizes = [*map(len, of.axes.values())]
        return super().assemble().assign_coords(inputs=((*of.axes,), np.reshape(of.inputs, sizes)))

    def depends(self, place: int) -> list[Any]:
        """Name the networks of an audit, its placebos, and how many inputs there are."""
        networks = self.schedule.networks
        files = [networks[name][place].file for name in ("base", *TEACHERS, *AXIS)]
        files += [self.siblings.networks[name][place].file for name in self.of.siblings]
        return [files, [*OTHERS], self.of.inputs[place]]

    def given(self, part: Part) -> Audit:
        """Gather teachers, candidates for their base, and the auditor's own."""
        of = self.of

        def θ(name: str, schedule: Schedule = self.schedule, seed: int = part.seed) -> Params:
            return self.params(schedule, schedule.networks[name][part.place].file, seed)

        candidates = {"base": θ("base")}
        for name in of.siblings:
            candidates[name] = θ(name, self.siblings)
        for k, seed in enumerate(OTHERS, 1):
            candidates[f"other_{k}"] = θ("base", self.others, seed)
        return Audit(
            of.points[part.place],
            part.seed,
            of.inputs[part.place],
            [θ(name) for name in TEACHERS],
            candidates,
            tuple(θ(name) for name in AXIS),
        )
