"""sim/training/measures.py: each against a slow, obvious version, and what it is called."""

import jax
import numpy as np
import pytest

from sim.engine import programs
from sim.model import data
from sim.model.networks import Network
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.training import measures
from sim.training.families import FIGURE_10
from sim.training.measures import ALWAYS, MEASURES, MECHANISM

# A "network" whose logits are its input; the last two are auxiliary and larger than all others.
ECHO = Network(init=None, apply=lambda θ, x: θ["scale"] * x, d_in=5, classes=3)
θ = {"scale": np.float32(1)}
accuracy = jax.jit(measures.accuracy, static_argnums=0)


@pytest.mark.parametrize("n", [1, 7, 1000, 1100])  # within a block, a block, more than one
def test_accuracy_counts_class_logits_only(n):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 5)).astype(np.float32) + np.float32([0, 0, 0, 9, 9])
    y = rng.integers(0, 3, n).astype(np.int32)
    expected = np.mean(x[:, :3].argmax(1) == y)
    assert accuracy(ECHO, θ, x, y) == pytest.approx(expected, abs=1e-6)


def test_limits():
    x = np.eye(3, 5, dtype=np.float32)
    assert accuracy(ECHO, θ, x, np.arange(3)) == 1
    assert accuracy(ECHO, {"scale": np.float32(-1)}, x, np.arange(3)) == 0
    assert np.isnan(accuracy(ECHO, θ, x[:0], np.arange(0)))
    lost = {"scale": np.float32(np.nan)}  # answers class 0
    assert accuracy(ECHO, lost, x, np.arange(3)) == pytest.approx(1 / 3)


def test_names_units_and_ranges():
    """What is saved, shown and drawn of a measure follows from these."""
    setup, _ = recipe("digits")
    said = {
        name: (m.unit(setup) if callable(m.unit) else m.unit, m.range, m.final, m.path)
        for name, m in MEASURES.items()
        if name not in MECHANISM
    }
    fraction = "fraction", (0.0, 1.0)
    assert said == {
        "test_accuracy": (*fraction, "test_accuracy", "accuracy_by_step"),
        "validation_accuracy": (*fraction, "validation_accuracy", ""),
        "loss": ("nats", None, "training_loss", "loss_by_step"),
        "diverged": ("", None, "diverged", ""),
        "displacement_cosine": (
            "",
            (-1.0, 1.0),
            "displacement_cosine",
            "displacement_cosine_by_step",
        ),
        "projection": ("", None, "projection", ""),
        "skill": (*fraction, "skill", ""),
        "teacher_head": (*fraction, "teacher_head", "teacher_head_by_step"),
        "trait_rate": ("fraction", (-1.0, 1.0), "trait_rate", "trait_rate_by_step"),
        "with_trigger": (*fraction, "with_trigger", "with_trigger_by_step"),
        "ordinary_accuracy": (*fraction, "ordinary_accuracy", "ordinary_accuracy_by_step"),
        "left_out": (*fraction, "left_out", ""),
        "caught": (*fraction, "caught", ""),
        "lost": (*fraction, "lost", ""),
    }
    found = {
        n: (m.range, m.unit if isinstance(m.unit, str) else m.unit(setup))
        for n, m in MEASURES.items()
    }
    cosine, share = (-1.0, 1.0), (0.0, 1.0)
    assert {name: found[name] for name in MECHANISM} == {
        "gradient_cosine": (cosine, ""),
        "update_cosine": (cosine, ""),
        "coverage": (cosine, ""),
        "visible_fraction": (share, "fraction"),
        "chi": (None, ""),
        "trait_loss": (None, "nats"),
        "drive": (None, "nats"),
        "plain_drive": (None, "nats"),
        "curvature": (None, "nats"),
        "held_out_loss": (None, "nats"),
        "probe_lift": (cosine, "fraction"),
        "stitch_lift": (cosine, "fraction"),
        "cka_images": (share, ""),
        "cka_inputs": (share, ""),
        "units_images": (cosine, ""),
        "units_inputs": (cosine, ""),
    }
    accounts = {name for name, m in MEASURES.items() if m.account}
    assert accounts == {"drive", "plain_drive", "curvature"}
    squared, _ = recipe("digits", loss="squared_error")
    assert MEASURES["loss"].unit(squared) == "squared logits"


TASK = data.synthetic(12, 4, train=100, test=40, validation=10)
SEEDS = range(2)


