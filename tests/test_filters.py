"""theory/filters.py: no filter turns the pull round; what each leaves, by trying all of them."""

from functools import partial
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from tests.tiny import flat, jacobian, network
from theory import filters, losses
from theory.linearized import linearize
from theory.one_step import slope

N = 6
f = network((2, 3, 3))
KL = partial(losses.kl, visible=jnp.ones(3, bool))


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def taught(seed):
    """θ_0, Δθ_T, X: numbers, so that nothing random is compiled."""
    rng = np.random.default_rng(seed)
    θ_0, Δ = ([(rng.normal(size=(3, n)), rng.normal(size=3)) for n in (2, 3)] for _ in range(2))
    return jax.tree.map(jnp.asarray, (θ_0, Δ, rng.normal(size=(N, 2))))


@jax.jit
def straight(θ_0, Δ, X, w, ε):
    return filters.filtered(linearize(f, θ_0), θ_0, Δ, KL, X, w, ε)


@jax.jit
def reveals(θ_0, Δ, X):
    return filters.reveals(f, θ_0, Δ, KL, X)


lorenz, order = jax.jit(filters.lorenz), jax.jit(slope)


@jax.jit
def by_hand(θ_0, Δ, X):
    return jacobian(f, θ_0, X) @ flat(Δ), jax.vmap(f, (None, 0))(θ_0, X)


def test_filters_that_know_everything_at_any_ε():
    """Every input's part by J; weights that keep the least of it, none, all, one, and random."""
    for seed in range(4):
        world = taught(seed)
        u, z = jax.device_get(by_hand(*world))
        σ = softmax(z, axis=1)
        t = (σ * u**2).sum(axis=1) - (σ * u).sum(axis=1) ** 2
        for ε in (1e-3, 1.0, 30.0):
            each = (u * (softmax(z + ε * u, axis=1) - σ)).sum(axis=1)
            assert (each > 0).all()
            least = each <= np.sort(each)[1]
            random = np.random.default_rng(seed).exponential(size=N)
            for w in (1.0 * least, np.zeros(N), np.ones(N), np.eye(N)[seed], random):
                found = jax.device_get(straight(*world, jnp.asarray(w), ε))
                assert abs(found.measured - (w * each).mean()) <= found.rounding
                assert found.measured >= -found.rounding
                assert found.measured > 1e6 * found.rounding or not w.any()
                np.testing.assert_allclose(found.leading, ε * (w * t).mean(), rtol=1e-10)
                np.testing.assert_allclose(found.whole, ε * t.mean(), rtol=1e-10)


def test_the_leading_term_of_a_real_network():
    """measured / leading − 1 is O(ε), by squared error as by KL."""
    ε = 10.0 ** -np.arange(2.0, 6.0)
    both = lambda z, y: KL(z, y) + losses.squared_error(z, y, jnp.ones(3, bool))  # noqa: E731

    @jax.jit
    @partial(jax.vmap, in_axes=(None, None, None, None, 0))
    def at(θ_0, Δ, X, w, ε):
        return filters.filtered(f, θ_0, Δ, both, X, w, ε)

    orders = []
    for seed in range(5):
        found = jax.device_get(at(*taught(seed), np.arange(N) / 1.0, ε))
        orders.append(order(ε, found.measured / found.leading - 1))
    np.testing.assert_allclose(np.median(orders), 1, atol=0.05)


def test_every_filter_of_six_inputs():
    """Eq. (31): the least q_w / q of all sets of k inputs is L(k/N)."""
    for seed in range(3):
        world = taught(seed)
        t = np.asarray(reveals(*world))
        curve = np.asarray(lorenz(t))
        for k in range(N + 1):
            sets = [sum(t[i] for i in kept) for kept in combinations(range(N), k)]
            np.testing.assert_allclose(curve[k], min(sets) / t.sum(), atol=1e-14)
        # Weights in between, of the same mean, leave no less; and filtered() leaves the least.
        w = np.random.default_rng(seed).uniform(size=(1000, N))
        assert ((w @ t) / t.sum() >= np.interp(w.mean(axis=1), np.arange(N + 1) / N, curve)).all()
        found = jax.device_get(straight(*world, jnp.asarray(1.0 * (t <= np.sort(t)[2])), 1e-3))
        np.testing.assert_allclose(found.leading / found.whole, curve[3], rtol=1e-12)


