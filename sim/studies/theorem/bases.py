"""What is not the same for teacher and student, in one step: diagonals, scales, heads; freed steps.

L_T is the cross-entropy on the task's images.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from sim.model.symmetries import rescaled
from sim.settings.experiments import Theorem
from sim.studies.theorem.checks import (
    SHARED_EPSILONS,
    Direction,
    Problem,
    Shape,
    imitation,
    network,
    over,
    trait,
)
from theory import costs, differing, losses, symmetries
from theory.one_step import Δθ_S, first_order
from theory.preconditioned import Change
from theory.trees import dot, norm, scale

RATIOS = np.array([0.0, 0.5, 0.9, 0.99, 1.01, 1.1, 1.5])  # ρ / ρ* of the worst diagonals
SCALES = np.array([2.0, 4.0])  # of hidden units
ALPHAS = np.array([1e-1, 1e-2, 1e-3, 1e-4, 1e-5])  # in units of the rate at which L_S is least
EPSILON = 0.1  # of the teacher in (37) and (38)


class Bases(NamedTuple):
    """One network's, by each L_S [loss, …].

    worst: D_S is the worst at RATIOS ρ*, SHARED_EPSILONS [ratio, ε]; its ρ is not below 1 where
      there is no such D_S.  plain: D_S = 1, D_T log-normal [ε].
    scaled, scaled_rounding: from a rescaled base [scale, ε].
    freed: at ALPHAS [α].
    heads: [].
    """

    worst: differing.Differing
    plain: differing.Differing
    scaled: Change
    scaled_rounding: Array
    freed: costs.Freed
    heads: costs.Heads


@partial(jax.jit, static_argnames=("theorem", "shape"))
def bases(
    theorem: Theorem, shape: Shape, kind: Array, which: Array, problems: Problem
) -> tuple[Bases, costs.Heads]:
    """Take these steps [loss, seed, …]; and through heads by log cosh, which is not covered."""
    net = network(shape, kind)

    def headed(L_S: losses.Imitation, problem: Problem) -> costs.Heads:
        trunk = {k: v for k, v in problem.θ_0.items() if k.startswith("hidden")}
        g = jax.grad(lambda trunk: trait(net, problem, Direction())(problem.θ_0 | trunk))(trunk)
        W, W_T = (θ["aux_head"]["kernel"] for θ in (problem.θ_other, problem.θ_0))
        f = lambda θ, W, x: net.features(θ, x) @ W  # noqa: E731
        return costs.heads(f, trunk, scale(-1.0, g), W, W_T, L_S, problem.X, EPSILON)

    def one(which: Array, problem: Problem) -> Bases:
        L_S, _ = imitation(theorem, net, which, 0)
        L_T, θ_0, X = trait(net, problem, Direction()), problem.θ_0, problem.X
        table = [losses.LOSSES[name].of for name in theorem.loss]
        seen = jnp.ones(theorem.aux, bool)
        of_heads = lambda z, y: jnp.vdot(which, jnp.stack([L(z, y, seen) for L in table]))  # noqa: E731
        case, ε = (net.apply, θ_0, L_T, L_S, X), jnp.asarray(SHARED_EPSILONS)
        return Bases(
            *_diagonals(case, problem.r, ε),
            *_scaled(case, ε),
            _freed(case),
            headed(of_heads, problem),
        )

    log_cosh = lambda z, y: jnp.sum(jnp.log(jnp.cosh(z - y)))  # noqa: E731
    return over(one, which, problems), jax.vmap(partial(headed, log_cosh))(problems)


def _diagonals(case: tuple, r: dict, ε: Array) -> tuple[differing.Differing, ...]:
    f, θ_0, L_T, L_S, X = case
    # Log-normal: r, of length 1, has entries of variance 1 / P.
    P = sum(leaf.size for leaf in jax.tree.leaves(r))
    D_T = jax.tree.map(lambda r: jnp.exp(P**0.5 * r), r)
    b = jax.tree.map(lambda D, g: -D * g, D_T, jax.grad(L_T)(θ_0))
    v = first_order(f, θ_0, b, L_S, X).v

    def at(D_S: dict) -> differing.Differing:
        return jax.lax.map(partial(differing.differing, *case, D_T, D_S), ε)

    def worst(ratio: Array) -> dict:
        by = differing.worst(b, v, jnp.minimum(ratio * differing.threshold(b, v), 1.0))
        return jax.tree.map(jnp.multiply, by, D_T)

    one = jax.tree.map(jnp.ones_like, D_T)
    both = jax.lax.map(
        lambda ratio: at(
            jax.tree.map(lambda a, b: jnp.where(ratio < 0, b, a), worst(jnp.abs(ratio)), one)
        ),
        jnp.append(jnp.asarray(RATIOS), -1.0),
    )
    return jax.tree.map(lambda a: a[:-1], both), jax.tree.map(lambda a: a[-1], both)


def _scaled(case: tuple, ε: Array) -> tuple[Change, Array]:
    _, θ_0, L_T, _, _ = case

    def at(s: Array) -> tuple[Change, Array]:
        S = partial(rescaled, s=s)
        start = S(θ_0)
        before, gradient = jax.value_and_grad(L_T)(start)
        parts = jnp.abs(before) + norm(jax.tree.map(jnp.multiply, gradient, start))
        change = jax.lax.map(lambda ε: symmetries.matched(*case, S, ε), ε)
        return change, 4 * jnp.finfo(before.dtype).eps * parts + 0 * ε

    return jax.lax.map(at, jnp.asarray(SCALES))


def _freed(case: tuple) -> costs.Freed:
    f, θ_0, L_T, L_S, X = case
    step = Δθ_S(f, θ_0, scale(-1.0, jax.grad(L_T)(θ_0)), L_S, X, EPSILON)
    own = dot(step, step) / first_order(f, θ_0, step, L_S, X).q
    return jax.lax.map(lambda α: costs.freed(*case, EPSILON, α * own), jnp.asarray(ALPHAS))
