"""theory/preconditioned.py: one D is covered, Adam's two are not."""

from functools import partial

import jax
import numpy as np
import pytest

from tests.test_one_step import draw, problem
from tests.tiny import flat, jacobian, many
from theory import losses, preconditioned


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def test_shared_by_brute_force():
    """−α ε uᵀMu with u = J D ∇L_T, every matrix written out; the measured change tends to it."""
    f, θ_0, L_T, L_S, X, _ = problem(1, (3, 5, 4))
    D = jax.tree.map(lambda leaf: np.exp(np.sin(np.arange(leaf.size))).reshape(leaf.shape), θ_0)
    D = jax.device_put(D)

    @jax.jit
    def matrices(θ):
        M = jax.vmap(lambda y: losses.M(L_S, y))(jax.vmap(f, (None, 0))(θ, X))
        return jacobian(f, θ, X), M, flat(D) * flat(jax.grad(L_T)(θ))

    J, M, Dg = map(np.asarray, matrices(θ_0))
    u = J @ Dg
    expected = -np.einsum("xi,xij,xj->", u, M, u) / len(X)
    change = jax.jit(lambda ε: preconditioned.shared(f, θ_0, L_T, L_S, X, D, ε, 0.5))
    ε = np.array([1e-3, 1e-4, 1e-5])
    found = [jax.device_get(change(e)) for e in ε]
    np.testing.assert_allclose([c.leading for c in found], 0.5 * ε * expected, rtol=1e-10)
    gap = [abs(c.measured / c.leading - 1) for c in found]
    np.testing.assert_allclose(np.diff(np.log10(gap)), -1, atol=0.05)


def test_adams_first_step_is_sign_like():
    """D g = g / (|g| + δ): the student moves by α in every parameter that it sees."""
    _, θ_0, L_T, *_ = problem(2, (3, 5, 4))

    @jax.jit
    def both(θ):
        g = jax.grad(L_T)(θ)
        return flat(g), flat(preconditioned._times(preconditioned._adam(g, 1e-8), g))

    gradient, scaled = map(np.asarray, both(θ_0))
    seen = np.abs(gradient) > 1e-4
    np.testing.assert_allclose(scaled[seen], np.sign(gradient[seen]), atol=1e-3)


def test_one_preconditioner_never_raises_it_and_adams_two_sometimes_do():
    """400 small networks of one hidden layer, one distillation input: both ways counted."""

    def one(drawn, D):
        f, θ_0, L_T, L_S, X, _ = problem(drawn, (2, 3, 4), "tanh", "squared_error")
        step = partial(preconditioned.adam, f, θ_0, L_T, L_S, X)
        return (
            preconditioned.shared(f, θ_0, L_T, L_S, X, D, ε=1e-5),
            step(ε=1e-5, α=1e-4),
        )

    drawn = many(draw, range(400), (2, 3, 4), 1)
    rng = np.random.default_rng(400)
    D = jax.tree.map(lambda leaf: np.exp(rng.normal(size=leaf.shape)), drawn[0])
    shared, adam = jax.device_get(jax.jit(jax.vmap(one))(drawn, D))
    assert (shared.leading <= 0).all()
    resolved = np.abs(shared.leading) > 1e-12
    assert resolved.sum() > 300
    assert (shared.measured[resolved] < 0).all()
    raised = np.asarray(adam.measured) > 0
    assert 0 < raised.sum() < 200  # not covered by the theorem, and mostly still true
    np.testing.assert_array_equal(raised, np.asarray(adam.leading) > 0)
