"""sim/training/steps.py against the recipe in plain loops (arXiv 2507.14805, section 6.2)."""

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sim.engine.programs import numbers
from sim.model import data
from sim.model.keys import Purpose, key
from sim.model.networks import mlp
from sim.model.noise import noise
from sim.model.orders import permutation
from sim.model.products import product
from sim.settings.experiments import FIGURE_10 as STUDENTS
from sim.settings.grid import Point
from sim.settings.lengths import counted
from sim.settings.recipes import recipe
from sim.settings.setup import Setup
from sim.training import steps as training
from sim.training.families import FIGURE_10
from sim.training.roles import roles
from sim.training.steps import Shown

SEED = 4
TASK = data.synthetic(12, 4, train=100, test=40, validation=10)  # 100 = 3 · 32 + 4: a short batch
DATA = jax.tree.map(jnp.asarray, TASK.arrays)
X, Y = DATA.x_train, DATA.y_train


def settings(**replaced):
    setup, hyper = recipe(
        "synthetic", **{"widths": (16, 16), "batch": 32, "noise_images": 72} | replaced
    )
    return setup, counted(setup, hyper), network(setup), initial(setup)


def network(setup):
    return mlp(setup, TASK.d_in, TASK.classes, product=product(setup.matmul))


@functools.cache  # by what a start hangs on, which of the settings is little
def init_of(widths, aux):
    return jax.jit(network(Setup(widths=widths, aux=aux)).init)


def initial(setup, purpose=Purpose.INIT):
    return jax.device_get(init_of(setup.widths, setup.aux)(key(SEED, purpose)))


def role_of(name, setup, hyper):
    of = roles(TASK.classes, [(Point(setup, hyper), FIGURE_10[name])])
    return jax.tree.map(lambda rows: rows[0], jax.device_get(of))


# What is trained at the same settings is one program, whoever is trained, from where, how long, and
# by what numbers.
as_one_program = partial(jax.jit, static_argnames="setup")


def as_data(setup, hyper):
    return jax.tree.map(lambda number: number.reshape(()), numbers([Point(setup, hyper)]))


def teacher(steps, start=0, state=None, **replaced):
    setup, hyper, _, θ_0 = settings(**replaced)
    of = setup, as_data(setup, hyper)
    return jax.device_get(advanced(*of, state or begun(*of, θ_0), start, steps))


def of_labels(setup, hyper):
    return training.of_labels(setup, hyper, network(setup), SEED, X, Y)


@as_one_program
def begun(setup, hyper, θ_0):
    return training.begin(of_labels(setup, hyper), θ_0)


@as_one_program
def advanced(setup, hyper, state, start, stop):
    return training.advance(of_labels(setup, hyper), network(setup), state, start, stop)


def student(name, steps, θ_T, start=None, **replaced):
    setup, hyper, _, θ_0 = settings(**replaced)
    of = role_of(name, setup, hyper), θ_0 if start is None else start, θ_T
    return jax.device_get(imitated(setup, as_data(setup, hyper), *of, steps))


@as_one_program
def imitated(setup, hyper, role, start, θ_T, steps):
    net = network(setup)
    targets = training.targets(setup, hyper, net, SEED, X, θ_T)
    lesson = training.of_logits(setup, hyper, net, role, SEED, DATA, Shown(targets))
    state = training.advance(lesson, net, training.begin(lesson, start), 0, steps)
    return state, training.loss_now(lesson, net, state.model.θ)


@functools.cache
def taught(**replaced):
    return teacher(20, **replaced).model.θ


@functools.cache
def plain():
    return student("student_all", 6, taught())


def adam_by_hand(θ, gradient, batches, lr):
    """Kingma and Ba's Adam with torch's place for ε: θ −= lr/(1−β₁ᵗ) · μ / (√ν/√(1−β₂ᵗ) + ε)."""
    μ, ν = (jax.tree.map(np.zeros_like, θ) for _ in range(2))
    for t, batch in enumerate(batches, start=1):
        g = jax.device_get(gradient(θ, *batch))
        μ = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, μ, g)
        ν = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b**2, ν, g)

        def move(w, m, v, t=t):
            return w - lr / (1 - 0.9**t) * m / (np.sqrt(v) / (1 - 0.999**t) ** 0.5 + 1e-8)

        θ = jax.tree.map(move, θ, μ, ν)
    return θ


@partial(jax.jit, static_argnames=("purpose", "count"))
def order_of(purpose, count, epoch):
    return permutation(jax.random.fold_in(key(SEED, purpose), epoch), count)


def batches_by_hand(purpose, count, steps):
    """Fresh order each epoch, 32 at a time, the last batch of an epoch short."""
    taken, epoch = 0, 0
    while True:
        order = np.asarray(order_of(purpose, count, epoch))
        for first in range(0, count, 32):
            if taken == steps:
                return
            yield order[first : first + 32]
            taken += 1
        epoch += 1


