"""sim/orders.py: every number once, all orders equally often."""

import jax
import numpy as np
import pytest

from sim.model import orders

permutation = jax.jit(orders.permutation, static_argnums=1)


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65, 60_000, 70_000])
def test_a_permutation_has_every_number_once(count):
    order = permutation(jax.random.key(count), count)
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(count))


def test_permutations_are_uniform():
    """All 24 orders of four equally often: χ² with 23 degrees of freedom, mean 23, sd √46."""
    n = 24_000
    keys = jax.random.split(jax.random.key(1), n)
    found = np.asarray(jax.jit(jax.vmap(lambda k: permutation(k, 4)))(keys))
    _, counts = np.unique(found @ 4 ** np.arange(4), return_counts=True)
    assert len(counts) == 24
    assert abs(((counts - n / 24) ** 2 / (n / 24)).sum() - 23) < 4 * 46**0.5


def test_long_permutations_keep_nothing_of_the_order():
    """Rank correlation with the identity, and of neighbours: standard error 1/√n."""
    order = np.asarray(permutation(jax.random.key(3), 60_000), float)
    assert abs(np.corrcoef(order, np.arange(60_000))[0, 1]) < 4 / 60_000**0.5
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 4 / 60_000**0.5
    # Sorted by too few bits, ties would stand in their old order. Ascents: mean (n − 1)/2, variance
    # (n + 1)/12.
    ascents = (order[1:] > order[:-1]).sum()
    assert abs(ascents - 59_999 / 2) < 4 * (60_001 / 12) ** 0.5
