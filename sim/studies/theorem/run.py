"""The theorem's measurements as a study: what is measured of which networks, laid out by name."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from sim.engine import machine
from sim.errors import choose, require
from sim.model import data
from sim.model.data import Task
from sim.runs import cluster
from sim.runs.run import Progress
from sim.runs.store import Store
from sim.settings.declare import declared, replaced
from sim.settings.experiments import LAZY, ONE_STEP, Common, Theorem
from sim.studies import called
from sim.studies.extend import by_name, unless_refused
from sim.studies.theorem import checks, layouts
from theory import conditions

CHUNK = 32  # seeds measured together, and kept
BOUNDARY_BY = ("dataset", "width", "depth", "aux", "noise", "inputs", "images")
# Names of the ladder's fields in a file.
ASCII = {
    "ε": "epsilon",
    "dot": "dot",
    "ε_q": "epsilon_q",
    "change": "change",
    "ε_α_q": "epsilon_alpha_q",
    "dot_rounding": "dot_rounding",
    "change_rounding": "change_rounding",
    "ε_q_rounding": "epsilon_q_rounding",
}


@unless_refused()
def theorem(
    dataset: str | Task = "digits",
    seeds: int | str = 64,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Measure what Lemma 1, Theorem 1 and their continuations say, over seeds and networks.

    Args:
      dataset, seeds, **settings: the fields of `Common` and `Theorem`, by name.
      out: folder for run folders. Given one, finished parts are kept there, and the same call goes
        on where an earlier one stopped; without one nothing is written.
      progress: called with the parts done, and all parts; with none a notebook shows a bar.

    Returns a Dataset; `sim.statements.statements(ds)` says what follows from it. Errors:
    InputError for a setting that breaks a rule.

    """
    return called.run(
        checks_of(dataset=data.named(dataset), seeds=seeds, **settings), out, progress
    )


@unless_refused()
def boundaries(varied: str, values: Sequence[Any], **settings: Any) -> xr.Dataset:
    """Measure how the boundary of Theorem 1 moves with one setting.

    Args:
      varied: one of BOUNDARY_BY. (Of loss and activation, all that are asked for are measured.)
      values: what to try.
      settings: the others, by name.

    Returns a Dataset over varied × network × loss × seed × boundary_epsilon: boundary_q,
    boundary_curvature, and boundary_predicted and boundary_measured, the α ε of eq. (3). Errors:
    InputError for a setting that breaks a rule.

    """
    choose("varied", varied, BOUNDARY_BY)
    listed = isinstance(values, list | tuple | range | np.ndarray) and np.ndim(values) == 1
    require("values", values, listed and len(values) > 0, "a list of at least one")
    each = (checks_of(**(settings | {varied: value})) for value in values)
    return xr.concat([one.boundaries() for one in each], xr.Variable(varied, list(values)))


def checks_of(**settings: Any) -> "Checks":
    """Make the study from its settings by name, checked."""
    return Checks(*replaced(by_name(settings), Common(seeds=64), Theorem()))


