"""How well numbers known at the start foretell what comes of a training, over many settings."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sim.runs.statistics import varies

FOLDS, DRAWS = 10, 500
Values = Float[np.ndarray, " settings"]


class Estimate(NamedTuple):
    """A number and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def rank_correlation(x: Values, y: Values) -> Estimate:
    """Compute Spearman's rank correlation over settings, its interval by bootstrap over these.

    NaN where one of them is no number.
    """
    if np.isnan(x).any() or np.isnan(y).any():
        return Estimate(np.nan, np.nan, np.nan)
    return _bootstrapped(lambda at: _spearman(x[at], y[at]), len(x))


def held_out(X: Float[np.ndarray, "settings k"], y: Values) -> tuple[Estimate, Values]:
    """Foretell y by least squares from other settings; R² of that, and what was foretold.

    Settings are split in folds, of which each is foretold from the others; all seeds of a setting
    are in one. R² = 1 − Σ (y − foretold)² / Σ (y − mean of y in the other folds)²: below 0 where
    the mean foretells better. Its interval is by bootstrap over settings. NaN where y does not
    differ by more than rounding: there is nothing to foretell.
    """
    fold = np.random.default_rng(0).permutation(len(y)) % min(FOLDS, len(y))
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
    return _bootstrapped(lambda at: 1 - missed[at].sum() / spread[at].sum(), len(y)), foretold


def _spearman(x: Values, y: Values) -> float:
    a, b = (ranks(values) for values in (x, y))
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size else np.nan


def ranks(x: Values) -> Values:
    """Rank from 0; what is equal has the mean of its ranks."""
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count + 1) / 2)[place]


def _bootstrapped(of: Callable[[np.ndarray], float], many: int) -> Estimate:
    rng = np.random.default_rng(0)
    draws = [of(rng.integers(0, many, many)) for _ in range(DRAWS)]
    known = [draw for draw in draws if np.isfinite(draw)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) > DRAWS / 2 else [np.nan] * 2
    return Estimate(float(of(np.arange(many))), float(low), float(high))
