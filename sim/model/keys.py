"""Named random keys: every draw of a run is a function of (seed, purpose), and of nothing else."""

from enum import IntEnum

import jax
import jax.numpy as jnp
import numpy as np
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
    TRAIT = 7  # which examples carry a trait, and how
    ANSWERS = 8  # what is drawn of a teacher's answers, and which examples are left out
    CHANGE = 9  # how a network is made another
    BASE = 10  # what a base is shown of images without labels
    UPDATES = 11  # how a student's updates are rounded, and in which directions they lie


def key(seed: Seed, purpose: Purpose | Int[Array, ""]) -> Key[Array, ""]:
    """Make the key of one seed for one purpose, whichever other seeds run."""
    # By its data: a key made of a number moves with the user's jax_random_seed_offset.
    root = jax.random.wrap_key_data(np.zeros(2, np.uint32), impl="threefry2x32")
    return jax.random.fold_in(jax.random.fold_in(root, seed), purpose)


def another(key: Key[Array, ""], draw: Int[Array, ""] | int) -> Key[Array, ""]:
    """Make the key of another draw for the same purpose; the first, 0, has the key itself."""
    data, more = (jax.random.key_data(k) for k in (key, jax.random.fold_in(key, draw)))
    return jax.random.wrap_key_data(jnp.where(draw == 0, data, more), impl="threefry2x32")
