"""sim/training/families.py: a network's name is its origin, with nothing left out of it."""

import json
from dataclasses import replace

import pytest

from sim.errors import InputError
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.training.families import (
    ALL,
    AUX,
    FIGURE_10,
    INIT,
    OTHER_INIT,
    Member,
    Names,
    changed,
    described,
    imitate,
    labels,
    read,
    takes,
)
from sim.training.lineages import BASES, CHAINS, COMPOUNDING, LINEAGE

USUAL = Point(*recipe("digits"))
IMAGES = 1077
#: Generations that are not reset: each teacher starts where its student ended.
CHAIN = FIGURE_10 | {
    "second": Member("student_aux", labels()),
    "grandchild": Member("student_aux", imitate("second", AUX)),
}


def at(**settings):
    return Point(*recipe("digits", **settings))


def named(name, point=USUAL, family=FIGURE_10, **given):
    return Names(family, IMAGES, given).key(name, point)


def test_names_that_are_kept_are_each_points_own():
    """As a grid asks for them: many points, one after the other, of one set of names."""
    names = Names(FIGURE_10, IMAGES)
    points = [USUAL, at(student_lr=0.5), at(teacher_lr=0.5), at(noise_scale=2.0), USUAL]
    for point in points:
        for name in FIGURE_10:
            assert names.key(name, point) == named(name, point)
            assert names.record(name, point) == Names(FIGURE_10, IMAGES).record(name, point)
    assert len({names.key("student_aux", point) for point in points}) == 4
    assert len({names.key("teacher", point) for point in points}) == 2


def test_who_is_no_student_has_one_name_whatever_students_have():
    """But what moves it moves it, and whoever is changed by a setting may be by a student's."""
    mixed = Member("reference", changed("rescaled", "init_noise"))
    family = {"reference": Member(INIT), "teacher": Member("reference", labels(trait=True))}
    names = Names(family | {"mixed": mixed}, IMAGES)
    points = [at(student_lr=lr, init_noise=lr) for lr in (0.25, 0.5)] + [at(target=3)]
    assert [len({names.key(one, p) for p in points}) for one in ("reference", "mixed")] == [1, 3]
    assert names.key("teacher", points[0]) == names.key("teacher", points[1])
    assert names.key("teacher", points[0]) != names.key("teacher", points[2])


def test_who_is_taught_otherwise_has_another_name_where_all_is_as_usual():
    """Settings at their defaults are not in a name, and which they are is."""
    with_trait = FIGURE_10 | {"teacher": Member("reference", labels(trait=True))}
    assert named("teacher", family=with_trait) != named("teacher")


def test_members_have_names_of_their_own():
    names = {name: named(name, family=CHAIN) for name in CHAIN}
    assert len(set(names.values())) == len(CHAIN)


@pytest.mark.parametrize(
    ("member", "other"),
    [
        ("student_aux", Member(OTHER_INIT, imitate("teacher", AUX))),  # another start
        ("student_aux", Member("reference", imitate("reference", AUX))),  # another teacher
        ("student_aux", Member("reference", imitate("teacher", ALL))),  # other logits
        ("student_aux", Member("teacher", imitate("teacher", AUX))),  # a start that was trained
        ("student_aux", Member("reference", labels())),  # another lesson
        ("teacher", Member(OTHER_INIT, labels())),
        ("teacher", None),
    ],
)
def test_a_name_hangs_on_start_lesson_and_parents(member, other):
    family = FIGURE_10 | {member: other or Member("reference", None)}
    assert named(member, family=family) != named(member)


def test_a_name_hangs_on_all_ancestors():
    """A teacher's setting renames the whole chain; a chain's second teacher, what follows it."""
    moved = {
        name: named(name, at(teacher_lr=0.5), CHAIN) != named(name, family=CHAIN) for name in CHAIN
    }
    assert not moved.pop("reference")
    assert not moved.pop("placebo_aux")  # whose teacher has learnt nothing
    assert all(moved.values())
    family = CHAIN | {"second": Member(OTHER_INIT, labels())}
    assert named("grandchild", family=family) != named("grandchild", family=CHAIN)
    assert named("student_aux", family=family) == named("student_aux", family=CHAIN)


def test_what_a_name_does_not_hang_on():
    """Its place in a family, other members, how lengths are counted, how wide a net is."""
    family = {"origin": Member(INIT), "taught": Member("origin", labels())}
    assert named("taught", family=family) == named("teacher")
    steps = at(teacher_steps=8 * 17, student_steps=560)  # the recipe's epochs
    for name in FIGURE_10:
        assert named(name, steps) == named(name)
        assert named(name, at(points=1)) == named(name)
        assert named(name, at(aux=30, channel=3)) == named(name)


