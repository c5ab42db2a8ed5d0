"""theory/preconditioned.py: one D is covered, Adam's two are not."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.test_one_step import problem
from tests.tiny import flat, jacobian
from theory import losses, preconditioned


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def test_shared_by_brute_force():
    """−α ε uᵀMu with u = J D ∇L_T, every matrix written out; the measured change tends to it."""
    f, θ_0, L_T, L_S, X, _ = problem(1, (3, 5, 4))
    D = jax.tree.map(lambda leaf: jnp.exp(jnp.sin(jnp.arange(leaf.size))).reshape(leaf.shape), θ_0)
    J, z = jacobian(f, θ_0, X), jax.vmap(f, (None, 0))(θ_0, X)
    M = np.stack([losses.M(L_S, y) for y in z])
    u = J @ (flat(D) * flat(jax.grad(L_T)(θ_0)))
    expected = -np.einsum("xi,xij,xj->", u, M, u) / len(X)
    change = jax.jit(lambda ε: preconditioned.shared(f, θ_0, L_T, L_S, X, D, ε, 0.5))
    ε = np.array([1e-3, 1e-4, 1e-5])
    found = [change(e) for e in ε]
    np.testing.assert_allclose([c.leading for c in found], 0.5 * ε * expected, rtol=1e-10)
    gap = [abs(c.measured / c.leading - 1) for c in found]
    np.testing.assert_allclose(np.diff(np.log10(gap)), -1, atol=0.05)


def test_adams_first_step_is_sign_like():
    """D g = g / (|g| + δ): the student moves by α in every parameter that it sees."""
    _, θ_0, L_T, *_ = problem(2, (3, 5, 4))
    g = jax.grad(L_T)(θ_0)
    gradient, scaled = flat(g), flat(preconditioned._times(preconditioned._adam(g, 1e-8), g))
    seen = np.abs(gradient) > 1e-4
    np.testing.assert_allclose(scaled[seen], np.sign(gradient[seen]), atol=1e-3)


def test_one_preconditioner_never_raises_it_and_adams_two_sometimes_do():
    """400 small networks of one hidden layer, one distillation input: both ways counted."""

    def one(seed):
        f, θ_0, L_T, L_S, X, _ = problem(seed, (2, 3, 4), "tanh", "squared_error", N=1)
        key = jax.random.key(seed)
        D = jax.tree.map(lambda leaf: jnp.exp(jax.random.normal(key, leaf.shape)), θ_0)
        step = partial(preconditioned.adam, f, θ_0, L_T, L_S, X)
        return (
            preconditioned.shared(f, θ_0, L_T, L_S, X, D, ε=1e-5),
            step(ε=1e-4, α=1e-4),
        )

    shared, adam = jax.jit(jax.vmap(one))(jnp.arange(400))
    assert (shared.leading <= 0).all()
    resolved = np.abs(shared.leading) > 1e-12
    assert resolved.sum() > 300
    assert (shared.measured[resolved] < 0).all()
    raised = np.asarray(adam.measured) > 0
    assert 0 < raised.sum() < 200  # not covered by the theorem, and mostly still true
    np.testing.assert_array_equal(raised, np.asarray(adam.leading) > 0)
