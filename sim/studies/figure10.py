"""Experiments: settings in, a Dataset out; with a folder, resumable and saved."""

import json
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import xarray as xr

from sim.engine import programs as engine
from sim.model import data
from sim.runs import identity as runs
from sim.runs import results
from sim.runs.store import Store
from sim.settings.config import Figure10
from sim.settings.config import warnings as traps

Progress = Callable[[float, float], None]  # told the work done and the whole, in network steps


def figure10(
    dataset: str = "digits",
    seeds: int = 32,
    *,
    out: str | Path | None = None,
    progress: Progress = lambda done, whole: None,
    **settings: Any,
) -> xr.Dataset:
    """Reference, teacher and four students of every seed, trained and measured.

    Args:
      dataset, seeds, **settings: the fields of `Figure10`, `Setup` and `Hyper`, by name; what is
        not given is the recipe of the data set (the paper's, for mnist).
      out: folder for run folders. Given one, finished chunks of seeds are kept there, and the same
        call goes on where an earlier one stopped; without one nothing is written.
      progress: called with the work done and the whole, in steps of single networks.

    Returns a Dataset over seed × model × step: `test_accuracy`, `validation_accuracy`, `diverged`
    [seed, model]; `accuracy_by_step`, `loss_by_step` [seed, model, step]; settings, versions,
    device and revision as attributes.

    Errors: InputError for a setting or a data file that breaks a rule.

    >>> import sim
    >>> ds = sim.figure10(dataset="digits", seeds=2, teacher_steps=2, student_steps=2)
    >>> dict(ds.test_accuracy.sizes)
    {'seed': 2, 'model': 6}

    Source: Cloud et al., arXiv 2507.14805, section 6.2.

    """
    experiment = Figure10.of(dataset, seeds=seeds, **settings)
    run = Run(experiment, out)
    found = traps(experiment.setup, experiment.hyper, experiment.dataset)
    for trap in (*found, *run.task.notes):
        warnings.warn(trap, stacklevel=2)
    return run.results(progress)


class Run:
    """One experiment on this machine: where its results lie, and what of them is there."""

    def __init__(self, experiment: Figure10, out: str | Path | None) -> None:
        self.experiment = experiment
        whole = data.load(
            experiment.dataset, data_dir=experiment.data_dir, validation=experiment.validation
        )
        self.task = data.first_classes(whole, experiment.setup.classes)
        # Everything that a seed's numbers depend on, but for the chunk, which the folder keeps.
        self.identity = runs.identity(
            "figure10",
            self.task,
            validation=experiment.validation,
            setup=asdict(experiment.setup),
            hyper=asdict(experiment.hyper),
        )
        self.folder = runs.folder(out, self.identity)
        self.store = Store(self.folder and self.folder / "chunks", self.identity)
        self.chunk = (
            experiment.chunk
            or self._chunk_kept()
            or engine.chunk_size(experiment.setup, self.task, experiment.seeds, experiment.memory)
        )
        count = -(-experiment.seeds // self.chunk)
        self.chunks = [range(i * self.chunk, (i + 1) * self.chunk) for i in range(count)]

    def _chunk_kept(self) -> int | None:
        """The chunk of what is in the folder already: other chunks would give other last bits."""
        try:
            chunk = json.loads((self.folder / results.SETTINGS).read_text())["chunk"]
        except (TypeError, OSError, ValueError, KeyError):  # no folder, or nothing readable there
            return None
        return chunk if type(chunk) is int and chunk > 0 else None

    @property
    def finished(self) -> xr.Dataset | None:
        """The results of this very run, if they are there."""
        if (ds := runs.finished(self.folder)) is None:
            return None
        same = (ds.attrs["seeds"], ds.attrs["chunk"]) == (self.experiment.seeds, self.chunk)
        return ds if same else None

    @property
    def saved(self) -> int:
        """How many of the seeds asked for are saved."""
        there = sum(self.chunk for seeds in self.chunks if self.store.is_kept(_name(seeds)))
        return min(there, self.experiment.seeds)

    @engine.pinned()
    def results(self, progress: Progress = lambda done, whole: None) -> xr.Dataset:
        """Compute what is missing, save it chunk by chunk, and put the whole together."""
        if (ds := self.finished) is not None:
            return ds
        runs.compilation_cache()
        if self.folder:
            settings = {"seeds": self.experiment.seeds, "chunk": self.chunk}
            runs.open_folder(self.folder, self.identity | settings)
        self._compute(progress)
        parts = [self.store.get(_name(seeds)) for seeds in self.chunks]
        ds = xr.concat(parts, "seed", data_vars="minimal").isel(seed=slice(self.experiment.seeds))
        ds.attrs = self._attributes()
        if self.folder:
            results.save(ds, self.folder / results.RESULTS)
        return ds

    def _compute(self, progress: Progress) -> None:
        setup, hyper = self.experiment.setup, self.experiment.hyper
        moments = engine.moments(setup, len(self.task.x_train))
        missing = [seeds for seeds in self.chunks if _name(seeds) not in self.store]
        each = engine.network_steps(setup, len(self.task.x_train)) * self.chunk
        whole, done = each * len(self.chunks), each * (len(self.chunks) - len(missing))

        def tell(steps: float) -> None:
            nonlocal done
            progress(done := done + steps, whole)

        tell(0)
        records = engine.run(setup, hyper, self.task, missing, tell)
        for seeds, (teacher, students) in zip(missing, records, strict=True):
            self.store.put(_name(seeds), results.label(seeds, moments, teacher, students))

    def _attributes(self) -> dict[str, Any]:
        return {
            "title": "Subliminal learning, figure 10 of arXiv 2507.14805",
            "seeds": self.experiment.seeds,
            "chunk": self.chunk,
        } | runs.attributes(self.identity, self.task)


def _name(seeds: range) -> str:
    return f"seeds-{seeds[0]:06d}-{seeds[-1]:06d}"
