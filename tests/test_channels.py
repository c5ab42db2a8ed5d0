"""sim/training/channels.py: what is passed on and left out, against slow and obvious versions."""

from dataclasses import replace
from functools import partial

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

RNG = np.random.default_rng(0)
N, CLASSES, AUX, K = 2000, 4, 3, 1
TEACHER, BASE, CONTROL = (RNG.normal(0, 2, (N, CLASSES + AUX)).astype(np.float32) for _ in range(3))
SEEN = jnp.asarray(np.arange(CLASSES + AUX) >= CLASSES)
TASK = Data(*[jnp.asarray(a) for a in (np.zeros((4, 5), np.float32), np.zeros(4, np.int32))] * 3)
HYPER = replace(Point(*recipe("synthetic", outputs="rounded", bits=3)).hyper, distinct=N)


def asked(of, hyper=HYPER, untaught=CONTROL[None]):
    """What a function makes of answers, in one program."""

    def program(teacher, base, untaught, key):
        return of(Answers(teacher, base, untaught, SEEN, CLASSES, jnp.int32(K), hyper, key))

    return jax.device_get(jax.jit(program)(TEACHER, BASE, untaught, jax.random.key(0)))


def shown(outputs, hyper=HYPER, untaught=CONTROL[None]):
    """What of it is passed on, all of the examples."""
    of = Channel(OUTPUTS[outputs], None, at_random=False)
    return asked(partial(passed_on, of), hyper, untaught)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def aux(logits):
    return logits[:, CLASSES:]


def kl(y, z):
    p, q = softmax(y), softmax(z)
    return (p * np.log(p / q)).sum(1)


def test_hard_and_sampled_labels_are_places_of_what_is_seen():
    """The largest; or by the softmax, a share within 4 standard errors; others' softmax is 0."""
    for name in ("hard", "sampled"):
        p = softmax(aux(asked(OUTPUTS[name])))
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
    y, true = aux(asked(OUTPUTS["rounded"], replace(HYPER, bits=bits))), aux(TEACHER)
    step = (true.max() - true.min()) / (2**bits - 1)
    assert len(np.unique(np.round((y - true.min()) / step).astype(int))) <= 2**bits
    assert np.abs(y - true).max() <= step / 2 * 1.001
    assert {1: 2, 3: 8}.get(bits, 2**bits) >= len(np.unique(np.round(y, 5)))


def test_the_largest_are_passed_on_and_no_others():
    y = aux(asked(OUTPUTS["top"], replace(HYPER, top=2)))
    assert (np.isnan(y).sum(1) == 1).all()
    np.testing.assert_array_equal(np.isnan(y).argmax(1), aux(TEACHER).argmin(1))
    kept = ~np.isnan(y)
    np.testing.assert_array_equal(y[kept], aux(TEACHER)[kept])


def test_a_preference_is_one_bit_between_two_answers():
    y = aux(asked(OUTPUTS["preferred"]))
    mine, other = aux(TEACHER).argmax(1), aux(CONTROL).argmax(1)
    same = mine == other
    assert np.isnan(y[same]).all()
    assert (np.isnan(y[~same]).sum(1) == AUX - 2).all()
    assert (np.nanargmax(y[~same], axis=1) == mine[~same]).all()
    _, weights, *_ = shown("preferred")
    np.testing.assert_array_equal(weights, ~same)


def left_out(*names, at_random=False, **numbers):
    """Which are left out by each of some filters, and what is counted of it."""

    def each(of):
        to = (Channel(OUTPUTS["soft"], FILTERS[name], at_random) for name in names)
        return [passed_on(channel, of)[1::2] for channel in to]

    return [(weights == 0, left) for weights, left in asked(each, replace(HYPER, **numbers))]


