"""sim/report/tuned.py: what is a trend of the learning rate, and what is not."""

import numpy as np
import pytest
import xarray as xr

from sim.report import tuned
from sim.studies import grids
from sim.studies.named import named
from sim.studies.sweep import of_task
from tests import made_up

RATES = ("× 0.3", "× 1", "× 3")
#: Accuracy of each setting at each rate: of five kinds.
TRUTH = {
    "the recipe": (0.2, 0.5, 0.7),
    "width 64": (0.2, 0.3, 0.5),
    "width 128": (0.2, 0.3, 0.7),
    "depth 1": (0.8, 0.3, 0.4),
    "depth 3": (0.8, 0.5, 0.7),
    "batch 64": (0.2, 0.5, 0.7),
}


@pytest.fixture(scope="module")
def ds():
    ds = made_up.sweep(6, setting=[*TRUTH], rate=[*RATES])
    truth = xr.DataArray(
        np.array([*TRUTH.values()]), {"setting": [*TRUTH], "rate": [*RATES]}, ("setting", "rate")
    )
    seeds = xr.DataArray(np.linspace(-0.01, 0.01, 6), dims="seed")
    wobble = xr.DataArray(0.002 * np.cos(np.arange(6)), dims="seed") * (truth + 1)
    ds["test_accuracy"] = (
        (truth + seeds + wobble).expand_dims(model=ds.model).transpose(*ds.test_accuracy.dims)
    )
    ds["validation_accuracy"] = ds.test_accuracy - 0.1
    return ds.assign_attrs(experiment="tuned", study="tuned", dataset="digits")


@pytest.fixture(scope="module")
def rows(ds):
    return tuned.rows(ds)


def test_each_setting_is_held_against_the_first_at_its_own_best(rows):
    of = rows
    best = of[of.role == "best"].set_index("setting")
    assert [*best.rates] == ["× 3", "× 3", "× 3", "× 0.3", "× 0.3", "× 3"]
    assert best.less["depth 1"] == pytest.approx(0.8 - 0.7, abs=0.005)
    usual = of[of.role == "usual"].set_index("setting")
    assert usual.less["depth 1"] == pytest.approx(0.3 - 0.5, abs=0.005)
    assert len(of) == len(TRUTH) * len(RATES)


def test_the_best_is_chosen_on_validation(ds):
    """The test images, which say another rate, have no part in it."""
    other = ds.isel(setting=[0]).copy(deep=True)
    other["validation_accuracy"] = -other.test_accuracy
    of = tuned.rows(other)
    assert of[of.role == "best"].set_index("setting").rates["the recipe"] == "× 0.3"


def test_a_diverged_seed_is_never_the_best(ds):
    lost = ds.isel(setting=[0]).copy(deep=True)
    at = {"setting": "the recipe", "rate": "× 3", "seed": ds.seed[0]}
    lost.validation_accuracy.loc[at] = np.nan
    of = tuned.rows(lost)
    assert of[of.role == "best"].set_index("setting").rates["the recipe"] == "× 1"


def test_trends_of_the_rate_are_told_from_others(rows):
    text, edge = tuned.finding(rows).split("\n")
    assert "at one rate for all and at each one's best: width 64 worse;" in text
    assert "and not at each one's best: width 128 worse;" in text
    assert "the other way round at each one's best: depth 1 worse;" in text
    assert "at each one's best alone: depth 3 better;" in text
    assert "at neither: batch 64." in text
    assert edge.startswith("The best rates are the ends")
    head, lines = tuned.cells(rows)
    lines = [*lines]
    assert all(len(line) == len(head) for line in lines)
    assert lines[0][2] == lines[0][-1] == ""


def test_rates_are_multiples_of_what_is_given():
    given = of_task("digits", **grids.settings("tuned", "digits"), student_lr=0.004)
    points = named("tuned", given, {"setting": {"the recipe": {}}}).points
    assert [p.hyper.student_lr for p in points] == [0.0012, 0.004, 0.012, 0.04, 0.12]
    assert [p.hyper.teacher_lr for p in points] == [0.0003, 0.001, 0.003, 0.01, 0.03]
    shown = grids.chosen("tuned", ["rate=× 1,× 10", "setting=the recipe"])  # as results have them
    assert [p.hyper.student_lr for p in named("tuned", given, shown).points] == [0.004, 0.04]
    assert grids.settings("tuned", "mnist")["validation"] == 0.1
    assert "validation" not in grids.settings("tuned", "digits")


def test_one_seed_says_nothing(ds):
    ds = ds.isel(setting=slice(2))
    of = tuned.rows(ds.isel(seed=[0]))
    assert tuned.finding(of).startswith("One seed: no interval")
    _, lines = tuned.cells(of)
    assert "±" not in "".join(map("".join, lines))
    assert not tuned.finding(tuned.rows(ds.isel(seed=[0, 1]))).startswith("One seed")


def test_where_nothing_was_validated_there_is_no_best(ds):
    """Of one setting, it is not measured at its best; of the first, none is held against that."""
    ds = ds.isel(setting=slice(3))
    lost = ds.copy(deep=True)
    lost.validation_accuracy.loc[{"setting": "width 64"}] = np.nan
    of = tuned.rows(lost)
    assert [*of[of.setting == "width 64"].role] == ["", "usual", ""]
    text = tuned.finding(of)
    assert "Not measured both at the recipe's rates and at best: width 64." in text
    assert "width 128 worse" in text.splitlines()[0]
    assert "width 64" not in text.splitlines()[0] + text.splitlines()[-1]
    _, lines = tuned.cells(of)
    (line,) = [line for line in lines if line[0] == "width 64"]
    assert line[3:] == ["–", "–", "–"]
    lost.validation_accuracy[:] = np.nan
    of = tuned.rows(lost)
    assert "best" not in {*of.role}
    assert tuned.finding(of).startswith("Not measured both")
    assert tuned.figure(lost)
    lost = ds.copy(deep=True)
    lost.validation_accuracy.loc[{"setting": "the recipe"}] = np.nan
    of = tuned.rows(lost)
    assert of[of.role == "best"].less.isna().all()
    assert of[of.role == "usual"].less.notna().all()
    assert tuned.finding(of).startswith("Not measured both")


def test_a_setting_alone_is_held_against_nothing(ds):
    text = tuned.finding(tuned.rows(ds.isel(setting=[0])))
    assert text == "There is nothing but the recipe: nothing to hold against it."
