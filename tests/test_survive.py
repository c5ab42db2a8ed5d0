"""What befalls a run: killed, no room, a folder gone, bits flipped. It goes on, or says so.

Slow tests draw when and where by chance, of a fixed seed, and print how many of how many survived.
"""

import errno
import fcntl
import json
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import stat
import subprocess
import time
import warnings
from collections import Counter
from contextlib import contextmanager, suppress
from io import BytesIO

import numpy as np
import pytest
import xarray as xr

import sim
from sim.__main__ import main
from sim.errors import InputError, Notice, StorageError
from sim.report.progress import stopping
from sim.runs import records, results, store
from sim.runs.run import Run
from sim.runs.store import Store
from sim.settings.experiments import experiment
from sim.studies.sweep import Grid
from sim.studies.theorem import layouts

DATA = "synthetic:12x4"
NETWORKS = {"widths": (16, 16), "noise_images": 96, "batch": 32, "chunk": 2, "points": 2}
STEPS = {"teacher_steps": 6, "student_steps": 6}
THEOREM = {"activation": ("tanh",), "width": 8, "inputs": 8, "images": 8, "chunk": 2}
THEOREM |= {"lazy_widths": (4,), "lazy_aux": 2, "lazy_inputs": 6, "lazy_seeds": 2}
THEOREM |= {"loss": ("kl",), "lazy_steps": 5}
FAMILY = """
[members.reference]
start = "init"
[members.base]
start = "reference"
learns = "base"
[members.teacher]
start = "base"
learns = "labels"
trait = true
[members.student]
start = "base"
learns = "logits"
teacher = "teacher"
"""


def figure10(out):
    """From the command line, with table and figures."""
    words = ["figure10", "--dataset", DATA, "--seeds", "3", "--out", str(out)]
    for name, value in (NETWORKS | STEPS).items():
        values = value if isinstance(value, tuple) else (value,)
        words += ["--" + name.replace("_", "-"), *map(str, values)]
    main(words)


def swept(out):
    """Every two parts of a kind are put together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "MANY", 2)
        return sim.sweep(DATA, {"aux": (2, 3)}, 3, out=out, **(NETWORKS | STEPS | {"points": 1}))


def lineages(out):
    out.parent.mkdir(exist_ok=True)
    (file := out.parent / "family.toml").write_text(FAMILY)
    given = {"dataset": DATA, "seeds": 3, "base_steps": 4}
    return sim.lineage(file, out=out, **(given | NETWORKS | STEPS | {"points": 1}))


def theorem(out):
    """Without what takes long to compile: each part is kept as any other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "MANY_SEEDS", {})
        patch.setattr(layouts, "FEW_SEEDS", {})
        return sim.theorem(DATA, 3, out=out, **THEOREM)


COMMANDS = {"figure10": figure10, "sweep": swept, "lineage": lineages, "theorem": theorem}
FORKED = multiprocessing.get_context("forkserver")  # one that has imported all, but no device yet
FORKED.set_forkserver_preload([__name__, "sim.studies.lineage", "sim.studies.shown"])


def _there(name, out, log, cache, dies_in, tells):
    """Run a command in a process of its own, which tells when it writes, and when it has ended.

    Given the number of a write, it dies in that.
    """
    file = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ["XDG_CACHE_HOME"] = str(cache)
    writes, fsync = [], store.fsync

    def counted(of):
        if stat.S_ISDIR(os.fstat(of).st_mode):  # a folder's entries, before parts are removed
            return fsync(of)
        writes.append(of)
        tells.send(time.monotonic())
        if len(writes) == dies_in:
            os.kill(os.getpid(), signal.SIGKILL)
        return fsync(of)

    store.fsync = counted
    with stopping(lambda: "Stopped."):  # as every command: Python alone loses some interrupts
        tells.send(time.monotonic())
        COMMANDS[name](out)
    tells.send(time.monotonic())


class Elsewhere:
    """A command in a process of its own."""

    def __init__(self, name, out, cache, dies_in=None):
        self.log = out.with_name(f"{out.name}.log")
        self.told, tells = FORKED.Pipe(duplex=False)
        self.process = FORKED.Process(
            target=_there, args=(name, out, self.log, cache, dies_in, tells)
        )
        self.process.start()
        tells.close()

    def times(self, most=None):
        """Wait for it: when it began, each time that it wrote, when it ended; or the first few."""
        found = []
        with suppress(EOFError):  # it is dead
            while len(found) != most:
                assert self.told.poll(300), "it hangs"
                found.append(self.told.recv())
        return found

    def ended(self):
        """Wait for it: exit code."""
        self.process.join(300)
        assert self.process.exitcode is not None, "it hangs"
        assert "Traceback" not in self.log.read_text()
        return self.process.exitcode


