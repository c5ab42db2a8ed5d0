"""sim/runs/decompose.py: sums of squares by hand; and how a factorial is shown."""

import importlib.util
import re
from io import StringIO

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sim.errors import InputError
from sim.report import factorial
from sim.runs.decompose import REST, SEEDS, decompose
from sim.studies import grids
from tests import made_up


def values(shape, seeds, of, noise=0.0, rng=0):
    """A factorial over a, b, c …, with what `of` gives at a place."""
    names = "abcdefg"[: len(shape)]
    draw = np.random.default_rng(rng)
    y = np.array([[of(*at)] * seeds for at in np.ndindex(*shape)], float)
    y += noise * draw.normal(size=y.shape) + 0.01 * draw.normal(size=seeds)
    return xr.DataArray(y.reshape(*shape, seeds), dims=(*names, "seed"))


def test_sums_of_squares_by_hand():
    """Of marginal means: n Σ (ȳ − ȳ..)² for a term alone, less its parts for two together."""
    y = values((2, 3, 2), 4, lambda a, b, c: a + 0.3 * b * c, noise=0.5)
    found = decompose(y).set_index("term")
    grand, total = float(y.mean()), float(((y - y.mean()) ** 2).sum())
    alone = {}
    for axis in "abc":
        mean = y.mean([d for d in y.dims if d != axis])
        alone[axis] = float(((mean - grand) ** 2).sum()) * y.size / y.sizes[axis]
        assert found.share[axis] == pytest.approx(alone[axis] / total, rel=1e-9)
    mean = y.mean(["a", "seed"])
    both = float(((mean - grand) ** 2).sum()) * y.size / mean.size
    pair = both - alone["b"] - alone["c"]
    assert found.share["b × c"] == pytest.approx(pair / total, rel=1e-9)
    per_seed = float(((y.mean(["a", "b", "c"]) - grand) ** 2).sum()) * 12
    assert found.share[SEEDS] == pytest.approx(per_seed / total, rel=1e-9)
    assert found.share.sum() == pytest.approx(1)
    assert found.df["b × c"] == 2
    assert found.df["a × b × c"] == 2
    assert [*found.order] == [1, 1, 1, 2, 2, 2, 3, 0, 0]


def test_one_setting_alone_takes_all():
    found = decompose(values((2, 4), 5, lambda a, b: 0.5 * a)).set_index("term")
    assert found.share["a"] > 0.99
    assert found.low["a"] <= found.share["a"] <= found.high["a"]
    assert (found.drop(index="a").share < 0.01).all()


def test_what_only_works_together_is_no_main_effect():
    found = decompose(values((2, 2), 5, lambda a, b: float(a == b))).set_index("term")
    assert found.share["a × b"] > 0.99
    assert found.share["a"] + found.share["b"] < 1e-6


def test_more_settings_than_the_order_are_left_over():
    of = lambda a, b, c: float((a + b + c) % 2)  # noqa: E731 - three at once, no less
    found = decompose(values((2, 2, 2), 3, of), order=2).set_index("term")
    assert found.share[REST] > 0.99
    assert decompose(values((2, 2, 2), 3, of)).set_index("term").share["a × b × c"] > 0.99


@pytest.mark.slow
def test_the_interval_covers_the_share():
    """Of 20 factorials, few intervals miss the share that seeds without end would have."""
    effect, noise = 0.2, 0.2
    truth = effect**2 / 4 / (effect**2 / 4 + noise**2 + 0.01**2)
    missed = 0
    for rng in range(20):
        y = values((2, 2), 12, lambda a, b: effect * a, noise=noise, rng=rng)
        found = decompose(y).set_index("term")
        missed += not found.low["a"] <= truth <= found.high["a"]
    assert missed <= 1 + 4 * (20 * 0.05 * 0.95) ** 0.5


def test_a_missing_value_or_library_is_said(monkeypatch):
    y = values((2, 2), 3, lambda a, b: float(a))
    with pytest.raises(InputError, match="values = 'NaN': must be numbers"):
        decompose(y.where(y.a > 0))
    seeds = y.isel({dim: 0 for dim in y.dims if dim != "seed"})
    for wrong, rule in (
        (y.where(y.a > 0, np.inf), "values = 'inf': must be finite"),
        (seeds, "dimensions = ['seed']: must be one axis or more, and seed"),
        (y.isel(seed=0), "must be one axis or more, and seed"),
        (y.isel(seed=[]), "none of them empty"),
        (y.values, "dimensions = []: must be one axis"),
    ):
        with pytest.raises(InputError, match=re.escape(rule)):
            decompose(wrong)
    with pytest.raises(InputError, match="order = 0: must be a positive whole number"):
        decompose(y, order=0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="statsmodels = 'missing': must be installed"):
        decompose(y)


