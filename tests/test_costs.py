"""theory/costs.py: what freeing steps costs, and heads that add up to nothing."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.tiny import flat, jacobian, network
from theory import costs, losses
from theory.one_step import slope, student_step
from theory.trees import dot, move, norm, scale, sub

f = network((2, 3, 4))
L_S = partial(losses.kl, visible=jnp.arange(4) >= 2)
n, ALL = 400, jnp.ones(3, bool)
SEPARABLE = {
    "squared_error": partial(losses.squared_error, visible=ALL),
    "kl": partial(losses.kl, visible=ALL),
}


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def of(images):
    return lambda θ: jnp.mean((jax.vmap(f, (None, 0))(θ, images)[:, :2] - 1) ** 2)


def world(seed):
    """θ_0, images, X: numbers, so that nothing random is compiled."""
    rng = np.random.default_rng(seed)
    θ_0 = [(rng.normal(size=(k, n)), rng.normal(size=k)) for k, n in ((3, 2), (4, 3))]
    return jax.tree.map(jnp.asarray, (θ_0, rng.normal(size=(5, 2)), rng.normal(size=(6, 2))))


def test_what_a_freed_step_costs():
    """Eq. (37) at a large ε: s and Δθ_T by J, the measured loss tends to cos² as α, L_T's as α²."""
    α = jnp.array([1e-2, 1e-3, 1e-4, 1e-5, 1e-10])  # at the last, rounding alone

    @jax.jit
    @jax.vmap
    def at(θ_0, images, X):
        g = jax.grad(of(images))(θ_0)
        y = jax.vmap(f, (None, 0))(move(θ_0, -0.5, g), X)
        z = jax.vmap(f, (None, 0))(θ_0, X)
        found = jax.vmap(lambda α: costs.freed(f, θ_0, of(images), L_S, X, 0.5, α))(α)
        gaps = (found.lost - found.cos2)[:4], found.change[:4]
        both = jnp.stack([slope(α[:4], gap) for gap in gaps])
        return found, both, jacobian(f, θ_0, X), flat(g), jax.nn.softmax(jnp.stack([z, y])[..., 2:])

    worlds = jax.tree.map(lambda *a: jnp.stack(a), *map(world, range(9)))
    found, orders, J, g, p = jax.device_get(at(*worlds))
    s = np.einsum("kxip,kxi->kp", J[:, :, 2:], p[:, 1] - p[:, 0]) / 6
    cosine = -(s * g).sum(axis=1) / np.linalg.norm(s, axis=1) / np.linalg.norm(g, axis=1)
    np.testing.assert_allclose(found.cos2, np.tile(cosine**2, (5, 1)).T, rtol=1e-10)
    np.testing.assert_allclose(np.median(orders, axis=0), [1, 2], atol=0.05)
    assert (abs(found.lost / found.cos2 - 1)[:, 3] < 0.1).all()
    assert (found.rounding[:, 2] < 1e-4).all()
    assert (abs(found.lost - found.cos2) <= found.rounding)[:, 4].all()
    assert (found.with_it[:, 2] < 0).all()  # the whole step moves L_T, and the freed one does not
    assert (abs(found.change / found.with_it)[:, 2] < 0.01).all()
    assert (cosine**2).max() > 0.02


def test_freed_steps_stay_free_unless_something_is_made_of_them():
    """θ_S − θ_0 is ⟂ Δθ_T after 50 steps of descent or momentum; after Adam's it is not."""
    θ_0, images, X = world(0)

    @partial(jax.jit, static_argnums=0)
    def trained(optimizer):
        Δθ_T = scale(-1.0, jax.grad(of(images))(θ_0))
        y = jax.vmap(f, (None, 0))(move(θ_0, 0.5, Δθ_T), X)

        def step(carry, _):
            θ, state = carry
            g = scale(-1.0, costs.free(student_step(f, θ, L_S, X, y), Δθ_T))
            updates, state = optimizer.update(g, state)
            return (optax.apply_updates(θ, updates), state), None

        (θ, _), _ = jax.lax.scan(step, (θ_0, optimizer.init(θ_0)), length=50)
        δ = sub(θ, θ_0)
        return dot(δ, Δθ_T) / (norm(δ) * norm(Δθ_T))

    # 50 additions to θ, each of them known to eps of it, by displacements of .01 of it and more.
    assert abs(trained(optax.sgd(0.1, momentum=0.5))) < 50 * 100 * np.finfo(float).eps
    assert abs(trained(optax.adam(0.01))) > 1e-3


def headed(θ, W, x):
    """Two layers of trunk, a head with a bias."""
    for kernel, bias in θ:
        x = jnp.tanh(kernel @ x + bias)
    return W @ x + jnp.array([0.3, -1.0, 0.2])


def trunk(seed):
    """θ_0, Δθ_T, W, W_T, X."""
    rng = np.random.default_rng(seed)
    θ_0, Δ = (
        [(rng.normal(size=(k, n)), rng.normal(size=k)) for k, n in ((3, 2), (4, 3))]
        for _ in range(2)
    )
    return θ_0, Δ, rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(5, 2))


def trunks(seeds):
    return jax.tree.map(lambda *a: jnp.asarray(np.stack(a)), *map(trunk, seeds))


@partial(jax.jit, static_argnums=0)
def first(L_S, θ_0, Δ, W, W_T, X, ε):
    one = lambda θ_0, Δ, W, W_T, X: costs.heads(headed, θ_0, Δ, W, W_T, L_S, X, ε)  # noqa: E731
    return jax.vmap(one)(θ_0, Δ, W, W_T, X)


