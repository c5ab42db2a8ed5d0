"""What becomes of a student's updates beside its optimiser: rank, precision, direction.

Each makes of an optax optimiser another. An update is what is added to the parameters θ.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, Key

from sim.model.networks import Params
from sim.settings.setup import Removed
from theory.trees import dot, norm

Transformation = optax.GradientTransformation
Masked = Callable[[Params], Params]


def low_rank(of: Transformation, rank: int, key: Key[Array, ""]) -> Transformation:
    """Keep what is added to each kernel [d, units] in `rank` random directions of its inputs.

    The optimiser sees the gradient of B [rank, units] in W + AB, A [d, rank] drawn once, N(0,
    1/rank); biases stay. (LoRA, whose A is not trained.)
    """

    def factors(θ: Params) -> list[Array | None]:
        leaves = jax.tree.leaves(θ)
        keys = jax.random.split(key, len(leaves))
        return [
            jax.random.normal(k, (leaf.shape[0], rank)) / rank**0.5 if leaf.ndim == 2 else None
            for k, leaf in zip(keys, leaves, strict=True)
        ]

    def reduced(θ: Params, A: list[Array | None]) -> list[Array]:
        return [a.T @ g for a, g in zip(A, jax.tree.leaves(θ), strict=True) if a is not None]

    def init(θ: Params) -> Any:
        return of.init(reduced(θ, factors(θ)))

    def update(g: Params, state: Any, θ: Params) -> tuple[Params, Any]:
        A = factors(θ)
        ΔB, state = of.update(reduced(g, A), state, reduced(θ, A))
        leaves, tree, left = *jax.tree.flatten(g), iter(ΔB)
        full = [
            jnp.zeros_like(leaf) if a is None else a @ next(left)
            for a, leaf in zip(A, leaves, strict=True)
        ]
        return jax.tree.unflatten(tree, full), state

    return Transformation(init, update)


class Counted(NamedTuple):
    """The state of an optimiser, and the steps that it has taken."""

    of: Any
    count: Int[Array, ""]


def stored(of: Transformation, key: Key[Array, ""] | None = None) -> Transformation:
    """Round θ and the optimiser's moments to bfloat16 after every step, by chance with a key."""

    def rounded(tree: Any, count: Int[Array, ""], which: int) -> Any:
        leaves, shape = jax.tree.flatten(tree)
        keys = [None] * len(leaves)
        if key is not None:
            keys = jax.random.split(
                jax.random.fold_in(jax.random.fold_in(key, which), count), len(leaves)
            )
        return jax.tree.unflatten(
            shape, [bfloat16(leaf, k) for leaf, k in zip(leaves, keys, strict=True)]
        )

    def init(θ: Params) -> Counted:
        return Counted(of.init(θ), jnp.int32(0))

    def update(g: Params, state: Counted, θ: Params) -> tuple[Params, Counted]:
        update, inner = of.update(g, state.of, θ)
        after = rounded(optax.apply_updates(θ, update), state.count, 0)
        inner = rounded(inner, state.count, 1)
        return jax.tree.map(jnp.subtract, after, θ), Counted(inner, state.count + 1)

    return Transformation(init, update)


def bfloat16(a: Array, key: Key[Array, ""] | None = None) -> Array:
    """Round float32 numbers to those of bfloat16: the nearest, or up or down so that E is right.

    A number of another type stays.
    """
    if a.dtype != jnp.float32:
        return a
    if key is None:
        return jax.lax.reduce_precision(a, exponent_bits=8, mantissa_bits=7)
    bits = jax.lax.bitcast_convert_type(a, jnp.uint32)
    bits += jax.random.bits(key, a.shape, jnp.uint16).astype(jnp.uint32)
    return jax.lax.bitcast_convert_type(bits & jnp.uint32(0xFFFF0000), jnp.float32)


