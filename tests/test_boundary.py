"""theory/boundary.py: exact where L_T is quadratic, and a law of the product αε elsewhere."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.test_one_step import problem
from tests.tiny import flat
from theory import losses, one_step
from theory.boundary import boundary, change_map, second_order
from theory.trees import move


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def quadratic(sign=1.0):
    """f linear in θ, squared error, L_T quadratic: Δθ_S = ε v exactly, and eq. (3) ends at s²."""
    keys = jax.random.split(jax.random.key(0), 3)
    A, X = jax.random.normal(keys[0], (6, 6)), jax.random.normal(keys[1], (4, 3, 6))
    H, b = sign * A @ A.T, jax.random.normal(keys[2], (6,))
    L_S = partial(losses.squared_error, visible=jnp.ones(3, bool))
    return (lambda θ, x: x @ θ), jnp.zeros(6), (lambda θ: θ @ H @ θ / 2 + b @ θ), L_S, X, (H, b)


@pytest.mark.parametrize("ε", [1e-1, 1e-5])
def test_exact_for_a_quadratic(ε):
    f, θ_0, L_T, L_S, X, (H, b) = quadratic()
    G = 2 * np.einsum("xip,xiq->pq", X, X) / len(X)  # E[Jᵀ M J], M = 2
    v = G @ -b
    found = boundary(f, θ_0, L_T, L_S, X, ε)
    np.testing.assert_allclose(found.q, b @ G @ b, rtol=1e-12)
    np.testing.assert_allclose(found.curvature, v @ H @ v, rtol=1e-12)
    np.testing.assert_allclose(found.predicted, 2 * (b @ G @ b) / (v @ H @ v), rtol=1e-12)
    np.testing.assert_allclose(found.measured, found.predicted, rtol=1e-7)
    # Both sides of the threshold, by the map: α at 0.99 and 1.01 of the predicted.
    α = found.predicted / ε * jnp.array([0.99, 1.01])
    below, above = change_map(f, θ_0, L_T, L_S, X, α, jnp.array([ε]))[:, 0]
    assert below < 0 < above


def test_no_boundary_where_the_curvature_is_negative():
    found = boundary(*quadratic(sign=-1.0)[:5], 1e-3)
    assert found.curvature < 0
    assert found.predicted == np.inf
    assert found.measured == np.inf


def test_not_a_number_where_nothing_falls():
    """L_T rises at once along −v: no boundary from below."""
    f, θ_0, L_T, L_S, X, _ = quadratic()
    found = boundary(f, θ_0, L_T, lambda z, y: -L_S(z, y), X, 1e-3)
    assert np.isnan(found.measured)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_no_boundary_where_L_T_is_linear(start):
    """Its curvature is 0: it falls along v for ever, and where q = 0 it does not fall at all."""
    f, θ_0, _, L_S, X, (_, b) = quadratic()
    found = boundary(f, θ_0 + start, lambda θ: b @ θ, L_S, X, 1e-3)
    assert (found.curvature, found.predicted, found.measured) == (0, np.inf, np.inf)
    nothing = boundary(f, θ_0 + start, lambda θ: 0 * b @ θ, L_S, X, 1e-3)
    assert np.isnan(nothing.measured)


def test_a_boundary_of_higher_order():
    """Curvature 0 along v, and a quartic: it falls until s q = c s⁴."""
    f, θ_0, _, L_S, X, (_, b) = quadratic()
    G = 2 * np.einsum("xip,xiq->pq", X, X) / len(X)
    v = G @ -b
    q, c = b @ G @ b, 0.1 / (v @ v) ** 4
    found = boundary(f, θ_0, lambda θ: b @ θ + c * (v @ θ) ** 4, L_S, X, 1e-3)
    assert found.predicted == np.inf
    np.testing.assert_allclose(found.measured, (q / (c * (v @ v) ** 4)) ** (1 / 3), rtol=1e-6)


def test_hessian_vector_product():
    f, θ_0, L_T, L_S, X, _ = problem(0, (2, 3, 4))
    v, q, curvature = jax.jit(lambda θ: second_order(f, θ, L_T, L_S, X))(θ_0)
    H = jax.hessian(lambda p: L_T(_unflat(p, θ_0)))(flat(θ_0))
    np.testing.assert_allclose(curvature, flat(v) @ H @ flat(v), rtol=1e-10)
    Δθ_T = flat(jax.grad(L_T)(θ_0))
    np.testing.assert_allclose(q, -flat(v) @ Δθ_T, rtol=1e-10)


def _unflat(p, like):
    leaves, tree = jax.tree.flatten(like)
    parts = jnp.split(p, np.cumsum([leaf.size for leaf in leaves])[:-1])
    shaped = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(tree, shaped)


def test_the_boundary_is_a_law_of_the_product():
    """As ε → 0 the measured αε tends to one number, with an error of O(ε)."""
    ε = jnp.array([1e-2, 1e-3, 1e-4, 1e-6])

    def one(seed):
        f, θ_0, L_T, L_S, X, _ = problem(seed, (4, 8, 8, 6), "tanh", "squared_error")
        return jax.lax.map(lambda ε: boundary(f, θ_0, L_T, L_S, X, ε), ε)

    found = jax.jit(jax.vmap(one))(jnp.arange(12))
    measured = np.asarray(found.measured)
    known = np.isfinite(measured).all(axis=1)
    assert known.sum() >= 6
    gap = np.abs(measured[known] / measured[known][:, [-1]] - 1)[:, :3]
    slopes = [float(one_step.slope(ε[:3], jnp.asarray(g))) for g in gap]
    assert np.median(slopes) == pytest.approx(1, abs=0.05)


def test_eq_3_is_right_to_third_order():
    """L_T(θ_0 + s v) less its second-order expansion is O(s³)."""
    s = jnp.array([1e-1, 3e-2, 1e-2, 3e-3])

    def one(seed):
        f, θ_0, L_T, L_S, X, _ = problem(seed, (4, 8, 8, 6), "tanh", "squared_error")
        v, q, curvature = second_order(f, θ_0, L_T, L_S, X)
        unit = 1 / jnp.linalg.norm(flat(v))
        change = [L_T(move(θ_0, unit * c, v)) - L_T(θ_0) for c in s]
        expansion = -unit * s * q + (unit * s) ** 2 * curvature / 2
        return one_step.slope(s, jnp.stack(change) - expansion)

    slopes = np.asarray(jax.jit(jax.vmap(one))(jnp.arange(15)))
    assert np.median(slopes) == pytest.approx(3, abs=0.1)
    assert (slopes > 2.7).all()
