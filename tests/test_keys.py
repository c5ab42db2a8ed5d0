"""sim/keys.py: keys by seed and purpose."""

import jax

from sim.keys import Purpose, key


def test_keys_differ_by_seed_and_purpose():
    keys = {tuple(jax.random.key_data(key(s, p)).tolist()) for s in range(50) for p in Purpose}
    assert len(keys) == 50 * len(Purpose)
