"""sim/runs/forecast.py, sim/report/prediction.py: forecasts, on numbers with a known answer."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from sim import terminal
from sim.report import prediction
from sim.report.sheet import Drawing
from sim.runs import results
from sim.runs.forecast import held_out, rank_correlation, ranks
from sim.training.measures import MEASURES
from tests.texts import overlapping

RNG = np.random.default_rng(0)
N = 120


def test_rank_correlation_is_spearmans():
    x = RNG.integers(0, 20, N).astype(float)  # with ties
    y = x + RNG.normal(size=N) * 5
    found = rank_correlation(x, y)
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    often = RNG.integers(0, 4, (5, N))
    for many, rank in zip(often, ranks(x, often), strict=True):
        written_out = stats.rankdata(np.repeat(x, many)) - 1
        np.testing.assert_allclose(np.repeat(rank, many), written_out)
    assert found.low < found.value < found.high
    assert rank_correlation(x, np.exp(x)).value == pytest.approx(1)
    assert np.isnan(rank_correlation(x, np.ones(N)).value)


def test_the_interval_of_a_rank_correlation_covers():
    """Of 30 samples of independent numbers at least 25 have 0 in the interval: 28.5 expected."""
    rng, held = np.random.default_rng(1), 0
    for _ in range(30):
        found = rank_correlation(rng.normal(size=40), rng.normal(size=40))
        held += found.low <= 0 <= found.high
    assert held >= 25  # 28.5 ± 1.2


def test_held_out_r2_limits():
    X = RNG.normal(size=(N, 3))
    exact, foretold = held_out(X, X @ [1.0, -2.0, 0.5] + 3)
    assert exact.value == pytest.approx(1)
    np.testing.assert_allclose(foretold, X @ [1.0, -2.0, 0.5] + 3)
    nothing, _ = held_out(X, RNG.normal(size=N))
    assert nothing.value < 0.1
    noisy, _ = held_out(X, X[:, 0] + RNG.normal(size=N))
    assert 0.3 < noisy.value < 0.7  # half of the variance
    assert noisy.low < noisy.value < noisy.high


def test_a_setting_is_foretold_from_others_alone():
    """A single point off the line is missed: in its own fit it would be met."""
    X = np.eye(N)[:, :1] * 1.0  # 1 at the first setting alone
    y = X[:, 0] * 10
    _, foretold = held_out(X, y)
    assert foretold[0] == pytest.approx(0, abs=1e-9)


def test_rows_of_a_setting_are_one_setting():
    """Held out together, or one would be foretold from the other; and drawn together."""
    x, y = RNG.normal(size=(2, 30))
    twice, settings = np.repeat(np.eye(30), 2, axis=0), np.repeat(np.arange(30) * 7, 2)
    assert held_out(twice, np.repeat(y, 2))[0].value > 0.5
    assert held_out(twice, np.repeat(y, 2), settings)[0].value < 0.1
    found = rank_correlation(np.repeat(x, 2), np.repeat(y, 2), settings)
    np.testing.assert_allclose(found, rank_correlation(x, y))


@pytest.mark.parametrize("same", [0.0, 0.1, 0.3, 1 / 3])
@pytest.mark.filterwarnings("error")
def test_nothing_is_foretold_of_what_does_not_vary(same):
    """R² of rounding was -2.0 [-2.75, -1.25] for .3."""
    found, foretold = held_out(RNG.normal(size=(12, 1)), np.full(12, same))
    assert np.isnan(found).all()
    np.testing.assert_allclose(foretold, same, atol=1e-15)


@pytest.fixture
def rows():
    """Of the same start, coverage foretells all; of another, nothing does."""
    found = []
    for k in range(60):
        for who in prediction.WHO:
            row = {"aux": k, "model": who, "final_half_width": 0.01, "n": 8, "diverged": 0}
            row |= {f"first_{name}": RNG.normal() for name in prediction.PREDICTORS}
            row["final"] = row["first_coverage"] if who == "student" else RNG.normal()
            found.append(row)
    return pd.DataFrame(found)


def test_findings_name_what_foretells(rows):
    table = prediction.forecasts(rows)
    text = prediction.finding(rows, table)
    first, second, *_ = text.splitlines()
    assert "rank is foretold by coverage (1.00" in first
    assert "coverage" not in second
    assert table[("coverage", "student")][1].value == pytest.approx(1)
    assert table[("all of them", "other")][1].value < 0.2
    head, lines = prediction.cells(table)
    assert {len(line) for line in lines} == {len(head)}


def test_what_is_no_number_counts_for_its_own_predictor_alone(rows):
    """Coverage of 20 settings is none: over 40 it foretells as before, others over all 60."""
    rows.loc[rows.aux < 20, "first_coverage"] = np.nan
    table = prediction.forecasts(rows)
    for name, n in (("coverage", 40), ("update_cosine", 60), ("all of them", 40)):
        assert table[(name, "student")].n == n
        assert table[(name, "both")].n == n  # with two students each
    assert table[("coverage", "student")].rank.value == pytest.approx(1)
    head, lines = prediction.cells(table)
    settings = {line[0]: line[head.index("settings")] for line in lines}
    assert settings["coverage"] == settings["all of them"] == "40, 40, 40"
    assert settings["held out loss"] == "60, 60, 60"
    rows.loc[0, "first_held_out_loss"] = np.inf  # nor is what overflowed
    assert prediction.forecasts(rows)[("held_out_loss", "student")].n == 59
    rows["first_coverage"] = np.nan  # and where none was measured, a dash
    head, lines = prediction.cells(table := prediction.forecasts(rows))
    shown = {line[0]: line for line in lines}
    assert {*shown["coverage"][1:-1]} == {"–"}
    assert {len(line) for line in shown.values()} == {len(head)}
    assert "coverage" not in prediction.finding(rows, table)


def test_one_seed_has_no_half_width_and_is_foretold_all_the_same(rows):
    before = prediction.forecasts(rows)
    assert prediction.forecasts(rows.assign(final_half_width=np.nan)) == before
    none = prediction.forecasts(rows.assign(final=np.nan))
    assert none == {}
    assert "fewer than 3 settings" in prediction.finding(rows, none)


def test_resampled_is_as_written_out():
    """Each draw by itself, as scipy ranks it, with all rows of a setting at once."""
    x, y = RNG.integers(0, 9, (2, 30)).astype(float)
    settings = np.arange(30) // 2
    drawn = np.random.default_rng(0).integers(0, 15, (500, 15))
    each = [np.concatenate([np.flatnonzero(settings == k) for k in draw]) for draw in drawn]
    values = [stats.spearmanr(x[at], y[at]).statistic for at in each]
    found = rank_correlation(x, y, settings)
    np.testing.assert_allclose(found[1:], np.quantile(values, [0.025, 0.975]))


def test_a_sample_of_which_nothing_is_known_is_left_out():
    """Of these four settings two are at the mean of the rest: no spread, where they alone come."""
    y = np.array([0.0, 0.0, 2.0, -2.0])
    found, _ = held_out(np.ones((4, 1)), y)
    assert found.low <= found.value <= found.high


def test_it_is_drawn_with_a_point_for_each_setting(rows, tmp_path, monkeypatch):
    by = rows[rows.aux < 20].set_index(["aux", "model"]).to_xarray()
    noise = xr.DataArray(0.01 * RNG.normal(size=8), dims="seed")
    dims = ("aux", "seed", "model")
    rate = (by.final + noise).transpose(*dims)
    ds = xr.Dataset({"trait_rate": rate, "test_accuracy": rate, "diverged": rate < -np.inf})
    for name in prediction.PREDICTORS:
        first = (by[f"first_{name}"] + 0 * noise).expand_dims(step=[0]).transpose(*dims, "step")
        ds[MEASURES[name].path] = first**2 if name == "visible_fraction" else first
    ds = ds.assign_coords(seed=range(8))
    ds.attrs = {"dataset": "made up", "test_images": 1000, "title": "Made up", "study": "mine"}
    ds.attrs["experiment"] = "prediction"
    results.save(ds, tmp_path / results.RESULTS)
    drawn = []
    monkeypatch.setattr(Drawing, "savefig", lambda figure, *_, **__: drawn.append(figure))
    terminal.draw(ds, tmp_path, formats=["png"])
    (figure,) = drawn
    assert not overlapping(figure)  # as a command lays it out: labels were broken since
    foretold = [
        a for a in figure.axes if a.get_xlabel().startswith("foretold by all, held out: R²")
    ]
    assert len(foretold) == 2
    assert all("n = 20" in axes.get_xlabel() for axes in foretold)
    assert all(len(axes.lines[0].get_xdata()) == 20 for axes in foretold)
    table, _ = prediction.prediction(ds)
    assert "20 settings × 8 seeds" in table.title
    few = prediction.figure(ds.isel(aux=slice(2)))
    assert sum(a.get_xlabel().endswith("too few settings") for a in few.axes) == 2


def test_no_rank_is_known_of_what_is_no_number():
    x = RNG.normal(size=N)
    for a, b in ((np.append(x, np.nan), np.append(x, 1)), (np.append(x, 1), np.append(x, np.nan))):
        assert np.isnan(rank_correlation(a, b)).all()
    assert rank_correlation(x, x).value == pytest.approx(1)
