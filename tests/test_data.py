"""The sets as arrays, where their files are looked for, and what a bad file or mirror leaves."""

import gzip
import hashlib
import os
import re
import socket
import threading
import time
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jax
import numpy as np
import platformdirs
import pytest

from sim.errors import InputError
from sim.model import data, idx, sources

REAL = os.environ.get("SUBLIM_DATA_DIR")  # read before `alone` hides it
DIGITS = "3c7c7c7e638f9b1b"


CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def as_idx(array, kind="u1"):
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, CODES[kind], array.ndim]) + sizes + array.astype(f">{kind}").tobytes()


def contents(train=40, test=10, size=(4, 5), classes=3, seed=0):
    """The contents of the four IDX files of a small random set: {name: bytes}."""
    rng = np.random.default_rng(seed)
    arrays = []
    for n in (train, test):
        # An image's first pixel is its number, so that parts can be told apart.
        images = rng.integers(0, 256, (n, *size))
        images[:, 0, 0] = np.arange(n)
        arrays += [images, np.arange(n) % classes]
    return dict(zip(idx.FILES, map(as_idx, arrays), strict=True))


def write(folder, files, end=".gz", rename=lambda name: name):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        packed = gzip.compress(content) if end == ".gz" else content
        (folder / (rename(name) + end)).write_bytes(packed)
    return folder


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No test sees this user's data, cache or proxies."""
    monkeypatch.delenv("SUBLIM_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda app: tmp_path / "cache" / app)


@pytest.fixture
def files(monkeypatch):
    """Contents that count as the published mnist, with no mirror."""
    files = contents()
    md5 = tuple(hashlib.md5(content).hexdigest() for content in files.values())
    monkeypatch.setitem(sources.MD5, "mnist", md5)
    monkeypatch.setitem(sources.MIRRORS, "mnist", ())
    return files


@pytest.fixture
def serve(monkeypatch):
    """serve(files, …) makes each set a mirror of mnist; `cut` bytes are lacking of each body.

    With `drip`, there are so many seconds before each byte.
    """
    servers = []

    def start(files, cut, lengths, drip):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = files.get(self.path.removeprefix("/").removesuffix(".gz"))
                self.send_response(404 if body is None else 200)
                packed = gzip.compress(body or b"")
                if lengths:
                    self.send_header("Content-Length", str(len(packed)))
                self.end_headers()
                with suppress(ConnectionError):  # as nobody listens on
                    for part in re.findall(b"(?s)." if drip else b"(?s).+", packed[: -cut or None]):
                        time.sleep(drip)
                        self.wfile.write(part)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    def serve(*mirrors, cut=0, lengths=True, drip=0.0):
        urls = [m if isinstance(m, str) else start(m, cut, lengths, drip) for m in mirrors]
        monkeypatch.setitem(sources.MIRRORS, "mnist", tuple(urls))

    yield serve
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def digits():
    return data.load()


def refused():
    """A URL where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def fails(match, call, *args, **kwargs):
    """The call raises an InputError that matches, in one line."""
    with pytest.raises(InputError, match=match) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Digits


def test_digits_are_a_fixed_split_of_the_whole_set(digits):
    assert [len(a) for a in (digits.x_train, digits.x_val, digits.x_test)] == [1077, 360, 360]
    assert [len(a) for a in (digits.y_train, digits.y_val, digits.y_test)] == [1077, 360, 360]
    assert digits.x_train.dtype == np.float32
    assert digits.y_train.dtype == np.int32
    assert (digits.d_in, digits.classes, digits.name) == (64, 10, "digits")
    assert digits.digest == DIGITS  # results of another digest are not comparable


def test_digits_parts_are_disjoint_and_in_range(digits):
    from sklearn.datasets import load_digits  # noqa: PLC0415

    parts = np.concatenate([digits.x_train, digits.x_val, digits.x_test])
    labels = np.concatenate([digits.y_train, digits.y_val, digits.y_test])
    pixels, targets = load_digits(return_X_y=True)
    rows = {(*row, label) for row, label in zip(parts, labels, strict=True)}
    assert rows == {(*row, label) for row, label in zip(pixels / 8 - 1, targets, strict=True)}
    assert len(parts) == len(pixels) == len(rows)  # every example once: none in two parts
    assert (parts.min(), parts.max()) == (-1, 1)


def test_task_is_a_pytree_of_its_arrays(digits):
    leaves, tree = jax.tree.flatten(digits)
    assert len(leaves) == 6
    assert jax.tree.unflatten(tree, leaves).digest == digits.digest
    assert jax.tree.map(lambda a: a[:1], digits).x_val.shape == (1, 64)


# Synthetic


def test_synthetic_is_nearly_separable_and_the_same_at_each_call():
    task = data.load("synthetic:20x4")
    assert [a.shape for a in (task.x_train, task.x_val, task.x_test)] == [
        (2000, 20),
        (500, 20),
        (500, 20),
    ]
    assert (task.classes, set(task.y_test)) == (4, {0, 1, 2, 3})
    assert 0.94 < np.mean(abs(task.x_train) <= 1) < 0.99
    centres = np.stack([task.x_train[task.y_train == k].mean(0) for k in range(4)])
    for x, y in ((task.x_val, task.y_val), (task.x_test, task.y_test)):
        guess = np.argmin(((x[:, None] - centres) ** 2).sum(-1), axis=1)
        assert 0.95 < np.mean(guess == y) < 1
    assert data.load("synthetic:20x4").digest == task.digest
    assert data.synthetic(20, 4, separation=5).digest != task.digest


def test_synthetic_by_default_is_64_by_10():
    task = data.load("synthetic")
    assert (task.d_in, task.classes, task.name) == (64, 10, "synthetic:64x10")
    assert task.digest == data.synthetic().digest


@pytest.mark.parametrize(
    "spec", ["synthetic:", "synthetic:20", "synthetic:axb", "synthetic:-2x3", "synthetic:2x3x4"]
)
def test_synthetic_bad_spec(spec):
    fails(f"'{spec}'.*synthetic:20x4", data.load, spec)


@pytest.mark.parametrize("spec", ["synthetic:0x3", "synthetic:5x1", "synthetic:5x2001"])
def test_synthetic_bad_sizes(spec):
    fails(f"{spec}.*2 to 2000 classes", data.load, spec)


# Arguments


@pytest.mark.parametrize("validation", [-0.1, 1.0, float("nan")])
def test_validation_out_of_range(validation):
    fails(rf"validation {validation}.*\[0, 1\)", data.load, "mnist", validation=validation)


@pytest.mark.parametrize("name", ["digits", "synthetic", "synthetic:20x4"])
def test_validation_of_sets_with_their_own(name):
    fails("0.2.*own fixed validation split", data.load, name, validation=0.2)


@pytest.mark.parametrize(
    ("name", "near"), [("Mnist", "mnist"), ("fashion-mnist", "fashion_mnist"), ("digit", "digits")]
)
def test_unknown_name_suggests_a_near_one(name, near):
    for call in (data.load, sources.fetch, sources.verify, sources.status):
        fails(f"'{name}'.*digits, synthetic, mnist.*did you mean {near}", call, name)


@pytest.mark.parametrize("name", ["", "qqq", "no/such/folder"])
def test_unknown_name_with_no_near_one(name):
    assert "did you mean" not in fails(f"'{name}': must be digits", data.load, name)


def test_embedded_sets_need_no_fetch():
    for name in ("digits", "synthetic"):
        assert sources.status(name) == "embedded"
        fails(f"{name} is embedded: nothing to fetch", sources.fetch, name)
        fails(f"{name} is embedded", sources.verify, name)
    assert (
        set(sources.KNOWN)
        == {"digits", "synthetic", *sources.MD5}
        == {*sources.MIRRORS, *sources.KNOWN}
    )


# A folder of IDX files


@pytest.mark.parametrize("end", [".gz", ""])
@pytest.mark.parametrize("old", ["-idx", ".idx"])
def test_folder_of_any_size_and_classes(tmp_path, end, old):
    files = contents(train=30, test=12, size=(3, 2), classes=5)
    folder = write(tmp_path / "own set", files, end, lambda name: name.replace("-idx", old))
    task = data.load(str(folder))
    assert (task.name, task.classes, task.d_in) == ("own set", 5, 6)
    assert [len(a) for a in (task.x_train, task.x_val, task.x_test)] == [30, 0, 12]
    assert task.x_val.shape == (0, 6)
    pixels = np.frombuffer(files[idx.FILES[0]][16:], np.uint8).reshape(30, 6)
    np.testing.assert_allclose(task.x_train, (pixels / 255 - 0.5) / 0.5, atol=1e-6)
    np.testing.assert_array_equal(task.y_test, np.arange(12) % 5)
    assert task.x_train.dtype == task.x_val.dtype == task.x_test.dtype == np.float32
    assert task.y_train.dtype == task.y_val.dtype == task.y_test.dtype == np.int32


def test_digest_tells_contents_apart(tmp_path):
    one, same, other = (
        data.load(write(tmp_path / str(i), contents(seed=seed))) for i, seed in enumerate([0, 0, 1])
    )
    assert one.digest == same.digest != other.digest


def test_validation_is_held_out_of_train(tmp_path):
    folder = write(tmp_path / "set", contents(train=40))
    whole, task, again = (data.load(folder, validation=v) for v in (0, 0.25, 0.25))
    number = lambda x: np.rint((x[:, 0] + 1) * 127.5).astype(int)  # noqa: E731
    train, val = number(task.x_train), number(task.x_val)
    assert (len(train), len(val)) == (30, 10)
    assert {*train, *val} == set(range(40))
    np.testing.assert_array_equal(task.y_val, val % 3)
    np.testing.assert_array_equal(task.y_train, train % 3)
    np.testing.assert_array_equal(task.x_test, whole.x_test)
    assert task.digest == again.digest != whole.digest


@pytest.mark.parametrize("validation", [0.001, 0.999])
def test_validation_that_leaves_a_part_empty(tmp_path, validation):
    folder = write(tmp_path / "set", contents(train=40))
    fails(f"validation {validation}.*of 40", data.load, folder, validation=validation)


def test_folder_that_lacks_files(tmp_path):
    folder = write(tmp_path / "set", contents())
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    (folder / "train-images-idx3-ubyte.gz").unlink()
    missing = "lacks train-images-idx3-ubyte, t10k-labels-idx1-ubyte "
    for call in (data.load, sources.verify):
        fails(f"{folder}: {missing}", call, folder)


def bad(content, kind):
    return {
        "cut": content[:-1],
        "long": content + b"\0",
        "headless": content[:7],
        "nothing": b"",
        "magic": b"\1" + content[1:],
        "type": content[:2] + b"\x0a" + content[3:],
        "dims": content[:3] + b"\2" + content[4:],
        "rank": content[:3] + b"\5" + content[4:],
        "empty": content[:4] + bytes(len(content[4:16])) if content[3] == 3 else bytes(8),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("cut", "holds 199 bytes, its header says 10x4x5 unsigned bytes"),
        ("long", "holds more, its header says 10x4x5 unsigned bytes"),
        ("headless", "3 dimensions, 3 bytes of sizes"),
        ("nothing", "no IDX file, begins with b''"),
        ("magic", r"no IDX file, begins with b'\\x01\\x00\\x08\\x03'"),
        ("type", "type 10: must be unsigned bytes, .*32-bit floats"),
        ("dims", "holds more, its header says 10x4 unsigned bytes"),
        ("rank", "5 dimensions, .*must be 1 to 4"),
        ("empty", "holds 0 bytes, its header says 0x0x0 unsigned bytes"),
    ],
)
def test_folder_with_a_malformed_file(tmp_path, kind, why):
    files = contents()
    files["t10k-images-idx3-ubyte"] = bad(files["t10k-images-idx3-ubyte"], kind)
    folder = write(tmp_path / "set", files)
    fails(f"t10k-images-idx3-ubyte.gz: .*{why}.*replace it", data.load, folder)


# Labels


def labelled(folder, train, test, **kinds):
    """A folder whose training and test images have these labels."""
    files = contents(len(train), len(test))
    for name, labels in (("train", train), ("t10k", test)):
        files[f"{name}-labels-idx1-ubyte"] = as_idx(np.array(labels), **kinds)
    return write(folder, files)


@pytest.mark.parametrize(
    ("labels", "kind", "note"),
    [
        (range(1, 27), "u1", "letters: labels 1 to 26 are numbered 0 to 25"),
        ((0, 2, 4), "u1", "letters: labels 0, 2, 4 are numbered 0 to 2"),
        (range(5, 10), "i4", "letters: labels 5 to 9 are numbered 0 to 4"),
        ((-1, 1), "i1", "letters: labels -1, 1 are numbered 0 to 1"),
        (range(0, 40, 2), "i2", "labels 0, 2, 4, 6, 8, 10, 12, 14, …, 38 are numbered 0 to 19"),
        (range(3), "u1", None),
    ],
)
def test_labels_that_occur_are_numbered(tmp_path, labels, kind, note):
    """No class is empty, so that chance is one in their number; their names are kept."""
    labels = tuple(labels)
    train, test = np.tile(labels, 4), np.repeat(labels, 2)
    task = data.load(labelled(tmp_path / "letters", train, test, kind=kind))
    assert (task.classes, task.labels) == (len(labels), labels)
    assert len(task.notes) == (note is not None)
    assert all(line.endswith(note) for line in task.notes)
    np.testing.assert_array_equal(np.array(task.labels)[task.y_train], train)
    np.testing.assert_array_equal(np.array(task.labels)[task.y_test], test)
    some = data.first_classes(task, 2)
    assert (some.classes, some.labels, some.notes) == (2, labels[:2], task.notes)
    assert (len(some.y_train), len(some.y_test)) == (8, 4)


def test_a_label_that_no_test_image_has(tmp_path):
    task = data.load(labelled(tmp_path / "set", [0, 1, 2] * 5, [0, 2, 2]))
    assert (task.classes, list(task.y_test), task.notes) == (3, [0, 2, 2], ())


@pytest.mark.parametrize(
    ("train", "test", "why"),
    [
        ([0, 2] * 9, [0, 1, 2], "t10k-labels-idx1-ubyte.gz: labels not in training: 1; replace"),
        ([1, 2] * 9, [0, 1, 7], "t10k-labels-idx1-ubyte.gz: labels not in training: 0, 7; replace"),
        ([3] * 9, [3, 3], "train-labels-idx1-ubyte.gz: a single class, of label 3: must be at"),
        ([0], [0], "train-labels-idx1-ubyte.gz: a single class, of label 0"),
    ],
)
def test_labels_that_make_no_task(tmp_path, train, test, why):
    folder = labelled(tmp_path / "set", train, test)
    for call in (data.load, sources.verify):
        fails(f"{folder}/{why}", call, folder)


def test_validation_that_leaves_a_class_untrained(tmp_path):
    folder = labelled(tmp_path / "set", [1] * 30 + [5] * 2 + [9] * 2, [1])
    assert data.load(folder, validation=0.1).classes == 3
    fails("validation 0.9: leaves training no image of label", data.load, folder, validation=0.9)


def test_first_classes_that_make_no_task(tmp_path):
    """No part may be empty that was not; one class is no task."""
    task = data.load(labelled(tmp_path / "set", [1, 2, 3, 4] * 9, [3, 4, 4]), validation=0.25)
    fails("classes = 2: no test image of set has label 1, 2", data.first_classes, task, 2)
    assert data.first_classes(task, 3).classes == 3
    fails("classes = 1: must be 2 to 4", data.first_classes, task, 1)
    rare = data.synthetic(5, 4, 40, 4, validation=4)
    rare = replace(rare, y_val=np.full_like(rare.y_val, 3))
    fails("classes = 2: no validation image", data.first_classes, rare, 2)
    fails("a test example", data.synthetic, 5, 4, test=0)


# What files there are, and of what


def test_a_sets_own_names(tmp_path):
    """EMNIST's, where test is not t10k."""
    own = lambda name: "emnist-letters-" + name.replace("t10k", "test")  # noqa: E731
    folder = write(tmp_path / "letters", contents(), rename=own)
    assert data.load(folder).x_train.shape == (40, 20)
    assert sources.verify(folder)[3][0] == str(folder / "emnist-letters-test-labels-idx1-ubyte.gz")
    write(folder, contents(), rename=lambda name: "._" + own(name))  # what some systems leave
    assert data.load(folder).d_in == 20
    write(folder, contents(), rename=lambda name: "emnist-digits-" + name)
    fails("holds emnist-digits, emnist-letters: put the four files of one", data.load, folder)
    write(folder, contents(classes=4))  # plain names before others
    assert data.load(folder).classes == 4
    assert data.load(write(tmp_path / "KMNIST" / "raw", contents()).parent).name == "KMNIST"


def test_qmnists_labels(tmp_path):
    """idx2-int, of eight columns: the class, then who wrote it."""
    files = contents()
    for n, part in ((40, "train"), (10, "t10k")):
        columns = np.arange(n)[:, None] % 3 + 50 * np.arange(8)
        del files[f"{part}-labels-idx1-ubyte"]
        files[f"{part}-labels-idx2-int"] = as_idx(columns, "i4")
    own = lambda name: "qmnist-" + name.replace("t10k", "test")  # noqa: E731
    task = data.load(write(tmp_path / "set", files, rename=own))
    assert task.labels == (0, 1, 2)
    np.testing.assert_array_equal(task.y_train, np.arange(40) % 3)
    fails(
        "40x8 32-bit integers: must be a whole number for each",
        data.load,
        write(tmp_path / "other", files),
    )


def with_images(folder, train, test, kind):
    images = {
        "train-images-idx3-ubyte": as_idx(train, kind),
        "t10k-images-idx3-ubyte": as_idx(test, kind),
    }
    return write(folder, contents(len(train), len(test)) | images)


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3), (2, 3, 1)])
def test_images_of_every_type_that_mean_one_thing(tmp_path, kind, shape):
    """Bytes of any width up to 255, fractions from black to white."""
    grey = np.linspace(0, 1, 120) if kind[0] == "f" else np.linspace(0, 127, 120).round()
    grey = np.roll(grey, 60).reshape(20, *shape)
    task = data.load(with_images(tmp_path / "set", grey, grey[:5], kind))
    white = 1 if kind[0] == "f" else 255
    np.testing.assert_allclose(task.x_train, grey.reshape(20, 6) / white * 2 - 1, atol=1e-6)
    np.testing.assert_array_equal(task.x_test, task.x_train[:5])


