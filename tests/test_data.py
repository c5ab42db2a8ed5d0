"""The sets as arrays, where their files are looked for, and what a bad file or mirror leaves."""

import gzip
import hashlib
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jax
import numpy as np
import platformdirs
import pytest

from sim import data
from sim.errors import InputError

REAL = os.environ.get("SUBLIM_DATA_DIR")  # read before `alone` hides it
DIGITS = "3c7c7c7e638f9b1b"


def idx(array):
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def contents(train=40, test=10, size=(4, 5), classes=3, seed=0):
    """The contents of the four IDX files of a small random set: {name: bytes}."""
    rng = np.random.default_rng(seed)
    arrays = []
    for n in (train, test):
        # An image's first pixel is its number, so that parts can be told apart.
        images = rng.integers(0, 256, (n, *size))
        images[:, 0, 0] = np.arange(n)
        arrays += [images, np.arange(n) % classes]
    return dict(zip(data.FILES, map(idx, arrays), strict=True))


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
    monkeypatch.setitem(data.MD5, "mnist", md5)
    monkeypatch.setitem(data.MIRRORS, "mnist", ())
    return files


@pytest.fixture
def serve(monkeypatch):
    """serve(files, …) makes each set a mirror of mnist; `cut` bytes are lacking of each body."""
    servers = []

    def start(files, cut, lengths):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = files.get(self.path.removeprefix("/").removesuffix(".gz"))
                self.send_response(404 if body is None else 200)
                packed = gzip.compress(body or b"")
                if lengths:
                    self.send_header("Content-Length", str(len(packed)))
                self.end_headers()
                self.wfile.write(packed[: len(packed) - cut])

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    def serve(*mirrors, cut=0, lengths=True):
        urls = [m if isinstance(m, str) else start(m, cut, lengths) for m in mirrors]
        monkeypatch.setitem(data.MIRRORS, "mnist", tuple(urls))

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
    for call in (data.load, data.fetch, data.verify, data.status):
        fails(f"'{name}'.*digits, synthetic, mnist.*did you mean {near}", call, name)


@pytest.mark.parametrize("name", ["", "qqq", "no/such/folder"])
def test_unknown_name_with_no_near_one(name):
    assert "did you mean" not in fails(f"'{name}': must be digits", data.load, name)


def test_embedded_sets_need_no_fetch():
    for name in ("digits", "synthetic"):
        assert data.status(name) == "embedded"
        fails(f"{name} is embedded: nothing to fetch", data.fetch, name)
        fails(f"{name} is embedded", data.verify, name)
    assert set(data.KNOWN) == {"digits", "synthetic", *data.MD5} == {*data.MIRRORS, *data.KNOWN}


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
    pixels = np.frombuffer(files[data.FILES[0]][16:], np.uint8).reshape(30, 6)
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
    for call in (data.load, data.verify):
        fails(f"{folder}: {missing}", call, folder)


def bad(content, kind):
    return {
        "cut": content[:-1],
        "long": content + b"\0",
        "headless": content[:7],
        "nothing": b"",
        "magic": b"\1" + content[1:],
        "type": content[:2] + b"\x0d" + content[3:],
        "dims": content[:3] + b"\2" + content[4:],
        "empty": content[:4] + bytes(len(content[4:16])) if content[3] == 3 else bytes(8),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("cut", "bytes long, its header"),
        ("long", "bytes long, its header"),
        ("headless", "bytes long, its header"),
        ("nothing", "bad magic"),
        ("magic", "bad magic number 01000803, must be 00000803"),
        ("type", "bad magic number 00000d03"),
        ("dims", "bad magic number 00000802"),
        ("empty", "empty"),
    ],
)
def test_folder_with_a_malformed_file(tmp_path, kind, why):
    files = contents()
    files["t10k-images-idx3-ubyte"] = bad(files["t10k-images-idx3-ubyte"], kind)
    folder = write(tmp_path / "set", files)
    fails(f"t10k-images-idx3-ubyte.gz: .*{why}.*replace it", data.load, folder)


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
        ({"t10k-labels-idx1-ubyte": {"classes": 4}}, "t10k-labels", "label 3, .* 0 to 2"),
    ],
)
def test_folder_whose_files_disagree(tmp_path, change, file, why):
    files = contents()
    for name, other in change.items():
        files[name] = contents(**other)[name]
    folder = write(tmp_path / "set", files)
    for call in (data.load, data.verify):
        fails(f"{file}-idx.-ubyte.gz: {why}.*replace it", call, folder)


def test_verify_folder(tmp_path):
    folder = write(tmp_path / "set", contents(), end="")
    verdicts = data.verify(folder)
    assert [file for file, _ in verdicts] == [str(folder / file) for file in data.FILES]
    assert verdicts[0][1] == "40x4x5 bytes, well-formed, no published checksum"