def test_two_seeds_have_no_interval_of_what_is_between_seeds():
    """Without one of them there is one, and its share is 0 whichever it is: no spread is known."""
    for seeds in (2, 3):
        y = values((2, 3), seeds, lambda a, b: 0.1 * a, noise=0.3)
        found = decompose(y).set_index("term")
        rest = found.loc[[SEEDS, REST]]
        assert rest[["low", "high"]].notna().all(axis=None) == (seeds == 3)
        assert rest[["low", "high"]].isna().all(axis=None) == (seeds == 2)
        assert found.drop(index=[SEEDS, REST])[["low", "high"]].notna().all(axis=None)


@pytest.mark.parametrize(("apart", "known"), [(0.0, False), (1e-16, False), (1e-9, True)])
def test_what_does_not_vary_has_no_shares(apart, known):
    y = xr.DataArray(np.full((2, 2, 3), 0.1), dims=("a", "b", "seed"))
    y = y + apart * xr.DataArray([1.0, -1.0], dims="a")
    found = decompose(y)
    for column in ("share", "low", "high"):
        assert found[column].notna().all() == known
        assert found[column].isna().all() != known
    if known:
        assert found.set_index("term").share["a"] == pytest.approx(1, abs=1e-6)


def test_a_factorial_of_one_number_says_so(ds):
    same = ds.assign(test_accuracy=0 * ds.test_accuracy + 0.1)
    of = factorial.rows(same)
    assert factorial.finding(of).startswith("All accuracies are the same")
    _, lines = factorial.shares(of)
    assert {line[1] for line in lines} == {"–"}


@pytest.fixture(scope="module")
def ds():
    axes = grids.module("factorial").AXES
    ds = made_up.sweep(3, **{name: [*map(str, of)] for name, of in axes.items()})
    on = xr.where(ds.noise_on == "[0, 1]", 0.12, 0.5)
    jitter = np.random.default_rng(0).normal(0, 0.01, ds.test_accuracy.shape)
    ds["test_accuracy"] = (xr.zeros_like(ds.test_accuracy) + on + jitter).transpose(
        *ds.test_accuracy.dims
    )
    return ds.assign_attrs(experiment="factorial", study="factorial", dataset="digits")


def test_one_seed_has_no_interval():
    found = decompose(values((2, 2), 1, lambda a, b: float(a)))
    assert found.low.isna().all()
    assert found.set_index("term").share[SEEDS] == 0


def test_a_factorial_is_shown(ds):
    of = factorial.rows(ds)
    assert {*of.what} == {"share", "level"}
    text = factorial.finding(of)
    assert "Named settings explain" in text
    assert text.split("Most: ")[1].startswith("range of inputs 9")
    _, lines = factorial.shares(of)
    assert next(iter(lines))[0] == "range of inputs"
    _, lines = factorial.levels(of)
    assert len([*lines]) == sum(ds.sizes[axis] for axis in grids.module("factorial").AXES)
    level = of[(of.what == "level") & (of.level == "[0, 1]")].iloc[0]
    assert level.low <= 0.12 <= level.high
    again = pd.read_csv(StringIO(of.to_csv(index=False)), keep_default_na=False)
    assert len(again) == len(of)


SOME = ("--axis", "noise_on=[0, 1]", "--axis", "init=uniform,he_normal", "--axis", "batch=64")


@pytest.mark.slow
def test_a_study_of_some_values_as_a_command(sublim, tmp_path):
    code, out, _ = sublim("study", "factorial", *SOME, "--dry-run", "--out", tmp_path)
    assert code == 0
    assert "To do: 32 points" in out


def test_a_study_of_some_values_alone():
    """By label, of cases; a label may have a comma of its own."""
    found = grids.chosen("factorial", SOME[1::2])
    assert {name: [*of] for name, of in found.items()} == {
        "noise_on": ["[0, 1]"],
        "init": ["uniform", "he_normal"],
        "batch": [64],
    }
    both = ["noise_on=[−1, 1]", "noise_on=[0, 1]"]  # one by one
    assert grids.chosen("factorial", both) == {
        "noise_on": grids.module("factorial").AXES["noise_on"]
    }


@pytest.mark.parametrize(
    ("axes", "rule"),
    [
        (["inputs=old"], "inputs = 'old': must be of one set; fresh"),
        (["colour=1"], "axis = 'colour': must be of the study: noise_on, "),
        (["batch=1", "batch=2"], "axis = 'batch': must be named once"),
        (["noise_on=[0, 1],[−1, 1]"], "noise_on = '[0': must be of"),
    ],
)
def test_values_that_a_study_has_not(axes, rule):
    with pytest.raises(InputError, match=re.escape(rule)):
        grids.chosen("factorial", axes)
