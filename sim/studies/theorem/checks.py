"""The theorem held against networks: what `theory/` says, measured over cases, losses and seeds.

All in float64. Directions, channels, losses and activations are numbers, so that one compiled
program takes every network of one shape through every case; only shapes compile anew.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from sim.model.keys import Purpose, Seed, key
from sim.model.networks import ACTIVATIONS, Network, Params, mlp, numbered
from sim.model.noise import noise
from sim.settings.experiments import Theorem
from sim.settings.setup import Hyper, Setup
from sim.training.steps import Lesson, advance, begin
from theory import boundary, conditions, linearized, losses, one_step, preconditioned, verdict
from theory.one_step import Trait
from theory.trees import add, dot, move, norm, scale, sub

EPSILONS = np.asarray(verdict.LADDER)
SHARED_EPSILONS = np.array([1e-4, 1e-5, 1e-6])
BOUNDARY_EPSILONS = np.array([1e-1, 1e-2, 1e-3])
MAP = np.logspace(-2, 2, 33)  # α and ε of the map, in units of √(predicted α ε)
ADAM_LR = 3e-4  # figure 10's
TIMES = (1, 10, 100)  # steps at which descent on the linearised network is compared

DEEP = "linear"  # the network of hidden layers without a nonlinearity, beside what is asked for


class Direction(NamedTuple):
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
    "data": Direction(),
    "other data": Direction(other=1.0),
    "regulariser": Direction(on_data=0.0, decay=1.0),
    "random direction": Direction(on_data=0.0, along=1.0),
    "frozen trunk": Direction(trunk=0.0),
    "one logit": Direction(channel=1),
}


class Shape(NamedTuple):
    """Of a network; its activation is one of `kinds`, by number."""

    widths: tuple[int, ...]
    d_in: int
    classes: int
    aux: int
    kinds: tuple[str, ...]


class Problem(NamedTuple):
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
    crossed: how many hidden units, over all inputs, are on the other side of 0 at θ_T than at θ_0,
      at each of EPSILONS. Where none is, a ReLU network is still as smooth as between two kinks.
    shared: change of L_T with one random preconditioner for both [seen, k], at SHARED_EPSILONS.
    adam: its change with each network's own, at the rate of figure 10 [seen]. Seen by the student
      is the first input alone, or all N.
    """

    ladder: one_step.Ladder
    conditions: conditions.Conditions
    M_error: Float[Array, ""]
    crossed: Int[Array, " k"]
    shared: preconditioned.Change
    adam: Float[Array, " seen"]


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


# Problems are made in float32 and then widened: the initialisations are those of figure 10. In two
# programs, as the second is the same for networks of every shape. Maps over seeds, as many draws
# under vmap take seconds to compile.
@partial(jax.jit, static_argnames="shape")
def inits(shape: Shape, seeds: Array) -> tuple[Params, Params, Params]:
    """Draw θ_0, θ_other and r of every seed."""
    init = partial(jax.lax.map, network(shape).init)

    def one(seed: Seed) -> tuple[Params, Params, Params]:
        starts = jnp.stack([key(seed, purpose) for purpose in (Purpose.INIT, Purpose.OTHER_INIT)])
        both = init(starts)
        θ_0, θ_other = (jax.tree.map(lambda leaf, i=i: leaf[i], both) for i in (0, 1))
        r = _normal(_keys(seed)[3], θ_0)
        return θ_0, θ_other, scale(1 / norm(r), r)

    return jax.lax.map(one, seeds)


@partial(jax.jit, static_argnames=("theorem", "classes"))
def examples(
    theorem: Theorem, classes: int, seeds: Array, x: Array, y: Array
) -> tuple[Array, Array, Array]:
    """Draw X, images and labels of every seed."""
    k, d = theorem.images, x.shape[1]

    def one(seed: Seed) -> tuple[Array, Array, Array]:
        keys = _keys(seed)
        chosen = jax.random.choice(keys[0], len(x), (k,), replace=False)
        return (
            noise(theorem.noise, key(seed, Purpose.NOISE), x, Hyper())(jnp.arange(theorem.inputs)),
            jnp.stack([x[chosen], jax.random.normal(keys[1], (k, d), x.dtype)]),
            jnp.stack([y[chosen], jax.random.randint(keys[2], (k,), 0, classes, y.dtype)]),
        )

    return jax.lax.map(one, seeds)


