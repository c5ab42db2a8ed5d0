"""sim/noise.py: inputs are functions of their address; their laws within standard errors."""

import itertools
import os
import subprocess
import sys
import typing
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from sim.model.keys import Purpose, key
from sim.model.noise import _mixed, _words, noise
from sim.settings.setup import Hyper, Noise

X = np.linspace(-1, 1, 50 * 16, dtype=np.float32).reshape(50, 16)
N = 4000


def at(family, seed, ids, x=X, **numbers):
    return np.asarray(_at(family, seed, ids, x, numbers))


@partial(jax.jit, static_argnames="family")
def _at(family, seed, ids, x, numbers):
    return noise(family, key(seed, Purpose.NOISE), x, Hyper(**numbers))(ids)


@pytest.mark.parametrize("family", typing.get_args(Noise))
def test_an_input_depends_on_its_address_alone(family):
    ids = np.array([7, 3, 7, 11])
    some = at(family, 5, ids)
    alone = at(family, 5, np.array([3]))
    # To rounding, where a matrix product makes it: one row and four are summed in other orders.
    np.testing.assert_allclose(some[1], alone[0], atol=1e-6)
    np.testing.assert_allclose(some[0], some[2], atol=1e-6)
    assert np.abs(some[0] - some[3]).max() > 0.1
    other_seed = at(family, 6, ids)
    assert np.abs(some - other_seed).max() > 0.1


@pytest.mark.parametrize(
    ("family", "variance", "fourth"), [("uniform", 1 / 3, 1 / 5), ("gaussian", 1.0, 3.0)]
)
def test_law(family, variance, fourth):
    """Mean, variance and correlations between pixels within 4 to 5 standard errors."""
    x = np.asarray(at(family, 0, np.arange(N)), float)
    assert abs(x.mean()) < 4 * (variance / x.size) ** 0.5
    assert abs((x**2).mean() - variance) < 4 * ((fourth - variance**2) / x.size) ** 0.5
    between = np.corrcoef(x.T)[np.triu_indices(16, 1)]
    assert np.abs(between).max() < 5 / N**0.5
    if family == "uniform":
        assert x.min() >= -1
        assert x.min() < -0.99  # [−1, 1], not [0, 1]
        assert 0.99 < x.max() < 1


@pytest.fixture(scope="module")
def words():
    """Random words of seeds 0 and 1 at the addresses 0 … 2047, of 784 pixels: [2, 2048, 784]."""

    def one(seed, i):
        return _words(jax.random.fold_in(key(seed, Purpose.NOISE), i), 784)

    each = jax.vmap(jax.vmap(one, (None, 0)), (0, None))
    return np.asarray(jax.jit(each)(np.arange(2), np.arange(2048)))


def test_words_are_evenly_spread(words):
    """Each of a word's four bytes by χ² of 255 degrees of freedom, both seeds."""
    for seed in words:
        for byte in range(4):
            counts = np.bincount((seed >> 8 * byte & 255).ravel(), minlength=256)
            expected = seed.size / 256
            assert abs(((counts - expected) ** 2 / expected).sum() - 255) < 5 * 510**0.5


def test_words_mix_as_published_and_use_all_of_the_key():
    """MurmurHash3 of no bytes is its finaliser of the seed: test vectors for seeds 1, 2³² − 1."""
    mixed = jax.jit(_mixed)(np.array([0, 1, 2**32 - 1], np.uint32))
    np.testing.assert_array_equal(mixed, np.array([0, 0x514E28B7, 0x81F16F39], np.uint32))
    halves = np.array([[5, 6], [5, 7], [4, 6]], np.uint32)
    of = jax.jit(jax.vmap(lambda both: _words(jax.random.wrap_key_data(both), 10_000)))(halves)
    for a, b in itertools.combinations(np.asarray(of), 2):
        assert abs(np.bitwise_count(a ^ b).mean() - 16) < 5 * (32 / 4 / a.size) ** 0.5


def test_words_repeat_as_by_chance(words):
    """Equal pairs among k: Poisson of mean k² / 2³³. Inputs that overlap would add some."""
    ordered = np.sort(words, axis=None)
    repeated = (ordered[1:] == ordered[:-1]).sum()
    mean = words.size**2 / 2**33
    assert abs(repeated - mean) < 5 * mean**0.5


@pytest.mark.parametrize("step", [1, pytest.param(64, marks=pytest.mark.slow)])
def test_words_of_neighbours_share_no_bits(words, step):
    """Pixels, addresses, seeds that differ by little: each bit differs from any other in half.

    All 32 × 32 pairs of bits within k standard errors of 1/2, k for the largest of 1,024.
    """
    pairs = {
        "pixels": (words[0, :, step:], words[0, :, :-step]),
        "addresses": (words[0, step:], words[0, :-step]),
        "seeds": (words[0], words[1]),
    }
    for name, (a, b) in pairs.items():
        for shift in range(32):
            differs = a ^ (b << shift | b >> (32 - shift) % 32)
            shares = [np.count_nonzero(differs & 1 << bit) / a.size for bit in range(32)]
            assert np.abs(np.subtract(shares, 0.5)).max() < 5.5 * 0.5 / a.size**0.5, (name, shift)


def test_uniform_noise_has_no_directions():
    """Eigenvalues of n inputs' second moments in d dimensions: within the law of Marchenko, Pastur.

    Its edges are (1 ± √(d/n))² / 3 for independent pixels of variance 1/3; the outermost values
    lie about them by n^(−2/3) or so.
    """
    n, d = 4000, 784
    x = np.asarray(at("uniform", 0, np.arange(n), np.zeros((1, d))), float)
    values = np.linalg.eigvalsh(x.T @ x / n)
    low, high = ((1 + sign * (d / n) ** 0.5) ** 2 / 3 for sign in (-1, 1))
    assert abs(values.min() - low) < 4 * n ** (-2 / 3)
    assert abs(values.max() - high) < 4 * n ** (-2 / 3)


