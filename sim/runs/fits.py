"""Fits of a decay over generations, with intervals by resampling seeds."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from sim.errors import InputError
from sim.runs.statistics import student_t

RESAMPLES = 400
# Where rates end, as data cannot tell them apart: a curve keeps this of itself from the first
# generation to the second, or it takes so many times all generations to fall to 1/e.
GONE, STRAIGHT = 1e-4, 1e3
SCAN, ZOOM, ROUNDS = 64, 9, 12  # rates at first, rates between two of them, how often


class Estimate(NamedTuple):
    """A fitted number and the ends of its 95 % interval.

    NaN for one seed; of a handful it is too short, as these have few different resamples.
    """

    value: float
    low: float
    high: float


class Exponential(NamedTuple):
    """A · exp(−k/τ) + c, fitted to the means over seeds at generations k.

    τ, half_life: in generations. inf is a straight line (A and c are infinite too), 0 a step after
    the first generation (so is A), NaN a constant; the interval is (0, inf) where A's holds 0, as
    there may be no decay. rss: the sum of squared residuals. aicc: the corrected information
    criterion; of two fits to the same values, the lower is the better. It takes residuals for
    independent, and is NaN where generations are too few.
    """

    A: Estimate
    τ: Estimate
    c: Estimate
    half_life: Estimate
    rss: float
    aicc: float


class Power(NamedTuple):
    """A · k^−p, fitted to the means over seeds at generations k.

    p: inf is a step after the first generation, −inf a growth too steep to tell, NaN where all is
    0; the interval is (−inf, inf) where A's holds 0. rss, aicc: as of `Exponential`.
    """

    A: Estimate
    p: Estimate
    rss: float
    aicc: float


def exponential(values: xr.DataArray) -> Exponential:
    """Fit A · exp(−k/τ) + c to the means of values [seed, generation], by least squares.

    Intervals are of a bootstrap over whole seeds, so a seed's generations may hang together.

    Errors: InputError for other dimensions, fewer than three generations, or generations k that are
    not positive and increasing.
    """
    k, means, n = _resampled(values, least=3)
    if np.isnan(means).any():
        return Exponential(*[Estimate(np.nan, np.nan, np.nan)] * 4, np.nan, np.nan)
    since = k - k[0]

    def falls(log_τ: np.ndarray) -> np.ndarray:
        # To the first generation, and about its mean: exact for a straight line's τ too.
        fall = np.expm1(-since / np.exp(log_τ)[..., None])
        return fall - fall.mean(-1, keepdims=True)

    ends = np.log([since[1] / -np.log(GONE), since[-1] * STRAIGHT])
    level = means.mean(-1)
    log_τ, height, rss = _scan(means - level[:, None], falls, *ends)
    τ = np.exp(log_τ)
    with np.errstate(over="ignore"):
        A = height * np.exp(k[0] / τ)
    c = level - height * np.exp(-since / τ[:, None]).mean(-1)
    step, line = log_τ == ends[0], log_τ == ends[1]
    flat = np.ptp(means, axis=-1) <= 1e-12 * np.abs(means).max(-1)
    A = np.where(flat, 0, np.where(step | line, np.copysign(np.inf, height), A))
    c = np.where(flat, level, np.where(line, np.copysign(np.inf, -height), c))
    τ = np.where(flat, np.nan, np.where(step, 0, np.where(line, np.inf, τ)))
    of_A = _estimate(A, n)
    of_τ = _rate(τ, n, of_A, 0.0)
    half_life = Estimate(*(float(x * np.log(2)) for x in of_τ))
    return Exponential(of_A, of_τ, _estimate(c, n), half_life, float(rss[0]), _aicc(rss[0], k, 3))


def power(values: xr.DataArray) -> Power:
    """Fit A · k^−p to the means of values [seed, generation], by least squares.

    On the values themselves, not their logarithms: those of values near 0 are noise, or not there.

    Errors: InputError for other dimensions, fewer than two generations, or generations k that are
    not positive and increasing.
    """
    k, means, n = _resampled(values, least=2)
    if np.isnan(means).any():
        return Power(*[Estimate(np.nan, np.nan, np.nan)] * 2, np.nan, np.nan)
    log_k = np.log(k / k[0])
    end = -np.log(GONE) / log_k[1]
    p, height, rss = _scan(means, lambda p: np.exp(-p[..., None] * log_k), -end, end)
    step, growth, none = p == end, p == -end, (means == 0).all(-1)
    with np.errstate(over="ignore"):
        A = height * k[0] ** p
    A = np.where(step & (k[0] > 1), np.copysign(np.inf, height), A)
    p = np.where(none, np.nan, np.where(step, np.inf, np.where(growth, -np.inf, p)))
    of_A = _estimate(A, n)
    return Power(of_A, _rate(p, n, of_A, -np.inf), float(rss[0]), _aicc(rss[0], k, 2))


def _resampled(values: xr.DataArray, least: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Take generations [k], means [1 + resamples, k], the first of the seeds as they are, and n."""
    if set(values.dims) != {"seed", "generation"} or not values.sizes["seed"]:
        have = ", ".join(f"{name}: {size}" for name, size in values.sizes.items()) or "none"
        raise InputError(f"values: must have dimensions 'seed' and 'generation'; have {have}")
    k = values.generation.values.astype(float)
    if len(k) < least or k[0] <= 0 or not (np.diff(k) > 0).all():
        have = ", ".join(f"{at:g}" for at in k)
        raise InputError(f"generation = {have}: must be {least} or more, positive and increasing")
    each = values.transpose("seed", "generation").values.astype(float)
    n = len(each)
    if not np.isfinite(each).all():
        return k, np.full((1, len(k)), np.nan), n
    # The same resamples whatever is fitted; what each seed has beside the first, for seeds that are
    # all alike to stay so.
    drawn = np.random.default_rng(0).integers(0, n, (RESAMPLES if n > 1 else 0, n))
    weights = np.stack([np.ones(n), *(np.bincount(of, minlength=n) for of in drawn)]) / n
    return k, each[0] + weights @ (each - each[0]), n


