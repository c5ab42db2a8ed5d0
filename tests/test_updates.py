"""What becomes of updates: their rank, their rounding, and what they must not serve."""

from functools import partial

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest

from sim.training.updates import (
    against,
    bfloat16,
    frozen_adam,
    low_rank,
    projected,
    stored,
    uncorrected_adam,
)
from theory.trees import dot, sub

DRAW = np.random.default_rng(0)
KEY = jax.random.key(3)


def numbers(*shape):
    return jnp.asarray(DRAW.normal(size=shape), jnp.float32)


def network():
    return {"a": {"kernel": numbers(9, 7), "bias": numbers(7)}, "b": {"kernel": numbers(7, 5)}}


def after(of, θ, steps=6):
    """θ after some steps with another gradient each."""
    state = of.init(θ)
    for k in range(steps):
        g = jax.tree.map(lambda leaf, k=k: jnp.sin(leaf * (k + 2)), θ)
        u, state = of.update(g, state, θ)
        θ = optax.apply_updates(θ, u)
    return θ


@pytest.mark.parametrize("rank", [1, 3])
def test_updates_have_so_much_rank_and_biases_stay(rank):
    θ = network()
    Δ = sub(after(low_rank(optax.adam(0.1), rank, KEY), θ), θ)
    for layer, part in Δ.items():
        assert np.linalg.matrix_rank(np.asarray(part["kernel"]), tol=1e-4) == rank, layer
    assert (Δ["a"]["bias"] == 0).all()
    assert np.linalg.matrix_rank(np.asarray(sub(after(optax.adam(0.1), θ), θ)["a"]["kernel"])) > 3


def test_a_low_rank_step_of_gradient_descent_written_out():
    """W − α A Aᵀ G: every direction has its share, so that of d directions the mean is G."""
    θ = {"w": numbers(6, 4)}
    g = {"w": numbers(6, 4)}
    steps = []
    for k in range(400):
        of = low_rank(optax.sgd(1.0), 3, jax.random.key(k))
        steps.append(-np.asarray(of.update(g, of.init(θ), θ)[0]["w"]))
    error = np.std(steps, axis=0) / len(steps) ** 0.5
    assert (np.abs(np.mean(steps, axis=0) - g["w"]) < 5 * error).all()


def test_rounding_to_the_nearest():
    a = numbers(1000) * 10.0 ** jnp.asarray(DRAW.integers(-20, 20, 1000), jnp.float32)
    nearest = np.asarray(a).astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(bfloat16(a), nearest)
    counts = jnp.arange(3)
    np.testing.assert_array_equal(bfloat16(counts, KEY), counts)


def test_rounding_by_chance_is_right_on_average():
    """Up or down to a neighbour, exact numbers never; the mean within 5 standard errors."""
    a = jnp.concatenate([numbers(50), -jnp.abs(numbers(50)) * 1e-6])
    keys = jax.random.split(KEY, 4000)
    found = np.asarray(jax.vmap(lambda k: bfloat16(a, k))(keys), np.float64)
    assert (found == np.asarray(bfloat16(jnp.asarray(found, jnp.float32)))).all()
    assert {len(np.unique(column)) for column in found.T} <= {1, 2}
    error = np.maximum(found.std(0) / 4000**0.5, 1e-12)
    assert (np.abs(found.mean(0) - np.asarray(a, np.float64)) < 5 * error).all()
    exact = bfloat16(a)
    np.testing.assert_array_equal(bfloat16(exact, KEY), exact)


@pytest.mark.parametrize("key", [None, KEY])
def test_what_is_stored_is_bfloat16(key):
    """Parameters, from the first step on, and moments; the count of steps is a whole number."""
    of, θ = stored(optax.adam(0.01), key), network()
    state = of.init(θ)
    for _ in range(3):
        u, state = of.update(jax.tree.map(jnp.sin, θ), state, θ)
        θ = optax.apply_updates(θ, u)
        for leaf in jax.tree.leaves((θ, state.of)):
            np.testing.assert_array_equal(leaf, bfloat16(leaf))
    assert int(state.count) == 3


def test_small_steps_are_lost_to_the_nearest_and_not_to_chance():
    """1 − 100 steps of 1e-4, each under half of the distance to the next number, 2⁻⁸."""
    θ, g = jnp.ones(2000), jnp.ones(2000)

    def moved(of):
        state, now = of.init(θ), θ
        for _ in range(100):
            u, state = of.update(g, state, now)
            now = optax.apply_updates(now, u)
        return np.asarray(now)

    assert (moved(stored(optax.sgd(1e-4))) == 1).all()
    chance = moved(stored(optax.sgd(1e-4), KEY))
    assert abs(chance.mean() - 0.99) < 5 * chance.std() / 2000**0.5