def test_floats_that_are_negative_are_left_as_they_are(tmp_path):
    """Also those of the part that happens to have no negative one."""
    train, test = np.linspace(-1, 1, 120).reshape(20, 6), np.linspace(0, 1, 30).reshape(5, 6)
    task = data.load(with_images(tmp_path / "set", train, test, "f4"))
    np.testing.assert_array_equal(task.x_train, train.astype(np.float32))
    np.testing.assert_array_equal(task.x_test, test.astype(np.float32))
    assert task.notes == ("set: pixels are floats: -1 is taken for black, 1 for white",)


@pytest.mark.parametrize(
    ("high", "kind", "note"),
    [
        (16, "u1", "no pixel is above 16, where white is 255: the images are nearly black"),
        (128, "u1", None),
        (1, "f8", "pixels are floats: 0 is taken for black, 1 for white"),
    ],
)
def test_what_is_taken_for_white_is_said(tmp_path, high, kind, note):
    grey = np.linspace(0, high, 120).reshape(20, 6)
    notes = data.load(with_images(tmp_path / "set", grey, grey[:5], kind)).notes
    assert notes == ((f"set: {note}",) if note else ())


@pytest.mark.parametrize(
    ("shape", "taken"), [((2, 8), "4 × 4"), ((7, 5), "5 × 7"), ((3, 5), None), ((4, 4), None)]
)
def test_images_that_are_taken_for_another_shape_say_so(tmp_path, shape, taken):
    """What knows neighbours sees as nearly a square as there is."""
    images = np.random.default_rng(0).integers(0, 256, (20, *shape))
    images[0, 0, 0] = 255
    notes = data.load(with_images(tmp_path / "set", images, images[:5], "u1")).notes
    said = f"set: images of {shape[0]} × {shape[1]} are taken for {taken} by what knows neighbours"
    assert [note.startswith(said) for note in notes] == [True] * (taken is not None)


