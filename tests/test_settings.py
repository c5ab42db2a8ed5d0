"""sim/settings: the paper's recipe to the letter, every rule from both sides, whose is what."""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from sim.errors import InputError
from sim.model import sources
from sim.model.networks import ACTIVATIONS
from sim.model.noise import FAMILIES
from sim.settings import experiments
from sim.settings import setup as settings_
from sim.settings.declare import Of, check, declared, setting
from sim.settings.experiments import Common, Networks, Theorem, experiment
from sim.settings.lengths import steps
from sim.settings.recipes import recipe, warnings
from sim.settings.setup import Hyper, Setup
from sim.training.channels import FILTERS, OUTPUTS
from sim.training.measures import ALWAYS, MEASURES, OF_TRAITS
from sim.training.traits import TRAITS
from theory.losses import LOSSES


def test_the_papers_recipe():
    """arXiv 2507.14805, section 6.2 and its published script."""
    setup, hyper = recipe("mnist")
    assert setup == Setup(
        widths=(256, 256),
        aux=3,
        activation="relu",
        loss="kl",
        optimizer="adam",
        batch=1024,
        noise="uniform",
        noise_images=60_000,
        teacher_epochs=5,
        student_epochs=5,
    )
    assert hyper == Hyper(teacher_lr=3e-4, student_lr=3e-4, weight_decay=0.0, noise_scale=1.0)


def test_settings_are_replaced_by_name():
    setup, hyper = recipe("digits", aux=5, widths=[32], student_lr=0.1)
    assert (setup.aux, setup.widths, hyper.student_lr) == (5, (32,), 0.1)
    assert setup.batch == recipe("digits")[0].batch
    with pytest.raises(InputError, match=r"learning_rate = 0.1: no such setting.*student_lr"):
        recipe("digits", learning_rate=0.1)


