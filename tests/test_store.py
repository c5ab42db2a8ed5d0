"""sim/store.py: whole or not at all, verified before anything reads it, by many writers."""

import errno
import os
import random
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from sim.errors import Notice, StorageError
from sim.runs import records, store
from sim.runs.store import DamagedError, Store

ROOT = Path(__file__).parent.parent


def dataset(value=1.0, words=("a", "bcd")):
    return xr.Dataset({"x": ("word", [value, 2.0])}, {"word": list(words)}, {"settings": "{}"})


@pytest.fixture
def file(tmp_path):
    store.save(dataset(), tmp_path / "x.nc")
    return tmp_path / "x.nc"


def test_what_is_saved_is_loaded_by_us_and_by_any_reader(file):
    xr.testing.assert_identical(store.load(file), dataset())
    xr.testing.assert_identical(xr.load_dataset(file, engine="h5netcdf"), dataset())
    assert [path.name for path in file.parent.iterdir()] == ["x.nc"]
    assert store.checksum(file) == store.sealed(store.unsealed(file.read_bytes()))[-64:].decode()


@pytest.mark.parametrize("by", ["us", "xarray"])
def test_words_may_grow_after_loading(file, monkeypatch, by):
    """A width of text that was kept from the file would cut what is longer."""
    if by == "xarray":  # which reads what is not plain, and notes widths
        monkeypatch.setattr(store, "_plain", lambda file: None)
    longer = xr.concat([store.load(file), dataset(words=("linear", "b"))], "word")
    store.save(longer, file)
    assert list(store.load(file).word.values) == ["a", "bcd", "linear", "b"]


def test_every_flipped_bit_is_found(file):
    """100 of them, anywhere, by the bytes alone: no reader of HDF5 is asked."""
    content, choose = file.read_bytes(), random.Random(0)
    for _ in range(100):
        bit = choose.randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedError):
            store.unsealed(bytes(flipped))


@pytest.mark.parametrize("keep", [0, 1, 79, 80, -1, -200])
def test_a_torn_file_is_found(file, keep):
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DamagedError, match="checksum"):
        store.load(file)


@pytest.mark.parametrize("kind", ["link", "soft", "storage", "virtual"])
def test_content_that_lies_elsewhere_is_refused(tmp_path, kind):
    """With a checksum that is right."""
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as other:
        other["x"] = np.arange(4.0)
    page = BytesIO()
    with h5py.File(page, "w") as made:
        if kind == "link":
            made["x"] = h5py.ExternalLink(str(secret), "x")
        elif kind == "soft":
            made["x"] = h5py.SoftLink("/y")
        elif kind == "storage":
            made.create_dataset("x", (4,), float, external=[(str(secret), 0, 32)])
        else:
            layout = h5py.VirtualLayout((4,), float)
            layout[:] = h5py.VirtualSource(str(secret), "x", (4,))
            made.create_virtual_dataset("x", layout)
    (tmp_path / "x.nc").write_bytes(store.sealed(page.getvalue()))
    with pytest.raises(DamagedError, match="x points to another file"):
        store.load(tmp_path / "x.nc")


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fails(_):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "fsync", fails)
        with pytest.raises(StorageError, match="no space left to write file"):
            store.write(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    store.write(path, b"new")
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
        (errno.ENOENT, "the folder is gone"),
    ],
)
def test_what_stands_in_the_way_is_said_in_one_line(tmp_path, monkeypatch, number, says):
    def fails(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store, "fsync", fails)
    with pytest.raises(StorageError, match=says) as error:
        store.write(tmp_path / "x", b"")
    assert "\n" not in str(error.value)


def test_a_part_that_cannot_be_kept_is_said_once_and_tried_again(tmp_path, monkeypatch):
    def fails(_):
        raise OSError(errno.ENOSPC, "full")

    of = Store(tmp_path, {"a": 1})
    of.put("first", dataset(1))
    with monkeypatch.context() as patch:
        patch.setattr(store, "fsync", fails)
        with pytest.warns(Notice, match="no space left.*kept before is safe"):
            of.put("second", dataset(2))
        of.put("third", dataset(3))  # a second warning would be an error
    assert sorted(of.unsaved) == ["second", "third"]
    assert [of.is_kept(name) for name in ("first", "second", "fourth")] == [True, False, False]
    assert [float(of.get(name).x[0]) for name in ("first", "second", "third")] == [1, 2, 3]
    assert list(Store(tmp_path, {"a": 1})) == ["first"]
    of.put("fourth", dataset(4))
    assert not of.unsaved
    assert list(Store(tmp_path, {"a": 1})) == ["first", "fourth", "second", "third"]