def test_colours_are_pixels_in_a_row(tmp_path):
    colours = np.arange(20 * 12).reshape(20, 2, 2, 3)
    task = data.load(with_images(tmp_path / "set", colours, colours[:5], "u1"))
    np.testing.assert_allclose(task.x_train[1], np.arange(12, 24) / 127.5 - 1, atol=1e-6)
    assert "the 3 values of a pixel" in task.notes[0]


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-1, 255, "i2"),
        (0, 256, "i4"),
        (-128, 127, "i1"),
        (0, 255, "f4"),
        (-0.5, 2.8, "f8"),
        (0, np.nan, "f4"),
    ],
)
def test_images_whose_white_is_unknown(tmp_path, low, high, kind):
    images = np.linspace(low, high, 120).reshape(20, 6)
    folder = with_images(tmp_path / "set", images, images[:5], kind)
    why = f"pixels from {np.nan if np.isnan(high) else low:g} to {high:g}: must be whole numbers"
    fails(f"train-images-idx3-ubyte.gz: {why} from 0 to 255, or floats", data.load, folder)


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        (
            "train-labels-idx1-ubyte",
            as_idx(np.zeros(40), "f4"),
            "40 32-bit floats: must be a whole",
        ),
        ("train-labels-idx1-ubyte", as_idx(np.zeros((40, 3))), "40x3 unsigned bytes: must be a"),
        ("train-images-idx3-ubyte", as_idx(np.zeros(40)), "40 unsigned bytes: must be images"),
        ("t10k-images-idx3-ubyte", as_idx(np.zeros((10, 4, 5)), "f4"), "pixels of another type"),
        ("t10k-images-idx3-ubyte", as_idx(np.zeros((10, 20))), "images of another size"),
    ],
)
def test_what_has_more_than_one_meaning_is_refused_in_words(tmp_path, file, content, why):
    folder = write(tmp_path / "set", contents() | {file: content})
    fails(f"{file}.gz: {why}.*replace it", data.load, folder)


