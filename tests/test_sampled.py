"""theory/sampled.py: the law added up over all labels, against every label and many draws."""

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import norm as normal

from tests.tiny import flat, jacobian, network
from theory import sampled
from theory.linearized import linearize
from theory.one_step import first_order, slope


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


n = 1000
f = network((2, 3, 3))


def taught(seed, N=4):
    """θ_0, Δθ_T, X: numbers, so that nothing random is compiled."""
    rng = np.random.default_rng(seed)
    θ_0, Δ = ([(rng.normal(size=(3, n)), rng.normal(size=3)) for n in (2, 3)] for _ in range(2))
    return jax.tree.map(jnp.asarray, (θ_0, Δ, rng.normal(size=(N, 2))))


@jax.jit
def law(θ_0, Δ, X, ε):
    return sampled.law(linearize(f, θ_0), θ_0, Δ, X, ε)


def test_every_label_that_could_be_drawn():
    """Eq. (28) at a large ε: the step on each of 3⁴ sets of labels, by J, times its probability."""
    ε, labels = 2.0, np.array([*product(range(3), repeat=4)])

    @jax.jit
    def of(θ_0, Δ, X):
        return jacobian(f, θ_0, X), flat(Δ), jax.vmap(f, (None, 0))(θ_0, X), law(θ_0, Δ, X, ε)

    for seed in range(3):
        J, Δ, z, found = jax.device_get(of(*taught(seed)))
        u = J @ Δ
        p, q = np.exp(log_softmax(z + ε * u, axis=1)), np.exp(log_softmax(z, axis=1))
        chance = p[np.arange(4), labels].prod(axis=1)
        np.testing.assert_allclose(chance.sum(), 1, rtol=1e-12)
        dots = np.einsum("kxi,xip,p->k", np.eye(3)[labels] - q, J, Δ) / 4
        mean = chance @ dots
        np.testing.assert_allclose(found.mean, mean, rtol=1e-10)
        np.testing.assert_allclose(found.variance / 4, chance @ (dots - mean) ** 2, rtol=1e-10)
        nats, back = ((a * np.log(a / b)).sum(axis=1).mean() for a, b in ((p, q), (q, p)))
        np.testing.assert_allclose([found.nats, found.back], [nats, back], rtol=1e-10)
        np.testing.assert_allclose(ε * found.mean, nats + back, rtol=1e-10)  # the mean of eq. (29)
        third = (p * abs(u - (p * u).sum(axis=1, keepdims=True)) ** 3).sum(axis=1).mean()
        np.testing.assert_allclose(found.third, third, rtol=1e-10)
        assert abs(found.mean / (ε * found.q) - 1) > 0.01  # far from ε → 0


def test_signal_and_noise_are_one_q():
    """mean − ε q is O(ε²), variance − q is O(ε), 2 KL − ε² q is O(ε³), of real networks as well."""
    ε = 10.0 ** -jnp.arange(1.0, 6.0)

    @jax.jit
    @jax.vmap
    def of(θ_0, Δ, X):
        law = jax.vmap(lambda ε: sampled.law(f, θ_0, Δ, X, ε))(ε)
        L_S = lambda z, y: jax.nn.logsumexp(z) - jnp.dot(jax.nn.softmax(y), z)  # noqa: E731
        q = first_order(f, θ_0, Δ, L_S, X).q
        orders = (
            slope(ε[:k], gap[:k])
            for gap, k in (
                (law.mean - ε * q, 5),
                (law.variance - q, 5),
                (2 * law.nats - ε**2 * q, 4),  # below: 1e-15, rounding
                (2 * law.back - ε**2 * q, 4),
            )
        )
        return q, law, jnp.stack([*orders])

    q, law, orders = jax.device_get(
        of(*jax.tree.map(lambda *a: jnp.stack(a), *map(taught, range(9))))
    )
    np.testing.assert_allclose(law.q, q[:, None] + 0 * law.q, rtol=1e-12)
    np.testing.assert_allclose(np.median(orders, axis=0), [2, 1, 3, 3], atol=0.05)


@jax.jit
@partial(jax.vmap, in_axes=(None, None, 0))
def drawn(ε, bend, key):
    """Draws of 200 labels each; the network bends by a share."""
    θ_0, Δ, X = taught(0, 200)
    straight = linearize(f, θ_0)
    between = lambda θ, x: bend * f(θ, x) + (1 - bend) * straight(θ, x)  # noqa: E731
    return sampled.draw(between, θ_0, Δ, X, ε, key)


