"""theory/widths.py: exact where units are alike and apart, bounded for any trunk, and broken."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tiny import flat, init, jacobian, network, numbers
from theory import widths
from theory.one_step import slope

N = 3


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def linear(θ, x):
    return θ @ x


def trunk(sizes, activation=jnp.tanh):
    """All hidden layers."""
    net = network(sizes, activation)
    return lambda θ, x: activation(net(θ, x))


def seen(J, Δ):
    """‖PΔ‖²/‖Δ‖², P from the singular vectors of the rows of J, and κ of JJᵀ."""
    J = J.reshape(-1, J.shape[-1])
    _, s, rows = np.linalg.svd(J, full_matrices=False)
    kept = s > 1e-7 * s[0]
    return np.sum((rows[kept] @ Δ) ** 2) / np.sum(Δ**2), (s[0] / s[kept][-1]) ** 2


def one_linear_layer(m, n):
    """400 Gaussian heads on one linear layer of n units, and the inputs."""
    rng = np.random.default_rng(0)
    θ_0, Δ, X, W = (rng.normal(size=shape) for shape in ((n, 5), (n, 5), (N, 5), (400, m, n)))
    of = jax.vmap(lambda W, *at: widths.visible(linear, W, *at), (0, None, None, None))
    return jax.jit(of)(W, θ_0, Δ, X), W, X, Δ


@pytest.mark.parametrize("m", [2, 6])
def test_units_alike_and_apart(m):
    """(25b): the mean over 400 heads to 4 standard errors, κ of each; ρ by least squares."""
    n = 4
    of, W, X, Δ = jax.device_get(one_linear_layer(m, n))
    shown = Δ @ np.linalg.pinv(X) @ X  # of each row, what N inputs see
    np.testing.assert_allclose(of.whole, np.sum(shown**2) / np.sum(Δ**2), rtol=1e-12)
    np.testing.assert_allclose(of.predicted, min(m / n, 1) * of.whole, rtol=1e-12)
    error = of.fraction.std() / 400**0.5
    assert abs(of.fraction.mean() - of.predicted[0]) <= 4 * error + of.rounding.max()
    assert error <= 0.05 * of.predicted[0]
    κ = np.linalg.cond(X @ X.T) * np.array([np.linalg.cond(w) ** 2 for w in W])
    np.testing.assert_allclose(of.condition, κ, rtol=1e-12 * κ.max())
    np.testing.assert_allclose(of.condition_predicted, κ, rtol=1e-12 * κ.max())
    if m > n:
        np.testing.assert_array_less(np.abs(of.fraction - of.whole), of.rounding)


@pytest.mark.parametrize(("activation", "a_x"), [("tanh", (5, 5, 5)), ("relu", (4, 2, 3))])
def test_any_trunk_by_brute_force(activation, a_x):
    """(25a) and the bound on κ, with every entry of J and H.

    Of 5 units a_x move at each of the inputs: max a_x logits show all, and one less does not.
    """
    act, sizes = {"tanh": jnp.tanh, "relu": jax.nn.relu}[activation], (4, 6, 5)
    rows = max(a_x) - 1, max(a_x)

    rng = np.random.default_rng(33)
    drawn = numbers(rng, sizes), numbers(rng, sizes), rng.normal(size=(N, 4))
    W = rng.normal(size=(5, 5))

    @jax.jit
    def run(θ_0, Δ, X):
        h = trunk(sizes, act)
        heads = [widths.visible(h, jnp.asarray(W[:m]), θ_0, Δ, X) for m in rows]
        return heads, jacobian(h, θ_0, X), flat(Δ)

    heads, H, Δ = jax.device_get(run(*drawn))
    np.testing.assert_array_equal((np.abs(H).max(axis=2) > 0).sum(axis=1), a_x)
    ρ, _ = seen(H, Δ)
    before = 0.0
    for m, of in zip(rows, heads, strict=True):
        fraction, κ = seen(np.einsum("mn,xnp->xmp", W[:m], H), Δ)
        np.testing.assert_allclose(of.whole, ρ, atol=of.rounding)
        np.testing.assert_allclose(of.fraction, fraction, atol=of.rounding)
        np.testing.assert_allclose(of.condition, κ, rtol=1e-13 * κ**1.5)
        np.testing.assert_allclose(
            of.predicted, ρ * np.minimum(m / np.array(a_x), 1).mean(), rtol=1e-9
        )
        assert before - of.rounding <= of.fraction <= ρ + of.rounding
        assert of.rounding < 1e-6
        assert (of.fraction > ρ - of.rounding) == (m == max(a_x))
        if activation == "tanh":  # K_h has full rank
            assert of.condition <= of.condition_predicted * (1 + 1e-9)
        before = of.fraction


def test_hardest_at_m_equal_to_n():
    """Median κ over 400 heads on 4 units: of 2 and 6 logits a fifth of that of 4, or less.

    Of a Gaussian n × n matrix κ(W) has E log κ ≈ log n + 1.54 (Edelman), κ(WWᵀ) is near 350 here.
    """
    few, equal, many = (np.median(one_linear_layer(m, 4)[0].condition) for m in (2, 4, 6))
    assert equal > 5 * few
    assert equal > 5 * many


def test_what_it_needs():
    """A head made for Δ shows ρ/3 or more and not ρ/6; units that are multiples show all by one."""

    rng = np.random.default_rng(0)
    θ_0, Δ, X, W = (rng.normal(size=shape) for shape in ((6, 5), (6, 5), (N, 5), (1, 6)))
    best = np.linalg.svd(Δ @ np.linalg.pinv(X) @ X)[0][:, 0]  # of rank N = 3

    @jax.jit
    def run(θ_0, Δ, X, W, best):
        knows = widths.visible(linear, best[None, :], θ_0, Δ, X)
        alike = lambda θ, x: jnp.sin(jnp.arange(1.0, 7.0)) * (θ @ x)  # noqa: E731
        return knows, widths.visible(alike, W, θ_0[0], Δ[0], X)

    knows, alike = jax.device_get(run(θ_0, Δ, X, W, best))
    assert knows.fraction > 2 * knows.predicted
    np.testing.assert_allclose(alike.fraction, alike.whole, rtol=1e-9)
    np.testing.assert_allclose(alike.predicted, alike.whole / 6, rtol=1e-9)


def learnt(key, width, m, activation):
    """A trunk of two layers, displaced by the gradient that another head's labels give it."""
    keys, sizes = jax.random.split(key, 5), (8, width, width)
    h, θ_0 = trunk(sizes, activation), init(keys[0], sizes)
    X, images = jax.random.normal(keys[1], (4, 8)), jax.random.normal(keys[2], (16, 8))
    W, C = (jax.random.normal(k, (r, width)) / width**0.5 for k, r in ((keys[3], m), (keys[4], 3)))
    loss = lambda θ: jnp.mean((jax.vmap(h, (None, 0))(θ, images) @ C.T - 1) ** 2)  # noqa: E731
    return widths.visible(h, W, θ_0, jax.grad(loss)(θ_0), X)


@pytest.mark.slow
@pytest.mark.parametrize("activation", [jnp.tanh, jax.nn.relu])
def test_trunks_of_networks(activation):
    """Within a factor 2 of (25b) at 16 units, 12 trunks; about ∝ 1/width at m = 2.

    Hardest where all that moves has just become visible: at m = n, and with ReLU at about n/2.
    """
    keys = jax.random.split(jax.random.key(0), 12)

    @partial(jax.jit, static_argnums=(0, 1))
    def run(width, m):
        return jax.lax.map(lambda key: learnt(key, width, m, activation), keys)

    conditions = []
    for m in (2, 4, 8, 16, 32):
        of = run(16, m)
        conditions.append(np.median(of.condition))
        assert 0.5 < of.fraction.mean() / of.predicted.mean() < 2
    assert np.argmax(conditions) == (3 if activation is jnp.tanh else 2)
    each = [run(width, 2) for width in (8, 16, 32)]
    fall = slope(jnp.array([8.0, 16.0, 32.0]), jnp.array([of.fraction.mean() for of in each]))
    assert -1.4 < fall < -0.6