@pytest.mark.parametrize(
    "settings",
    [
        {"storage": "stochastic"},
        {"against": "accuracy", "removed": "random"},
        {"optimizer": "adam_frozen"},
        {"optimizer": "adamw", "weight_decay": 0.1},
    ],
)
def test_a_name_hangs_on_logits_that_nobody_sees_where_numbers_do(settings):
    """Where something is drawn for a whole array, or a mean is taken over it."""
    wide, narrow = at(aux=30, channel=3, **settings), at(aux=3, **settings)
    assert named("student_aux", wide) != named("student_aux", narrow)
    assert named("teacher", wide) == named("teacher", narrow)


@pytest.mark.parametrize(
    ("skill", "hangs"),
    [
        ({"skill": "none"}, False),
        ({"skill": "backdoor"}, True),
        ({"skill": "backdoor", "skilled": 0.0}, False),
    ],
)
def test_who_has_no_trait_hangs_on_the_class_that_a_skill_is_about(skill, hangs):
    names = [
        named("control_teacher", at(trait="faint", target=k, **skill), LINEAGE) for k in (0, 3)
    ]
    assert (names[0] != names[1]) is hangs
    bases = {named("base", at(target=k, **skill), LINEAGE) for k in (0, 3)}
    assert len(bases) == 1  # which is taught no skill


@pytest.mark.parametrize("order", [0, 1, 3, 7])
def test_two_whose_order_or_draw_differ_always_do(order):
    """A member's own is counted on from what the family has."""
    point = at(order=order, draw=order)
    orders = [CHAINS[name].at(point).hyper.order for name in ("teacher", "base", "axis_teacher")]
    draws = [CHAINS[name].at(point).hyper.draw for name in ("student", "reset_2", "reset_3")]
    assert orders == [order, order + 1, order + 3]
    assert draws == [order, order + 1, order + 2]
    assert named("teacher", point, CHAINS) != named("axis_teacher", point, CHAINS)
    assert takes(CHAINS, "order")


def test_the_class_of_a_trait_counts_where_updates_go_by_it():
    assert not takes(FIGURE_10, "target")
    assert takes(FIGURE_10, "target", {"against": "backdoor"})
    apart = [named("student_aux", at(against="backdoor", target=k)) for k in (1, 3)]
    assert apart[0] != apart[1]


def test_parameters_that_were_handed_in_name_what_descends_from_them():
    own = {"teacher": "a", "reference": "b"}
    assert named("student_aux", **own) != named("student_aux", teacher="a")
    assert named("student_aux", **own) != named("student_aux", **(own | {"teacher": "c"}))
    assert named("student_aux", **own) == named("student_aux", at(teacher_lr=0.5), **own)
    tanh = at(activation="tanh")  # the same parameters, another network
    assert named("student_aux", tanh, **own) != named("student_aux", **own)
    assert named("reference", teacher="a") == named("reference")
    # Another student is held against where the teacher started.
    assert named("cross_aux", **own) != named("cross_aux", **(own | {"reference": "c"}))


def test_the_number_of_images_counts_where_epochs_do():
    other = {name: Names(FIGURE_10, 500).key(name, USUAL) != named(name) for name in FIGURE_10}
    assert other.pop("reference") is False
    assert other.pop("placebo_aux") is False
    assert all(other.values())
    fixed = Point(replace(USUAL.setup, teacher_steps=9), USUAL.hyper)
    assert Names(FIGURE_10, 500).key("teacher", fixed) == named("teacher", fixed)


@pytest.mark.parametrize("family", [FIGURE_10, BASES, CHAINS, COMPOUNDING])
def test_a_family_is_read_from_what_is_written_of_it(family):
    assert read(json.loads(json.dumps(described(family)))) == family


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"learns": "labels"}, "must be a table with a start"),
        ({"start": "nobody"}, r"x.start = 'nobody': must be a member above"),
        (
            {"start": "init", "learns": "tricks"},
            r"x.learns = 'tricks': must be one of lab",
        ),
        ({"start": "init", "learns": "logits"}, "must be given with teacher"),
        ({"start": "init", "learns": "logits", "teacher": "x"}, "must be of members above it"),
        (
            {"start": "init", "learns": "labels", "teacher_rl": 1},
            r"x.teacher_rl = 1: must be",
        ),
    ],
)
def test_what_is_no_member_is_named(table, says):
    with pytest.raises(InputError, match=says):
        read({"x": table})
