"""theory/symmetries.py on the maps of sim/model/symmetries.py: other bases of one function."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

from sim.model.networks import mlp
from sim.model.symmetries import hidden, permuted, rescaled
from sim.settings.setup import Setup
from tests.tiny import flat, many
from theory import losses, symmetries
from theory.one_step import slope
from theory.trees import dot, norm, sub

CLASSES, AUX = 4, 3
STEPS = 200
OPTIMIZERS = {
    "descent": optax.sgd(0.1),
    "momentum": optax.sgd(0.05, momentum=0.9),
    "adam": optax.adam(3e-3, eps=1e-6),
}
L_S = partial(losses.kl, visible=jnp.arange(CLASSES + AUX) >= CLASSES)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@cache
def network(widths=(16, 16), activation="relu"):
    return mlp(Setup(widths=widths, aux=AUX, activation=activation), d_in=8, classes=CLASSES)


def initial(net, rng):
    """Of NumPy: what is drawn inside a program is compiled with it. Biases are not zero."""
    scale = lambda a: 0.1 if a.ndim == 1 else a.shape[0] ** -0.5  # noqa: E731
    return jax.tree.map(lambda a: scale(a) * rng.normal(size=a.shape), shapes(net))


@cache
def shapes(net):
    return jax.eval_shape(net.init, jax.eval_shape(jax.random.key, 0))


def draw(seed):
    """θ_0, labelled images, distillation inputs, other images."""
    rng = np.random.default_rng(seed)
    images, others = rng.normal(size=(2, 16, 8))
    labels, X = rng.integers(CLASSES, size=16), rng.uniform(-1, 1, (16, 8))
    return initial(network(), rng), images, labels, X, others


def problem(drawn):
    """θ_0, L_T on the class logits of labelled images, distillation inputs, other images."""
    θ_0, images, labels, X, others = drawn

    def L_T(θ):
        z = network().apply(θ, images)[:, :CLASSES]
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(z, labels))

    return θ_0, L_T, X, others


def trained(loss, θ, optimizer, steps=STEPS, seen=lambda θ: None):
    """θ after the steps, and what is seen of it after each."""

    def step(carry, _):
        θ, state = carry
        updates, state = optimizer.update(jax.grad(loss)(θ), state, θ)
        θ = optax.apply_updates(θ, updates)
        return (θ, state), seen(θ)

    (θ, _), each = jax.lax.scan(step, (θ, optimizer.init(θ)), length=steps)
    return θ, each


def taught(drawn):
    """θ_0, the teacher, its students' loss, other images."""
    θ_0, L_T, X, others = problem(drawn)
    θ_T, _ = trained(L_T, θ_0, optax.sgd(0.1), 100)
    Y = network().apply(θ_T, X)
    return θ_0, θ_T, lambda θ: jnp.mean(jax.vmap(L_S)(network().apply(θ, X), Y)), others


def cosine(a, b):
    return dot(a, b) / (norm(a) * norm(b))


@pytest.mark.parametrize(
    ("widths", "dtype", "rounding"), [((16, 9), "float32", 1e-5), ((6, 5, 4), "float64", 1e-14)]
)
def test_the_function_is_the_same(widths, dtype, rounding):
    smooth, kinked = network(widths, "tanh"), network(widths, "relu")

    @jax.jit
    def both(θ, x, keys, scales):
        shuffled = jax.vmap(partial(permuted, θ))(keys)
        scaled = jax.vmap(partial(rescaled, θ))(scales)
        z = [
            (net.apply(θ, x), jax.vmap(net.apply, (0, None))(others, x))
            for net, others in ((smooth, shuffled), (kinked, scaled))
        ]
        return z, θ, (shuffled, scaled)

    rng, keys = np.random.default_rng(2), jax.random.split(jax.random.key(2), 3)
    start = initial(smooth, rng), rng.normal(size=(9, 8)), np.array([0.3, 2.0, 5.0])
    θ, x, scales = jax.tree.map(lambda leaf: leaf.astype(dtype), start)
    z, θ, moved = jax.device_get(both(θ, x, keys, scales))
    for z_0, others in z:
        assert others.dtype == dtype
        np.testing.assert_allclose(others, np.broadcast_to(z_0, others.shape), atol=rounding)
    assert all((of[layer]["kernel"] != θ[layer]["kernel"]).any() for of in moved for layer in θ)


def test_hidden_layers_in_the_order_of_their_numbers():
    θ = {layer: {} for layer in ("aux_head", "hidden_10", "hidden_9", "class_head", "hidden_0")}
    assert hidden(θ) == ["hidden_0", "hidden_9", "hidden_10"]


def test_each_layer_has_an_order_of_its_own():
    @jax.jit
    def biases(θ, key):
        return [[at[f"hidden_{i}"]["bias"] for i in range(3)] for at in (θ, permuted(θ, key))]

    orders, θ = [], initial(network((16, 16, 16)), np.random.default_rng(0))
    for before, after in zip(*jax.device_get(biases(θ, jax.random.key(0))), strict=True):
        np.testing.assert_array_equal(np.sort(after), np.sort(before))
        orders.append(tuple(np.flatnonzero(before == b).item() for b in after))
    assert len({*orders, tuple(range(16))}) == 4


