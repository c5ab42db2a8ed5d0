"""theory/boundary.py: exact where L_T is quadratic, and a law of the product αε elsewhere."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from tests.test_one_step import draw, problem
from tests.tiny import flat, many
from theory import losses, one_step
from theory.boundary import boundary, change_map, second_order
from theory.trees import move


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def quadratic(sign=1.0):
    """f linear in θ, squared error, L_T quadratic: Δθ_S = ε v exactly, and eq. (3) ends at s²."""
    rng = np.random.default_rng(0)
    A, X, b = (rng.normal(size=shape) for shape in ((6, 6), (4, 3, 6), 6))
    H, θ_0, X = sign * A @ A.T, *jax.device_put((np.zeros(6), X))
    L_S = partial(losses.squared_error, visible=jax.device_put(np.ones(3, bool)))
    return (lambda θ, x: x @ θ), θ_0, (lambda θ: θ @ H @ θ / 2 + b @ θ), L_S, X, (H, b)


def measured(f, θ_0, L_T, L_S, X, ε):
    return jax.device_get(jax.jit(lambda θ: boundary(f, θ, L_T, L_S, X, ε))(θ_0))


@pytest.mark.parametrize("ε", [1e-1, 1e-5])
def test_exact_for_a_quadratic(ε):
    f, θ_0, L_T, L_S, X, (H, b) = quadratic()
    G = 2 * np.einsum("xip,xiq->pq", X, X) / len(X)  # E[Jᵀ M J], M = 2
    v = G @ -b
    found = measured(f, θ_0, L_T, L_S, X, ε)
    np.testing.assert_allclose(found.q, b @ G @ b, rtol=1e-12)
    np.testing.assert_allclose(found.curvature, v @ H @ v, rtol=1e-12)
    np.testing.assert_allclose(found.predicted, 2 * (b @ G @ b) / (v @ H @ v), rtol=1e-12)
    np.testing.assert_allclose(found.measured, found.predicted, rtol=1e-7)
    # Both sides of the threshold, by the map: α at 0.99 and 1.01 of the predicted.
    α = jnp.asarray(found.predicted / ε * np.array([0.99, 1.01]))
    change = jax.jit(lambda θ: change_map(f, θ, L_T, L_S, X, α, jnp.array([ε]))[:, 0])
    below, above = np.asarray(change(θ_0))
    assert below < 0 < above


def test_no_boundary_where_the_curvature_is_negative():
    found = measured(*quadratic(sign=-1.0)[:5], 1e-3)
    assert found.curvature < 0
    assert found.predicted == np.inf
    assert found.measured == np.inf


def test_not_a_number_where_nothing_falls():
    """L_T rises at once along −v: no boundary from below."""
    f, θ_0, L_T, L_S, X, _ = quadratic()
    found = measured(f, θ_0, L_T, lambda z, y: -L_S(z, y), X, 1e-3)
    assert np.isnan(found.measured)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_no_boundary_where_L_T_is_linear(start):
    """Its curvature is 0: it falls along v for ever, and where q = 0 it does not fall at all."""
    f, θ_0, _, L_S, X, (_, b) = quadratic()
    found = measured(f, θ_0 + start, lambda θ: b @ θ, L_S, X, 1e-3)
    assert (found.curvature, found.predicted, found.measured) == (0, np.inf, np.inf)
    nothing = measured(f, θ_0 + start, lambda θ: 0 * b @ θ, L_S, X, 1e-3)
    assert np.isnan(nothing.measured)


def test_a_boundary_of_higher_order():
    """Curvature 0 along v, and a quartic: it falls until s q = c s⁴."""
    f, θ_0, _, L_S, X, (_, b) = quadratic()
    G = 2 * np.einsum("xip,xiq->pq", X, X) / len(X)
    v = G @ -b
    q = b @ G @ b
    c = 0.1 * q * (v @ v) ** (3 / 2 - 4)  # so that it is where the scan looks
    found = measured(f, θ_0, lambda θ: b @ θ + c * (v @ θ) ** 4, L_S, X, 1e-3)
    assert found.predicted == np.inf
    np.testing.assert_allclose(found.measured, (q / (c * (v @ v) ** 4)) ** (1 / 3), rtol=1e-6)


def test_hessian_vector_product():
    f, θ_0, L_T, L_S, X, _ = problem(0, (2, 3, 4))
    v, q, curvature = jax.jit(lambda θ: second_order(f, θ, L_T, L_S, X))(θ_0)
    p, back = ravel_pytree(θ_0)
    L = lambda p: L_T(back(p))  # noqa: E731
    g, H = map(np.asarray, jax.jit(lambda p: (jax.grad(L)(p), jax.hessian(L)(p)))(p))
    v = np.asarray(flat(v))
    np.testing.assert_allclose(curvature, v @ H @ v, rtol=1e-10)
    np.testing.assert_allclose(q, -v @ g, rtol=1e-10)


def test_the_boundary_is_a_law_of_the_product():
    """As ε → 0 the measured αε tends to one number, with an error of O(ε)."""
    ε = jnp.array([1e-2, 1e-3, 1e-4, 1e-6])

    def one(drawn):
        f, θ_0, L_T, L_S, X, _ = problem(drawn, (4, 8, 8, 6), "tanh", "squared_error")
        return jax.lax.map(lambda ε: boundary(f, θ_0, L_T, L_S, X, ε), ε)

    found = jax.jit(jax.vmap(one))(many(draw, range(12), (4, 8, 8, 6)))
    measured = np.asarray(found.measured)
    known = np.isfinite(measured).all(axis=1)
    assert known.sum() >= 6
    gap = np.abs(measured[known] / measured[known][:, [-1]] - 1)[:, :3]
    slopes = jax.jit(jax.vmap(partial(one_step.slope, ε[:3])))(gap)
    assert np.median(slopes) == pytest.approx(1, abs=0.05)


def test_eq_3_is_right_to_third_order():
    """L_T(θ_0 + s v) less its second-order expansion is O(s³)."""
    s = jnp.array([3e-2, 1e-2, 3e-3, 1e-3])

    def one(drawn):
        f, θ_0, L_T, L_S, X, _ = problem(drawn, (4, 8, 8, 6), "tanh", "squared_error")
        v, q, curvature = second_order(f, θ_0, L_T, L_S, X)
        unit = 1 / jnp.linalg.norm(flat(v))
        change = jax.lax.map(lambda c: L_T(move(θ_0, unit * c, v)) - L_T(θ_0), s)
        expansion = -unit * s * q + (unit * s) ** 2 * curvature / 2
        return one_step.slope(s, change - expansion)

    slopes = np.asarray(jax.jit(jax.vmap(one))(many(draw, range(15), (4, 8, 8, 6))))
    assert np.median(slopes) == pytest.approx(3, abs=0.1)
    assert (slopes > 2.7).all()
