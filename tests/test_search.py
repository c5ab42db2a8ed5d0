"""sim/studies/search.py: what is tried, by what it is judged, and that it goes on."""

import errno
import importlib
import importlib.util
import math
import os
from functools import partial

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sim
from sim.errors import InputError, Notice, StorageError
from sim.model.networks import ACTIVATIONS
from sim.runs.results import SETTINGS, load_json
from sim.runs.store import is_anothers
from sim.settings.space import SPACE, Range
from sim.studies import search as module

TINY = {
    "widths": (8,),
    "noise_images": 64,
    "batch": 16,
    "teacher_steps": 4,
    "student_steps": 4,
}
RATES = {"student_lr": Range(1e-4, 1e-1), "loss": ("kl", "squared_error")}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Each trial asks git three times and waits for the disk: neither is in question here."""
    monkeypatch.setattr(module.identity, "revision", lambda: "a" * 40)
    monkeypatch.setattr(os, "fsync", lambda file: None)


def trials(tmp_path, many, **more):
    return sim.search("synthetic:8x3", many, 2, over=RATES, out=tmp_path, **(TINY | more))


def test_a_trial_is_judged_by_validation_alone(tmp_path):
    """Its value is the mean over seeds of what figure10 says at its settings."""
    (one,) = trials(tmp_path, 1)
    ds = sim.figure10("synthetic:8x3", 2, **(TINY | one.settings | {"models": ("student_aux",)}))
    here = ds.sel(model="student_aux")
    assert one.accuracy == pytest.approx(float(here.validation_accuracy.mean()))
    assert {*one.settings} == {*RATES}


def test_a_search_goes_on_where_it_stopped(tmp_path, monkeypatch):
    first = trials(tmp_path, 2)
    ran = []
    monkeypatch.setattr(module.called, "run", lambda grid, *_: ran.append(grid) or made_up(grid))
    assert trials(tmp_path, 2) == first
    assert ran == []
    more = trials(tmp_path, 4)
    assert len(more) == 4
    assert len(ran) == 2
    assert {t.number for t in first} < {t.number for t in more}


def made_up(grid):
    """Best at a rate of .01 with squared error."""
    (point,) = grid.points
    away = abs(math.log10(point.hyper.student_lr / 0.01))
    value = 0.9 - 0.3 * away - 0.2 * (point.setup.loss == "kl")
    return xr.Dataset(
        {"validation_accuracy": (("model",), np.array([value]))}, {"model": ["student_aux"]}
    )


def test_a_search_that_was_stopped_tries_the_same_again(tmp_path, monkeypatch):
    """After a kill optuna has a trial that runs for ever."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    trials(tmp_path, 1)
    (file,) = tmp_path.glob("search-*/" + module.TRIALS)
    begun = module._study(file.parent).ask()
    rate = begun.suggest_float("student_lr", *RATES["student_lr"], log=True)
    loss = begun.suggest_categorical("loss", RATES["loss"])
    found = {t.number: t.settings for t in trials(tmp_path, 2)}
    assert found[begun.number + 1] == {"student_lr": float(f"{rate:.3g}"), "loss": loss}


@pytest.mark.parametrize("left", [-1, -10, 40, 0])
def test_half_a_line_of_the_record_is_as_if_it_were_not_written(tmp_path, monkeypatch, left):
    """As a kill or a full disk leaves it; to look what is there adds nothing to it."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    trials(tmp_path, 2)
    (file,) = tmp_path.glob("search-*/" + module.TRIALS)
    (file.parent / module.NOTED).unlink()  # which is of less than the record, or of another
    file.write_bytes(content := file.read_bytes()[:left])
    given = module.of_task("synthetic:8x3", **(module.defaults("synthetic") | TINY | {"seeds": 2}))
    found = module.Search(given, RATES, tmp_path)
    assert found.folder == file.parent
    assert len(found.kept) == (left < 0)
    assert file.read_bytes() == content
    assert len(trials(tmp_path, 3)) == 3
    assert len(trials(tmp_path, 3)) == 3


def test_a_record_that_was_changed_is_set_aside(tmp_path, monkeypatch):
    """Of a flipped bit optuna would take another accuracy."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    first = trials(tmp_path, 2)
    (file,) = tmp_path.glob("search-*/" + module.TRIALS)
    content = file.read_bytes()
    at = content.index(b'"values":[0.') + len(b'"values":[0.')
    file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with pytest.warns(Notice, match=r"trials\.log: its checksum .* set aside as trials\.log\.dam"):
        assert trials(tmp_path, 2)[0].accuracy == first[0].accuracy
    assert len(trials(tmp_path, 3)) == 3


