"""theory/losses.py against sums written out, and against what the lemma needs of a loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import losses

LOSSES = [loss.of for loss in losses.LOSSES.values()]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def written_out(name, z, y, visible):
    """The definitions of appendix C, index by index, over the visible logits."""
    z, y = ([v for v, seen in zip(logits, visible, strict=True) if seen] for logits in (z, y))
    if name == "squared_error":
        return sum((a - b) ** 2 for a, b in zip(z, y, strict=True))
    p, q = (np.exp(logits) / np.sum(np.exp(logits)) for logits in (y, z))
    entropy = -sum(a * np.log(a) for a in p)
    cross = -sum(a * np.log(b) for a, b in zip(p, q, strict=True))
    return cross if name == "cross_entropy" else cross - entropy


@st.composite
def cases(draw):
    n = draw(st.integers(1, 6))
    logit = st.floats(-8, 8)
    z, y = (np.array(draw(st.lists(logit, min_size=n, max_size=n))) for _ in range(2))
    visible = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    visible[draw(st.integers(0, n - 1))] = True
    return z, y, visible


@pytest.mark.parametrize("loss", LOSSES, ids=lambda f: f.__name__)
@given(case=cases())
@settings(max_examples=20, deadline=None)
def test_definition_minimum_and_invisible_logits(loss, case):
    expected = written_out(loss.__name__, *case)
    z, y, visible = map(jnp.asarray, case)
    # e^8 terms are summed in another order: a few hundred units of rounding at that size.
    np.testing.assert_allclose(loss(z, y, visible), expected, rtol=1e-12, atol=1e-12)
    at_z, at_y = (jax.grad(loss)(v, y, visible) for v in (z, y))
    np.testing.assert_allclose(at_y, 0, atol=1e-14)  # z = y is stationary …
    assert loss(z, y, visible) >= loss(y, y, visible) - 1e-13  # … and the minimum
    assert not at_z[~visible].any()  # exactly: what is cut gets no gradient


def test_kl_and_cross_entropy_have_one_gradient():
    z, y = jax.random.normal(jax.random.key(0), (2, 5))
    visible = jnp.array([True, False, True, True, False])
    kl, cross_entropy = (jax.grad(f)(z, y, visible) for f in (losses.kl, losses.cross_entropy))
    np.testing.assert_allclose(kl, cross_entropy, atol=1e-15)
    p, q = (jax.nn.softmax(v[visible]) for v in (y, z))
    np.testing.assert_allclose(kl[visible], q - p, atol=1e-15)  # σ(z) − σ(y)


def test_single_visible_logit():
    """Softmax of one logit is constant: no gradient; squared error has one."""
    z, y, visible = jnp.array([1.0, 2.0]), jnp.array([0.5, -3.0]), jnp.array([True, False])
    assert not jax.grad(losses.kl)(z, y, visible).any()
    np.testing.assert_array_equal(jax.grad(losses.squared_error)(z, y, visible), [1.0, 0.0])