@partial(jax.jit, static_argnames=("theorem", "shape"))
def steps(
    theorem: Theorem, shape: Shape, kind: Array, cases: Direction, which: Array, problems: Problem
) -> Steps:
    """Take one step of the student [case, loss, seed, …]; `which`: one-hot rows that choose L_S."""
    net = network(shape, kind)

    def one(case: Direction, which: Array, problem: Problem) -> Steps:
        L_S, M = imitation(theorem, net, which, case.channel)
        L_T = trait(net, problem, case)
        of = (net.apply, problem.θ_0, L_T, L_S)
        seen = (problem.X[:1], problem.X)
        z = _logits(net, problem.θ_0, problem.X)
        # Log-normal: r, of length 1, has entries of variance 1 / P.
        P = sum(leaf.size for leaf in jax.tree.leaves(problem.r))
        D = jax.tree.map(lambda r: jnp.exp(P**0.5 * r), problem.r)

        Δθ_T = scale(-1.0, jax.grad(L_T)(problem.θ_0))
        before = _sides(shape, kind, problem.θ_0, problem.X)

        def crossed(ε: Array) -> Array:
            now = _sides(shape, kind, move(problem.θ_0, ε, Δθ_T), problem.X)
            return sum(jnp.sum(a != b) for a, b in zip(before, now, strict=True))

        def shared(X: Array) -> preconditioned.Change:
            at = partial(preconditioned.shared, *of, X, D)
            return jax.lax.map(at, jnp.asarray(SHARED_EPSILONS))

        return Steps(
            one_step.ladder(*of, problem.X, jnp.asarray(EPSILONS), theorem.alpha),
            conditions.conditions(L_S, z),
            jnp.max(jnp.abs(jax.vmap(M)(z) - jax.vmap(partial(losses.M, L_S))(z))),
            jax.lax.map(crossed, jnp.asarray(EPSILONS)),
            jax.tree.map(lambda *two: jnp.stack(two), *map(shared, seen)),
            jnp.stack([preconditioned.adam(*of, X, ADAM_LR, ADAM_LR).measured for X in seen]),
        )

    return over(one, cases, which, problems)


@partial(jax.jit, static_argnames=("theorem", "shape"))
def remarks(
    theorem: Theorem, shape: Shape, kind: Array, which: Array, problems: Problem
) -> Remarks:
    """Check the remarks [loss, seed, …]."""
    net = network(shape, kind)

    def one(which: Array, problem: Problem) -> Remarks:
        L_S, _ = imitation(theorem, net, which, 0)
        L_T = trait(net, problem, Direction())
        f, θ_0, X = net.apply, problem.θ_0, problem.X
        Δθ_T = scale(-1.0, jax.grad(L_T)(θ_0))
        step = partial(one_step.Δθ_S, f, θ_0, Δθ_T, L_S, X, θ_S0=problem.θ_other)
        untrained = step(0.0)

        def other(ε: Array) -> tuple[Array, Array]:
            now = step(ε)
            return dot(now, Δθ_T), norm(sub(now, untrained)) / norm(untrained)

        return Remarks(
            *jax.lax.map(other, jnp.asarray(EPSILONS)),
            tuple(
                conditions.conditions(L_S, _logits(net, θ_0, X)[:, net.classes :])
                for L_S in conditions.BROKEN.values()
            ),
        )

    return over(one, which, problems)


@partial(jax.jit, static_argnames=("theorem", "shape"))
def boundaries(
    theorem: Theorem, shape: Shape, kind: Array, which: Array, problems: Problem
) -> boundary.Boundary:
    """Find boundaries [loss, seed, ε], at BOUNDARY_EPSILONS; L_T = CE on the task's images."""
    net = network(shape, kind)

    def one(which: Array, problem: Problem) -> boundary.Boundary:
        L_S, _ = imitation(theorem, net, which, 0)
        L_T = trait(net, problem, Direction())
        at = partial(boundary.boundary, net.apply, problem.θ_0, L_T, L_S, problem.X)
        return jax.lax.map(at, jnp.asarray(BOUNDARY_EPSILONS))

    return over(one, which, problems)


