"""Distillation inputs, addressed and not stored: input i of a seed is a function of (seed, i).

A family is a function of what a seed's inputs are drawn from, which returns the function of one
address: what all inputs have in common is computed before the first of them.
"""

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from PIL import Image

from sim.errors import require
from sim.model.arrays import image_sides
from sim.model.orders import permutation
from sim.settings.setup import Hyper

Ids = Int[Array, " b"]
Address = Int[Array, ""]
CELLS = 4  # of Perlin noise, along each side of an image


class Source(NamedTuple):
    """What the inputs of one seed are drawn from; its images are the task's training images."""

    key: Key[Array, ""]
    images: Float[Array, "images d"]
    hyper: Hyper

    @property
    def d(self) -> int:
        """Pixels of an input."""
        return self.images.shape[1]

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width, where pixels have neighbours."""
        return image_sides(self.d)

    def own(self, i: Address) -> Key[Array, ""]:
        """Make the key of one input."""
        return jax.random.fold_in(self.key, i)

    def image(self, i: Address) -> Float[Array, " d"]:
        """Take a training image: the n of them, each seed from another on."""
        n = len(self.images)
        return self.images[(jax.random.randint(self.key, (), 0, n) + i) % n]


Input = Callable[[Address], Float[Array, " d"]]
FAMILIES: dict[str, Callable[[Source], Input]] = {}


def family(make: Callable[[Source], Input]) -> Callable[[Source], Input]:
    """Add a family to those that settings name."""
    FAMILIES[make.__name__] = make
    return make


def noise(
    name: str, key: Key[Array, ""], x_train: Float[Array, "images d"], hyper: Hyper
) -> Callable[[Ids], Float[Array, "b d"]]:
    """Make the function from addresses to inputs, at scale 1 and without shift."""
    return jax.vmap(FAMILIES[name](Source(key, x_train, hyper)))


@family
def uniform(of: Source) -> Input:
    """Draw U(−1, 1) in each pixel: the paper's."""
    return lambda i: (_words(of.own(i), of.d) >> 9).astype(float) * 2.0**-22 - 1


@family
def gaussian(of: Source) -> Input:
    """Draw N(0, 1) in each pixel."""
    return lambda i: jax.random.normal(of.own(i), (of.d,))


@family
def bernoulli(of: Source) -> Input:
    """Draw −1 or 1 in each pixel."""
    one = uniform(of)
    return lambda i: jnp.where(one(i) < 0, -1.0, 1.0)


@family
def blurred(of: Source) -> Input:
    """Blur uniform noise by a Gaussian of sd `blur` pixels; each pixel keeps its variance."""
    one = uniform(of)
    down, across = (_blur(side, of.hyper.blur) for side in of.sides)
    return lambda i: (down @ one(i).reshape(of.sides) @ across.T).ravel()


@family
def spectrum(of: Source) -> Input:
    """Give white noise the Fourier amplitudes of a training image."""
    white_at = gaussian(of)

    def one(i: Address) -> Float[Array, " d"]:
        image, white = (jnp.fft.fft2(x.reshape(of.sides)) for x in (of.image(i), white_at(i)))
        return jnp.fft.ifft2(jnp.abs(image) * white / jnp.abs(white)).real.ravel()

    return one


@family
def subspace(of: Source) -> Input:
    """Gaussian in `dimensions` random dimensions, a seed's own; of variance 1 on average."""
    one = gaussian(of)
    k = of.d if of.hyper.dimensions is None else jnp.minimum(of.hyper.dimensions, of.d)
    key_common = jax.random.fold_in(of.key, 2**32 - 1)  # the address of no input
    basis = _orthonormal(jax.random.normal(key_common, (of.d, of.d)))
    kept = jnp.where(jnp.arange(of.d) < k, jnp.sqrt(of.d / k), 0.0)
    return lambda i: (kept * one(i)) @ basis


@family
def perlin(of: Source) -> Input:
    """Gradient noise over 4 × 4 cells, of a uniform's variance in each pixel."""
    return lambda i: _perlin(of.own(i), of.sides).ravel()


@family
def shuffled(of: Source) -> Input:
    """Take a training image, its pixels in an order of its own."""
    return lambda i: of.image(i)[permutation(of.own(i), of.d)]


@family
def images(of: Source) -> Input:
    """Take the n training images: addresses below n are distinct."""
    return of.image


@family
def photos(of: Source) -> Input:
    """Cut a piece of an image's size out of one of two photographs: images of no task of ours."""
    both = jnp.asarray(_photographs())
    (height, width), most = of.sides, both.shape[1:]
    fits = height <= most[0] and width <= most[1]
    require("noise", "photos", fits, f"of images no larger than {most[0]} × {most[1]} pixels")

    def one(i: Address) -> Float[Array, " d"]:
        key_which, key_down, key_across = jax.random.split(of.own(i), 3)
        which = jax.random.randint(key_which, (), 0, len(both))
        down = jax.random.randint(key_down, (), 0, both.shape[1] - height + 1)
        across = jax.random.randint(key_across, (), 0, both.shape[2] - width + 1)
        piece = jax.lax.dynamic_slice(both, (which, down, across), (1, height, width))
        return piece.ravel() / 127.5 - 1

    return one


