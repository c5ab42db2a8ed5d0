"""What becomes of updates: their rank, their rounding, and what they must not serve.

Updates are made in one program each; what they are compared with is numpy's.
"""

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

DRAW = np.random.default_rng(0)
KEY = jax.random.key(3)


def numbers(*shape):
    return DRAW.normal(size=shape).astype(np.float32)


def dot(a, b):
    return float(sum(jax.tree.leaves(jax.tree.map(np.vdot, a, b))))


def sub(a, b):
    return jax.tree.map(lambda a, b: np.asarray(a) - b, a, b)


def network():
    return {"a": {"kernel": numbers(9, 7), "bias": numbers(7)}, "b": {"kernel": numbers(7, 5)}}


def after(of, θ, steps=6, gradient=lambda leaf, k: jnp.sin(leaf * (k + 2))):
    """θ after some steps with another gradient each."""

    def step(k, now):
        θ, state = now
        g = jax.tree.map(lambda leaf: gradient(leaf, k), θ)
        u, state = of.update(g, state, θ)
        return optax.apply_updates(θ, u), state

    return jax.jit(lambda θ: jax.lax.fori_loop(0, steps, step, (θ, of.init(θ)))[0])(θ)


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

    def step(seed, g, θ):
        of = low_rank(optax.sgd(1.0), 3, jax.random.key(seed))
        return -of.update(g, of.init(θ), θ)[0]["w"]

    steps = np.asarray(jax.jit(jax.vmap(step, (0, None, None)))(np.arange(400), g, θ))
    error = np.std(steps, axis=0) / len(steps) ** 0.5
    assert (np.abs(np.mean(steps, axis=0) - g["w"]) < 5 * error).all()


rounded = jax.jit(bfloat16)


def nearest(a):
    a = np.asarray(a)
    return a.astype(ml_dtypes.bfloat16).astype(a.dtype) if a.dtype == np.float32 else a


def test_rounding_to_the_nearest():
    a = numbers(1000) * np.float32(10) ** DRAW.integers(-20, 20, 1000).astype(np.float32)
    np.testing.assert_array_equal(rounded(a), nearest(a))
    counts = np.arange(3)
    np.testing.assert_array_equal(rounded(counts, KEY), counts)


def test_rounding_by_chance_is_right_on_average():
    """Up or down to a neighbour, exact numbers never; the mean within 5 standard errors."""
    a = np.concatenate([numbers(50), -np.abs(numbers(50)) * np.float32(1e-6)])
    keys = jax.random.split(KEY, 4000)
    found = np.asarray(jax.jit(jax.vmap(bfloat16, (None, 0)))(a, keys), np.float64)
    assert (found == nearest(found.astype(np.float32))).all()
    assert {len(np.unique(column)) for column in found.T} <= {1, 2}
    error = np.maximum(found.std(0) / 4000**0.5, 1e-12)
    assert (np.abs(found.mean(0) - a.astype(np.float64)) < 5 * error).all()
    exact = nearest(a)
    np.testing.assert_array_equal(rounded(exact, KEY), exact)


@pytest.mark.parametrize("key", [None, KEY])
def test_what_is_stored_is_bfloat16(key):
    """Parameters, from the first step on, and moments; the count of steps is a whole number."""
    of, θ = stored(optax.adam(0.01), key), network()
    state = jax.jit(of.init)(θ)

    @jax.jit
    def step(θ, state):
        u, state = of.update(jax.tree.map(jnp.sin, θ), state, θ)
        return optax.apply_updates(θ, u), state

    for _ in range(3):
        θ, state = step(θ, state)
        for leaf in jax.tree.leaves((θ, state.of)):
            np.testing.assert_array_equal(leaf, nearest(leaf))
    assert int(state.count) == 3


def test_small_steps_are_lost_to_the_nearest_and_not_to_chance():
    """1 − 100 steps of 1e-4, each under half of the distance to the next number, 2⁻⁸."""

    def moved(of):
        return np.asarray(after(of, np.ones(2000, np.float32), 100, lambda θ, _: jnp.ones_like(θ)))

    assert (moved(stored(optax.sgd(1e-4))) == 1).all()
    chance = moved(stored(optax.sgd(1e-4), KEY))
    assert abs(chance.mean() - 0.99) < 5 * chance.std() / 2000**0.5


def test_updates_against_a_loss_do_not_lower_it():
    """u·g ≥ 0 up to rounding, whatever the optimiser; what does not lower it stays as it is."""
    θ, g = network(), network()

    @jax.jit
    def first(θ, g):
        each = optax.adam(0.1), against(optax.adam(0.1), lambda _: g)
        return [of.update(θ, of.init(θ), θ)[0] for of in each]

    for sign in (1.0, -1.0):
        plain, u = first(θ, jax.tree.map(lambda a, s=sign: np.float32(s) * a, g))
        along = sign * dot(plain, g)
        if along >= 0:
            jax.tree.map(np.testing.assert_array_equal, u, plain)
        else:
            assert abs(dot(u, g)) < 1e-4 * abs(along)
            removed = sub(u, plain)
            np.testing.assert_allclose(
                dot(removed, g) ** 2, dot(removed, removed) * dot(g, g), rtol=1e-4
            )
    plain, u = first(θ, jax.tree.map(np.zeros_like, θ))
    jax.tree.map(np.testing.assert_array_equal, u, plain)


