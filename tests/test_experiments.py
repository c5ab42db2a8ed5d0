"""sim/experiments.py: a run goes on where it was killed, and is never computed twice."""

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
from sim.engine import programs as engine
from sim.errors import InputError, Notice
from sim.runs import identity as runs
from sim.runs import results, store
from sim.settings.config import Figure10
from sim.studies import figure10 as experiments

ROOT = Path(__file__).parent.parent
DATA = "synthetic:12x4"


@pytest.fixture
def trained(monkeypatch):
    """The chunks of seeds that are really trained from here on."""
    seen = []
    run = engine.run

    def spy(setup, hyper, task, chunks, progress):
        for seeds, record in zip(chunks, run(setup, hyper, task, chunks, progress), strict=True):
            seen.append(seeds)
            yield record

    monkeypatch.setattr(engine, "run", spy)
    return seen


def figure10(out, small, seeds=5, **more):
    return sim.figure10(DATA, seeds, out=out, chunk=2, **small, **more)


def test_dataset_and_its_labels(tmp_path, small):
    told = []
    ds = figure10(tmp_path, small, progress=lambda done, whole: told.append((done, whole)))
    assert dict(ds.sizes) == {"seed": 5, "model": 6, "step": 3}
    assert ds.attrs["seeds"] == 5
    settings = json.loads(ds.attrs["settings"])
    assert settings["setup"]["widths"] == [16, 16]
    assert settings["hyper"]["student_lr"] == 2e-3
    assert set(json.loads(ds.attrs["versions"])) == set(runs.PACKAGES)
    assert ds.attrs["device"] == engine.device()
    done, whole = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert (done[0], done[-1], set(whole)) == (0, 6 * 6 * (1 + 4), {6 * 6 * (1 + 4)})
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == {"results.nc", "settings.json", "chunks"}
    xr.testing.assert_identical(results.load(folder), ds)
    xr.testing.assert_identical(sim.figure10(DATA, 5, chunk=2, **small), ds)  # with no folder


def test_a_finished_run_is_found(tmp_path, small, trained):
    first = figure10(tmp_path, small)
    assert trained == [range(2), range(2, 4), range(4, 6)]
    xr.testing.assert_identical(figure10(tmp_path, small), first)
    assert len(trained) == 3


def test_more_seeds_compute_only_the_new_and_fewer_none(tmp_path, small, trained):
    five = figure10(tmp_path, small)
    del trained[:]
    nine = figure10(tmp_path, small, seeds=9)
    assert trained == [range(6, 8), range(8, 10)]
    xr.testing.assert_equal(nine.isel(seed=slice(5)), five)
    xr.testing.assert_identical(figure10(tmp_path, small), five)
    assert len(trained) == 2


def test_a_chunk_once_chosen_stays_with_the_folder(tmp_path, small, trained):
    sim.figure10(DATA, 3, out=tmp_path, chunk=3, **small)
    sim.figure10(DATA, 5, out=tmp_path, **small)
    assert trained == [range(3), range(3, 6)]


def folder(dataset, tmp_path, **settings):
    return experiments.Run(Figure10.of(dataset, **settings), tmp_path / "runs").folder


@pytest.mark.parametrize(
    "other", [{"student_lr": 0.5}, {"aux": 4}, {"loss": "cross_entropy"}], ids=str
)
def test_other_settings_go_to_another_folder(tmp_path, small, other):
    assert folder(DATA, tmp_path, **small, **other) != folder(DATA, tmp_path, **small)


