"""The theorem held against networks: `theory/` measured over seeds, losses and activations.

All in float64. Directions, channels and losses are numbers, so that one compiled program per
activation takes every seed through every case; widths compile one program each.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array, Float, Int

from sim import data, results, runs
from sim.config import Setup, Theorem
from sim.errors import InputError
from sim.keys import Purpose, Seed, key
from sim.networks import ACTIVATIONS, Network, Params, mlp, numbered
from sim.noise import noise
from theory import boundary, conditions, linearized, losses, one_step, preconditioned, verdict
from theory.one_step import Trait
from theory.trees import dot, move, norm, scale

Progress = Callable[[float, float], None]  # told the parts done and their number
EPSILONS = np.asarray(verdict.LADDER)
BOUNDARY_EPSILONS = np.array([1e-1, 1e-2, 1e-3])
MAP = np.logspace(-2, 2, 33)  # α and ε of the map, in units of √(predicted α ε)
ADAM_LR = 3e-4  # figure 10's
# Names of the ladder's fields in a file.
ASCII = {"ε": "epsilon", "dot": "dot", "ε_q": "epsilon_q", "change": "change",
         "ε_α_q": "epsilon_alpha_q", "dot_rounding": "dot_rounding",
         "change_rounding": "change_rounding"}  # fmt: skip
TIMES = (1, 10, 100)  # steps at which descent on the linearised network is compared
CHUNK = 32  # seeds measured together, and saved

DEEP = "linear"  # the network of hidden layers without a nonlinearity, beside what is asked for


class Case(NamedTuple):
    """A direction and a channel to try, as numbers.

    L_T(θ) = on_data CE + decay ½ ‖θ‖² − along r · θ. CE is the cross-entropy of the class logits
    with labels, on images of the task or (other = 1) on Gaussian inputs with random labels; r is a
    random direction of length 1. trunk: 0 if CE reads the hidden layers from θ_0 (they are frozen).
    channel: how many of the auxiliary logits the student imitates; 0 for all.
    """

    on_data: float = 1.0
    other: float = 0.0
    decay: float = 0.0
    along: float = 0.0
    trunk: float = 1.0
    channel: int = 0


CASES = {
    "data": Case(),
    "other data": Case(other=1.0),
    "regulariser": Case(on_data=0.0, decay=1.0),
    "random direction": Case(on_data=0.0, along=1.0),
    "frozen trunk": Case(trunk=0.0),
    "one logit": Case(channel=1),
}


class Shape(NamedTuple):
    """Of a network; its activation is one of `kinds`, by number."""

    widths: tuple[int, ...]
    d_in: int
    classes: int
    aux: int
    kinds: tuple[str, ...]


class World(NamedTuple):
    """What the checks of one seed are made of, from its own keys."""

    θ_0: Params
    θ_other: Params  # an independent initialisation
    r: Params  # a random direction, ‖r‖ = 1
    X: Float[Array, "N d"]  # distillation inputs
    images: Float[Array, "2 k d"]  # of the task, and Gaussian
    labels: Int[Array, "2 k"]  # theirs, and random


class Steps(NamedTuple):
    """One step in one case.

    ladder: of ε.  conditions: of L_S.  M_error: of M by differentiation against its closed form.
    shared: change of L_T with one random preconditioner for both networks, at ε = 1e-5.
    adam: the same with each network's own, at the rate of figure 10.
    """

    ladder: one_step.Ladder
    conditions: conditions.Conditions
    M_error: Float[Array, ""]
    shared: Float[Array, ""]
    adam: Float[Array, ""]


class Remarks(NamedTuple):
    """What the paper remarks on; on L_T = CE on the task's images.

    other_dot, other_moved: from an independent initialisation, at each of EPSILONS: Δθ_S · Δθ_T,
      and ‖Δθ_S(ε) − Δθ_S(0)‖ / ‖Δθ_S(0)‖.
    broken: conditions of the losses BROKEN, at the aux logits of the untrained network.
    """

    other_dot: Float[Array, " k"]
    other_moved: Float[Array, " k"]
    broken: tuple[conditions.Conditions, ...]


class Lazy(NamedTuple):
    """A network of one width, trained by plain gradient descent, beside the linearised prediction.

    exact: relative distance of descent on the linearised network from eq. (6), at `times`.
    gap: of the real student's displacement from the predicted one, relative to the latter.
    logit_gap: the same of the change of its class logits on the test images.
    accuracy, predicted_accuracy: of the student's class head on the test images.
    teacher_accuracy, reference_accuracy: likewise.
    visible_fraction: ‖P Δθ_T‖² / ‖Δθ_T‖².  cosine: of real displacement and Δθ_T.
    """

    exact: Float[Array, " t"]
    gap: Float[Array, ""]
    logit_gap: Float[Array, ""]
    accuracy: Float[Array, ""]
    predicted_accuracy: Float[Array, ""]
    teacher_accuracy: Float[Array, ""]
    reference_accuracy: Float[Array, ""]
    visible_fraction: Float[Array, ""]
    cosine: Float[Array, ""]


# Worlds are made in float32 and then widened: the initialisations are those of figure 10. In two
# programs, as the second is the same for networks of every shape. Maps compile in a sixth of the
# time that vmap takes here.
@partial(jax.jit, static_argnames="shape")
def _inits(shape: Shape, seeds: Array) -> tuple[Params, Params, Params]:
    """θ_0, θ_other and r of every seed."""
    init = partial(jax.lax.map, _network(shape).init)

    def one(seed: Seed) -> tuple[Params, Params, Params]:
        starts = jnp.stack([key(seed, purpose) for purpose in (Purpose.INIT, Purpose.OTHER_INIT)])
        both = init(starts)
        θ_0, θ_other = (jax.tree.map(lambda leaf, i=i: leaf[i], both) for i in (0, 1))
        r = _normal(key(seed, Purpose.THEOREM), θ_0)
        return θ_0, θ_other, scale(1 / norm(r), r)

    return jax.lax.map(one, seeds)


@partial(jax.jit, static_argnames=("experiment", "classes"))
def _examples(
    experiment: Theorem, classes: int, seeds: Array, x: Array, y: Array
) -> tuple[Array, Array, Array]:
    """X, images and labels of every seed."""
    k, d = experiment.images, x.shape[1]

    def one(seed: Seed) -> tuple[Array, Array, Array]:
        keys = jax.random.split(key(seed, Purpose.THEOREM), 3)
        chosen = jax.random.choice(keys[0], len(x), (k,), replace=False)
        return (
            noise(experiment.noise, key(seed, Purpose.NOISE), jnp.arange(experiment.inputs), x),
            jnp.stack([x[chosen], jax.random.normal(keys[1], (k, d), x.dtype)]),
            jnp.stack([y[chosen], jax.random.randint(keys[2], (k,), 0, classes, y.dtype)]),
        )

    return jax.lax.map(one, seeds)


@partial(jax.jit, static_argnames=("experiment", "shape"))
def _steps(
    experiment: Theorem, shape: Shape, kind: Array, cases: Case, which: Array, worlds: World
) -> Steps:
    """One step of the student [case, loss, seed, …]; `which`: one-hot rows that choose L_S."""
    net = _network(shape, kind)

    def one(case: Case, which: Array, world: World) -> Steps:
        L_S, M = _imitation(experiment, net, which, case.channel)
        L_T = _trait(net, world, case)
        case_of = (net.apply, world.θ_0, L_T, L_S, world.X)
        z = _logits(net, world.θ_0, world.X)
        # Log-normal, spread over a few orders of magnitude.
        D = jax.tree.map(lambda r: jnp.exp(r / jnp.std(r)), world.r)
        return Steps(
            one_step.ladder(*case_of, jnp.asarray(EPSILONS), experiment.alpha),
            conditions.conditions(L_S, z),
            jnp.max(jnp.abs(jax.vmap(M)(z) - jax.vmap(partial(losses.M, L_S))(z))),
            preconditioned.shared(*case_of, D, ε=1e-5).measured,
            preconditioned.adam(*case_of, ε=ADAM_LR, α=ADAM_LR).measured,
        )

    return _over(one, cases, which, worlds)


@partial(jax.jit, static_argnames=("experiment", "shape"))
def _remarks(
    experiment: Theorem, shape: Shape, kind: Array, which: Array, worlds: World
) -> Remarks:
    """[loss, seed, …]."""
    net = _network(shape, kind)

    def one(which: Array, world: World) -> Remarks:
        L_S, _ = _imitation(experiment, net, which, 0)
        L_T = _trait(net, world, Case())
        f, θ_0, X = net.apply, world.θ_0, world.X
        Δθ_T = scale(-1.0, jax.grad(L_T)(θ_0))
        step = partial(one_step.Δθ_S, f, θ_0, Δθ_T, L_S, X, θ_S0=world.θ_other)
        untrained = step(0.0)

        def other(ε: Array) -> tuple[Array, Array]:
            now = step(ε)
            return dot(now, Δθ_T), norm(move(now, -1.0, untrained)) / norm(untrained)

        return Remarks(
            *jax.lax.map(other, jnp.asarray(EPSILONS)),
            tuple(
                conditions.conditions(L_S, _logits(net, θ_0, X)[:, net.classes :])
                for L_S in conditions.BROKEN.values()
            ),
        )

    return _over(one, which, worlds)


@partial(jax.jit, static_argnames=("experiment", "shape"))
def _boundary(
    experiment: Theorem, shape: Shape, kind: Array, which: Array, worlds: World
) -> boundary.Boundary:
    """[loss, seed, ε], at BOUNDARY_EPSILONS; L_T = CE on the task's images."""
    net = _network(shape, kind)

    def one(which: Array, world: World) -> boundary.Boundary:
        L_S, _ = _imitation(experiment, net, which, 0)
        L_T = _trait(net, world, Case())
        at = partial(boundary.boundary, net.apply, world.θ_0, L_T, L_S, world.X)
        return jax.lax.map(at, jnp.asarray(BOUNDARY_EPSILONS))

    return _over(one, which, worlds)