# Files that claim or hold too much


def peak(call, *args):
    """Bytes that a call allocates at its peak."""
    tracemalloc.start()
    try:
        call(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("end", [".gz", ""])
@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ((2**32 - 1,) * 3, "unsigned bytes, 79,228,162,458,924,105,385,300,197,375 bytes: must be"),
        ((2**16, 2**8, 2**8), "4,294,967,296 bytes: must be at most 1,073,741,824"),
        ((1, 2**15, 2**15), "holds 8,388,608 bytes, its header says 1x32768x32768 unsigned bytes"),
        ((40, 4, 5), "holds more, its header says 40x4x5 unsigned bytes"),
    ],
)
def test_no_more_is_read_than_a_header_claims_under_a_cap(tmp_path, end, sizes, why):
    """Of 8 MiB of zeros, which a few KiB unpack to."""
    content = as_idx(np.zeros((0, 0, 0)))[:4] + b"".join(n.to_bytes(4, "big") for n in sizes)
    folder = write(tmp_path / "set", contents() | {idx.FILES[0]: content + bytes(2**23)}, end)
    call = lambda: fails(f"{idx.FILES[0]}{end}: .*{why}", data.load, folder)  # noqa: E731
    assert peak(call) < (2**25 if "8,388,608" in why else 2**22)


