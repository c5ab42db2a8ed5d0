"""theory/conditions.py: the verdict turns when a condition is broken."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory import losses
from theory.conditions import BROKEN, conditions

VISIBLE = jnp.array([False, True, True, True])


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def logits(k=40, n=4):
    return jnp.asarray(np.random.default_rng(0).normal(size=(k, n)))


@pytest.mark.parametrize("visible", [VISIBLE, jnp.ones(4, bool), jnp.arange(4) == 2], ids=str)
@pytest.mark.parametrize("name", ["squared_error", "cross_entropy", "kl"])
def test_the_lemmas_losses_meet_them(name, visible):
    found = conditions(partial(getattr(losses, name), visible=visible), logits())
    assert found.holds
    assert found.failed == ()


@pytest.mark.parametrize(
    ("L_S", "failed"),
    [
        (BROKEN["top_logit"], ("null_space",)),
        (BROKEN["softmax_twice"], ("minimum",)),
        (lambda z, y: -jnp.sum((z - y) ** 2), ("minimum", "semi_definite")),  # a maximum
        (lambda z, y: jnp.sum((z - y) ** 4), ("null_space",)),  # M = 0, yet a gradient
        (lambda z, y: jnp.sum((z - 1.1 * y) ** 2), ("minimum",)),
        (lambda z, y: jnp.nan * jnp.sum(z - y), ("minimum", "null_space")),
    ],
    ids=["top_logit", "softmax_twice", "maximum", "quartic", "off_centre", "nan"],
)
def test_a_broken_condition_is_named(L_S, failed):
    found = conditions(L_S, logits())
    assert not found.holds
    assert set(failed) <= set(found.failed)
    if failed == ("null_space",):
        assert found.failed == failed


@pytest.mark.parametrize("slip", [1e-12, 1e-4])
def test_threshold_from_both_sides(slip):
    """A minimum beside z = y by a little more than rounding is seen, by less is not."""
    found = conditions(lambda z, y: jnp.sum((z - y - slip) ** 2), logits())
    assert found.holds == (slip < found.tolerance)


def test_nothing_is_concluded_from_one_input():
    with pytest.raises(ValueError, match="at least 2"):
        conditions(BROKEN["top_logit"], logits(k=1))