def test_updates_against_a_loss_do_not_lower_it():
    """u·g ≥ 0 up to rounding, whatever the optimiser; what does not lower it stays as it is."""
    θ, g = network(), network()
    for sign in (1.0, -1.0):
        of = against(optax.adam(0.1), lambda _, s=sign: jax.tree.map(lambda a: s * a, g))
        plain, _ = optax.adam(0.1).update(θ, optax.adam(0.1).init(θ), θ)
        u, _ = of.update(θ, of.init(θ), θ)
        along = sign * float(dot(plain, g))
        if along >= 0:
            jax.tree.map(np.testing.assert_array_equal, u, plain)
        else:
            assert abs(float(dot(u, g))) < 1e-4 * abs(along)
            removed = sub(u, plain)
            np.testing.assert_allclose(
                float(dot(removed, g)) ** 2, float(dot(removed, removed) * dot(g, g)), rtol=1e-4
            )
    zero = against(optax.adam(0.1), lambda θ: jax.tree.map(jnp.zeros_like, θ))
    jax.tree.map(np.testing.assert_array_equal, zero.update(θ, zero.init(θ), θ)[0], plain)


def seen(removed, g, d, key=KEY):
    """What an optimiser sees in the place of g: of gradient descent of rate 1, less its update."""
    of = projected(optax.sgd(1.0), removed, lambda _: d, key)
    u, state = of.update(g, of.init(g), g)
    again, _ = of.update(g, state, g)
    return tuple(jax.tree.map(lambda a: -a, one) for one in (u, again))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_parts_of_gradients_along_a_direction(sign):
    """Written out, where the part is positive and where it is not; the rest stays as it is."""
    g, d = network(), network()
    sign *= np.sign(float(dot(g, d)))
    d = jax.tree.map(lambda a: sign * a, d)
    part = float(dot(g, d) / dot(d, d))
    along = jax.tree.map(lambda a: part * a, d)
    without = sub(g, along)
    zero = jax.tree.map(jnp.zeros_like, g)
    expected = {
        "positive": without if part > 0 else g,
        "displacement": without if part > 0 else g,
        "always": without,
        "rest": along if part > 0 else zero,
    }
    for removed, value in expected.items():
        found, again = seen(removed, g, d)
        close = partial(np.testing.assert_allclose, atol=1e-5, err_msg=removed)
        jax.tree.map(close, found, value)
        jax.tree.map(np.testing.assert_array_equal, found, again)
    found, again = (sub(g, one) for one in seen("random", g, d))
    lengths = [float(dot(one, one)) ** 0.5 for one in (found, again)]
    size = max(part, 0) * float(dot(d, d)) ** 0.5
    np.testing.assert_allclose(lengths, size, rtol=1e-4, atol=1e-6)
    if part > 0:  # as much, in another direction each time
        assert abs(float(dot(found, again))) < 0.5 * size**2
        other = sub(g, seen("random", g, d, jax.random.key(9))[0])
        assert abs(float(dot(found, other))) < 0.5 * size**2


def test_adam_frozen_is_one_diagonal_from_some_step_on():
    """Written out: Adam's v for 3 steps, corrected, and the same after; no momentum; damped."""
    θ = {"w": numbers(5)}
    of = frozen_adam(0.1, steps=3, decay=0.9)
    state, v = of.init(θ), np.zeros(5)
    for k in range(6):
        g = np.asarray(numbers(5)) * (k + 1)
        v = 0.9 * v + 0.1 * g**2 if k < 3 else v
        u, state = of.update({"w": jnp.asarray(g)}, state)
        mean = v / (1 - 0.9 ** min(k + 1, 3))
        expected = -0.1 * g / (np.sqrt(mean) + 0.1 * np.sqrt(mean.mean()))
        np.testing.assert_allclose(u["w"], expected, rtol=1e-4)
    still, _ = of.update({"w": jnp.zeros(5)}, of.init(θ))
    assert (still["w"] == 0).all()


def test_adam_without_bias_correction_written_out():
    """Adam's own step times √(1 − β₂ᵗ) / (1 − β₁ᵗ) undone, where ε is small."""
    rng = np.random.default_rng(0)
    θ = {"a": jnp.zeros(7)}
    raw, adam = uncorrected_adam(0.1, 1e-12), optax.adam(0.1, eps=1e-12)
    of_raw, of_adam = raw.init(θ), adam.init(θ)
    for t in range(1, 6):
        g = {"a": jnp.asarray(rng.normal(size=7), jnp.float32)}
        mine, of_raw = raw.update(g, of_raw, θ)
        corrected, of_adam = adam.update(g, of_adam, θ)
        factor = (1 - 0.9**t) / (1 - 0.999**t) ** 0.5
        np.testing.assert_allclose(mine["a"], factor * corrected["a"], rtol=1e-4)
    first, _ = raw.update({"a": jnp.full(7, 3.0)}, raw.init(θ), θ)
    np.testing.assert_allclose(first["a"], -0.1 * 0.1 / 0.001**0.5, rtol=1e-5)
