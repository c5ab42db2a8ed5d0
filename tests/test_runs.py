"""sim/runs: a run goes on where it was killed, and no network is computed twice."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

import sim
from sim.engine import machine, programs
from sim.errors import InputError, Notice, StorageError
from sim.model import data, networks
from sim.runs import identity, results, store
from sim.runs.run import Run, _folder, _in_order, compilation_cache
from sim.settings.experiments import experiment
from sim.studies.sweep import Grid, of_task
from tests import made_up
from tests.made_up import same

ROOT = Path(__file__).parent.parent
DATA = "synthetic:12x4"


@pytest.fixture
def trained(monkeypatch):
    """What is really trained from here on: chunks of seeds, by ("teacher" or a student, seeds)."""
    seen = []
    learn, imitate = programs.learn_labels, programs.imitate

    def spy_learn(point, where, chunk, *rest, learns, **more):
        if learns:  # not only measured
            seen.append(("teacher", tuple(chunk)))
        return learn(point, where, chunk, *rest, learns=learns, **more)

    def spy_imitate(students, where, chunk, *rest):
        seen.append(("students", tuple(chunk)))
        return imitate(students, where, chunk, *rest)

    monkeypatch.setattr(programs, "learn_labels", spy_learn)
    monkeypatch.setattr(programs, "imitate", spy_imitate)
    return seen


def both(*chunks):
    """Teachers and students of these chunks."""
    return [(who, chunk) for chunk in chunks for who in ("teacher", "students")]


def figure10(out, small, seeds=5, **more):
    return sim.figure10(DATA, seeds, out=out, chunk=2, **small, **more)


def test_dataset_and_its_labels(tmp_path, small):
    told = []
    ds = figure10(tmp_path, small, progress=lambda done, whole: told.append((done, whole)))
    assert dict(ds.sizes) == {"seed": 5, "model": 6, "step": 3}
    assert ds.attrs["seeds"] == 5
    settings = json.loads(ds.attrs["settings"])["settings"]
    assert settings["setup"]["widths"] == [16, 16]
    assert settings["hyper"]["student_lr"] == 2e-3
    assert set(json.loads(ds.attrs["versions"])) == set(identity.PACKAGES)
    assert ds.attrs["device"] == machine.device()
    done, whole = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert (done[0], done[-1], set(whole)) == (0, 6 * 6 * (1 + 4), {6 * 6 * (1 + 4)})
    (folder,) = tmp_path.glob("figure10-*")
    assert {path.name for path in folder.iterdir()} == {"results.nc", "settings.json"}
    xr.testing.assert_identical(results.load(folder), ds)
    alone = sim.figure10(DATA, 5, chunk=2, **small)  # with no folder
    same(alone.assign_attrs(store=ds.attrs["store"]), ds)


def test_a_finished_run_is_found(tmp_path, small, trained):
    first = figure10(tmp_path, small)
    assert trained == both((0, 1), (2, 3), (4, 5))
    xr.testing.assert_identical(figure10(tmp_path, small), first)
    assert len(trained) == 6


def test_more_seeds_compute_only_the_new_and_fewer_none(tmp_path, small, trained):
    five = figure10(tmp_path, small)
    del trained[:]
    nine = figure10(tmp_path, small, seeds=9)
    assert trained == both((6, 7), (8, 9))
    xr.testing.assert_equal(nine.isel(seed=slice(5)), five)
    same(figure10(tmp_path, small), five)
    assert len(trained) == 4


def test_a_chunk_once_chosen_stays_with_the_folder(tmp_path, small, trained):
    assert run(DATA, None, **small, seeds=5).work.chunk != 2  # which is not what it would choose
    sim.figure10(DATA, 3, out=tmp_path, chunk=2, **small)
    sim.figure10(DATA, 5, out=tmp_path, **small)
    assert trained == both((0, 1), (2, 3), (4, 5))


def run(dataset, out, **settings):
    return Run(Grid("figure10", experiment(dataset, **settings), {}), out)


def folder(dataset, tmp_path, **settings):
    return run(dataset, tmp_path / "runs", **settings).folder


@pytest.mark.parametrize(
    "other", [{"student_lr": 0.5}, {"aux": 4}, {"loss": "cross_entropy"}], ids=str
)
def test_other_settings_go_to_another_folder(tmp_path, small, other):
    assert folder(DATA, tmp_path, **small, **other) != folder(DATA, tmp_path, **small)


def test_other_data_code_versions_and_bits_go_to_another_folder(tmp_path, small, monkeypatch):
    plain = folder(DATA, tmp_path, **small)
    assert folder("synthetic:12x5", tmp_path, **small) != plain
    for change in (
        lambda: monkeypatch.setattr(identity, "code", lambda: "other"),
        lambda: monkeypatch.setattr(identity, "version", lambda package: "0"),
        lambda: monkeypatch.setattr(machine, "device", lambda: "another"),
        lambda: monkeypatch.setattr(identity.platform, "python_version", lambda: "4.0"),
    ):
        change()
        assert folder(DATA, tmp_path, **small) != plain
        monkeypatch.undo()
    with jax.softmax_custom_jvp(not jax.config.jax_softmax_custom_jvp):
        assert folder(DATA, tmp_path, **small) != plain
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    assert folder(DATA, tmp_path, **small) != plain
    monkeypatch.undo()
    assert folder(DATA, tmp_path, **small) == plain


@pytest.mark.parametrize(
    "chosen",
    [
        jax.enable_x64(True),
        jax.default_matmul_precision("bfloat16"),
        jax.numpy_dtype_promotion("strict"),
        jax.threefry_partitionable(False),
        jax.default_prng_impl("rbg"),
        jax.debug_nans(True),
    ],
    ids=["x64", "matmul", "promotion", "threefry", "prng", "debug_nans"],
)
def test_what_a_user_sets_in_jax_changes_no_bit_and_no_folder(tmp_path, small, chosen):
    plain, place = sim.figure10(DATA, 2, **small), folder(DATA, tmp_path, **small)
    with chosen:
        assert folder(DATA, tmp_path, **small) == place
        same(sim.figure10(DATA, 2, **small), plain)


def test_the_number_of_seeds_and_how_a_number_is_written_change_nothing(tmp_path, small):
    plain = folder(DATA, tmp_path, **small, temperature=1.0)
    assert folder(DATA, tmp_path, **small, temperature=1, seeds=99) == plain


def test_damaged_results_are_made_again_from_the_store(tmp_path, small, trained):
    whole = figure10(tmp_path, small)
    del trained[:]
    (place,) = tmp_path.glob("figure10-*")
    (place / results.RESULTS).write_text("{")
    with pytest.warns(Notice, match="it is made again"):
        same(figure10(tmp_path, small), whole)
    assert trained == []


def test_results_of_another_run_are_not_served_as_this_ones(tmp_path, small, trained):
    one, other = (figure10(tmp_path, small, student_lr=lr) for lr in (1e-3, 1e-2))
    del trained[:]
    places = {results.load(at).attrs["settings"]: at for at in tmp_path.glob("figure10-*")}
    first, second = (places[ds.attrs["settings"]] / results.RESULTS for ds in (one, other))
    second.write_bytes(first.read_bytes())
    with pytest.warns(Notice, match="another run's; it is made again") as said:
        same(figure10(tmp_path, small, student_lr=1e-2), other)
    assert len(said) == 1
    same(results.load(second), other)
    assert trained == []


@pytest.mark.parametrize(
    "chunk", ["{", '{"chunk": -2}', '{"chunk": "2"}', '{"chunk": true}', "", "[]"]
)
def test_damaged_settings_are_as_if_not_there(tmp_path, small, trained, chunk):
    whole = figure10(tmp_path, small)
    del trained[:]
    (place,) = tmp_path.glob("figure10-*")
    (place / results.SETTINGS).write_text(chunk)
    same(figure10(tmp_path, small), whole)
    assert run(DATA, tmp_path, **small).work.chunk > 0
    assert trained == []


def test_a_damaged_or_foreign_part_is_set_aside_and_computed_again(tmp_path, small, trained):
    """A flipped bit, a truncation, another store's part, parameters of another seed."""
    whole = figure10(tmp_path / "own", small)
    figure10(tmp_path / "other", small, student_lr=1e-9)
    (own,), (other,) = ((tmp_path / name).glob("store-*") for name in ("own", "other"))
    students = json.loads(whole.attrs["settings"])["settings"]["models"]
    key = str(whole.network.sel(model=students[0]).item()).partition("-")[0]
    first, second, third = sorted(own.glob(f"{key}-*.nc"))
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 4
    first.write_bytes(content)
    second.write_bytes(second.read_bytes()[:-300])
    foreign = next(file for file in other.glob("*.nc") if not (own / file.name).exists())
    third.write_bytes(foreign.read_bytes())
    (teacher,) = (own / "params").iterdir()
    (teacher / "000001.npz").write_bytes((teacher / "000000.npz").read_bytes())
    next(iter(own.parent.glob("figure10-*/results.nc"))).unlink()
    del trained[:]
    with pytest.warns(Notice, match="set aside as") as said:
        again = figure10(tmp_path / "own", small)
    assert len([one for one in said if "set aside" in str(one.message)]) == 4
    assert (
        trained
        == [*both((0, 1))[::-1][:1], *both((0, 1))[:1], ("students", (2, 3)), ("students", (4, 5))]
        or len(trained) == 4
    )
    same(again, whole)
    assert len([*own.rglob("*.damaged")]) == 4


