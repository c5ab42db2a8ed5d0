"""theory/approach.py: the student nears the teacher, and what breaks that."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tiny import flat, jacobian, many, network, numbers
from theory import approach, losses
from theory.linearized import linearize
from theory.one_step import student_step
from theory.origins import contrasts
from theory.trees import move, norm, sub

N, M, P = 6, 3, 24
SEEN, EACH = jnp.ones(M, bool), jnp.array([1, 0.2, 2.5])


def huber(z, y):
    """Convex and 1-smooth, with no second derivative at |z − y| = ½."""
    e = jnp.abs(z - y)
    return jnp.sum(jnp.where(e < 0.5, e**2 / 2, e / 2 - 0.125))


def warm(z, y, T=4.0):
    return losses.kl(z / T, y / T, SEEN)


def wave(z, y):
    """Least at z = y, and 1-smooth, but not convex."""
    return jnp.sum(1 - jnp.cos(z - y))


#: Each with its c.
LOSSES = {
    "squared error": (partial(losses.squared_error, visible=SEEN, w=EACH), 5.0),
    "kl": (partial(losses.kl, visible=SEEN), 0.5),
    "kl at T = 4": (warm, 0.5 / 16),
    "huber": (huber, 1.0),
    "wave": (wave, 1.0),
}
CHOICES = {
    "all": lambda k, pull: jnp.ones(len(pull)),
    "batches": lambda k, pull: (jnp.arange(N) // 2 == k % 3) * 1.0,
    "adversary": lambda k, pull: (pull <= jnp.sort(pull)[1]) * 1.0,
    "weights": lambda k, pull: jnp.exp(4 * jnp.sin(7.0 * k + jnp.arange(N))),
}


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def f(θ, x):
    return θ[12:].reshape(3, 4) @ jnp.tanh(θ[:12].reshape(4, 3) @ x)


def draw(seed):
    """What a problem is made of: θ_0, A, b, β, X."""
    rng = np.random.default_rng(seed)
    θ_0, A, b, X = (rng.normal(size=shape) for shape in (P, (5, P), 5, (N, 3)))
    return θ_0 / 2, A, b, np.linalg.eigvalsh(A @ A.T)[-1], X


def problem(drawn):
    """θ_0, a wavy L_T, its β, X: L_T = Σ cos(a · θ + b), of curvature ≤ λ_max(Σ aaᵀ)."""
    θ_0, A, b, β, X = map(jnp.asarray, drawn)
    return θ_0, lambda θ: jnp.sum(jnp.cos(A @ θ + 3 * b)), β, X


@partial(jax.jit, static_argnames=("loss", "choose", "steps"))
@partial(jax.vmap, in_axes=(0, None, None, 0, 0, None))
def walked(drawn, loss, choose, times, rate, steps):
    """Of ε = times/β, and the bound (20) on the first step."""
    θ_0, L_T, β, X = problem(drawn)
    L_S, c = LOSSES[loss]
    case = f, θ_0, L_T, β, L_S, c, X, times / β, CHOICES[choose], steps, rate
    of = approach.approach(*case)
    return of, approach.first_bound(of, β, times / β, rate)


def walk(loss, choose, times, rate=1.0, steps=40, seeds=4):
    each = (np.broadcast_to(np.asarray(a, float), (seeds,)) for a in (times, rate))
    return jax.device_get(walked(many(draw, range(seeds)), loss, choose, *each, steps))


def risen(of):
    """Steps that took the student further off, by more than rounding; NaN counts."""
    return ~(of.nearer >= -of.rounding)


def holds(of):
    """(18) and (19), at every step."""
    assert not risen(of).any()
    length = np.sqrt(2 * of.half).max()
    assert (of.dot - of.half >= -of.dot_rounding).all()
    assert (of.change <= of.bound + of.change_rounding).all()
    assert (of.rounding < 1e-7 * length).all()  # which excuses next to nothing


@pytest.mark.parametrize(
    ("loss", "choose"), [("squared error", "adversary"), ("kl at T = 4", "batches")]
)
def test_nears_the_teacher_and_gains(loss, choose):
    of, _ = walk(loss, choose, 0.5)
    holds(of)
    assert (of.bound < 0).all()
    assert (of.nearer.sum(axis=1) > 1e-3 * np.sqrt(2 * of.half[:, -1])).all()  # got somewhere


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["squared error", "kl", "kl at T = 4", "huber"])
@pytest.mark.parametrize("choose", ["all", "batches", "adversary", "weights"])
def test_nears_the_teacher_and_gains_at_any_ε(loss, choose):
    """4 losses × 4 choices × 4 ε × 20 networks × 300 steps = 384,000 steps."""
    for times in (0.5, 1.0, 2.0, 8.0):  # at ε > 1/β the bound may be a rise
        holds(walk(loss, choose, times, steps=300, seeds=20)[0])


def test_by_brute_force():
    """Two steps with every matrix written out, θ a pytree: rates, distances, dots, L_T's change."""
    sizes, ε, β = (3, 4, 3), 0.3, 2.0
    choose, (L_S, c) = CHOICES["adversary"], LOSSES["squared error"]
    net, L_T = network(sizes), lambda θ: jnp.sum(jnp.sin(3 * flat(θ)))

    rng = np.random.default_rng(0)
    drawn = numbers(rng, sizes), rng.normal(size=(N, 3))

    @jax.jit
    def both(θ_0, X):
        of = approach.approach(net, θ_0, L_T, β, L_S, c, X, ε, choose, 2, rate=0.8)
        Λ = approach.smooth(approach.gram(net, θ_0, X), c, 1 + jnp.arange(N * 1.0))
        return of, jacobian(net, θ_0, X), flat(θ_0), Λ

    of, J, start, Λ = jax.device_get(both(*drawn))
    weighted = sum((1 + x) * J[x].T @ J[x] for x in range(N)) / N
    np.testing.assert_allclose(Λ, c * np.linalg.eigvalsh(weighted)[-1], rtol=1e-9)
    Δ, θ, W = -ε * 3 * np.cos(3 * start), np.zeros(len(start)), np.diag(EACH)
    for k in range(2):
        each = np.array([2 * J_x.T @ W @ J_x @ (Δ - θ) for J_x in J])  # −gradients
        kept = np.argsort(each @ Δ)[:2]
        H = sum(J[x].T @ J[x] for x in kept) / N
        before = np.linalg.norm(θ - Δ)
        θ = θ + 0.8 * 2 / (c * np.linalg.eigvalsh(H)[-1]) * each[kept].sum(axis=0) / N
        np.testing.assert_allclose(of.nearer[k], before - np.linalg.norm(θ - Δ), rtol=1e-9)
        np.testing.assert_allclose([of.dot[k], of.half[k]], [θ @ Δ, θ @ θ / 2], rtol=1e-9)
        np.testing.assert_allclose(of.bound[k], (β - 1 / ε) * of.half[k], rtol=1e-12)
        moved = np.sin(3 * (start + θ)).sum() - np.sin(3 * start).sum()
        np.testing.assert_allclose(of.change[k], moved, rtol=1e-9)


