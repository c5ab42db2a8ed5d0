"""theory/losses.py against sums written out, and against what the lemma needs of a loss."""

from functools import partial

import jax
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


@partial(jax.jit, static_argnums=0)
def at(loss, z, y, visible):
    """The loss at (z, y) and at (y, y), and its gradient at both."""
    return [jax.value_and_grad(loss)(v, y, visible) for v in (z, y)]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda f: f.__name__)
@given(case=cases())
@settings(max_examples=20, deadline=None)
def test_definition_minimum_and_invisible_logits(loss, case):
    expected = written_out(loss.__name__, *case)
    (found, at_z), (least, at_y) = jax.device_get(at(loss, *case))
    # e^8 terms are summed in another order: a few hundred units of rounding at that size.
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(at_y, 0, atol=1e-14)  # z = y is stationary …
    assert found >= least - 1e-13  # … and the minimum
    assert not at_z[~case[2]].any()  # exactly: what is cut gets no gradient


def test_kl_and_cross_entropy_have_one_gradient():
    z, y = np.random.default_rng(0).normal(size=(2, 5))
    visible = np.array([True, False, True, True, False])
    both = (at(f, z, y, visible)[0][1] for f in (losses.kl, losses.cross_entropy))
    kl, cross_entropy = map(np.asarray, both)
    np.testing.assert_allclose(kl, cross_entropy, atol=1e-15)
    p, q = (np.exp(v[visible]) / np.exp(v[visible]).sum() for v in (y, z))
    np.testing.assert_allclose(kl[visible], q - p, atol=1e-15)  # σ(z) − σ(y)


def test_single_visible_logit():
    """Softmax of one logit is constant: no gradient; squared error has one."""
    case = np.array([1.0, 2.0]), np.array([0.5, -3.0]), np.array([True, False])
    kl, squared_error = (at(f, *case)[0][1] for f in (losses.kl, losses.squared_error))
    assert not np.any(kl)
    np.testing.assert_array_equal(squared_error, [1.0, 0.0])
