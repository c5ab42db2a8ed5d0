"""theory/differing.py: the worst ratio of two diagonals, below the threshold and above it."""

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tiny import flat, jacobian, many, network
from theory import differing, losses, preconditioned
from theory.one_step import first_order, slope

f = network((2, 3, 4))
L_S = partial(losses.kl, visible=jnp.arange(4) >= 2)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def of(images):
    return lambda θ: jnp.mean((jax.vmap(f, (None, 0))(θ, images)[:, :2] - 1) ** 2)


def like(rng, sd=1.0):
    """A positive diagonal, log-normal."""
    return [
        (np.exp(sd * rng.normal(size=(k, n))), np.exp(sd * rng.normal(size=k))) for k, n in SIZES
    ]


SIZES = ((3, 2), (4, 3))


def worlds(seeds):
    """θ_0, images, X, D_T of many: numbers, so that nothing random is compiled."""

    def one(seed):
        rng = np.random.default_rng(seed)
        θ_0 = [(rng.normal(size=(k, n)), rng.normal(size=k)) for k, n in SIZES]
        return θ_0, rng.normal(size=(5, 2)), rng.normal(size=(3, 2)), like(rng)

    return many(one, seeds)


@jax.jit
@jax.vmap
def with_ratio(θ_0, images, X, D_T, r, ε):
    D_S = jax.tree.map(jnp.multiply, r, D_T)
    return differing.differing(f, θ_0, of(images), L_S, X, D_T, D_S, ε, 0.1)


@jax.jit
@jax.vmap
def directions(θ_0, images, X, D_T):
    b = jax.tree.map(lambda g, D: -D * g, jax.grad(of(images))(θ_0), D_T)
    return b, first_order(f, θ_0, b, L_S, X).v


def ratios(seeds, sd):
    return many(lambda seed: like(np.random.default_rng(seed + 999), sd), seeds)


def test_the_change_by_brute_force():
    """Eq. (32) with every entry of J, M and both diagonals; measured / leading − 1 is O(ε)."""

    @jax.jit
    def matrices(θ_0, images, X):
        z = jax.vmap(f, (None, 0))(θ_0, X)
        M = jax.vmap(lambda y: losses.M(L_S, y))(z)
        return jacobian(f, θ_0, X), M, flat(jax.grad(of(images))(θ_0))

    world, r = worlds([7] * 4), ratios([7] * 4, 1.0)
    ε = 10.0 ** -np.arange(2.0, 6.0)
    found = with_ratio(*world, r, ε)
    θ_0, images, X, D_T = (jax.tree.map(lambda a: a[0], part) for part in world)
    J, M, g = jax.device_get(matrices(θ_0, images, X))
    D_T, D_S = flat(D_T), flat(jax.tree.map(lambda a: a[0], r)) * np.asarray(flat(D_T))
    G = np.einsum("xip,xij,xjq->pq", J, M, J) / len(X)
    expected = -(D_S * g) @ G @ (D_T * g) * 0.1 * ε
    np.testing.assert_allclose(found.leading, expected, rtol=1e-10)
    assert jax.jit(slope)(ε, found.measured / found.leading - 1) == pytest.approx(1, abs=0.05)


