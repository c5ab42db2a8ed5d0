"""Many steps by linear algebra: generations, momentum, and how much a channel shows at a width.

f is linearised, L_S is squared error; Δ is the trait's direction on the task's images.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sim.studies.theorem.checks import Direction, Problem, Shape, network, trait
from theory import generations, linearized, momentum, widths
from theory.one_step import Function
from theory.trees import Params, norm, scale

GENERATIONS = 5
SHORT = 20  # steps of students that do not converge
MOMENTA = np.array([0.5, 0.9])
SWINGS = np.array([1.0, 0.5, 0.8, 1.0, 1.02, 1.15])  # 2ηλ_max in units of x(β)
WAYS = ("trait", *["top"] * 5)  # Δ in each of them: along the trait, or the top direction alone
STEPS = 40
UNITS = 16  # of the last hidden layer, through which SHARES m/n of logits are read
SHARES = np.array([0.125, 0.25, 0.5, 1.0, 2.0])
FEW = 4  # inputs there: the Jacobian of all units has FEW × UNITS rows


class Chains(NamedTuple):
    """Five generations of one network; see `generations.Chain`, each [g].

    own: each on inputs of its own, converged.  short: likewise, of SHORT steps.
    same: of SHORT steps, all on the same inputs.  powers: δ_g · Δ of those by eq. (36).
    """

    own: generations.Chain
    short: generations.Chain
    same: generations.Chain
    powers: Float[Array, " g"]


class Spectral(NamedTuple):
    """One network's: chains, and students with MOMENTA at SWINGS [β, swing, k]."""

    chains: Chains
    swings: momentum.Swing


@partial(jax.jit, static_argnames="shape")
def spectral(shape: Shape, kind: Array, x: Float[Array, " β"], problems: Problem) -> Spectral:
    """Follow chains, and momentum at x(β), of every seed [seed, …]."""
    net = network(shape, kind)

    def f(θ: Params, x: Array) -> Array:
        return net.apply(θ, x)[net.classes :]

    def one(problem: Problem) -> Spectral:
        θ_0, N = problem.θ_0, max(1, len(problem.X) // GENERATIONS)
        Δ = scale(-1.0, jax.grad(trait(net, problem, Direction()))(θ_0))
        X = problem.X[jnp.arange(GENERATIONS * N) % len(problem.X)]
        X = X.reshape(GENERATIONS, N, -1)
        # One after the other: many decompositions at once may wait for each other on two cores.
        chains = _chains(f, θ_0, Δ, X)
        X, _ = jax.lax.optimization_barrier((X, chains))
        return Spectral(chains, _swings(f, θ_0, Δ, X[0], x))

    return jax.lax.map(one, problems)


def _chains(f: Function, θ_0: Params, Δ: Params, X: Float[Array, "g N d"]) -> Chains:
    first = linearized.channel(f, θ_0, Δ, X[0])
    few = linearized.descent(first.rate_limit / 2, SHORT)

    def chain(case: tuple[Array, Array]) -> generations.Chain:
        X, converged = case
        φ = lambda λ: jnp.where(converged, linearized.limit(λ), few(λ))  # noqa: E731
        return generations.chain(f, θ_0, Δ, X, φ=φ)

    again = jnp.broadcast_to(X[:1], X.shape)
    cases = jnp.stack([X, X, again]), jnp.array([True, False, False])
    three = jax.lax.map(chain, cases)
    each = (jax.tree.map(lambda a, i=i: a[i], three) for i in range(3))
    return Chains(*each, generations.same(first, few, GENERATIONS))


def _swings(f: Function, θ_0: Params, Δ: Params, X: Array, x: Array) -> momentum.Swing:
    through = linearized.channel(f, θ_0, Δ, X)
    along = through._replace(c=jnp.zeros_like(through.c).at[-1].set(1.0))
    top = linearized.student(f, θ_0, X, along, lambda λ: 0 * λ + 1)
    top = scale(norm(Δ) / norm(top), top)

    def at(case: tuple[Array, Array, Array, Array]) -> momentum.Swing:
        β, x, topmost, times = case
        way = jax.tree.map(lambda a, b: jnp.where(topmost, b, a), Δ, top)
        return momentum.swing(f, θ_0, way, X, x * times, β, STEPS)

    n = len(WAYS)
    β, x = (jnp.repeat(jnp.asarray(a), n) for a in (MOMENTA, x))
    ways = jnp.tile(jnp.array([way == "top" for way in WAYS]), len(MOMENTA))
    times = jnp.tile(jnp.asarray(SWINGS), len(MOMENTA))
    found = jax.lax.map(at, (β, x, ways, times))
    return jax.tree.map(lambda a: a.reshape(len(MOMENTA), n, -1), found)


def heads() -> list[int]:
    """List the numbers of logits m of SHARES."""
    return [int(share * UNITS) for share in SHARES]


@partial(jax.jit, static_argnames=("shape", "m"))
def shown(shape: Shape, m: int, kind: Array, problems: Problem) -> widths.Visible:
    """Find how much the first m logits show of a trunk's displacement [seed]."""
    net = network(shape, kind)
    hidden: Callable[[Params], Params] = lambda θ: {  # noqa: E731
        name: layer for name, layer in θ.items() if name.startswith("hidden")
    }

    def one(problem: Problem) -> widths.Visible:
        θ_0, trunk = problem.θ_0, hidden(problem.θ_0)
        L_T = trait(net, problem, Direction())
        Δ = scale(-1.0, jax.grad(lambda trunk: L_T(θ_0 | trunk))(trunk))
        W = θ_0["aux_head"]["kernel"].T[:m]
        return widths.visible(net.features, W, trunk, Δ, problem.X[:FEW])

    return jax.lax.map(one, problems)