def test_what_is_not_covered():
    """A rate above 2/Λ or an L_S with other wells leads off; Λ of a weight below 0 is NaN."""
    assert risen(walk("squared error", "adversary", 0.5, rate=1.5)[0]).any()
    assert risen(walk("wave", "all", 300.0, rate=0.5)[0]).any()
    assert np.isnan(jax.jit(approach.smooth)(np.eye(4), 1.0, np.array([1.0, -1.0])))


@jax.jit
@jax.vmap
def line(αΛ, εβ):
    """One dimension, everything quadratic: nothing is lost in any inequality."""
    L_S, L_T = partial(losses.squared_error, visible=SEEN[:1]), lambda θ: 1.5 * jnp.sum(θ**2)
    case = (lambda θ, x: x * θ, jnp.ones(1), L_T, 3.0, L_S, 2.0, jnp.full((1, 1), 1.7), εβ / 3)
    of = approach.approach(*case, CHOICES["all"], 60, αΛ / 2)
    return of, approach.first_bound(of, 3.0, εβ / 3, αΛ / 2)


def test_thresholds_from_both_sides():
    """Rates about 2/Λ, ε about 2/β, and (20): two steps that are each stable may raise L_T."""
    αΛ = np.array([1.98, 2.0, 2.02, 1.0, 1.0, 1.99, 0.5, 0.5, 1.5])
    εβ = np.array([0.5, 0.5, 0.5, 1.98, 2.02, 1.0, 3.98, 4.02, 1.5])
    of, bound = jax.device_get(line(αΛ, εβ))
    np.testing.assert_array_equal(risen(of)[:, :20].all(axis=1), αΛ > 2)
    np.testing.assert_array_equal(risen(of)[:, :20].any(axis=1), αΛ > 2)
    np.testing.assert_allclose(of.change[:, 0], bound, rtol=1e-11)
    np.testing.assert_array_equal(of.change[:, 0] > 0, αΛ * εβ > 2)
    end = -(1 / εβ - 1 / 2) * 6 * of.half[:, -1]  # −(1/ε − β/2) ‖PΔ‖², P = 1
    np.testing.assert_allclose(of.change[3:5, -1], end[3:5], rtol=1e-12)
    np.testing.assert_array_equal(of.change[3:5, -1] > 0, [False, True])