@partial(jax.jit, static_argnames=("experiment", "shape"))
def _map(
    experiment: Theorem, shape: Shape, kind: Array, which: Array, worlds: World
) -> tuple[Array, Array, Array]:
    """Of the first seed [loss, …]: predicted α ε, a grid for α and ε, L_T's change [α, ε] on it."""
    net = _network(shape, kind)
    world = jax.tree.map(lambda leaf: leaf[0], worlds)
    L_T = _trait(net, world, Case())

    def one(which: Array) -> tuple[Array, Array, Array]:
        L_S, _ = _imitation(experiment, net, which, 0)
        _, q, curvature = boundary.second_order(net.apply, world.θ_0, L_T, L_S, world.X)
        unit = jnp.sqrt(2 * q / jnp.abs(curvature))
        grid = unit * jnp.asarray(MAP)
        change = boundary.change_map(net.apply, world.θ_0, L_T, L_S, world.X, grid, grid)
        return jnp.where(curvature > 0, unit**2, jnp.inf), grid, change

    return jax.lax.map(one, which)


@partial(jax.jit, static_argnames=("experiment", "shape", "kind", "times"))
def _lazy(
    experiment: Theorem, shape: Shape, kind: int, times: tuple[int, ...], worlds: World,
    x_test: Array, y_test: Array,
) -> Lazy:  # fmt: skip
    """[seed, …]: teacher and student by full-batch gradient descent, lazy_steps each."""
    net, steps = _network(shape, kind), experiment.lazy_steps

    def distilled(θ: Params, x: Array) -> Array:
        return net.apply(θ, x)[net.classes :]

    def classified(θ: Params, x: Array) -> Array:
        return net.apply(θ, x)[: net.classes]

    def squared(z: Array, y: Array) -> Array:
        return losses.squared_error(z, y, jnp.ones(z.shape, bool))

    def accuracy(z: Array) -> Array:
        return jnp.mean(jnp.argmax(z, axis=-1) == y_test)

    def one(world: World) -> Lazy:
        θ_0, X, L_T = world.θ_0, world.X, _trait(net, world, Case())
        # ∇²CE is at most half of E[JᵀJ]: a rate of 1 / λ_max is well inside what is stable.
        rate = 1 / linearized.largest(classified, θ_0, world.images[0])
        θ_T = _descend(lambda θ: scale(-1.0, jax.grad(L_T)(θ)), θ_0, rate, steps)
        Δθ_T = move(θ_T, -1.0, θ_0)
        channel = linearized.channel(distilled, θ_0, Δθ_T, X)
        η = channel.rate_limit / 2

        def imitate(f: one_step.Function, Y: Array) -> Callable[[Params], Params]:
            return lambda θ: one_step.student_step(f, θ, squared, X, Y)

        # The linearised network, with its own teacher's labels, against eq. (6) …
        f_lin = linearized.linearize(distilled, θ_0)
        lazily = imitate(f_lin, jax.vmap(f_lin, (None, 0))(θ_T, X))
        exact, θ = [], θ_0
        for before, k in zip((0, *times), times, strict=False):
            θ = _descend(lazily, θ, η, k - before)
            δ = linearized.student(distilled, θ_0, X, channel, linearized.descent(η, k))
            exact.append(norm(move(move(θ, -1.0, θ_0), -1.0, δ)) / norm(δ))
        # … and the real one, with the real teacher's.
        δ = linearized.student(distilled, θ_0, X, channel, linearized.descent(η, steps))
        θ_S = _descend(imitate(distilled, jax.vmap(distilled, (None, 0))(θ_T, X)), θ_0, η, steps)
        Δθ_S = move(θ_S, -1.0, θ_0)
        z_0, z_T, z_S = (jax.vmap(classified, (None, 0))(θ, x_test) for θ in (θ_0, θ_T, θ_S))
        predicted = linearized.linearize(classified, θ_0)
        z_lin = jax.vmap(predicted, (None, 0))(move(θ_0, 1.0, δ), x_test)
        return Lazy(
            exact=jnp.asarray(exact),
            gap=norm(move(Δθ_S, -1.0, δ)) / norm(δ),
            logit_gap=jnp.linalg.norm(z_S - z_lin) / jnp.linalg.norm(z_lin - z_0),
            accuracy=accuracy(z_S),
            predicted_accuracy=accuracy(z_lin),
            teacher_accuracy=accuracy(z_T),
            reference_accuracy=accuracy(z_0),
            visible_fraction=channel.visible_fraction,
            cosine=dot(Δθ_S, Δθ_T) / (norm(Δθ_S) * norm(Δθ_T)),
        )

    return jax.lax.map(one, worlds)