def test_curves_by_hand():
    np.testing.assert_allclose(lorenz(np.ones(4)), np.arange(5) / 4)  # alike: a share of each
    np.testing.assert_allclose(lorenz(np.array([8.0, 0.0, 2.0, 0.0])), [0, 0, 0, 0.2, 1])
    assert not (np.asarray(lorenz(np.array([1.0, np.nan]))) >= 0).all()


def test_negative_weights_turn_it_round():
    """Less of the rest than the most revealing input has, and the sign is lost: both sides."""
    world = taught(0)
    t = np.asarray(reveals(*world))
    top = t == t.max()
    edge = t[~top].sum() / t.max()
    for share in (0.98, 1.02):
        w = np.where(top, -share * edge, 1.0)
        found = jax.device_get(straight(*world, jnp.asarray(w), 1e-5))
        assert (found.measured > found.rounding) == (share < 1)
        assert (found.measured < -found.rounding) == (share > 1)
        assert (found.leading > 0) == (share < 1)


def test_a_loss_that_is_not_convex_is_not_covered_at_large_ε():
    """1 − cos(z − y): its pull, sin(ε u), is turned round beyond ε u = π."""
    L_S = lambda z, y: jnp.sum(1 - jnp.cos(z - y))  # noqa: E731
    one = jax.jit(
        lambda ε: filters.filtered(
            lambda θ, _: θ, jnp.zeros(1), jnp.ones(1), L_S, jnp.zeros(1), jnp.ones(1), ε
        )
    )
    for ε in (1e-3, 3.1, 3.2):
        found = jax.device_get(one(ε))
        np.testing.assert_allclose(found.measured, np.sin(ε), atol=1e-12)
        np.testing.assert_allclose(found.leading, ε, rtol=1e-12)
        assert (found.measured > 0) == (ε < np.pi)


def test_sampled_answers_are_another_law():
    """Kept by what they say, answers pull either way, but as ε falls no worse than a placebo's."""
    ε = 10.0 ** -np.arange(1.0, 6.0)

    @jax.jit
    def at(θ_0, Δ, X, w):
        one = partial(filters.sifted, linearize(f, θ_0), θ_0, Δ, X, w)
        return jax.vmap(one)(jnp.asarray(ε))

    signs, orders = [], []
    for seed in range(8):
        world, w = taught(seed), np.random.default_rng(seed).uniform(size=(N, 3))
        found = jax.device_get(at(*world, jnp.asarray(w)))
        u, z = jax.device_get(by_hand(*world))
        σ, σ_y = softmax(z, axis=1), softmax(z + 0.1 * u, axis=1)
        each = np.eye(3)[None] - σ[:, None]  # e_c − σ(z), for every answer c
        for p, mean in ((σ_y, found.taught[0]), (σ, found.untaught[0])):
            expected = sum(
                w[x, c] * p[x, c] * (u[x] @ each[x, c]) for x in range(N) for c in range(3)
            )
            np.testing.assert_allclose(mean, expected / N, atol=1e-13)
        assert (found.leading > 0).all()
        signs.append(np.sign(found.taught[-1]))
        orders.append(order(ε, (found.taught - found.untaught) / found.leading - 1))
    assert {*signs} == {-1.0, 1.0}
    np.testing.assert_allclose(np.median(orders), 1, atol=0.05)
    all_kept = jax.device_get(at(*world, np.ones((N, 3))))
    np.testing.assert_allclose(all_kept.untaught, 0, atol=1e-15 * np.abs(u).max() * 10)
    assert (all_kept.taught > 0).all()
