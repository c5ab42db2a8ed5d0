"""Named random keys: every draw of a run is a function of (seed, purpose), and of nothing else."""

from enum import IntEnum

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

Seed = Int[Array, ""] | int


class Purpose(IntEnum):
    """What a key is for. The numbers are part of every result: add to the end, change none."""

    INIT = 0
    OTHER_INIT = 1  # the independent initialisation that cross students start from
    TEACHER_ORDER = 2
    STUDENT_ORDER = 3
    NOISE = 4
    THEOREM = 5  # the directions and data that the theorem is tried on
    INIT_NOISE = 6  # what is added to a student's start


def key(seed: Seed, purpose: Purpose) -> Key[Array, ""]:
    """The key of one seed for one purpose, whichever other seeds run."""
    root = jax.random.key(0, impl="threefry2x32")
    return jax.random.fold_in(jax.random.fold_in(root, seed), purpose)


def permutation(key: Key[Array, ""], count: int) -> Int[Array, " count"]:
    """The numbers 0 … count − 1 in an order that is uniform over all.

    They are sorted by 32 random bits or more, some at a time, the last bits first, each packed into
    one word with a number's place so far: plain words sort five times as fast as pairs.
    """
    low = max(1, (count - 1).bit_length())
    place = jnp.arange(count, dtype=jnp.uint32)
    order = place
    for bits in jax.random.bits(key, (-(-32 // (32 - low)), count)):
        order = order[jnp.sort(bits << low | place) & (1 << low) - 1]
    return order.astype(jnp.int32)