def test_each_draw_is_its_likelihood_ratio():
    """Eq. (29) to rounding, at any ε; a network that bends is not covered."""
    keys = jax.random.split(jax.random.key(0), n)
    for ε in (1e-3, 0.1, 2.0):
        draw = jax.device_get(drawn(ε, 0.0, keys))
        assert (abs(draw.dot - draw.by_ratio) <= draw.rounding).all()
        assert (abs(draw.dot) > 1e6 * draw.rounding).mean() > 0.99
    bent = jax.device_get(drawn(2.0, 1.0, keys))
    assert (abs(bent.dot - bent.by_ratio) > 1e6 * bent.rounding).mean() > 0.99


def test_many_draws_have_the_law():
    """n = 1,000 draws of 200 labels: mean, variance, how often positive; 4 standard errors each.

    The fourth moment of the dot product is measured; how often has √(p (1 − p) / n) at most, and Φ
    is off by no more than its bound.
    """
    draw = jax.device_get(drawn(0.1, 0.0, jax.random.split(jax.random.key(1), n)))
    dot, of = draw.dot, jax.tree.map(lambda a: a[0], draw.law)
    sd = np.sqrt(of.variance / 200)
    assert abs(dot.mean() - of.mean) < 4 * sd / n**0.5
    assert of.mean > 8 * sd / n**0.5  # it is seen
    fourth = ((dot - of.mean) ** 4).mean() / sd**4
    assert abs(((dot - of.mean) ** 2).mean() / sd**2 - 1) < 4 * ((fourth - 1) / n) ** 0.5
    positive, error = (np.asarray(a) for a in (of.positive(200.0), of.positive_error(200.0)))
    assert abs((dot > 0).mean() - positive) < 4 * 0.5 / n**0.5 + error
    assert 0.6 < positive < 0.99
    assert error < 0.2


def test_how_many_labels_are_needed():
    """At N = needed(k), P(dot > 0) is Φ(k), at a small ε: Φ(√(2 N KL)) = Φ(ε √(N q))."""
    of = law(*taught(1), 1e-4)
    for k in (0.0, 1.0, 2.0, 3.0):
        N = of.needed(k)
        np.testing.assert_allclose(of.positive(N), normal.cdf(k), atol=1e-3)
        np.testing.assert_allclose(of.positive(N), normal.cdf(1e-4 * np.sqrt(N * of.q)), atol=1e-3)


def test_a_divergence_is_not_lost_at_a_small_ε():
    """2 KL = ε² q, either way round: far below eps of what p log p/q adds up from."""
    for ε in (1e-6, 1e-8, 1e-10):
        of = law(*taught(1), ε)
        np.testing.assert_allclose([of.nats, of.back], ε**2 * of.q / 2, rtol=1e-5)


def test_one_label_is_not_many():
    """A rare label pulls hard and rarely: P(dot > 0) is its chance, .1, and Φ says ½ for ε → 0."""
    z, u = jnp.log(jnp.array([0.1, 0.9])), jnp.array([1.0, 0.0])
    of = jax.jit(lambda: sampled.law(lambda θ, _: θ, z, u, jnp.zeros(1), 1e-6))()
    np.testing.assert_allclose(of.positive(1.0), 0.5, atol=1e-6)
    assert of.positive_error(1.0) > 0.4 - 1e-6
    by_hand = 0.56 * (0.1 * 0.9**3 + 0.9 * 0.1**3) / 0.09**1.5
    np.testing.assert_allclose(of.positive_error(4.0), by_hand / 2, rtol=1e-4)


def test_labels_that_are_chosen_have_another_law():
    """Of two draws an input, the one less of the teacher, by 2,000 inputs: the mean is negative."""
    rng, (θ_0, Δ, X) = np.random.default_rng(3), taught(0, 2000)
    z, u = jax.jit(lambda: jax.jvp(lambda θ: jax.vmap(f, (None, 0))(θ, X), (θ_0,), (Δ,)))()
    z, u = np.asarray(z), np.asarray(u)
    gumbel = rng.gumbel(size=(2, 2000, 3))
    least = np.take_along_axis(u[None], (z + 0.1 * u + gumbel).argmax(2)[..., None], 2).min(axis=0)
    dot = (least[:, 0] - (np.exp(log_softmax(z, axis=1)) * u).sum(axis=1)).mean()
    of = law(θ_0, Δ, X, 0.1)
    assert of.mean > 0
    assert dot < -8 * np.sqrt(of.variance / 2000)


def test_nan_is_not_positive():
    θ_0, Δ, X = taught(0)
    of = law(θ_0, jax.tree.map(lambda a: a * jnp.nan, Δ), X, 0.1)
    assert not of.mean >= 0
    assert not of.positive(10.0) >= 0
