"""sim/measures.py."""

import jax.numpy as jnp
import numpy as np
import pytest

from sim.model.networks import Network
from sim.training.measures import accuracy

# A "network" whose logits are its input; the last two are auxiliary and larger than all others.
ECHO = Network(init=None, apply=lambda θ, x: θ["scale"] * x, d_in=5, classes=3)
θ = {"scale": jnp.ones(())}


@pytest.mark.parametrize("n", [1, 7, 1000, 1100])  # within a block, a block, more than one
def test_accuracy_counts_class_logits_only(n):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 5)).astype(np.float32) + np.float32([0, 0, 0, 9, 9])
    y = rng.integers(0, 3, n).astype(np.int32)
    expected = np.mean(x[:, :3].argmax(1) == y)
    assert accuracy(ECHO, θ, jnp.asarray(x), jnp.asarray(y)) == pytest.approx(expected, abs=1e-6)


def test_limits():
    x = jnp.eye(3, 5)
    assert accuracy(ECHO, θ, x, jnp.arange(3)) == 1
    assert accuracy(ECHO, {"scale": -jnp.ones(())}, x, jnp.arange(3)) == 0
    assert np.isnan(accuracy(ECHO, θ, x[:0], jnp.arange(0)))
    lost = {"scale": jnp.asarray(jnp.nan)}  # answers class 0
    assert accuracy(ECHO, lost, x, jnp.arange(3)) == pytest.approx(1 / 3)
