"""sim/statistics.py: over seeds by name, against scipy's; intervals where a mean can lie."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sim.errors import InputError
from sim.runs import results
from sim.runs.statistics import difference, summary

RNG = np.random.default_rng(0)


def grid(shape=(3, 4, 2, 5), dims=("lr", "aux", "model", "seed"), spread=0.1):
    values = np.clip(RNG.normal(0.5, spread, shape), 0, 1)
    return xr.DataArray(values, dims=dims, attrs={"valid_range": (0.0, 1.0)})


def test_summary_is_students_t():
    values = RNG.normal(0.5, 0.1, 12)
    mean, half_width, sd, n = summary(values)
    low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    assert (mean - half_width, mean + half_width) == pytest.approx((low, high))
    assert sd == pytest.approx(np.std(values, ddof=1))
    assert n == 12


def test_one_seed_has_no_interval():
    mean, half_width, sd, n = summary([0.25])
    assert (mean, n) == (0.25, 1)
    assert np.isnan([half_width, sd]).all()


@pytest.mark.parametrize("dims", [("lr", "aux", "model", "seed"), ("seed", "lr", "aux", "model")])
def test_seeds_are_reduced_by_name_and_other_dimensions_stay(dims):
    """Every place as its own seeds alone, wherever the dimension stands."""
    values = grid().transpose(*dims)
    found = summary(values)
    assert found.mean.dims == tuple(dim for dim in dims if dim != "seed")
    for at in np.ndindex(3, 4, 2):
        place = dict(zip(("lr", "aux", "model"), at, strict=True))
        alone = summary(values.isel(place).values)
        for whole, one in zip(found, alone, strict=True):
            np.testing.assert_allclose(whole.isel(place), one)
    assert (found.n == 5).all()


def test_pairs_are_of_one_point_and_seed():
    """On 3 × 4 points × 2 seeds n is 2 at each, and a shift of a point is not spread of seeds."""
    values = grid((3, 4, 2, 2)).assign_coords(model=["student_aux", "cross_aux"])
    values = values + xr.DataArray([0, 10, 20], dims="lr")
    values[..., 0, :] = values[..., 1, :] + 0.25
    found = results.paired(values.to_dataset(name="test_accuracy"), "student_aux", "cross_aux")
    assert found.mean.dims == ("lr", "aux")
    np.testing.assert_allclose(found.mean, 0.25)
    np.testing.assert_allclose(found.sd, 0, atol=1e-12)
    assert (found.n == 2).all()


@pytest.mark.parametrize(
    "values",
    [
        np.array([1 + 1j, 2.0]),
        xr.DataArray([1 + 1j, 2.0], dims="seed"),
        xr.DataArray(["a", "b"], dims="seed"),
        ["a", "b"],
        np.array(["2020-01-01", "2020-01-02"], "datetime64[D]"),
    ],
    ids=["complex", "complex, by name", "words, by name", "words", "dates"],
)
def test_what_is_no_real_number_is_refused(values):
    """Half of a complex number would be left out, and dates be counted in days."""
    with pytest.raises(InputError, match=r"values of type .*: must be real numbers") as error:
        summary(values)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 3)),
        np.zeros(()),
        xr.DataArray(np.zeros(3), dims="model"),
        xr.DataArray(np.zeros((0, 2)), dims=("seed", "model")),
    ],
    ids=["two nameless dimensions", "none", "no seeds by name", "no seeds"],
)
def test_what_has_no_seeds_is_refused(values):
    with pytest.raises(InputError, match="seed") as error:
        summary(values)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["accuracy", "teachr"])
def test_a_measure_or_model_that_is_not_there_is_named(name):
    ds = grid().assign_coords(model=["teacher", "student_aux"]).to_dataset(name="test_accuracy")
    with pytest.raises(InputError, match=f"'{name}': must be one of"):
        results.paired(
            ds,
            *(["teachr", "teacher"] if name == "teachr" else ["teacher"] * 2),
            **({} if name == "teachr" else {"measure": name}),
        )


def test_nan_is_no_number():
    values = grid()
    values[0, 0, 0, 2] = np.nan
    found = summary(values)
    assert np.isnan(found.mean[0, 0, 0])
    assert np.isnan(found.half_width[0, 0, 0])
    assert int(np.isnan(found.mean).sum()) == 1


def test_an_interval_ends_where_a_mean_can_lie():
    """Two seeds at .05 and .2: the t-interval reaches from −.83 to 1.08."""
    values = xr.DataArray([0.05, 0.2], dims="seed", attrs={"valid_range": (0.0, 1.0)})
    low, high = summary(values).interval
    assert (low, high) == (0, 1)
    low, high = summary(difference(values, values[::-1].drop_vars([]))).interval
    assert (low, high) == (-1, 1)
    free = summary(values.drop_attrs())
    low, high = free.interval  # of what has no bounds, nothing is cut
    assert (low, high) == (free.mean - free.half_width, free.mean + free.half_width)


@pytest.mark.parametrize(
    ("change", "cut"),
    [
        (lambda a: a, True),
        (lambda a: 1 - a, True),
        (lambda a: 100 * a, False),
        (np.log, False),
        (lambda a: a - 0.1, False),  # one is below 0
        (lambda a: a.where(a != 0.2), True),  # one is no number
    ],
    ids=["as it is", "one less it", "percent", "logarithm", "less chance", "NaN"],
)
def test_what_is_calculated_of_a_fraction_has_no_range_of_its_own(change, cut):
    """xarray lets attributes stand; values beyond the range tell that it is another's."""
    fraction = xr.DataArray([0.05, 0.2], dims="seed", attrs={"valid_range": (0.0, 1.0)})
    values = change(fraction).assign_attrs(fraction.attrs)  # older xarrays drop them
    found = summary(values)
    low, high = found.interval
    if cut:
        assert not low < 0
        assert not high > 1
    else:
        assert (low, high) == (found.mean - found.half_width, found.mean + found.half_width)
    assert ("valid_range" in found.mean.attrs) == cut
    assert np.isinf(difference(values, fraction).valid_range).all() != cut


