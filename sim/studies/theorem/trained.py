"""Trainings of a few seeds: approach, limits, other bases, and the ledger of three optimisers."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from sim.model.keys import Purpose, key
from sim.model.symmetries import permuted
from sim.studies.theorem.checks import Direction, Problem, Shape, network, trait
from theory import approach, ledger, linearized, losses
from theory.one_step import Function, student_step
from theory.origins import contrasts
from theory.trees import Params, add, dot, move, norm, scale, sub

INPUTS = 8  # of the student; the label of L_T is that of as many images twice over
STEPS = 40
SMOOTH = {"squared_error": 2.0, "kl": 0.5}  # c of `approach`
CHOICES = ("all", "batches", "adversary")
TIMES = np.array([0.5, 1.0, 8.0])  # ε β
TOO_LARGE = 1.5  # of the largest rate that is covered
LIMIT_INPUTS, LIMIT_STEPS = 4, 2000
LOOKS = np.array([0, 10, 100, 200])  # steps at which χ is taken
OPTIMIZERS = ("sgd", "momentum", "adam")
TRAINED = 60  # steps of the ledger and of other bases
SEGMENTS = 6
SIZES = 0.5 ** np.arange(4, 9)  # of one step, for the order of what is left
PROBES = np.array([0, 20, 50])  # steps whose price is held against a difference


class Walks(NamedTuple):
    """Students that near their teacher, each [loss, choice, ε, k]; too far at TOO_LARGE [k].

    far: ‖Δ‖, [loss, choice, ε].
    """

    covered: approach.Approach
    far: Array
    beyond: approach.Approach


@partial(jax.jit, static_argnames="shape")
def walks(shape: Shape, kind: Array, problems: Problem) -> Walks:
    """Walk by every loss, choice and ε [seed, …]; L_T is CE of the linearised class logits."""
    net = network(shape, kind)
    c = jnp.asarray(list(SMOOTH.values()))

    def one(problem: Problem) -> Walks:
        θ_0, X = problem.θ_0, problem.X[:INPUTS]
        images, labels = problem.images[0, : 2 * INPUTS], problem.labels[0, : 2 * INPUTS]
        classified = lambda θ, x: net.apply(θ, x)[: net.classes]  # noqa: E731
        straight = linearized.linearize(classified, θ_0)

        def L_T(θ: Params) -> Array:
            z = jax.vmap(straight, (None, 0))(θ, images)
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(z, labels))

        # The Hessian of cross-entropy is at most half of E[JᵀJ].
        K = approach.gram(classified, θ_0, images)
        β = approach.smooth(K, 0.5, jnp.ones(len(images)))
        far = norm(jax.grad(L_T)(θ_0))
        # One after the other: many decompositions at once may wait for each other on two cores.
        X, β = jax.lax.optimization_barrier((X, β))

        def at(case: tuple[Array, Array, Array, Array]) -> tuple[approach.Approach, Array]:
            loss, choice, times, rate = case
            which = jax.nn.one_hot(loss, len(SMOOTH))
            L_S = lambda z, y: jnp.vdot(which, _both(z, y))  # noqa: E731
            choose = lambda k, pull: jax.lax.switch(choice, _CHOICES, k, pull)  # noqa: E731
            walk = approach.approach(
                lambda θ, x: net.apply(θ, x)[net.classes :],
                *(θ_0, L_T, β, L_S, jnp.vdot(which, c), X, times / β, choose, STEPS, rate),
            )
            return walk, times / β * far

        grid = (len(SMOOTH), len(CHOICES), len(TIMES))
        loss, choice, ε = (a.ravel() for a in np.indices(grid))
        cases = [np.append(loss, 0), np.append(choice, 2), np.append(TIMES[ε], TIMES[0])]
        rates = np.append(np.ones(len(ε)), TOO_LARGE)
        found, far = jax.lax.map(at, (*map(jnp.asarray, cases), jnp.asarray(rates)))
        covered, far = jax.tree.map(lambda a: a[:-1].reshape(*grid, *a.shape[1:]), (found, far))
        return Walks(covered, far, jax.tree.map(lambda a: a[-1], found))

    return jax.lax.map(one, problems)


def _both(z: Array, y: Array) -> Array:
    seen = jnp.ones(z.shape, bool)
    return jnp.stack([losses.LOSSES[name].of(z, y, seen) for name in SMOOTH])


def _batches(k: Array, pull: Array) -> Array:
    return 1.0 * (jnp.arange(len(pull)) // 2 == k % (len(pull) // 2))


def _adversary(k: Array, pull: Array) -> Array:
    """Keep the two inputs that pull the least towards where the teacher went."""
    return 1.0 * (jnp.argsort(jnp.argsort(pull)) < 2)


_CHOICES = (lambda k, pull: jnp.ones_like(pull), _batches, _adversary)


class Ends(NamedTuple):
    """Where trainings end after LIMIT_STEPS [loss], and the sides of (22) at LOOKS [k].

    nearer: by how much a step of 1e-6 of its own length nears θ_T.  size: of what adds up to the
      first two.
    """

    limits: approach.Limit
    pull: approach.Pull
    nearer: Array
    size: Array


@partial(jax.jit, static_argnames="shape")
def ends(shape: Shape, kind: Array, problems: Problem) -> Ends:
    """Train to the end where f is linearised; and descend where it is not [seed, …]."""
    net = network(shape, kind)

    def f(θ: Params, x: Array) -> Array:
        return net.apply(θ, x)[net.classes :]

    def one(problem: Problem) -> Ends:
        θ_0, L_T = problem.θ_0, trait(net, problem, Direction())
        Δ = scale(-1.0, jax.grad(L_T)(θ_0))
        Δ = scale(0.1 * norm(θ_0) / norm(Δ), Δ)

        def limit(name: str, seen: Function) -> approach.Limit:
            L_S = partial(losses.LOSSES[name].of, visible=jnp.ones(shape.aux, bool))
            X = problem.X[:LIMIT_INPUTS]
            return approach.settled(f, θ_0, Δ, L_S, SMOOTH[name], X, seen, LIMIT_STEPS)

        limits = limit("squared_error", f)
        # One after the other: many decompositions at once may wait for each other on two cores.
        problem, limits = jax.lax.optimization_barrier((problem, limits))
        # A softmax over one logit sees nothing of it.
        nothing = lambda θ, x: 0 * f(θ, x)  # noqa: E731
        by_kl = limit("kl", contrasts(f) if shape.aux > 1 else nothing)
        limits = jax.tree.map(lambda *a: jnp.stack(a), limits, by_kl)
        return Ends(limits, *_descends(f, θ_0, add(θ_0, Δ), problem.X))

    return jax.lax.map(one, problems)


def _descends(
    f: Function, θ_0: Params, θ_T: Params, X: Array
) -> tuple[approach.Pull, Array, Array]:
    L_S = lambda z, y: jnp.sum((z - y) ** 2)  # noqa: E731
    Y, η = jax.vmap(f, (None, 0))(θ_T, X), 1 / (2 * linearized.largest(f, θ_0, X))

    def until(θ: Params, k: Array) -> tuple[Params, tuple[approach.Pull, Array, Array]]:
        θ = jax.lax.fori_loop(0, k, lambda _, θ: move(θ, η / 2, student_step(f, θ, L_S, X, Y)), θ)
        step, d = student_step(f, θ, L_S, X, Y), sub(θ_T, θ)
        nearer = norm(d) - norm(sub(d, scale(1e-6 * norm(d) / norm(step), step)))
        size = norm(step) * norm(d)
        return θ, (approach.pull(f, θ, θ_T, L_S, X, Y), nearer / norm(d), size)

    _, found = jax.lax.scan(until, θ_0, jnp.asarray(np.diff(LOOKS, prepend=0)))
    return found


class Accounts(NamedTuple):
    """Distillation by each of OPTIMIZERS, each field [optimiser, …].

    gap: largest |z − z'| / |z| on the task's images, of students from θ_0 and from its hidden units
      in another order, over the steps.  cosine: of the other's displacement and the teacher's.
    learnt: how far z has moved, relative to the largest |z|.
    total: L_T(end) − L_T(θ_0).  drive, curvature: sums over the steps of (14).
    rest: of a step at SIZES of its length, at the last step [size].
    closed: Σ (drive + curvature + rest) − total.
    plain: the share of Σ |drive| that is along g.
    slope, difference: π at PROBES, and by central differences [probe].
    """

    gap: Array
    cosine: Array
    learnt: Array
    total: Array
    drive: Array
    curvature: Array
    rest: Array
    closed: Array
    plain: Array
    slope: Array
    difference: Array


@partial(jax.jit, static_argnames="shape")
def accounts(shape: Shape, kind: Array, problems: Problem, seeds: Array) -> Accounts:
    """Train by each optimiser, and go back [seed, …]."""
    net = network(shape, kind)

    def one(of: tuple[Problem, Array]) -> Accounts:
        problem, seed = of
        θ_0, L_T, X = problem.θ_0, trait(net, problem, Direction()), problem.X[: 2 * INPUTS]
        f = lambda θ, x: net.apply(θ, x)[net.classes :]  # noqa: E731
        classified = lambda θ, x: net.apply(θ, x)[: net.classes]  # noqa: E731
        η_T, η = (1 / linearized.largest(g, θ_0, X) for g in (classified, f))
        θ_T = jax.lax.fori_loop(0, 50, lambda _, θ: move(θ, -η_T, jax.grad(L_T)(θ)), θ_0)
        Y = jax.vmap(f, (None, 0))(θ_T, X)

        def loss(θ: Params) -> Array:
            seen = jnp.ones(shape.aux, bool)
            of = lambda z, y: losses.kl(z, y, seen)  # noqa: E731
            return jnp.mean(jax.vmap(of)(jax.vmap(f, (None, 0))(θ, X), Y))

        def by(i: Array) -> Accounts:
            begin, update = _optimizer(i, η)
            bases = _two_bases(net, problem, seed, loss, θ_T, begin, update)
            return Accounts(*bases, *_account(L_T, loss, θ_0, begin, update))

        return jax.lax.map(by, jnp.arange(len(OPTIMIZERS)))

    return jax.lax.map(one, (problems, seeds))


def _optimizer(i: Array, η: Array) -> tuple[Callable, Callable]:
    """Choose one of OPTIMIZERS by number: begin(θ) -> state, update(g, state) -> (δ, state)."""
    all_of = (
        optax.sgd(η),
        optax.sgd(η / 10, momentum=0.9),
        # Its root has no derivative at v = 0, as for parameters that L_S does not touch.
        optax.adam(1e-3, eps=1e-6, eps_root=1e-30),
    )

    def begin(θ: Params) -> tuple:
        return tuple(one.init(θ) for one in all_of)

    def update(g: Params, states: tuple) -> tuple[Params, tuple]:
        moves, states = zip(
            *(one.update(g, s) for one, s in zip(all_of, states, strict=True)), strict=True
        )
        which = jax.nn.one_hot(i, len(all_of), dtype=η.dtype)
        return jax.tree.map(lambda *m: jnp.tensordot(which, jnp.stack(m), 1), *moves), states

    return begin, update


def _two_bases(
    net: Any,
    problem: Problem,
    seed: Array,
    loss: Callable,
    θ_T: Params,
    begin: Callable,
    update: Callable,
) -> tuple[Array, Array, Array]:
    starts = problem.θ_0, permuted(problem.θ_0, key(seed, Purpose.CHANGE))

    def student(start: Params) -> tuple[Array, Array]:
        def step(carry: tuple, _: None) -> tuple[tuple, Array]:
            θ, state = carry
            δ, state = update(jax.grad(loss)(θ), state)
            return (add(θ, δ), state), net.apply(add(θ, δ), problem.images[0])

        (θ, _), z = jax.lax.scan(step, (start, begin(start)), length=TRAINED)
        δ, Δ = sub(θ, start), sub(θ_T, problem.θ_0)
        return z, dot(δ, Δ) / (norm(δ) * norm(Δ))

    z, cosine = jax.lax.map(student, jax.tree.map(lambda *two: jnp.stack(two), *starts))
    size = jnp.max(jnp.abs(z[0]))
    gap = jnp.max(jnp.abs(z[1] - z[0])) / size
    return (
        gap,
        cosine[1],
        jnp.max(jnp.abs(z[0, -1] - net.apply(starts[0], problem.images[0]))) / size,
    )


def _account(
    L_T: Callable, loss: Callable, θ_0: Params, begin: Callable, update: Callable
) -> tuple[Array, ...]:
    def step(s: tuple, t: Array, w: Array) -> tuple:
        δ, state = update(scale(w, jax.grad(loss)(s[0])), s[1])
        return add(s[0], δ), state

    def entered(s: tuple, _: None) -> tuple[tuple, tuple[Array, ...]]:
        g = jax.grad(loss)(s[0])
        δ, state = update(g, s[1])
        of, moved = ledger.entry(L_T, s[0], g, δ), add(s[0], δ)
        drive, plain = (sum(jax.tree.leaves(part)) for part in (of.drive, of.plain))
        rest = L_T(moved) - L_T(s[0]) - drive - of.curvature
        return (moved, state), (drive, plain, of.curvature, rest)

    s_0 = (θ_0, begin(θ_0))
    (θ, state), (drive, plain, curvature, rest) = jax.lax.scan(entered, s_0, length=TRAINED)
    total = L_T(θ) - L_T(θ_0)
    g = jax.grad(loss)(θ)
    δ, _ = update(g, state)
    # Of one length for all, so that what is left is seen above rounding.
    δ = scale(0.1 * norm(θ_0) / norm(δ), δ)

    def left(size: Array) -> Array:
        of = ledger.entry(L_T, θ, g, scale(size, δ))
        return L_T(move(θ, size, δ)) - L_T(θ) - sum(jax.tree.leaves(of.drive)) - of.curvature

    found = ledger.prices(step, lambda s: L_T(s[0]), s_0, TRAINED, SEGMENTS)

    def end(t: Array, h: Array) -> Array:
        once = lambda k, s: step(s, k, jnp.where(k == t, 1 + h, 1.0))  # noqa: E731
        return L_T(jax.lax.fori_loop(0, TRAINED, once, s_0)[0])

    def difference(t: Array) -> Array:
        h = 0.02 * jnp.array([1, -1, 2, -2, 3, -3])
        a, b, c, d, e, f = jax.lax.map(partial(end, t), h)
        return (45 * (a - b) - 9 * (c - d) + (e - f)) / (60 * 0.02)

    probes = jnp.asarray(PROBES)
    return (
        total,
        jnp.sum(drive),
        jnp.sum(curvature),
        jax.lax.map(left, jnp.asarray(SIZES)),
        jnp.sum(drive + curvature + rest) - total,
        jnp.sum(jnp.abs(plain)) / jnp.sum(jnp.abs(drive)),
        found.batches[probes],
        jax.lax.map(difference, probes),
    )
