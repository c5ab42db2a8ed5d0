"""M of theory/losses.py: closed form, by differentiation, by finite differences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import losses

CLOSED = {name: loss.M for name, loss in losses.LOSSES.items()}


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@st.composite
def logits(draw):
    n = draw(st.sampled_from([1, 4]))  # few shapes, as each compiles
    y = np.array(draw(st.lists(st.floats(-4, 4), min_size=n, max_size=n)))
    visible = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    visible[draw(st.integers(0, n - 1))] = True
    return jnp.asarray(y), jnp.asarray(visible)


@pytest.mark.parametrize("name", CLOSED)
@given(case=logits())
@settings(max_examples=15, deadline=None)
def test_closed_form_is_the_derivative(name, case):
    y, visible = case
    M, by_differentiation, by_differences, Mu, u = _all(name, y, visible)
    np.testing.assert_allclose(by_differentiation, M, atol=1e-14)
    np.testing.assert_allclose(by_differences, M, atol=1e-8)
    np.testing.assert_allclose(Mu, M @ u, atol=1e-14)


@partial(jax.jit, static_argnames="name")
def _all(name, y, visible):
    L_S, n = partial(getattr(losses, name), visible=visible), len(y)
    # −∂/∂y of the gradient, by central differences: error h²/6 times a third derivative, ≤ 1e-8.
    h, gradient = 1e-4, jax.grad(L_S)
    rows = [(gradient(y, y - h * e) - gradient(y, y + h * e)) / (2 * h) for e in jnp.eye(n)]
    u = jnp.sin(jnp.arange(n) + 1.0)
    return (
        CLOSED[name](y, visible),
        losses.M(L_S, y),
        jnp.stack(rows).T,
        losses.M_times(L_S, y, u),
        u,
    )


def test_weights_of_the_squared_error():
    """Σ w_i (z_i − y_i)²: M = diag(2 w_i), and 0 where not visible."""
    z, y, w = jnp.array([1.0, 2.0, 3.0]), jnp.array([0.0, 4.0, 7.0]), jnp.array([0.5, 3.0, 2.0])
    visible = jnp.array([True, True, False])
    assert losses.squared_error(z, y, visible, w) == 0.5 * 1 + 3.0 * 4
    L_S = partial(losses.squared_error, visible=visible, w=w)
    np.testing.assert_array_equal(losses.M(L_S, y), np.diag([1.0, 6.0, 0.0]))
    np.testing.assert_array_equal(losses.M_squared_error(y, visible, w), np.diag([1.0, 6.0, 0.0]))
