"""Surgery as a study: a grid of lineages, and transplants between a student and its control."""

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from sim.engine import programs, surgery
from sim.errors import require
from sim.model import data
from sim.model.data import Task
from sim.model.networks import Params
from sim.runs.schedule import Network
from sim.runs.store import Store
from sim.runs.train import placed
from sim.settings.experiments import Experiment
from sim.settings.grid import Axes, Point
from sim.settings.lengths import steps
from sim.studies.parts import Part, Parts
from sim.studies.sweep import Grid
from sim.training.families import Imitation, Member

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
            whole = (setup.rank, setup.storage, setup.against) == (None, "float32", "none")
            require("optimizer", setup.optimizer, whole, "plain: no rank, storage or against")
        lengths = {steps(setup, len(self.task.x_train))["student"] for setup, _ in self.points}
        require("student_steps", sorted(lengths), len(lengths) == 1, "the same at all points")
        self.settings |= {"cuts": CUTS}

    def work(self, store: Store, chunk: int | None) -> "Operations":
        """Look for networks and operations in a store."""
        return Operations(self, store, chunk)


class Operation(NamedTuple):
    """Transplants between the student and the control of one seed at one point.

    teachers: θ_T of the two, on the host, or None for drawn ones. shared: where both start, or None
    if that is drawn for the seed.
    """

    point: Point
    member: Member
    seed: int
    teachers: tuple[Params | None, ...]
    shared: Params | None

    def make(self, task: Task) -> xr.Dataset:
        """Transplant, both ways."""
        where = placed(data.first_classes(task, self.point.setup.classes), 1)

        def alone(θ: Params | None) -> Params:
            """Take parameters as a chunk of one seed."""
            if θ is None:
                return programs.initial(self.point, where, [self.seed])
            return where.spread(jax.tree.map(lambda leaf: np.asarray(leaf)[None], θ))

        both = surgery.operate(
            self.point,
            self.member,
            where,
            self.seed,
            tuple(map(alone, self.teachers)),
            self.shared and alone(self.shared),
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


class Operations(Parts):
    """The networks of the grid, and an operation for each point and seed."""

    of: Surgeries
    prefix, coords = "surgery", ("receiver", "part", "cut")

    def steps(self, part: Part) -> float:
        """Say how long an operation takes."""
        return STEPS * self.schedule.times(self.schedule.networks["student"][part.place])[-1]

    def depends(self, place: int) -> list[Any]:
        """Name the networks of an operation, and how many cuts there are."""
        return [[self.schedule.networks[name][place].file for name in WHO], CUTS]

    def given(self, part: Part) -> Operation:
        """Gather the two teachers, and where the two students start."""
        schedule = self.schedule
        student, control = (schedule.networks[name][part.place] for name in WHO)
        teachers = []
        for one in (student, control):
            assert isinstance(one.learns, Imitation)
            teachers.append(schedule.source(schedule.other(one, one.learns.teacher)))
        each = [self._params(one, part) for one in (*teachers, schedule.begin(student))]
        member = self.of.family["student"]
        return Operation(student.point, member, part.seed, tuple(each[:2]), each[2])

    def _params(self, source: Network | str, part: Part) -> Params | None:
        """Read parameters, trained again if they are gone; none where they are drawn."""
        if isinstance(source, str):
            return None
        return self.params(self.schedule, source.file, part.seed)
