"""sim/keys.py."""

import jax
import numpy as np
import pytest

from sim.model.keys import Purpose, key


def test_the_numbers_of_purposes_never_change():
    """They are part of every result."""
    assert [purpose.name for purpose in Purpose] == [
        "INIT",
        "OTHER_INIT",
        "TEACHER_ORDER",
        "STUDENT_ORDER",
        "NOISE",
        "THEOREM",
        "INIT_NOISE",
        "TRAIT",
        "ANSWERS",
        "CHANGE",
        "BASE",
        "UPDATES",
    ]
    assert [*Purpose] == [*range(12)]


def test_keys_differ_by_seed_and_purpose():
    keys = {tuple(jax.random.key_data(key(s, p)).tolist()) for s in range(50) for p in Purpose}
    assert len(keys) == 50 * len(Purpose)


@pytest.mark.parametrize("offset", [0, 5])
def test_a_key_is_of_seed_and_purpose_whatever_jax_is_told(offset):
    """jax_random_seed_offset (JAX_RANDOM_SEED_OFFSET) moves keys that are made of numbers."""
    usual = jax.config.jax_random_seed_offset
    jax.config.update("jax_random_seed_offset", offset)
    try:
        found = jax.random.key_data(key(3, Purpose.NOISE))
    finally:
        jax.config.update("jax_random_seed_offset", usual)
    np.testing.assert_array_equal(found, [587919430, 558247730])
