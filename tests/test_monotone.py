"""theory/monotone.py: channels that cannot turn the pull round, and those that do."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm as normal

from tests.tiny import flat, jacobian, network
from theory import monotone
from theory.linearized import linearize
from theory.monotone import MONOTONE, NOT_MONOTONE

ROUNDING = 1e-13  # of 5 logits: 5 eps, times up to 60 where a softmax at T = 1/10 divides them


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


f = network((2, 3, 4))


def world(seed):
    """θ_0, Δθ_T, X: numbers, so that nothing random is compiled."""
    rng = np.random.default_rng(seed)
    θ_0, Δ = (
        [(rng.normal(size=(k, n)), rng.normal(size=k)) for k, n in ((3, 2), (4, 3))]
        for _ in range(2)
    )
    return θ_0, Δ, rng.normal(size=(7, 2))


def two(seed, k=20_000, n=5):
    """Pairs of logits near each other and far."""
    rng = np.random.default_rng(seed)
    a = 2 * rng.normal(size=(k, n))
    b = a + rng.normal(size=(k, n)) * rng.choice([0.1, 1.0, 3.0], size=(k, 1))
    return jnp.asarray(a), jnp.asarray(b)


def test_which_channels_are_monotone():
    a, b = two(0)
    channels = MONOTONE | NOT_MONOTONE
    found = jax.jit(
        lambda a, b: {name: monotone.agreement(h, a, b) for name, h in channels.items()}
    )
    found = jax.device_get(found(a, b))
    for name in MONOTONE:
        assert found[name].min() >= -ROUNDING, name
        assert found[name].max() > 0.1, name
    for name in NOT_MONOTONE:
        assert found[name].min() < -1e-3, name
    np.testing.assert_allclose(found["logits"].max(), 1, atol=0.1)


def test_a_turn_is_monotone_up_to_a_right_angle():
    """From b = 0 the agreement of a turn is its cosine."""
    α = np.deg2rad([0, 89.9, 90.1])
    turns = jnp.moveaxis(jnp.array([[np.cos(α), -np.sin(α)], [np.sin(α), np.cos(α)]]), 2, 0)
    a, _ = two(1, 50, 2)
    at = jax.jit(jax.vmap(lambda turn: monotone.agreement(lambda y: turn @ y, a, 0 * a)))
    found = np.asarray(at(turns))
    np.testing.assert_allclose(found, np.cos(α)[:, None] + 0 * found, atol=1e-14)
    assert list(found.min(axis=1) >= -ROUNDING) == [True, True, False]


def test_agreement_of_nothing_and_of_nan():
    a, b = two(2, 3)
    of = jax.jit(monotone.agreement, static_argnums=0)
    np.testing.assert_array_equal(of(lambda y: 0 * y, a, b), 0)
    assert not of(lambda y: y / jnp.sum(0 * y), a, b).min() >= -ROUNDING


def test_channels_by_hand():
    y = jnp.array([0.2, 2.0, -3.0, 1.2])
    e = np.exp(y)
    by_hand = {
        "softmax, T = 10": np.exp(y / 10) / np.exp(y / 10).sum(),
        "argmax": [0, 1, 0, 0],
        "top 2": np.array([0, e[1], 0, e[3]]) / (e[1] + e[3]),
        "rounded": [0, 2, -3, 1],
        "clipped": [0.2, 1, -1, 1],
        "sign": [1, 1, -1, 1],
        "nucleus": np.array([e[0], e[1], 0, e[3]]) / (e.sum() - e[2]),  # .62 + .28 < .9
        "softmax, rounded": [0.1, 0.6, 0, 0.3],
        "argmin": [0, 0, 1, 0],
    }
    channels = MONOTONE | NOT_MONOTONE
    found = jax.jit(lambda y: {name: channels[name](y) for name in by_hand})(y)
    for name, expected in by_hand.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-12)


def test_the_pull_by_brute_force():
    """Eq. (26) with J written out, through every channel, at ε from small to huge."""
    ε = jnp.array([1e-3, 1.0, 30.0])

    def one(i, world):
        θ_0, Δ, X = world
        h = lambda y: jax.lax.switch(i, list(MONOTONE.values()), y)  # noqa: E731
        J, z = jacobian(f, θ_0, X), jax.vmap(f, (None, 0))(θ_0, X)
        u = J @ flat(Δ)

        def at(ε):
            # −∇ of each label's part of L_S alone: φ is in neither.
            step = jnp.einsum("xip,xi->p", J, jax.vmap(h)(z + ε * u) - jax.vmap(h)(z)) / len(X)
            return monotone.placebo(linearize(f, θ_0), θ_0, Δ, h, X, ε), step @ flat(Δ)

        return jax.vmap(at)(ε)

    each = jax.jit(lambda i, worlds: jax.vmap(partial(one, i))(worlds))
    worlds = jax.tree.map(lambda *a: jnp.asarray(np.stack(a)), *map(world, range(4)))
    found = [each(i, worlds) for i in range(len(MONOTONE))]
    pull, expected = jax.device_get(jax.tree.map(lambda *a: np.stack(a), *found))
    assert expected.shape == (len(MONOTONE), 4, len(ε))
    assert (abs(pull.measured - expected) <= pull.rounding).all()
    assert (abs(pull.measured - pull.predicted) <= pull.rounding).all()
    assert (pull.measured >= -pull.rounding).all()
    assert (pull.measured[..., -1] > 1e6 * pull.rounding[..., -1]).all()  # it is seen


def test_a_channel_that_is_not_monotone_turns_it_round():
    """One input whose logits are θ: the pull is negative where the checker says so."""
    θ_0, θ_1 = two(3)

    def one(i):
        h = lambda y: jax.lax.switch(i, list(NOT_MONOTONE.values()), y)  # noqa: E731
        pull = jax.vmap(
            lambda a, b: monotone.placebo(lambda θ, _: θ, a, b - a, h, jnp.zeros(1), 1.0)
        )
        return pull(θ_0, θ_1), monotone.agreement(h, θ_1, θ_0)

    pull, agreement = jax.device_get(jax.jit(partial(jax.lax.map, one))(jnp.arange(6)))
    assert len(agreement) == len(NOT_MONOTONE)
    clear = abs(agreement) > 1e-10
    assert ((clear & (agreement < 0)).sum(axis=1) >= 5).all()
    np.testing.assert_array_equal(pull.measured[clear] > 0, agreement[clear] > 0)
    assert (pull.measured < -pull.rounding).any(axis=1).all()


def test_labels_that_do_not_add_up_to_the_same_are_not_covered():
    """Cross-entropy with clipped logits for labels: φ = Σ h(y) σ(z) then depends on y."""
    clipped = MONOTONE["clipped"]
    L_S = lambda z, y: -jnp.dot(clipped(y), jax.nn.log_softmax(z))  # noqa: E731
    z, y = two(4, 2000)

    @jax.vmap
    def pull(z, y):
        step = lambda labels: -jax.grad(L_S)(z, labels)  # noqa: E731
        return jnp.dot(step(y) - step(z), y - z)

    agreement, found = jax.jit(lambda z, y: (monotone.agreement(clipped, z, y), pull(z, y)))(z, y)
    assert (agreement >= -ROUNDING).all()
    assert (found < -1e-3).any()


def test_a_network_that_bends_is_not_covered():
    """z = sin θ falls again beyond π/2: the first half of eq. (26) holds on, and not the second."""
    ε = np.array([0.1, 3.0, 4.0])  # sin ε > 0 up to π
    pull = jax.jit(
        jax.vmap(
            lambda ε: monotone.placebo(
                lambda θ, _: jnp.sin(θ), jnp.zeros(2), jnp.ones(2), lambda y: y, jnp.zeros(1), ε
            )
        )
    )(ε)
    for found in (pull.measured, pull.predicted):
        np.testing.assert_allclose(found, 2 * np.sin(ε), atol=1e-14)
    assert list(pull.measured > 0) == [True, True, False]


def cells(seed, N, s, m=2):
    """N inputs of m logits each, which are θ: normal z of sd s, and u that is not."""
    keys = jax.random.split(jax.random.key(seed), 2)
    z, u = s * jax.random.normal(keys[0], (N, m)), jax.random.normal(keys[1], (N, m)) ** 3
    return (lambda θ, i: θ[i]), z, u, jnp.arange(N)


def test_rounding_to_a_quantum_removes_nothing():
    """Eq. (27) at Q from 1/100 of the spread to all of it, at ε u far below Q and above it.

    Mean of (ratio − 1) / sd and of its square over 400 seeds, by the standard error of each: the
    fourth moment of a sum of 800 is 3, so that of the square is √(2/400); 4 standard errors.
    """
    n, Q, ε = 400, np.array([0.01, 1.0, 1.0, 0.03]), np.array([1e-3, 1e-3, 0.3, 0.1])

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None, None))
    @partial(jax.vmap, in_axes=(None, 0, 0))
    def at(seed, Q, ε):
        f, z, u, X = cells(seed, 400, 1.0)
        moments = (jnp.sum(abs(u) ** k) / 400 for k in (2, 3))
        return monotone.quantised(f, z, u, X, Q, ε), *moments, jnp.max(abs(ε * u)) / Q

    found, u2, u3, top = jax.device_get(at(jnp.arange(n), jnp.asarray(Q), jnp.asarray(ε)))
    off = (found.ratio - 1) / found.sd
    assert (abs(off.mean(axis=0)) < 4 / n**0.5).all()
    assert (abs((off**2).mean(axis=0) - 1) < 4 * (2 / n) ** 0.5).all()
    share = found.sd**2 / (Q * u3 / (400 * ε * u2**2))  # of the variance for small ε: 1 − p or so
    assert (share[:, 1] < 1).all()
    assert (share[:, 1] > 1 - top[:, 1]).all()
    assert top[:, 1].max() < 0.2 < top[:, 3].min()


def test_what_passes_a_quantum_by_the_edges():
    """The density at the edges of rounding, added up."""
    near = [(0.5, 0.3), (1.0, 0.5), (2.0, 0.0), (4.0, 0.0), (4.0, 2.0), (8.0, 1.0)]
    far = [(9.9, 4.0), (10.1, 4.0), (1e3, 0.0), (1e3, 499.0), (1e3, -1501.0)]  # of few edges
    Q, μ = np.array(near + far).T
    edges = Q[:, None] * (np.arange(-200, 200) + 0.5)
    expected = Q * normal.pdf(edges, loc=μ[:, None]).sum(axis=1)
    found = jax.jit(jax.vmap(monotone.passed, (0, None, 0)))(Q, 1.0, μ)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert (abs(found[1:4] - np.array([1, 1, 0.43])) < np.array([6e-9, 0.015, 0.005])).all()


def test_a_quantum_above_the_spread_is_not_covered():
    """Q = 4 s leaves .43 and not 1, by the mean over 400 seeds: 5 standard errors."""
    n = 400
    at = jax.jit(jax.vmap(lambda seed: monotone.quantised(*cells(seed, 400, 1.0), 4.0, 1e-2)))
    ratio = np.asarray(at(jnp.arange(n)).ratio)
    error = ratio.std() / n**0.5
    assert abs(ratio.mean() - jax.jit(monotone.passed)(4.0, 1.0)) < 5 * error
    assert abs(ratio.mean() - 1) > 5 * error
