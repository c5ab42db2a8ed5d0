"""AUROC and shares of seeds: brute force, ties, NaN, and how often their intervals cover."""

from itertools import product

import numpy as np
import pytest

from sim.errors import InputError
from sim.runs.auroc import auroc, share


def test_auroc_is_the_share_of_pairs_won():
    draw = np.random.default_rng(0)
    for n in (2, 5, 9):
        a, b = draw.integers(0, 4, (2, n)).astype(float)  # ties
        won = [(x > y) + (x == y) / 2 for x, y in product(a, b)]
        found = auroc(a, b)
        assert found.value == pytest.approx(np.mean(won))
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert auroc(b, a).value == pytest.approx(1 - found.value)
        assert auroc(b, a).low == pytest.approx(1 - found.high)
    assert auroc(np.ones(3), np.ones(3))[:1] == (0.5,)


def test_whole_numbers_and_flags_are_told_apart_as_floats():
    a, b = np.array([1, 0, 1, 1]), np.array([0, 1, 0, 1])
    expected = auroc(a.astype(float), b.astype(float))
    for dtype in (bool, np.uint8, np.uint64, int):
        assert auroc(a.astype(dtype), b.astype(dtype)) == expected


def test_auroc_of_what_is_told_apart_has_an_interval():
    low = [auroc(np.arange(n) + 100.0, np.arange(n)).low for n in (2, 8, 32)]
    assert 0 < low[0] < low[1] < low[2] < 1
    assert auroc(np.ones(1), np.zeros(1)) == (1, 0, 1, 1)


def test_scores_that_go_together_are_worth_two_trials_a_seed_at_most():
    """Where a seed's two scores are nearly one, DeLong's variance is next to none."""
    a, n = np.arange(16.0), 16
    exact, nearly = auroc(a + 0.5, a), auroc(a + 0.5, np.where(a == 3, 3.7, a))
    for found in (exact, nearly):
        assert found.high - found.low > 2 * 1.96 * np.sqrt(0.25 / (2 * n)) * 0.9


def test_a_score_that_is_no_number_leaves_none():
    found = auroc(np.array([1.0, np.nan, 3.0]), np.zeros(3))
    assert np.isnan(found[:3]).all()
    assert found.n == 3
    with pytest.raises(InputError, match="of the same seeds"):
        auroc(np.zeros(3), np.zeros(2))


@pytest.mark.parametrize("together", [-0.5, 0.0, 0.8])
@pytest.mark.parametrize(("apart", "truth"), [(0.0, 0.5), (1.19, 0.8), (2.77, 0.975)])
def test_the_interval_covers(together, apart, truth):
    """95 % or more, within 4 standard errors of 1,000 draws; by Φ(apart / √2) = truth."""
    draw, n, times = np.random.default_rng(1), 16, 1000
    a, b = draw.standard_normal((2, times, n))
    b = together * a + np.sqrt(1 - together**2) * b
    found = [auroc(x + apart, y) for x, y in zip(a, b, strict=True)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert covered > 0.95 - 4 * np.sqrt(0.95 * 0.05 / times)
    if truth == 0.5 and together <= 0:  # and is no wider than it need be: as Student's t would be
        widths = np.mean([one.high - one.low for one in found])
        assert widths < 1.1 * 2 * 2.13 * np.std([one.value for one in found])


def test_shares_are_wilsons():
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for times, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert share(times, n)[1:3] == pytest.approx((low, high), abs=5e-5)
    for times, n, rule in (
        (5, 3, "times = 5: must be from 0 to n = 3"),
        (-1, 3, "times = -1: must be from 0 to n = 3"),
        (0, 0, "n = 0: must be a positive number, of seeds"),
    ):
        with pytest.raises(InputError, match=rule):
            share(times, n)