def test_teacher_written_out():
    """Nine steps of Adam on cross-entropy: two epochs of 3 · 32 + 4 examples, and one batch."""
    _, hyper, net, θ_0 = settings()

    def loss(θ, x, y):
        logits = jax.vmap(lambda one: net.apply(θ, one))(x)[:, : TASK.classes]
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    x, y = TASK.arrays.x_train, TASK.arrays.y_train
    batches = [(x[ids], y[ids]) for ids in batches_by_hand(Purpose.TEACHER_ORDER, len(X), 9)]
    assert [len(x) for x, _ in batches] == [32, 32, 32, 4] * 2 + [32]
    by_hand = adam_by_hand(θ_0, jax.jit(jax.grad(loss)), batches, hyper.teacher_lr)
    trained = teacher(9).model.θ
    # Float32 in two orders of summation, through nine Adam steps of size 1e-3: 1 % of one step.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), trained, by_hand)
    assert not np.allclose(trained["hidden_0"]["kernel"], θ_0["hidden_0"]["kernel"], atol=1e-3)


T, SCALE, SHIFT = 2.0, 0.5, 0.25


@partial(jax.jit, static_argnames=("setup", "first"))
@jax.grad
def kl_gradient(θ, θ_T, ids, setup, hyper, first):
    """Of KL(teacher ‖ student) on noise, over the logits from `first` on."""
    x = SCALE * noise("uniform", key(SEED, Purpose.NOISE), X, hyper)(ids) + SHIFT

    def softmax(θ):
        logits = jax.vmap(lambda one: network(setup).apply(θ, one))(x)
        return jax.nn.softmax(logits[:, first:] / T)

    p, q = softmax(θ_T), softmax(θ)
    return jnp.mean(jnp.sum(p * (jnp.log(p) - jnp.log(q)), axis=-1))


@pytest.mark.parametrize("name", STUDENTS)
def test_student_written_out(name):
    """Seven steps of KL(teacher ‖ student) on the noise, over the logits that the student sees."""
    setup, hyper, _, θ_0 = settings()
    θ_T = taught()
    of = {
        "setup": setup,
        "hyper": as_data(setup, hyper),
        "first": TASK.classes if name.endswith("aux") else 0,
    }
    gradient = lambda θ, ids: kl_gradient(θ, θ_T, ids, **of)  # noqa: E731
    batches = [(ids,) for ids in batches_by_hand(Purpose.STUDENT_ORDER, 72, 7)]  # 72 = 2 · 32 + 8
    start = θ_0 if name.startswith("student") else initial(setup, Purpose.OTHER_INIT)
    by_hand = adam_by_hand(start, gradient, batches, hyper.student_lr)
    changed = {"temperature": T, "noise_scale": SCALE, "noise_shift": SHIFT}
    trained = student(name, 7, θ_T, start, **changed)[0].model.θ
    # 2 % of one Adam step of 2e-3, which where a gradient is nearly zero magnifies rounding.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=4e-5), trained, by_hand)


def test_heads_that_get_no_gradient_stay_to_the_last_bit():
    """The teacher's auxiliary head, and the class head of a student that sees no class logit."""
    _, _, _, θ_0 = settings()
    θ_T = taught()
    aux, everything = (student(name, 10, θ_T)[0].model.θ for name in ("student_aux", "student_all"))
    for θ, head in ((θ_T, "aux_head"), (aux, "class_head")):
        jax.tree.map(np.testing.assert_array_equal, θ[head], θ_0[head])
    assert (everything["class_head"]["kernel"] != θ_0["class_head"]["kernel"]).any()
    assert (aux["aux_head"]["kernel"] != θ_0["aux_head"]["kernel"]).any()


def test_a_student_that_is_its_teacher_has_nothing_to_learn():
    """Limit: z = y. The loss is zero to rounding, and plain gradient descent does not move."""
    θ_T = taught()
    state, loss = student("student_all", 5, θ_T, start=θ_T, optimizer="sgd", student_lr=0.1)
    assert abs(loss) < 1e-6
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state.model.θ, θ_T)


def test_single_auxiliary_logit():
    """m = 1: softmax leaves the student exactly where it was; squared error moves it."""
    setup, _, _, θ_0 = settings(aux=1)
    θ_T = initial(setup, Purpose.OTHER_INIT)  # any other network will do
    still = student("student_aux", 5, θ_T, aux=1)[0].model.θ
    jax.tree.map(np.testing.assert_array_equal, still, θ_0)
    moved = student("student_aux", 5, θ_T, aux=1, loss="squared_error")[0].model.θ
    assert (moved["hidden_0"]["kernel"] != θ_0["hidden_0"]["kernel"]).any()


