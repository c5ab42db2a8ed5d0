"""θ as a vector: the few operations on pytrees that the formulas need."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

Params = PyTree[Float[Array, "..."]]


def dot(a: Params, b: Params) -> Float[Array, ""]:
    """a · b, over all parameters."""
    return jnp.asarray(sum(jax.tree.leaves(jax.tree.map(jnp.vdot, a, b)), start=0.0))


def norm(a: Params) -> Float[Array, ""]:
    """‖a‖."""
    return jnp.sqrt(dot(a, a))


def scale(c: Float[Array, ""] | float, a: Params) -> Params:
    """c a, each leaf in its own precision."""
    return jax.tree.map(lambda leaf: (c * leaf).astype(leaf.dtype), a)


def add(a: Params, b: Params) -> Params:
    """a + b."""
    return jax.tree.map(jnp.add, a, b)


def sub(a: Params, b: Params) -> Params:
    """a − b."""
    return jax.tree.map(jnp.subtract, a, b)


def move(θ: Params, α: Float[Array, ""] | float, Δ: Params) -> Params:
    """θ + α Δ."""
    return add(θ, scale(α, Δ))


def probe(shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    """Fixed numbers of either sign, of size ½ to 3/2: what no symmetry of a problem cancels."""
    draw = np.random.default_rng(0)
    return jnp.asarray(draw.choice([-1.0, 1.0], shape) * draw.uniform(0.5, 1.5, shape), dtype)
