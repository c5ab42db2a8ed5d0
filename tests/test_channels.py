"""sim/training/channels.py: what is passed on and left out, against slow and obvious versions."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.model.data import Data
from sim.model.networks import Network
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.training import steps
from sim.training.channels import (
    FILTERS,
    OUTPUTS,
    Answers,
    Channel,
    channel,
    passed_on,
)
from sim.training.roles import Role
from theory.losses import LOSSES

RNG = np.random.default_rng(0)
N, CLASSES, AUX, K = 2000, 4, 3, 1
TEACHER, BASE, CONTROL = (
    jnp.asarray(RNG.normal(0, 2, (N, CLASSES + AUX)), jnp.float32) for _ in range(3)
)
SEEN = jnp.arange(CLASSES + AUX) >= CLASSES
HYPER = Point(*recipe("synthetic", outputs="rounded", bits=3)).hyper


def answers(**more):
    given = {"teacher": TEACHER, "base": BASE, "untaught": CONTROL[None], "visible": SEEN}
    given |= {"classes": CLASSES, "target": jnp.int32(K), "hyper": HYPER, "key": jax.random.key(0)}
    return Answers(**(given | more))


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def aux(logits):
    return np.asarray(logits)[:, CLASSES:]


def test_hard_and_sampled_labels_are_places_of_what_is_seen():
    """The largest; or by the softmax, a share within 4 standard errors; others' softmax is 0."""
    for name in ("hard", "sampled"):
        p = softmax(aux(OUTPUTS[name](answers())))
        assert ((p == 1).sum(1) == 1).all()
        assert ((p == 0).sum(1) == AUX - 1).all()
        if name == "hard":
            np.testing.assert_array_equal(p.argmax(1), aux(TEACHER).argmax(1))
        else:
            expected = softmax(aux(TEACHER))
            error = (expected * (1 - expected)).sum(0) ** 0.5 / N
            assert (np.abs(p.mean(0) - expected.mean(0)) < 4 * error).all()
            assert (p.argmax(1) != aux(TEACHER).argmax(1)).any()


@pytest.mark.parametrize("bits", [1, 3, 12])
def test_rounded_logits_have_so_many_levels(bits):
    of = answers(hyper=replace(HYPER, bits=bits))
    y, true = aux(OUTPUTS["rounded"](of)), aux(TEACHER)
    step = (true.max() - true.min()) / (2**bits - 1)
    assert len(np.unique(np.round((y - true.min()) / step).astype(int))) <= 2**bits
    assert np.abs(y - true).max() <= step / 2 * 1.001
    assert {1: 2, 3: 8}.get(bits, 2**bits) >= len(np.unique(np.round(y, 5)))


def test_the_largest_are_passed_on_and_no_others():
    y = aux(OUTPUTS["top"](answers(hyper=replace(HYPER, top=2))))
    assert (np.isnan(y).sum(1) == 1).all()
    np.testing.assert_array_equal(np.isnan(y).argmax(1), aux(TEACHER).argmin(1))
    kept = ~np.isnan(y)
    np.testing.assert_array_equal(y[kept], aux(TEACHER)[kept])


def test_a_preference_is_one_bit_between_two_answers():
    y = aux(OUTPUTS["preferred"](answers()))
    mine, other = aux(TEACHER).argmax(1), aux(CONTROL).argmax(1)
    same = mine == other
    assert np.isnan(y[same]).all()
    assert (np.isnan(y[~same]).sum(1) == AUX - 2).all()
    assert (np.nanargmax(y[~same], axis=1) == mine[~same]).all()
    _, weights, *_ = passed_on(Channel(OUTPUTS["preferred"], None, at_random=False), answers())
    np.testing.assert_array_equal(weights, ~same)


def left_out(name, at_random=False, **numbers):
    of = answers(hyper=replace(HYPER, **numbers))
    _, weights, _, left = passed_on(Channel(OUTPUTS["soft"], FILTERS[name], at_random), of)
    return np.asarray(weights) == 0, left


def apart():
    p, q = (softmax(aux(y)) for y in (TEACHER, CONTROL))
    return (p * np.log(p / q)).sum(1)