def test_no_network_is_trained_twice_whichever_command_asks(tmp_path, small, trained):
    """Figure 10, then a sweep, then a study with points in common."""
    figure10(tmp_path, small, seeds=4)
    del trained[:]
    sweep = {name: value for name, value in small.items() if name != "points"}
    axes = {"student_lr": (1e-3, 2e-3)}  # the latter is the recipe's: figure 10's own
    sim.sweep(DATA, axes, 4, out=tmp_path, chunk=2, **sweep)
    assert {who for who, _ in trained} == {"students"}  # no teacher
    assert len(trained) == 2  # chunks of the one new point
    del trained[:]
    sim.sweep(DATA, {"student_lr": (2e-3, 5e-3)}, 4, out=tmp_path, chunk=2, **sweep)
    assert len(trained) == 2
    sim.study("temperature", DATA, 4, out=tmp_path, chunk=2, **sweep)
    again = len(trained)
    sim.study("temperature", DATA, 4, out=tmp_path, chunk=2, models="student_aux", **sweep)
    assert len(trained) == again
    del trained[:]
    figure10(tmp_path, small | {"points": 1}, seeds=4)  # its ends are there
    assert trained == []
    figure10(tmp_path, small | {"points": 3}, seeds=4)  # these moments are not
    assert len(trained) == 4