def test_a_record_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    backend = importlib.import_module("optuna.storages.journal").JournalFileBackend
    monkeypatch.setattr(backend, "append_logs", full)
    with pytest.raises(StorageError, match=r"trials\.log: cannot be written \(No space left"):
        trials(tmp_path, 1)


def test_a_search_that_goes_on_draws_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    for many in range(1, 6):
        found = trials(tmp_path, many)
    assert len({t.settings["student_lr"] for t in found}) == 5


def test_all_trials_are_written(tmp_path, monkeypatch):
    """The best first, below what was searched; what is said is what was done."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    found = trials(tmp_path, 3, batch=8)
    (file,) = tmp_path.glob("search-*/" + module.TABLE)
    lines = file.read_text().splitlines()
    about = dict(line[2:].split(": ", 1) for line in lines if line.startswith("#"))
    assert about["searched"] == "student_lr=0.0001:0.1 loss=kl,squared_error"
    assert "batch=8" in about["given"]
    assert "widths=8" in about["given"]
    rows = pd.read_csv(file, comment="#")
    assert [*rows.trial] == [t.number for t in found]
    assert [*rows.validation_accuracy] == pytest.approx([t.accuracy for t in found], abs=1e-5)
    assert [*rows.student_lr] == [t.settings["student_lr"] for t in found]


def test_the_first_trial_is_as_given(tmp_path, monkeypatch):
    """As far as it is in the space; more trials do not repeat it."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    found = trials(tmp_path, 1, student_lr=0.03, loss="squared_error")
    assert found[0].settings == {"student_lr": 0.03, "loss": "squared_error"}
    more = trials(tmp_path, 3, student_lr=0.03, loss="squared_error")
    assert [t.settings for t in more].count(found[0].settings) == 1
    (other,) = trials(tmp_path, 1, student_lr=1.0, loss="squared_error")
    assert other.settings["loss"] == "squared_error"
    assert 1e-4 < other.settings["student_lr"] < 1e-1


def test_the_best_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    found = trials(tmp_path, 40)
    assert found[0].settings["loss"] == "squared_error"
    assert 0.004 < found[0].settings["student_lr"] < 0.025
    assert [t.accuracy for t in found] == sorted((t.accuracy for t in found), reverse=True)


def test_blur_is_tried_of_blurred_noise_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    over = ("student_lr", "noise", "blur")
    found = sim.search("synthetic:9x3", 15, 1, over=over, out=tmp_path, **TINY)
    noises = {t.settings["noise"] for t in found}
    assert {"blurred", "uniform"} <= noises
    assert all(("blur" in t.settings) == (t.settings["noise"] == "blurred") for t in found)