def test_the_worst_of_all_corners():
    """The least Σ r_i b_i v_i is at a corner of the box: all 2⁸ of them; at ρ* it is 0."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        b, v = rng.normal(size=(2, 8))
        v *= np.sign(b @ v)
        exact = float(differing.threshold(jnp.asarray(b), jnp.asarray(v)))
        for ρ in (0.3, exact, 0.9):
            corners = 1 + ρ * np.array([*product((-1, 1), repeat=8)])
            r = np.asarray(differing.worst(jnp.asarray(b), jnp.asarray(v), ρ))
            np.testing.assert_allclose(r @ (b * v), (corners @ (b * v)).min(), atol=1e-14)
            np.testing.assert_allclose([r.min(), r.max()], [1 - ρ, 1 + ρ])
            assert ρ != exact or abs(r @ (b * v)) < 1e-14


def test_the_threshold_from_both_sides():
    """The worst ratio in 40 networks, a thousandth of ρ* below it and above."""
    world = worlds(range(40))
    b, v = directions(*world)
    exact = np.asarray(jax.jit(jax.vmap(differing.threshold))(b, v))
    worst = jax.jit(jax.vmap(differing.worst))
    ε = np.full(40, 1e-6)
    for side in (0.999, 1.001):
        r = worst(b, v, side * exact)
        found = jax.device_get(with_ratio(*world, r, ε))
        inside = exact < 0.999  # where all of b_i v_i are ≥ 0 no positive r raises L_T
        assert inside.sum() > 30
        np.testing.assert_allclose(found.ρ[inside], side * exact[inside], rtol=1e-10)
        np.testing.assert_allclose(found.exact, exact, rtol=1e-10)
        assert (abs(found.measured) > found.rounding)[inside].all()
        assert ((found.measured < 0) == (side < 1))[inside].all()
        assert ((found.leading < 0) == (side < 1))[inside].all()


def test_below_the_cosine_and_the_threshold_no_ratio_raises_it():
    """Random ratios: log-normal of sd .1 to 3, 300 each; those above the threshold do either."""
    world, ε = worlds(range(300)), np.full(300, 1e-7)
    raised = 0
    for sd in (0.1, 1.0, 3.0):
        found = jax.device_get(with_ratio(*world, ratios(range(300), sd), ε))
        assert (found.cosine > 0).all()
        assert (found.cosine <= found.exact).all()
        assert (found.exact <= 1 + 1e-15).all()
        safe, seen = found.ρ < found.exact, abs(found.leading) > 1e-13
        assert (found.measured[safe & seen] < 0).all()
        assert (found.leading[safe] < 0).all()
        assert seen.mean() > 0.9
        raised += (found.measured > found.rounding).sum()
        assert sd > 0.1 or safe.mean() > 0.5
    assert 0 < raised < 300


def test_one_diagonal_is_the_limit():
    """r = c: ρ = 0, and the change is that of `preconditioned.shared` with the rate c α."""
    world = jax.tree.map(lambda a: a[0], worlds([3]))

    @jax.jit
    def both(θ_0, images, X, D):
        D_S = jax.tree.map(lambda a: 5 * a, D)
        alone = preconditioned.shared(f, θ_0, of(images), L_S, X, D, 1e-3, 0.5)
        return differing.differing(f, θ_0, of(images), L_S, X, D, D_S, 1e-3, 0.1), alone

    found, alone = jax.device_get(both(*world))
    assert abs(found.ρ) < 1e-15
    np.testing.assert_allclose(found.leading, alone.leading, rtol=1e-12)
    assert abs(found.measured - alone.measured) <= 2 * found.rounding


def test_spread_by_hand_and_nothing_seen():
    r, spread = {"a": np.array([3.0, 2.0]), "b": np.array([[1.0]])}, jax.jit(differing.spread)
    all_of_them = jax.tree.map(np.ones_like, r)
    assert spread(r, all_of_them) == 0.5
    assert spread(jax.tree.map(lambda a: 7 * a, r), all_of_them) == 0.5
    nothing = jax.jit(differing.threshold)(r, jax.tree.map(np.zeros_like, r))
    assert not nothing > 0
    assert not spread({"a": np.array([np.nan, 1.0])}, {"a": np.ones(2)}) < 1


def test_what_has_no_part_in_the_step_does_not_count():
    """The ratio of a parameter that L_T does not move, or the student not, may be any."""
    r, spread = {"a": np.array([3.0, 2.0]), "b": np.array([[1e6]])}, jax.jit(differing.spread)
    assert spread(r, {"a": np.array([-1.0, 1e-30]), "b": np.zeros((1, 1))}) == 0.2
    assert spread(r, {"a": np.array([0.0, 1.0]), "b": np.zeros((1, 1))}) == 0
    assert not spread(r, jax.tree.map(np.zeros_like, r)) < 1
    world = jax.tree.map(lambda a: a[0], worlds([3]))

    @jax.jit
    def ρ(θ_0, images, X, D, far):
        # The classes' biases: L_T moves them, and L_S, of other logits, does not see them.
        (W, c), (V, b) = jax.tree.map(lambda a: 5 * a, D)
        D_S = [(W, c), (V, b.at[:2].mul(far))]
        return differing.differing(f, θ_0, of(images), L_S, X, D, D_S, 1e-3, 0.1).ρ

    assert abs(ρ(*world, 1e6)) < 1e-15
