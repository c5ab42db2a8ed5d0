"""theory/ledger.py: what a training did to L_T, and what each part of it was worth."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from tests.test_one_step import problem
from theory import ledger
from theory.trees import add, dot, move, scale

T = 300
OPTIMIZERS = {
    "sgd": optax.sgd(0.1),
    "momentum": optax.sgd(0.03, momentum=0.9),
    # A little beside v, for parameters that the loss does not touch: v = 0.
    "adam": optax.adam(1e-2, eps_root=1e-30),
}


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@functools.cache
def lesson():
    """A problem, and the labels of its teacher."""
    f, θ_0, L_T, L_S, X, _ = problem(1, (3, 5, 4))
    taught = lambda θ: jax.vmap(f, (None, 0))(move(θ, -0.5, jax.grad(L_T)(θ)), X)  # noqa: E731
    return f, θ_0, L_T, L_S, X, jax.jit(taught)(θ_0)


def distillation(optimizer):
    """A student's training: its step, L_T and its first state (θ, optimiser's)."""
    f, θ_0, L_T, L_S, X, Y = lesson()

    def imitation(θ, t):
        some = (jnp.arange(4) + 3 * t) % len(X)  # a batch of its own at each step
        return jnp.mean(jax.vmap(L_S)(jax.vmap(f, (None, 0))(θ, X[some]), Y[some]))

    def update(s, t, w):
        θ, opt = s
        g = jax.grad(imitation)(θ, t)
        δ, opt = optimizer.update(scale(w, g), opt, θ)
        return g, δ, opt

    def step(s, t, w):
        _, δ, opt = update(s, t, w)
        return add(s[0], δ), opt

    return step, update, L_T, (θ_0, optimizer.init(θ_0))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_account_closes(name):
    """Eq. (14) summed over 300 steps is the change of L_T; eq. (15) splits its drive."""
    _, update, L_T, s_0 = distillation(OPTIMIZERS[name])

    def one(s, t):
        g, δ, opt = update(s, t, 1.0)
        of, θ = ledger.entry(L_T, s[0], g, δ), add(s[0], δ)
        along = dot(δ, g) / dot(g, g) * dot(jax.grad(L_T)(s[0]), g)
        return (θ, opt), (of, L_T(θ) - L_T(s[0]), along)

    @jax.jit
    def run(s):
        end, of = jax.lax.scan(one, s, jnp.arange(T))
        return *of, L_T(end[0]) - L_T(s[0])

    entries, change, along, total = jax.device_get(run(s_0))
    drive, plain = (sum(jax.tree.leaves(part)) for part in entries[:2])
    rest = change - drive - entries.curvature
    assert total < 0
    closed = np.sum(drive) + np.sum(entries.curvature) + np.sum(rest)
    assert abs(closed - total) < 1e-10 * abs(total)
    np.testing.assert_allclose(plain, along, rtol=1e-9, atol=1e-15)
    assert (np.abs(rest) < 0.2 * (np.abs(drive) + np.abs(entries.curvature))).mean() > 0.9
    added = np.abs(drive - plain)
    if name == "sgd":
        assert added.max() < 1e-15
    else:
        assert added[1:].max() > 1e-6
        assert (added[0] < 1e-15) == (name == "momentum")  # whose first step is plain


def test_curvature_by_the_whole_hessian_and_the_rest_is_of_third_order():
    _, θ_0, L_T, *_ = problem(3, (2, 3, 4))
    flat, back = ravel_pytree(θ_0)
    L = lambda a: L_T(back(a))  # noqa: E731
    gradient, H = map(np.asarray, jax.jit(lambda a: (jax.grad(L)(a), jax.hessian(L)(a)))(flat))
    rng, sizes = np.random.default_rng(1), 0.5 ** np.arange(4, 9)
    δ, g = 0.3 * rng.normal(size=flat.shape), rng.normal(size=flat.shape)

    @jax.jit
    def at(size, g):
        of = ledger.entry(L_T, θ_0, back(g), back(size * δ))
        sums = sum(jax.tree.leaves(of.drive)), of.curvature, L(flat + size * δ) - L(flat)
        return sums, of

    drive, curvature, change = np.array([at(size, g)[0] for size in sizes]).T
    np.testing.assert_allclose(drive, sizes * (δ @ gradient), rtol=1e-10)
    np.testing.assert_allclose(curvature, sizes**2 * (δ @ H @ δ) / 2, rtol=1e-10)
    rest = np.abs(change - drive - curvature)
    assert np.polyfit(np.log(sizes), np.log(rest), 1)[0] == pytest.approx(3, abs=0.1)
    _, still = at(0.0, 0 * g)
    assert not any(map(np.any, jax.tree.leaves(still)))


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("sgd", "momentum")), "adam"]
)
def test_the_adjoint_is_the_slope_of_the_whole_training(name):
    """λ of θ, m and v, and π, against central differences of 300 steps run anew."""
    step, _, L_T, s_0 = distillation(OPTIMIZERS[name])
    K, each = 15, 20
    found = prices(step, L_T, s_0, T, K)

    @jax.jit
    def run(s, shift, start, w):
        s = ledger.moved(s, shift)
        return L_T(jax.lax.fori_loop(start, T, lambda t, s: step(s, t, w[t]), s)[0])

    ones, unmoved = np.ones(T), [0 * a[0] for a in found.λ]
    assert float(run(s_0, unmoved, 0, ones)) == pytest.approx(float(found.end), rel=1e-12)
    many = len(jax.tree.leaves(s_0[0]))
    names = {"sgd": "θ", "momentum": "θm", "adam": "θmv"}[name]
    for k in (1, 7, 14):
        s = jax.tree.map(lambda a, k=k: a[k], found.states)
        rng = np.random.default_rng(k)
        for i, part in enumerate(names):
            # In proportion to what is there, so that v stays positive.
            along = [
                a * (rng.normal(size=a.shape) * (i * many <= j < (i + 1) * many))
                for j, a in enumerate(floating(s))
            ]
            slope = sum(np.vdot(λ[k], a) for λ, a in zip(found.λ, along, strict=True))

            def at(h, s=s, along=along, k=k):
                return run(s, [h * a for a in along], k * each, ones)

            assert slope == pytest.approx(central(at), rel=1e-6), (part, k)
    for t in (0, 10, 150, 299):
        expected = central(
            lambda h, t=t: run(s_0, unmoved, 0, ones + h * (np.arange(T) == t)), 1e-2
        )
        assert found.batches[t] == pytest.approx(expected, rel=1e-6), t


def prices(step, L_T, s_0, *counts):
    return jax.device_get(
        jax.jit(lambda s: ledger.prices(step, lambda s: L_T(s[0]), s, *counts))(s_0)
    )


def floating(s):
    return [np.asarray(a) for a in ledger.floating(jax.device_put(s))]


def central(at, h=1e-3):
    """A derivative by differences, their error of order h⁶."""
    first, second, third = (float(at(k * h) - at(-k * h)) for k in (1, 2, 3))
    return (45 * first - 9 * second + third) / (60 * h)


def test_a_transplant_moves_the_end_by_the_price_to_first_order():
    """Eq. (17): another's θ, m or v, and less and less of it."""
    step, _, L_T, s_0 = distillation(OPTIMIZERS["adam"])
    found = prices(step, L_T, s_0, 60, 7)
    assert found.batches.shape == (60,)
    assert (found.batches != 0).all()  # what fills the last segment up is no step, and not here

    @jax.jit
    def run(s, shift, start):
        s = ledger.moved(s, shift)
        return L_T(jax.lax.fori_loop(start, 60, lambda t, s: step(s, t, 1.0), s)[0])

    s = jax.tree.map(lambda a: a[3], found.states)
    gap = [np.sin(np.arange(a.size)).reshape(a.shape) * a for a in floating(s)]
    predicted = sum(np.vdot(λ[3], a) for λ, a in zip(found.λ, gap, strict=True))
    sizes = 10.0 ** -np.arange(1, 5)
    error = [
        abs(float(run(s, [h * a for a in gap], 27)) - found.end - h * predicted) for h in sizes
    ]
    slope = np.polyfit(np.log(sizes), np.log(error), 1)[0]
    assert slope == pytest.approx(2, abs=0.1)


def test_memory_is_that_of_the_checkpoints():
    """Ten times the steps, in segments as long: ten times the states, and nothing else."""
    step, _, L_T, s_0 = distillation(OPTIMIZERS["momentum"])
    state = sum(a.nbytes for a in jax.tree.leaves(s_0))

    def bytes_(steps):
        of = jax.jit(lambda s: ledger.prices(step, lambda s: L_T(s[0]), s, steps, steps // 10))
        return of.lower(s_0).compile().memory_analysis().temp_size_in_bytes

    more = bytes_(1000) - bytes_(100)
    assert more < 3 * 90 * state  # states, shifts and their cotangents