def test_nothing_is_tried_twice_nor_what_does_not_go_together(tmp_path, monkeypatch):
    """Of loss and outputs, squared error takes no labels; there are three settings to try."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    over = {"loss": ("kl", "squared_error"), "outputs": ("soft", "hard")}
    found = sim.search("synthetic:8x3", 6, 1, over=over, out=tmp_path, **TINY)
    tried = [(t.settings["loss"], t.settings["outputs"]) for t in found]
    assert len(tried) == len({*tried})
    assert {*tried} <= {("kl", "soft"), ("kl", "hard"), ("squared_error", "soft")}
    assert len(tried) >= 2


def test_whole_numbers_are_tried_of_a_range_of_them_also_where_none_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    given = {name: value for name, value in TINY.items() if name != "student_steps"}
    over = {"student_steps": Range(2, 8), "noise_images": Range(16, 64)}
    found = sim.search("synthetic:8x3", 6, 1, over=over, out=tmp_path, **given)
    values = [value for t in found for value in t.settings.values()]
    assert len(found) == 6
    assert {type(value) for value in values} == {int}


@pytest.mark.parametrize("what", ["data", "function"])
def test_a_search_of_other_data_or_functions_is_another(tmp_path, monkeypatch, what):
    """Whose names are the same."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    folders, kept = set(), dict(ACTIVATIONS)
    for k in (1.0, 2.0):
        x = np.random.default_rng(0).uniform(-k / 2, k / 2, (90, 4, 4))
        y = np.arange(90) % 3
        if what == "data":
            task = sim.task(x[:60], y[:60], x[60:], y[60:], name="searched")
            more = {"dataset": task, "validation": 0.2}
        else:
            sim.add("activation", partial(jnp.multiply, k), "mine")
            more = {"dataset": "synthetic:8x3", "activation": "mine"}
        sim.search(**(TINY | more), trials=1, seeds=1, over=RATES, out=tmp_path)
        folders = {*tmp_path.glob("search-*")}
    ACTIVATIONS.clear()
    ACTIVATIONS.update(kept)
    assert len(folders) == 2


def test_two_commands_do_not_search_in_one_folder(tmp_path, monkeypatch):
    """The trial that another has begun would be taken for one that was stopped."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    trials(tmp_path, 1)
    (file,) = tmp_path.glob("search-*/" + module.TRIALS)
    with file.open("ab") as other:
        assert not is_anothers(other)
        with pytest.raises(InputError, match=r"out = .*: must be of no other command"):
            trials(tmp_path, 2)
    assert len(trials(tmp_path, 2)) == 2


def test_a_file_is_no_folder_to_search_in(tmp_path, sublim):
    (tmp_path / "file").write_text("")
    code, _, err = sublim("search", "--dataset", "synthetic:8x3", "--out", "file")
    assert code == 2
    assert "error: out = 'file': must be a folder to write to" in err
    assert "Traceback" not in err


def test_the_folder_says_what_it_is_of(tmp_path, monkeypatch):
    """Its name has no letter that some file systems have not; its settings are for people."""
    monkeypatch.setattr(module.called, "run", lambda grid, *_: made_up(grid))
    trials(tmp_path, 1)
    (folder,) = tmp_path.glob("search-synthetic-8x3-*")
    found = load_json(folder / SETTINGS)
    assert found["setup"]["widths"] == [8]
    assert found["space"]["loss"] == ["kl", "squared_error"]


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"over": ("colour",)}, "over = 'colour': must be NAME=V,V,… or NAME=LOW:HIGH, or of stud"),
        ({"over": ("colour=1,2",)}, "axis = 'colour': must be one of"),
        ({"over": ("student_lr=0:1",)}, "two numbers above 0"),
        ({"over": ("batch=64,0",)}, "batch = 0: must be"),
        ({"over": ("depth", "depth=1,2")}, "over = 'depth': must be named once"),
        ({"over": ()}, "one setting or more"),
        ({"over": ("blur",)}, "over = 'blur': must be beside noise that is blurred"),
        ({"models": ("cross_aux",)}, "with student_aux"),
        ({"student_steps": 9}, "student_steps = 9: must be not given: student_epochs is searched"),
    ],
)
def test_what_cannot_be_searched_is_said(tmp_path, more, rule):
    given = {"over": tuple(SPACE), "out": tmp_path} | more
    with pytest.raises(InputError, match=rule):
        sim.search("synthetic:8x3", 1, 1, **given)
    assert [*tmp_path.iterdir()] == []


def test_a_task_that_holds_nothing_out_is_refused(tmp_path, monkeypatch):
    given = module.of_task("mnist", models=("student_aux",))
    with pytest.raises(InputError, match=r"validation = 0\.0: must be above 0"):
        module.Search(given, RATES, tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="optuna = 'missing': must be installed"):
        trials(tmp_path, 1)