def test_filters_leave_out_what_they_say():
    p, before = (softmax(y[:, :CLASSES]) for y in (TEACHER, BASE))
    drift = ((TEACHER - BASE)[:, :CLASSES] ** 2).sum(1)
    seen, apart = softmax(aux(TEACHER)), kl(aux(TEACHER), aux(CONTROL))
    slow = {
        "own_class": p.argmax(1) == K,
        "class_rose": p[:, K] > before[:, K],
        "differs": p.argmax(1) != before.argmax(1),
        "most": apart >= np.sort(apart)[-400],
        "least": apart <= np.sort(apart)[399],
        "entropy": (seen * np.log(seen)).sum(1) >= np.sort((seen * np.log(seen)).sum(1))[-400],
        "drift": drift <= np.sort(drift)[399],
    }
    assert {*slow} == {*FILTERS}
    truth = apart >= np.sort(apart)[-N // 10]
    found = left_out(*slow, share=0.2)
    for (name, expected), (out, left) in zip(slow.items(), found, strict=True):
        assert (out != expected).sum() <= 2, name  # ties of rounding
        rates = expected.mean(), expected[truth].mean(), expected[~truth].mean()
        np.testing.assert_allclose([*map(float, left)], rates, atol=2e-3)


def test_a_filter_goes_by_what_the_teacher_thinks_and_not_by_noise_on_it():
    ((out, _),) = left_out("own_class")
    ((noisy, _),) = left_out("own_class", output_noise=5.0)
    np.testing.assert_array_equal(noisy, out)


def test_as_many_at_random_are_others():
    """The same count, whichever they are: caught as often as lost, to 4 standard errors."""
    ((out, _),) = left_out("most", share=0.2)
    ((drawn, left),) = left_out("most", share=0.2, at_random=True)
    assert drawn.sum() == out.sum()
    assert (drawn != out).any()
    error = (0.2 * 0.8 / (N / 10)) ** 0.5
    assert abs(float(left.revealing) - float(left.rest)) < 4 * error


def test_diluted_answers_are_the_controls():
    y, *_ = shown("soft", replace(HYPER, dilution=0.3))
    theirs = (y == CONTROL).all(1)
    assert ((y == TEACHER).all(1) != theirs).all()
    assert abs(theirs.mean() - 0.3) < 4 * (0.3 * 0.7 / N) ** 0.5


def test_noise_on_logits_has_its_size():
    y, *_ = shown("soft", replace(HYPER, output_noise=0.5))
    sd = np.std(y - TEACHER)
    assert abs(sd / 0.5 - 1) < 4 / (2 * N * (CLASSES + AUX)) ** 0.5


def test_an_average_is_of_all_teachers():
    three = np.stack([CONTROL, BASE, CONTROL * 2])
    found, one = asked(OUTPUTS["averaged"], untaught=three), asked(OUTPUTS["averaged"])
    np.testing.assert_allclose(found, (TEACHER + three.sum(0)) / 4, rtol=1e-6)
    np.testing.assert_allclose(one, (TEACHER + CONTROL) / 2, rtol=1e-6)


@pytest.mark.parametrize("at_random", [False, True])
@pytest.mark.parametrize("distinct", [50, N])
def test_a_share_is_of_the_inputs_that_are_shown(distinct, at_random):
    """Which are the first, where distinct inputs are fewer than their addresses."""
    hyper = replace(HYPER, share=0.2, distinct=distinct)
    of = Channel(OUTPUTS["soft"], FILTERS["most"], at_random)
    _, weights, _, left = asked(partial(passed_on, of), hyper)
    out, apart = weights[:distinct] == 0, kl(aux(TEACHER), aux(CONTROL))[:distinct]
    assert out.sum() == 0.2 * distinct == pytest.approx(left.out * distinct)
    highest, tenth = (np.argsort(apart)[-int(s * distinct) :] for s in (0.2, 0.1))
    assert {*np.flatnonzero(out)} == {*highest} or at_random
    assert left.revealing == pytest.approx(out[tenth].mean())
    assert left.rest == pytest.approx(np.delete(out, tenth).mean())


def test_teachers_without_the_trait_share_the_inputs_out():
    """Each answers as many, within 4 standard errors; every answer is somebody's own."""
    three = np.stack([CONTROL, BASE, CONTROL + 1])
    y, *_ = shown("soft", replace(HYPER, dilution=0.6), three)
    each = [(y == who).all(1) for who in (TEACHER, *three)]
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
    of, z = channel(Point(setup, hyper)), CONTROL[:8]

    def losses(of, answers):
        targets, weights, base, _ = passed_on(of, answers)
        seen = steps.Shown(targets[:8], weights[:8], base[:8])
        lesson = steps.of_logits(setup, hyper, net, Role(SEEN, {}, {}, {}), 0, TASK, seen)
        shown_at = [lesson.examples(jnp.arange(8), t)[1] for t in (2, 3)]
        at_steps = [jnp.mean(jax.vmap(lesson.loss)(jnp.asarray(z), at)) for at in shown_at]
        now = [steps.loss_now(lesson, net, jnp.asarray(z), t) for t in (2, 3)]
        return base, now, at_steps

    base, now, at_steps = asked(partial(losses, of), hyper)
    np.testing.assert_array_equal(base, BASE[:, :CLASSES])
    assert asked(partial(passed_on, of._replace(pulls=False)))[2] is None
    own, held = kl(aux(TEACHER[:8]), aux(z)), kl(BASE[:8, :CLASSES], z[:, :CLASSES])
    expected = np.mean(own) + pull * np.mean(held)
    np.testing.assert_allclose(now, [expected, np.mean(own)], rtol=1e-5)
    np.testing.assert_allclose(at_steps, [expected, np.mean(own)], rtol=1e-5)


def test_units_are_imitated_by_their_mean_squared_difference():
    setup, hyper = recipe("synthetic", noise_images=8, batch=8)
    hyper = replace(hyper, distinct=8)
    net = Network(None, None, 5, CLASSES, features=lambda θ, x: θ)
    seen, role = steps.Shown(jnp.asarray(TEACHER[:8])), Role(SEEN, {}, {}, {})
    lesson = steps.of_logits(setup, hyper, net, role, 0, TASK, seen, hidden=True)
    expected = np.mean((BASE - TEACHER)[:8] ** 2)
    found = jax.jit(partial(steps.loss_now, lesson, net))(BASE[:8])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("outputs", ["soft", "sampled"])
def test_what_is_drawn_of_a_logit_is_the_same_beside_more(outputs):
    """Which are not seen: a channel of m logits is one, in a network that has more of them."""
    hyper = replace(HYPER, output_noise=0.5)
    few = shown(outputs, hyper)[0]
    more = np.concatenate([TEACHER, TEACHER[:, -2:]], axis=1)

    def program(teacher, base, untaught, key):
        seen = jnp.concatenate([SEEN, jnp.zeros(2, bool)])
        return passed_on(
            Channel(OUTPUTS[outputs], None, at_random=False),
            Answers(teacher, base, untaught, seen, CLASSES, jnp.int32(K), hyper, key),
        )[0]

    wide = jax.jit(program)(more, more, more[None], jax.random.key(0))
    np.testing.assert_array_equal(np.asarray(wide)[:, : few.shape[1]], few)
    assert (few != TEACHER).any(1).all()


@pytest.mark.parametrize("temperature", [1.0, 100.0])
def test_a_label_is_one_at_any_temperature(temperature):
    seen = np.asarray(shown("hard")[0])[:, CLASSES:] / temperature
    np.testing.assert_array_equal(softmax(seen), np.eye(AUX)[aux(TEACHER).argmax(1)])


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
    y, z = TEACHER[:8].copy(), BASE[:8]
    y[:, -1] = np.nan
    weights = np.float32([1, 1, 0, 1, 0, 1, 1, 1])
    role = Role(SEEN, {}, {}, {})
    net = Network(None, lambda θ, x: θ, 5, CLASSES)
    seen = steps.Shown(jnp.asarray(y), jnp.asarray(weights))
    lesson = steps.of_logits(setup, hyper, net, role, 0, TASK, seen)
    fewer = slice(CLASSES, -1)
    difference = {"kl": kl, "squared_error": lambda y, z: ((y - z) ** 2).sum(1)}[loss]
    expected = np.average(difference(TEACHER[:8, fewer], z[:, fewer]), weights=weights)
    mean, gradient = jax.device_get(
        jax.jit(jax.value_and_grad(partial(steps.loss_now, lesson, net)))(z)
    )
    np.testing.assert_allclose(mean, expected, rtol=1e-5)
    assert (gradient[[2, 4]] == 0).all()
    assert (gradient[:, -1] == 0).all()
    assert (gradient[[0, 1]][:, CLASSES:-1] != 0).all()