@pytest.mark.filterwarnings("ignore:batch = 32")
def test_points_of_a_family_are_shared_by_what_they_are(tmp_path, small, trained):
    """A study's batch at the recipe's own value, with steps in the place of epochs."""
    usual = {name: value for name, value in small.items() if "steps" not in name}
    sim.figure10(DATA, 2, out=tmp_path, chunk=2, **usual, teacher_epochs=2, student_epochs=3)
    del trained[:]
    steps = {"teacher_steps": 2 * -(-2000 // 32), "student_steps": 3 * 3}
    sim.figure10(DATA, 2, out=tmp_path, chunk=2, **usual, **steps)
    assert trained == []


@pytest.mark.parametrize("keep", ["teachers", "params", "records"])
def test_parameters_are_kept_as_asked_and_handed_out(tmp_path, small, trained, keep, monkeypatch):
    ds = sim.figure10(DATA, 2, out=tmp_path, keep=keep, **small)
    (place,) = tmp_path.glob("figure10-*")
    monkeypatch.chdir(tmp_path)
    saved = sim.load(Path(place.name) / results.RESULTS)  # its folder is as good
    xr.testing.assert_identical(saved.results, ds)
    monkeypatch.chdir("/")
    for wrong in ({"seed": 9}, {"seed": "0"}, {"seed": None}, {"seed": 0, "aux": 3}):
        *_, (name, value) = wrong.items()
        with pytest.raises(InputError, match=f"{name} = {value!r}: must be "):
            saved.params("reference", **wrong)
    everybody = keep == "params"
    models = {"teacher": keep != "records", "student_aux": everybody, "reference": everybody}
    for model, kept in models.items():
        if not kept:
            with pytest.raises(
                InputError, match=f"'{model}, seed 1': must be kept: .*keep = params"
            ):
                saved.params(model, seed=1)
            continue
        θ = saved.params(model, seed=1)
        net = networks.mlp(experiment(DATA, **small).setup, 12, 4)
        task = run(DATA, None, **small).study.task
        z = jax.jit(net.apply)(θ, jax.numpy.asarray(task.x_test))[:, :4]
        accuracy = np.mean(np.argmax(z, axis=1) == task.y_test)
        assert accuracy == pytest.approx(float(ds.test_accuracy.sel(model=model, seed=1)), abs=1e-6)
        saved.save_params(tmp_path / "flat.npz", model, seed=1)
        with np.load(tmp_path / "flat.npz") as flat:
            np.testing.assert_array_equal(flat["hidden_1/kernel"], θ["hidden_1"]["kernel"])
        with pytest.raises(StorageError, match=r"x\.npz cannot be written"):
            saved.save_params(tmp_path / "nowhere" / "x", model, seed=1)
    del trained[:]
    sim.sweep(DATA, {"student_lr": (0.5,)}, 2, out=tmp_path, **(small | {"points": 1}))
    assert ("teacher" in {who for who, _ in trained}) == (keep == "records")


def test_parameters_are_kept_of_what_was_measured_before(tmp_path, small):
    sim.figure10(DATA, 2, out=tmp_path, **small)
    sim.figure10(DATA, 2, out=tmp_path, keep="params", **small)
    whole = next(
        run
        for run in map(sim.load, tmp_path.glob("figure10-*"))
        if '"keep": "params"' in run.results.attrs["settings"]
    )
    for model in whole.results.model.values:
        assert whole.params(model, seed=1)["hidden_0"]["kernel"].shape == (12, 16)


@pytest.mark.slow
def test_parameters_are_of_the_runs_own_size(tmp_path, small):
    """A teacher with a wider auxiliary head lies in the same store, under the same key."""
    sim.sweep(DATA, {"aux": (2, 100)}, 1, out=tmp_path, **(small | {"points": 1}))
    sim.figure10(DATA, 1, out=tmp_path, **small | {"aux": 2})
    (place,) = tmp_path.glob("figure10-*")
    (wide,) = tmp_path.glob("sweep-*")
    assert sim.load(place).params("teacher", seed=0)["aux_head"]["kernel"].shape[1] == 2
    of_sweep = sim.load(wide).params("teacher", seed=0, aux=2)
    assert of_sweep["aux_head"]["kernel"].shape[1] == 100


def test_a_finished_run_reads_no_store_and_removes_what_the_dead_left(tmp_path, small, monkeypatch):
    """As nothing is written any more; of who is alive nothing is removed."""
    first = sim.figure10(DATA, 2, out=tmp_path, **small)
    (kept,) = tmp_path.glob("store-*")
    places = [*tmp_path.glob("figure10-*"), kept, *kept.glob("params/*")]
    assert len(places) > 2
    dead = [place / ".sublim-part-dead" for place in places]
    for file in dead:
        file.touch()
    with (kept / ".sublim-part-alive").open("w") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        monkeypatch.setattr(store.Store, "get", lambda self, name: pytest.fail("the store is read"))
        assert sim.figure10(DATA, 2, out=tmp_path, **small).identical(first)
        assert [*tmp_path.rglob(".sublim-part-*")] == [kept / ".sublim-part-alive"]


def test_a_teacher_of_ones_own(tmp_path, small):
    """It is taken for every seed, measured as it is, and what students learn from it."""
    sim.figure10(DATA, 2, out=tmp_path, **small)
    (place,) = tmp_path.glob("figure10-*")
    θ_T = sim.load(place).params("teacher", seed=0)
    own = sim.figure10(DATA, 2, teacher=θ_T, **small)
    first = sim.load(place).results
    accuracy = own.test_accuracy.sel(model="teacher")
    np.testing.assert_allclose(
        accuracy, first.test_accuracy.sel(model="teacher", seed=0), atol=1e-6
    )
    assert own.accuracy_by_step.sel(model="teacher").notnull().sum() == 2  # once a seed
    for name in ("test_accuracy", "training_loss"):  # seed 0 is that teacher's own
        np.testing.assert_allclose(own[name].sel(seed=0), first[name].sel(seed=0), atol=2e-3)
    moved = jax.tree.map(lambda leaf: leaf + 1e-3, θ_T)
    other = sim.figure10(DATA, 2, teacher=moved, **small)
    assert (other.network.sel(model="student_aux") != own.network.sel(model="student_aux")).item()
    assert (other.network.sel(model="reference") == own.network.sel(model="reference")).item()


@pytest.mark.slow
def test_where_a_teacher_of_ones_own_started_counts_whatever_is_measured(small):
    """If updates are not to follow its displacement: else it would start at the seed's own draw."""
    net = networks.mlp(experiment(DATA, **small).setup, 12, 4)
    θ_0, θ_T = (net.init(jax.random.key(k)) for k in (7, 8))
    given = {"reference": θ_0, "teacher": θ_T, "models": ("cross_aux",), "student_lr": 0.01}
    given |= small | {"against": "accuracy", "removed": "displacement"}
    plain = sim.figure10(DATA, 2, **given)
    measured = sim.figure10(DATA, 2, **given, measure=("displacement_cosine",))
    a, b = (ds.training_loss.sel(model="cross_aux") for ds in (plain, measured))
    np.testing.assert_allclose(a, b, rtol=1e-4)


def test_a_start_of_ones_own(small):
    """All seeds' students with the teacher's start begin where it says; controls do not."""
    net = networks.mlp(experiment(DATA, **small).setup, 12, 4)
    θ_0 = net.init(jax.random.key(7))
    ds = sim.figure10(DATA, 2, reference=θ_0, teacher=θ_0, **small)
    start = ds.accuracy_by_step.isel(step=0)
    assert (start.sel(model="student_aux") == start.sel(model="reference")).all()
    assert start.sel(model="reference").std("seed") == 0
    assert start.sel(model="cross_aux").std("seed") > 0
    loss = ds.loss_by_step.sel(model="student_aux", step=0)
    np.testing.assert_allclose(loss, 0, atol=1e-6)  # it starts as its teacher


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda θ: θ | {"hidden_0": θ["hidden_1"]}, r"hidden_0/kernel has shape \(16, 16\), must"),
        (lambda θ: {k: v for k, v in θ.items() if k != "aux_head"}, "aux_head/bias has shape None"),
        (lambda θ: [1, 2], "'list': must be by layer"),
        (lambda θ: {"hidden_0": 3}, "'hidden_0': must be by layer"),
    ],
)
def test_parameters_of_another_shape_are_named(small, spoil, says):
    net = networks.mlp(experiment(DATA, **small).setup, 12, 4)
    θ = net.init(jax.random.key(7))
    with pytest.raises(InputError, match=f"teacher.* {says}"):
        sim.figure10(DATA, 1, teacher=spoil(θ), **small)


