"""verify: a run is what its files say. selftest: effects that are planted are found, nulls not."""

import json
import shutil

import numpy as np
import pytest

import sim
import sim.studies.verify as verify_module
from sim import finished
from sim.errors import InputError
from sim.model import arrays
from sim.runs import identity, results
from sim.studies import selftest
from sim.studies.selftest import KNOWN, SEEDS
from sim.studies.verify import grid_of, verify
from tests import made_up

SMALL = {"seeds": 4, "chunk": 2, "widths": (16,), "noise_images": 96, "points": 2}
SMALL |= {"teacher_steps": 4, "student_steps": 4, "models": ("student_aux", "cross_aux")}
CASES = {"b": {"aux": 2}, "a": {"loss": "squared_error", "aux": 2}}  # not in the order of the words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    axes = {"case": CASES, "student_lr": [1e-3, 3e-3]}
    sim.sweep("synthetic:12x4", axes, out=place, **SMALL)
    return place


@pytest.fixture
def run(made, tmp_path):
    """The folder of a run, to be spoilt."""
    place = shutil.copytree(made, tmp_path / "runs")
    (folder,) = place.glob("sweep-*")
    return folder


def wrong(run, **how):
    return [one for one in verify(run, draw=1, **how) if not one.holds]


def changed(run, change):
    """Edit the results of a run as a person could who knows how they are written."""
    ds = results.load(run)
    ds["test_accuracy"] = change(ds.test_accuracy)
    results.save(ds, run / results.RESULTS)


