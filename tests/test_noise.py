"""sim/noise.py: inputs are functions of their address; their laws within standard errors."""

import jax.numpy as jnp
import numpy as np
import pytest

from sim.keys import Purpose, key
from sim.noise import noise

X = jnp.linspace(-1, 1, 50 * 16).reshape(50, 16)
N = 4000


@pytest.mark.parametrize("family", ["uniform", "gaussian", "images"])
def test_an_input_depends_on_its_address_alone(family):
    ids = jnp.array([7, 3, 7, 11])
    some = noise(family, key(5, Purpose.NOISE), ids, X)
    alone = noise(family, key(5, Purpose.NOISE), jnp.array([3]), X)
    np.testing.assert_array_equal(some[1], alone[0])
    np.testing.assert_array_equal(some[0], some[2])
    assert (some[0] != some[3]).any()
    other_seed = noise(family, key(6, Purpose.NOISE), ids, X)
    assert (some != other_seed).any()


@pytest.mark.parametrize(
    ("family", "variance", "fourth"), [("uniform", 1 / 3, 1 / 5), ("gaussian", 1.0, 3.0)]
)
def test_law(family, variance, fourth):
    """Mean, variance and correlations between pixels within 4 to 5 standard errors."""
    x = np.asarray(noise(family, key(0, Purpose.NOISE), jnp.arange(N), X), float)
    assert abs(x.mean()) < 4 * (variance / x.size) ** 0.5
    assert abs((x**2).mean() - variance) < 4 * ((fourth - variance**2) / x.size) ** 0.5
    between = np.corrcoef(x.T)[np.triu_indices(16, 1)]
    assert np.abs(between).max() < 5 / N**0.5
    if family == "uniform":
        assert x.min() >= -1
        assert x.min() < -0.99  # [−1, 1], not [0, 1]
        assert 0.99 < x.max() < 1


def test_images_are_the_tasks_own_each_once():
    rows = noise("images", key(2, Purpose.NOISE), jnp.arange(50), X)
    np.testing.assert_array_equal(np.sort(np.asarray(rows), axis=0), X)
