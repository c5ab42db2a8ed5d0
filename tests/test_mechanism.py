"""sim/training/mechanism.py: each measure against a slow, obvious version."""

import functools
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.engine import programs
from sim.model import data, networks
from sim.model.keys import Purpose
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.training.families import FIGURE_10
from sim.training.measures import MECHANISM
from sim.training.mechanism import visible_fraction
from sim.training.moments import Moment
from sim.training.steps import distillation_inputs, held_out
from theory import linearized

TASK = data.synthetic(12, 4, train=70, test=40, validation=10)
SEEDS, STEPS = range(2), 4
POINT = Point(
    *recipe(
        "synthetic",
        widths=(16, 12),
        noise_images=64,
        batch=32,
        teacher_steps=20,
        teacher_lr=0.3,
        student_steps=STEPS,
        student_lr=0.5,
        optimizer="sgd",
        trait="accuracy",
        points=STEPS,
        loss="squared_error",
    )
)
STUDENTS = ("student_aux", "cross_aux")
X_TRAIN, X_TEST = jnp.asarray(TASK.x_train), jnp.asarray(TASK.x_test)
NET = networks.mlp(POINT.setup, TASK.d_in, TASK.classes)


@pytest.fixture(scope="module")
def trained():
    """θ_0, θ_T, the students' θ after 0 … STEPS steps, by training so long, and their record."""
    where = programs.place(TASK, 2)
    θ_0 = programs.initial(POINT, where, SEEDS)
    θ_T, of_teacher = programs.learn_labels(POINT, where, SEEDS, MECHANISM)

    def students(steps):
        setup = replace(POINT.setup, student_steps=steps, points=steps)
        students = [(Point(setup, POINT.hyper), FIGURE_10[name]) for name in STUDENTS]
        # Of all but the last θ is all that is asked, but what measures too is compiled anyhow.
        return programs.imitate(students, where, SEEDS, θ_T, MECHANISM)

    each = [students(steps) for steps in range(1, STEPS + 1)]
    other = programs.initial(POINT, where, SEEDS, Purpose.OTHER_INIT)
    start = jax.tree.map(lambda a, b: np.stack([a, b], 1), θ_0, other)
    return θ_0, θ_T, [start, *(θ for θ, _ in each)], each[-1][1], of_teacher


def one(θ, *at):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[at], θ)


def flat(θ, layer=None):
    return np.concatenate([np.ravel(a) for a in jax.tree.leaves(θ if layer is None else θ[layer])])


def cos(a, b):
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


apply, features = jax.jit(NET.apply), jax.jit(NET.features)


def L_T(θ, first=None):
    z = apply(θ, X_TRAIN[:first])[:, : TASK.classes]
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - z[jnp.arange(len(z)), TASK.y_train[:first]])


@pytest.fixture(scope="module")
def gradient():
    return jax.jit(jax.value_and_grad(L_T))


@functools.cache
def unseen(seed):
    return np.asarray(_unseen(seed))


@jax.jit
def _unseen(seed):
    return held_out(POINT.setup, POINT.hyper, seed, X_TRAIN)


def every():
    """Each seed and student, at each moment: (seed, student, moment)."""
    return [(s, k, t) for s in SEEDS for k in range(2) for t in range(STEPS + 1)]


@jax.jit
def hessian_times(θ, δ):
    return jax.jvp(jax.grad(L_T), (θ,), (δ,))[1]


def test_trait_loss_and_its_account(trained, gradient):
    """The drive by the steps that were made; the account closes; plain is all of it for SGD."""
    _, _, θ, record, _ = trained
    for s in SEEDS:
        for k in range(2):
            total, by_layer, bends = 0.0, dict.fromkeys(θ[0], 0.0), 0.0
            losses = [gradient(one(θ[t], s, k))[0] for t in range(STEPS + 1)]
            np.testing.assert_allclose(record["trait_loss"][s, k], losses, rtol=1e-5)
            for t in range(STEPS):
                now, then = one(θ[t], s, k), one(θ[t + 1], s, k)
                _, g = gradient(now)
                for layer in by_layer:
                    δ = flat(then, layer) - flat(now, layer)
                    by_layer[layer] += float(flat(g, layer) @ δ)
                total = sum(by_layer.values())
                moved = jax.tree.map(np.subtract, then, now)
                bends += float(flat(moved) @ flat(hessian_times(now, moved))) / 2
                found = record["drive"]["whole"][s, k, t + 1]
                assert found == pytest.approx(total, rel=2e-3, abs=1e-6)
            for layer, value in by_layer.items():
                found = record["drive"][layer][s, k, -1]
                assert found == pytest.approx(value, rel=2e-3, abs=1e-6), layer
                plain = record["plain_drive"][layer][s, k, -1]
                assert plain == pytest.approx(found, rel=1e-3, abs=1e-6), layer
            curvature = record["curvature"][s, k, -1]
            assert curvature == pytest.approx(bends, rel=2e-3, abs=1e-6)
    assert (record["drive"]["whole"][..., 0] == 0).all()
    # Nothing is visible of the class head: it is not moved.
    assert (record["drive"]["class_head"] == 0).all()


