"""theory/linearized.py: closed forms against P × P matrices, and against training itself."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.linalg import expm

from tests.tiny import flat, jacobian, many, network, numbers
from theory import linearized, losses, one_step

SIZES, N, W = (3, 6, 2), 4, jnp.array([1.0, 2.5])


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def world():
    """f, θ_0, a displacement that is not small, X, and G in full."""
    f, rng = network(SIZES), np.random.default_rng(1)
    θ_0, Δ, X = jax.device_put((*(numbers(rng, SIZES) for _ in "θΔ"), rng.normal(size=(N, 3))))
    J = np.asarray(jacobian(f, θ_0, X))
    G = np.einsum("xip,i,xiq->pq", J, np.asarray(W), J) / N
    return f, θ_0, Δ, X, G


def relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


channel_of = jax.jit(linearized.channel, static_argnums=0)


@partial(jax.jit, static_argnums=(0, 1))
def _student(f, make, θ_0, X, channel, args):
    return flat(linearized.student(f, θ_0, X, channel, make(*args), W))


def limit():
    return linearized.limit


def student(world, make, *args):
    """The student's displacement with φ = make(*args), and the channel."""
    f, θ_0, Δ, X, _ = world
    channel = channel_of(f, θ_0, Δ, X, W)
    return np.asarray(_student(f, make, θ_0, X, channel, args)), channel


def test_spectrum(world):
    f, θ_0, _, X, G = world
    _, channel = student(world, limit)
    rows = np.linalg.eigvalsh(G)[-channel.λ.size :]
    np.testing.assert_allclose(channel.λ, rows, atol=1e-12 * rows[-1])
    np.testing.assert_allclose(channel.rate_limit, 1 / rows[-1], rtol=1e-12)
    largest = jax.jit(lambda θ: linearized.largest(f, θ, X, W, iterations=200))(θ_0)
    np.testing.assert_allclose(largest, rows[-1], rtol=1e-6)


@pytest.mark.parametrize("t", [0.0, 0.1, 1.0, 30.0])
def test_flow_is_the_matrix_exponential(world, t):
    *_, Δ, _, G = world
    found, _ = student(world, linearized.flow, t)
    expected = (np.eye(len(G)) - expm(-2 * t * G)) @ flat(Δ)
    np.testing.assert_allclose(found, expected, atol=1e-11 * np.linalg.norm(flat(Δ)))


def test_flow_starts_along_2G_and_ends_in_the_projection(world):
    *_, Δ, _, G = world
    short, _ = student(world, linearized.flow, 1e-7)
    assert relative(short, 2e-7 * G @ flat(Δ)) < 1e-5
    long, channel = student(world, linearized.flow, 1e9)
    λ, V = np.linalg.eigh(G)
    seen = V[:, λ > 1e-12 * λ[-1]]
    projection = seen @ (seen.T @ flat(Δ))
    assert relative(long, projection) < 1e-8
    assert relative(student(world, limit)[0], projection) < 1e-8
    fraction = np.sum(projection**2) / np.sum(np.asarray(flat(Δ)) ** 2)
    np.testing.assert_allclose(channel.visible_fraction, fraction, rtol=1e-10)
    assert 0 < fraction < 1


@partial(jax.jit, static_argnums=0)
def train(f, θ_0, Δ, X, η, k):
    f_lin = linearized.linearize(f, θ_0)
    L_S = partial(losses.squared_error, visible=jnp.ones(2, bool), w=W)
    Y = jax.vmap(f_lin, (None, 0))(jax.tree.map(jnp.add, θ_0, Δ), X)
    step = lambda θ: one_step.student_step(f_lin, θ, L_S, X, Y)  # noqa: E731
    move = lambda _, θ: jax.tree.map(lambda a, b: a + η * b, θ, step(θ))  # noqa: E731
    return flat(jax.lax.fori_loop(0, k, move, θ_0)) - flat(θ_0)


@pytest.mark.parametrize("rate", [0.3, 0.99])  # of the limit: factors 1 − 2ηλ of both signs
def test_a_trained_linearised_network(world, rate):
    """Gradient descent on L_S itself, with the labels of a linearised teacher that is far away."""
    f, θ_0, Δ, X, G = world
    η = rate / np.linalg.eigvalsh(G)[-1]
    for k in (1, 10, 300):
        trained = train(f, θ_0, Δ, X, η, k)
        assert relative(student(world, linearized.descent, η, k)[0], trained) < 1e-8
    least = np.linalg.eigvalsh(G)[-N * 2]  # the slowest direction that is seen
    k = int(30 / (2 * η * least))  # e^{−30}
    assert k < 10**7
    trained = train(f, θ_0, Δ, X, η, k)
    assert relative(student(world, limit)[0], trained) < 1e-8


@pytest.mark.parametrize(("rate", "converges"), [(0.98, True), (1.02, False)])
def test_rate_limit_from_both_sides(world, rate, converges):
    _, channel = student(world, limit)
    late = [
        np.linalg.norm(student(world, linearized.descent, rate * channel.rate_limit, k)[0])
        for k in (2000, 4001)
    ]
    assert (late[1] < 1.5 * late[0]) == converges


def factors(channel, rate):
    """φ of descent after 1, 2, …, 199 steps, a row each."""
    return np.asarray(_factors(channel, rate * channel.rate_limit))