def _moving(of):
    """Of the network's two layers the first."""
    return {layer: jax.tree.map(lambda a, on=layer == "a": on * a, of[layer]) for layer in of}


def test_updates_of_which_some_stay_do_not_lower_it_either():
    """What the others would do to the loss, and do not, is not made up for."""
    θ, g = network(), network()
    g["b"]["kernel"] *= 30  # what is frozen counts most

    @jax.jit
    def first(θ, g):
        each = optax.sgd(0.1), against(optax.sgd(0.1), lambda _: g, _moving)
        return [of.update(θ, of.init(θ), θ)[0] for of in each]

    for sign in (1.0, -1.0):
        towards = jax.tree.map(lambda a, s=sign: np.float32(s) * a, g)
        plain, u = first(θ, towards)
        along = dot(_moving(plain), _moving(towards))
        assert dot(u, towards) > -1e-4 * abs(along)
        if along >= 0:
            jax.tree.map(np.testing.assert_array_equal, u, _moving(plain))


def test_what_an_optimiser_sees_is_changed_where_something_moves():
    g, d = network(), network()
    d["b"]["kernel"] *= 30

    @jax.jit
    def first(g, d):
        of = projected(optax.sgd(1.0), "always", lambda _: d, KEY, _moving)
        return of.update(g, of.init(g), g)[0]

    u = first(g, d)
    assert abs(dot(_moving(u), _moving(d))) < 1e-4 * abs(dot(_moving(g), _moving(d)))


@partial(jax.jit, static_argnames="removed")
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
    sign *= np.sign(dot(g, d))
    d = jax.tree.map(lambda a: np.float32(sign) * a, d)
    part = dot(g, d) / dot(d, d)
    along = jax.tree.map(lambda a: part * a, d)
    without = sub(g, along)
    zero = jax.tree.map(np.zeros_like, g)
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
    lengths = [dot(one, one) ** 0.5 for one in (found, again)]
    size = max(part, 0) * dot(d, d) ** 0.5
    np.testing.assert_allclose(lengths, size, rtol=1e-4, atol=1e-6)
    if part > 0:  # as much, in another direction each time
        assert abs(dot(found, again)) < 0.5 * size**2
        other = sub(g, seen("random", g, d, jax.random.key(9))[0])
        assert abs(dot(found, other)) < 0.5 * size**2


def test_adam_frozen_is_one_diagonal_from_some_step_on():
    """Written out: Adam's v for 3 steps, corrected, and the same after; no momentum; damped."""
    θ = {"w": numbers(5)}
    of = frozen_adam(0.1, steps=3, decay=0.9)
    start, v, update = jax.jit(of.init)(θ), np.zeros(5), jax.jit(of.update)
    state = start
    for k in range(6):
        g = numbers(5) * (k + 1)
        v = 0.9 * v + 0.1 * g**2 if k < 3 else v
        u, state = update({"w": g}, state)
        mean = v / (1 - 0.9 ** min(k + 1, 3))
        expected = -0.1 * g / (np.sqrt(mean) + 0.1 * np.sqrt(mean.mean()))
        np.testing.assert_allclose(u["w"], expected, rtol=1e-4)
    still, _ = update({"w": np.zeros(5, np.float32)}, start)
    assert (still["w"] == 0).all()


def test_adam_without_bias_correction_written_out():
    """Adam's own step times √(1 − β₂ᵗ) / (1 − β₁ᵗ) undone, where ε is small."""
    rng = np.random.default_rng(0)
    θ = {"a": np.zeros(7, np.float32)}
    raw, adam = uncorrected_adam(0.1, 1e-12), optax.adam(0.1, eps=1e-12)
    start, of_adam = jax.jit(lambda θ: (raw.init(θ), adam.init(θ)))(θ)
    update, update_adam = jax.jit(raw.update), jax.jit(adam.update)
    of_raw = start
    for t in range(1, 6):
        g = {"a": rng.normal(size=7).astype(np.float32)}
        mine, of_raw = update(g, of_raw, θ)
        corrected, of_adam = update_adam(g, of_adam, θ)
        factor = (1 - 0.9**t) / (1 - 0.999**t) ** 0.5
        np.testing.assert_allclose(mine["a"], factor * np.asarray(corrected["a"]), rtol=1e-4)
    first, _ = update({"a": np.full(7, 3, np.float32)}, start, θ)
    np.testing.assert_allclose(first["a"], -0.1 * 0.1 / 0.001**0.5, rtol=1e-5)