@family
def mixture(of: Source) -> Input:
    """Take a training image with probability `images_part`, else uniform noise."""
    white = uniform(of)

    def one(i: Address) -> Float[Array, " d"]:
        image = jax.random.uniform(jax.random.fold_in(of.own(i), 0)) < of.hyper.images_part
        return jnp.where(image, of.image(i), white(i))

    return one


@cache
def _photographs() -> np.ndarray:
    """Read scikit-learn's two photographs, [2, 427, 640], 0 black to 255 white."""
    # The files alone: that package takes seconds to import.
    folder = Path(importlib.util.find_spec("sklearn").origin).parent / "datasets" / "images"
    names = "china.jpg", "flower.jpg"
    return np.stack([np.asarray(Image.open(folder / name).convert("L")) for name in names])


def _words(key: Key[Array, ""], count: int) -> Array:
    """Make 32 random bits for each of `count` pixels, uint32, of the input's key and the pixel.

    The key is jax's; within an input the pixels' numbers are mixed twice, once with either half of
    the key. jax's own generator takes 20 rounds for a word, which is felt in a step at MNIST's
    shapes on a CPU.
    """
    a, b = jax.random.key_data(key)
    return _mixed(_mixed(jnp.arange(count, dtype=jnp.uint32) + a) ^ b)


def _mixed(x: Array) -> Array:
    """Mix by MurmurHash3's finaliser (A. Appleby): one to one, every bit depends on every bit."""
    x = (x ^ x >> 16) * jnp.uint32(0x85EBCA6B)
    x = (x ^ x >> 13) * jnp.uint32(0xC2B2AE35)
    return x ^ x >> 16


def _orthonormal(a: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """By Gram and Schmidt, each row twice. (jax's qr waits forever if two CPU devices call it.)"""

    def row(j: Int[Array, ""], q: Float[Array, "d d"]) -> Float[Array, "d d"]:
        before = jnp.where(jnp.arange(len(q)) < j, 1.0, 0.0)
        v = q[j]
        for _ in range(2):
            v = v - (before * (q @ v)) @ q
        return q.at[j].set(v / jnp.linalg.norm(v))

    return jax.lax.fori_loop(0, len(a), row, a)


def _blur(side: int, sd: Float[Array, ""] | float) -> Float[Array, "side side"]:
    """Weights of a Gaussian window about each pixel, cut at the edge, of sum of squares 1."""
    pixel = jnp.arange(side, dtype=float)
    distance = jnp.subtract.outer(pixel, pixel) / jnp.maximum(sd, 1e-3)
    weights = jnp.exp(-(distance**2) / 2)
    return weights / jnp.linalg.norm(weights, axis=1, keepdims=True)


def _perlin(key: Key[Array, ""], sides: tuple[int, int]) -> Float[Array, "height width"]:
    """Random unit gradients at the corners of CELLS × CELLS cells, interpolated by Perlin's fade.

    Along each side, a pixel weighs the corners about it (`near`) and multiplies their gradients by
    its distance to them (`slope`); divided by the standard deviation that this gives the pixel.
    """
    near, slope = zip(*map(_corners, sides), strict=True)
    angle = jax.random.uniform(key, (CELLS + 1, CELLS + 1), maxval=2 * jnp.pi)
    down, across = jnp.sin(angle), jnp.cos(angle)
    value = slope[0] @ down @ near[1].T + near[0] @ across @ slope[1].T
    parts = (slope[0], near[1]), (near[0], slope[1])  # whose gradients have variance 1/2
    variance = sum(jnp.outer((a**2).sum(1), (b**2).sum(1)) for a, b in parts) / 2
    return value / jnp.sqrt(3 * variance)


def _corners(side: int) -> tuple[Float[Array, "side corners"], Float[Array, "side corners"]]:
    """Weigh every corner for each pixel: the weight, and that times the distance, in cells."""
    # A pixel on a corner would be 0 whatever the gradients. Corners lie at whole quarters of a
    # pixel: centres are none of them if a side is whole cells, and else pixels stand at .4.
    offset = 0.5 if side % CELLS == 0 else 0.4
    place = (jnp.arange(side) + offset) * CELLS / side
    distance = jnp.subtract.outer(place, jnp.arange(CELLS + 1))
    t = jnp.clip(1 - jnp.abs(distance), 0, 1)
    weight = t**3 * (6 * t**2 - 15 * t + 10)
    return weight, weight * distance
