"""Figure 10's networks at every point of a grid, for many seeds; figure 10 is one point."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from sim.errors import InputError, require
from sim.model import data, networks, sources
from sim.model.data import Task
from sim.model.networks import Params
from sim.runs.fingerprint import fingerprint
from sim.runs.identity import without
from sim.runs.plan import Plan, plan
from sim.runs.records import Records
from sim.runs.results import labelled
from sim.runs.run import Progress
from sim.runs.schedule import Schedule
from sim.runs.store import Store, digest
from sim.runs.train import train
from sim.settings.declare import unless
from sim.settings.experiments import SWEEP, Experiment, experiment
from sim.settings.grid import SETTINGS, Axes, grid, plain
from sim.settings.lengths import steps
from sim.settings.recipes import lineage, warnings
from sim.settings.setup import Hyper, Setup
from sim.studies import called
from sim.studies.extend import axes_by_name, by_name, tried, unless_refused
from sim.training.families import FIGURE_10, Family, Imitation, asks, described, takes, traits
from sim.training.measures import ALWAYS, MEASURES, MECHANISM, OF_TRAITS


@unless_refused()
def sweep(
    dataset: str | Task = "digits",
    axes: Axes | None = None,
    seeds: int | str = 16,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Train and measure at every combination of the axes' values.

    Args:
      dataset, seeds, **settings: the fields of `Common`, `Networks`, `Setup` and `Hyper`, by name;
        what is not given is the recipe of the data set.
      axes: {name: values} of any setting, and of `width` and `depth`, which set all of `widths`;
        or {any name: {label: {setting: value, …}, …}}, cases of several settings each. An
        activation, loss, noise … may be a function of one's own, as `sim.add` takes it.
      out: folder for run folders; given one, what is measured is kept there, network by network.
      progress: called with the work done and the whole, in steps of single networks;
        with none a notebook shows a bar.

    Returns a Dataset over axes × seed × model: test_accuracy, validation_accuracy, training_loss
    (after training) and diverged; with `points` above 1 what was measured on the way as well.
    Errors: InputError for a setting, an axis or a file that breaks a rule.

    >>> import sim
    >>> ds = sim.sweep("synthetic:8x3", {"aux": [1, 2]}, 2, teacher_steps=2, student_steps=2)
    >>> dict(ds.test_accuracy.sizes)
    {'aux': 2, 'seed': 2, 'model': 4}

    """
    given = of_task(dataset, **(SWEEP | settings | {"seeds": seeds}))
    axes = axes_by_name({} if axes is None else axes)
    require("axis", axes, axes, "at least one NAME=VALUES")
    return called.run(swept(given, axes), out, progress)


def swept(given: Experiment, axes: Axes) -> "Grid":
    """Make the grid of a sweep. What its axes set at all points is no part of what it is."""
    usual = of_task(given.common.dataset)
    return Grid("sweep", without(given, plain(axes), usual), axes)


def of_task(dataset: str | Task, **given: Any) -> Experiment:
    """Take a task's recipe with some settings replaced by name; a folder's goes by its size.

    A function among them is put beside ours under its own name.
    """
    rule = "a data set: axes go behind it, as in sim.sweep('digits', {'aux': [1, 3]})"
    require("dataset", dataset, not isinstance(dataset, Mapping), rule)
    name = data.named(dataset)
    return experiment(name, sources.training_images(name), **by_name(given))


