"""theory/conditions.py: the verdict turns when a condition is broken."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tiny import squares
from theory import losses
from theory.conditions import BROKEN, conditions

VISIBLE = jnp.array([False, True, True, True])


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def logits(k=40, n=4):
    return jax.device_put(np.random.default_rng(0).normal(size=(k, n)))


@partial(jax.jit, static_argnums=0)
def tried(L_S, Y, **given):
    return conditions(partial(L_S, **given), Y)


@pytest.mark.parametrize("visible", [VISIBLE, jnp.ones(4, bool), jnp.arange(4) == 2], ids=str)
@pytest.mark.parametrize("name", ["squared_error", "cross_entropy", "kl"])
def test_the_lemmas_losses_meet_them(name, visible):
    found = tried(getattr(losses, name), logits(), visible=visible)
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
    found = tried(L_S, logits())
    assert not found.holds
    assert set(failed) <= set(found.failed)
    if failed == ("null_space",):
        assert found.failed == failed


@pytest.mark.parametrize("slip", [1e-12, 1e-4])
def test_threshold_from_both_sides(slip):
    """A minimum beside z = y by a little more than rounding is seen, by less is not."""
    found = tried(lambda z, y: jnp.sum((z - y - slip) ** 2), logits())
    assert found.holds == (slip < found.tolerance)


@pytest.mark.parametrize("nearly", [0.0, 1e-15, 1e-9])
@pytest.mark.parametrize("name", ["squared_error", "cross_entropy", "kl"])
def test_inputs_of_the_same_logits_break_none_of_them(name, nearly):
    """Between them the gradient is rounding alone, which has no direction."""
    Y = jnp.tile(logits(1), (6, 1)) * (1 + nearly * jnp.arange(6.0)[:, None])
    assert tried(getattr(losses, name), Y, visible=jnp.ones(4, bool)).failed == ()


@pytest.mark.parametrize("share", [1e-10, 1e-5])
def test_a_gradient_in_the_null_space_is_seen_above_rounding(share):
    """M is of squared error on logit 0 alone; logit 1 has a cubic's gradient and no M."""

    def L_S(z, y):
        return (z[0] - y[0]) ** 2 + share * (z[1] - y[1]) ** 4

    assert ("null_space" in tried(L_S, logits()).failed) == (share > 1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("Y", [jnp.zeros((1, 4))], ids=["one"])
def test_tried_at_spread_out_logits_too(Y):
    """With a last layer that starts at zero, nothing is wrong with any loss where it occurs."""
    for name, fails in (("softmax_twice", "minimum"), ("top_logit", "null_space")):
        assert fails in conditions(BROKEN[name], Y.astype(float)).failed
    assert conditions(partial(losses.kl, visible=VISIBLE), Y.astype(float)).holds
    # One that is made for probabilities alone is tried at those.
    p = jnp.full((1, 4), 0.25)
    assert conditions(lambda z, y: jnp.sum(y * jnp.log(y / z) - y + z), p).holds


@pytest.mark.parametrize("size", [0.1, 3.0, 30.0])
@pytest.mark.parametrize("name", ["kl", "squared_error"])
def test_rounding_breaks_none_of_them(name, size):
    """In float32 a softmax that is saturated has next to no eigenvalues: they are not null."""
    Y = np.float32(size * np.asarray(logits(n=5)))
    assert tried(getattr(losses, name), Y, visible=np.ones(5, bool)).failed == ()


@pytest.mark.slow
def test_many_logits_and_no_matrix_of_them():
    """M is tried on some directions: right losses pass, wrong ones fail, no [n, n] is made."""
    n = 100
    Y, visible = logits(4, n), jnp.arange(n) >= 20
    kl = partial(losses.kl, visible=visible)
    assert not squares(n, lambda Y: conditions(kl, Y)[:3], Y)
    assert conditions(kl, Y).holds
    assert conditions(BROKEN["top_logit"], Y).failed == ("null_space",)
    assert "minimum" in conditions(BROKEN["softmax_twice"], Y).failed
    assert "semi_definite" in conditions(lambda z, y: -jnp.sum((z - y) ** 2), Y).failed