def test_a_folder_that_was_removed_is_said_and_stops_nothing(tmp_path):
    of = Store(tmp_path / "gone", {})
    with pytest.warns(Notice, match="the folder is gone"):
        of.put("x", dataset())
    assert "x" in of
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("foreign", ["another name", "another identity", "torn", "not ours"])
def test_what_is_not_a_part_is_set_aside(tmp_path, foreign):
    of = Store(tmp_path, {"a": 1})
    of.put("x", dataset())
    file = tmp_path / "x.nc"
    if foreign == "another name":
        of.put("y", dataset())
        file.write_bytes((tmp_path / "y.nc").read_bytes())
    elif foreign == "another identity":
        other = Store(tmp_path, {"a": 2})
        other.put("x", dataset())
    elif foreign == "torn":
        file.write_bytes(file.read_bytes()[:100])
    else:
        file.write_text("not netCDF")
    again = Store(tmp_path, {"a": 1})
    with pytest.warns(Notice, match="set aside as x.nc.damaged"):
        assert again.get("x") is None
    assert not file.exists()
    again.put("x", dataset(5))
    assert float(Store(tmp_path, {"a": 1}).get("x").x[0]) == 5


def test_what_results_depend_on_has_no_order():
    assert (
        store.digest({"a": 1, "b": 2}) == store.digest({"b": 2, "a": 1}) != store.digest({"a": 1})
    )


def test_parameters_of_other_results_are_set_aside(tmp_path):
    θ = {"hidden_0": {"kernel": np.ones((1, 3, 2))}}  # of one seed
    Store(tmp_path, {"version": 1}).put_params("teacher", [0], θ)
    assert Store(tmp_path, {"version": 1}).params("teacher", 0) is not None
    with pytest.warns(Notice, match="belongs to another network; set aside"):
        assert Store(tmp_path, {"version": 2}).params("teacher", 0) is None
    assert len([*tmp_path.rglob("*.npz.damaged")]) == 1  # for whoever misses it


def test_what_is_gone_between_two_looks_is_missing_and_no_word_is_said(tmp_path, monkeypatch):
    """Another process puts parts into a larger file, or sets parameters aside, at any time."""
    monkeypatch.setattr(store.os.path, "isfile", lambda file: True)
    of = Store(tmp_path, {})
    assert of.get("x") is None  # a warning would be an error
    assert of.params("net", 0) is None


def test_what_is_called_otherwise_is_not_opened(tmp_path, monkeypatch):
    """Studies lie beside each other, with a part for each seed."""
    of, read, load = Store(tmp_path, {}), [], store.load
    for name in ("net-0123abcd", "many-0123456789abcdef", "surgery-0123456789abcdef-000001"):
        of.put(name, dataset())
    monkeypatch.setattr(store, "load", lambda file: read.append(file.stem) or load(file))
    names = ["many-0123456789abcdef", "net-0123abcd"]
    assert [*Store(tmp_path, {}).named(records.ENDS)] == sorted(read) == names
    assert len([*Store(tmp_path, {})]) == 3


def test_parameters_that_cannot_be_written_are_remembered_where_that_is_asked(
    tmp_path, monkeypatch
):
    def full(*_):
        raise StorageError("no space left")

    of, θ = Store(tmp_path, {}), {"layer": {"bias": np.arange(4.0).reshape(2, 2)}}
    of.remembers = True
    with monkeypatch.context() as patch:
        patch.setattr(store, "write", full)
        with pytest.warns(Notice, match="goes on without keeping"):
            of.put_params("net", [3, 5], θ)
    assert of.params("net", 5)["layer"]["bias"].tolist() == [2, 3]
    assert of.has_params("net", 3)
    assert not [*tmp_path.rglob("*.npz")]
    of.put_params("other", [3, 5], θ)
    assert not Store(tmp_path, {}).has_params("net", 3)
    assert Store(tmp_path, {}).has_params("other", 3)


def test_nothing_is_written_without_a_folder():
    of = Store(None, {})
    of.put("x", dataset())
    assert list(of) == ["x"]
    assert of.get("y") is None


def test_what_the_dead_left_half_written_goes_with_the_next_file_there(tmp_path):
    (tmp_path / ".sublim-part-dead").write_bytes(b"half")
    (tmp_path / ".part-of-another").write_bytes(b"another program's")
    of = Store(tmp_path, {})
    assert list(of) == []
    of.put("x", dataset())
    assert not list(tmp_path.glob(".sublim-part-*"))
    assert (tmp_path / ".part-of-another").is_file()
    (tmp_path / store.PARAMS / "teacher").mkdir(parents=True)
    (tmp_path / store.PARAMS / "teacher" / ".sublim-part-dead").write_bytes(b"half")
    of.put_params("teacher", [0], {"layer": {"kernel": np.zeros((1, 2))}})
    assert not list(tmp_path.rglob(".sublim-part-*"))


WRITER = """
import sys
from pathlib import Path
import xarray as xr
from sim.runs.store import Store
of = Store(Path(sys.argv[1]), {{}})
for i in range(20):
    of.put(f"same-{{i % 4}}", xr.Dataset({{"x": ("i", [float(sys.argv[2])] * 2000)}}))
    of.put(f"own-{{sys.argv[2]}}-{{i}}", xr.Dataset({{"x": 1.0}}))
assert not of.unsaved
"""