@pytest.mark.parametrize("kind", ["cut", "garbled"])
def test_folder_with_a_bad_gzip_file(tmp_path, kind):
    folder = write(tmp_path / "set", contents())
    path = folder / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    middle = len(whole) // 2
    garbled = whole[:middle] + bytes(b ^ 255 for b in whole[middle : middle + 20])
    path.write_bytes(whole[:-20] if kind == "cut" else garbled + whole[middle + 20 :])
    fails(f"{path}: .*replace it", data.load, folder)


@pytest.mark.parametrize(
    ("change", "file", "why"),
    [
        ({"train-labels-idx1-ubyte": {"train": 39}}, "train-labels", "39 labels for 40 images"),
        ({"t10k-labels-idx1-ubyte": {"test": 11}}, "t10k-labels", "11 labels for 10 images"),
        ({"t10k-images-idx3-ubyte": {"size": (5, 4)}}, "t10k-images", "images of another"),
        ({"t10k-labels-idx1-ubyte": {"classes": 5}}, "t10k-labels", "labels not in training: 3, 4"),
    ],
)
def test_folder_whose_files_disagree(tmp_path, change, file, why):
    files = contents()
    for name, other in change.items():
        files[name] = contents(**other)[name]
    folder = write(tmp_path / "set", files)
    for call in (data.load, sources.verify):
        fails(f"{file}-idx.-ubyte.gz: {why}.*replace it", call, folder)


