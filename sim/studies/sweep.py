"""Sweeps: figure 10's networks at every point of a grid, for many seeds; resumable and extendable.

What is measured at a point is kept by the point's own settings, whichever sweep asked for it: more
seeds, more values or another grid compute only what no sweep has measured yet.
"""

import hashlib
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from sim.engine import programs as engine
from sim.model import data
from sim.runs import identity as runs
from sim.runs import results
from sim.runs.store import Store
from sim.settings.config import Setup, Sweep, rule
from sim.settings.config import warnings as traps
from sim.settings.grid import Axes, Point, grid
from sim.training import cast

Progress = Callable[[float, float], None]  # told the work done and the whole, in network steps
FIXED = (cast.REFERENCE, cast.TEACHER)
COMPILING = 4.0, 0.2  # a program takes about so many seconds, and the compiler so many GiB
# Of a dataset, by what they are in a record. (`loss` is an axis.)
VARIABLES = {"test_accuracy": "test_accuracy", "validation_accuracy": "validation_accuracy",
             "training_loss": "loss", "diverged": "diverged"}  # fmt: skip


def sweep(
    dataset: str = "digits",
    axes: Axes | None = None,
    seeds: int = 16,
    *,
    out: str | Path | None = None,
    progress: Progress = lambda done, whole: None,
    **settings: Any,
) -> xr.Dataset:
    """Train and measure at every combination of the axes' values.

    Args:
      dataset, seeds, **settings: the fields of `Sweep`, `Setup` and `Hyper`, by name; what is not
        given is the recipe of the data set.
      axes: {name: values} of any setting, and of `width` and `depth`, which set all of `widths`;
        or {any name: {label: {setting: value, …}, …}}, cases of several settings each.
      out: folder for run folders; given one, what is measured is kept there, point by point.
      progress: called with the work done and the whole, in steps of single networks.

    Returns a Dataset over axes × seed × model: test_accuracy, validation_accuracy, training_loss
    (after training) and diverged. Errors: InputError for a setting, an axis or a file that breaks a
    rule.

    >>> import sim
    >>> ds = sim.sweep("synthetic:8x3", {"aux": [1, 2]}, 2, teacher_steps=2, student_steps=2)
    >>> dict(ds.test_accuracy.sizes)
    {'aux': 2, 'seed': 2, 'model': 4}

    """
    run = Run(Sweep.of(dataset, seeds=seeds, **settings), axes or {}, out)
    for trap in run.traps:
        warnings.warn(trap, stacklevel=2)
    return run.results(progress)


class Block(NamedTuple):
    """Points whose students a chunk of seeds trains side by side."""

    teacher: int  # which of the teachers
    points: tuple[Point, ...]


class Plan(NamedTuple):
    """What is still to do: see `Run.plan`. Teachers and points count once a seed."""

    points: int
    programs: int
    teachers: int
    students: int
    tflop: float
    seconds: float
    gib: float