@pytest.mark.slow
def test_many_writers_tear_nothing(tmp_path):
    """Two threads and two processes, which in containers may well have the same number."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER.format(), str(tmp_path), str(k)], cwd=ROOT)
        for k in range(2)
    ]

    def write(k):
        of = Store(tmp_path, {})
        for i in range(20):
            of.put(f"same-{i % 4}", dataset(k))
        assert not of.unsaved

    threads = [threading.Thread(target=write, args=(k,)) for k in (10, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.wait(60) for writer in writers] == [0, 0]
    whole = Store(tmp_path, {})
    assert len(list(whole)) == 4 + 2 * 20
    assert not list(tmp_path.glob("*.damaged"))
    assert not list(tmp_path.glob(".sublim-part-*"))


FAST = (None, "by xarray", "said", "seconds", "since", "text", "outside", "of one seed")
BY_XARRAY = ("scaled", "bare dimension", "said to be outside", "unset", "word unset")


def unusually(unusual):
    """Words, numbers, truth values and a scalar; and what only xarray knows how to read."""
    ds = xr.Dataset(
        {
            "loss": (("seed", "step", "layer"), np.random.rand(3, 2, 2).astype(np.float32)),
            "diverged": (("seed", "step"), np.array([[True, False]] * 3)),
            "first": ((), np.float64(np.pi)),
        },
        {"seed": [4, 2, 9], "step": [0, 7], "layer": ["hidden_0", "ψ"]},
        {"chunk": 2, "part": "a"},
    )
    if unusual == "said":
        ds.loss.attrs |= {"units": "nat", "long_name": "ψ", "valid_range": (0.0, 1.0), "when": ""}
        ds.step.attrs["units"] = "steps"
    elif unusual == "seconds":
        ds.step.attrs["units"] = "seconds"
    elif unusual == "since":
        ds.step.attrs["units"] = "days since 2026-01-01"
    elif unusual == "scaled":
        ds.loss.encoding["scale_factor"] = np.float32(0.5)
        ds.step.attrs["units"] = "days since 2026-01-01"
    elif unusual == "text":
        ds["text"] = "seed", ["a", "", "longer"]
    elif unusual == "bare dimension":
        ds = ds.drop_vars("seed")
    elif unusual == "outside":
        ds = ds.assign_coords(name=("seed", ["a", "b", "c"]), aux=3)
    elif unusual == "of one seed":
        ds = ds.isel(seed=0)
    elif unusual == "said to be outside":  # by the file, as no variable has its dimension
        ds = ds.assign_coords(other=[1], name=("other", ["a"]))
    elif unusual == "unset":
        ds.loss.encoding["_FillValue"] = -1.0
    elif unusual == "word unset":
        ds["text"] = "seed", np.array(["a", "", "b"], object), {}, {"_FillValue": "b"}
    return ds


@pytest.mark.parametrize("unusual", FAST)
def test_what_is_written_fast_is_what_xarray_writes(unusual):
    """In the same order, with the same said of it."""
    ds = unusually(unusual)
    assert store._is_plain(ds)
    ours, xarrays = (
        xr.load_dataset(BytesIO(page), engine="h5netcdf", decode_times=False)
        for page in (store._written(ds), bytes(ds.to_netcdf(engine="h5netcdf")))
    )
    assert ours.identical(xarrays)
    for a, b in ((ours.variables, xarrays.variables), (ours.attrs, xarrays.attrs)):
        assert [*a.items()].__repr__() == [*b.items()].__repr__()


@pytest.mark.parametrize("unusual", [*FAST, *BY_XARRAY])
def test_what_is_read_fast_is_what_xarray_reads(tmp_path, monkeypatch, unusual):
    asked, by_itself = [], xr.load_dataset
    monkeypatch.setattr(xr, "load_dataset", lambda *a, **k: asked.append(1) or by_itself(*a, **k))
    ds = unusually(unusual)
    assert store._is_plain(ds) == (unusual not in BY_XARRAY)
    if unusual == "by xarray":  # as all files were
        monkeypatch.setattr(store, "_is_plain", lambda ds: False)
    store.save(ds, tmp_path / "a.nc")
    as_numbers = {"engine": "h5netcdf", "decode_times": False}
    with xr.open_dataset(tmp_path / "a.nc", **as_numbers) as by_xarray:
        found = store.load(tmp_path / "a.nc")
        assert bool(asked) == (unusual in BY_XARRAY)
        assert found.identical(by_xarray.load())
        assert [*found.data_vars] == [*by_xarray.data_vars]
        assert {n: {k: type(v) for k, v in found[n].attrs.items()} for n in found.variables} == {
            n: {k: type(v) for k, v in by_xarray[n].attrs.items()} for n in by_xarray.variables
        }
        assert {n: type(value) for n, value in found.attrs.items()} == {
            n: type(value) for n, value in by_xarray.attrs.items()
        }
        assert {n: v.dtype for n, v in found.variables.items()} == {
            n: v.dtype for n, v in by_xarray.variables.items()
        }
