"""Orders: uniform permutations, drawn fast."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key


def permutation(key: Key[Array, ""], count: int) -> Int[Array, " count"]:
    """Order the numbers 0 … count − 1, uniformly over all orders.

    They are sorted by 32 random bits or more, some at a time, the last bits first, each packed into
    one word with a number's place so far: plain words sort five times as fast as pairs, of which
    `jax.random.permutation` makes two passes.
    """
    low = max(1, (count - 1).bit_length())
    place = jnp.arange(count, dtype=jnp.uint32)
    order = place
    for bits in jax.random.bits(key, (-(-32 // (32 - low)), count)):
        order = order[jnp.sort(bits << low | place) & (1 << low) - 1]
    return order.astype(jnp.int32)