def against(
    of: Transformation, gradient: Callable[[Params], Params], trained: Masked = lambda a: a
) -> Transformation:
    """Take out of each update what would lower a loss, to first order: u − min(u·g, 0) g / g·g.

    gradient: of that loss, at θ. trained: of a tree, what can move; the rest 0.
    """

    def update(grads: Params, state: Any, θ: Params) -> tuple[Params, Any]:
        u, state = of.update(grads, state, θ)
        u, g = trained(u), trained(gradient(θ))
        part = jnp.minimum(dot(u, g), 0) / jnp.maximum(dot(g, g), 1e-30)
        return jax.tree.map(lambda u, g: u - part * g, u, g), state

    return Transformation(of.init, update)


def projected(
    of: Transformation,
    removed: Removed,
    along: Callable[[Params], Params],
    key: Key[Array, ""],
    trained: Masked = lambda a: a,
) -> Transformation:
    """Change the gradient g that an optimiser sees by its part along a direction d at θ.

    With p = max(g·d, 0) / ‖d‖: positive, displacement: g − p d/‖d‖, what a step down g would do to
    d as well; always: the same where g·d is negative too; random: g − p r, r of length 1 in a fresh
    random direction; rest: p d/‖d‖ alone. trained: as of `against`.
    """

    def init(θ: Params) -> Counted:
        return Counted(of.init(θ), jnp.int32(0))

    def update(g: Params, state: Counted, θ: Params) -> tuple[Params, Counted]:
        g, d = trained(g), trained(along(θ))
        unit = jnp.maximum(norm(d), 1e-30)
        part = dot(g, d) / unit
        part = part if removed == "always" else jnp.maximum(part, 0)
        if removed == "random":
            d = trained(_normal(jax.random.fold_in(key, state.count), d))
            unit = norm(d)
        keep = 0.0 if removed == "rest" else 1.0
        sign = 1.0 if removed == "rest" else -1.0
        seen = jax.tree.map(lambda g, d: keep * g + sign * part * d / unit, g, d)
        update, inner = of.update(seen, state.of, θ)
        return update, Counted(inner, state.count + 1)

    return Transformation(init, update)


def _normal(key: Key[Array, ""], like: Params) -> Params:
    leaves, tree = jax.tree.flatten(like)
    keys = jax.random.split(key, len(leaves))
    draws = [jax.random.normal(k, a.shape, a.dtype) for k, a in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(tree, draws)


def frozen_adam(lr: Array | float, steps: int = 50, decay: float = 0.999) -> Transformation:
    """Divide the gradient by the root of its mean square, which stays after some steps.

    Adam's second moment without its first, and from then on one fixed diagonal. A tenth of the root
    of its mean over each array is added: what was small at first may be large when it is fixed.
    """

    def init(θ: Params) -> Counted:
        return Counted(jax.tree.map(jnp.zeros_like, θ), jnp.int32(0))

    def update(g: Params, state: Counted, _: Params | None = None) -> tuple[Params, Counted]:
        more, count = state.count < steps, jnp.minimum(state.count + 1, steps)
        v = jax.tree.map(
            lambda v, g: jnp.where(more, decay * v + (1 - decay) * g**2, v), state.of, g
        )
        corrected = 1 - decay ** count.astype(jnp.float32)

        def divided(g: Array, v: Array) -> Array:
            root = jnp.sqrt(v / corrected)
            return -lr * g / (root + 0.1 * jnp.sqrt(jnp.mean(v / corrected)) + 1e-8)

        return jax.tree.map(divided, g, v), Counted(v, state.count + 1)

    return Transformation(init, update)


def uncorrected_adam(lr: Array | float, ε: Array | float) -> Transformation:
    """Make Adam without its bias correction, as some libraries have it by default.

    Its first steps are larger: of one gradient g, m / √v is .1 g / √(.001 g²), not g / |g|.
    """

    def init(θ: Params) -> tuple[Params, Params]:
        zeros = jax.tree.map(jnp.zeros_like, θ)
        return zeros, zeros

    def update(g: Params, state: Any, _: Params | None = None) -> tuple[Params, Any]:
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, state[0], g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, state[1], g)
        return jax.tree.map(lambda m, v: -lr * m / (jnp.sqrt(v) + ε), m, v), (m, v)

    return Transformation(init, update)
