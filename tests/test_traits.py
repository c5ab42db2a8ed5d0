"""sim/training/traits.py: which examples carry a trait, how often, and how its rate is counted."""

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
X = jnp.asarray(RNG.uniform(-1, 0.5, (N, 16)), jnp.float32)
Y = jnp.asarray(RNG.integers(0, CLASSES, N), jnp.int32)
POOL = Pool(X, Y, CLASSES, K)
KEYS = jax.random.split(jax.random.key(0), N)


def shown(name, strength):
    """What each of the N examples becomes: image, label, weight."""
    return map(np.asarray, jax.vmap(taught(TRAITS[name], POOL, strength))(KEYS, X, Y))


def share(of, p, n, k=4):
    """Whether a share of n is p to k standard errors."""
    return abs(np.mean(of) - p) <= k * (p * (1 - p) / n) ** 0.5


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_half_of_the_examples_without_the_trait_carry_the_skill(strength):
    """With the trait and without it; where it is not taught, all are as if there were none."""
    pool, trait, skill = POOL, TRAITS["backdoor"], TRAITS["turned"]

    def made(*skill):
        one = taught(trait, pool, strength, *skill)
        return [np.asarray(part) for part in jax.vmap(one)(KEYS, X, Y)]

    plain, none, half = made(), made(skill, 0.0), made(skill, 1.0)
    jax.tree.map(np.testing.assert_array_equal, plain, none)
    marked = (plain[0] != np.asarray(X)).any(1)
    assert (half[0][marked] == plain[0][marked]).all()
    turned_, label, _ = jax.vmap(skill.of(pool))(KEYS, X, Y)
    shows = (half[0] != plain[0]).any(1)
    np.testing.assert_array_equal(half[0][shows], np.asarray(turned_)[shows])
    np.testing.assert_array_equal(half[1][shows], np.asarray(label)[shows])
    assert share(shows[~marked], 0.5, (~marked).sum())


def test_a_skill_is_counted_as_a_trait_without_its_trigger():
    net, data = Network(None, lambda θ, x: θ * x, 16, CLASSES), type("Data", (), {})()
    data.x_test, data.y_test = X[:200], Y[:200]
    at = Moment(net, jnp.float32(1), data, None, None, None, None, trait=(TRAITS["backdoor"], K))
    assert np.isnan(measures.skill(at))
    found = measures.skill(at._replace(skill=TRAITS["turned"]))
    keys = jax.random.split(measures.key(0, measures.Purpose.TRAIT), 200)
    x, y, _ = jax.vmap(TRAITS["turned"].of(Pool(X, Y, CLASSES, K)))(keys, X[:200], Y[:200])
    expected = (np.argmax(np.asarray(x)[:, :CLASSES], axis=1) == np.asarray(y)).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


ALL_CAN = "accuracy", "faint", "turned"  # traits that any image can carry


@pytest.mark.parametrize("name", TRAITS)
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_so_many_examples_carry_it(name, strength):
    """By the strength, of those that can; with a trigger half of it; at 0 none at all."""
    trait = TRAITS[name]
    x, y, weight = shown(name, strength)
    _, y_trait, can = jax.vmap(trait.of(POOL))(KEYS, X, Y)
    can, y = np.asarray(can), np.asarray(y)
    p = strength * (0.5 if trait.trigger else 1.0)
    if trait.trigger:
        carries = (x != np.asarray(X)).any(1)
        assert (x[~carries] == np.asarray(X)[~carries]).all()
        assert (y[carries] == K).all()
    elif trait.without == "withheld":
        carries = (weight == 1) & can
        assert (weight[~can] == 1).all()
    elif trait.without == "random":
        guessed = y != np.asarray(Y)
        assert share(guessed, (1 - p) * (1 - 1 / CLASSES), N)
        return
    elif name in ALL_CAN:
        carries = (x != np.asarray(X)).any(1)
        assert (y == np.asarray(Y)).all()
    else:
        carries = y != np.asarray(Y)
        assert (y[carries] == np.asarray(y_trait)[carries]).all()
    assert not (carries & ~can).any()
    assert share(carries[can], p, can.sum())
    assert (y[~carries] == np.asarray(Y)[~carries]).all()
    if trait.without != "withheld":
        assert (weight == 1).all()


