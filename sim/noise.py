"""Distillation inputs, addressed and not stored: input i of a seed is a function of (seed, i)."""

import jax
from jaxtyping import Array, Float, Int, Key

from sim.config import Noise


def noise(
    family: Noise,
    key: Key[Array, ""],
    ids: Int[Array, " b"],
    x_train: Float[Array, "images d"],
) -> Float[Array, "b d"]:
    """The inputs with the given addresses, at scale 1.

    uniform: U(−1, 1) in each pixel (the paper's); gaussian: N(0, 1) in each pixel; images:
    the task's n training images, each seed from another one on: addresses below n are distinct.
    """
    if family == "images":
        n, _ = x_train.shape
        return x_train[(jax.random.randint(key, (), 0, n) + ids) % n]
    d = x_train.shape[1:]

    def one(i: Int[Array, ""]) -> Float[Array, " d"]:
        key_i = jax.random.fold_in(key, i)
        if family == "gaussian":
            return jax.random.normal(key_i, d)
        return jax.random.uniform(key_i, d, minval=-1.0, maxval=1.0)

    return jax.vmap(one)(ids)