BAD = [
    ("aux", 0),
    ("aux", 2.5),
    ("batch", -1),
    ("widths", ()),
    ("widths", (8, 0)),
    ("loss", "mse"),
    ("activation", "swish"),
    ("optimizer", "lion"),
    ("noise", "pink"),
    ("noise_images", 0),
    ("teacher_steps", 0),
    ("student_epochs", 0),
    ("points", 0),
    ("teacher_lr", 0.0),
    ("student_lr", -1e-3),
    ("student_lr", float("nan")),
    ("noise_scale", float("inf")),
    ("temperature", 0.0),
    ("momentum", 1.0),
    ("momentum", 0.5),
    ("weight_decay", 0.1),
    ("seeds", 0),
    ("seeds", True),
    ("student_lr", "0.1"),
    ("widths", 256),
    ("channel", 4),
    ("memory", float("inf")),
    ("chunk", 0),
    ("validation", 1.0),
    ("memory", 0.0),
    ("memory", "2"),
    ("models", ()),
    ("models", ("student_aux",) * 2),
    ("measure", "cka"),
    ("keep", "some"),
    ("independent", "hidden_7"),
    ("independence", 0.5),
    ("blur", 2.0),
    ("skill", "cooking"),
    ("against", "cooking"),
    ("skilled", 0.5),
    ("storage", "float8"),
    ("removed", "always"),
    # bombs, and what is 0 in float32
    ("points", 10**9),
    ("seeds", 2**31),
    ("teacher_steps", 3 * 10**9),
    ("noise_images", 2**31),
    ("widths", (99_999_999,)),
    ("widths", (8,) * 5000),
    ("student_lr", 1e-50),
    ("aux", 10**9),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_broken_rule_names_argument_value_and_rule(name, value):
    with pytest.raises(InputError) as error:
        experiment("digits", **{name: value})
    message = str(error.value)
    assert message.startswith(f"{name} = ")
    assert repr(value).strip("()[],") in message
    assert "must be" in message
    assert "\n" not in message


SGD, ADAMW = {"optimizer": "sgd"}, {"optimizer": "adamw"}
#: Of every number: what else is set, what is still allowed, what no longer is.
EDGES = {
    "classes": ({}, (2,), (1,)),
    "base_steps": ({}, (1,), (0,)),
    "teacher_epochs": ({}, (1,), (0,)),
    "teacher_steps": ({}, (1,), (0,)),
    "batch": ({}, (1,), (0,)),
    "aux": ({}, (1, 2**20), (0, 2**20 + 1)),
    "noise_images": ({}, (1,), (0,)),
    "student_epochs": ({}, (1,), (0,)),
    "student_steps": ({}, (1,), (0,)),
    "points": ({}, (1, 10_000), (0, 10_001)),
    "init_scale": ({}, (1e-3,), (0.0, -1.0)),
    "base_lr": ({}, (1e-6,), (0.0, -1.0)),
    "target": ({}, (0, 9), (-1,)),
    "strength": ({}, (0.0, 1.0), (-0.1, 1.1)),
    "skilled": ({"skill": "faint"}, (0.0, 1.0), (-0.1, 1.1)),
    "order": ({}, (0, 1), (-1,)),
    "rescale": ({}, (1e-3, 100.0), (0.0,)),
    "mix": ({}, (0.0, 1.0), (-0.1, 1.1)),
    "bits": ({"outputs": "rounded"}, (1, 16), (0, 17)),
    "top": ({"outputs": "top"}, (1,), (0,)),
    "output_noise": ({}, (0.0, 3.0), (-0.1,)),
    "share": ({"filter": "most"}, (0.0, 0.99), (-0.1, 1.0)),
    "dilution": ({}, (0.0, 1.0), (-0.1, 1.1)),
    "pull": ({}, (0.0, 30.0), (-0.1,)),
    "pull_steps": ({"pull": 0.1}, (1,), (0,)),
    "untaught": ({}, (1, 4), (0, 5)),
    "rank": ({}, (1,), (0,)),
    "draw": ({}, (0, 1), (-1,)),
    "teacher_lr": ({}, (1e-6,), (0.0, -1.0)),
    "momentum": (SGD, (0.0, 0.999), (-0.1, 1.0)),
    "weight_decay": (ADAMW, (0.0, 5.0), (-0.1,)),
    "epsilon": ({}, (1e-12, 1.0), (0.0, -1e-8)),
    "temperature": ({}, (1e-3,), (0.0, -1.0)),
    "channel": ({"aux": 3}, (1, 3), (0, 4)),
    "noise_scale": ({}, (1e-3,), (0.0, -1.0)),
    "noise_shift": ({}, (-3.0, 0.0), (float("inf"), float("nan"))),
    "distinct": ({"noise_images": 70}, (1, 70), (0, 71)),
    "blur": ({"noise": "blurred"}, (0.0, 3.0), (-0.1,)),
    "dimensions": ({"noise": "subspace"}, (1,), (0,)),
    "images_part": ({"noise": "mixture"}, (0.0, 1.0), (-0.1, 1.1)),
    "student_lr": ({}, (1e-6,), (0.0, -1.0)),
    "init_noise": ({}, (0.0, 3.0), (-0.1,)),
    "independence": ({"independent": "hidden"}, (0.0, 1.0), (-0.1, 1.1)),
    "validation": ({}, (0.0, 0.9), (-0.1, 1.0)),
    "seeds": ({}, (1, 10**6), (0, 10**6 + 1)),
    "chunk": ({}, (1,), (0,)),
    "memory": ({}, (0.1,), (0.0, -1.0)),
}
#: Which words of which other setting give it an effect.
EFFECT = {
    "momentum": ("optimizer", {"sgd"}),
    "weight_decay": ("optimizer", {"adamw", "adam_l2"}),
    "epsilon": ("optimizer", {"adam", "adamw", "adam_l2", "adam_uncorrected"}),
    "blur": ("noise", {"blurred"}),
    "dimensions": ("noise", {"subspace"}),
    "images_part": ("noise", {"mixture"}),
    "bits": ("outputs", {"rounded"}),
    "top": ("outputs", {"top"}),
    "share": ("filter", {"most", "least", "entropy", "drift"}),
}
EVERY = declared(Common) | declared(Networks) | declared(Setup) | declared(Hyper)


def refused(**given):
    try:
        experiment("digits", **given)
    except InputError:
        return True
    return False


def test_every_number_and_every_condition_is_tried():
    numbers = {s.name for s in EVERY.values() if {int, float} & {*s.kinds}}
    assert numbers == {*EDGES}
    assert {s.name for s in EVERY.values() if s.only} == {
        *EFFECT,
        "independence",
        "at_random",
        "skilled",
        "removed",
        "pull_steps",
        "rank",
    }


def test_what_does_not_go_together_is_refused():
    """A rank that what is taken out would not keep; labels, whose other logits are no numbers."""
    assert not refused(rank=2)
    assert refused(rank=2, against="backdoor")
    assert not refused(outputs="top", loss="squared_error")
    for outputs in ("hard", "sampled", "preferred"):
        assert not refused(outputs=outputs)
        assert refused(outputs=outputs, loss="squared_error")


@pytest.mark.parametrize("name", EDGES)
def test_a_number_is_bounded_where_it_says_from_both_sides(name):
    companions, inside, outside = EDGES[name]
    assert not [value for value in inside if refused(**companions, **{name: value})]
    assert not [value for value in outside if not refused(**companions, **{name: value})]


@pytest.mark.parametrize("name", EFFECT)
def test_a_setting_is_taken_only_where_it_has_an_effect(name):
    other, words = EFFECT[name]
    _, inside, _ = EDGES[name]
    value = next(value for value in inside if value != EVERY[name].default)
    taken = {w for w in get_args(EVERY[other].hint) if not refused(**{other: w, name: value})}
    assert taken == words


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        ("seeds", np.int64(2), 2),
        ("seeds", 4.0, 4),
        ("student_lr", np.float32(0.5), 0.5),
        ("student_lr", 1, 1.0),
        ("validation", np.float32(0.25), 0.25),
        ("data_dir", "~/x", Path.home() / "x"),
        ("widths", [np.int32(8), 4], (8, 4)),
        ("widths", np.array([8, 4]), (8, 4)),
        ("models", "student_aux", ("student_aux",)),
        ("models", ["student_aux"], ("student_aux",)),
        ("measure", "teacher_head", ("teacher_head",)),
        ("channel", np.array(2), 2),
        ("dataset", Path("digits"), "digits"),
    ],
)
def test_values_as_people_have_them(name, value, plain):
    given = experiment(**{name: value})
    (found,) = (vars(part)[name] for part in given if name in vars(part))
    assert found == plain
    assert type(found) is type(plain)