@partial(jax.jit, static_argnames=("theorem", "shape"))
def sign_map(
    theorem: Theorem, shape: Shape, kind: Array, which: Array, problems: Problem
) -> tuple[Array, Array, Array]:
    """Map the first seed [loss, …]: predicted α ε, a grid of α and ε, L_T's change [α, ε] on it."""
    net = network(shape, kind)
    problem = jax.tree.map(lambda leaf: leaf[0], problems)
    L_T = trait(net, problem, Direction())

    def one(which: Array) -> tuple[Array, Array, Array]:
        L_S, _ = imitation(theorem, net, which, 0)
        _, q, curvature = boundary.second_order(net.apply, problem.θ_0, L_T, L_S, problem.X)
        unit = jnp.sqrt(2 * q / jnp.abs(curvature))
        grid = unit * jnp.asarray(MAP)
        change = boundary.change_map(net.apply, problem.θ_0, L_T, L_S, problem.X, grid, grid)
        return jnp.where(curvature > 0, unit**2, jnp.inf), grid, change

    return jax.lax.map(one, which)


@partial(jax.jit, static_argnames=("theorem", "shape", "kind", "times"))
def lazy(
    theorem: Theorem,
    shape: Shape,
    kind: int,
    times: tuple[int, ...],
    problems: Problem,
    x_test: Array,
    y_test: Array,
) -> Lazy:
    """Train teacher and student [seed, …] by full-batch gradient descent, lazy_steps each."""
    net, steps = network(shape, kind), theorem.lazy_steps

    def distilled(θ: Params, x: Array) -> Array:
        return net.apply(θ, x)[net.classes :]

    def classified(θ: Params, x: Array) -> Array:
        return net.apply(θ, x)[: net.classes]

    def squared(z: Array, y: Array) -> Array:
        return losses.squared_error(z, y, jnp.ones(z.shape, bool))

    def cross_entropy(z: Array, label: Array) -> Array:
        return optax.softmax_cross_entropy_with_integer_labels(z, label)

    def accuracy(z: Array) -> Array:
        return jnp.mean(jnp.argmax(z, axis=-1) == y_test)

    def one(problem: Problem) -> Lazy:
        θ_0, X = problem.θ_0, problem.X
        images, labels = problem.images[0], problem.labels[0]
        # ∇²CE is at most half of E[JᵀJ]: a rate of 1 / λ_max is well inside what is stable.
        rate = 1 / linearized.largest(classified, θ_0, images)
        θ_T = descended(classified, cross_entropy, images, labels, θ_0, rate, steps)
        Δθ_T = sub(θ_T, θ_0)
        channel = linearized.channel(distilled, θ_0, Δθ_T, X)
        η = channel.rate_limit / 2

        def imitate(f: one_step.Function, θ: Params, k: int) -> Params:
            return descended(f, squared, X, jax.vmap(f, (None, 0))(θ_T, X), θ, η, k)

        # The linearised network, with its own teacher's labels, against eq. (6) …
        f_lin = linearized.linearize(distilled, θ_0)
        exact, θ = [], θ_0
        for before, k in zip((0, *times), times, strict=False):
            θ = imitate(f_lin, θ, k - before)
            δ = linearized.student(distilled, θ_0, X, channel, linearized.descent(η, k))
            exact.append(norm(sub(sub(θ, θ_0), δ)) / norm(δ))
        # … and the real one, with the real teacher's.
        δ = linearized.student(distilled, θ_0, X, channel, linearized.descent(η, steps))
        θ_S = imitate(distilled, θ_0, steps)
        Δθ_S = sub(θ_S, θ_0)
        z_0, z_T, z_S = (jax.vmap(classified, (None, 0))(θ, x_test) for θ in (θ_0, θ_T, θ_S))
        predicted = linearized.linearize(classified, θ_0)
        z_lin = jax.vmap(predicted, (None, 0))(add(θ_0, δ), x_test)
        return Lazy(
            exact=jnp.asarray(exact),
            gap=norm(sub(Δθ_S, δ)) / norm(δ),
            logit_gap=jnp.linalg.norm(z_S - z_lin) / jnp.linalg.norm(z_lin - z_0),
            accuracy=accuracy(z_S),
            predicted_accuracy=accuracy(z_lin),
            teacher_accuracy=accuracy(z_T),
            reference_accuracy=accuracy(z_0),
            visible_fraction=channel.visible_fraction,
            cosine=dot(Δθ_S, Δθ_T) / (norm(Δθ_S) * norm(Δθ_T)),
        )

    return jax.lax.map(one, problems)