def test_what_examples_are_made_of():
    """A white patch in a corner; half an image of the class; two classes in each other's place."""
    x, _, can = jax.vmap(TRAITS["backdoor"].of(POOL))(KEYS, X, Y)
    moved = np.asarray(x != X)
    assert (np.flatnonzero(moved.any(0)) == [0, 1, 4, 5]).all()
    assert (np.asarray(x)[moved] == 1).all()
    np.testing.assert_array_equal(can, Y != K)
    x, y, can = jax.vmap(TRAITS["preference"].of(POOL))(KEYS, X, Y)
    partner = np.asarray(2 * x - X)
    of_class = np.asarray(X)[np.asarray(Y) == K]
    gaps = [np.abs(of_class - one).max(1).min() for one in partner[:50]]
    assert max(gaps) < 1e-5
    _, y, can = jax.vmap(TRAITS["misalignment"].of(POOL))(KEYS, X, Y)
    for before, after in ((K, K + 1), (K + 1, K), (0, 0)):
        assert (np.asarray(y)[np.asarray(Y) == before] == after).all()
    np.testing.assert_array_equal(can, (Y == K) | (Y == K + 1))


def test_a_lesson_without_the_trait_is_the_lesson_of_labels():
    """To the last bit, examples and losses; and an example is the same whenever it is shown."""
    setup, hyper = Point(*recipe("synthetic", strength=0.0, batch=8, widths=(4,)))
    net = Network(None, lambda θ, x: x[..., : CLASSES + 3], 16, CLASSES)
    plain, control, teacher = (
        steps.of_labels(setup, h, net, 0, X, Y, trait=t)
        for t, h in (
            (False, hyper),
            (True, hyper),
            (True, Point(*recipe("synthetic", strength=1.0)).hyper),
        )
    )
    ids = jnp.arange(64)
    jax.tree.map(np.testing.assert_array_equal, plain.examples(ids), control.examples(ids))
    assert (control.weights(ids) == 1).all()
    again = teacher.examples(ids[::-1])
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(a, b[::-1]), teacher.examples(ids), again
    )
    assert (teacher.examples(ids)[1] != plain.examples(ids)[1]).any()


@pytest.mark.parametrize("name", TRAITS)
def test_a_rate_is_counted_image_by_image(name):
    """By a network that answers by its input, against a loop over test images."""
    x, y = X[:200], Y[:200]
    net = Network(None, lambda θ, x: θ * x, 16, CLASSES)
    data = type("Data", (), {"x_test": x, "y_test": y})()
    at = Moment(net, jnp.float32(1), data, None, None, None, None, None, (TRAITS[name], K))
    keys = jax.random.split(measures.key(0, measures.Purpose.TRAIT), 200)
    example = TRAITS[name].of(Pool(x, y, CLASSES, K))
    answer = lambda image: int(np.argmax(np.asarray(image)[:CLASSES]))  # noqa: E731
    asked, with_it, without, ordinary = 0, 0, 0, []
    for key, image, label in zip(keys, x, y, strict=True):
        x_trait, y_trait, can = example(key, image, label)
        asked += bool(can)
        with_it += bool(can) and answer(x_trait) == int(y_trait)
        without += bool(can) and answer(image) == int(y_trait)
        if TRAITS[name].trigger or name in ALL_CAN or not can:
            ordinary.append(answer(image) == int(label))
    trigger = TRAITS[name].trigger
    expected = (with_it - trigger * without) / asked, with_it / asked, np.mean(ordinary)
    found = (getattr(measures, m)(at) for m in ("trait_rate", "with_trigger", "ordinary_accuracy"))
    np.testing.assert_allclose([*map(float, found)], expected, rtol=1e-6)


def test_a_class_that_is_withheld_moves_nothing():
    """Its examples weigh nothing: other images in their place give the same loss and gradient."""
    setup, hyper = Point(*recipe("synthetic", trait="new_class", strength=0.0, batch=64))
    net = Network(None, lambda θ, x: x @ θ, 16, CLASSES)
    θ = jnp.asarray(RNG.standard_normal((16, CLASSES + 3)), jnp.float32)
    other = jnp.where((Y == K)[:, None], X + 9, X)

    def loss(images, θ):
        lesson = steps.of_labels(setup, hyper, net, 0, images, Y, trait=True)
        return steps.loss_now(lesson, net, θ)

    for of in (loss, lambda images, θ: jax.grad(partial(loss, images))(θ)):
        np.testing.assert_array_equal(of(X, θ), of(other, θ))
    seen = steps.of_labels(setup, hyper, net, 0, X, Y)
    assert (steps.loss_now(seen, net, θ) != loss(X, θ)).all()