def test_parameters_may_be_flat_as_they_are_saved(small):
    net = networks.mlp(experiment(DATA, **small).setup, 12, 4)
    θ = net.init(jax.random.key(7))
    given = of_task(DATA, seeds=1, **small)
    (nested, of), (flat, also) = (
        Grid("figure10", given, {}, {"teacher": one}).params["teacher"]
        for one in (θ, store.flattened(θ))
    )
    assert nested == flat
    jax.tree.map(np.testing.assert_array_equal, of, also)


@pytest.mark.slow
def test_a_placebo_learns_nothing_of_the_teacher(small):
    """Its teacher is the untrained reference: at z = y plain descent has no gradient."""
    models = "student_aux", "placebo_aux"
    ds = sim.figure10(DATA, 2, models=models, optimizer="sgd", teacher_lr=0.5, **small)
    by_step = ds.accuracy_by_step.sel(model="placebo_aux").dropna("step")
    assert (by_step == ds.test_accuracy.sel(model="reference")).all()
    np.testing.assert_allclose(ds.training_loss.sel(model="placebo_aux"), 0, atol=1e-6)
    assert (ds.training_loss.sel(model="student_aux") > 1e-5).all()


def test_results_that_cannot_be_written_are_returned_and_said(tmp_path, small, monkeypatch):
    def full(ds, path):
        if path.name == results.RESULTS:
            raise store.StorageError("no space left")
        save(ds, path)

    save = store.save
    monkeypatch.setattr(store, "save", full)
    with pytest.warns(Notice, match="no space left"):
        ds = figure10(tmp_path, small, seeds=2)
    assert np.isfinite(ds.test_accuracy).all()