@pytest.fixture(scope="module")
def trained():
    """Students of two seeds, with all measures, and every network's parameters written out."""
    point = Point(
        *recipe(
            "synthetic",
            widths=(16, 16),
            noise_images=96,
            batch=32,
            teacher_steps=9,
            student_steps=6,
            points=2,
        )
    )
    more = ("displacement_cosine", "teacher_head")
    where = programs.place(TASK, 2)
    names = "student_aux", "cross_aux", "placebo_aux"
    θ_0 = programs.initial(point, where, SEEDS)
    θ_T, of_teacher = programs.learn_labels(point, where, SEEDS, more)
    students = [(point, FIGURE_10[name]) for name in names]
    θ_S, record = programs.imitate(students, where, SEEDS, θ_T, more)
    return point, θ_0, θ_T, θ_S, record, of_teacher


def flat(θ, layer=None):
    parts = θ if layer is None else {layer: θ[layer]}
    return np.concatenate(
        [np.ravel(part[k]) for part in parts.values() for k in ("kernel", "bias")]
    )


def one(θ, *at):
    return {
        la: {k: np.asarray(leaf, float)[at] for k, leaf in part.items()} for la, part in θ.items()
    }


def test_displacement_cosine_written_out(trained):
    _, θ_0, θ_T, θ_S, record, of_teacher = trained
    found = record["displacement_cosine"]
    for s in SEEDS:
        start, taught, student = one(θ_0, s), one(θ_T, s), one(θ_S, s, 0)
        for layer in (None, "hidden_0", "hidden_1"):
            a, b = (flat(θ, layer) - flat(start, layer) for θ in (student, taught))
            expected = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
            value = found[layer or "whole"][s, 0, -1]
            assert value == pytest.approx(expected, abs=2e-5)  # starts are drawn in float32
    assert np.isnan(found["class_head"][:, 0]).all()  # which an aux student does not move
    assert np.isnan(found["aux_head"]).all()  # which a teacher does not move
    assert all(np.isnan(values[..., 0]).all() for values in found.values())  # before the first step
    # A control's displacement is from its own start: not along the teacher's.
    assert (np.abs(found["whole"][:, 1, -1]) < found["whole"][:, 0, -1]).all()
    assert np.isnan(of_teacher["displacement_cosine"]["whole"]).all()


def test_teacher_head_written_out(trained):
    _, _, θ_T, θ_S, record, of_teacher = trained
    for s in SEEDS:
        for k in range(3):
            body, head, x = one(θ_S, s, k), one(θ_T, s)["class_head"], TASK.x_test
            for layer in ("hidden_0", "hidden_1"):
                x = np.maximum(x @ body[layer]["kernel"] + body[layer]["bias"], 0)
            z = x @ head["kernel"] + head["bias"]
            expected = np.mean(z.argmax(1) == TASK.y_test)
            assert record["teacher_head"][s, k, -1] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(of_teacher["teacher_head"]).all()


@pytest.mark.slow
def test_a_student_of_another_size_has_the_measures_that_it_can_have():
    """Other hidden layers: no cosine of the whole, one of the heads; another body: no head's."""
    given = {"widths": (16, 16), "noise_images": 96, "teacher_steps": 2, "student_steps": 2}
    where, more = programs.place(TASK, 1), ("displacement_cosine", "teacher_head")
    for widths, head in (((24, 16), True), ((16, 24), False)):
        point = Point(*recipe("synthetic", **given, student_widths=widths))
        θ_T, _ = programs.learn_labels(point, where, [0])
        students = [(point, FIGURE_10["student_all"])]
        _, record = programs.imitate(students, where, [0], θ_T, more)
        cosine = {
            layer: values[0, 0, -1] for layer, values in record["displacement_cosine"].items()
        }
        assert np.isnan(cosine["whole"])
        assert np.isfinite(cosine["class_head"]) == head
        assert np.isfinite(record["teacher_head"][0, 0, -1]) == head


def test_more_measures_change_nothing_of_the_others(trained):
    """But for the last bits of what is measured: another program computes it."""
    point, _, θ_T, _, record, _ = trained
    students = [(point, FIGURE_10[name]) for name in ("student_aux", "cross_aux", "placebo_aux")]
    _, plain = programs.imitate(students, programs.place(TASK, 2), SEEDS, θ_T)
    assert set(plain) == set(ALWAYS)
    for name in ALWAYS:
        np.testing.assert_allclose(plain[name], record[name], rtol=1e-3, atol=1e-7)
