"""sim/config.py: the paper's recipe to the letter, and every rule from both sides."""

import gzip
from dataclasses import replace

import pytest

from sim.errors import InputError
from sim.settings.config import Figure10, Hyper, Setup, check, recipe, warnings


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


@pytest.mark.parametrize(
    ("images", "epochs"),
    [(1, 295), (1_200, 148), (10_000, 30), (59_392, 6), (59_393, 5), (60_000, 5), (124_800, 5)],
)
def test_a_folders_recipe_goes_by_its_size(tmp_path, images, epochs):
    """The paper's, with MNIST's number of teacher steps or more; a header is all that is read."""
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (images, 8, 8))
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(header))
    for name in ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).touch()
    folder, (paper, paper_hyper) = str(tmp_path), recipe("mnist")
    setup, hyper = recipe(folder)
    assert (setup, hyper) == (replace(paper, teacher_epochs=epochs), paper_hyper)
    assert epochs * -(-images // setup.batch) >= 295
    said = f"teacher_epochs = {epochs} by default: {folder} has {images:,} training images"
    found = warnings(setup, hyper, folder)
    assert [line.startswith(said) for line in found] == [True] * (epochs > 5)
    assert recipe(folder, teacher_epochs=3)[0].teacher_epochs == 3
    for own in ({"teacher_epochs": 3}, {"teacher_steps": 9}):  # what is chosen needs no word
        assert warnings(*recipe(folder, **own), folder) == []


@pytest.mark.parametrize("content", [None, b"", b"\0\0\x08\x03\0\0", b"\x1f\x8b", b"GIF89a"])
def test_a_folder_that_cannot_be_read_has_the_papers_recipe(tmp_path, content):
    """What is wrong is said where it is loaded."""
    if content is not None:
        (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    for folder in (str(tmp_path), str(tmp_path / "none"), "mnist"):
        assert recipe(folder) == recipe("mnist")