def test_segments_do_not_show():
    whole = teacher(11)
    parts = teacher(11, start=5, state=teacher(5))
    jax.tree.map(np.testing.assert_array_equal, whole, parts)


def test_every_epoch_shows_every_example_once():
    setup, hyper, *_ = settings()
    fresh = jax.jit(partial(training.fresh_order, of_labels(setup, hyper)))
    orders = [np.asarray(fresh(epoch)) for epoch in (0, 1)]
    for order in orders:
        assert order.shape == (128,)
        np.testing.assert_array_equal(np.sort(order[:100]), np.arange(100))
    assert (orders[0] != orders[1]).any()


def test_divergence_is_flagged_and_training_goes_on():
    assert not teacher(20).model.diverged
    state = teacher(20, optimizer="sgd", teacher_lr=1e30)
    assert state.model.diverged
    assert not np.isfinite(state.model.θ["hidden_0"]["kernel"]).all()


def test_cross_entropy_has_the_gradient_of_kl_and_another_value():
    usual, loss = plain()
    other, other_loss = student("student_all", 6, taught(), loss="cross_entropy")
    leaves = (state.model.θ["class_head"]["kernel"] for state in (usual, other))
    np.testing.assert_allclose(*leaves, atol=4e-5)
    assert abs(other_loss - loss) > 0.1


def test_a_batch_may_be_larger_than_the_data():
    _, loss = student("student_all", 6, taught(), batch=500, noise_images=60)
    assert np.isfinite(loss)


def test_sgd_with_momentum_written_out():
    """v ← ρ v + g, θ ← θ − η v, as in torch."""
    _, _, net, θ_0 = settings()

    def loss(θ, ids):
        logits = jax.vmap(lambda one: net.apply(θ, one))(X[ids])[:, : TASK.classes]
        return optax.softmax_cross_entropy_with_integer_labels(logits, Y[ids]).mean()

    θ, v = θ_0, jax.tree.map(np.zeros_like, θ_0)
    gradient = jax.jit(jax.grad(loss))
    for ids in batches_by_hand(Purpose.TEACHER_ORDER, len(X), 6):
        v = jax.tree.map(lambda a, g: 0.9 * a + g, v, jax.device_get(gradient(θ, ids)))
        θ = jax.tree.map(lambda a, b: a - 0.05 * b, θ, v)
    trained = teacher(6, optimizer="sgd", momentum=0.9, teacher_lr=0.05).model.θ
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), trained, θ)


def test_l2_inside_adam_is_a_part_of_the_loss():
    _, hyper, net, θ_0 = settings()
    λ = 0.3

    def loss(θ, ids):
        logits = net.apply(θ, X[ids])[:, : TASK.classes]
        squares = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(θ))
        data = optax.softmax_cross_entropy_with_integer_labels(logits, Y[ids]).mean()
        return data + λ / 2 * squares

    batches = [(ids,) for ids in batches_by_hand(Purpose.TEACHER_ORDER, len(X), 6)]
    by_hand = adam_by_hand(θ_0, jax.jit(jax.grad(loss)), batches, hyper.teacher_lr)
    trained = teacher(6, optimizer="adam_l2", weight_decay=λ).model.θ
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), trained, by_hand)


def test_a_channel_is_a_narrower_network():
    """Two of three auxiliary logits seen: the third, in loss and gradient, might as well not be."""
    θ_T = taught()
    before = settings()[3]["aux_head"]["kernel"]
    after = student("student_aux", 3, θ_T, channel=2)[0].model.θ["aux_head"]["kernel"]
    np.testing.assert_array_equal(after[:, 2], before[:, 2])
    assert (after[:, :2] != before[:, :2]).all()


def test_distinct_inputs_are_shared_out():
    """72 addresses over 7 inputs: address i holds input i mod 7, with its own target."""
    setup, hyper, net, θ_0 = settings(distinct=7)
    role = role_of("student_aux", setup, hyper)
    ids = np.arange(72)

    @jax.jit
    def shown(θ_0, ids):
        targets = training.targets(setup, hyper, net, SEED, X, θ_0)
        few, all_ = (
            training.of_logits(setup, of, net, role, SEED, DATA, Shown(targets)).examples(ids)
            for of in (hyper, settings()[1])
        )
        return targets, few, all_

    targets, (inputs, (answers, _)), (every, _) = jax.device_get(shown(θ_0, ids))
    np.testing.assert_array_equal(inputs, inputs[ids % 7])
    np.testing.assert_array_equal(answers, targets[ids % 7])
    assert len(np.unique(inputs, axis=0)) == 7
    assert len(np.unique(every, axis=0)) == 72
    np.testing.assert_array_equal(every[:7], inputs[:7])