def test_other_data_code_versions_and_bits_go_to_another_folder(tmp_path, small, monkeypatch):
    plain = folder(DATA, tmp_path, **small)
    assert folder("synthetic:12x5", tmp_path, **small) != plain
    for change in (
        lambda: monkeypatch.setattr(runs, "_code_digest", lambda: "other"),
        lambda: monkeypatch.setattr(runs, "version", lambda package: "0"),
        lambda: monkeypatch.setattr(engine, "device", lambda: "another"),
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
        xr.testing.assert_identical(sim.figure10(DATA, 2, **small), plain)


def test_the_number_of_seeds_and_how_a_number_is_written_change_nothing(tmp_path, small):
    plain = folder(DATA, tmp_path, **small, temperature=1.0)
    assert folder(DATA, tmp_path, **small, temperature=1, seeds=99) == plain


def test_damaged_results_are_made_again_from_the_chunks(tmp_path, small, trained):
    whole = figure10(tmp_path, small)
    del trained[:]
    (place,) = tmp_path.iterdir()
    (place / results.RESULTS).write_text("{")
    with pytest.warns(Notice, match="it is made again"):
        xr.testing.assert_identical(figure10(tmp_path, small), whole)
    assert trained == []


@pytest.mark.parametrize(
    "chunk", ["{", '{"chunk": -2}', '{"chunk": "2"}', '{"chunk": true}', "", "[]"]
)
def test_damaged_settings_are_as_if_not_there(tmp_path, small, trained, chunk):
    whole = figure10(tmp_path, small)
    del trained[:]
    (place,) = tmp_path.iterdir()
    (place / results.SETTINGS).write_text(chunk)
    xr.testing.assert_identical(figure10(tmp_path, small), whole)
    assert experiments.Run(Figure10.of(DATA, **small), tmp_path).chunk > 0
    assert trained == []


def test_a_damaged_or_foreign_chunk_is_set_aside_and_computed_again(tmp_path, small, trained):
    """A flipped bit, a truncation, another run's chunk under the same name."""
    whole = figure10(tmp_path / "own", small)
    figure10(tmp_path / "other", small, student_lr=1e-9)
    (own,), (other,) = ((tmp_path / name).glob("*/chunks") for name in ("own", "other"))
    first, second, third = sorted(own.glob("*.nc"))
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 4
    first.write_bytes(content)
    second.write_bytes(second.read_bytes()[:-300])
    third.write_bytes((other / third.name).read_bytes())
    (own.parent / results.RESULTS).unlink()
    del trained[:]
    with pytest.warns(Notice, match="set aside as") as said:
        again = figure10(tmp_path / "own", small)
    assert len([one for one in said if "set aside" in str(one.message)]) == 3
    assert trained == [range(2), range(2, 4), range(4, 6)]
    xr.testing.assert_identical(again, whole)
    assert len(list(own.glob("*.damaged"))) == 3


def test_traps_are_warned_about_in_python_too(small):
    with pytest.warns(UserWarning, match="no gradient"):
        sim.figure10(DATA, 1, **small, aux=1)


KILLED = """
import sys
import sim
from sim.runs import store

save, count = store.save, 0

def save_slowly(ds, path):  # so that the second chunk is certainly not yet in place
    global count
    count += 1
    if count == 2:
        path.with_name(".part-0").write_bytes(b"half of it")
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
    (folder,) = (tmp_path / "killed").iterdir()
    assert [path.name for path in folder.glob("chunks/seeds*")] == ["seeds-000000-000001.nc"]
    resumed = figure10(tmp_path / "killed", small)
    assert trained == [range(2, 4), range(4, 6)]
    assert not list(folder.rglob(".part*"))
    whole = figure10(tmp_path / "whole", small)
    assert resumed.equals(whole)
    for name, variable in whole.variables.items():  # to the last bit, on disk too
        for ds in (resumed, results.load(folder)):
            assert ds[name].values.tobytes() == variable.values.tobytes()


def test_interrupted_says_what_is_saved(tmp_path, small, monkeypatch, capsys):
    from sim.__main__ import main  # noqa: PLC0415

    save = store.save

    def interrupt(ds, path):
        if "000002" in path.name:
            raise KeyboardInterrupt
        save(ds, path)

    monkeypatch.setattr(store, "save", interrupt)
    words = ["figure10", "--dataset", DATA, "--out", str(tmp_path), "--seeds", "5", "--chunk", "2"]
    words += ["--widths", "16", "16", "--noise-images", "96", "--student-steps", "6"]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 130
    message = capsys.readouterr().err
    assert "2 of 5 seeds are saved" in message
    assert "same command goes on" in message


def test_a_run_in_a_folder_that_cannot_be_made(tmp_path, small):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"out = .*file"):
        figure10(tmp_path / "file", small)


def test_compiled_programs_are_kept(tmp_path, small):
    """A second process finds the compiled programs in the user's cache folder."""
    command = [sys.executable, "-c", f"import sim; sim.figure10({DATA!r}, 1, **{small!r})"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}

    def kept():
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        files = (tmp_path / "sublim" / "jax").glob("*-cache")  # beside them: times of last use
        return {path.name: path.stat().st_mtime_ns for path in files}

    first = kept()
    for program in ("begin_teachers", "teach", "begin_students", "distill"):
        assert any(f"jit_{program}-" in name for name in first)
    assert kept() == first  # none written again


def test_effect_on_digits():
    """The claim itself, small: transfer with the shared initialisation, none with another."""
    ds = sim.figure10("digits", 8, student_steps=300, points=1)
    mean = ds.test_accuracy.mean("seed").to_series()
    difference = results.paired(ds, "student_aux", "cross_aux")
    assert difference.mean > 4 * difference.sd / difference.n**0.5
    assert mean.student_aux > 0.25
    for model in ("reference", "cross_aux"):  # at chance, within 4 standard errors
        one = results.summary(ds.test_accuracy.sel(model=model))
        assert abs(one.mean - 0.1) < 4 * one.sd / one.n**0.5
    assert mean.teacher > 0.96
    assert mean.student_all > 0.9
    assert not ds.diverged.any()
    assert np.isfinite(ds.test_accuracy).all()