# Published sets: where they are found


def test_found_in_data_dir_then_environment_then_cache(tmp_path, files, monkeypatch):
    places = [tmp_path / "given", tmp_path / "env", tmp_path / "cache" / "sublim" / "data"]
    for place in places:
        write(place / "mnist", files)
    given, env, cache = places
    monkeypatch.setenv("SUBLIM_DATA_DIR", str(env))
    assert data.status("mnist", given) == f"found in {given / 'mnist'}"
    assert data.status("mnist") == f"found in {env / 'mnist'}"
    assert data.fetch("mnist", str(given)) == given / "mnist"
    # What is chosen is read, and what is not chosen is not.
    (env / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    assert data.load("mnist", data_dir=given).name == "mnist"
    fails(f"{env / 'mnist'}", data.load, "mnist")
    monkeypatch.delenv("SUBLIM_DATA_DIR")
    assert data.status("mnist") == f"found in {cache / 'mnist'}"
    assert data.load("mnist").classes == 3


def test_found_in_the_folder_itself_but_its_own_comes_first(tmp_path, files):
    write(tmp_path, files, end="")
    assert data.status("mnist", tmp_path) == f"found in {tmp_path}"
    assert data.load("mnist", data_dir=tmp_path).d_in == 20
    write(tmp_path / "mnist", files)
    assert data.status("mnist", tmp_path) == f"found in {tmp_path / 'mnist'}"


def test_files_of_another_set_are_not_taken(tmp_path, files):
    write(tmp_path, files)
    assert data.status("fashion_mnist", tmp_path) == "not here: sublim data fetch fashion_mnist"
    assert data.status("mnist", tmp_path) == f"found in {tmp_path}"
    fails(f"{tmp_path / 'fashion_mnist'}: lacks", data.verify, "fashion_mnist", tmp_path)


def test_verify_published(tmp_path, files):
    fails(f"{tmp_path / 'mnist'}: lacks train-images.*fetch mnist", data.verify, "mnist", tmp_path)
    write(tmp_path / "mnist", files)
    verdicts = data.verify("mnist", tmp_path)
    assert verdicts[3] == (
        str(tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"),
        "10 bytes, checksum as published",
    )


@pytest.mark.parametrize("inside", ["mnist", ""])
def test_wrong_file_found_is_named_and_left_alone(tmp_path, files, inside):
    other = contents(seed=1)["train-images-idx3-ubyte"]
    folder = write(tmp_path / inside, {**files, "train-images-idx3-ubyte": other})
    before = everything(tmp_path)
    for call in (data.fetch, data.verify):
        why = "train-images-idx3-ubyte.gz: wrong checksum.*delete it.*sublim data fetch mnist"
        fails(f"{folder}/{why}", call, "mnist", tmp_path)
    fails("wrong checksum", data.load, "mnist", data_dir=tmp_path)
    assert everything(tmp_path) == before


# Published sets: fetched


def test_fetch(tmp_path, files, serve):
    serve(files)
    root = tmp_path / "new" / "folder"
    assert data.status("mnist", root) == "not here: sublim data fetch mnist"
    assert data.fetch("mnist", root) == root / "mnist"
    assert everything(root) == sorted(["mnist", *(f"mnist/{file}.gz" for file in files)])
    serve()  # what is there is not fetched again
    assert data.load("mnist", data_dir=root).d_in == 20
    assert data.fetch("mnist", root) == root / "mnist"


def test_load_fetches_into_the_cache(tmp_path, files, serve):
    serve(files)
    assert data.load("mnist").classes == 3
    assert data.status("mnist") == f"found in {tmp_path / 'cache/sublim/data/mnist'}"


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
        assert len(data.verify("mnist", data.fetch("mnist", tmp_path / str(i)).parent)) == 4


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
        for call in (lambda: data.fetch("mnist", tmp_path), lambda: data.load("mnist")):
            fails(f"no complete mnist in .*({why}).*{offline}", call)
        assert everything(tmp_path) == ["cache", "cache/sublim", "cache/sublim/data"]


def test_fetch_is_quiet(tmp_path, files, serve, capfd, caplog):
    serve({}, files)
    data.fetch("mnist", tmp_path)
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelname != "DEBUG"]


def test_data_folder_that_cannot_be_made(tmp_path, files):
    (tmp_path / "file").write_text("")
    fails(f"data folder {tmp_path / 'file'}.*written to", data.fetch, "mnist", tmp_path / "file")


@pytest.mark.slow
def test_real_mnist():
    assert REAL, "set SUBLIM_DATA_DIR to a folder that holds MNIST"
    assert len(data.verify("mnist", REAL)) == 4
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
