"""The theorem's measurements as a run: settings in, a Dataset out; with a folder, resumable."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from sim.engine import programs as engine
from sim.model import data
from sim.runs import identity as runs
from sim.runs import results
from sim.runs.store import Store
from sim.settings.config import Theorem, rule
from sim.studies.theorem import checks
from theory import conditions

Progress = Callable[[float, float], None]  # told the parts done and their number
CHUNK = 32  # seeds measured together, and saved
BOUNDARY_BY = ("dataset", "width", "depth", "aux", "noise", "inputs", "images")
# Names of the ladder's fields in a file.
ASCII = {"ε": "epsilon", "dot": "dot", "ε_q": "epsilon_q", "change": "change",
         "ε_α_q": "epsilon_alpha_q", "dot_rounding": "dot_rounding",
         "change_rounding": "change_rounding",
         "ε_q_rounding": "epsilon_q_rounding"}  # fmt: skip


def theorem(
    dataset: str = "digits",
    seeds: int = 64,
    *,
    out: str | Path | None = None,
    progress: Progress = lambda done, whole: None,
    **settings: Any,
) -> xr.Dataset:
    """Measure what Lemma 1, Theorem 1 and their continuations say, over seeds and networks.

    Args:
      dataset, seeds, **settings: the fields of `config.Theorem`, by name.
      out: folder for run folders. Given one, finished parts are kept there, and the same call goes
        on where an earlier one stopped; without one nothing is written.
      progress: called with the number of parts done, and of all parts.

    Returns a Dataset; `sim.statements.statements(ds)` says what follows from it. Errors:
    InputError for a setting that breaks a rule.

    """
    run = Run(Theorem(dataset, seeds, **settings).checked(), out)
    for note in run.task.notes:
        warnings.warn(note, stacklevel=2)
    return run.results(progress)


def boundaries(varied: str, values: Sequence[Any], **settings: Any) -> xr.Dataset:
    """How the boundary of Theorem 1 moves with one setting.

    Args:
      varied: one of BOUNDARY_BY. (Of loss and activation, all that are asked for are measured.)
      values: what to try.
      settings: the others, by name.

    Returns a Dataset over varied × network × loss × seed × boundary_epsilon: boundary_q,
    boundary_curvature, and boundary_predicted and boundary_measured, the α ε of eq. (3). Errors:
    InputError for a setting that breaks a rule.

    """
    rule("varied", varied, varied in BOUNDARY_BY, "one of " + ", ".join(BOUNDARY_BY))
    rule("values", values, len(values) > 0, "at least one")
    parts = [Run(Theorem(**(settings | {varied: v})).checked(), None).boundaries() for v in values]
    return xr.concat(parts, xr.Variable(varied, list(values)))


class Run:
    """One such measurement on this machine: where its results lie, and what of them is there."""

    def __init__(self, experiment: Theorem, out: str | Path | None) -> None:
        self.experiment = experiment
        self.task = data.load(experiment.dataset, data_dir=experiment.data_dir, validation=0.0)
        settings = asdict(experiment)
        del settings["data_dir"]
        self.identity = runs.identity("theorem", self.task, settings=settings)
        self.folder = runs.folder(out, self.identity)
        self.store = Store(self.folder and self.folder / "chunks", self.identity)

    @property
    def finished(self) -> xr.Dataset | None:
        """The results of this very run, if they are there."""
        return runs.finished(self.folder)

    @engine.pinned()
    def results(self, progress: Progress = lambda done, whole: None) -> xr.Dataset:
        """Compute the parts that are missing, save each, and put the whole together."""
        if (ds := self.finished) is not None:
            return ds
        runs.compilation_cache()
        if self.folder:
            runs.open_folder(self.folder, self.identity)
        ds = xr.combine_by_coords(
            self._parts(progress),
            join="outer",
            compat="no_conflicts",
            data_vars="all",
            combine_attrs="drop",
        )
        # In the order that was asked for: combining sorts.
        order = {"network": self._networks, "case": checks.CASES, "loss": self.experiment.loss}
        ds = ds.sel({name: list(values) for name, values in order.items()})
        title = {"title": "The theorem of arXiv 2507.14805, measured"}
        ds.attrs = title | runs.attributes(self.identity, self.task)
        if self.folder:
            results.save(ds, self.folder / results.RESULTS)
        return ds

    @property
    def saved(self) -> str:
        """How many of the parts are saved."""
        names = [name for name, _ in self._jobs()]
        return f"{sum(map(self.store.is_kept, names))} of {len(names)} parts"

    def _parts(self, progress: Progress) -> list[xr.Dataset]:
        """All parts: from their files, or computed."""
        jobs = dict(self._jobs())
        missing = [name for name in jobs if name not in self.store]
        done = len(jobs) - len(missing)
        progress(done, len(jobs))
        for name in missing:
            with jax.enable_x64(True):
                self.store.put(name, jobs[name]())
            progress(done := done + 1, len(jobs))
        return [self.store.get(name) for name in jobs]

    def _jobs(self) -> Iterator[tuple[str, Callable[[], xr.Dataset]]]:
        """Parts by name, each a function that makes it: chunks of seeds × networks, and widths."""
        experiment = self.experiment
        for width in sorted(experiment.lazy_widths, reverse=True):  # the longest first
            yield f"width-{width:05d}", partial(self._lazily, width)
        for seeds in self._chunks:
            for name in self._networks:
                yield f"{name}-{seeds[0]:06d}", partial(self._one_step, name, seeds)

    @property
    def _chunks(self) -> list[range]:
        whole = range(self.experiment.seeds)
        return [whole[i : i + CHUNK] for i in whole[::CHUNK]]

    @property
    def _networks(self) -> tuple[str, ...]:
        """Activations of the networks that are tried."""
        return tuple(dict.fromkeys((*self.experiment.activation, checks.DEEP)))

    def _network(self, name: str, seeds: range) -> tuple[checks.Shape, Array, checks.World]:
        """Of the one-step checks: its shape, its activation by number, and its seeds' worlds."""
        shape = self._shape(self.experiment, self.experiment.width)
        kind = jnp.asarray(shape.kinds.index(name))
        return shape, kind, self._worlds(self.experiment, shape, seeds)

    def _shape(self, experiment: Theorem, width: int) -> checks.Shape:
        task = self.task
        kinds = tuple(dict.fromkeys((*self._networks, experiment.lazy_activation)))
        return checks.Shape(
            (width,) * experiment.depth, task.d_in, task.classes, experiment.aux, kinds
        )

    def _worlds(self, experiment: Theorem, shape: checks.Shape, seeds: range) -> checks.World:
        x, y = jnp.asarray(self.task.x_train), jnp.asarray(self.task.y_train)
        with jax.enable_x64(False):
            numbers = jnp.asarray(seeds, jnp.int32)
            examples = checks.examples(experiment, self.task.classes, numbers, x, y)
            worlds = checks.World(*checks.inits(shape, numbers), *examples)
        widen = {"float32": jnp.float64, "int32": jnp.int32}
        with jax.enable_x64(True):
            return jax.tree.map(lambda leaf: leaf.astype(widen[leaf.dtype.name]), worlds)

    def _one_step(self, network: str, seeds: range) -> xr.Dataset:
        experiment = self.experiment
        shape, kind, worlds = self._network(network, seeds)
        which = jnp.eye(len(experiment.loss))
        cases = jax.tree.map(lambda *values: jnp.asarray(values), *checks.CASES.values())
        steps = jax.device_get(checks.steps(experiment, shape, kind, cases, which, worlds))
        each = ("case", "loss", "seed")
        variables = {
            ASCII[name]: ((*each, "epsilon"), value)
            for name, value in steps.ladder._asdict().items()
            if name != "ε"
        }
        variables |= {name: (each, value) for name, value in steps.conditions._asdict().items()}
        variables["m_error"] = (each, steps.M_error)
        variables["crossed"] = ((*each, "epsilon"), steps.crossed)
        for name, value in steps.shared._asdict().items():
            variables[f"shared_{name}"] = ((*each, "seen", "shared_epsilon"), value)
        variables["adam_measured"] = ((*each, "seen"), steps.adam)
        if network in experiment.activation:
            variables |= self._remarks(shape, kind, worlds, which, seeds)
        ds = xr.Dataset(
            variables,
            self._labels(seeds)
            | {
                "case": list(checks.CASES),
                "epsilon": checks.EPSILONS,
                "shared_epsilon": checks.SHARED_EPSILONS,
                "seen": [1, experiment.inputs],
                "broken": list(conditions.BROKEN),
            },
        )
        return ds.expand_dims(network=[network])

    def _remarks(
        self, shape: checks.Shape, kind: Array, worlds: checks.World, which: Array, seeds: range
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        remarks = jax.device_get(checks.remarks(self.experiment, shape, kind, which, worlds))
        each = ("loss", "seed")
        variables = self._boundary(shape, kind, worlds)
        for name in ("other_dot", "other_moved"):
            variables[name] = ((*each, "epsilon"), getattr(remarks, name))
        for name in ("minimum", "semi_definite", "null_space"):
            stacked = np.stack([getattr(one, name)[0] for one in remarks.broken])
            variables[f"broken_{name}"] = (("broken", "seed"), stacked)
        if seeds[0] == 0:
            predicted, grid, change = jax.device_get(
                checks.sign_map(self.experiment, shape, kind, which, worlds)
            )
            variables["map_predicted"] = (("loss",), predicted)
            variables["map_grid"] = (("loss", "map_epsilon"), grid)
            variables["map_change"] = (("loss", "map_alpha", "map_epsilon"), change)
        return variables

    def _boundary(
        self, shape: checks.Shape, kind: Array, worlds: checks.World
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        which = jnp.eye(len(self.experiment.loss))
        found = jax.device_get(checks.boundaries(self.experiment, shape, kind, which, worlds))
        return {
            f"boundary_{name}": (("loss", "seed", "boundary_epsilon"), value)
            for name, value in found._asdict().items()
        }

    @engine.pinned()
    def boundaries(self) -> xr.Dataset:
        """Of every network that is asked for, the boundary alone; nothing is saved."""
        runs.compilation_cache()
        with jax.enable_x64(True):
            return xr.combine_by_coords(
                [self._boundaries(network, seeds)
                 for network in self.experiment.activation for seeds in self._chunks],
                join="outer",
            ).sel(network=list(self.experiment.activation))  # fmt: skip

    def _boundaries(self, network: str, seeds: range) -> xr.Dataset:
        shape, kind, worlds = self._network(network, seeds)
        ds = xr.Dataset(self._boundary(shape, kind, worlds), self._labels(seeds))
        return ds.expand_dims(network=[network])

    def _labels(self, seeds: range) -> dict[str, Any]:
        return {
            "loss": list(self.experiment.loss),
            "seed": np.asarray(seeds),
            "boundary_epsilon": checks.BOUNDARY_EPSILONS,
        }

    def _lazily(self, width: int) -> xr.Dataset:
        experiment, task = self.experiment, self.task
        # A channel of its own: with that of one step there is next to nothing to see.
        experiment = replace(experiment, aux=experiment.lazy_aux, inputs=experiment.lazy_inputs)
        shape = self._shape(experiment, width)
        kind = shape.kinds.index(experiment.lazy_activation)
        worlds = self._worlds(experiment, shape, range(experiment.lazy_seeds))
        x_test, y_test = jnp.asarray(task.x_test, float), jnp.asarray(task.y_test)
        times = checks.TIMES if width == min(experiment.lazy_widths) else ()  # once is enough
        lazy = checks.lazy(experiment, shape, kind, times, worlds, x_test, y_test)
        variables = {
            f"lazy_{name}": (("lazy_seed", "time") if name == "exact" else ("lazy_seed",), value)
            for name, value in jax.device_get(lazy)._asdict().items()
            if name != "exact" or times
        }
        ds = xr.Dataset(
            variables, {"lazy_seed": range(experiment.lazy_seeds), "time": list(checks.TIMES)}
        )
        return ds.expand_dims(width=[width])
