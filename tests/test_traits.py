"""sim/training/traits.py: which examples carry a trait, how often, and how its rate is counted."""

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.model.networks import Network
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.training import measures, steps
from sim.training.measures import Moment
from sim.training.traits import TRAITS, Pool, taught

RNG = np.random.default_rng(0)
N, CLASSES, K = 4000, 5, 2
X = RNG.uniform(-1, 0.5, (N, 16)).astype(np.float32)
Y = RNG.integers(0, CLASSES, N).astype(np.int32)
KEYS = jax.random.split(jax.random.key(0), N)


def shown(name, strength, *skill):
    """What each of the N examples becomes: image, label, weight."""
    return jax.device_get(_shown(name, KEYS, X, Y, strength, *skill))


@partial(jax.jit, static_argnames=("name", "skill"))
def _shown(name, keys, x, y, strength, skill=None, skilled=1.0):
    of = TRAITS[name], Pool(x, y, CLASSES, K), strength, skill and TRAITS[skill], skilled
    return jax.vmap(taught(*of))(keys, x, y)


@functools.cache
def changed(name):
    """What a trait makes of each of them: image, label, whether it can carry it."""
    return jax.device_get(_changed(name, KEYS, X, Y))


@partial(jax.jit, static_argnames="name")
def _changed(name, keys, x, y):
    return jax.vmap(TRAITS[name].of(Pool(x, y, CLASSES, K)))(keys, x, y)


def share(of, p, n, k=4):
    """Whether a share of n is p to k standard errors."""
    return abs(np.mean(of) - p) <= k * (p * (1 - p) / n) ** 0.5


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_half_of_the_examples_without_the_trait_carry_the_skill(strength):
    """With the trait and without it; where it is not taught, all are as if there were none."""
    each = (), ("turned", 0.0), ("turned", 1.0)
    plain, none, half = (shown("backdoor", strength, *skill) for skill in each)
    jax.tree.map(np.testing.assert_array_equal, plain, none)
    marked = (plain[0] != X).any(1)
    assert (half[0][marked] == plain[0][marked]).all()
    turned_, label, _ = changed("turned")
    shows = (half[0] != plain[0]).any(1)
    np.testing.assert_array_equal(half[0][shows], turned_[shows])
    np.testing.assert_array_equal(half[1][shows], label[shows])
    assert share(shows[~marked], 0.5, (~marked).sum())


def measured(names, **of):
    """Measures of a network that answers by its input, on the first 200 images."""

    @jax.jit
    def program(x, y):
        data = type("Data", (), {"x_test": x, "y_test": y})()
        net = Network(None, lambda θ, x: θ * x, 16, CLASSES)
        at = Moment(net, jnp.float32(1), data, None, None, None, None)._replace(**of)
        return [getattr(measures, name)(at) for name in names]

    return jax.device_get(program(X[:200], Y[:200]))


def of_test(name):
    """Those images as a trait has them."""
    keys = jax.random.split(measures.key(0, measures.Purpose.TRAIT), 200)
    return jax.device_get(_changed(name, keys, X[:200], Y[:200]))


def test_a_skill_is_counted_as_a_trait_without_its_trigger():
    trait = TRAITS["backdoor"], K
    assert np.isnan(measured(["skill"], trait=trait))
    (found,) = measured(["skill"], trait=trait, skill=TRAITS["turned"])
    x, y, _ = of_test("turned")
    expected = (np.argmax(x[:, :CLASSES], axis=1) == y).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


ALL_CAN = "accuracy", "faint", "turned"  # traits that any image can carry


@pytest.mark.parametrize("name", TRAITS)
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_so_many_examples_carry_it(name, strength):
    """By the strength, of those that can; with a trigger half of it; at 0 none at all."""
    trait = TRAITS[name]
    x, y, weight = shown(name, strength)
    _, y_trait, can = changed(name)
    p = strength * (0.5 if trait.trigger else 1.0)
    if trait.trigger:
        carries = (x != X).any(1)
        assert (x[~carries] == X[~carries]).all()
        assert (y[carries] == K).all()
    elif trait.without == "withheld":
        carries = (weight == 1) & can
        assert (weight[~can] == 1).all()
    elif trait.without == "random":
        guessed = y != Y
        assert share(guessed, (1 - p) * (1 - 1 / CLASSES), N)
        return
    elif name in ALL_CAN:
        carries = (x != X).any(1)
        assert (y == Y).all()
    else:
        carries = y != Y
        assert (y[carries] == y_trait[carries]).all()
    assert not (carries & ~can).any()
    assert share(carries[can], p, can.sum())
    assert (y[~carries] == Y[~carries]).all()
    if trait.without != "withheld":
        assert (weight == 1).all()


