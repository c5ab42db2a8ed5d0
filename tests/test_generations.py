"""theory/generations.py: chains of students by P × P matrices, in the plane, and at random."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tiny import flat, jacobian, many, network
from theory import generations, linearized

f = network((2, 3, 2))
W = jnp.array([1.0, 2.5])
CHAIN = 5


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def world(seed, g=CHAIN, N=3):
    """θ_0, Δ, inputs of each generation: numbers, so that nothing random is compiled."""
    rng = np.random.default_rng(seed)
    θ_0, Δ = (
        [(rng.normal(size=(k, n)), rng.normal(size=k)) for k, n in ((3, 2), (2, 3))]
        for _ in range(2)
    )
    return jax.device_put((θ_0, Δ, rng.normal(size=(g, N, 2))))


@jax.jit
def J_of(θ_0, X):
    return jacobian(f, θ_0, X)


def G_of(θ_0, X):
    J = np.asarray(J_of(θ_0, X))
    return np.einsum("xip,i,xiq->pq", J, np.asarray(W), J) / len(X)


def projection(G):
    λ, V = np.linalg.eigh(G)
    V = V[:, λ > 1e-11 * λ[-1]]
    return V @ V.T


@jax.jit
@jax.vmap
def converged(θ_0, Δ, X):
    return generations.chain(f, θ_0, Δ, X, W)


def test_students_of_students_by_their_projections():
    """Eq. (34): against P_g … P_1 Δ written out; what it says of signs and norms, 20 chains."""
    found = jax.device_get(converged(*many(world, range(20))))
    assert found.first.shape == (20, CHAIN)
    for seed in range(3):
        θ_0, Δ, X = world(seed)
        δ = [np.asarray(flat(Δ))]
        for g in range(CHAIN):
            δ.append(projection(G_of(θ_0, X[g])) @ δ[-1])
        for got, expected in (
            (found.consecutive, [b @ a for a, b in pairwise(δ)]),
            (found.norm2, [b @ b for b in δ[1:]]),
            (found.first, [b @ δ[0] for b in δ[1:]]),
        ):
            assert (abs(got[seed] - expected) <= found.rounding[seed]).all()
        np.testing.assert_allclose(found.displacement2[seed], δ[0] @ δ[0])
    assert (found.rounding < 1e-6 * found.displacement2[:, None]).all()
    assert (abs(found.consecutive - found.norm2) <= found.rounding).all()
    falls = np.diff(np.column_stack([found.displacement2, found.norm2]), axis=1)
    assert (falls <= found.rounding).all()
    assert (falls[:, 0] < -0.01 * found.displacement2).all()
    least = np.asarray(generations.least(CHAIN))
    assert (found.first >= least * found.displacement2[:, None] - found.rounding).all()


def test_students_that_do_not_converge_are_not_eq_34():
    """A student of 20 steps: the dot product with its teacher is more than ‖δ‖²."""
    θ_0, Δ, X = world(0)
    φ = linearized.descent(0.05, 20)
    found = jax.device_get(jax.jit(partial(generations.chain, f, w=W, φ=φ))(θ_0, Δ, X))
    assert (found.consecutive - found.norm2 > 1e3 * found.rounding).all()
    assert (found.consecutive > 0).all()


def lines(*degrees):
    """Channels that see one direction of the plane each: one logit of one input, θ · x."""
    return np.stack([np.array([[np.cos(a), np.sin(a)]]) for a in np.deg2rad(degrees)])


def test_the_sign_against_the_first_teacher_is_lost_in_the_plane():
    """At ±60°, −1/8; the worst of all turns of equal size is at π/(g+1), and no turns do worse."""
    plane = jax.jit(
        jax.vmap(lambda X: generations.chain(lambda θ, x: x @ θ[:, None], ZERO, EAST, X))
    )
    ZERO, EAST = jnp.zeros(2), jnp.array([1.0, 0.0])
    found = jax.device_get(plane(lines(60, -60, 60)[None]))
    np.testing.assert_allclose(found.first[0], [1 / 4, -1 / 8, 1 / 16], atol=1e-12)
    np.testing.assert_allclose(found.consecutive, found.norm2, atol=1e-12)
    least = np.asarray(generations.least(4))
    np.testing.assert_allclose(least, [0, -1 / 8, -1 / 4, -(np.cos(np.pi / 5) ** 5)], atol=1e-15)
    worst = np.stack([lines(*(180 / (g + 1) * np.arange(1, 5))) for g in range(1, 5)])
    np.testing.assert_allclose(np.diag(plane(worst).first), least, atol=1e-12)
    turns = np.random.default_rng(0).uniform(0, 180, size=(4, 100_000)).cumsum(axis=0)
    δ = np.ones(turns.shape[1])
    for g, step in enumerate(np.diff(turns, axis=0, prepend=0)):
        δ = δ * np.cos(np.deg2rad(step))
        first = δ * np.cos(np.deg2rad(turns[g]))
        assert (first >= least[g] - 1e-12).all()
        assert first.min() < least[g] + 0.01 * (g + 1)


def test_no_projections_in_many_dimensions_do_worse():
    """In 3 to 8 dimensions, of any ranks, 2,000 chains each; the bound fails for what is longer."""
    rng, least = np.random.default_rng(1), np.asarray(generations.least(4))
    below = 0
    for P in (3, 8):
        for _ in range(2000):
            Δ = rng.normal(size=P)
            δ = Δ
            for g in range(4):
                V, _ = np.linalg.qr(rng.normal(size=(P, rng.integers(1, P))))
                δ = V @ (V.T @ δ)
                assert δ @ Δ >= (least[g] - 1e-12) * (Δ @ Δ)
                below += δ @ Δ < 0
    assert below > 100
    overshooting = 2 * np.outer([0.5, 0.75**0.5], [0.5, 0.75**0.5])  # h = 2 along 60°
    other = 2 * np.outer([0.5, -(0.75**0.5)], [0.5, -(0.75**0.5)])
    assert (other @ overshooting)[0, 0] < least[1] - 0.3


def test_the_mean_of_channels_drawn_at_random():
    """Eq. (35): (r/P)^g by n = 20,000 chains of rank 2 in 8 dimensions, 4 standard errors.

    At g = 1 the sign is safe; later it is lost in a share of chains that grows.
    """
    n, rng = 20_000, np.random.default_rng(2)
    δ = np.broadcast_to(np.eye(8)[0], (n, 8))
    expected, negative = np.asarray(generations.mean(2 / 8, 4)), []
    np.testing.assert_allclose(expected, [1 / 4, 1 / 16, 1 / 64, 1 / 256])
    for g in range(4):
        V, _ = np.linalg.qr(rng.normal(size=(n, 8, 2)))
        δ = np.einsum("nik,njk,nj->ni", V, V, δ)
        error = δ[:, 0].std() / n**0.5
        assert abs(δ[:, 0].mean() - expected[g]) < 4 * error
        assert expected[g] > 3 * error
        negative.append((δ[:, 0] < 0).mean())
    assert negative[0] == 0
    assert (np.diff(negative) > 0).all()


def test_the_mean_of_all_chains_of_channels_that_favour_directions():
    """Every sequence of 5 channels: the mean is Δᵀ P̄^g Δ, above s^g; single chains are below 0."""
    rng = np.random.default_rng(3)
    V = [np.linalg.qr(rng.normal(size=(3, 2)) * [[3.0], [1.0], [0.3]])[0][:, :1] for _ in range(5)]
    P, Δ = [v @ v.T for v in V], np.array([1.0, 1.0, 1.0])
    δ, P_mean, least = [Δ], np.mean(P, axis=0), 0.0
    power = np.asarray(generations.mean(Δ @ P_mean @ Δ / 3, 4))
    for g in range(4):
        δ = [p @ d for p in P for d in δ]
        first = np.array([d @ Δ for d in δ])
        expected = Δ @ np.linalg.matrix_power(P_mean, g + 1) @ Δ
        np.testing.assert_allclose(first.mean(), expected, rtol=1e-12)
        assert g == 0 or expected > 1.01 * power[g] * 3
        least = min(least, first.min())
    np.testing.assert_allclose(power[0], Δ @ P_mean @ Δ / 3)
    assert least < -1e-3


@pytest.mark.parametrize("rate", [0.5, 0.9])  # of 1 / λ_max: h up to 1, and up to 2
def test_the_same_inputs_by_powers_of_one_matrix(rate):
    """Eq. (36) against h(G)^g Δ, h(G) = I − (I − 2ηG)^k, and against chains of such students."""
    θ_0, Δ, X = world(3, g=1)
    G, k = G_of(θ_0, X[0]), 1
    η = rate / np.linalg.eigvalsh(G)[-1]
    again = jax.device_put(np.repeat(X, CHAIN, axis=0))
    φ = linearized.descent(η, k)

    @jax.jit
    def both():
        through = linearized.channel(f, θ_0, Δ, X[0], W)
        chain = generations.chain(f, θ_0, Δ, again, W, φ)
        return (
            generations.same(through, φ, CHAIN),
            chain,
            generations.same(through, linearized.limit, CHAIN),
        )

    found, chain, in_the_limit = jax.device_get(both())
    h, first = np.eye(len(G)) - np.linalg.matrix_power(np.eye(len(G)) - 2 * η * G, k), flat(Δ)
    expected = [first @ np.linalg.matrix_power(h, g) @ first for g in range(1, CHAIN + 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert (abs(chain.first - expected) <= 16 * chain.rounding).all()
    assert (found > 0).all()
    assert (chain.consecutive > 0).all()
    assert (np.diff(chain.norm2) < 0).all() == (rate <= 0.5)
    np.testing.assert_allclose(in_the_limit, in_the_limit[0], rtol=1e-9)  # h is 1 or 0


def test_nan_is_not_covered():
    θ_0, Δ, X = many(world, range(20))
    found = jax.device_get(converged(θ_0, Δ, X * np.nan))
    assert not (abs(found.consecutive - found.norm2) <= found.rounding).any()
    assert not (found.first >= 0).any()
