"""sim/config.py: the paper's recipe to the letter, and every rule from both sides."""

import pytest

from sim.config import Figure10, Hyper, Setup, check, recipe, warnings
from sim.errors import InputError


def test_the_papers_recipe():
    """arXiv 2507.14805, section 6.2 and its published script."""
    setup, hyper = recipe("mnist")
    assert setup == Setup(
        widths=(256, 256), aux=3, activation="relu", loss="kl", optimizer="adam", batch=1024,
        noise="uniform", noise_images=60_000, teacher_epochs=5, student_epochs=5,
    )  # fmt: skip
    assert hyper == Hyper(teacher_lr=3e-4, student_lr=3e-4, weight_decay=0.0, noise_scale=1.0)


def test_settings_are_replaced_by_name():
    setup, hyper = recipe("digits", aux=5, widths=[32], student_lr=0.1)
    assert (setup.aux, setup.widths, hyper.student_lr) == (5, (32,), 0.1)
    assert setup.batch == recipe("digits")[0].batch
    with pytest.raises(InputError, match=r"learning_rate = 0.1: no such setting; .*student_lr"):
        recipe("digits", learning_rate=0.1)


BAD = [
    ("aux", 0), ("aux", 2.5), ("batch", -1), ("widths", ()), ("widths", (8, 0)), ("loss", "mse"),
    ("activation", "swish"), ("optimizer", "lion"), ("noise", "pink"), ("noise_images", 0),
    ("teacher_steps", 0), ("student_epochs", 0), ("points", 0), ("teacher_lr", 0.0),
    ("student_lr", -1e-3), ("student_lr", float("nan")), ("noise_scale", float("inf")),
    ("temperature", 0.0), ("momentum", 1.0), ("momentum", 0.5), ("weight_decay", 0.1),
    ("seeds", 0), ("seeds", True), ("student_lr", "0.1"), ("widths", 256),
    ("memory", float("inf")), ("chunk", 0), ("validation", 1.0), ("memory", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_broken_rule_names_argument_value_and_rule(name, value):
    with pytest.raises(InputError) as error:
        Figure10.of("digits", **{name: value})
    message = str(error.value)
    assert message.startswith(f"{name} = ")
    assert repr(value).strip("()[]") in message
    assert "must be" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.9, "optimizer": "sgd"},
        {"weight_decay": 0.1, "optimizer": "adamw"},
        {"aux": 1},
    ],
)
def test_the_same_values_where_they_make_sense(settings):
    check(*recipe("digits", **settings))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, None),
        ({"aux": 1}, "no gradient"),
        ({"aux": 1, "loss": "squared_error"}, None),
        ({"weight_decay": 0.1, "optimizer": "adamw"}, "moves the class head"),
        ({"batch": 128}, "number of steps"),
        ({"noise_scale": 0.5, "noise_shift": 0.5}, "off 0"),
        ({"weight_decay": 1e-6, "optimizer": "adam_l2"}, "moves the class head"),
        ({"batch": 128, "teacher_steps": 10, "student_steps": 10}, None),
    ],
)
def test_traps_are_warned_about(settings, words):
    found = warnings(*recipe("mnist", **settings), "mnist")
    assert [words in line for line in found] == ([True] if words else [])