def test_traps_are_warned_about_in_python_too(small):
    with pytest.warns(UserWarning, match="moves the inputs off 0"):
        sim.figure10(DATA, 2, **small, noise_shift=0.5)


KILLED = """
import sys
import sim
from sim.runs import store

save, count = store.save, 0

def save_slowly(ds, path):  # so that the students' are certainly not yet in place
    global count
    count += 1
    if count == 3:  # after the teacher's and the reference's
        path.with_name(".sublim-part-0").write_bytes(b"half of it")
        print("half written", flush=True)
        sys.stdin.read()
    save(ds, path)

store.save = save_slowly
sim.figure10({data!r}, 5, out={out!r}, chunk=2, **{small!r})
"""


def killed(out, small, how):
    """Start the run elsewhere and end it while it writes its second chunk."""
    script = KILLED.format(data=DATA, out=str(out), small=small)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    )
    assert process.stdout.readline() == b"half written\n", process.stderr.read().decode()
    process.send_signal(how)
    process.communicate(timeout=60)


def test_killed_at_any_time_the_same_call_goes_on(tmp_path, small, trained):
    killed(tmp_path / "killed", small, signal.SIGKILL)
    (folder,) = (tmp_path / "killed").glob("figure10-*")
    assert not (folder / results.RESULTS).exists()
    resumed = figure10(tmp_path / "killed", small)
    assert trained == [("students", (0, 1)), *both((2, 3), (4, 5))]
    assert not list((tmp_path / "killed").rglob(".part*"))
    whole = figure10(tmp_path / "whole", small)
    assert resumed.equals(whole)
    for name, variable in whole.variables.items():  # to the last bit, on disk too
        for ds in (resumed, results.load(folder)):
            assert ds[name].values.tobytes() == variable.values.tobytes()


