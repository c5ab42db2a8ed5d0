"""sim/runs/fits.py: what is put in comes out, is covered, and what nobody can know is said."""

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import curve_fit

from sim.errors import InputError
from sim.runs.fits import exponential, power
from sim.runs.statistics import summary

K = np.arange(1, 11)


def decay(means, n=8, sd=0.0, seed=0, k=K):
    """Values [seed, generation] about means: half their variance is of the seed, half is not."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, sd / 2**0.5, (n, len(k))) + rng.normal(0, sd / 2**0.5, (n, 1))
    coords = {"generation": k}
    return xr.DataArray(means + noise, dims=("seed", "generation"), coords=coords)


def falling(A, τ, c, k=K):
    return A * np.exp(-k / τ) + c


@pytest.mark.parametrize("k", [K, np.array([1, 2, 4, 8, 16]), np.arange(3, 9)])
@pytest.mark.parametrize("τ", [0.3, 2.5, 40.0])
@pytest.mark.parametrize(("A", "c"), [(0.6, 0.1), (-0.6, 0.9)])
def test_an_exponential_is_found_again(A, τ, c, k):
    found = exponential(decay(falling(A, τ, c, k), 7, k=k))
    # To the last rounds of the search, and what is lost where A is a small change's far start.
    for name, true in (("A", A), ("τ", τ), ("c", c), ("half_life", τ * np.log(2))):
        value, low, high = getattr(found, name)
        assert value == pytest.approx(true, rel=1e-5), name
        assert low == value == high  # all seeds are alike
    assert found.rss < 1e-14


@pytest.mark.parametrize("k", [K, np.array([1, 2, 4, 8, 16]), np.arange(3, 9)])
@pytest.mark.parametrize("p", [0.2, 1.3, 5.0, -0.5])
@pytest.mark.parametrize("A", [0.7, -0.7])
def test_a_power_is_found_again(A, p, k):
    found = power(decay(A * k**-p, 7, k=k))
    for name, true in (("A", A), ("p", p)):
        value, low, high = getattr(found, name)
        assert value == pytest.approx(true, rel=1e-6), name
        assert low == value == high
    assert found.rss < 1e-14


def test_the_least_squares_are_scipys():
    """From the truth as its start, on noisy values; scipy's is another way to the same place."""
    for seed in range(5):
        values = decay(falling(0.6, 2.5, 0.1), 8, 0.1, seed)
        mean = values.mean("seed").values
        best, *_ = curve_fit(lambda k, A, τ, c: falling(A, τ, c, k), K, mean, (0.6, 2.5, 0.1))
        found = exponential(values)
        assert (found.A.value, found.τ.value, found.c.value) == pytest.approx(tuple(best), 1e-5)
        assert found.rss == pytest.approx(((mean - falling(*best)) ** 2).sum())
        best, *_ = curve_fit(lambda k, A, p: A * k**-p, K.astype(float), mean, (0.6, 0.7))
        found = power(values)
        assert (found.A.value, found.p.value) == pytest.approx(tuple(best), 1e-5)
        assert found.rss == pytest.approx(((mean - best[0] * K ** -best[1]) ** 2).sum())


def test_in_noise_no_other_rate_is_better():
    """Where squares have several minima: of 2,000 rates, each by a plain linear fit."""
    for seed in range(10):
        values = decay(np.zeros(10), 8, 1.0, seed)
        mean = values.mean("seed").values
        falls = [np.stack([np.exp(-K / τ), K**0]) for τ in np.geomspace(0.12, 2000, 2000)]
        steps = [[K**-p] for p in np.linspace(-13, 13, 2000)]
        for found, shapes in ((exponential(values), falls), (power(values), steps)):
            bases = np.linalg.qr(np.array(shapes).swapaxes(1, 2)).Q
            rest = mean - np.einsum("gkb,glb,l->gk", bases, bases, mean)
            assert found.rss <= (rest**2).sum(-1).min() * (1 + 1e-9)


