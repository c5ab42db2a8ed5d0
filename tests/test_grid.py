"""sim/grid.py: axes as words, the points of a grid, and what they share."""

from dataclasses import replace

import pytest

from sim.errors import InputError
from sim.settings.grid import grid, parse
from sim.settings.recipes import recipe
from sim.training.families import FIGURE_10, Names

SETUP, HYPER = recipe("digits")


def named(point, member="student_aux"):
    return Names(FIGURE_10, 1077).key(member, point)


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("aux=1,3,10", ("aux", (1, 3, 10))),
        ("student-lr=1e-3,.01", ("student_lr", (1e-3, 0.01))),
        ("loss=kl,squared_error", ("loss", ("kl", "squared_error"))),
        ("noise_scale=0:1:3", ("noise_scale", (0.0, 0.5, 1.0))),
        ("noise_scale=0.25:4:5log", ("noise_scale", (0.25, 0.5, 1.0, 2.0, 4.0))),
        ("depth=1:4:4", ("depth", (1, 2, 3, 4))),
        ("distinct=16:256:4log", ("distinct", (16, 40, 102, 256))),
        ("student_steps=1e2,1e3", ("student_steps", (100, 1000))),
        ("student_lr=1e-4:1e-2:3log", ("student_lr", (1e-4, 1e-3, 1e-2))),
    ],
)
def test_parse(text, axis):
    assert parse(text) == axis


@pytest.mark.parametrize(
    "text",
    [
        "aux",
        "aux=",
        "=3",
        "aux=1:2",
        "aux=1:2:x",
        "aux=1:2:1",
        "classes=2:inf:3",
        "noise_scale=0:1:3log",
    ],
)
def test_what_is_no_axis_is_named(text):
    with pytest.raises(InputError, match="axis = '"):
        parse(text)


def test_points_in_order_with_their_settings():
    points = grid(SETUP, HYPER, {"student_lr": (1e-3, 1e-2), "width": (8, 16), "depth": (1, 3)})
    assert [p.setup.widths for p in points[:3]] == [(8,), (8, 8, 8), (16,)]
    assert len(points) == 8
    assert points[5].hyper.student_lr == 1e-2
    assert points[5].setup.widths == (8, 8, 8)
    assert points[6].setup.widths == (16,)
    (deep,) = grid(SETUP, HYPER, {"depth": (4,)})
    assert deep.setup.widths == (256,) * 4


def test_a_channel_of_a_wider_network_is_the_same_point():
    """And all its widths have one program and one teacher."""
    three = grid(SETUP, HYPER, {"aux": (3,)})[0]
    narrow, wide = grid(SETUP, HYPER, {"aux": (3, 30)})
    assert named(three) == named(narrow) != named(wide)
    assert narrow.setup.aux == 30
    assert narrow.together == wide.together
    assert named(narrow, "teacher") == named(wide, "teacher")


@pytest.mark.parametrize(
    ("name", "values", "same_teacher", "same_program"),
    [
        ("student_lr", (1e-3, 2e-3), True, True),
        ("temperature", (1.0, 2.0), True, True),
        ("init_noise", (0.0, 0.1), True, True),
        ("aux", (3, 5), True, True),
        ("noise_scale", (1.0, 2.0), True, False),
        ("distinct", (10, 100), True, False),
        ("independent", ("none", "hidden_0+aux_head"), True, True),
        ("independence", (0.5, 1.0), True, True),
        ("blur", (0.5, 1.0), True, False),
        ("frozen", ("none", "all"), True, True),
        ("student_network", ("mlp", "cnn"), True, False),
        ("classes", (2, 10), False, False),
        ("matmul", ("float32", "bfloat16"), False, False),
        ("loss", ("kl", "squared_error"), True, False),
        ("noise", ("uniform", "gaussian"), True, False),
        ("student_steps", (10, 20), True, False),
        ("noise_images", (100, 200), True, False),
        ("teacher_steps", (10, 20), False, False),
        ("teacher_lr", (1e-3, 2e-3), False, False),
        ("init_scale", (1.0, 2.0), False, False),
        ("activation", ("relu", "tanh"), False, False),
        ("width", (8, 16), False, False),
        ("batch", (32, 64), False, False),
    ],
)
def test_what_points_share(name, values, same_teacher, same_program):
    usual = {"independence": {"independent": "hidden_0"}, "blur": {"noise": "blurred"}}
    a, b = grid(replace(SETUP, **usual.get(name, {})), HYPER, {name: values})
    assert named(a) != named(b)
    assert (named(a, "teacher") == named(b, "teacher")) == same_teacher
    assert (a.together == b.together and same_teacher) == same_program


