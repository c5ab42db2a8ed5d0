"""theory/one_step.py: against brute force, in the limit ε → 0, and for what must not pass."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny import flat as _flat
from tests.tiny import init, jacobian, network
from theory import losses, one_step

ACTIVATIONS = {"tanh": jnp.tanh, "gelu": jax.nn.gelu, "linear": lambda x: x, "relu": jax.nn.relu}
ε = 10.0 ** -np.arange(1, 8)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def problem(seed, sizes, activation="tanh", loss="kl", N=7):
    """f, θ_0, L_T, L_S, X, visible of a small network: class logits are the first half."""
    keys = jax.random.split(jax.random.key(seed), 4)
    f = network(sizes, ACTIVATIONS[activation])
    θ_0, X = init(keys[0], sizes), jax.random.normal(keys[1], (N, sizes[0]))
    visible = jnp.arange(sizes[-1]) >= sizes[-1] // 2
    images, targets = jax.random.normal(keys[2], (5, sizes[0])), sizes[-1] // 2

    def L_T(θ):
        z = jax.vmap(f, (None, 0))(θ, images)[:, :targets]
        return jnp.mean((z - jax.random.normal(keys[3], z.shape)) ** 2)

    return f, θ_0, L_T, partial(getattr(losses, loss), visible=visible), X, visible


NETWORKS = (((2, 1, 6), "tanh"), ((4, 6, 3, 5), "gelu"))  # few, as each compiles


@given(
    seed=st.integers(0, 10**6),
    network=st.sampled_from(NETWORKS),
    loss=st.sampled_from([(1.0, 0.0), (0.0, 1.0), (0.4, 1.7)]),
)
@settings(max_examples=4, deadline=None)
def test_random_networks_losses_and_data(seed, network, loss):
    """u, M u, q, v with every entry of J and M; then a step at ε = 1e-5 to 1 %.

    The losses are squared error, KL and a sum of both.
    """
    loss = jnp.asarray(loss)
    J, M, Δ, found, rungs = jax.device_get(_by_brute_force(seed, *network, loss))
    u = J @ Δ
    size, N = np.abs(u).max() + 1e-30, len(u)
    np.testing.assert_allclose(found.u, u, atol=1e-13 * size)
    np.testing.assert_allclose(found.Mu, np.einsum("xij,xj->xi", M, u), atol=1e-13 * size)
    q = np.einsum("xi,xij,xj->", u, M, u) / N
    np.testing.assert_allclose(found.q, q, atol=1e-13 * size**2)
    v = np.einsum("xip,xij,xj->p", J, M, u) / N
    np.testing.assert_allclose(_flat(found.v), v, atol=1e-13 * (np.abs(v).max() + 1e-30))
    assert found.q >= -1e-15 * size**2
    if rungs.ε_q > 1e3 * rungs.dot_rounding and -rungs.ε_α_q > 1e3 * rungs.change_rounding:
        assert rungs.dot / rungs.ε_q == pytest.approx(1, abs=0.01)
        assert rungs.change / rungs.ε_α_q == pytest.approx(1, abs=0.01)
        assert rungs.change < 0 < rungs.dot


@partial(jax.jit, static_argnames=("sizes", "activation"))
def _by_brute_force(seed, sizes, activation, loss):
    f, θ_0, L_T, _, X, visible = problem(seed, sizes, activation, N=5)

    def L_S(z, y):
        return loss[0] * losses.squared_error(z, y, visible) + loss[1] * losses.kl(z, y, visible)

    Δ = jax.tree.map(jnp.negative, jax.grad(L_T)(θ_0))
    M = jax.vmap(lambda y: -jax.jacfwd(jax.grad(L_S), 1)(y, y))(jax.vmap(f, (None, 0))(θ_0, X))
    rungs = one_step.ladder(f, θ_0, L_T, L_S, X, jnp.array([1e-5]), α=0.3)
    return (
        jacobian(f, θ_0, X),
        M,
        _flat(Δ),
        one_step.first_order(f, θ_0, Δ, L_S, X),
        jax.tree.map(lambda leaf: leaf[0], rungs),
    )


def test_the_students_step_is_minus_the_gradient_of_the_mean():
    f, θ_0, _, L_S, X, _ = problem(3, (3, 5, 4))
    Y = jax.random.normal(jax.random.key(9), (len(X), 4))
    by_hand = sum(
        -_flat(jax.grad(lambda θ, x=x, y=y: L_S(f(θ, x), y))(θ_0)) / len(X)
        for x, y in zip(X, Y, strict=True)
    )
    np.testing.assert_allclose(_flat(one_step.student_step(f, θ_0, L_S, X, Y)), by_hand, atol=1e-15)


@pytest.mark.parametrize(
    ("activation", "loss"), [("tanh", "kl"), ("gelu", "squared_error"), ("linear", "cross_entropy")]
)
def test_orders_in_ε(activation, loss):
    """The remainder of eq. (2) is O(ε²), the change of L_T is −ε α q (1 + O(ε))."""

    def one(seed):
        f, θ_0, L_T, L_S, X, _ = problem(seed, (4, 8, 8, 6), activation, loss)
        rungs = one_step.ladder(f, θ_0, L_T, L_S, X, jnp.asarray(ε))
        return rungs.remainder_order, rungs.change_order

    # A seed whose leading error happens to be next to nothing shows the order after it.
    remainder, change = jax.jit(jax.vmap(one))(jnp.arange(15))
    assert np.median(remainder) == pytest.approx(2, abs=0.02)
    assert np.median(change) == pytest.approx(1, abs=0.02)
    assert np.mean(abs(remainder - 2) < 0.05) > 0.8
    assert np.mean(abs(change - 1) < 0.05) > 0.8


def test_arbitrary_directions_and_a_regulariser():
    f, θ_0, _, L_S, X, _ = problem(0, (4, 8, 8, 6))
    r = init(jax.random.key(5), (4, 8, 8, 6))
    regulariser = lambda θ: jnp.sum(_flat(θ) ** 2)  # noqa: E731
    for L_T in (one_step.towards(r), regulariser):
        rungs = jax.jit(partial(one_step.ladder, f, L_T=L_T, L_S=L_S, X=X, ε=jnp.asarray(ε)))(θ_0)
        assert (rungs.dot[2:] > 0).all()
        assert (rungs.change[2:] < 0).all()
        assert rungs.remainder_order == pytest.approx(2, abs=0.05)
    np.testing.assert_array_equal(_flat(jax.grad(one_step.towards(r))(θ_0)), -_flat(r))


def test_another_initialisation_imitates_the_untrained_teacher():
    """Δθ_S(ε) − Δθ_S(0) is O(ε), and the sign of Δθ_S · Δθ_T is a toss."""
    small, sizes = jnp.array([1e-3, 1e-4, 1e-5]), (4, 8, 8, 6)

    def one(seed):
        f, θ_0, L_T, L_S, X, _ = problem(seed, sizes)
        Δ = jax.tree.map(jnp.negative, jax.grad(L_T)(θ_0))
        other = init(jax.random.key(1000 + seed), sizes)
        untrained = one_step.student_step(f, other, L_S, X, jax.vmap(f, (None, 0))(θ_0, X))
        steps = [_flat(one_step.Δθ_S(f, θ_0, Δ, L_S, X, e, θ_S0=other)) for e in small]
        moved = jnp.stack([jnp.linalg.norm(step - _flat(untrained)) for step in steps])
        return one_step.slope(small, moved), steps[-1] @ _flat(Δ)

    slopes, dots = jax.jit(jax.vmap(one))(jnp.arange(40))
    np.testing.assert_allclose(slopes, 1, atol=0.05)
    # 40 tosses: 3 standard errors are ±0.24 about one half.
    assert 0.2 < np.mean(dots > 0) < 0.8


@pytest.mark.parametrize(
    ("error", "where", "order"),
    [
        (lambda e: 3 * e**2, None, 2.0),
        (lambda e: -7 * e, None, 1.0),
        (lambda e: np.where(e < 1e-4, 1.0, e**2), ε >= 1e-4, 2.0),
        (lambda e: e**2, ε > 1e-3, np.nan),  # two points are no slope
        (lambda e: 0 * e, None, np.nan),
    ],
)
def test_slope(error, where, order):
    found = one_step.slope(
        jnp.asarray(ε), jnp.asarray(error(ε)), None if where is None else jnp.asarray(where)
    )
    np.testing.assert_allclose(found, order, rtol=1e-12)