def _network(shape: Shape, kind: Array | int = 0) -> Network:
    """With the activation of that number: a traced one compiles for all, another for itself."""
    setup = Setup(widths=shape.widths, aux=shape.aux)
    given = isinstance(kind, int)
    activation = ACTIVATIONS[shape.kinds[kind]] if given else numbered(kind, shape.kinds)
    return mlp(setup, shape.d_in, shape.classes, activation)


def _descend(step: Callable[[Params], Params], θ: Params, η: Array, k: int) -> Params:
    return jax.lax.fori_loop(0, k, lambda _, θ: move(θ, η, step(θ)), θ)


def _imitation(
    experiment: Theorem, net: Network, which: Array, channel: Array | int
) -> tuple[losses.Imitation, Callable[[Array], Array]]:
    """L_S(z, y) over the first `channel` auxiliary logits, and its M in closed form."""
    place = jnp.arange(net.classes + experiment.aux) - net.classes
    visible = (place >= 0) & ((channel == 0) | (place < channel))

    def L_S(z: Array, y: Array) -> Array:
        each = [getattr(losses, name)(z, y, visible) for name in experiment.loss]
        return jnp.vdot(which, jnp.stack(each))

    def M(y: Array) -> Array:
        closed = {"squared_error": losses.M_squared_error}
        each = [closed.get(name, losses.M_softmax)(y, visible) for name in experiment.loss]
        return jnp.tensordot(which, jnp.stack(each), 1)

    return L_S, M


