"""sim/runs/ratios.py: Fieller's interval against its quadratic, its t-test and its law."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sim.errors import InputError
from sim.runs.ratios import ratio
from sim.runs.statistics import summary


def pairs(n, sets, top=0.6, bottom=1.0, sd=(0.4, 0.5), r=0.7, seed=0):
    """Correlated normal pairs [set, seed]."""
    z, w = np.random.default_rng(seed).normal(size=(2, sets, n))
    x = top + sd[0] * (r * z + (1 - r**2) ** 0.5 * w)
    return tuple(xr.DataArray(v, dims=("set", "seed")) for v in (x, bottom + sd[1] * z))


def seeds(*values):
    return xr.DataArray(np.array(values, float), dims="seed")


@pytest.mark.parametrize("bottom", [1.0, -1.0, 0.3])
def test_it_solves_fiellers_quadratic(bottom):
    """Place by place, in its textbook form; n is 6, and correlations of each sign are there."""
    for r in (-0.9, 0.0, 0.9):
        tops, bottoms = pairs(6, 40, bottom=bottom, r=r)
        found = ratio(tops, bottoms)
        for at in range(40):
            x, y = tops[at].values, bottoms[at].values
            (xx, xy), (_, yy) = np.cov(x, y) / 6 * stats.t.ppf(0.975, 5) ** 2
            value, low, high, n = found.isel(set=at)
            assert (value, n) == (pytest.approx(x.mean() / y.mean()), 6)
            if y.mean() ** 2 <= yy:
                assert (low, high) == (-np.inf, np.inf)
                continue
            ends = np.roots(
                [y.mean() ** 2 - yy, -2 * (x.mean() * y.mean() - xy), x.mean() ** 2 - xx]
            )
            assert (low, high) == pytest.approx(tuple(sorted(ends.real)), rel=1e-6, abs=1e-8)


def test_it_inverts_the_paired_t_test():
    """At its ends p is .05; within p is more, beyond it less."""
    tops, bottoms = pairs(8, 50, bottom=1.5)
    found = ratio(tops, bottoms)

    def p(rho):
        return stats.ttest_rel(tops, rho.values[:, None] * bottoms, axis=-1).pvalue

    width = found.high - found.low
    for end in (found.low, found.high):
        np.testing.assert_allclose(p(end), 0.05, rtol=1e-6)
    for part in (0.01, 0.25, 0.5, 0.75, 0.99):
        assert (p(found.low + part * width) > 0.05).all()
    assert (p(found.low - 0.01 * width) < 0.05).all()
    assert (p(found.high + 0.01 * width) < 0.05).all()


@pytest.mark.parametrize("n", [8, 32])
@pytest.mark.parametrize("r", [-0.7, 0.7])
def test_coverage_is_nominal(n, r):
    """2,000 sets of n correlated pairs; within 3 standard errors of .95. Both tails are hit."""
    sets = 2000
    found = ratio(*pairs(n, sets, r=r))
    below, above = (found.high < 0.6).mean(), (found.low > 0.6).mean()
    assert abs(float(1 - below - above) - 0.95) < 3 * (0.95 * 0.05 / sets) ** 0.5
    # Where the denominator is clear of 0, as here: each tail has .025 or so.
    assert min(below, above) > 0.01


def test_a_denominator_that_may_be_0_bounds_nothing():
    """It is the whole line just where a t-test lets the denominator be 0: 95 % of the time."""
    tops, bottoms = pairs(8, 2000, bottom=0.0)
    value, low, high, _ = ratio(tops, bottoms)
    may_be_0 = stats.ttest_1samp(bottoms, 0, axis=-1).pvalue >= 0.05
    assert abs(may_be_0.mean() - 0.95) < 3 * (0.95 * 0.05 / 2000) ** 0.5
    np.testing.assert_array_equal(np.isneginf(low), may_be_0)
    np.testing.assert_array_equal(np.isposinf(high), may_be_0)
    np.testing.assert_allclose(value, tops.mean("seed") / bottoms.mean("seed"))


def test_without_spread_it_is_exact():
    """Of .3 and .1, whose means over three seeds are not those numbers to the last bit."""
    value, low, high, n = ratio(seeds(0.3, 0.3, 0.3), seeds(0.1, 0.1, 0.1))
    assert value == low == high == 0.3 / 0.1
    assert n == 3
    value, low, high, _ = ratio(seeds(5, 6, 8, 9), seeds(10, 12, 16, 18))  # of one direction
    assert value == low == high == 0.5


@pytest.mark.parametrize("scale", [4.0, -4.0])
def test_of_a_known_denominator_it_is_the_means_interval(scale):
    tops = seeds(0.3, 0.5, 0.1, 0.4)
    value, low, high, _ = ratio(tops, xr.full_like(tops, scale))
    mean, half_width, *_ = summary(tops)
    assert value == pytest.approx(mean / scale)
    assert low == pytest.approx(value - half_width / abs(scale))
    assert high == pytest.approx(value + half_width / abs(scale))


def test_one_seed_has_no_interval():
    value, low, high, n = ratio(seeds(0.2), seeds(0.4))
    assert (value, n) == (0.5, 1)
    assert np.isnan([low, high]).all()
    assert np.isnan(ratio(seeds(0.2), seeds(0)).low)  # nor is it the whole line


def test_over_0_there_is_no_ratio():
    for bottoms in (seeds(0, 0, 0), seeds(-1, 0, 1)):
        value, low, high, _ = ratio(seeds(1, 2, 3), bottoms)
        assert np.isnan(value)
        assert (low, high) == (-np.inf, np.inf)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("bottom", [1.0, 0.0])
def test_a_seed_that_is_no_number_is_not_dropped(bad, side, bottom):
    """Not even to the whole line, where the denominator may be 0."""
    both = pairs(8, 5, bottom=bottom)
    both[side][2, 3] = bad
    found = ratio(*both)
    for field in found[:3]:
        np.testing.assert_array_equal(np.isnan(field), np.arange(5) == 2)


@pytest.mark.parametrize("order", [("lr", "seed", "set"), ("seed", "set", "lr")])
def test_other_dimensions_stay_and_one_denominator_serves_many(order):
    tops, bottoms = pairs(6, 3)
    many = (tops * xr.DataArray([1.0, 2.0], dims="lr", coords={"lr": [0.1, 0.2]})).transpose(*order)
    many.attrs = {"valid_range": (0.0, 1.0)}
    found, one = ratio(many, bottoms), ratio(tops, bottoms)
    assert found.value.dims == tuple(dim for dim in order if dim != "seed")
    assert found.value.attrs == {}
    for whole, alone in zip(found[:3], one[:3], strict=True):
        np.testing.assert_allclose(whole.sel(lr=0.1).transpose("set"), alone)
        np.testing.assert_allclose(whole.sel(lr=0.2).transpose("set"), 2 * alone)
    assert (found.n == 6).all()


def test_seeds_are_of_any_name():
    tops, bottoms = pairs(6, 3)
    there = ratio(*(v.rename(seed="run") for v in (tops, bottoms)), over="run")
    xr.testing.assert_equal(there.low, ratio(tops, bottoms).low)


@pytest.mark.parametrize("kind", [int, np.float32])
def test_numbers_of_any_kind_are_reckoned_in_double(kind):
    """As results are kept in single precision, whose rounding an interval would show."""
    both = [(1000 * v).astype(kind) for v in pairs(6, 3)]
    for found, double in zip(ratio(*both), ratio(*(v.astype(float) for v in both)), strict=True):
        xr.testing.assert_identical(found, double)


PAIRED = xr.DataArray(np.ones((2, 99)), dims=("lr", "seed"), coords={"seed": np.arange(99)})


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (PAIRED.isel(seed=0), "must have a dimension 'seed' of one or more; have lr: 2"),
        (PAIRED.isel(seed=[]), "must have a dimension 'seed' of one or more; have lr: 2, seed: 0"),
        (PAIRED[:, :98], "of the same seed, in the same order; 9[89] of them is not 9[89]"),
        (PAIRED[:, :98].drop_vars("seed"), "of the same seed"),
        (PAIRED.assign_coords(seed=[*range(98), 99]), "of the same seed.*; 9[89] is not 9[89]"),
        (PAIRED[:, ::-1], "of the same seed"),
        (PAIRED.isel(lr=[0]), "of the same lr"),
    ],
    ids=["no seeds", "none", "fewer", "fewer, by number", "another", "another order", "places"],
)
@pytest.mark.parametrize("swap", [False, True])
def test_what_cannot_be_paired_is_refused(other, words, swap):
    with pytest.raises(InputError, match=words) as error:
        ratio(*((other, PAIRED) if swap else (PAIRED, other)))
    assert "\n" not in str(error.value)
    if "must have" in words:
        assert str(error.value).startswith("numerator" if swap else "denominator")
