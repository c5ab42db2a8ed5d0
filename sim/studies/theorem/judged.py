"""From measurements to verdicts: the rules by which a statement holds or is violated, or neither.

None is violated by what a few seeds, rounding or too large a step do to a true one; none holds by
what is not a number.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.runs.statistics import student_t
from theory.verdict import Verdict

UNDECIDED = "undecided"
ESTIMATE = "estimate"  # of a size, and no truth
ENOUGH = 4  # cases that must agree before a statement is said to be violated
KINKED, KINKS = ("relu",), "fails: f has kinks"


class Statement(NamedTuple):
    """One statement, and what was found: all text, for people."""

    statement: str
    equation: str
    hypotheses: str
    measured: str
    verdict: str


def bounded(
    statement: str,
    equation: str,
    hypotheses: str,
    excess: np.ndarray,
    also: str = "",
) -> Statement:
    """Judge an inequality or identity that is exact: `excess` is by how much more it is off than
    rounding allows, and must not be positive in any case.
    """
    excess = np.asarray(excess)
    kept, broken, lost = (int(a.sum()) for a in (excess <= 0, excess > 0, np.isnan(excess)))
    text = f"{kept} of {excess.size}" + (f"; {lost} are no numbers" if lost else "")
    text += f"; {also}" if also else ""
    unknown = lost or not excess.size
    said = Verdict.NOT_APPLICABLE if unknown else Verdict.HOLDS
    return Statement(statement, equation, hypotheses, text, Verdict.VIOLATED if broken else said)


def centred(
    statement: str, equation: str, hypotheses: str, scores: np.ndarray, measured: str
) -> Statement:
    """Judge a mean: `scores` are independent cases less their predicted mean, over their sd.

    Their sum has to be within four of its own standard deviations.
    """
    scores = np.asarray(scores).ravel()
    off = scores.sum() / max(1, scores.size) ** 0.5
    if np.isnan(off) or not scores.size:
        said = Verdict.NOT_APPLICABLE
    elif abs(off) <= 4:
        said = Verdict.HOLDS
    else:
        said = refuted(scores.size >= ENOUGH)
    return Statement(statement, equation, hypotheses, f"{measured}; off by {off:+.1f} sd", said)


def not_covered(statement: str, equation: str, fails: str, so: np.ndarray, what: str) -> Statement:
    """Say how often it is so that a statement does not hold, where its hypothesis fails."""
    so = np.asarray(so)
    share = f"{what} in {int(so.sum())} of {so.size} ({so.mean() if so.size else 0:.0%})"
    return Statement(statement, equation, f"fails: {fails}", share, Verdict.NOT_APPLICABLE)


def reached(limit: float | None) -> Verdict:
    """Judge a ratio that must tend to 1: of `theory.rounding.tends_to`."""
    if limit == 1:
        return Verdict.HOLDS
    rests = limit is not None and not np.isnan(limit)
    return Verdict.VIOLATED if rests else Verdict.NOT_APPLICABLE


def interval(values: Sequence[float] | np.ndarray, level: float) -> tuple[float, float]:
    """Find the interval of the mean, by Student's t; without end for fewer than two values."""
    n = len(values)
    if n < 2:
        return -np.inf, np.inf
    half = float(student_t(n, (1 + level) / 2)) * np.std(values, ddof=1) / n**0.5
    return float(np.mean(values) - half), float(np.mean(values) + half)


def counted(
    statement: str,
    equation: str,
    hypotheses: str,
    verdicts: list[Verdict],
    expected: Verdict = Verdict.HOLDS,
) -> Statement:
    """Sum up many cases: the expected verdict if all have it, else the worst of the others."""
    counts = Counter(verdicts)
    worst_first = (Verdict.VIOLATED, Verdict.NOT_APPLICABLE, Verdict.DEGENERATE, Verdict.HOLDS)
    others = [v for v in worst_first if counts[v] and v != expected]
    text = f"{counts[expected]} of {len(verdicts)}"
    if others:
        text += "; " + ", ".join(f"{counts[v]} {v}" for v in others)
    if not verdicts:
        return Statement(statement, equation, hypotheses, "no case", Verdict.NOT_APPLICABLE)
    return Statement(statement, equation, hypotheses, text, others[0] if others else expected)


def order(
    statement: str,
    equation: str,
    hypothesis: str,
    order: float,
    slopes: np.ndarray,
    slack: float = 0.05,
) -> Statement:
    """Slopes of many cases: nine in ten must be the order at least, but for the slack.

    A case whose leading error is next to nothing, or crosses 0, has a slope of its own: it is
    violated only where all of them, and enough, are short of the order by a half.
    """
    known = slopes[np.isfinite(slopes)]
    if not known.size:
        return Statement(
            statement, equation, hypothesis, "none above rounding", Verdict.NOT_APPLICABLE
        )
    low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
    short = len(known) >= ENOUGH and known.max() < order - 0.5
    verdict = Verdict.HOLDS if low >= order - slack else refuted(short)
    return Statement(
        statement,
        equation,
        hypothesis,
        f"slope {middle:.2f}, 10–90 % {low:.2f}–{high:.2f}; {known.size} of {slopes.size} above "
        "rounding",
        Verdict.NOT_APPLICABLE if hypothesis == KINKS else verdict,
    )


def refuted(clearly: bool) -> str:
    return Verdict.VIOLATED if clearly else UNDECIDED


def at_most(value: float, bound: float) -> str:
    """Tell whether it is; nothing is said of what is not a number."""
    if np.isnan(value) or np.isnan(bound):
        return Verdict.NOT_APPLICABLE
    return verdict(value <= bound)


def verdict(holds: bool) -> str:
    return Verdict.HOLDS if holds else Verdict.VIOLATED