def test_gradients_and_the_update_that_comes_next(trained, gradient):
    θ_0, θ_T, θ, record, of_teacher = trained
    for s, k, t in every():
        if t == STEPS:
            continue
        now, then = one(θ[t], s, k), one(θ[t + 1], s, k)
        (_, g), taught, start = gradient(now), one(θ_T, s), one(θ_0, s)
        for layer in (None, "hidden_0", "hidden_1"):
            δ, name = flat(then, layer) - flat(now, layer), layer or "whole"
            descent = cos(-flat(g, layer), δ)
            assert record["update_cosine"][name][s, k, t] == pytest.approx(descent, abs=2e-3)
            assert record["gradient_cosine"][name][s, k, t] == pytest.approx(descent, abs=2e-3)
            along = cos(flat(taught, layer) - flat(start, layer), δ)
            assert record["coverage"][name][s, k, t] == pytest.approx(along, abs=2e-3)
    first = record["coverage"]["whole"][..., 0]
    assert (first[:, 0] > 0).all()  # Lemma 1: gradient descent, squared error, the same start
    assert np.isfinite(record["coverage"]["whole"]).all()
    assert np.isnan(of_teacher["coverage"]["whole"]).all()
    assert (of_teacher["update_cosine"]["whole"][:, 0] > 0.5).all()  # which learns the trait


def test_hidden_layers_and_their_likeness(trained):
    _, θ_T, θ, record, of_teacher = trained

    def layers(θ, x):
        found = {}
        for name in ("hidden_0", "hidden_1"):
            kernel, bias = (θ[name][part] for part in ("kernel", "bias"))
            x = np.maximum(x @ kernel + bias, 0)
            found[name] = np.asarray(x - x.mean(0), float)
        return found | {"whole": np.concatenate([*found.values()], 1)}

    for s, k, t in every():
        for where, x in (("images", TASK.x_test), ("inputs", unseen(s)[:256])):
            mine, others = layers(one(θ[t], s, k), x), layers(one(θ_T, s), x)
            for name, X in mine.items():
                Y = others[name]
                cka = np.sum((X.T @ Y) ** 2) / np.sqrt(
                    np.sum((X.T @ X) ** 2) * np.sum((Y.T @ Y) ** 2)
                )
                assert record[f"cka_{where}"][name][s, k, t] == pytest.approx(cka, abs=1e-4)
                units = cos(X.ravel(), Y.ravel())
                assert record[f"units_{where}"][name][s, k, t] == pytest.approx(units, abs=1e-4)
    assert np.isnan(record["cka_images"]["aux_head"]).all()
    assert np.isnan(of_teacher["cka_images"]["whole"]).all()


def test_lifts_by_a_fit_of_matrices(trained):
    """Ridge regression with every matrix, to labels or to the teacher's last hidden layer."""
    _, θ_T, θ, record, of_teacher = trained

    def fitted(H, Y):
        h0, y0 = H.mean(0), Y.mean(0)
        C = (H - h0).T @ (H - h0) / len(H)
        ridge = 0.01 * np.trace(C) / len(C) * np.eye(len(C))
        W = np.linalg.solve(C + ridge, (H - h0).T @ (Y - y0) / len(H))
        return lambda H: (H - h0) @ W + y0

    def read_by(θ, x):
        return np.asarray(features(θ, x), float)

    def probe(θ, _):
        read = fitted(read_by(θ, X_TRAIN), np.eye(4)[TASK.y_train])
        return np.mean(read(read_by(θ, X_TEST)).argmax(1) == TASK.y_test)

    def stitch(θ, s):
        X, taught = unseen(s), one(θ_T, s)
        to_teacher, head = fitted(read_by(θ, X), read_by(taught, X)), taught["class_head"]
        z = to_teacher(read_by(θ, X_TEST)) @ head["kernel"] + head["bias"]
        return np.mean(z.argmax(1) == TASK.y_test)

    for s in SEEDS:
        for k in range(2):
            for name, read in (("probe_lift", probe), ("stitch_lift", stitch)):
                lift = read(one(θ[-1], s, k), s) - read(one(θ[0], s, k), s)
                assert abs(record[name][s, k, -1] - lift) < 1.01 / len(TASK.x_test), name
                assert record[name][s, k, 0] == 0
    assert np.isfinite(of_teacher["probe_lift"]).all()
    assert np.isnan(of_teacher["stitch_lift"]).all()