def same_data(whole, other):
    """Hold the results of two folders to be the same to the last bit, and nothing to be left."""
    files = [*whole.glob("*/results.nc")]
    assert files
    for file in files:
        there = file.relative_to(whole)
        a, b = results.load(file), results.load(other / there)
        assert {*a.variables} == {*b.variables}
        for name, variable in a.variables.items():
            assert b[name].dtype == variable.dtype
            assert b[name].values.tobytes() == variable.values.tobytes(), name
        names = [
            {one.name for one in folder.iterdir()}
            for folder in (file.parent, (other / there).parent)
        ]
        assert names[0] == names[1]
    assert not [*other.rglob(".sublim-part-*"), *other.rglob("*.damaged")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Each command's folder uninterrupted, by name; when it began, each write of it, and its end.

    The second time, with programs that are compiled, as they will be.
    """
    made, cache = {}, tmp_path_factory.mktemp("cache")

    def of(name):
        if name not in made:
            first, out = (tmp_path_factory.mktemp(name) / "whole" for _ in range(2))
            for place in (first, out):
                one = Elsewhere(name, place, cache)
                times = one.times()
                assert one.ended() == 0
            same_data(first, out)
            made[name] = out, times, cache
        return made[name]

    return of


#: How many; a kill in a write is drawn among a command's writes, all else over its seconds: so
#: long after the write before, however fast a process is.
DRAWN = {
    "kill": {"figure10": 8, "sweep": 10, "lineage": 6, "theorem": 6},
    "write": {"figure10": 3, "sweep": 3, "lineage": 2, "theorem": 2},
    "int": {"figure10": 3, "sweep": 3, "lineage": 2, "theorem": 2},
    "term": {"figure10": 3, "sweep": 3, "lineage": 2, "theorem": 2},
}
SIGNALS = {"kill": signal.SIGKILL, "int": signal.SIGINT, "term": signal.SIGTERM}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("how", DRAWN)
def test_stopped_at_any_moment_the_same_command_goes_on(tmp_path, whole, how, name, capsys):
    """Its data are those of an uninterrupted run, and nothing half-written stays."""
    chance, many, found = random.Random(how + name), DRAWN[how][name], Counter()
    like, times, cache = whole(name)
    for i in range(many):
        out = tmp_path / f"{name}-{i}"
        if how == "write":
            one = Elsewhere(name, out, cache, chance.randint(1, len(times) - 2))
            code = one.ended()
            assert [*out.rglob(".sublim-part-*")]
        else:
            moment = chance.uniform(times[0], times[-1])
            before = [at for at in times if at <= moment]
            one = Elsewhere(name, out, cache)
            one.times(len(before))
            time.sleep(moment - before[-1])
            if one.process.is_alive():
                os.kill(one.process.pid, SIGNALS[how])
            code = one.ended()
        assert code in (0, 130 if how == "int" else -SIGNALS.get(how, signal.SIGKILL))
        if code == 0:
            found["it had ended"] += 1
        elif [*out.glob(f"*/{results.RESULTS}")]:
            found["results were there"] += 1
        else:
            found["parts were there" if [*out.glob("store-*/*.nc")] else "nothing was there"] += 1
        COMMANDS[name](out)
        same_data(like, out)
        shutil.rmtree(out)
    capsys.readouterr()
    with capsys.disabled():
        print(f"\n{how}, {name}: {many} of {many} survived; {dict(found)}")
    assert found["it had ended"] <= many / 3


@pytest.mark.slow
def test_two_at_once_and_one_that_dies(tmp_path, whole, capsys):
    """Whoever comes second joins, and files are the same; one that died is in nobody's way."""
    like, times, cache = whole("sweep")
    writes = len(times) - 2
    for i, dies_in in enumerate((None, writes // 2, writes - 1)):
        out = tmp_path / str(i)
        pair = Elsewhere("sweep", out, cache, dies_in), Elsewhere("sweep", out, cache)
        codes = [one.ended() for one in pair]
        assert codes == [-signal.SIGKILL if dies_in else 0, 0]
        swept(out)
        same_data(like, out)
    with capsys.disabled():
        print("\n3 pairs at once, of which 2 lost one: 3 survived")


# Disks.


@contextmanager
def disk(place, size):
    """A disk of this size, where the system lets us make one."""
    place.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip("no disks can be made here")
    try:
        yield lambda how: subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)
    finally:
        subprocess.run(["umount", str(place)], check=True)


def ends(call, *given):
    """Exit code of a command."""
    try:
        call(*given)
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.mark.slow
@pytest.mark.parametrize("size", ["16k", "64k", "200k"])
def test_a_full_disk_is_said_and_the_same_command_goes_on(tmp_path, whole, size, capsys):
    like, *_ = whole("figure10")
    with disk(tmp_path / "disk", size) as remount:
        out = tmp_path / "disk" / "runs"
        code = ends(figure10, out)
        said = capsys.readouterr().err.splitlines()
        assert code == 1, said
        assert 1 <= len(said) <= 3, said
        assert all("no space left" in line for line in said)
        remount("size=64m")
        assert ends(figure10, out) == 0
        same_data(like, out)
    with capsys.disabled():
        print(f"\n{size}: {said}")


@pytest.mark.slow
def test_a_disk_that_is_only_read_is_said(tmp_path, whole, monkeypatch, capsys):
    """From the beginning, and from the third part on."""
    like, *_ = whole("figure10")
    with disk(tmp_path / "disk", "64m") as remount:
        out, save, saved = tmp_path / "disk" / "runs", store.save, []

        def third(ds, path):
            saved.append(path)
            if len(saved) == 3:
                remount("ro")
            save(ds, path)

        with monkeypatch.context() as patch:
            patch.setattr(store, "save", third)
            code = ends(figure10, out)
        first = capsys.readouterr().err.splitlines()
        assert code == 1
        assert 1 <= len(first) <= 3
        code = ends(figure10, out)
        second = capsys.readouterr().err.splitlines()
        assert (code, len(second)) == (2, 1)
        remount("rw")
        assert ends(figure10, out) == 0
        same_data(like, out)
    with capsys.disabled():
        print("\n", first, second)


@pytest.mark.parametrize("after", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_a_folder_that_disappears_is_said_and_not_half_made_again(
    tmp_path, monkeypatch, capsys, after
):
    out, save, saved = tmp_path / "runs", store.save, []

    def gone(ds, path):
        saved.append(path)
        if len(saved) == after:
            shutil.rmtree(out)
        save(ds, path)

    monkeypatch.setattr(store, "save", gone)
    code = ends(figure10, out)
    table, said = capsys.readouterr()
    assert code == 1
    assert "student_aux" in table  # nothing that was computed is lost
    assert 1 <= len(said.splitlines()) <= 3
    assert all("the folder is gone" in line for line in said.splitlines())
    assert not out.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_as_good(tmp_path, monkeypatch, number):
    def none(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store, "flock", none)
    kept(tmp_path)
    of = Store(tmp_path, {})
    assert [*of] == ["x"]
    assert of.params("net", 1)["layer"]["bias"].tolist() == [1.0, 1.0]


def test_what_is_half_written_goes_when_its_writer_is_dead(tmp_path):
    part = tmp_path / ".sublim-part-of-another"
    with part.open("xb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        store.write(tmp_path / "x", b"x")
        assert part.exists()
    store.write(tmp_path / "x", b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


# Bytes.


def kept(folder):
    """A store with a part and a network's parameters."""
    of = Store(folder, {})
    of.put("x", dataset())
    of.put_params("net", [0, 1], {"layer": {"bias": np.array([[0.0, 0.0], [1.0, 1.0]])}})
    return of


def dataset():
    return xr.Dataset({"x": ("i", np.arange(30.0))})


class _Trap:
    """Unpickled it leaves a trace."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize("kind", ["pickle", "objects in npy", "objects in npz", "no zip", "zip"])
def test_nothing_is_unpickled(tmp_path, monkeypatch, kind):
    """Not with a checksum that is right either; what is no array is set aside in a line."""
    monkeypatch.chdir(tmp_path)
    of, page = kept(tmp_path), BytesIO()
    if kind == "pickle":
        pickle.dump(_Trap(), page)
    elif kind == "objects in npy":
        np.save(page, np.array([_Trap()], object), allow_pickle=True)
    elif kind == "objects in npz":
        np.savez(page, sublim=["net", "1", of.identity], a=np.array([_Trap()], object))
    else:
        page.write(b"PK\x03\x04" + bytes(80) if kind == "zip" else b"abc")
    files = tmp_path / "x.nc", tmp_path / "params" / "net" / "000001.npz"
    for file in files:
        file.write_bytes(store.sealed(page.getvalue()))
    again = Store(tmp_path, {})
    for get in (lambda: again.get("x"), lambda: again.params("net", 1)):
        with pytest.warns(Notice, match="set aside as [^\n]*$") as said:
            assert get() is None
        assert len(said) == 1
    assert not (tmp_path / "unpickled").exists()


def test_a_folder_that_is_only_read_says_that_nothing_is_set_aside(tmp_path, monkeypatch):
    kept(tmp_path)
    (tmp_path / "x.nc").write_bytes(b"")

    def only_read(*_):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(type(tmp_path), "replace", only_read)
    with pytest.warns(Notice, match="left where it is"):
        assert Store(tmp_path, {}).get("x") is None


def test_json_of_another_number_is_found(tmp_path):
    file = tmp_path / results.SETTINGS
    results.save_json({"chunk": 2, "α": 0.1, "of": (1, 2)}, file)
    assert results.load_json(file)["chunk"] == 2
    file.write_text(file.read_text().replace('"chunk": 2', '"chunk": 3'))
    with pytest.raises(ValueError, match="checksum"):
        results.load_json(file)
    file.write_text("[]")
    with pytest.raises(ValueError, match="checksum"):
        results.load_json(file)


def figure10_run(out):
    given = experiment(DATA, seeds=3, keep="params", **(NETWORKS | STEPS))
    return Run(Grid("figure10", given, {}), out)


@pytest.fixture(scope="module")
def damageable(tmp_path_factory):
    """A run whose every file is kept, with its results."""
    out = tmp_path_factory.mktemp("whole") / "runs"
    return out, figure10_run(out).results()


def damaged(chance, content, how):
    """Flip a bit, or cut at a byte."""
    if how == "cut":
        return content[: chance.randrange(len(content))]
    bit = chance.randrange(8 * len(content))
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def read(file, run):
    """Read a file as the product does: True if it is taken for what it was."""
    of = Store(run.store.folder, run._of_task)
    if file.name == results.RESULTS:  # anew: who has read them once keeps them
        return Run(run.study, run.folder.parent).finished is not None
    if file.suffix == ".nc":
        return of.get(file.stem) is not None
    if file.suffix == ".npz":
        return of.params(file.parent.name, int(file.stem)) is not None
    try:
        return bool(results.load_json(file))
    except ValueError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize(("how", "many"), [("flip", 1000), ("cut", 200)])
def test_every_damage_is_found(damageable, tmp_path, how, many, capsys):
    """In results, parts, parameters, settings: by its checksum, in a line, and set aside."""
    out, _ = damageable
    place = shutil.copytree(out, tmp_path / "runs")
    run, chance, found, slowest = figure10_run(place), random.Random(how), {}, 0.0
    files = sorted(file for file in place.rglob("*") if file.is_file())
    assert {file.suffix for file in files} == {".nc", ".npz", ".json"}
    for _ in range(many):
        file = chance.choice(files)
        whole = file.read_bytes()
        file.write_bytes(damaged(chance, whole, how))
        begun = time.monotonic()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            taken = read(file, run)
        slowest = max(slowest, time.monotonic() - begun)
        aside = file.with_name(f"{file.name}.damaged")
        if file.suffix == ".json":  # an e of 1e-5, or of \\u00e9, may be E: the same content
            assert not taken or json.loads(file.read_bytes()) == json.loads(whole)
        else:
            assert not taken
            (line,) = said
            assert "checksum" in str(line.message)
            assert "\n" not in str(line.message)
            assert aside.exists() == (file.name != results.RESULTS)  # which is made again in place
        aside.unlink(missing_ok=True)
        file.write_bytes(whole)
        found[file.suffix] = found.get(file.suffix, 0) + (not taken)
    with capsys.disabled():
        print(f"\n{many} × {how}: {sum(found.values())} found, {found}; slowest {slowest:.3f} s")


@pytest.mark.slow
def test_what_is_damaged_is_computed_again(damageable, tmp_path, capsys):
    """20 times, three files each, beside the results."""
    out, like = damageable
    chance, set_aside = random.Random(0), 0
    for i in range(20):
        place = shutil.copytree(out, tmp_path / str(i))
        next(place.glob(f"*/{results.RESULTS}")).unlink()
        files = sorted(file for file in place.rglob("*") if file.is_file())
        for file in chance.sample(files, 3):
            file.write_bytes(damaged(chance, file.read_bytes(), chance.choice(["flip", "cut"])))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", Notice)
            ds = figure10_run(place).results()
        set_aside += len(said)
        assert all("set aside as" in str(one.message) for one in said)
        assert ds.equals(like)
        for aside in place.rglob("*.damaged"):
            aside.unlink()
        same_data(out, place)
    with capsys.disabled():
        print(f"\n20 runs of 3 damaged files: 20 the same again, {set_aside} parts set aside")


def test_what_is_foreign_but_whole_is_no_crash(tmp_path):
    """An empty file, a folder in a file's place."""
    (tmp_path / results.RESULTS).mkdir()
    with pytest.raises(InputError, match=r"no results\.nc here"):
        results.load(tmp_path)
    with pytest.raises(StorageError, match="cannot be written"):
        store.write(tmp_path / results.RESULTS, b"")
    assert not [*tmp_path.glob(".sublim-part-*")]