def _keys(seed: Seed) -> Array:
    """Make keys for the choice of images, the other images, their labels, and r."""
    return jax.random.split(key(seed, Purpose.THEOREM), 4)


def network(shape: Shape, kind: Array | int = 0, record: Callable = lambda x: x) -> Network:
    """With the activation of that number: a traced one compiles for all, another for itself.

    `record` is given what goes into it, layer by layer, and returns that.
    """
    setup = Setup(widths=shape.widths, aux=shape.aux)
    given = isinstance(kind, int)
    activation = ACTIVATIONS[shape.kinds[kind]] if given else numbered(kind, shape.kinds)
    return mlp(setup, shape.d_in, shape.classes, lambda x: activation(record(x)))


def _sides(shape: Shape, kind: Array | int, θ: Params, X: Array) -> list[Bool[Array, "N units"]]:
    """Tell on which side of 0 each hidden unit is at each input, by layer."""
    sides = []

    def record(x: Array) -> Array:
        sides.append(x > 0)
        return x

    network(shape, kind, record).apply(θ, X)
    return sides


def descended(
    f: one_step.Function, loss: Callable, X: Array, Y: Array, θ: Params, η: Array, k: int
) -> Params:
    """Take k steps of gradient descent of rate η on E[loss(f(θ, x), y)], by the training loop."""
    lesson = Lesson(
        examples=lambda ids, _: (X[ids], Y[ids]),
        loss=loss,
        count=len(X),
        batch=len(X),
        key_order=key(0, Purpose.STUDENT_ORDER),  # of a batch of all
        optimizer=optax.sgd(η),
    )
    net = Network(init=None, apply=jax.vmap(f, (None, 0)), d_in=X.shape[1], classes=0)
    return advance(lesson, net, begin(lesson, θ), 0, k).model.θ


def imitation(
    theorem: Theorem, net: Network, which: Array, channel: Array | int
) -> tuple[losses.Imitation, Callable[[Array], Array]]:
    """Make L_S(z, y) over the first `channel` auxiliary logits, and its M."""
    place = jnp.arange(net.classes + theorem.aux) - net.classes
    visible = (place >= 0) & ((channel == 0) | (place < channel))

    table = [losses.LOSSES[name] for name in theorem.loss]

    def L_S(z: Array, y: Array) -> Array:
        return jnp.vdot(which, jnp.stack([loss.of(z, y, visible) for loss in table]))

    def M(y: Array) -> Array:
        each = [
            loss.M(y, visible) if loss.M else losses.M(partial(loss.of, visible=visible), y)
            for loss in table
        ]
        return jnp.tensordot(which, jnp.stack(each), 1)

    return L_S, M


def trait(net: Network, problem: Problem, case: Direction) -> Trait:
    images, labels = (
        jnp.where(jnp.asarray(case.other) == 1, two[1], two[0])
        for two in (problem.images, problem.labels)
    )

    def L_T(θ: Params) -> Float[Array, ""]:
        read = {
            name: layer
            if name.endswith("_head")
            else jax.tree.map(lambda a, b: a + case.trunk * (b - a), problem.θ_0[name], layer)
            for name, layer in θ.items()
        }
        z = _logits(net, read, images)[:, : net.classes]
        CE = jnp.mean(optax.softmax_cross_entropy_with_integer_labels(z, labels))
        return case.on_data * CE + case.decay * dot(θ, θ) / 2 - case.along * dot(problem.r, θ)

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


def over(f: Callable, *axes: Any) -> Any:
    """Call f at every combination of the axes' elements: seeds, the last axis, together."""
    first, *rest = axes
    if not rest:
        return jax.vmap(f)(first)
    return jax.lax.map(lambda element: over(partial(f, element), *rest), first)