def test_images_are_the_tasks_own_each_once():
    rows = at("images", 2, np.arange(50))
    np.testing.assert_array_equal(np.sort(np.asarray(rows), axis=0), X)


def sd(x):
    return np.asarray(x, float).std(axis=0)


def near(found, expected, n, k=5):
    """Standard deviations of n draws each: they are known to 1 part in √(2n)."""
    return np.abs(np.asarray(found) / expected - 1).max() < k / (2 * n) ** 0.5


def test_bernoulli():
    x = np.asarray(at("bernoulli", 0, np.arange(N)), float)
    assert set(np.unique(x)) == {-1, 1}
    assert np.abs(x.mean(0)).max() < 4.5 / N**0.5


@pytest.mark.parametrize("blur", [0.0, 0.7, 2.0])
def test_blurred_noise_keeps_its_variance_and_correlates_by_distance(blur):
    """Two pixels a distance r apart, far from the edge: correlation exp(−r²/4σ²)."""
    big = np.zeros((1, 400))
    x = np.asarray(at("blurred", 0, np.arange(N), big, blur=blur), float)
    assert near(sd(x), 1 / 3**0.5, N)
    if not blur:
        np.testing.assert_allclose(x, at("uniform", 0, np.arange(N), big), atol=1e-6)
        return
    centre = 10 * 20 + 10
    for step in (1, 20):  # across, and down
        found = np.corrcoef(x[:, centre], x[:, centre + step])[0, 1]
        assert abs(found - np.exp(-1 / (4 * blur**2))) < 5 / N**0.5


def test_spectrum_is_that_of_a_training_image():
    images = np.asarray(jax.random.normal(jax.random.key(0), (6, 16)))
    x = at("spectrum", 0, np.arange(6), images)

    def amplitudes(rows):
        return np.sort(np.abs(np.fft.fft2(np.reshape(rows, (-1, 4, 4)))).reshape(6, -1), axis=0)

    np.testing.assert_allclose(amplitudes(x), amplitudes(images), atol=1e-4)
    assert np.abs(np.corrcoef(x, images)[:6, 6:]).max() < 0.95  # other phases


@pytest.mark.parametrize("k", [None, 1, 5, 16, 99])
def test_subspace_has_its_dimensions_and_the_variance_of_all(k):
    x = np.asarray(at("subspace", 0, np.arange(N), dimensions=k), float)
    rank = min(k or 16, 16)
    values = np.linalg.svd(x, compute_uv=False) / N**0.5
    assert (values > 1e-4).sum() == rank
    assert near(values[:rank], (16 / rank) ** 0.5, N)
    other = np.asarray(at("subspace", 1, np.arange(N), dimensions=k), float)
    assert np.linalg.matrix_rank(np.vstack([x, other]), tol=1e-2) == min(2 * rank, 16)


@pytest.mark.parametrize(
    "d", [*(pytest.param(d, marks=pytest.mark.slow) for d in (7, 9, 25, 36)), 12, 100]
)
def test_perlin_noise_is_of_even_variance(d):
    """On whose grids a pixel's centre could be a corner."""
    assert near(sd(at("perlin", 0, np.arange(N), np.zeros((1, d)))), 1 / 3**0.5, N, k=6)


def test_perlin_noise_is_smooth():
    x = np.asarray(at("perlin", 0, np.arange(N), np.zeros((1, 784))), float)
    assert np.abs(x.mean(0)).max() < 5 * (1 / 3 / N) ** 0.5
    # Not normal: a pixel's fourth moment is at most 3 times its squared variance.
    assert near(sd(x), 1 / 3**0.5, N, k=6)
    rows = x.reshape(N, 28, 28)
    assert np.corrcoef(rows[:, 10, 10], rows[:, 10, 11])[0, 1] > 0.8
    assert abs(np.corrcoef(rows[:, 3, 3], rows[:, 24, 24])[0, 1]) < 5 / N**0.5


def test_shuffled_pixels_are_an_images_in_orders_of_their_own():
    x, images = at("shuffled", 0, np.arange(50)), at("images", 0, np.arange(50))
    np.testing.assert_array_equal(np.sort(x), np.sort(images))
    orders = {tuple(np.argsort(row)) for row in np.asarray(x)}
    assert len(orders) == 50


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_a_mixture_is_of_images_and_noise(part):
    ids = np.arange(1000)
    x, images, uniform = (
        at(family, 0, ids, images_part=part) for family in ("mixture", "images", "uniform")
    )
    image = (np.asarray(x) == np.asarray(images)).all(axis=1)
    np.testing.assert_array_equal(x[~image], uniform[~image])
    assert abs(image.mean() - part) <= 4 * (part * (1 - part) / 1000) ** 0.5


TWO_DEVICES = """
import sim
sim.sweep("digits", {"student_lr": [1e-3, 2e-3]}, 4, noise=FAMILY, student_steps=100,
          teacher_steps=10)
"""


@pytest.mark.slow
@pytest.mark.parametrize("family", typing.get_args(Noise))
def test_devices_side_by_side_do_not_wait_for_each_other(family):
    """A LAPACK call once did, for ever."""
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    subprocess.run(
        [sys.executable, "-c", TWO_DEVICES.replace("FAMILY", repr(family))],
        env=environment | {"JAX_NUM_CPU_DEVICES": "2"},
        cwd=Path(__file__).parent.parent,
        timeout=100,
        check=True,
    )
