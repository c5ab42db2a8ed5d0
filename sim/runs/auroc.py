"""How well a score tells two groups apart, and shares of seeds, each with its 95 % interval."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sim.errors import require
from sim.runs.statistics import student_t

Z = 1.959963984540054  # the normal law's 97.5 % point


class Share(NamedTuple):
    """A share, or probability, in [0, 1] with its 95 % interval, over n seeds.

    NaN where a score is not a number; [0, 1] for one seed.
    """

    value: float
    low: float
    high: float
    n: int


def auroc(positive: Float[np.ndarray, " n"], negative: Float[np.ndarray, " n"]) -> Share:
    """Estimate P(a positive's score > a negative's), ties half, by Mann and Whitney.

    Both have a score of each seed, in the same order. The variance is DeLong's, of what the seeds
    add to it, a seed's two scores going together. Where all scores are told apart it is 0 and says
    nothing: the interval is Wilson's, for as many trials as that variance is worth, at most two a
    seed, with a quantile of Student's t.
    """
    n = len(positive)
    require("scores", (n, len(negative)), n == len(negative) > 0, "of the same seeds")
    if not (np.isfinite(positive).all() and np.isfinite(negative).all()):
        return Share(np.nan, np.nan, np.nan, n)
    # As floats: of whole numbers without a sign no difference is below 0, of flags there is none.
    apart = np.subtract.outer(np.asarray(positive, float), np.asarray(negative, float))
    won = (apart > 0) + (apart == 0) / 2
    value = float(won.mean())
    if n == 1:
        return Share(value, 0.0, 1.0, n)
    # Of seed i: how its positive does among all negatives, and its negative among all positives.
    adds = won.mean(axis=1) + won.mean(axis=0)
    variance = float(adds.var(ddof=1)) / n
    free = value * (1 - value)
    trials = min(2 * n, free / variance) if variance > 0 else 2 * n
    return Share(value, *_wilson(value, trials, float(student_t(n))), n)


def share(times: int, n: int) -> Share:
    """Estimate a probability by how often, of n seeds, something was so, with Wilson's interval."""
    require("n", n, n > 0, "a positive number, of seeds")
    require("times", times, 0 <= times <= n, f"from 0 to n = {n}")
    return Share(times / n, *_wilson(times / n, n, Z), n)


def _wilson(value: float, trials: float, z: float) -> tuple[float, float]:
    """Find all p with |value − p| ≤ z √(p (1 − p) / trials)."""
    square = z * z / trials
    middle = (value + square / 2) / (1 + square)
    half = z * np.sqrt(value * (1 - value) / trials + square / (4 * trials)) / (1 + square)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