@pytest.mark.parametrize(
    ("axes", "word"),
    [
        ({"color": (1,)}, "axis = 'color': must be one of activation, against, at_random"),
        ({"points": (1, 2)}, "axis = 'points'"),
        ({"aux": ()}, "aux"),
        ({"aux": (3, 3)}, "aux"),
        ({"aux": (2, 3), "channel": (1, 2)}, "axis = 'aux': must be without channel"),
        ({"student_epochs": (1, 2), "student_steps": (3,)}, "axis = 'student_epochs'"),
        ({"aux": (0, 3)}, "aux"),
        ({"width": (2.5,)}, "width"),
        ({"student_lr": ("fast",)}, "student_lr = 'fast'"),
        ({"student_lr": (1e-3, -1.0)}, "student_lr = -1"),
        ({"loss": ("kl", "hinge")}, "loss = 'hinge'"),
        ({"distinct": (10**6,)}, "distinct"),
        ({"distinct": (2.5,)}, "distinct"),
    ],
)
def test_bad_axes_are_named(axes, word):
    with pytest.raises(InputError) as error:
        grid(SETUP, HYPER, axes)
    assert word in str(error.value)


CASES = {
    "SGD": {"optimizer": "sgd", "student_lr": 0.5},
    "wide": {"width": 32},
    "usual": {},
    "two": {"widths": [8, 4]},
}


def test_cases_are_settings_by_name():
    points = grid(replace(SETUP, widths=(256, 128)), HYPER, {"way": CASES, "aux": (3, 5)})
    assert [
        (p.setup.optimizer, p.hyper.student_lr, p.setup.widths, p.hyper.channel) for p in points
    ] == [
        ("sgd", 0.5, (256, 128), 3),
        ("sgd", 0.5, (256, 128), 5),
        ("adam", 2e-3, (32, 32), 3),
        ("adam", 2e-3, (32, 32), 5),
        ("adam", 2e-3, (256, 128), 3),
        ("adam", 2e-3, (256, 128), 5),
        ("adam", 2e-3, (8, 4), 3),
        ("adam", 2e-3, (8, 4), 5),
    ]


@pytest.mark.parametrize(
    ("axes", "word"),
    [
        ({"way": {"a": {"color": 1}}}, "way"),
        ({"way": {"a": {"loss": "kl"}}, "loss": ("kl",)}, "no other axis"),
        ({"way": {"a": {"loss": "hinge"}}}, "loss = 'hinge'"),
        ({"way": {}}, "way"),
        ({"independent": ("hidden_7",)}, "independent = 'hidden_7': must be of hidden_0, hidden_1"),
        ({"frozen": ("body",)}, "frozen"),
        ({"classes": (1,)}, "classes"),
        ({"independence": (0.5, 1.0)}, "independence = 0.5: must be 1 unless independent"),
        ({"blur": (1.0, 2.0)}, "blur = 2.0: must be 1 unless noise is blurred"),
        ({"independent": ("none+hidden_0",)}, "independent"),
        ({"loss": {"a": {}}}, "axis = 'loss'"),
        ({"way": {1: {}}}, "way"),
        ({"way": {"a": {"width": 3, "widths": (2,)}}}, "widths"),
    ],
)
def test_bad_cases_and_layers_are_named(axes, word):
    with pytest.raises(InputError) as error:
        grid(SETUP, HYPER, axes)
    assert word in str(error.value)


def test_truth_values_are_read_from_words():
    assert parse("at_random=true, False") == ("at_random", (True, False))
