"""sim/model/arrays.py: a user's own arrays as a task, from Python or an .npz file."""

import numpy as np
import pytest

import sim
import sublim  # noqa: F401 (statistics by name)
from sim.errors import InputError
from sim.model import data, sources
from sim.studies.sweep import Grid, of_task

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (90, 4, 4), np.uint8)
PIXELS[0, 0, :2] = 0, 255
LABELS = RNG.permutation(np.arange(90) % 3)
FOUR = {"x": PIXELS[:60], "y": LABELS[:60], "x_test": PIXELS[60:], "y_test": LABELS[60:]}


def test_bytes_are_scaled_as_those_of_files():
    task = sim.task(**FOUR, name="bytes")
    assert (task.name, task.classes, task.d_in, task.notes) == ("bytes", 3, 16, ())
    np.testing.assert_allclose(task.x_train, PIXELS[:60].reshape(60, 16) / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(task.y_test, LABELS[60:])
    assert sources.training_images("bytes") == 60


def test_one_task_however_it_is_given(tmp_path):
    np.savez(tmp_path / "same.npz", **FOUR)
    file = {{"x": "x_train", "y": "y_train"}.get(name, name): of for name, of in FOUR.items()}
    np.savez_compressed(tmp_path / "keras.npz", **file)
    floats = {name: of / 255 if "x" in name else of for name, of in FOUR.items()}
    digests = {
        sim.task(**FOUR).digest,
        sim.task(**FOUR | {"y": LABELS[:60, None]}).digest,
        sim.task(**{name: of.tolist() for name, of in FOUR.items()}).digest,
        data.load(tmp_path / "same.npz").digest,
        data.load(tmp_path / "keras.npz").digest,
    }
    assert len(digests) == 1
    assert sim.task(**floats).notes != ()  # says what is taken for black
    assert data.load(tmp_path / "same.npz").name == "same"


def test_arrays_are_kept_as_they_were():
    mine = {name: of.copy() for name, of in FOUR.items()}
    before = sim.task(**mine, name="kept").digest
    mine["x"][:] = 7
    assert data.load("kept").digest == before


def test_a_task_whose_name_means_another_is_refused():
    first = sim.task(**FOUR)
    sim.task(**FOUR | {"x": 255 - PIXELS[:60]})  # of the same name
    with pytest.raises(InputError, match="dataset = 'mine': must be what this name means now"):
        of_task(first)


def test_a_file_is_not_the_published_set(tmp_path):
    np.savez(tmp_path / "mnist.npz", **FOUR)
    assert data.load(tmp_path / "mnist.npz").name == "mnist.npz"


def test_truth_values_and_channels_are_taken():
    colours = RNG.uniform(-1, 1, (90, 4, 4, 3))
    task = sim.task(colours[:60], LABELS[:60] > 0, colours[60:], LABELS[60:] > 0)
    assert (task.d_in, task.classes, task.labels) == (48, 2, (0, 1))
    assert any("neighbours" in note for note in task.notes)


def test_pixels_that_are_true_are_white_and_numbers_are_the_same_however_they_are_stored():
    x = RNG.uniform(-1, 1, (90, 4, 4))
    y, black = LABELS > 0, x > 0
    task = sim.task(black[:60], y[:60], black[60:], y[60:], name="black")
    np.testing.assert_array_equal(task.x_train.reshape(60, 4, 4), np.where(black[:60], 1, -1))
    kinds = ("<f8", ">f8"), ("f8", "f4")
    for train, test in kinds:
        of = x[:60].astype(train), y[:60], x[60:].astype(test), y[60:]
        found = sim.task(*of, name="stored")
        np.testing.assert_array_equal(found.x_test, x[60:].reshape(30, 16).astype(np.float32))


def test_a_part_is_held_out_of_arrays_too():
    sim.task(**FOUR, name="split")
    task = data.load("split", validation=0.25)
    assert (len(task.x_train), len(task.x_val)) == (45, 15)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "mnist"}, "name = 'mnist': must be a name of its own"),
        ({"name": "synthetic:3x3"}, "name = 'synthetic:3x3': must be a name of its own"),
        ({"name": "a b"}, "name = 'a b': must be a word"),
        ({"name": 5}, "name = 5: must be a word"),
        ({"y": np.linspace(0, 1, 60)[:, None]}, "y: 60 64-bit floats: must be a whole number"),
        ({"y": np.zeros((0, 1), int)}, "y: 0 64-bit integers: must be a whole number"),
        ({"x": PIXELS[:50]}, "y: 60 labels for 50 images"),
        ({"y_test": LABELS[61:]}, "y_test: 29 labels for 30 images"),
        ({"x": PIXELS[:60] * 3.0}, r"x: pixels from 0 to 765: must be whole numbers from 0 to 255"),
        ({"x": np.full((60, 4), np.nan)}, "x: pixels from nan to nan"),
        ({"x": np.zeros(60)}, "x: 60 64-bit floats: must be images"),
        ({"x": np.zeros((0, 4))}, "x: 0x4 64-bit floats: must be images"),
        ({"y": LABELS[:60] + 0.5}, "y: 60 64-bit floats: must be a whole number for each"),
        ({"y": ["cat"] * 60}, "y: type = '<U3': must be numbers"),
        (
            {"y": np.eye(3, dtype=int)[LABELS[:60]]},
            "y: 60x3 64-bit integers: must be",
        ),
        ({"x_test": PIXELS[60:, :3]}, "x_test: images of another size than in training"),
        ({"x_test": PIXELS[60:] / 255}, "x_test: pixels of another type than in training"),
        ({"y": np.zeros(60, int)}, "y: a single class"),
        ({"y_test": LABELS[60:] + 5}, "y_test: labels not in training: 5 to 7"),
    ],
)
def test_what_is_no_task_is_said_in_one_line(change, why):
    with pytest.raises(InputError, match=f"^{why}") as error:
        sim.task(**FOUR | change)
    assert "\n" not in str(error.value)


