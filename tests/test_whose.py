"""Whose each setting is, by training at two values of it and comparing bits.

A setting says whose it is; names of networks, programs and what may stand side by side follow from
that. So for every one: what moves must be named anew, what is named anew must move, and what is
named as before must be trained by the program that is there.
"""

from functools import cache

import jax
import numpy as np
import pytest

from sim.engine import programs
from sim.model import data
from sim.settings.declare import Of, declared
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.settings.setup import Hyper, Setup
from sim.training.families import AUX, FIGURE_10, OTHER_INIT, Member, Names, imitate, takes

TASK = data.synthetic(12, 4, train=70, test=40, validation=10)
# As figure 10's; and a student with no trained ancestor, whose own training must name it.
FAMILY = FIGURE_10 | {"orphan": Member(OTHER_INIT, imitate("reference", AUX))}
MEMBERS = ("reference", "teacher", "student_aux", "orphan")
TINY = {
    "widths": (8, 8),
    "noise_images": 48,
    "batch": 16,
    "teacher_steps": 5,
    "student_steps": 4,
    "points": 1,
    "teacher_lr": 0.01,
    "student_lr": 0.01,
}
#: Of each setting: what else is set, and another value than the usual. All are here, or this fails.
OTHER = {
    "widths": ({}, (8, 6)),
    "activation": ({}, "tanh"),
    "matmul": ({}, "bfloat16"),
    "classes": ({}, 3),
    "init": ({}, "uniform"),
    "epsilon": ({}, 1e-3),
    "teacher_epochs": ({"teacher_steps": None, "teacher_epochs": 1}, 2),
    "teacher_steps": ({}, 6),
    "optimizer": ({}, "sgd"),
    "batch": ({}, 24),
    "aux": ({}, 4),
    "loss": ({}, "squared_error"),
    "noise": ({}, "gaussian"),
    "noise_images": ({}, 40),
    "student_epochs": ({"student_steps": None, "student_epochs": 1}, 2),
    "student_steps": ({}, 5),
    "student_widths": ({}, (10, 8)),
    "student_network": ({}, "cnn"),
    "independent": ({}, "hidden_0"),
    "frozen": ({}, "hidden_1"),
    "rank": ({}, 2),
    "storage": ({}, "bfloat16"),
    "against": ({"init_scale": 3.0}, "misalignment"),
    "removed": ({"init_scale": 3.0, "against": "misalignment"}, "always"),
    "points": ({}, 2),
    "init_scale": ({}, 1.5),
    "teacher_lr": ({}, 0.02),
    "momentum": ({"optimizer": "sgd"}, 0.9),
    "weight_decay": ({"optimizer": "adamw"}, 0.1),
    "temperature": ({}, 3.0),
    "channel": ({}, 2),
    "noise_scale": ({}, 2.0),
    "noise_shift": ({}, 3.0),
    "distinct": ({}, 7),
    "blur": ({"noise": "blurred"}, 2.0),
    "dimensions": ({"noise": "subspace"}, 3),
    "images_part": ({"noise": "mixture"}, 0.9),
    "student_lr": ({}, 0.02),
    "init_noise": ({}, 0.1),
    "independence": ({"independent": "hidden_0"}, 0.5),
    "order": ({}, 1),
    "draw": ({}, 1),
    "outputs": ({}, "hard"),
    "bits": ({"outputs": "rounded"}, 2),
    "top": ({"outputs": "top"}, 1),
    "output_noise": ({}, 0.5),
}
SETTINGS = declared(Setup) | declared(Hyper)


def test_every_setting_that_figure_10_takes_is_tried():
    """Those of bases, traits, filters and changed networks are tried in test_lineages."""
    assert {*OTHER} == {name for name in SETTINGS if takes(FIGURE_10, name)}


@cache
def point(**settings):
    return Point(*recipe("synthetic", **(TINY | settings)))


@cache
def where(classes):
    return programs.place(data.first_classes(TASK, classes), 1)


@cache
def trained(at):
    """What the members are and are measured to be at a point, and how many programs that took."""
    place, before = where(at.setup.classes), compiled()
    θ_0 = programs.initial(at, place, [0])
    θ_T, taught = programs.learn_labels(at, place, [0])
    found = {
        "reference": (θ_0, {name: value[..., 0] for name, value in taught.items()}),
        "teacher": (θ_T, {name: value[..., -1] for name, value in taught.items()}),
    }
    for name, of in (("student_aux", θ_T), ("orphan", θ_0)):
        θ_S, measured = programs.imitate([(at, FAMILY[name])], place, [0], of)
        found[name] = θ_S, {name: value[..., -1] for name, value in measured.items()}
    return jax.device_get(found), compiled() - before


def compiled():
    each = programs.begin_teachers, programs.teach, programs.begin_students, programs.distill
    return sum(program._cache_size() for program in each)


