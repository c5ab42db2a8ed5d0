"""θ as a vector: the few operations on pytrees that the formulas need."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

Params = PyTree[Float[Array, "..."]]


def dot(a: Params, b: Params) -> Float[Array, ""]:
    """a · b, over all parameters."""
    return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, a, b)), start=jnp.zeros(()))


def norm(a: Params) -> Float[Array, ""]:
    """‖a‖."""
    return jnp.sqrt(dot(a, a))


def scale(c: Float[Array, ""] | float, a: Params) -> Params:
    """c a."""
    return jax.tree.map(lambda leaf: c * leaf, a)


def add(a: Params, b: Params) -> Params:
    """a + b."""
    return jax.tree.map(jnp.add, a, b)


def sub(a: Params, b: Params) -> Params:
    """a − b."""
    return jax.tree.map(jnp.subtract, a, b)


def move(θ: Params, α: Float[Array, ""] | float, Δ: Params) -> Params:
    """θ + α Δ."""
    return add(θ, scale(α, Δ))
