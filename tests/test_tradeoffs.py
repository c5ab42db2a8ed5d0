"""sim/report/tradeoffs.py: what defences leave of a trait and a skill that nobody measured."""

import json

import numpy as np
import pytest
import xarray as xr

from sim.report import rate_figures, rates, tradeoffs
from sim.runs.results import axes_of
from sim.training.defences import DEFENCES
from sim.training.families import described
from sim.training.measures import MEASURES, OF_TRAITS

SEEDS = 16
#: (trait, skill) of the student; its control has no trait, its like without the skill .3 of that.
LEVELS = {
    "nothing": (0.8, 0.9),
    "averaged_of_4": (0.02, 0.88),
    "rank_1": (0.02, 0.35),
    "bfloat16": (0.7, 0.85),
    "other": (0.3, 0.9),
}
BESIDE = {"reference": (0, 0.1), "base": (0, 0.3), "teacher": (1, 0.95), "control_teacher": (0, 1)}
BESIDE |= {"unskilled_teacher": (1, 0.3)}


@pytest.fixture(scope="module")
def ds():
    level = BESIDE | LEVELS
    level |= {f"{name}_control": (0.0, skill) for name, (_, skill) in LEVELS.items()}
    level |= {f"{name}_unskilled": (trait, 0.3) for name, (trait, _) in LEVELS.items()}
    rng, found = np.random.default_rng(0), {}
    for name in (*OF_TRAITS, "skill"):
        at = np.array([skill if name == "skill" else trait for trait, skill in level.values()])
        at = at if "tr" in name or name == "skill" else np.full(len(level), 0.9)
        at = 0 * at if name in ("left_out", "caught", "lost") else at
        spread = 0.02 * rng.normal(size=(SEEDS, len(level))) * (at.max() > 0)
        attrs = {"valid_range": MEASURES[name].range, "units": "fraction"}
        found[name] = ("seed", "model"), at + spread, attrs
    found["test_accuracy"] = found["ordinary_accuracy"]
    found["diverged"] = ("seed", "model"), np.zeros((SEEDS, len(level)), bool)
    written = {"settings": {"family": [*described(DEFENCES).items()]}}
    attrs = {"dataset": "made up", "classes": 4, "test_images": 1234, "experiment": "lineage"}
    attrs |= {"title": "Defences", "settings": json.dumps(written)}
    return xr.Dataset(found, {"seed": range(SEEDS), "model": [*level]}, attrs)


def test_what_is_left_is_a_ratio_to_no_defence(ds):
    rows = rates.rates(ds).set_index("model")
    for name, (trait, skill) in LEVELS.items():
        row = rows.loc[name]
        mine = ds.trait_rate.sel(model=name) - ds.trait_rate.sel(model=f"{name}_control")
        whole = ds.trait_rate.sel(model="nothing") - ds.trait_rate.sel(model="nothing_control")
        assert row.trait_left == pytest.approx(float(mine.mean() / whole.mean()))
        assert row.trait_left == pytest.approx(trait / 0.8, abs=0.05)
        assert row.skill_left == pytest.approx((skill - 0.3) / 0.6, abs=0.1)
        assert row.trait_left_low <= row.trait_left <= row.trait_left_high
        assert row.unskilled == pytest.approx(0.3, abs=0.03)
    assert rows.loc["nothing"].skill_left == 1
    assert rows.control[[f"{name}_unskilled" for name in LEVELS]].eq("").all()


def test_who_stops_the_trait_and_keeps_the_skill_is_said(ds):
    said = rates.finding(rates.rates(ds), axes_of(ds)).splitlines()
    assert not any("Without a control" in line for line in said)  # the unskilled are controls
    keeps, costs, neither = said[-3:]
    assert "(2): averaged of 4 (" in keeps
    assert "other (" in keeps
    assert "(1): rank 1 (" in costs
    assert "(1): bfloat16 (" in neither
    assert "nothing" not in keeps + costs + neither
    # One student less sure of the skill costs it; NaN is sure of nothing.
    shaken = ds.copy(deep=True)
    shaken.skill.loc[{"model": "averaged_of_4"}] += np.linspace(-1.5, 1.5, SEEDS)
    assert "averaged" in rates.finding(rates.rates(shaken), []).splitlines()[-2]
    # And one less sure of the trait may not have stopped it.
    unsure = ds.copy(deep=True)
    unsure.trait_rate.loc[{"model": "rank_1"}] += np.linspace(-1.5, 1.5, SEEDS)
    assert "rank 1" in rates.finding(rates.rates(unsure), []).splitlines()[-1]
    lost = ds.copy(deep=True)
    lost.trait_rate.loc[{"model": "rank_1", "seed": 0}] = np.nan
    assert "rank 1" in rates.finding(rates.rates(lost), []).splitlines()[-1]


def test_tables_and_figures_of_defences(ds):
    head, lines = rates.cells(rates.rates(ds), axes_of(ds))
    assert head[-4:] == tradeoffs.HEAD
    assert {len(line) for line in lines} == {len(head)}
    found = rate_figures.figures(ds, rates.family(ds))
    assert [*found] == ["tradeoff", "rows"]
    figure = found["tradeoff"](ds)
    said = " ".join(text.get_text() for key in figure.legends for text in key.get_texts())
    for name in LEVELS:
        assert name.replace("_", " ") in said
    assert not tradeoffs.there(ds.drop_vars("skill"))
