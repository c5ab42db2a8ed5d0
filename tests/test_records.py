"""sim/runs/records.py: many parts in one file, and not a bit other for it."""

import json
import shutil

import numpy as np
import pytest
import xarray as xr

from sim.errors import Notice, StorageError
from sim.runs import records, store
from sim.runs.records import Records, Wanted
from sim.runs.store import Store

WANTED = Wanted(("loss", "diverged", "lazy"), (0, 7), None)
SETTINGS = {"widths": [8, 8], "aux": 3, "student_lr": 0.1}


def measured(i, shape):
    rng = np.random.default_rng(i)
    return {
        "loss": rng.random(shape, np.float32),
        "diverged": rng.random(shape) < 0.5,
        "lazy": {layer: rng.random(shape, np.float32) for layer in ("hidden_0", "class")},
    }


def put(of, i, seeds=(0, 1), names=None):
    """Keep the records of a block of two networks."""
    names = names or [f"net-{i}-a", f"net-{i}-b"]
    origins = {n: {"member": n, "settings": SETTINGS | {"student_lr": i}} for n in names}
    of.put(names, seeds, [0, 7], measured(i, (len(seeds), len(names), 2)), 2, origins)


def filled(folder, many, seeds=((0, 1), (2, 3))):
    """Records of many blocks."""
    of = Records(Store(folder, {}))
    for some in seeds:
        for i in range(many):
            put(of, i, some)
    return of


def all_of(of, many, seeds=range(4)):
    return [of.take(f"net-{i}-{x}", seeds, WANTED) for i in range(many) for x in "ab"]


def same(a, b):
    for one, other in zip(a, b, strict=True):
        assert one[:2] == other[:2]
        assert {*one.values} == {*other.values}
        for name, values in one.values.items():
            assert values.dtype == other.values[name].dtype
            assert values.tobytes() == other.values[name].tobytes()


def files(folder):
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(records, "MANY", 4)
    monkeypatch.setattr(records, "LARGEST", 16)


@pytest.mark.parametrize("many", [3, 4, 5, 16, 19, 33])
def test_many_parts_are_few_files_and_the_same_bits(tmp_path, many):
    alone, of = filled(None, many), filled(tmp_path, many)
    for one in (of, Records(Store(tmp_path, {}))):
        same(all_of(one, many), all_of(alone, many))
        assert one.kept("net-0-a", WANTED) == one.seeds("net-0-a", WANTED) == {0, 1, 2, 3}
    parts = 2 * many
    digits = parts // 16, parts % 16 // 4, parts % 4
    assert len(files(tmp_path)) == sum(digits)
    assert len([*tmp_path.glob("records-*")]) == sum(digits[:2])


def test_many_seeds_are_few_files_too(tmp_path):
    chunks = [(seed, seed + 1) for seed in range(0, 40, 2)]
    alone, of = filled(None, 1, chunks), filled(tmp_path, 1, chunks)
    assert len(files(tmp_path)) == 2
    for one in (of, Records(Store(tmp_path, {}))):
        assert one.kept("net-0-a", WANTED) == {*range(40)}
        for seeds in (range(40), range(11, 3, -1)):
            same(all_of(one, 1, seeds), all_of(alone, 1, seeds))


def test_what_records_are_of_is_still_said(tmp_path):
    """Once what is the same for all, whether it was said so before or network by network."""
    before = {"old": {"member": "teacher", "settings": SETTINGS}}
    groups = records._groups(json.dumps(before))
    filled(tmp_path, 4, [(0, 1)])
    groups += records._groups(store.load(next(tmp_path.iterdir())).origins)
    said = json.loads(records._said(groups))
    assert said["settings"] == {"widths": [8, 8], "aux": 3}
    assert said["networks"]["old"] == {"member": "teacher", "settings": {"student_lr": 0.1}}
    assert said["networks"]["net-3-b"] == {"member": "net-3-b", "settings": {"student_lr": 3}}
    assert len(said["networks"]) == 9


def test_any_reader_reads_it(tmp_path):
    filled(tmp_path, 4, [(0, 1)])
    (file,) = tmp_path.iterdir()
    xr.testing.assert_identical(xr.load_dataset(file, engine="h5netcdf"), store.load(file))


def test_files_of_before_are_put_together_as_well(tmp_path, monkeypatch):
    """Written by xarray, their origins said network by network."""
    many = 3
    with monkeypatch.context() as patch:
        patch.setattr(store, "_is_plain", lambda ds: False)
        patch.setattr(records, "_each", lambda origins: origins)
        patch.setattr(records, "_said", json.dumps)
        filled(tmp_path, many)
    old = Records(Store(tmp_path, {}))
    same(all_of(old, many), all_of(filled(None, many), many))
    for seeds in ((0, 1), (2, 3)):
        put(old, many, seeds)
    assert len(files(tmp_path)) == 2
    same(all_of(Records(Store(tmp_path, {})), 4), all_of(filled(None, 4), 4))


def as_before(folder):
    """Make files of many what they were once: with a network's name for each of its records."""
    for file in folder.glob("records-*"):
        ds = store.load(file)
        names = ds.network.values[ds.record.values]
        old = ds.drop_dims("network").rename(record="network").assign_coords(network=names)
        name = file.stem.replace("records", "many")
        store.save(old.assign_attrs(part=name), folder / f"{name}.nc")
        file.unlink()