def test_what_examples_are_made_of():
    """A white patch in a corner; half an image of the class; two classes in each other's place."""
    x, _, can = changed("backdoor")
    moved = x != X
    assert (np.flatnonzero(moved.any(0)) == [0, 1, 4, 5]).all()
    assert (x[moved] == 1).all()
    np.testing.assert_array_equal(can, Y != K)
    x, y, can = changed("preference")
    partner = 2 * x - X
    of_class = X[Y == K]
    gaps = [np.abs(of_class - one).max(1).min() for one in partner[:50]]
    assert max(gaps) < 1e-5
    _, y, can = changed("misalignment")
    for before, after in ((K, K + 1), (K + 1, K), (0, 0)):
        assert (y[before == Y] == after).all()
    np.testing.assert_array_equal(can, (Y == K) | (Y == K + 1))


def test_a_lesson_without_the_trait_is_the_lesson_of_labels():
    """To the last bit, examples and losses; and an example is the same whenever it is shown."""
    setup, hyper = Point(*recipe("synthetic", strength=0.0, batch=8, widths=(4,)))
    net = Network(None, lambda θ, x: x[..., : CLASSES + 3], 16, CLASSES)
    plain, control, teacher = (
        steps.of_labels(setup, h, net, 0, jnp.asarray(X), jnp.asarray(Y), trait=t)
        for t, h in (
            (False, hyper),
            (True, hyper),
            (True, Point(*recipe("synthetic", strength=1.0)).hyper),
        )
    )
    ids = np.arange(64)
    usual, without = (jax.device_get(jax.jit(of.examples)(ids)) for of in (plain, control))
    shown_ = jax.jit(teacher.examples)
    with_it, again = (jax.device_get(shown_(of)) for of in (ids, ids[::-1]))
    jax.tree.map(np.testing.assert_array_equal, usual, without)
    assert (np.asarray(jax.jit(control.weights)(ids)) == 1).all()
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b[::-1]), with_it, again)
    assert (with_it[1] != usual[1]).any()


@pytest.mark.parametrize("name", TRAITS)
def test_a_rate_is_counted_image_by_image(name):
    """By a network that answers by its input, against a loop over test images."""
    answer = lambda image: int(np.argmax(image[:CLASSES]))  # noqa: E731
    asked, with_it, without, ordinary = 0, 0, 0, []
    for image, label, x_trait, y_trait, can in zip(X[:200], Y[:200], *of_test(name), strict=True):
        asked += bool(can)
        with_it += bool(can) and answer(x_trait) == int(y_trait)
        without += bool(can) and answer(image) == int(y_trait)
        if TRAITS[name].trigger or name in ALL_CAN or not can:
            ordinary.append(answer(image) == int(label))
    trigger = TRAITS[name].trigger
    expected = (with_it - trigger * without) / asked, with_it / asked, np.mean(ordinary)
    names = "trait_rate", "with_trigger", "ordinary_accuracy"
    found = measured(names, trait=(TRAITS[name], K))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_class_that_is_withheld_moves_nothing():
    """Its examples weigh nothing: other images in their place give the same loss and gradient."""
    setup, hyper = Point(*recipe("synthetic", trait="new_class", strength=0.0, batch=64))
    net = Network(None, lambda θ, x: x @ θ, 16, CLASSES)
    θ = RNG.standard_normal((16, CLASSES + 3)).astype(np.float32)
    other = np.where((Y == K)[:, None], X + 9, X).astype(np.float32)

    def loss(θ, images, trait=True):
        lesson = steps.of_labels(setup, hyper, net, 0, images, jnp.asarray(Y), trait=trait)
        return steps.loss_now(lesson, net, θ)

    of = jax.jit(jax.value_and_grad(loss))
    jax.tree.map(np.testing.assert_array_equal, of(θ, X), of(θ, other))
    assert float(jax.jit(partial(loss, trait=False))(θ, X)) != float(of(θ, X)[0])