class Run:
    """One sweep on this machine: where its results lie, and what of them is there."""

    def __init__(self, experiment: Sweep, axes: Axes, out: str | Path | None) -> None:
        self.experiment = experiment
        self._tasks: dict[int | None, data.Task] = {}
        self.axes = {name: values if isinstance(values, Mapping) else _plain(name, values)
                     for name, values in axes.items()}  # fmt: skip
        setup = replace(experiment.setup, points=1)  # measured before and after training
        self.points = grid(setup, experiment.hyper, self.axes)
        self.task = data.load(
            experiment.dataset, data_dir=experiment.data_dir, validation=experiment.validation
        )
        # What is measured at a point hangs on this and on its settings; the sweep, on all of these.
        common = {"validation": experiment.validation}
        store = runs.identity("points", self.task, **common)
        self.identity = runs.identity(
            "sweep", self.task, **common, setup=asdict(experiment.setup),
            hyper=asdict(experiment.hyper), axes=list(self.axes.items()), seeds=experiment.seeds,
            models=experiment.models,
        )  # fmt: skip
        self.folder, self.store_folder = (runs.folder(out, i) for i in (self.identity, store))
        self.store = Store(self.store_folder and self.store_folder / "chunks", store)
        self.teachers = list(dict.fromkeys(point.teacher for point in self.points))
        self.groups: dict[Any, list[Point]] = {}
        for point in self.points:
            self.groups.setdefault((point.teacher, point.program), []).append(point)
        self.chunk = min(
            engine.chunk_size(points[0].setup, self._task(points[0].setup), experiment.seeds,
                              experiment.memory,
                              self._block(points) * len(experiment.models))
            for points in self.groups.values()
        )  # fmt: skip

    def _task(self, setup: Setup) -> data.Task:
        """The task of a setup: with all of its classes, or the first of them."""
        if (classes := setup.classes) not in self._tasks:
            self._tasks[classes] = data.first_classes(self.task, classes)
        return self._tasks[classes]

    @property
    def traps(self) -> list[str]:
        """Settings of the sweep that have misled somebody, and how its data was read."""
        found = {}
        for point in self.points:
            for trap in traps(point.setup, point.hyper, self.experiment.dataset):
                # Each once, not for every value.
                found.setdefault((trap.partition(" =")[0], point.setup.optimizer), trap)
        return [*found.values(), *self.task.notes]

    @property
    def finished(self) -> xr.Dataset | None:
        """The results of this very sweep, if they are there."""
        return runs.finished(self.folder)

    @property
    def saved(self) -> str:
        """How much of what was asked for is there."""
        whole = len(self.points) * self.experiment.seeds
        there = self._load()
        wanted = [(p.key, s) for p in self.points for s in range(self.experiment.seeds)]
        return f"{sum(at in there for at in wanted)} of {whole} (point, seed) pairs"

    @engine.pinned()
    def results(self, progress: Progress = lambda done, whole: None) -> xr.Dataset:
        """Compute what is missing, keep it, and put the grid together."""
        if (ds := self.finished) is not None:
            return ds
        runs.compilation_cache()
        if self.folder:
            runs.open_folder(self.store_folder, self.store_settings)
            runs.open_folder(self.folder, self.identity)
        there = self._load()
        for records in self._compute(there, progress):
            there |= records
        ds = self._assemble(there)
        if self.folder:
            results.save(ds, self.folder / results.RESULTS)
        return ds

    @property
    def store_settings(self) -> dict[str, Any]:
        """What the kept points have in common."""
        return {"kept": "measurements of single points, by any sweep"} | runs.identity(
            "points", self.task, validation=self.experiment.validation
        )

    def plan(self) -> Plan:
        """Count what is missing: students and teachers to train, work, and a guess of time."""
        rate = _product_rate()
        jobs = self._jobs(self._load())
        students = teachers = tflop = seconds = gib = 0.0
        programs, taught = set(), set()
        for chunk, block in jobs:
            setup, many = block.points[0].setup, len(block.points) * len(self.experiment.models)
            task = self._task(setup)
            of_teacher, of_student, answers = engine.flop(setup, task)
            new = (chunk, block.teacher) not in taught
            taught.add((chunk, block.teacher))
            programs |= {("student", engine.program(setup), many),
                         ("teacher", engine.program(self.teachers[block.teacher][0]))}  # fmt: skip
            students += len(chunk) * many
            teachers += len(chunk) * new
            flop = len(chunk) * (many * of_student + answers + new * of_teacher)
            tflop += flop / 1e12
            # Beside large products: .8 of the rate with 1,024 examples in a step, .33 with 64.
            seconds += flop / (0.85 * rate * setup.batch / (setup.batch + 100))
            each = engine.seed_bytes(setup, task, many) * len(chunk)
            gib = max(gib, (each + engine.used(len(chunk)) * engine.task_bytes(task)) / 2**30)
        points = len({p.key for _, block in jobs for p in block.points})
        return Plan(points, len(programs), int(teachers), int(students), tflop,
                    seconds + COMPILING[0] * len(programs),
                    gib + COMPILING[1] + resident_gib())  # fmt: skip

    def _block(self, points: list[Point]) -> int:
        """How many of them to train side by side: as many as run fast, with little filling up."""
        setup, models = points[0].setup, len(self.experiment.models)
        room = engine.budget(self.experiment.memory)
        fit = int(room / engine.seed_bytes(setup, self._task(setup), models))
        most = max(1, min(engine.together(setup) // models, fit))
        return -(-len(points) // -(-len(points) // most))

    def _jobs(self, there: dict[tuple[str, int], Any]) -> list[tuple[tuple[int, ...], Block]]:
        """What is missing, in the order of computing: teachers, chunks of seeds, blocks."""
        jobs = []
        for number, teacher in enumerate(self.teachers):
            groups = [points for (of, _), points in self.groups.items() if of == teacher]
            served = [point.key for points in groups for point in points]
            seeds = [s for s in range(self.experiment.seeds)
                     if any((key, s) not in there for key in served)]  # fmt: skip
            for i in range(0, len(seeds), self.chunk):
                wanted = seeds[i : i + self.chunk]
                # Filled up, here and below: another number would be another program.
                more = range(wanted[-1] + 1, wanted[-1] + 1 + self.chunk - len(wanted))
                for points in groups:
                    missing = [p for p in points if any((p.key, s) not in there for s in wanted)]
                    size = self._block(points)
                    for j in range(0, len(missing), size):
                        block = missing[j : j + size]
                        block += block[-1:] * (size - len(block))
                        jobs.append(((*wanted, *more), Block(number, tuple(block))))
        return jobs

    def _compute(
        self, there: dict[tuple[str, int], Any], progress: Progress
    ) -> Iterator[dict[tuple[str, int], Any]]:
        models, jobs = self.experiment.models, self._jobs(there)

        def steps(chunk: tuple[int, ...], block: Block, new: bool) -> int:
            setup = block.points[0].setup
            of_teacher, of_students = engine.moments(setup, len(self._task(setup).x_train))
            networks = len(block.points) * len(models)
            return len(chunk) * (networks * of_students[-1] + new * of_teacher[-1])

        heads = [i == 0 or (jobs[i - 1][0], jobs[i - 1][1].teacher) != (chunk, block.teacher)
                 for i, (chunk, block) in enumerate(jobs)]  # fmt: skip
        whole = sum(steps(*job, new) for job, new in zip(jobs, heads, strict=True))
        done = 0.0

        def tell(more: float) -> None:
            nonlocal done
            progress(done := done + more, whole)

        tell(0)
        place, task = None, None
        for (chunk, block), new in zip(jobs, heads, strict=True):
            if new:
                θ_T = None  # its memory is free before the next are trained
                setup, hyper = self.teachers[block.teacher]
                if (needed := self._task(setup)) is not task:
                    place, task = engine.room(needed, self.chunk), needed
                θ_T, taught = engine.teaching(setup, hyper, place, chunk, tell)
            settings = [(point.setup, point.hyper) for point in block.points]
            found = engine.distillation(settings, place, chunk, θ_T, models, tell)
            yield self._keep(chunk, block, taught, found)

    def _keep(
        self, chunk: tuple[int, ...], block: Block, taught: engine.Record, found: engine.Record
    ) -> dict[tuple[str, int], xr.Dataset]:
        """What was measured, by (point, seed); saved first."""
        models = self.experiment.models
        shape = (len(chunk), len(block.points), len(models))
        variables = {}
        for name, field in VARIABLES.items():
            of_teacher, of_students = getattr(taught, field), getattr(found, field)[..., -1]
            fixed = np.stack([of_teacher[:, 0], of_teacher[:, -1]], axis=-1)[:, None]
            both = [np.broadcast_to(fixed, (*shape[:2], 2)), of_students.reshape(shape)]
            variables[name] = (("seed", "point", "model"), np.concatenate(both, axis=-1))
        keys = [point.key for point in block.points]
        ds = xr.Dataset(
            variables, {"seed": np.asarray(chunk), "point": keys, "model": [*FIXED, *models]},
            {"chunk": self.chunk, "together": len(keys)},
        ).drop_duplicates("point")  # fmt: skip
        self.store.put(hashlib.sha256(repr((models, chunk, keys)).encode()).hexdigest()[:16], ds)
        return self._by_point_and_seed(ds)

    def _load(self) -> dict[tuple[str, int], xr.Dataset]:
        """All that is kept and has the students asked for, by (point, seed)."""
        found: dict[tuple[str, int], Any] = {}
        for ds in map(self.store.get, self.store):
            if set(self.experiment.models) <= set(ds.model.values):
                found |= self._by_point_and_seed(ds)
        return found

    def _by_point_and_seed(self, ds: xr.Dataset) -> dict[tuple[str, int], Any]:
        models = [*FIXED, *self.experiment.models]
        table = np.stack([ds[name].sel(model=models).transpose("point", "seed", "model").values
                          for name in VARIABLES])  # fmt: skip
        return {
            (str(point), int(seed)): table[:, i, j]
            for i, point in enumerate(ds.point.values)
            for j, seed in enumerate(ds.seed.values)
        }

    def _assemble(self, there: dict[tuple[str, int], Any]) -> xr.Dataset:
        sizes = [len(values) for values in self.axes.values()]
        seeds, models = range(self.experiment.seeds), [*FIXED, *self.experiment.models]
        table = np.stack([[there[p.key, seed] for seed in seeds] for p in self.points])
        table = table.transpose(2, 0, 1, 3).reshape(len(VARIABLES), *sizes, len(seeds), len(models))
        dims = (*self.axes, "seed", "model")
        ds = xr.Dataset(
            {name: (dims, values) for name, values in zip(VARIABLES, table, strict=True)},
            {name: list(values) for name, values in self.axes.items()}
            | {"seed": list(seeds), "model": models},
        )
        ds["diverged"] = ds.diverged.astype(bool)
        for part in ("test", "validation"):
            ds[f"{part}_accuracy"].attrs = results.ACCURACY | {"part": part}
        ds["diverged"].attrs = results.DIVERGED
        ds["training_loss"].attrs = {"long_name": "the model's own training loss, after training"}
        title = "Subliminal learning over " + " × ".join(self.axes)
        ds.attrs = {"title": title, "chunk": self.chunk}
        of = {point.setup.classes for point in self.points}
        task = self._task(self.points[0].setup) if len(of) == 1 else self.task
        ds.attrs |= runs.attributes(self.identity, task)
        return ds


def _plain(name: str, values: Any) -> tuple[Any, ...]:
    """An axis's values as plain numbers and words."""
    rule(name, values, isinstance(values, (Sequence, np.ndarray)) and not isinstance(values, str),
         "a list of values")  # fmt: skip
    rule(name, values, all(value is not None for value in values), "values, none of them None")
    return tuple(v.item() if isinstance(v, np.generic) else v for v in values)


def _product_rate() -> float:
    """FLOP a second of a float32 matrix product here, the best of a few."""
    a, product = jnp.ones((1024, 1024)), jax.jit(jnp.matmul)
    product(a, a).block_until_ready()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        product(a, a).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return 2 * 1024**3 / min(seconds)


def resident_gib() -> float:
    """Memory of this process at its peak so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