@pytest.mark.parametrize("draw", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_that_is_as_it_was_left_is_the_same_bit_for_bit(run, draw):
    *files, part = verify(run, draw)
    assert all(one.holds for one in (*files, part))
    assert [one.what for one in files] == ["results", "settings.json", "parts in the store"]
    assert "1 × teacher; 2 × student_aux; 2 × cross_aux" in part.what
    assert part.found == "computed again, the same bit for bit"


def test_a_study_is_made_again_from_what_its_results_say(run):
    ds = results.load(run)
    grid = grid_of(ds)
    assert [*grid.axes["case"]] == ["b", "a"]
    assert json.loads(json.dumps(grid.settings)) == json.loads(ds.attrs["settings"])["settings"]


def test_what_was_edited_by_hand_is_found(run):
    settings = run / results.SETTINGS
    settings.write_text(settings.read_text().replace('"student_steps": 4', '"student_steps": 5'))
    (run / "figures.json").write_text('{"results_sha256": "0"}')
    assert [one.what for one in wrong(run)] == ["settings.json", "figures"]
    changed(run, lambda accuracy: (accuracy + 0.1).clip(max=1))
    found = [one.what for one in wrong(run)]
    assert "parts in the store" in found
    assert any("student_aux, case" in one for one in found)


def test_files_of_earlier_versions_have_no_checksum_and_are_no_edited_ones(run):
    said = json.loads((run / results.SETTINGS).read_text())
    del said[results.CHECKSUM]
    (run / results.SETTINGS).write_text(json.dumps(said))
    assert not wrong(run)
    (run / results.SETTINGS).write_text("[]")
    assert [one.what for one in wrong(run)] == [results.SETTINGS]


def test_results_of_another_run_are_not_this_folders(run):
    """Its settings.json was written before its results, and is whole."""
    ds = results.load(run)
    known = json.loads(ds.attrs["settings"])
    said = results.load_json(run / results.SETTINGS)
    results.save_json(said | {"validation": 0.5}, run / results.SETTINGS)
    (one,) = wrong(run)
    assert one.what == "results.nc"
    assert one.found.startswith("not this folder's")
    results.save_json(known | {"seeds": 9, "chunk": 2}, run / results.SETTINGS)
    assert not wrong(run)  # of a command for more seeds that was stopped


@pytest.fixture(scope="module")
def combined(tmp_path_factory):
    """Seeds 0, 1, 4 and 5 at the same points, put together."""
    place = tmp_path_factory.mktemp("parts")
    axes = {"case": CASES, "student_lr": [1e-3, 3e-3]}
    for seeds in ("0:2", "4:6"):
        sim.sweep("synthetic:12x4", axes, out=place, **(SMALL | {"seeds": seeds}))
    parts = sorted(place.glob("sweep-*"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(finished, "draw", lambda *_: None)  # takes seconds
        finished.combine(tuple(parts), place / "whole")
    return next((place / "whole").glob("sweep-*")), parts


def test_runs_that_were_combined_are_verified_with_their_gaps(combined, tmp_path):
    place = shutil.copytree(combined[0].parent.parent, tmp_path / "runs")
    (run,) = (place / "whole").glob("sweep-*")
    for draw in range(2):
        found = [*verify(run, draw)]
        assert all(one.holds for one in found)
        assert found[-1].what.startswith(("seeds 0 to 1: ", "seeds 4 to 5: "))
    (store,) = place.glob("store-*")
    shutil.move(store, place / "whole")
    ds = results.load(run)
    results.save(ds.assign_attrs(store=store.name), run / results.RESULTS)
    assert "parts in the store" in [one.what for one in verify(run, 0) if one.holds]
    changed(run, lambda accuracy: accuracy.where(accuracy.seed < 4, accuracy / 2))
    assert "parts in the store" in [one.what for one in wrong(run)]


def of_arrays(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (40, 3)).astype(np.float32)
    y = np.arange(40) % 2
    return {"x": x[:30], "y": y[:30], "x_test": x[30:], "y_test": y[30:]}


@pytest.fixture
def quick(monkeypatch):
    """Of what was trained, nothing is trained again."""
    monkeypatch.setattr(verify_module, "_again", lambda *_: iter(()))


@pytest.mark.filterwarnings("ignore::UserWarning")  # of what is plain about so few images
def test_a_file_of_arrays_is_found_from_elsewhere(tmp_path, monkeypatch, quick):
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "own.npz", **of_arrays())
    monkeypatch.chdir(tmp_path)
    sim.figure10("data/own.npz", out="runs", **SMALL)
    (run,) = (tmp_path / "runs").glob("figure10-*")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "parts in the store" in [one.what for one in verify(run, 0) if one.holds]
    (tmp_path / "data" / "own.npz").unlink()
    with pytest.raises(InputError, match=r"dataset 'data/own\.npz'"):
        [*verify(run)]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_arrays_are_to_be_given_again_and_all_else_is_looked_at(sublim, tmp_path, quick):
    mine = sim.task(**of_arrays(1), name="arrays-of-verify")
    sim.figure10(mine, out=tmp_path / "runs", **SMALL)
    (run,) = (tmp_path / "runs").glob("figure10-*")
    assert not wrong(run)  # here they are
    arrays._PUT_IN.pop("arrays-of-verify")
    code, out, err = sublim("verify", run)
    assert code == 2
    assert "those of the results" in out
    assert "dataset = 'arrays-of-verify': must be put in again, by sim.task" in err


def test_a_part_is_found_without_the_store(run):
    """A single seed's accuracy at every point: whichever part is drawn has one."""
    shutil.rmtree(next(run.parent.glob("store-*")))
    assert not wrong(run)
    changed(run, lambda accuracy: accuracy.where(accuracy.seed % 2 == 0, accuracy / 2))
    assert all("computed again, it is another" in one.found for one in wrong(run))
    assert wrong(run)


def test_elsewhere_other_bits_are_held_to_their_law(run, monkeypatch):
    here = identity.of_task
    monkeypatch.setattr(
        identity, "of_task", lambda *task: here(*task) | {"device": "another", "code_sha256": "x"}
    )
    assert not wrong(run)  # the same bits are the same anywhere
    shutil.rmtree(next(run.parent.glob("store-*")))
    changed(run, lambda accuracy: accuracy + 1e-4 * (-1) ** accuracy.seed)
    assert not wrong(run)
    found = [one.found for one in verify(run, draw=1)]
    assert any("here are other device and code_sha256" in one for one in found)
    changed(run, lambda accuracy: accuracy - 0.2)
    assert wrong(run)


def test_what_cannot_be_verified_is_said(run, monkeypatch, tmp_path):
    ds = results.load(run)
    known = json.loads(ds.attrs["settings"])
    other = ds.assign_attrs(settings=json.dumps(known | {"functions": {"loss mine": "abc"}}))
    with pytest.raises(InputError, match="run = 'loss mine': must be of functions that are here"):
        grid_of(other)
    other = ds.assign_attrs(settings=json.dumps(known | {"data_sha256": "0"}))
    with pytest.raises(InputError, match="dataset = 'synthetic:12x4': must be the very data"):
        grid_of(other)
    other = ds.assign_attrs(settings=json.dumps(known | {"settings": {"loss": "kl"}}))
    with pytest.raises(InputError, match="must be of networks that were trained"):
        grid_of(other)
    with pytest.raises(InputError, match="no results"):
        [*verify(tmp_path)]
    for draw in (-1, 0.5, True):
        with pytest.raises(InputError, match=r"draw = .*: must be a whole number, 0 or more"):
            [*verify(tmp_path, draw)]


def test_the_command(sublim, run):
    code, out, _ = sublim("verify", run, "--draw", "1")
    assert code == 0
    assert "the same bit for bit" in " ".join(out.split())
    changed(run, lambda accuracy: accuracy / 2)
    code, out, _ = sublim("verify", run, "--draw", "1", "--json")
    assert code == 1
    assert not all(one["holds"] for one in json.loads(out)["checks"])


@pytest.fixture
def tried():
    """Results as the selftest's own: accuracies of known seeds, and a placebo at its start's."""
    ds = made_up.sweep(SEEDS, (*KNOWN, "placebo_aux")).assign_attrs(classes=10)
    known = {**KNOWN, "placebo_aux": KNOWN["reference"][::-1]}
    for model, right in known.items():
        ds.test_accuracy.loc[{"model": model}] = np.array(right) / selftest.IMAGES
    return ds


def test_what_is_known_passes(tried):
    assert all(one.holds for one in (*selftest.effects(tried), *selftest.law(tried)))
    tried.test_accuracy.loc[{"model": "placebo_aux"}] = tried.test_accuracy.sel(model="reference")
    assert all(one.holds for one in selftest.effects(tried))  # no difference at all is a null


@pytest.mark.parametrize(
    ("model", "as_", "fails"),
    [
        ("student_aux", "cross_aux", ["effect"]),  # an effect that is not there
        ("cross_aux", "student_aux", ["effect", "null"]),  # a null that is none
        ("placebo_aux", "student_aux", ["null"]),
    ],
)
def test_an_effect_that_is_gone_and_a_null_that_is_none_fail(tried, model, as_, fails):
    values = tried.test_accuracy.sel(model=as_).values
    tried.test_accuracy.loc[{"model": model}] = values
    found = [one.what.partition(":")[0] for one in selftest.effects(tried) if not one.holds]
    assert found == fails


def test_numbers_that_are_not_finite_fail(tried):
    tried["test_accuracy"] = tried.test_accuracy * np.nan
    assert not any(one.holds for one in (*selftest.effects(tried), *selftest.law(tried)))


def test_another_law_fails(tried):
    tried.test_accuracy.loc[{"model": "teacher"}] -= 0.01
    assert [one.what for one in selftest.law(tried) if not one.holds] == ["known: teacher"]
    tried.test_accuracy.loc[{"model": "teacher"}] += 0.0095  # a rounding
    assert all(one.holds for one in selftest.law(tried))


def test_the_theorem_and_a_damaged_file(tried, monkeypatch):
    assert all(one.holds for one in selftest.theorem())
    assert selftest.damaged(tried).holds
    monkeypatch.setattr(selftest.results, "load", lambda file: None)  # reads whatever there is
    assert not selftest.damaged(tried).holds


@pytest.mark.slow
def test_the_selftest_passes_here(sublim):
    code, out, _ = sublim("selftest", "--json")
    assert code == 0
    assert json.loads(out)["passed"]