def test_a_misspelt_setting_is_named_with_the_nearest():
    with pytest.raises(
        InputError, match=r"student_rl = 1: no such setting. Did you mean student_lr"
    ):
        experiment(student_rl=1)


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
        ({"outputs": "top", "top": 1}, "top = 1 with loss = kl"),
        ({"outputs": "top", "top": 1, "loss": "squared_error"}, None),
        ({"weight_decay": 0.1, "optimizer": "adamw"}, "moves the class head"),
        ({"batch": 128}, "number of steps"),
        ({"noise_scale": 0.5, "noise_shift": 0.5}, "off 0"),
        (
            {"weight_decay": 1e-6, "optimizer": "adam_l2"},
            ("hangs on the scale of the loss", "moves the class head"),
        ),
        ({"init": "uniform"}, "what libraries have by default"),
        ({"init": "he_normal"}, None),
        ({"epsilon": 1e-11}, "a loss that is 1e+03 times as large"),
        ({"batch": 128, "teacher_steps": 10, "student_steps": 10}, None),
    ],
)
def test_traps_are_warned_about(settings, words):
    found = warnings(*recipe("mnist", **settings), "mnist")
    words = (words,) if isinstance(words, str) else words or ()
    assert len(found) == len(words)
    assert all(said in line for said, line in zip(words, found, strict=True))


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
    assert sources.training_images(folder) == images
    setup, hyper = recipe(folder, images)
    assert (setup, hyper) == (replace(paper, teacher_epochs=epochs), paper_hyper)
    assert epochs * -(-images // setup.batch) >= 295
    said = f"teacher_epochs = {epochs} by default: {folder} has {images:,} training images"
    found = warnings(setup, hyper, folder, images)
    assert [line.startswith(said) for line in found] == [True] * (epochs > 5)
    assert recipe(folder, images, teacher_epochs=3)[0].teacher_epochs == 3
    for own in ({"teacher_epochs": 3}, {"teacher_steps": 9}):  # what is chosen needs no word
        assert warnings(*recipe(folder, images, **own), folder, images) == []


@pytest.mark.parametrize("content", [None, b"", b"\0\0\x08\x03\0\0", b"\x1f\x8b", b"GIF89a"])
def test_a_folder_that_cannot_be_read_has_the_papers_recipe(tmp_path, content):
    """What is wrong is said where it is loaded."""
    if content is not None:
        (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    for folder in (str(tmp_path), str(tmp_path / "none"), "mnist"):
        assert recipe(folder, sources.training_images(folder)) == recipe("mnist")


def test_every_setting_says_whose_it_is():
    """One that does not is everybody's: nothing that was kept without it is taken for the same."""

    @dataclass(frozen=True)
    class Mine:
        """With a setting that somebody forgot to give to anybody."""

        forgotten: float = setting(0.0)
        """What it is."""

    made = declared_here(Mine)
    assert made["forgotten"].of == Of.NETWORK
    assert made["forgotten"].compiles
    for part in (Setup, Hyper, Common, Networks, Theorem):
        for one in declared(part).values():
            assert one.doc
            assert one.label
            assert one.group


def declared_here(cls):
    """`declared` reads the source of a class, which inside of a function is indented."""
    import inspect  # noqa: PLC0415
    import textwrap  # noqa: PLC0415

    source, usual = textwrap.dedent(inspect.getsource(cls)), inspect.getsource
    inspect.getsource = lambda _: source
    try:
        return declared.__wrapped__(cls)
    finally:
        inspect.getsource = usual


def test_words_are_named_where_they_are_chosen_and_made_where_they_are_done():
    """Either list without the other is half a thing."""
    assert {*get_args(settings_.Loss)} == {*LOSSES}
    assert {*get_args(settings_.Activation)} == {*ACTIVATIONS}
    assert {*get_args(settings_.Noise)} == {*FAMILIES}
    assert {*get_args(settings_.Trait)} == {*TRAITS}
    assert {*get_args(settings_.Outputs)} == {*OUTPUTS}
    assert {*get_args(settings_.Filter)} == {*FILTERS, "none"}
    assert {*settings_.UNRANKED} == {n for n, of in FILTERS.items() if not of.ranked} | {"none"}
    assert {*get_args(experiments.Measure)} == {*MEASURES} - {*ALWAYS} - {*OF_TRAITS}


def test_a_setting_without_effect_must_be_its_default():
    """By what `only` says, from both sides."""
    for name, setup in (
        ("momentum", {"optimizer": "sgd"}),
        ("weight_decay", {"optimizer": "adamw"}),
        ("blur", {"noise": "blurred"}),
        ("dimensions", {"noise": "subspace"}),
        ("images_part", {"noise": "mixture"}),
        ("independence", {"independent": "hidden"}),
        ("bits", {"outputs": "rounded"}),
        ("top", {"outputs": "top"}),
        ("share", {"filter": "most"}),
        ("skilled", {"skill": "faint"}),
        ("pull_steps", {"pull": 0.1}),
    ):
        value = 3 if name in ("dimensions", "bits", "top", "pull_steps") else 0.25
        assert vars(recipe("digits", **setup, **{name: value})[1])[name] == value
        with pytest.raises(InputError, match=f"{name} = {value}: must be .* unless "):
            recipe("digits", **{name: value})
    with pytest.raises(
        InputError, match=r"epsilon = 0\.001: must be 1e-08 unless optimizer is adam"
    ):
        recipe("digits", optimizer="sgd", epsilon=1e-3)
    assert {name for name, s in declared(Hyper).items() if s.only} == {
        "epsilon",
        "momentum",
        "weight_decay",
        "blur",
        "dimensions",
        "images_part",
        "independence",
        "skilled",
        "bits",
        "top",
        "share",
        "pull_steps",
    }


def test_defaults_are_right_whatever_the_others_are():
    # or `check`, which passes them over, would take settings that break a rule
    for cls in (Setup, Hyper, Common, Networks, Theorem):
        for name, s in declared(cls).items():
            if s.rule and s.default is not None:
                s.rule.check(name, s.default, {})  # which raises KeyError if it asks for others


def test_lengths_are_plain_numbers_whoever_asked_first():
    # numpy's cannot be written into a network's name, and what was counted once is given to all
    setup = Setup(teacher_epochs=7, batch=13)
    assert {type(n) for n in steps(setup, np.int64(999)).values()} == {int}
    assert {type(n) for n in steps(setup, 999).values()} == {int}