@pytest.mark.parametrize("many", [2, 5])
def test_files_of_before_with_a_name_for_each_record_are_read_and_put_together(tmp_path, many):
    chunks = [(seed, seed + 1) for seed in range(0, 16, 2)]
    filled(tmp_path, many, chunks[:4])
    as_before(tmp_path)
    of, alone = Records(Store(tmp_path, {})), filled(None, many, chunks)
    same(all_of(of, many, range(8)), all_of(alone, many, range(8)))
    assert of.kept("net-0-a", WANTED) == {*range(8)}
    for seeds in chunks[4:]:
        for i in range(many):
            put(of, i, seeds)
    for one in (of, Records(Store(tmp_path, {}))):
        same(all_of(one, many, range(16)), all_of(alone, many, range(16)))
    assert [*tmp_path.glob("records-*")]


def test_who_dies_before_removing_leaves_nothing_twice(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Store, "drop", lambda self, names: None)
        filled(tmp_path, 5)
    assert len(files(tmp_path)) == 12
    again = Records(Store(tmp_path, {}))
    assert len(files(tmp_path)) == 4
    same(all_of(again, 5), all_of(filled(None, 5), 5))


def test_a_file_of_many_that_is_damaged_is_set_aside_and_its_networks_are_missing(tmp_path):
    filled(tmp_path, 5, [(0, 1)])
    (file,) = tmp_path.glob("records-*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.warns(Notice, match="records-.* set aside as"):
        again = Records(Store(tmp_path, {}))
    assert [len(again.seeds(f"net-{i}-a", WANTED)) for i in range(5)] == [0, 0, 0, 0, 2]
    for i in range(4):
        put(again, i)
    same(all_of(again, 5, (0, 1)), all_of(filled(None, 5), 5, (0, 1)))


def test_what_another_puts_together_while_a_store_is_opened_is_found(tmp_path, monkeypatch):
    of, listed, times = filled(tmp_path, 3, [(0, 1)]), Store._listed, []

    def meanwhile(self):
        names = listed(self)
        times.append(names)
        if len(times) == 1:
            put(of, 3)
        return names

    monkeypatch.setattr(Store, "_listed", meanwhile)
    again = Records(Store(tmp_path, {}))
    same(all_of(again, 4, (0, 1)), all_of(filled(None, 4), 4, (0, 1)))


def test_two_who_put_the_same_together_lose_nothing(tmp_path):
    filled(tmp_path, 3, [(0, 1)])
    pair = [Records(Store(tmp_path, {})) for _ in range(2)]
    for i, one in enumerate(pair):
        put(one, 3 + i)
    again = Records(Store(tmp_path, {}))
    same(all_of(again, 5, (0, 1)), all_of(filled(None, 5), 5, (0, 1)))
    for i in range(5, 17):  # the two that have most in common are one in the end
        put(again, i)
    same(all_of(again, 17, (0, 1)), all_of(filled(None, 17), 17, (0, 1)))


def test_of_two_records_of_a_network_the_same_counts_wherever_it_is(tmp_path):
    """Their last bits may be others, for they were trained beside others."""
    orders = []
    for place, blocks in (("a", range(8)), ("b", reversed(range(8)))):
        (tmp_path / place).mkdir()
        of = Records(Store(tmp_path / place, {}))
        for i in blocks:
            put(of, i, names=["twice", f"net-{i}-b"])
        orders.append([of.take("twice", (0, 1), WANTED)])
    alone = Records(Store(None, {}))
    for i in range(8):
        put(alone, i, names=["twice", f"net-{i}-b"])
    same([alone.take("twice", (0, 1), WANTED)], orders[0])
    same(*orders)


def test_where_there_is_no_room_to_put_together_parts_stay(tmp_path, monkeypatch):
    save, full = store.save, True

    def no_room(ds, path):
        if full and path.name.startswith("records-"):
            raise StorageError("no space left")
        save(ds, path)

    monkeypatch.setattr(store, "save", no_room)
    with pytest.warns(Notice, match="no space left"):
        of = filled(tmp_path, 4, [(0, 1)])
    assert len(files(tmp_path)) == 4
    assert not of.store.unsaved
    same(all_of(Records(Store(tmp_path, {})), 4, (0, 1)), all_of(of, 4, (0, 1)))
    full = False
    put(of, 4)
    assert len(files(tmp_path)) == 1


def test_what_differs_in_measures_steps_or_chunk_is_not_put_together(tmp_path):
    of = Records(Store(tmp_path, {}))
    for i in range(3):
        put(of, i)
        for steps, chunk, more in (([0], 2, {}), ([0, 7], 3, {}), ([0, 7], 2, {"more": 1.0})):
            values = measured(i, (2, 1, len(steps)))
            values |= {name: np.full((2, 1, len(steps)), x) for name, x in more.items()}
            of.put([f"net-{i}-a"], (0, 1), steps, values, chunk, {})
    assert len(files(tmp_path)) == 12


def test_what_serves_one_who_asks_need_not_serve_another(tmp_path):
    of = filled(tmp_path, 4)
    for _ in range(2):
        assert of.seeds("net-0-a", WANTED) == {0, 1, 2, 3}
        for other in ({"measures": ("more",)}, {"times": (0, 5)}, {"chunk": 3}):
            assert of.seeds("net-0-a", WANTED._replace(**other)) == set()


def test_a_folder_that_is_gone_is_said_when_many_would_be_put_together(tmp_path):
    (tmp_path / "there").mkdir()
    of = filled(tmp_path / "there", 3, [(0, 1)])
    shutil.rmtree(tmp_path / "there")
    with pytest.warns(Notice, match="the folder is gone"):
        put(of, 3)
    same(all_of(of, 4, (0, 1)), all_of(filled(None, 4), 4, (0, 1)))