def _scan(
    means: np.ndarray, curve: Callable[[np.ndarray], np.ndarray], low: float, high: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find each mean's rate between low and high: of least squares, with the curve's best height.

    By trying rates all over, then ever finer between the neighbours of the best: there is no start
    that could be wrong. A best at an end is that end. Gives rate, height and rss [resamples].
    """
    each = np.arange(len(means))
    rates = np.broadcast_to(np.linspace(low, high, SCAN), (len(means), SCAN))
    shapes = curve(rates[:1])  # the same for all at first
    for left in range(ROUNDS, -1, -1):
        heights = (means[:, None] * shapes).sum(-1) / (shapes**2).sum(-1)
        squares = ((means[:, None] - heights[..., None] * shapes) ** 2).sum(-1)
        best = squares.argmin(-1)
        if left:
            last = rates.shape[1] - 1
            ends = rates[each, np.maximum(best - 1, 0)], rates[each, np.minimum(best + 1, last)]
            rates = np.linspace(*ends, ZOOM, axis=-1)
            shapes = curve(rates)
    return rates[each, best], heights[each, best], squares[each, best]


def _estimate(found: np.ndarray, n: int, least: float = -np.inf) -> Estimate:
    """Take the first as the value, the interval from the rest; a NaN there may be any number.

    Percentiles, further out for few seeds by as much as Student's t is wider than the normal law
    and the spread of resamples falls short: for a mean, that makes them its t-interval.
    """
    from scipy.special import ndtr  # noqa: PLC0415 (as in student_t)

    if n == 1:
        return Estimate(float(found[0]), np.nan, np.nan)
    out = int(ndtr(student_t(n, 0.025) * (n / (n - 1)) ** 0.5) * (RESAMPLES - 1))
    low = np.sort(np.where(np.isnan(found[1:]), least, found[1:]))[out]
    high = np.sort(np.where(np.isnan(found[1:]), np.inf, found[1:]))[-1 - out]
    return Estimate(float(found[0]), float(low), float(high))


def _rate(found: np.ndarray, n: int, height: Estimate, least: float) -> Estimate:
    """Take a rate's interval: all rates where the height's holds 0, as there may be no curve."""
    if height.low <= 0 <= height.high:
        return Estimate(float(found[0]), least, np.inf)
    return _estimate(found, n, least)


def _aicc(rss: float, k: np.ndarray, coefficients: int) -> float:
    q = coefficients + 1  # the residuals' variance
    if len(k) < q + 2:
        return np.nan
    with np.errstate(divide="ignore"):
        return float(len(k) * np.log(rss / len(k)) + 2 * q + 2 * q * (q + 1) / (len(k) - q - 1))
