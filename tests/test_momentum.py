"""theory/momentum.py: optax's momentum on linearised networks, and the rates that it allows."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.polynomial import Polynomial
from scipy.linalg import expm

from tests.tiny import flat, jacobian, many, network, numbers
from theory import linearized, momentum
from theory.trees import norm, scale

SIZES, W = (3, 4, 2), jnp.array([1.0, 2.5])


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


f = network(SIZES)


def world(seed):
    """θ_0, a displacement that is not small, X."""
    rng = np.random.default_rng(seed)
    return numbers(rng, SIZES), numbers(rng, SIZES), rng.normal(size=(4, 3))


def least(β, x, steps=600):
    """Least 1 − p_k over k = 1 … steps by the recursion of optax.sgd itself, for one λ = x/2η."""
    at, t, lowest = np.ones_like(x), np.zeros_like(x), np.full(x.shape, np.inf)
    for _ in range(steps):
        t = at + β * t
        at = at - x * t
        lowest = np.minimum(lowest, 1 - at)
    return lowest


def by_roots(β):
    """Least positive root of q_2, …, q_9, as polynomials in x."""
    older, q, roots = Polynomial([0.0]), Polynomial([1.0]), []
    for _ in range(8):
        older, q = q, 1 + Polynomial([1 + β, -1]) * q - β * older
        roots += [r.real for r in q.roots() if abs(r.imag) < 1e-9 and r.real > 0]
    return min(roots)


def test_optax_by_brute_force():
    """δ_k of optax.sgd on the linearised network's loss, and of powers of the P × P matrix."""
    x, β, steps = 2.3, 0.8, 25

    @jax.jit
    def run(θ_0, Δ, X):
        f_lin, through = linearized.linearize(f, θ_0), linearized.channel(f, θ_0, Δ, X, W)
        η = x / (2 * through.λ[-1])
        batched = jax.vmap(f_lin, (None, 0))
        Y = batched(jax.tree.map(jnp.add, θ_0, Δ), X)
        optimizer = optax.sgd(η, momentum=β)

        def step(carry, _):
            θ, state = carry
            g = jax.grad(lambda θ: jnp.mean((batched(θ, X) - Y) ** 2 @ W))(θ)
            updates, state = optimizer.update(g, state)
            θ = optax.apply_updates(θ, updates)
            return (θ, state), flat(θ) - flat(θ_0)

        _, δ = jax.lax.scan(step, (θ_0, optimizer.init(θ_0)), length=steps)
        student = partial(linearized.student, f, θ_0, X, through, w=W)
        closed = [flat(student(momentum.heavy_ball(η, β, k))) for k in (1, 2, 10, steps)]
        of = momentum.swing(f, θ_0, Δ, X, x, β, steps, W)
        return δ, closed, flat(Δ), jacobian(f, θ_0, X), η, of

    δ, closed, Δ, J, η, of = jax.device_get(run(*world(0)))
    G = np.einsum("xip,i,xiq->pq", J, np.asarray(W), J) / len(J)
    left, t = Δ, 0
    for k in range(steps):
        t = -2 * G @ left + β * t
        left = left + η * t
        np.testing.assert_allclose(δ[k], Δ - left, atol=1e-12)
    for k, found in zip((1, 2, 10, steps), closed, strict=True):
        np.testing.assert_allclose(found, δ[k - 1], atol=1e-12)
    np.testing.assert_allclose(of.measured, δ @ Δ, atol=1e-12)
    np.testing.assert_allclose(of.predicted, δ @ Δ, atol=1e-12)
    assert (of.rounding < 1e-10).all()


def test_without_momentum_it_is_descent():
    λ = jnp.array([0.0, 1e-9, 0.1, 0.6, 1.0])
    both = lambda λ, k: (momentum.heavy_ball(0.9, 0.0, k)(λ), linearized.descent(0.9, k)(λ))  # noqa: E731
    for k in (1, 2, 7):
        np.testing.assert_allclose(*jax.jit(both, static_argnums=1)(λ, k), rtol=1e-12)
    assert momentum.covered(0.0) == 2