class Checks:
    """The theorem, measured over seeds and networks, as a study and its work in one.

    A part is what is measured of one network over a chunk of seeds, or of one width. It is named by
    what it depends on, so that whatever run needs it finds it.
    """

    name = kind = "theorem"
    title = "The theorem of arXiv 2507.14805, measured"
    question = ""
    traps: tuple[str, ...] = ()
    usual: Mapping[str, Any] = {}

    def __init__(self, common: Common, theorem: Theorem) -> None:
        self.common, self.theorem, self.settings = common, theorem, vars(theorem)
        self.task = data.load(
            common.dataset, data_dir=common.data_dir, validation=common.validation
        )
        self.measured, self.chunk = self.task, common.chunk or CHUNK

    def work(self, store: Store, chunk: int | None) -> "Checks":
        """Look for parts in a store."""
        self._store = store
        return self

    def saved(self) -> str:
        """Say how many of the parts are kept."""
        names = [name for name, _ in self._jobs()]
        return f"{sum(map(self._store.is_kept, names))} of {len(names)} parts"

    def plan(self) -> None:
        """Plan nothing: it takes minutes."""

    def compute(self, progress: Progress) -> None:
        """Measure the parts that are missing."""
        names = [name for name, _ in self._jobs()]
        missing = [name for name in names if name not in self._store]
        done = len(names) - len(missing)
        progress(done, len(names))
        for name, part in cluster.made(self, ((name, name) for name in missing)):
            self._store.put(name, part)
            progress(done := done + 1, len(names))

    @machine.one_thread()
    def make(self, part: str) -> xr.Dataset:
        """Measure a part."""
        with jax.enable_x64(True):
            return dict(self._jobs())[part]()

    def __getstate__(self) -> dict[str, Any]:
        """Give what other processes make parts of: no store, which one process alone writes to."""
        return {name: value for name, value in vars(self).items() if name != "_store"}

    def assemble(self) -> xr.Dataset:
        """Put the parts together, in the order that was asked for: combining sorts."""
        ds = xr.combine_by_coords(
            [self._store.get(name) for name, _ in self._jobs()],
            join="outer",
            compat="no_conflicts",
            data_vars="all",
            combine_attrs="drop_conflicts",
        )
        order = {"network": self._networks, "case": checks.CASES, "loss": self.theorem.loss}
        return ds.sel({name: list(values) for name, values in order.items()})

    @machine.pinned()
    def boundaries(self) -> xr.Dataset:
        """Measure the boundary alone of every network that is asked for; nothing is saved."""
        with jax.enable_x64(True):
            return xr.combine_by_coords(
                [
                    self._boundaries(network, seeds)
                    for network in self.theorem.activation
                    for seeds in self._chunks
                ],
                join="outer",
            ).sel(network=list(self.theorem.activation))

    def _jobs(self) -> Iterator[tuple[str, Callable[[], xr.Dataset]]]:
        """Parts by name, each a function that makes it: widths, and chunks of seeds × networks."""
        for width in sorted(self.theorem.lazy_widths, reverse=True):  # the longest first
            exact = width == min(self.theorem.lazy_widths)  # once is enough
            yield self._named(LAZY, width=width, exact=exact), partial(self._lazily, width)
        few = range(self.theorem.lazy_seeds)
        for name in self.theorem.activation:
            for what in layouts.FEW_SEEDS:
                named = self._named(ONE_STEP, network=name, seeds=[*few], what=what)
                yield named, partial(self._trained, what, name, few)
        for seeds in self._chunks:
            for name in self.theorem.activation:
                for what in layouts.MANY_SEEDS:
                    named = self._named(ONE_STEP, network=name, seeds=[*seeds], what=what)
                    yield named, partial(self._over_seeds, what, name, seeds)
            for name in self._networks:
                named = self._named(ONE_STEP, network=name, seeds=[*seeds])
                yield named, partial(self._one_step, name, seeds)

    def _named(self, of: Any, **part: Any) -> str:
        """Name a part by the settings that it depends on, and which it is."""
        own = {name: self.settings[name] for name, s in declared(Theorem).items() if s.of & of}
        text = json.dumps(own | part, sort_keys=True)
        return f"theorem-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def _chunks(self) -> list[range]:
        whole = self.common.each_seed
        return [whole[i : i + self.chunk] for i in range(0, len(whole), self.chunk)]

    @property
    def _networks(self) -> tuple[str, ...]:
        """Activations of the networks that are tried."""
        return tuple(dict.fromkeys((*self.theorem.activation, checks.DEEP)))

    def network(self, name: str, seeds: range) -> tuple[checks.Shape, Array, checks.Problem]:
        """Make a network of the one-step checks: shape, activation by number, problems."""
        shape = self.shape(self.theorem, self.theorem.width)
        kind = jnp.asarray(shape.kinds.index(name))
        return shape, kind, self.problems(self.theorem, shape, seeds)

    def shape(self, theorem: Theorem, width: int) -> checks.Shape:
        task = self.task
        kinds = tuple(dict.fromkeys((*self._networks, theorem.lazy_activation)))
        return checks.Shape((width,) * theorem.depth, task.d_in, task.classes, theorem.aux, kinds)

    def problems(self, theorem: Theorem, shape: checks.Shape, seeds: range) -> checks.Problem:
        x, y = jnp.asarray(self.task.x_train), jnp.asarray(self.task.y_train)
        with jax.enable_x64(False):
            numbers = jnp.asarray(seeds, jnp.int32)
            examples = checks.examples(theorem, self.task.classes, numbers, x, y)
            problems = checks.Problem(*checks.inits(shape, numbers), *examples)
        widen = {"float32": jnp.float64, "int32": jnp.int32}
        with jax.enable_x64(True):
            return jax.tree.map(lambda leaf: leaf.astype(widen[leaf.dtype.name]), problems)

    def _one_step(self, network: str, seeds: range) -> xr.Dataset:
        theorem = self.theorem
        shape, kind, problems = self.network(network, seeds)
        which = jnp.eye(len(theorem.loss))
        cases = jax.tree.map(lambda *values: jnp.asarray(values), *checks.CASES.values())
        steps = jax.device_get(checks.steps(theorem, shape, kind, cases, which, problems))
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
        if network in theorem.activation:
            variables |= self._remarks(shape, kind, problems, which, seeds)
        ds = xr.Dataset(
            variables,
            self._labels(seeds)
            | {
                "case": list(checks.CASES),
                "epsilon": checks.EPSILONS,
                "shared_epsilon": checks.SHARED_EPSILONS,
                "seen": [1, theorem.inputs],
                "broken": list(conditions.BROKEN),
            },
        )
        return ds.expand_dims(network=[network])

    def _over_seeds(self, what: str, network: str, seeds: range) -> xr.Dataset:
        return layouts.MANY_SEEDS[what](self, network, seeds).expand_dims(network=[network])

    def _trained(self, what: str, network: str, seeds: range) -> xr.Dataset:
        return layouts.FEW_SEEDS[what](self, network, seeds).expand_dims(network=[network])

    def _remarks(
        self, shape: checks.Shape, kind: Array, problems: checks.Problem, which: Array, seeds: range
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        remarks = jax.device_get(checks.remarks(self.theorem, shape, kind, which, problems))
        each = ("loss", "seed")
        variables = self._boundary(shape, kind, problems)
        for name in ("other_dot", "other_moved"):
            variables[name] = ((*each, "epsilon"), getattr(remarks, name))
        for name in ("minimum", "semi_definite", "null_space"):
            stacked = np.stack([getattr(one, name)[0] for one in remarks.broken])
            variables[f"broken_{name}"] = (("broken", "seed"), stacked)
        if seeds[0] == 0:
            predicted, grid, change = jax.device_get(
                checks.sign_map(self.theorem, shape, kind, which, problems)
            )
            variables["map_predicted"] = (("loss",), predicted)
            variables["map_grid"] = (("loss", "map_epsilon"), grid)
            variables["map_change"] = (("loss", "map_alpha", "map_epsilon"), change)
        return variables

    def _boundary(
        self, shape: checks.Shape, kind: Array, problems: checks.Problem
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        which = jnp.eye(len(self.theorem.loss))
        found = jax.device_get(checks.boundaries(self.theorem, shape, kind, which, problems))
        return {
            f"boundary_{name}": (("loss", "seed", "boundary_epsilon"), value)
            for name, value in found._asdict().items()
        }

    def _boundaries(self, network: str, seeds: range) -> xr.Dataset:
        shape, kind, problems = self.network(network, seeds)
        ds = xr.Dataset(self._boundary(shape, kind, problems), self._labels(seeds))
        return ds.expand_dims(network=[network])

    def _labels(self, seeds: range) -> dict[str, Any]:
        return {
            "loss": list(self.theorem.loss),
            "seed": np.asarray(seeds),
            "boundary_epsilon": checks.BOUNDARY_EPSILONS,
        }

    def _lazily(self, width: int) -> xr.Dataset:
        theorem, task = self.theorem, self.task
        # A channel of its own: with that of one step there is next to nothing to see.
        theorem = replace(theorem, aux=theorem.lazy_aux, inputs=theorem.lazy_inputs)
        shape = self.shape(theorem, width)
        kind = shape.kinds.index(theorem.lazy_activation)
        problems = self.problems(theorem, shape, range(theorem.lazy_seeds))
        x_test, y_test = jnp.asarray(task.x_test, float), jnp.asarray(task.y_test)
        times = checks.TIMES if width == min(theorem.lazy_widths) else ()  # once is enough
        lazy = checks.lazy(theorem, shape, kind, times, problems, x_test, y_test)
        variables = {}
        for name, value in jax.device_get(lazy)._asdict().items():
            fraction = {"units": "fraction", "valid_range": (0.0, 1.0)}
            attrs = fraction if name.endswith(("accuracy", "fraction")) else {}
            if name != "exact":
                variables[f"lazy_{name}"] = ("lazy_seed",), value, attrs
            elif times:
                variables["lazy_exact"] = ("lazy_seed", "time"), value
        ds = xr.Dataset(
            variables, {"lazy_seed": range(theorem.lazy_seeds), "time": list(checks.TIMES)}
        )
        return ds.expand_dims(width=[width])