@pytest.mark.parametrize("loss", SEPARABLE)
def test_a_head_and_its_negative_add_up_to_nothing(loss):
    """Eq. (38) in 400 networks at a large ε, to rounding; the part itself by J of the trunk."""
    θ_0, Δ, W, W_T, X = trunks(range(n))
    found = jax.device_get(first(SEPARABLE[loss], θ_0, Δ, W, W_T, X, 0.5))
    assert (found.left <= found.rounding).all()
    assert (found.size > 1e6 * found.rounding).mean() > 0.98
    clear = abs(found.plus) > 1e-10
    np.testing.assert_allclose((found.plus / found.minus)[clear], -1, atol=1e-3)
    θ_0, Δ, W, W_T, X = jax.tree.map(lambda a: a[0], (θ_0, Δ, W, W_T, X))

    @jax.jit
    def by_hand():
        h = {"squared_error": lambda y: 2 * y, "kl": jax.nn.softmax}[loss]
        y, y_0 = (jax.vmap(headed, (None, None, 0))(θ, W_T, X) for θ in (move(θ_0, 0.5, Δ), θ_0))
        J = jacobian(lambda θ, x: headed(θ, W, x), θ_0, X)
        return jnp.einsum("xip,xi->p", J, jax.vmap(h)(y) - jax.vmap(h)(y_0)) / len(X), flat(Δ)

    T, Δ = jax.device_get(by_hand())
    np.testing.assert_allclose(
        [found.size[0], found.plus[0]], [np.linalg.norm(T), T @ Δ], rtol=1e-10
    )


def test_a_head_of_its_own_pulls_either_way_and_the_teachers_own_its_way():
    """n = 400 heads: mean 0 and half of them negative, 4 standard errors; a law with a sign not."""
    θ_0, Δ, W, W_T, X = trunks(range(n))
    L_S = SEPARABLE["squared_error"]
    one = jax.tree.map(lambda a: jnp.broadcast_to(a[:1], a.shape), (θ_0, Δ, W_T, X))
    θ_1, Δ_1, W_1, X_1 = one

    def z_score(found):
        return found.plus.mean() / (found.plus.std() / n**0.5)

    free = jax.device_get(first(L_S, θ_1, Δ_1, W, W_1, X_1, 0.1))
    assert abs(z_score(free)) < 4
    assert abs((free.plus < 0).mean() - 0.5) < 4 * 0.5 / n**0.5
    assert abs(z_score(jax.device_get(first(L_S, θ_1, Δ_1, abs(W), W_1, X_1, 0.1)))) > 8
    assert z_score(jax.device_get(first(L_S, θ_1, Δ_1, W + W_1, W_1, X_1, 0.1))) > 4
    same = jax.device_get(first(L_S, θ_0, Δ, W_T, W_T, X, 1e-4))
    assert (same.plus > 0).all()
    assert (same.minus < 0).all()


def test_other_losses_are_not_covered():
    θ_0, Δ, W, W_T, X = trunks(range(n))
    found = first(lambda z, y: jnp.sum(jnp.log(jnp.cosh(z - y))), θ_0, Δ, W, W_T, X, 0.5)
    assert (found.left > 1e6 * found.rounding).mean() > 0.98


def test_a_bias_among_the_parameters_is_not_covered():
    """It learns the same from both heads: what is left is twice its part, and no other's."""
    θ_0, Δ, W, W_T, X = jax.tree.map(lambda a: a[0], trunks([2]))
    with_bias = lambda both, W, x: headed(both[0], W, x) + both[1]  # noqa: E731
    both, Δ = (θ_0, jnp.ones(3)), (Δ, jnp.zeros(3))
    found = jax.jit(
        lambda: costs.heads(with_bias, both, Δ, W, W_T, SEPARABLE["squared_error"], X, 0.5)
    )()
    y, y_0 = (jax.vmap(headed, (None, None, 0))(θ, W_T, X) for θ in (move(θ_0, 0.5, Δ[0]), θ_0))
    bias = 2 * np.asarray(y - y_0).mean(axis=0)  # of h(y) = 2 y
    np.testing.assert_allclose(found.left, 2 * np.linalg.norm(bias), rtol=1e-10)
    np.testing.assert_allclose(found.plus, -found.minus, rtol=1e-8)  # Δθ_T has none of it


def test_later_steps_are_not_covered():
    """Trunk and head learn: T(W) + T(−W) is 0 after one step, and not after two."""
    θ_0, Δ, W, W_T, X = jax.tree.map(lambda a: a[0], trunks([1]))
    L_S = SEPARABLE["squared_error"]

    @jax.jit
    def after():
        def steps(W, θ_T):
            y = jax.vmap(headed, (None, None, 0))(θ_T, W_T, X)
            both, seen = (θ_0, W), []
            for _ in range(2):
                by = student_step(lambda both, x: headed(*both, x), both, L_S, X, y)
                both = move(both, 0.05, by)
                seen.append(flat(sub(both[0], θ_0)))
            return jnp.stack(seen)

        T = lambda W: steps(W, move(θ_0, 0.5, Δ)) - steps(W, θ_0)  # noqa: E731
        return T(W), T(-W)

    plus, minus = jax.device_get(after())
    left, size = np.linalg.norm(plus + minus, axis=1), np.linalg.norm(plus, axis=1)
    assert left[0] < 1e-13 * size[0]
    assert left[1] > 0.01 * size[1]


def test_nan_is_not_covered():
    θ_0, Δ, W, W_T, X = trunks(range(n))
    found = first(SEPARABLE["kl"], θ_0, Δ, W * jnp.nan, W_T, X, 0.5)
    assert not (found.left <= found.rounding).any()