class Grid:
    """A family of networks at the points of a grid, as a study."""

    def __init__(
        self,
        name: str,
        given: Experiment,
        axes: Axes,
        params: Mapping[str, Params] = {},
        hold: Sequence[str] = (),
        family: Family = FIGURE_10,
    ) -> None:
        """Check all of it, and load the task.

        Args:
          axes: none for a grid of one point, such as figure 10.
          params: parameters of reference or teacher, in place of those that would be trained.
          hold: `teacher_steps`, `student_steps` that are the recipe's, unless given, at all points.

        """
        self.name, self.common, self.wanted = name, given.common, given.networks
        self.family = family
        lineage = "dynamics" if {*self.wanted.measure} & {*MECHANISM} else "lineage"
        self.kind = lineage if traits(family) else "sweep" if axes else "figure10"
        alone = "" if traits(family) else ", figure 10 of arXiv 2507.14805"
        self.title = "Subliminal learning" + (" over " + " × ".join(axes) if axes else alone)
        students = [one for one, member in family.items() if member.learns and one != "teacher"]
        models = self.wanted.models
        require("models", models, {*models} <= {*students}, "of " + ", ".join(students))
        common = self.common
        self.task = data.load(
            common.dataset, data_dir=common.data_dir, validation=common.validation
        )
        self.images = sources.training_images(common.dataset)  # of a user's own folder
        recipes = experiment(common.dataset, self.images)
        usual = steps(recipes.setup, len(self.task.x_train))
        held = {name: usual[name.removesuffix("_steps")] for name in hold}
        free = {name: n for name, n in held.items() if getattr(given.setup, name) is None}
        given = given._replace(setup=replace(given.setup, **free))
        self.axes = plain(axes)
        self.points = grid(given.setup, given.hyper, self.axes) if axes else [given.point]
        self._taken()
        self.hold, self.question = tuple(hold), ""
        self.usual: dict[str, Any] = {}
        self.is_usual(recipes)
        classes = {point.setup.classes for point in self.points}
        self.measured = data.first_classes(self.task, *classes) if len(classes) == 1 else self.task
        self.along = given.setup.points > 1 or self.kind == "figure10"
        of_traits = OF_TRAITS if traits(family) else ()
        self.measures = (*ALWAYS, *of_traits, *self.wanted.measure)
        taken = {name for m in self.measures for name in (MEASURES[m].final, MEASURES[m].path)}
        for axis in self.axes:
            own = axis not in {*taken, "seed", "model", "step", "layer", "network"}
            require("axis", axis, own, "no name of what is measured")
        tried(self.points, self.measured)
        self.params = {name: self._checked(name, θ) for name, θ in params.items()}
        self.settings = {
            "setup": vars(given.setup),
            "hyper": vars(given.hyper),
            "axes": [*self.axes.items()],
            "family": [*described(family).items()],  # in order, which sorted keys would lose
            "models": self.wanted.models,
            "measure": self.wanted.measure,
            "keep": self.wanted.keep,
            "params": {name: digest for name, (digest, _) in self.params.items()},
        }

    def is_usual(self, of: Experiment) -> None:
        """Keep which settings are as usual, by name: those that results do not speak of."""
        count = steps(of.setup, len(self.task.x_train))
        held = {name: count[name.removesuffix("_steps")] for name in self.hold}
        self.usual = {"validation": of.common.validation} | of.point.values | held

    @property
    def traps(self) -> list[str]:
        """Settings of the grid that have misled somebody, each once and not for every value."""
        common, found = self.common, {}
        for setup, hyper in self.points:
            for trap in warnings(setup, hyper, common.dataset, self.images):
                found.setdefault((trap.partition(" =")[0], setup.optimizer), trap)
        if len(self.points) > 1 and not len(self.task.x_val):
            found["validation"] = (
                f"validation = 0: {self.task.name} holds nothing out, and a setting that is chosen "
                "by its test accuracy looks better than it is; validation = 0.1 has a tenth to "
                "choose by"
            )
        return list(found.values())

    def _taken(self) -> None:
        """Check that what is set has an effect on the family. Errors: InputError."""
        usual = vars(Setup()) | vars(Hyper())
        resting = lineage(self.common.dataset) if traits(self.family) else {}
        taken, idle = set(), {}
        members = self.family.items()
        students = [(m.learns, m) for _, m in members if isinstance(m.learns, Imitation)]
        control = all(learns.control or "outputs" in member.own for learns, member in students)
        own = [(f"{name}.{s}", s, one) for name, one in members for s in one.own]
        least = [len(self.task.labels)]
        for point in self.points:
            least.append(point.setup.classes or least[0])
            for name, value in point.values.items():
                if name in taken or value in (usual[name], resting.get(name)):
                    continue
                effect = takes(self.family, name, point.values)
                rule = f"{usual[name]}: nobody in this family has another"
                require(name, value, effect, rule)
                somewhere = SETTINGS[name].somewhere
                each = (member.at(point).values for member in self.family.values())
                if somewhere and not any(map(somewhere.has, each)):
                    idle[name] = value, unless(SETTINGS[name], somewhere)
                else:
                    taken.add(name)
            outputs = point.setup.outputs
            require("outputs", outputs, control or not asks(point), "what asks for no control")
            for learns, member in students:
                if not learns.control:
                    continue
                most, asked = 1 + len(learns.others), member.at(point).setup.untaught
                require("untaught", asked, asked <= most, f"at most {most} in this family")
            for words, name, member in own:
                rule, value = SETTINGS[name].rule, member.own[name]
                if rule and value is not None:
                    rule.check(words, value, member.at(point).values)
        for name, (value, rule) in idle.items():
            require(name, value, name in taken, rule)
        asked = traits(self.family)
        of = [p.hyper.target for p in self.points if asked or p.setup.against != "none"]
        target = max(of, default=0)
        require("target", target, target < min(least), f"a class: 0 to {min(least) - 1}")

    def work(self, store: Store, chunk: int | None) -> "Networks":
        """Look for what is missing in a store."""
        return Networks(self, store, chunk)

    def _checked(self, name: str, θ: Params) -> tuple[str, Params]:
        """Check a member's parameters that were handed in, and digest them. Errors: InputError."""
        require("params", name, name in ("reference", "teacher"), "of reference or teacher")
        point = self.points[0]
        for other in self.points:
            same = (other.setup.widths, other.setup.aux, other.setup.classes)
            require(
                name,
                "parameters",
                same == (point.setup.widths, point.setup.aux, point.setup.classes),
                "for a grid of networks of one size",
            )
        task = data.first_classes(self.task, point.setup.classes)
        net = networks.mlp(point.setup, task.d_in, task.classes)
        expected = jax.eval_shape(net.init, jax.random.key(0))
        θ = _nested(name, θ)
        for layer, parts in expected.items():
            for part, leaf in parts.items():
                value = θ.get(layer, {}).get(part)
                shape = None if value is None else np.shape(value)
                if shape != leaf.shape:
                    raise InputError(
                        f"{name}: {layer}/{part} has shape {shape}, must have {leaf.shape}"
                    )
        θ = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), θ)
        leaves = [(str(path), leaf) for path, leaf in jax.tree.leaves_with_path(θ)]
        return digest({"params": fingerprint(leaves).hex()})[:16], θ