@pytest.mark.parametrize(
    ("β", "x"),
    [
        (0.1, 2.1),
        (0.5, 2.5),
        (0.74, 2.74),
        (0.76, (4.52 - 0.04**0.5) / 2),
        (0.8, (4.6 - 0.2**0.5) / 2),
        (0.88, (4.76 - 0.52**0.5) / 2),
        (0.9, None),
        (0.95, None),
        (0.97, None),
    ],
)
def test_x_of_β_from_both_sides(β, x):
    """In closed form up to .884, by roots beyond: all of (0, x(β)] is covered, more is not."""
    found = momentum.covered(β, points=2000)
    np.testing.assert_allclose(found, by_roots(β) if x is None else x, rtol=1e-7)
    inside = np.linspace(0, found, 3001)[1:]
    assert (least(β, inside) >= -1e-13).all()
    assert least(β, np.array([found + 1e-4]))[0] < -1e-6


def test_beyond_x_of_β_the_sign_may_be_right_again():
    """β = .8: wrong from 2.08, right from 2.52, wrong from 2.8 on, to 3.6 where it diverges."""
    x = np.array([2.0, 2.1, 2.5, 2.53, 2.79, 2.81, 3.59])
    np.testing.assert_array_equal(least(0.8, x) >= 0, [1, 0, 0, 1, 1, 0, 0])


@pytest.mark.slow
def test_every_β():
    """x(β) falls from ¾ on, jumps down at ¾ and near .884, and nears (8π(1 − β))^{2/3}."""
    β = np.linspace(0.005, 0.975, 195)
    x = np.array([momentum.covered(b, points=4000) for b in β])
    closed = np.where(β < 0.75, 2 + β, (3 + 2 * β - np.sqrt(np.maximum(4 * β - 3, 0))) / 2)
    np.testing.assert_allclose(x[(β < 0.884) & (β != 0.75)], closed[(β < 0.884) & (β != 0.75)])
    assert (np.diff(x)[β[1:] > 0.751] < 0).all()
    assert (x < 2 * (1 + β)).all()
    for b, near in ((0.9, 0.2), (0.99, 0.03), (0.999, 0.08)):
        law = (8 * np.pi * (1 - b)) ** (2 / 3)
        assert abs(momentum.covered(b, points=2000) / law - 1) < near


def test_networks_at_rates_inside_and_beyond():
    """Momentum .9, 20 networks: δ · Δ ≥ 0 at x(β) for any Δ; at 2 % more not along the top one.

    Both rates are well inside the limit of convergence, 2(1 + β).
    """
    β, steps = 0.9, 40
    x = momentum.covered(β)

    @jax.jit
    @jax.vmap
    def run(θ_0, Δ, X):
        through = linearized.channel(f, θ_0, Δ, X)
        along = through._replace(c=jnp.zeros_like(through.c).at[-1].set(1.0))
        top = linearized.student(f, θ_0, X, along, lambda λ: 0 * λ + 1)
        top = scale(1 / norm(top), top)
        ways = jax.tree.map(lambda *leaves: jnp.stack(leaves), Δ, top, top)
        swing = lambda Δ, x: momentum.swing(f, θ_0, Δ, X, x, β, steps)  # noqa: E731
        return jax.vmap(swing)(ways, x * jnp.array([1, 1, 1.02]))

    of = jax.device_get(run(*many(world, range(20))))
    assert (np.abs(of.measured - of.predicted) <= of.rounding).all()
    assert (of.rounding < 1e-9).all()
    assert (of.measured[:, :2] >= -of.rounding[:, :2]).all()
    anywhere, top, beyond = of.measured.min(axis=2).T
    np.testing.assert_allclose(top, 0, atol=1e-10)  # x(β) is met
    assert (anywhere > 0).all()
    assert (beyond < -1e-3).all()


@pytest.mark.parametrize("γ", [0.0, 0.3, 2.0, 20.0])
def test_in_continuous_time_it_never_passes_its_start(γ):
    """p̈ + γṗ + 2λp = 0 from rest, by the matrix exponential: 1 − p ≥ 0 for all λ and t."""
    for λ in (0.01, 0.5, 3.0):
        step, at = expm(0.1 * np.array([[0, 1], [-2 * λ, -γ]])), np.array([1.0, 0.0])
        for _ in range(300):
            at = step @ at
            assert 1 - at[0] >= -1e-12


@pytest.mark.parametrize("β", [1.0, 1.5, -0.1, float("nan")])
def test_a_momentum_of_1_and_more_has_no_bound(β):
    """There the scan would go on for ever."""
    with pytest.raises(ValueError, match=r"β = .*: must be a number from 0 to below 1"):
        momentum.covered(β)