@pytest.mark.slow
def test_intervals_cover():
    """Of 100 sets of 10 seeds: .95 within 3 standard errors, and .02 as a bootstrap is no theorem.

    Both ways: intervals of any width would cover. They are about 4 sd of the estimates wide.
    """
    sets, truth = 100, {"A": 0.6, "τ": 2.5, "c": 0.1}
    found = [exponential(decay(falling(**truth), 10, 0.07, seed)) for seed in range(sets)]
    _covers(found, truth, sets)
    truth = {"A": 0.6, "p": 1.2}
    found = [power(decay(0.6 * K**-1.2, 10, 0.07, seed)) for seed in range(sets)]
    _covers(found, truth, sets)


def _covers(found, truth, sets):
    for name, true in truth.items():
        value, low, high = np.array([getattr(fit, name) for fit in found]).T
        share = ((low <= true) & (true <= high)).mean()
        assert abs(share - 0.95) < 3 * (0.95 * 0.05 / sets) ** 0.5 + 0.02, (name, share)
        assert 3 < np.median(high - low) / value.std() < 5.5, name


def test_of_a_mean_the_interval_is_students():
    """As c of a step is, the mean after the first generation; of few seeds, where t is not normal.

    Ends are of 400 resamples, so over 20 sets. Plain percentiles are .8 as wide at 8 seeds.
    """
    n, widths = 8, []
    for seed in range(20):
        values = decay(np.array([1.0, 0, 0, 0]), n, 0.01, seed, K[:4])
        values[:, 1:] = values[:, 1:].mean("generation")
        found = exponential(values)
        widths.append((found.c.high - found.c.low) / 2 / float(summary(values[:, 1]).half_width))
    assert 0.9 < np.mean(widths) < 1.1


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_what_is_flat_has_no_rate(level):
    found = exponential(decay(np.full(10, level)))
    assert found.A == (0, 0, 0)
    assert found.c == pytest.approx((level,) * 3)
    for rate in (found.τ, found.half_life):
        assert np.isnan(rate.value)
        assert rate[1:] == (0, np.inf)
    found = power(decay(np.full(10, level)))
    if level:  # k^0
        assert found.p == pytest.approx((0, 0, 0), abs=1e-8)
        assert [*found.A] == pytest.approx([level] * 3)
    else:
        assert found.A == (0, 0, 0)
        assert np.isnan(found.p.value)
        assert found.p[1:] == (-np.inf, np.inf)


def test_in_noise_about_a_constant_no_rate_is_claimed():
    """All of the rates, in 95 % of 40 sets; within 3 standard errors."""
    sets = 40
    rates = [exponential(decay(np.full(10, 0.2), 8, 0.1, seed)).τ for seed in range(sets)]
    powers = [power(decay(np.zeros(10), 8, 0.1, seed)).p for seed in range(sets)]
    least = 0.95 - 3 * (0.95 * 0.05 / sets) ** 0.5
    assert np.mean([rate[1:] == (0, np.inf) for rate in rates]) > least
    assert np.mean([rate[1:] == (-np.inf, np.inf) for rate in powers]) > least


def test_a_line_and_a_step_are_at_the_ends():
    line = exponential(decay(1 - 0.05 * K))
    assert line.τ == (np.inf,) * 3
    assert (line.A.value, line.c.value) == (np.inf, -np.inf)
    step = exponential(decay(np.where(K == 1, 1.0, 0.1)))
    assert step.τ == (0, 0, 0)
    assert (step.A.value, step.c.value) == (np.inf, pytest.approx(0.1, rel=1e-3))
    step = power(decay(np.where(K == 1, 0.8, 0)))
    assert step.p == (np.inf,) * 3
    assert step.A.value == pytest.approx(0.8, rel=1e-6)
    assert power(decay(np.where(K == 4, 0.8, 0)[3:], k=K[3:])).A.value == np.inf
    assert power(decay(np.where(K == 10, 0.8, 0)[8:], k=K[8:])).p.value == -np.inf