def _trait(net: Network, world: World, case: Case) -> Trait:
    images, labels = (
        jnp.where(jnp.asarray(case.other) == 1, two[1], two[0])
        for two in (world.images, world.labels)
    )

    def L_T(θ: Params) -> Float[Array, ""]:
        read = {
            name: layer
            if name.endswith("_head")
            else jax.tree.map(lambda a, b: a + case.trunk * (b - a), world.θ_0[name], layer)
            for name, layer in θ.items()
        }
        z = _logits(net, read, images)[:, : net.classes]
        CE = jnp.mean(optax.softmax_cross_entropy_with_integer_labels(z, labels))
        return case.on_data * CE + case.decay * dot(θ, θ) / 2 - case.along * dot(world.r, θ)

    return L_T


def _logits(net: Network, θ: Params, x: Array) -> Array:
    return jax.vmap(net.apply, in_axes=(None, 0))(θ, x)


def _normal(key: Array, like: Params) -> Params:
    """Independent N(0, 1) in every parameter, by one draw."""
    leaves, tree = jax.tree.flatten(like)
    sizes = np.cumsum([leaf.size for leaf in leaves])
    draws = jnp.split(jax.random.normal(key, (sizes[-1],), leaves[0].dtype), sizes[:-1])
    return jax.tree.unflatten(
        tree, [draw.reshape(leaf.shape) for draw, leaf in zip(draws, leaves, strict=True)]
    )