def test_the_first_step_of_networks():
    """(20) for 60 networks, KL, at rates of any size."""
    rates, times = np.geomspace(0.1, 4, 60), 1.0 + np.arange(60) % 3
    of, bound = walk("kl", "all", times, rates, steps=1, seeds=60)
    assert (of.change[:, 0] <= bound + of.change_rounding[:, 0]).all()
    sure = 2 * rates * times < 2
    assert (of.change[sure, 0] < 0).all()
    assert 10 < sure.sum() < 50


def test_labels_of_another_base_push_away():
    """Of 60 first steps after labels of another start, away from the teacher about half."""

    @jax.jit
    @jax.vmap
    def one(drawn, other):
        θ_0, L_T, β, X = problem(drawn)
        Δ, L_S = -0.5 / β * jax.grad(L_T)(θ_0), LOSSES["kl"][0]
        Y = jax.vmap(f, (None, 0))(other + Δ, X)
        return student_step(linearize(f, θ_0), θ_0, L_S, X, Y) @ Δ

    # 60 tosses: 4 standard errors are ±0.26 about one half.
    found = one(many(draw, range(60)), many(draw, range(1000, 1060))[0])
    assert 0.24 < (np.asarray(found) < 0).mean() < 0.76


@pytest.mark.parametrize(
    ("loss", "rank"),
    [
        ("squared error", N * M),
        ("kl", N * (M - 1)),
        pytest.param("huber", N * M, marks=pytest.mark.slow),
        pytest.param("kl at T = 4", N * (M - 1), marks=pytest.mark.slow),
    ],
)
def test_the_limit_does_not_know_the_loss(loss, rank):
    """In 200 dimensions, which the logits' directions span in part; 1,500 steps come to 1e-9."""
    L_S, c = LOSSES[loss]

    @jax.jit
    def run(θ_0, Δ, X):
        net = lambda θ, x: jnp.tanh(x[0, 0]) + x @ θ  # noqa: E731
        seen = net if rank == N * M else contrasts(net)
        return approach.settled(net, θ_0, 0.5 * Δ, L_S, c, X, seen, 1500)

    rng = np.random.default_rng(0)
    θ_0, Δ, X = (rng.normal(size=shape) for shape in (200, 200, (N, M, 200)))
    of = jax.device_get(run(θ_0, Δ, X / 200**0.5))
    assert of.distance < 1e-9
    assert of.rank == rank
    np.testing.assert_allclose(of.moved**2, of.visible, rtol=1e-8)