def test_interrupted_says_what_is_saved(tmp_path, small, monkeypatch, capsys):
    from sim.__main__ import main  # noqa: PLC0415

    save = store.save

    def interrupt(ds, path):
        if 2 in ds.seed.values:
            raise KeyboardInterrupt
        save(ds, path)

    monkeypatch.setattr(store, "save", interrupt)
    words = ["figure10", "--dataset", DATA, "--out", str(tmp_path), "--seeds", "5", "--chunk", "2"]
    words += ["--widths", "16", "16", "--noise-images", "96", "--batch", "32"]
    words += ["--teacher-steps", "6", "--student-steps", "6"]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 130
    message = capsys.readouterr().err
    assert "2 of 5 seeds are saved" in message
    assert "same command goes on" in message


def test_a_folder_of_a_name_as_long_as_a_book_can_be_made(tmp_path):
    task = data.synthetic(4, 2)
    one, two = (_folder(tmp_path, "dünn" * 100, task, {"of": i}) for i in (1, 2))
    assert one != two
    for folder in (one, two):
        folder.mkdir()
        assert folder.name.startswith("dünndünn")


def test_a_run_in_a_folder_that_cannot_be_made(tmp_path, small):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"out = .*file"):
        figure10(tmp_path / "file", small)


def test_compiled_programs_are_kept_where_that_can_be(tmp_path, monkeypatch):
    """And not where a home is no folder: jax would warn of every program."""
    before = jax.config.jax_compilation_cache_dir
    (tmp_path / "file").write_text("")
    try:
        for cache, kept in (("file", None), ("new", str(tmp_path / "new" / "sublim" / "jax"))):
            jax.config.update("jax_compilation_cache_dir", None)
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
            compilation_cache()
            assert jax.config.jax_compilation_cache_dir == kept
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


@pytest.mark.slow
def test_compiled_programs_are_kept(tmp_path, small):
    """A second process finds the compiled programs in the user's cache folder."""
    settings = small | {"models": ("student_aux",)}
    command = [sys.executable, "-c", f"import sim; sim.figure10({DATA!r}, 1, **{settings!r})"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}

    def kept():
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        files = (tmp_path / "sublim" / "jax").glob("*-cache")  # beside them: times of last use
        return {path.name: path.stat().st_mtime_ns for path in files}

    first = kept()
    for program in ("_draw", "teach", "begin_students", "distill"):  # what takes long to compile
        assert any(f"jit_{program}-" in name for name in first)
    assert kept() == first  # none written again


def test_effect_on_digits():
    """The claim itself, small: transfer with the shared initialisation, none with another."""
    ds = sim.figure10("digits", 6, widths=(64, 64), student_steps=250, points=1)
    mean = ds.test_accuracy.mean("seed").to_series()
    difference = results.paired(ds, "student_aux", "cross_aux")
    assert difference.mean > 4 * difference.sd / difference.n**0.5
    assert mean.student_aux > 0.25
    for model in ("reference", "cross_aux"):  # at chance, within 4 standard errors
        one = results.summary(ds.test_accuracy.sel(model=model))
        assert abs(one.mean - 0.1) < 4 * one.sd / one.n**0.5
    assert mean.teacher > 0.94
    assert mean.student_all > 0.9
    assert not ds.diverged.any()
    assert np.isfinite(ds.test_accuracy).all()


def test_results_whose_cases_lie_otherwise_are_not_what_is_asked_for():
    """Neither names nor numbers hang on their order; what a reader is given does."""
    ds = made_up.sweep(2, case=["a", "b"])
    cases = {"a": {"aux": 2}, "b": {"aux": 3}}
    assert _in_order(ds, {"case": cases})
    assert not _in_order(ds, {"case": dict(reversed(cases.items()))})
    assert _in_order(ds, {"student_lr": (1e-3, 1e-2)})  # of values names are made