def _over(f: Callable, *axes: Any) -> Any:
    """f at every combination of the axes' elements: seeds, the last axis, together."""
    first, *rest = axes
    if not rest:
        return jax.vmap(f)(first)
    return jax.lax.map(lambda element: _over(partial(f, element), *rest), first)


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
    return Run(Theorem(dataset, seeds, **settings).checked(), out).results(progress)


def boundaries(varied: str, values: Sequence[Any], **settings: Any) -> xr.Dataset:
    """How the boundary of Theorem 1 moves with one setting: width, depth, aux, dataset, inputs, …

    Args:
      varied: the name of a field of `config.Theorem`, other than loss and activation (of which all
        that are asked for are measured anyway).
      values: what to try.
      settings: the others, by name.

    Returns a Dataset over varied × network × loss × seed × boundary_epsilon: boundary_q,
    boundary_curvature, and boundary_predicted and boundary_measured, the α ε of eq. (3).

    """
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

    @property
    def finished(self) -> xr.Dataset | None:
        """The results of this very run, if they are there."""
        if self.folder is None or not (self.folder / results.RESULTS).is_file():
            return None
        try:
            return results.load(self.folder)
        except InputError:  # damaged: the parts are there to make it from
            return None

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
        order = {"network": self._networks, "case": CASES, "loss": self.experiment.loss}
        ds = ds.sel({name: list(values) for name, values in order.items()})
        title = {"kind": "theorem", "title": "The theorem of arXiv 2507.14805, measured"}
        ds.attrs = title | runs.attributes(self.identity, self.task)
        if self.folder:
            results.save(ds, self.folder / results.RESULTS)
            runs.sweep_up(self.folder)
        return ds

    @property
    def saved(self) -> str:
        """How many of the parts are saved."""
        names = [name for name, _ in self._jobs()]
        return f"{sum(self._file(name).is_file() for name in names)} of {len(names)} parts"

    def _parts(self, progress: Progress) -> list[xr.Dataset]:
        """All parts: from their files, or computed."""
        jobs = dict(self._jobs())
        missing = [name for name in jobs if not (self.folder and self._file(name).is_file())]
        done = len(jobs) - len(missing)
        progress(done, len(jobs))
        parts = []
        for name, job in jobs.items():
            if name not in missing:
                parts.append(results.load(self._file(name)))
                continue
            with jax.enable_x64(True):
                parts.append(job())
            if self.folder:
                results.save(parts[-1], self._file(name))
            progress(done := done + 1, len(jobs))
        return parts

    def _jobs(self) -> Iterator[tuple[str, Callable[[], xr.Dataset]]]:
        """Parts by name, each a function that makes it: chunks of seeds × networks, and widths."""
        experiment = self.experiment
        for width in sorted(experiment.lazy_widths, reverse=True):  # the longest first
            yield f"width-{width:05d}", partial(self._lazily, width)
        for start in range(0, experiment.seeds, CHUNK):
            seeds = range(start, min(start + CHUNK, experiment.seeds))
            for name in self._networks:
                yield f"{name}-{start:06d}", partial(self._one_step, name, seeds)

    @property
    def _networks(self) -> tuple[str, ...]:
        """Activations of the networks that are tried."""
        return tuple(dict.fromkeys((*self.experiment.activation, DEEP)))

    def _shape(self, width: int) -> Shape:
        experiment, task = self.experiment, self.task
        kinds = tuple(dict.fromkeys((*self._networks, experiment.lazy_activation)))
        return Shape((width,) * experiment.depth, task.d_in, task.classes, experiment.aux, kinds)

    def _worlds(self, shape: Shape, seeds: range) -> World:
        x, y = jnp.asarray(self.task.x_train), jnp.asarray(self.task.y_train)
        with jax.enable_x64(False):
            numbers = jnp.asarray(seeds, jnp.int32)
            examples = _examples(self.experiment, self.task.classes, numbers, x, y)
            worlds = World(*_inits(shape, numbers), *examples)
        widen = {"float32": jnp.float64, "int32": jnp.int32}
        with jax.enable_x64(True):
            return jax.tree.map(lambda leaf: leaf.astype(widen[leaf.dtype.name]), worlds)

    def _one_step(self, network: str, seeds: range) -> xr.Dataset:
        experiment, shape = self.experiment, self._shape(self.experiment.width)
        kind, worlds = jnp.asarray(shape.kinds.index(network)), self._worlds(shape, seeds)
        which = jnp.eye(len(experiment.loss))
        cases = jax.tree.map(lambda *values: jnp.asarray(values), *CASES.values())
        steps = jax.device_get(_steps(experiment, shape, kind, cases, which, worlds))
        each = ("case", "loss", "seed")
        variables = {
            ASCII[name]: ((*each, "epsilon"), value)
            for name, value in steps.ladder._asdict().items()
            if name != "ε"
        }
        variables |= {name: (each, value) for name, value in steps.conditions._asdict().items()}
        variables["m_error"] = (each, steps.M_error)
        variables["change_shared"] = (each, steps.shared)
        variables["change_adam"] = (each, steps.adam)
        if network in experiment.activation:
            variables |= self._remarks(shape, kind, worlds, which, seeds)
        ds = xr.Dataset(
            variables,
            {
                "case": list(CASES),
                "loss": list(experiment.loss),
                "seed": np.asarray(seeds),
                "epsilon": EPSILONS,
                "boundary_epsilon": BOUNDARY_EPSILONS,
                "broken": list(conditions.BROKEN),
            },
        )
        return ds.expand_dims(network=[network])

    def _remarks(
        self, shape: Shape, kind: Array, worlds: World, which: Array, seeds: range
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        remarks = jax.device_get(_remarks(self.experiment, shape, kind, which, worlds))
        each = ("loss", "seed")
        variables = self._boundary(shape, kind, worlds)
        for name in ("other_dot", "other_moved"):
            variables[name] = ((*each, "epsilon"), getattr(remarks, name))
        for name in ("minimum", "semi_definite", "null_space"):
            stacked = np.stack([getattr(one, name)[0] for one in remarks.broken])
            variables[f"broken_{name}"] = (("broken", "seed"), stacked)
        if seeds[0] == 0:
            predicted, grid, change = jax.device_get(
                _map(self.experiment, shape, kind, which, worlds)
            )
            variables["map_predicted"] = (("loss",), predicted)
            variables["map_grid"] = (("loss", "map_epsilon"), grid)
            variables["map_change"] = (("loss", "map_alpha", "map_epsilon"), change)
        return variables

    def _boundary(
        self, shape: Shape, kind: Array, worlds: World
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        which = jnp.eye(len(self.experiment.loss))
        found = jax.device_get(_boundary(self.experiment, shape, kind, which, worlds))
        return {
            f"boundary_{name}": (("loss", "seed", "boundary_epsilon"), value)
            for name, value in found._asdict().items()
        }

    def boundaries(self) -> xr.Dataset:
        """Of every network that is asked for, the boundary alone; nothing is saved."""
        experiment, shape = self.experiment, self._shape(self.experiment.width)
        worlds = self._worlds(shape, range(experiment.seeds))
        labels = {
            "loss": list(experiment.loss),
            "seed": range(experiment.seeds),
            "boundary_epsilon": BOUNDARY_EPSILONS,
        }
        with jax.enable_x64(True):
            parts = [
                xr.Dataset(self._boundary(shape, jnp.asarray(kind), worlds), labels)
                for kind in range(len(experiment.activation))
            ]
        return xr.concat(parts, xr.Variable("network", list(experiment.activation)))

    def _lazily(self, width: int) -> xr.Dataset:
        experiment, task = self.experiment, self.task
        shape = self._shape(width)
        kind = shape.kinds.index(experiment.lazy_activation)
        worlds = self._worlds(shape, range(experiment.lazy_seeds))
        x_test, y_test = jnp.asarray(task.x_test, float), jnp.asarray(task.y_test)
        times = TIMES if width == min(experiment.lazy_widths) else ()  # once is enough
        lazy = _lazy(experiment, shape, kind, times, worlds, x_test, y_test)
        variables = {
            f"lazy_{name}": (("lazy_seed", "time") if name == "exact" else ("lazy_seed",), value)
            for name, value in jax.device_get(lazy)._asdict().items()
            if name != "exact" or times
        }
        ds = xr.Dataset(variables, {"lazy_seed": range(experiment.lazy_seeds), "time": list(TIMES)})
        return ds.expand_dims(width=[width])

    def _file(self, name: str) -> Path:
        return self.folder / "chunks" / f"{name}.nc"