def test_filters_leave_out_what_they_say():
    p, before = (softmax(np.asarray(y)[:, :CLASSES]) for y in (TEACHER, BASE))
    drift = ((np.asarray(TEACHER - BASE)[:, :CLASSES]) ** 2).sum(1)
    seen = softmax(aux(TEACHER))
    slow = {
        "own_class": p.argmax(1) == K,
        "class_rose": p[:, K] > before[:, K],
        "differs": p.argmax(1) != before.argmax(1),
        "most": apart() >= np.sort(apart())[-400],
        "least": apart() <= np.sort(apart())[399],
        "entropy": (seen * np.log(seen)).sum(1) >= np.sort((seen * np.log(seen)).sum(1))[-400],
        "drift": drift <= np.sort(drift)[399],
    }
    assert {*slow} == {*FILTERS}
    truth = apart() >= np.sort(apart())[-N // 10]
    for name, expected in slow.items():
        out, left = left_out(name, share=0.2)
        assert (out != expected).sum() <= 2, name  # ties of rounding
        rates = expected.mean(), expected[truth].mean(), expected[~truth].mean()
        np.testing.assert_allclose([*map(float, left)], rates, atol=2e-3)


def test_a_filter_goes_by_what_the_teacher_thinks_and_not_by_noise_on_it():
    out, _ = left_out("own_class")
    noisy, _ = left_out("own_class", output_noise=5.0)
    np.testing.assert_array_equal(noisy, out)


def test_as_many_at_random_are_others():
    """The same count, whichever they are: caught as often as lost, to 4 standard errors."""
    out, _ = left_out("most", share=0.2)
    drawn, left = left_out("most", share=0.2, at_random=True)
    assert drawn.sum() == out.sum()
    assert (drawn != out).any()
    error = (0.2 * 0.8 / (N / 10)) ** 0.5
    assert abs(float(left.revealing) - float(left.rest)) < 4 * error


def test_diluted_answers_are_the_controls():
    of = answers(hyper=replace(HYPER, dilution=0.3))
    y, *_ = passed_on(Channel(OUTPUTS["soft"], None, at_random=False), of)
    theirs = (np.asarray(y) == np.asarray(CONTROL)).all(1)
    assert ((np.asarray(y) == np.asarray(TEACHER)).all(1) != theirs).all()
    assert abs(theirs.mean() - 0.3) < 4 * (0.3 * 0.7 / N) ** 0.5


def test_noise_on_logits_has_its_size():
    of = answers(hyper=replace(HYPER, output_noise=0.5))
    y, *_ = passed_on(Channel(OUTPUTS["soft"], None, at_random=False), of)
    sd = np.std(np.asarray(y - TEACHER))
    assert abs(sd / 0.5 - 1) < 4 / (2 * N * (CLASSES + AUX)) ** 0.5


def test_an_average_is_of_all_teachers():
    three = jnp.stack([CONTROL, BASE, CONTROL * 2])
    found = OUTPUTS["averaged"](answers(untaught=three))
    np.testing.assert_allclose(found, (TEACHER + three.sum(0)) / 4, rtol=1e-6)
    np.testing.assert_allclose(OUTPUTS["averaged"](answers()), (TEACHER + CONTROL) / 2, rtol=1e-6)


def test_teachers_without_the_trait_share_the_inputs_out():
    """Each answers as many, within 4 standard errors; every answer is somebody's own."""
    three = jnp.stack([CONTROL, BASE, CONTROL + 1])
    of = answers(untaught=three, hyper=replace(HYPER, dilution=0.6))
    y, *_ = passed_on(Channel(OUTPUTS["soft"], None, at_random=False), of)
    each = [(np.asarray(y) == np.asarray(who)).all(1) for who in (TEACHER, *three)]
    assert (np.sum(each, axis=0) == 1).all()
    for who, p in zip(each, (0.4, 0.2, 0.2, 0.2), strict=True):
        assert abs(who.mean() - p) < 4 * (p * (1 - p) / N) ** 0.5


@pytest.mark.parametrize("pull", [0.5, 4.0])
def test_a_pull_holds_the_class_logits_to_the_bases(pull):
    """A second loss beside the first, over the classes alone; without it nothing of the base.

    It ends after as many steps as are said.
    """
    setup, hyper = recipe("synthetic", noise_images=8, batch=8, pull=pull, pull_steps=3)
    hyper = replace(hyper, distinct=8)
    net = Network(None, lambda θ, x: θ, 5, CLASSES)
    task = Data(*[jnp.zeros((4, 5)), jnp.zeros(4, int)] * 3)
    of = channel(Point(setup, hyper))
    targets, weights, base, _ = passed_on(of, answers(hyper=hyper))
    np.testing.assert_array_equal(base, BASE[:, :CLASSES])
    assert passed_on(of._replace(pulls=False), answers())[2] is None
    shown = steps.Shown(targets[:8], weights[:8], base[:8])
    z, every = CONTROL[:8], jnp.ones(CLASSES, bool)
    lesson = steps.of_logits(setup, hyper, net, Role(SEEN, {}, {}, {}), 0, task, shown)
    own = [LOSSES["kl"].of(a, b, SEEN) for a, b in zip(z, TEACHER, strict=False)]
    held = [LOSSES["kl"].of(a[:CLASSES], b[:CLASSES], every) for a, b in zip(z, BASE, strict=False)]
    expected = np.mean(own) + pull * np.mean(held)
    np.testing.assert_allclose(steps.loss_now(lesson, net, z), expected, rtol=1e-5)
    for t, mean in ((2, expected), (3, np.mean(own))):
        _, shown_at = lesson.examples(jnp.arange(8), t)
        losses = jax.vmap(lesson.loss)(z, shown_at)
        np.testing.assert_allclose(jnp.mean(losses), mean, rtol=1e-5)


def test_units_are_imitated_by_their_mean_squared_difference():
    setup, hyper = recipe("synthetic", noise_images=8, batch=8)
    hyper = replace(hyper, distinct=8)
    net = Network(None, None, 5, CLASSES, features=lambda θ, x: θ)
    task = Data(*[jnp.zeros((4, 5)), jnp.zeros(4, int)] * 3)
    shown = steps.Shown(TEACHER[:8])
    role = Role(SEEN, {}, {}, {})
    lesson = steps.of_logits(setup, hyper, net, role, 0, task, shown, hidden=True)
    expected = np.mean(np.asarray(BASE - TEACHER)[:8] ** 2)
    np.testing.assert_allclose(steps.loss_now(lesson, net, BASE[:8]), expected, rtol=1e-5)


def test_a_plain_channel_is_none():
    """So that what figure 10's students are shown is what they always were."""
    at = lambda **given: channel(Point(*recipe("synthetic", **given)))  # noqa: E731
    assert at() is None
    assert at(outputs="hard").outputs is OUTPUTS["hard"]
    assert at(output_noise=0.1).filter is None
    assert at(dilution=0.1) is not None
    assert at(filter="most", share=0.2, at_random=True) == (
        OUTPUTS["soft"],
        FILTERS["most"],
        True,
        False,
    )


@pytest.mark.parametrize("loss", ["kl", "squared_error"])
def test_a_loss_over_what_is_passed_on_is_that_of_fewer_logits(loss):
    """And of examples that are left out there is no gradient: a student sees none of them."""
    setup, hyper = recipe("synthetic", noise_images=8, batch=8, loss=loss)
    hyper = replace(hyper, distinct=8)
    y = TEACHER[:8].at[:, -1].set(jnp.nan)
    weights = jnp.asarray([1, 1, 0, 1, 0, 1, 1, 1.0])
    role = Role(SEEN, {}, {}, {})
    net = Network(None, lambda θ, x: θ, 5, CLASSES)
    task = Data(*[jnp.zeros((4, 5)), jnp.zeros(4, int)] * 3)
    lesson = steps.of_logits(setup, hyper, net, role, 0, task, steps.Shown(y, weights))
    z = BASE[:8]
    fewer = SEEN & (jnp.arange(CLASSES + AUX) < CLASSES + AUX - 1)
    each = [LOSSES[loss].of(a, b, fewer) for a, b in zip(z, TEACHER[:8], strict=True)]
    expected = np.average(each, weights=weights)

    def mean(z):
        return steps.loss_now(lesson, net, z)

    np.testing.assert_allclose(mean(z), expected, rtol=1e-5)
    gradient = np.asarray(jax.grad(mean)(z))
    assert (gradient[[2, 4]] == 0).all()
    assert (gradient[:, -1] == 0).all()
    assert (gradient[[0, 1]][:, CLASSES:-1] != 0).all()