def _nested(name: str, θ: Any) -> dict[str, dict[str, Any]]:
    """Take parameters as layers of parts; flat ones too, as `save_params` writes them."""
    form = 'by layer, {"hidden_0": {"kernel": …, "bias": …}, …}, or flat, {"hidden_0/kernel": …}'
    words = isinstance(θ, Mapping) and all(isinstance(key, str) for key in θ)
    require(name, type(θ).__name__, words, form)
    found: dict[str, dict[str, Any]] = {}
    for key, value in θ.items():
        layer, slash, part = key.partition("/")
        require(name, key, slash or isinstance(value, Mapping), form)
        found.setdefault(layer, {}).update({part: value} if slash else value)
    return found


class Networks:
    """What a grid's networks are in a store, and what they come to: the work of a run."""

    def __init__(self, of: Grid, store: Store, chunk: int | None) -> None:
        self.of = of
        common, wanted = of.common, of.wanted
        self.schedule = Schedule(
            of.family, of.points, of.task, Records(store), common, wanted, of.params, chunk
        )
        self.chunk = self.schedule.chunk

    def saved(self) -> str:
        """Say how much of what was asked for is kept."""
        there, whole = self.schedule.saved()
        return f"{there} of {whole} " + ("(point, seed) pairs" if self.of.axes else "seeds")

    def plan(self) -> Plan:
        """Count what is still to do."""
        return plan(self.schedule)

    def compute(self, progress: Progress) -> None:
        """Train what is missing."""
        train(self.schedule, progress)

    def assemble(self) -> xr.Dataset:
        """Lay the records out over axes, seeds and models."""
        of, seeds = self.of, self.of.common.each_seed
        records = {
            name: [self.schedule.take(network, seeds) for network in at_points]
            for name, at_points in self.schedule.networks.items()
        }
        setups = [point.setup for point in of.points]
        ds = labelled(of.axes, seeds, records, of.measures, setups, along=of.along)
        files = [[n.file for n in at_points] for at_points in self.schedule.networks.values()]
        sizes = [len(values) for values in of.axes.values()]
        names = np.reshape(np.transpose(files), (*sizes, len(files)))
        return ds.assign_coords(network=((*of.axes, "model"), names))