def test_a_slow_decay_in_noise_has_no_upper_end():
    """Of τ = 30 on 10 generations: that it falls is plain, that it bends is not."""
    found = exponential(decay(falling(3, 30, 0), 8, 0.1))
    assert found.A.low > 0
    assert 0 < found.τ.low < 30
    assert found.τ.high == np.inf


def test_the_criterion_tells_one_law_from_the_other():
    for seed in range(5):
        values = decay(falling(0.6, 2.5, 0.1), 8, 0.02, seed)
        assert exponential(values).aicc < power(values).aicc
        values = decay(0.6 * K**-1.2, 8, 0.02, seed)
        assert power(values).aicc < exponential(values).aicc


def test_the_criterion_is_akaikes():
    """Corrected; the variance of residuals counts as one more. None for too few generations."""
    values = decay(falling(0.6, 2.5, 0.1), 8, 0.02)
    found, n, q = exponential(values), 10, 4
    aic = n * np.log(found.rss / n) + 2 * q
    assert found.aicc == pytest.approx(aic + 2 * q * (q + 1) / (n - q - 1))
    first = values.isel(generation=slice(5))
    assert np.isnan(exponential(first).aicc)
    assert not np.isnan(power(first).aicc)
    assert np.isnan(power(first[:, :4]).aicc)


@pytest.mark.parametrize("fit", [exponential, power])
def test_one_seed_has_no_interval(fit):
    found = fit(decay(falling(0.6, 2.5, 0.1), 1))
    for name in found._fields[:-2]:
        value, low, high = getattr(found, name)
        assert np.isfinite(value)
        assert np.isnan([low, high]).all()


@pytest.mark.parametrize("fit", [exponential, power])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_seed_that_is_no_number_is_not_dropped(fit, bad):
    values = decay(falling(0.6, 2.5, 0.1))
    values[3, 4] = bad
    assert np.isnan(np.hstack(fit(values))).all()


@pytest.mark.parametrize("fit", [exponential, power])
def test_a_fit_is_the_same_each_time_and_wherever_its_dimensions_stand(fit):
    values = decay(falling(0.6, 2.5, 0.1), 8, 0.1)
    assert fit(values) == fit(values) == fit(values.T)
    single = values.astype(np.float32)  # as results are kept
    assert fit(single) == fit(single.astype(float))


@pytest.mark.parametrize("fit", [exponential, power])
def test_a_fit_is_of_no_scale(fit):
    """Ten times the values: ten times the heights, the same rate."""
    one, ten = (fit(decay(falling(0.6, 2.5, 0.1), 8, 0.1) * by) for by in (1, 10))
    for name in one._fields[:-2]:
        by = 10 if name in ("A", "c") else 1
        assert getattr(ten, name) == pytest.approx([by * x for x in getattr(one, name)], rel=1e-5)


GOOD = decay(falling(0.6, 2.5, 0.1))


@pytest.mark.parametrize("fit", [exponential, power])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (GOOD[0], "'seed' and 'generation'; have generation: 10"),
        (GOOD[:, 0], "'seed' and 'generation'; have seed: 8"),
        (GOOD[:0], "'seed' and 'generation'; have seed: 0"),
        (GOOD.expand_dims("model"), "'seed' and 'generation'; have model: 1"),
        (GOOD[:, :1], "or more, positive and increasing"),
        (GOOD[:, ::-1], "positive and increasing"),
        (GOOD.assign_coords(generation=K - 1), "positive and increasing"),
        (GOOD.drop_vars("generation"), "positive and increasing"),
    ],
)
def test_what_is_no_decay_is_refused(fit, values, words):
    with pytest.raises(InputError, match=words) as error:
        fit(values)
    assert "\n" not in str(error.value)


def test_two_generations_have_no_exponential():
    with pytest.raises(InputError, match="must be 3 or more"):
        exponential(GOOD[:, :2])
    assert power(GOOD[:, :2]).rss == pytest.approx(0, abs=1e-14)