@jax.jit
def _factors(channel, η):
    return jax.lax.map(lambda k: linearized.descent(η, k)(channel.λ), jnp.arange(1, 200))


@pytest.mark.parametrize(
    ("rate", "positive", "grows"),
    [
        (0.3, True, True),
        (0.499, True, True),
        (0.52, True, False),
        (0.75, True, False),
        (0.999, True, False),
        (1.01, False, False),
    ],
)
def test_rates_at_which_the_dot_product_stays_positive_and_grows(world, rate, positive, grows):
    """η ≤ 1/λ_max for the sign, half of that for growth: both sides, along the top direction."""
    f, θ_0, _, X, G = world
    top = np.linalg.eigh(G)[1][:, -1]
    Δ = ravel_pytree(θ_0)[1](jnp.asarray(top))
    channel = channel_of(f, θ_0, Δ, X, W)
    dots = factors(channel, rate) @ np.square(channel.c)
    assert (dots.min() >= 0) == positive
    assert (np.diff(dots) >= -1e-12).all() == grows
    if rate == 0.75:
        np.testing.assert_allclose(dots[:4], [1.5, 0.75, 1.125, 0.9375])
    # Of any displacement, what holds along the top direction holds.
    seen = channel_of(f, θ_0, world[2], X, W)
    rising = np.asarray(seen.λ) * factors(seen, rate)[[0, 1, 8]]
    assert (np.diff(rising, axis=0) >= -1e-12).all() == grows


def test_largest_where_rows_cancel():
    """Two logits of opposite sign: the sum of their rows is 0, or sees another direction alone."""
    x, largest = np.array([[1.0, 2.0, 3.0]]), jax.jit(linearized.largest, static_argnums=0)
    opposite = lambda θ, x: jnp.stack([x @ θ, -x @ θ])  # noqa: E731
    np.testing.assert_allclose(largest(opposite, np.zeros(3), x), 28, rtol=1e-12)
    third = lambda θ, x: jnp.stack([x @ θ, -x @ θ, 0.1 * θ @ jnp.array([3.0, 0.0, -1.0])])  # noqa: E731
    np.testing.assert_allclose(largest(third, np.zeros(3), x), 28, rtol=1e-12)
    assert largest(lambda θ, x: x * 0 + 0 * θ, np.zeros(3), x) == 0


def test_the_dot_product_only_grows(world):
    *_, Δ, _, _ = world
    times = [0.01, 0.1, 1.0, 10.0, 100.0]
    dots = [student(world, linearized.flow, t)[0] @ flat(Δ) for t in times]
    assert dots[0] > 0
    assert (np.diff(dots) > 0).all()


def test_linearize_touches_and_is_linear(world):
    f, θ_0, Δ, X, _ = world
    h = 1e-6

    @jax.jit
    def along(θ_0, Δ, x):
        f_lin = linearized.linearize(f, θ_0)
        moved = lambda c: jax.tree.map(lambda a, b: a + c * b, θ_0, Δ)  # noqa: E731
        return [f_lin(moved(c), x) for c in (0.0, 1.0, 2.0)], f(θ_0, x), f(moved(h), x)

    at, here, near = map(np.asarray, along(θ_0, Δ, X[0]))
    np.testing.assert_array_equal(at[0], here)
    np.testing.assert_allclose(at[2] - at[1], at[1] - at[0], atol=1e-13)
    np.testing.assert_allclose((near - at[0]) / h, at[1] - at[0], atol=1e-4)


def test_real_networks_near_the_prediction_as_they_widen():
    """One teacher's step of gradient descent scaled to width, then 50 of the student's."""

    def draw(seed, width):
        rng = np.random.default_rng(seed)
        return numbers(rng, (4, width, 3)), rng.normal(size=(6, 4)), rng.normal(size=(8, 4))

    @jax.jit
    @jax.vmap
    def gap(θ_0, X, images):
        f = network((4, None, 3))  # of any width
        aux, classes = (lambda θ, x: f(θ, x)[2:]), (lambda θ, x: f(θ, x)[:2])
        g = jax.grad(lambda θ: jnp.mean((jax.vmap(classes, (None, 0))(θ, images) - 1.0) ** 2))(θ_0)
        rate = 1 / linearized.largest(classes, θ_0, images)
        Δ = jax.tree.map(lambda leaf: -rate * leaf, g)
        channel = linearized.channel(aux, θ_0, Δ, X)
        η, L_S = channel.rate_limit / 2, partial(losses.squared_error, visible=jnp.ones(1, bool))
        Y = jax.vmap(aux, (None, 0))(jax.tree.map(jnp.add, θ_0, Δ), X)
        step = lambda _, θ: jax.tree.map(  # noqa: E731
            lambda a, b: a + η * b, θ, one_step.student_step(aux, θ, L_S, X, Y)
        )
        real = jax.tree.map(jnp.subtract, jax.lax.fori_loop(0, 50, step, θ_0), θ_0)
        δ = linearized.student(aux, θ_0, X, channel, linearized.descent(η, 50))
        return jnp.linalg.norm(flat(real) - flat(δ)) / jnp.linalg.norm(flat(δ))

    gaps = [np.mean(gap(*many(draw, range(20), width))) for width in (8, 128)]
    assert gaps[0] > 2 * gaps[1]