def test_verify_folder(tmp_path):
    folder = write(tmp_path / "set", contents(), end="")
    verdicts = sources.verify(folder)
    assert [file for file, _ in verdicts] == [str(folder / file) for file in idx.FILES]
    assert verdicts[0][1] == "40x4x5 unsigned bytes, well-formed, no published checksum"


# Published sets: where they are found


def test_found_in_data_dir_then_environment_then_cache(tmp_path, files, monkeypatch):
    places = [tmp_path / "given", tmp_path / "env", tmp_path / "cache" / "sublim" / "data"]
    for place in places:
        write(place / "mnist", files)
    given, env, cache = places
    monkeypatch.setenv("SUBLIM_DATA_DIR", str(env))
    assert sources.status("mnist", given) == f"found in {given / 'mnist'}"
    assert sources.status("mnist") == f"found in {env / 'mnist'}"
    assert sources.fetch("mnist", str(given)) == given / "mnist"
    # What is chosen is read, and what is not chosen is not.
    (env / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    assert data.load("mnist", data_dir=given).name == "mnist"
    fails(f"{env / 'mnist'}", data.load, "mnist")
    monkeypatch.delenv("SUBLIM_DATA_DIR")
    assert sources.status("mnist") == f"found in {cache / 'mnist'}"
    assert data.load("mnist").classes == 3


def test_found_in_the_folder_itself_but_its_own_comes_first(tmp_path, files):
    write(tmp_path, files, end="")
    assert sources.status("mnist", tmp_path) == f"found in {tmp_path}"
    assert data.load("mnist", data_dir=tmp_path).d_in == 20
    write(tmp_path / "mnist", files)
    assert sources.status("mnist", tmp_path) == f"found in {tmp_path / 'mnist'}"


def test_files_of_another_set_are_not_taken(tmp_path, files):
    """Beside, they are named, and in the way of nothing."""
    write(tmp_path, files)
    beside = f"(the files in {tmp_path} are mnist's)"
    assert (
        sources.status("fashion_mnist", tmp_path)
        == f"not here {beside}: sublim data fetch fashion_mnist"
    )
    assert sources.status("mnist", tmp_path) == f"found in {tmp_path}"
    said = fails(f"{tmp_path / 'fashion_mnist'}: lacks", sources.verify, "fashion_mnist", tmp_path)
    assert beside in said


@pytest.mark.parametrize("owner", ["fashion_mnist", "another set"])
def test_files_of_another_set_in_a_sets_place(tmp_path, files, serve, monkeypatch, owner):
    """They are named, and nobody is told to move or delete them; nothing is written there."""
    other = contents(classes=4)
    if owner == "fashion_mnist":
        md5 = tuple(hashlib.md5(content).hexdigest() for content in other.values())
        monkeypatch.setitem(sources.MD5, owner, md5)
    serve(files)
    home = write(tmp_path / "mnist", other)
    before = {path: path.read_bytes() for path in home.iterdir()}
    why = rf"no mnist \(the files in {home} are {owner}'s\): use them as --dataset {home}, and"
    for call in (sources.fetch, sources.verify):
        assert "delete" not in fails(why, call, "mnist", tmp_path)
    fails(why, data.load, "mnist", data_dir=tmp_path)
    assert sources.status("mnist", tmp_path).startswith("not here: no mnist (the files in")
    assert data.load(str(home)).x_train.shape == (40, 20)
    (home / "t10k-images-idx3-ubyte.gz").unlink()  # nor are they completed
    fails(why, sources.fetch, "mnist", tmp_path)
    assert {path: path.read_bytes() for path in home.iterdir()}.items() <= before.items()
    write(tmp_path, files)  # what is right is found beside
    assert sources.status("mnist", tmp_path) == f"found in {tmp_path}"


def test_damaged_labels_are_not_another_sets(tmp_path, files):
    home = write(tmp_path / "mnist", files | {"train-labels-idx1-ubyte": as_idx(np.zeros(40))})
    why = f"{home}/train-labels-idx1-ubyte.gz: wrong checksum"
    fails(why, data.load, "mnist", data_dir=tmp_path)
    (home / "t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    (home / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    fails(f"{home}/train-labels-idx1-ubyte.gz: no IDX", data.load, "mnist", data_dir=tmp_path)


def test_found_where_torchvision_puts_them(tmp_path, files):
    raw = write(tmp_path / "MNIST" / "raw", files, end="")
    assert sources.status("mnist", tmp_path) == f"found in {raw}"
    assert data.load("mnist", data_dir=tmp_path).d_in == 20


def test_verify_published(tmp_path, files):
    fails(
        f"{tmp_path / 'mnist'}: lacks train-images.*fetch mnist", sources.verify, "mnist", tmp_path
    )
    write(tmp_path / "mnist", files)
    verdicts = sources.verify("mnist", tmp_path)
    assert verdicts[3] == (
        str(tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"),
        "10 unsigned bytes, checksum as published",
    )


@pytest.mark.parametrize("inside", ["mnist", ""])
def test_wrong_file_found_is_named_and_left_alone(tmp_path, files, inside):
    other = contents(seed=1)["train-images-idx3-ubyte"]
    folder = write(tmp_path / inside, {**files, "train-images-idx3-ubyte": other})
    before = everything(tmp_path)
    for call in (sources.fetch, sources.verify):
        why = "train-images-idx3-ubyte.gz: wrong checksum.*move it away.*sublim data fetch mnist"
        fails(f"{folder}/{why}", call, "mnist", tmp_path)
    fails("wrong checksum", data.load, "mnist", data_dir=tmp_path)
    assert everything(tmp_path) == before


# Published sets: fetched


def test_fetch(tmp_path, files, serve):
    serve(files)
    root = tmp_path / "new" / "folder"
    assert sources.status("mnist", root) == "not here: sublim data fetch mnist"
    assert sources.fetch("mnist", root) == root / "mnist"
    assert everything(root) == sorted(["mnist", *(f"mnist/{file}.gz" for file in files)])
    serve()  # what is there is not fetched again
    assert data.load("mnist", data_dir=root).d_in == 20
    assert sources.fetch("mnist", root) == root / "mnist"


def test_load_fetches_into_the_cache(tmp_path, files, serve):
    serve(files)
    assert data.load("mnist").classes == 3
    assert sources.status("mnist") == f"found in {tmp_path / 'cache/sublim/data/mnist'}"


def test_fetch_completes_a_partial_folder(tmp_path, files, serve):
    serve(files)
    folder = write(tmp_path / "mnist", files)
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    (folder / "t10k-labels-idx1-ubyte.gz").rename(folder / "t10k-labels.idx1-ubyte.gz")
    (folder / "t10k-labels.idx1-ubyte.gz").write_bytes(b"")  # the fetched one wins
    (folder / "train-labels-idx1-ubyte").write_bytes(b"")
    assert data.load("mnist", data_dir=tmp_path).d_in == 20


def test_fetch_turns_to_the_second_mirror(tmp_path, files, serve):
    broken = {**files, "t10k-labels-idx1-ubyte": b"wrong"}  # the first three are right
    for i, first in enumerate([refused(), {}, broken]):
        serve(first, files)
        assert len(sources.verify("mnist", sources.fetch("mnist", tmp_path / str(i)).parent)) == 4


def test_fetch_failures_leave_nothing(tmp_path, files, serve):
    last = {**files, "t10k-labels-idx1-ubyte": contents(seed=1, test=9)["t10k-labels-idx1-ubyte"]}
    offline = r"offline, use --dataset digits or put the four files .* in .*mnist"
    for why, mirrors, options in (
        ("t10k-labels-idx1-ubyte.gz: wrong checksum", [last], {}),
        ("more expected", [files], {"cut": 9}),
        ("train-images-idx3-ubyte.gz: .*ended before", [files], {"cut": 9, "lengths": False}),
        ("HTTPError, 404", [{}], {}),
        ("ConnectionError", [refused()], {}),
        ("404.*; http.*wrong checksum", [{}, last], {}),
    ):
        serve(*mirrors, **options)
        for call in (lambda: sources.fetch("mnist", tmp_path), lambda: data.load("mnist")):
            fails(f"no complete mnist in .*({why}).*{offline}", call)
        assert everything(tmp_path) == ["cache", "cache/sublim", "cache/sublim/data"]


def test_fetch_ends_after_a_time(tmp_path, files, serve, monkeypatch):
    """However slowly bytes come, each within the time that a connection may be silent."""
    serve(files, drip=0.02)
    monkeypatch.setattr(sources, "SECONDS", 0.2)
    monkeypatch.setattr(sources, "CHUNK", 4)
    start = time.monotonic()
    fails("train-images.*not complete after 0.2 seconds", sources.fetch, "mnist", tmp_path)
    assert time.monotonic() - start < 3
    assert everything(tmp_path) == []


def test_fetch_takes_no_more_than_was_published(tmp_path, files, serve):
    """Neither of a reply, nor of what it unpacks to: both end before the checksum is asked."""
    noise = np.random.default_rng(0).integers(0, 256, 2**17)
    zeros = as_idx(np.zeros(2**26, np.uint8))
    for name, content, why in (
        ("train-labels-idx1-ubyte", as_idx(noise), "larger than the published file, of 60,000"),
        ("train-images-idx3-ubyte", zeros, "67,108,864 bytes: must be at most 47,040,000"),
    ):
        serve(files | {name: content})
        call = lambda: fails(f"{name}.gz: .*{why}", sources.fetch, "mnist", tmp_path)  # noqa: E731, B023
        assert peak(call) < 2**22
        assert everything(tmp_path) == []


def test_mirrors_are_https():
    mirrors = [url for urls in sources.MIRRORS.values() for url in urls]
    assert [url.partition("://")[0] for url in mirrors] == ["https"] * len(mirrors)


def test_fetch_is_quiet(tmp_path, files, serve, capfd, caplog):
    serve({}, files)
    sources.fetch("mnist", tmp_path)
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelname != "DEBUG"]


def test_data_folder_that_cannot_be_made(tmp_path, files):
    (tmp_path / "file").write_text("")
    fails(f"data folder {tmp_path / 'file'}.*written to", sources.fetch, "mnist", tmp_path / "file")


@pytest.mark.slow
def test_real_mnist():
    assert REAL, "set SUBLIM_DATA_DIR to a folder that holds MNIST"
    assert len(sources.verify("mnist", REAL)) == 4
    task = data.load("mnist", data_dir=REAL, validation=0.1)
    assert task.x_train.shape == (54_000, 784)
    assert (len(task.x_val), len(task.x_test), task.classes) == (6_000, 10_000, 10)
    assert (task.x_train.min(), task.x_train.max()) == (-1, 1)
    assert list(task.y_test[:5]) == [7, 2, 1, 0, 4]
    assert task.digest == "c2957e3f1d81f7a9"


def test_first_classes():
    """Every part keeps the examples of those classes, in order; another task by its digest."""
    task = data.synthetic(6, 5, train=50, test=20, validation=10)
    three = data.first_classes(task, 3)
    assert three.classes == 3
    assert three.digest != task.digest
    for part in ("train", "val", "test"):
        x, y = (getattr(task, f"{axis}_{part}") for axis in "xy")
        np.testing.assert_array_equal(getattr(three, f"x_{part}"), x[y < 3])
        np.testing.assert_array_equal(getattr(three, f"y_{part}"), y[y < 3])
    assert data.first_classes(task, None) is task
    assert data.first_classes(task, 5) is task
    with pytest.raises(InputError, match="classes = 6"):
        data.first_classes(task, 6)