def test_differences_of_flags_and_of_what_has_no_sign():
    a, b = np.array([[0, 1, 1, 0], [1, 0, 1, 0]])
    for dtype in (bool, np.uint8, np.uint64, float):
        one, other = (xr.DataArray(of.astype(dtype), dims="seed") for of in (a, b))
        np.testing.assert_array_equal(difference(one, other), a - b)


def test_a_seed_that_is_there_twice_is_named():
    values = xr.DataArray([0.1, 0.2, 0.3], {"seed": [0, 7, 8]}, "seed")
    with pytest.raises(InputError, match="each seed once; have 7, 8 more than once"):
        summary(xr.concat([values, values[1:]], "seed"))
    assert summary(xr.concat([values, values.assign_coords(seed=[3, 4, 5])], "seed")).n == 6


def test_masked_values_are_refused():
    with pytest.raises(InputError, match="masked"):
        summary(np.ma.masked_less([0.1, 0.2, 0.3], 0.15))
    assert summary(np.ma.masked_less([0.1, 0.2, 0.3], 0.0)).n == 3


def test_coverage_of_the_cut_interval_is_nominal():
    """Fractions of few seeds near 0: 4,000 sets of 4; ± 4 standard errors of a coverage of .95."""
    p, images, sets = 0.06, 360, 4000
    values = RNG.binomial(images, RNG.beta(6, 94, (sets, 4))) / images
    found = summary(xr.DataArray(values, dims=("set", "seed"), attrs={"valid_range": (0.0, 1.0)}))
    low, high = found.interval
    assert (low < 0).sum() == 0
    uncut = np.abs(found.mean - p) <= found.half_width
    inside = (low <= p) & (p <= high)
    assert (inside == uncut).all()  # the cut takes no mean away
    assert abs(float(inside.mean()) - 0.95) < 4 * (0.95 * 0.05 / sets) ** 0.5 + 0.01  # skewed law