@jax.jit
def two_students(drawn, shuffle):
    """From θ_0, and from it permuted: logits [2, steps, …], cosine with the teacher's way [2]."""
    θ_0, θ_T, loss, others = taught(drawn)
    starts = θ_0, permuted(θ_0, jax.random.key(shuffle))

    def student(optimizer, start):
        θ, z = trained(loss, start, optimizer, seen=lambda θ: network().apply(θ, others))
        return z, cosine(sub(θ, start), sub(θ_T, θ_0))

    both = jax.tree.map(lambda *two: jnp.stack(two), *starts)
    return {name: jax.vmap(partial(student, o))(both) for name, o in OPTIMIZERS.items()}


@given(seed=st.integers(0, 10**6), shuffle=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_permuted_units_learn_the_same_at_every_step(seed, shuffle):
    """Eq. (8) with D_S = I, over 200 steps of each optimizer.

    Only sums have another order. Adam divides the rounding of a gradient, 1e-17 or so, by no less
    than its epsilon: over 200 steps of 3e-3 that adds up to 6e-12 in a parameter at most (and to
    6e-10 with the usual 1e-8, where the bound below would be tight).
    """
    for (z, z_permuted), _ in jax.device_get(two_students(draw(seed), shuffle)).values():
        size = np.abs(z).max()
        assert np.abs(z_permuted - z).max() < 1e-9 * size
        assert np.abs(z[-1] - z[0]).max() > 0.01 * size  # it has learnt


def test_and_no_longer_point_where_the_teacher_went():
    """From the other base little is left: units in their old places, and what all do alike."""
    found = jax.device_get([two_students(draw(seed), seed + 1) for seed in range(30)])
    for name in OPTIMIZERS:
        same, other = np.array([at[name][1] for at in found]).T
        assert same.mean() > 0.1
        assert abs(other.mean()) < same.mean() / 3


def test_D_S_by_brute_force():
    """(SᵀS)⁻¹ with every entry of S, of units that change places and scale at once."""

    @jax.jit
    def both(θ, key):
        vector, unravel = ravel_pytree(θ)
        alone = partial(permuted, key=key)
        S = lambda θ: rescaled(alone(θ), 3.0)  # noqa: E731
        matrix = jax.jacobian(lambda a: flat(S(unravel(a))))(vector)
        return matrix, flat(symmetries.D_S(S, θ)), flat(symmetries.D_S(alone, θ))

    θ = initial(network((4, 3)), np.random.default_rng(1))
    matrix, D, of_order = jax.device_get(both(θ, jax.random.key(1)))
    np.testing.assert_allclose(np.diag(D), np.linalg.inv(matrix.T @ matrix), atol=1e-13)
    assert {*D.round(6)} == {1, 9, 81, round(1 / 9, 6), round(1 / 81, 6)}
    np.testing.assert_array_equal(of_order, 1)


def test_a_scaled_base_is_a_preconditioner_at_every_step():
    """Eq. (8): S applied to the student from θ_0 whose gradients are multiplied by D_S."""

    @jax.jit
    @jax.vmap
    def both(drawn):
        θ_0, _, loss, _ = taught(drawn)
        S = lambda θ: rescaled(θ, 2.0)  # noqa: E731
        D = symmetries.D_S(S, θ_0)
        multiplied = optax.stateless(lambda g, _: jax.tree.map(jnp.multiply, D, g))
        descent = optax.sgd(0.01, momentum=0.5)
        found, _ = trained(loss, S(θ_0), descent)
        expected, _ = trained(loss, θ_0, optax.chain(multiplied, descent))
        return flat(found), flat(S(expected)), flat(S(θ_0))

    found, expected, start = both(many(draw, range(4)))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (np.abs(found - start).max(axis=1) > 0.01).all()


@pytest.mark.slow
def test_first_step_from_a_scaled_base():
    """Eq. (9): measured / predicted − 1 is O(ε), at any scale; one function, but L_T may rise."""
    ε, scales = jnp.array([2e-4, 2e-5, 2e-6]), jnp.array([1.0, 1.5, 3.0, 10.0])

    def one(drawn, s):
        θ_0, L_T, X, _ = problem(drawn)
        S = partial(rescaled, s=s)
        return jax.lax.map(lambda ε: symmetries.matched(network().apply, θ_0, L_T, L_S, X, S, ε), ε)

    def both(drawn):
        return jax.vmap(partial(one, drawn))(scales)

    change = jax.jit(jax.vmap(both))(many(draw, range(40)))
    gap = jnp.abs(change.measured / change.leading - 1)
    order = jax.vmap(jax.vmap(partial(slope, ε)))(gap)
    np.testing.assert_allclose(np.median(order, axis=0), 1, atol=0.05)
    assert gap[..., -1].max() < 0.01
    rises = np.asarray(change.measured[..., -1]) > 0
    np.testing.assert_array_equal(rises, change.leading[..., -1] > 0)
    assert not rises[:, 0].any()  # Theorem 1
    assert 0 < rises[:, -1].sum() < 20