def test_isotropic_directions_are_seen_by_rank():
    """Mean of ‖PΔ‖²/‖Δ‖² over 400 directions: of a Beta law with mean r/P and a known deviation.

    And one logit of a softmax, less its own mean, has rank 0 and moves nothing.
    """
    n, one = 400, lambda θ, x: f(θ, x)[:1]

    @jax.jit
    def run(Δ, drawn):
        θ_0, _, _, X = problem(drawn)
        L_S = partial(losses.kl, visible=SEEN[:1])
        none = lambda θ, x: one(θ, x) - jnp.mean(one(θ, x))  # noqa: E731
        few = jax.vmap(lambda Δ: approach.settled(f, θ_0, Δ, *LOSSES["kl"], X[:2], f, 0))
        return few(Δ), approach.settled(one, θ_0, θ_0, L_S, 0.5, X, none, 9)

    of, single = jax.device_get(run(np.random.default_rng(1).normal(size=(n, P)), draw(0)))
    assert (of.rank == 2 * M).all()
    r = 2 * M / P
    sd = (r * (1 - r) / (P / 2 + 1) / n) ** 0.5
    assert abs(of.visible.mean() - r) < 4 * sd  # 4 standard errors
    assert sd < 0.03 * r
    assert (single.moved, single.rank, single.visible) == (0, 0, 0)


def test_χ_is_the_pull_that_curvature_takes_away():
    """(22) far from θ_0, at any labels; χ = 0 if f is affine, and its sign against a small step.

    60 networks. Both sides add up the same N m products: they agree to 1e-13 of their size.
    """

    @jax.jit
    @jax.vmap
    def one(drawn, to_S, to_T):
        θ_0, _, _, X = problem(drawn)
        θ_S, θ_T, L_S = θ_0 + to_S, θ_0 + to_T, LOSSES["kl"][0]
        Y, f_lin = jax.vmap(f, (None, 0))(θ_T, X), linearize(f, θ_0)
        Y_lin = jax.vmap(f_lin, (None, 0))(θ_T, X)
        cases = (f, Y), (f, jnp.cos(7 * Y)), (f_lin, Y_lin)
        three = [approach.pull(net, θ_S, θ_T, L_S, X, of) for net, of in cases]
        step = student_step(f, θ_S, L_S, X, Y)
        nearer = norm(sub(θ_T, θ_S)) - norm(sub(θ_T, move(θ_S, 1e-6, step)))
        size = norm(step) * norm(sub(θ_T, θ_S))
        return three, nearer, size, approach.χ(f, θ_S, θ_T, L_S, X, Y)

    drawn, S, T = (many(draw, range(start, start + 60)) for start in (0, 1000, 2000))
    three, nearer, size, alone = jax.device_get(one(drawn, S[0], T[0]))
    for of in three:
        assert (np.abs(of.measured - of.predicted) < 1e-13 * (size + np.abs(of.measured))).all()
    of, _, affine = three
    np.testing.assert_allclose(alone, of.χ, rtol=1e-12)
    assert np.abs(affine.χ).max() < 1e-12
    clear = np.abs(of.measured) > 1e-4 * size
    assert clear.sum() > 50
    np.testing.assert_array_equal((nearer > 0)[clear], (of.χ < 1)[clear])
    assert 0 < (of.χ > 1).sum() < 30


def test_χ_of_squared_error_by_hand():
    """E[e · r]/E|e|², every entry of J written out; NaN where nothing pulls."""

    @jax.jit
    def both(drawn, to_T):
        θ_0, _, _, X = problem(drawn)
        θ_T, L_S = θ_0 + to_T, partial(losses.squared_error, visible=SEEN)
        z, Y = (jax.vmap(f, (None, 0))(θ, X) for θ in (θ_0, θ_T))
        found = approach.χ(f, θ_0, θ_T, L_S, X, Y), approach.χ(f, θ_0, θ_T, L_S, X, z)
        return found, Y - z, jacobian(f, θ_0, X) @ (θ_T - θ_0)

    (found, none), e, Jd = jax.device_get(both(draw(1), draw(2)[0]))
    np.testing.assert_allclose(found, np.sum(e * (e - Jd)) / np.sum(e**2), rtol=1e-12)
    assert np.isnan(none)