def moved(name, a, b, but=()):
    """Whether a member's bits differ, leaving some layers out."""
    (θ, mine), (other, measured) = trained(a)[0][name], trained(b)[0][name]
    kept = [{layer: part for layer, part in of.items() if layer not in but} for of in (θ, other)]
    leaves = [
        jax.tree.leaves((of, of_record))
        for of, of_record in zip(kept, (mine, measured), strict=True)
    ]
    if len(leaves[0]) != len(leaves[1]):
        return True
    return any(not np.array_equal(x, y, equal_nan=True) for x, y in zip(*leaves, strict=True))


#: Whose compiling takes long: to be run when their declaration is touched.
LONG = (
    "momentum",
    "init_noise",
    "output_noise",
    "outputs",
    "bits",
    "dimensions",
    "epsilon",
    "teacher_epochs",
    "init",
    "activation",
    "against",
    "removed",
    "aux",
    "batch",
    "rank",
    "storage",
    "classes",
    "images_part",
    "loss",
    "matmul",
    "noise",
    "noise_images",
    "optimizer",
    "student_network",
    "student_widths",
    "widths",
    "weight_decay",
    "blur",
)


@pytest.fixture(params=[pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in OTHER])
def case(request):
    name = request.param
    companions, value = OTHER[name]
    usual, other = point(**companions), point(**(companions | {name: value}))
    return name, usual, other


def named(of, member, *points):
    """Names of a member at points, by `Names.key` or `Names.record`."""
    images = [len(where(at.setup.classes).data.x_train) for at in points]
    return [of(Names(FAMILY, n), member, at) for at, n in zip(points, images, strict=True)]


def test_names_of_many_points_are_those_of_each_alone():
    """What is hashed once for all points with the same settings of a stage is no other's."""
    names = Names(FAMILY, 1077)
    for setting, (companions, value) in OTHER.items():
        for at in (point(**companions), point(**(companions | {setting: value}))):
            for member in MEMBERS:
                alone = Names(FAMILY, 1077)
                assert names.key(member, at) == alone.key(member, at)
                assert names.record(member, at) == alone.record(member, at)


def test_what_moves_is_named_anew_and_nothing_else(case):
    name, *points = case
    for member in MEMBERS:
        a, b = named(Names.key, member, *points)
        if name == "aux" and member in ("reference", "teacher"):
            # A wider auxiliary head stands beside the others, which it does not touch.
            assert a == b
            assert not moved(member, *points, but=("aux_head",))
        elif name in ("independent", "independence") and member == "orphan":
            assert not moved(member, *points)  # all of it starts elsewhere: named anew in vain
        elif name == "batch" and member == "reference":
            assert a == b  # what moved is the loss that is measured of it
        else:
            assert moved(member, *points) == (a != b), member


@pytest.mark.parametrize("member", MEMBERS)
def test_what_is_measured_anew_is_recorded_anew(case, member):
    name, *points = case
    a, b = named(Names.record, member, *points)
    if name == "aux" and member in ("reference", "teacher"):
        assert a == b
    elif moved(member, *points):
        assert a != b


def test_it_moves_whom_it_says(case):
    """By `of`: everybody, whoever learns labels, students, nobody; and all that descend."""
    name, *points = case
    of = SETTINGS[name].of
    if name == "aux":
        return
    expected = {
        "reference": of & Of.NETWORK,
        "teacher": of & (Of.NETWORK | Of.TEACHER),
        "student_aux": of,
        "orphan": of & ~Of.TEACHER,
    }
    if name in ("independent", "independence"):
        expected["orphan"] = Of.NOTHING  # all of it starts elsewhere as it is
    if name == "batch":
        expected["reference"] = of  # the loss that is measured of it
    found = {member: moved(member, *points) for member in MEMBERS}
    assert found == {member: bool(flags) for member, flags in expected.items()}


def test_a_program_is_compiled_anew_where_that_is_said(case):
    name, usual, other = case
    trained(usual)
    new = trained(other)[1]
    if name in ("outputs", "output_noise", "init_noise"):
        # what is passed on, or added, is made before students start: that program alone
        assert new <= 2
        assert usual.program == other.program
        return
    if name in declared(Setup):
        of_setup = declared(Setup)[name].compiles
        assert (new > 0) == of_setup
        assert (usual.program != other.program) == of_setup
    else:
        assert new == 0
        assert usual.program == other.program


def test_side_by_side_is_as_alone(case):
    """Where two points' students are said to stand in one program, each is what it is alone."""
    name, usual, other = case
    own = SETTINGS[name].of == Of.STUDENT and (
        name in declared(Hyper) or not SETTINGS[name].compiles
    )
    assert (usual.together == other.together) == own
    if own:
        place = where(None)
        θ_T = trained(usual)[0]["teacher"][0]
        member = FAMILY["student_aux"]
        both, _ = programs.imitate(
            [(usual, member), (other, member)], place, [0], place.spread(θ_T)
        )
        for i, at in enumerate((usual, other)):
            alone = trained(at)[0]["student_aux"][0]
            for x, y in zip(jax.tree.leaves(both), jax.tree.leaves(alone), strict=True):
                np.testing.assert_allclose(x[:, i], y[:, 0], atol=3e-4)  # of Adam's steps of .01