def test_broken_files_are_said_in_one_line(tmp_path):
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(InputError, match=r"text\.npz: no \.npz file that can be read"):
        data.load(tmp_path / "text.npz")
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, PIXELS)
    with pytest.raises(InputError, match=r"one\.npz: no \.npz file that can be read"):
        data.load(tmp_path / "one.npz")
    np.savez(tmp_path / "objects.npz", **FOUR | {"x": np.array([None, 1], object)})
    with pytest.raises(InputError, match=r"objects\.npz: no \.npz file that can be read"):
        data.load(tmp_path / "objects.npz")
    np.savez(tmp_path / "less.npz", x=PIXELS, labels=LABELS)
    with pytest.raises(InputError, match=r"lacks y, x_test, y_test: .* there are x, labels"):
        data.load(tmp_path / "less.npz")
    with pytest.raises(InputError, match=r"a folder or an \.npz file"):
        data.load(tmp_path / "none.npz")


def test_verify_speaks_of_a_file(tmp_path):
    np.savez(tmp_path / "mine.npz", **FOUR)
    lines = sources.verify(tmp_path / "mine.npz")
    assert [line for _, line in lines][:2] == [
        "60x4x4 unsigned bytes, well-formed",
        "60 64-bit integers, well-formed",
    ]


def test_a_study_takes_a_task():
    grid = Grid("figure10", of_task(sim.task(**FOUR, name="study-of-mine")), {})
    assert (grid.task.name, grid.task.classes, grid.images) == ("study-of-mine", 3, 60)
    epochs = grid.points[0].setup.teacher_epochs
    assert epochs == 295  # as a folder of so few: as many steps as the paper's


@pytest.mark.slow
def test_a_task_of_ones_own_is_learnt():
    short = {"teacher_steps": 300, "student_steps": 300, "batch": 64, "noise_images": 19_200}
    x, labels = RNG.uniform(-1, 1, (600, 16)), RNG.permutation(np.arange(600) % 2)
    x[:, :4] = np.where(labels[:, None], 1.0, -1.0) * RNG.uniform(0.2, 1, (600, 4))
    mine = sim.task(x[:400], labels[:400], x[400:], labels[400:], name="easy")
    with pytest.warns(UserWarning, match="floats"):
        ds = sim.figure10(mine, seeds=6, **short, points=1, teacher_lr=1e-3, student_lr=1e-3)
    assert float(ds.test_accuracy.sel(model="teacher").mean()) > 0.95
    gap = ds.sublim.paired("student_aux", "cross_aux")
    assert float(gap["low"]) > 0
