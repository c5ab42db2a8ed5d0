"""How well numbers known at the start foretell what comes of a training, over many settings."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from sim.runs.statistics import varies

FOLDS, DRAWS = 10, 500
Values = Float[np.ndarray, " rows"]
Settings = Int[np.ndarray, " rows"]  # a number for each setting; all of its rows go together
Often = Float[np.ndarray, "draws rows"]  # how many times each row is in a sample


class Estimate(NamedTuple):
    """A number and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def rank_correlation(x: Values, y: Values, settings: Settings | None = None) -> Estimate:
    """Compute Spearman's rank correlation over rows, its interval by bootstrap over settings.

    settings: of which each row is; by default each is of its own. NaN where a row is no number.
    """
    if np.isnan(x).any() or np.isnan(y).any():
        return Estimate(np.nan, np.nan, np.nan)
    return _bootstrapped(lambda often: _spearman(x, y, often), _numbered(settings, len(x)))


def held_out(
    X: Float[np.ndarray, "rows k"], y: Values, settings: Settings | None = None
) -> tuple[Estimate, Values]:
    """Foretell y by least squares from other settings; R² of that, and what was foretold.

    Settings are split in folds, of which each is foretold from the others; all rows of a setting
    (by default each has one) are in one. R² = 1 − Σ (y − foretold)² / Σ (y − mean of y in the other
    folds)²: below 0 where the mean foretells better. Its interval is by bootstrap over settings.
    NaN where y does not differ by more than rounding: there is nothing to foretell.
    """
    of = _numbered(settings, len(y))
    many = of.max() + 1
    fold = (np.random.default_rng(0).permutation(many) % min(FOLDS, many))[of]
    foretold, mean = np.zeros(len(y)), np.zeros(len(y))
    for one in np.unique(fold):
        rest, here = fold != one, fold == one
        centre, scale = X[rest].mean(0), X[rest].std(0)
        scale[scale == 0] = 1
        A, B = (np.c_[np.ones(which.sum()), (X[which] - centre) / scale] for which in (rest, here))
        foretold[here] = B @ np.linalg.lstsq(A, y[rest], rcond=None)[0]
        mean[here] = y[rest].mean()
    if not varies(y):
        return Estimate(np.nan, np.nan, np.nan), foretold
    missed, spread = (y - foretold) ** 2, (y - mean) ** 2
    return _bootstrapped(lambda often: 1 - _ratio(often @ missed, often @ spread), of), foretold


def _spearman(x: Values, y: Values, often: Often) -> Float[np.ndarray, " draws"]:
    a, b = (ranks(values, often) for values in (x, y))
    a, b = (rank - np.average(rank, 1, often, keepdims=True) for rank in (a, b))
    size = np.sqrt((often * a**2).sum(1) * (often * b**2).sum(1))
    return _ratio((often * a * b).sum(1), size)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, np.full(len(b), np.nan), where=b > 0)  # in some samples nothing varies


def ranks(x: Values, often: Often) -> Often:
    """Rank from 0, in samples that have each row so many times; equals have the mean of ranks."""
    _, place = np.unique(x, return_inverse=True)
    order = np.argsort(place, kind="stable")
    count = np.add.reduceat(often[:, order], np.flatnonzero(np.diff(place[order], prepend=-1)), 1)
    return (np.cumsum(count, 1) - (count + 1) / 2)[:, place]


def _numbered(settings: Settings | None, rows: int) -> Settings:
    """Number settings from 0, those that have a row, in the order of what they were."""
    return np.arange(rows) if settings is None else np.unique(settings, return_inverse=True)[1]


def _bootstrapped(of: Callable[[Often], np.ndarray], settings: Settings) -> Estimate:
    many = settings.max() + 1
    drawn = np.random.default_rng(0).integers(0, many, (DRAWS, many))
    often = np.stack([np.bincount(draw, minlength=many) for draw in drawn])[:, settings]
    draws = of(often.astype(float))
    known = draws[np.isfinite(draws)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) > DRAWS / 2 else [np.nan] * 2
    (value,) = of(np.ones((1, len(settings))))
    return Estimate(float(value), float(low), float(high))