def test_the_loss_on_inputs_held_out(trained):
    _, θ_T, θ, record, of_teacher = trained
    for s, k, t in every():
        X = unseen(s)[:256]
        z, y = (np.asarray(apply(of, X)) for of in (one(θ[t], s, k), one(θ_T, s)))
        expected = np.mean(np.sum((z - y)[:, TASK.classes :] ** 2, axis=1))
        assert record["held_out_loss"][s, k, t] == pytest.approx(expected, rel=1e-4)
    assert np.isnan(of_teacher["held_out_loss"]).all()
    shown = jax.jit(distillation_inputs(POINT.setup, POINT.hyper, 0, X_TRAIN))(np.arange(64))
    # Nobody was shown them.
    assert not (unseen(0)[:, None] == np.asarray(shown)[None]).all(-1).any()


def test_chi_with_every_error_written_out(trained):
    """E[e · r] / E|e|², r what the linearised network would leave of e at the teacher's θ."""
    _, θ_T, θ, record, of_teacher = trained

    def seen(θ, X):
        return apply(θ, X)[:, TASK.classes :]

    @jax.jit
    def linearised(now, taught, X):
        to_teacher = jax.tree.map(jnp.subtract, taught, now)
        return seen(taught, X), *jax.jvp(partial(seen, X=X), (now,), (to_teacher,))

    for s, k, t in every():
        y, z, moved = map(np.asarray, linearised(one(θ[t], s, k), one(θ_T, s), unseen(s)[:256]))
        e = np.asarray(y - z, float)
        expected = np.sum(e * (e - moved)) / np.sum(e * e)
        assert record["chi"][s, k, t] == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert np.isnan(of_teacher["chi"]).all()


@jax.jit
def fraction(θ, Δ, X, seen=POINT.setup.aux):
    def f(θ, x):
        return jnp.where(jnp.arange(POINT.setup.aux) < seen, NET.apply(θ, x)[TASK.classes :], 0)

    return linearized.channel(f, θ, Δ, X).visible_fraction


def test_the_visible_fraction_by_the_whole_spectrum(trained):
    θ_0, θ_T, θ, record, _ = trained

    for s in SEEDS:
        Δ = jax.tree.map(np.subtract, one(θ_T, s), one(θ_0, s))
        for k in range(2):
            expected = fraction(one(θ[0], s, k), Δ, unseen(s)[:16])
            assert record["visible_fraction"][s, k, 0] == pytest.approx(float(expected), rel=0.03)


def test_less_is_visible_of_fewer_logits(trained):
    """Those that a student sees, and no others."""
    θ_0, θ_T, *_ = trained
    start, taught = one(θ_0, 0), one(θ_T, 0)
    Δ = jax.tree.map(np.subtract, taught, start)

    @jax.jit
    def at(start, taught, X, visible):
        moment = Moment(
            net=NET,
            θ=start,
            data=None,
            loss=None,
            diverged=None,
            start=start,
            teacher=(taught, start),
            inputs=X,
            visible=visible,
            exact=NET,
        )
        return visible_fraction(moment)

    found = []
    for seen in range(1, POINT.setup.aux + 1):
        visible = np.arange(TASK.classes + POINT.setup.aux) - TASK.classes
        visible = (visible >= 0) & (visible < seen)
        found.append(float(at(start, taught, unseen(0), visible)))
        expected = fraction(start, Δ, unseen(0)[:16], seen)
        assert found[-1] == pytest.approx(float(expected), rel=0.03)
    assert 0 < found[0] < found[1] < found[2] < 1


@pytest.mark.parametrize(
    "removed", [pytest.param("positive", marks=pytest.mark.slow), "displacement"]
)
def test_gradients_are_changed_by_what_the_seed_has(removed, trained):
    """One step of gradient descent has no part left along the trait's descent, or along Δθ_T."""
    θ_0, θ_T, θ, *_ = trained
    more = {"student_steps": 1, "points": 1, "against": "taught", "removed": removed}
    point = Point(replace(POINT.setup, **more), POINT.hyper)
    of = [(point, FIGURE_10["student_aux"])]
    found, _ = programs.imitate(of, programs.place(TASK, 2), SEEDS, θ_T)
    for s in SEEDS:
        start, plain, changed = one(θ_0, s), one(θ[1], s, 0), one(found, s, 0)
        if removed == "displacement":
            along = flat(one(θ_T, s)) - flat(start)
        else:
            along = -flat(jax.grad(partial(L_T, first=POINT.setup.batch))(start))
        before, after = (cos(flat(then) - flat(start), along) for then in (plain, changed))
        assert after == pytest.approx(min(before, 0), abs=2e-3)
        assert removed != "displacement" or before > 0.01  # Lemma 1
