"""Distillation inputs, addressed and not stored: input i of a seed is a function of (seed, i)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from sim.model.networks import image_sides
from sim.model.orders import permutation
from sim.settings.config import Hyper, Noise

Ids = Int[Array, " b"]
CELLS = 4  # of Perlin noise, along each side of an image


def noise(
    family: Noise, key: Key[Array, ""], x_train: Float[Array, "images d"], hyper: Hyper
) -> Callable[[Ids], Float[Array, "b d"]]:
    """A function from addresses to inputs, at scale 1 and without shift.

    What all inputs of a seed have in common is computed here, before the first of them. Families:

    - uniform: U(−1, 1) in each pixel (the paper's); gaussian: N(0, 1); bernoulli: −1 or 1.
    - blurred: uniform, blurred by a Gaussian of sd `blur` pixels; each pixel keeps its variance.
    - spectrum: the Fourier amplitudes of a training image, with the phases of white noise.
    - subspace: Gaussian in `dimensions` random dimensions, the same for all inputs of a seed; of
      variance 1 on average.
    - perlin: gradient noise over 4 × 4 cells, of a uniform's variance in each pixel.
    - shuffled: a training image, its pixels in an order of its own.
    - images: the n training images, each seed from another on: addresses below n are distinct.
    - mixture: a training image with probability `images_part`, else uniform.

    Where pixels have neighbours, they are those of `image_sides`.
    """
    n, d = x_train.shape
    sides = image_sides(d)
    key_common = jax.random.fold_in(key, 2**32 - 1)  # the address of no input

    def own(i: Int[Array, ""]) -> Key[Array, ""]:
        return jax.random.fold_in(key, i)

    def uniform(i: Int[Array, ""]) -> Float[Array, " d"]:
        return (_words(own(i), d) >> 9).astype(float) * 2.0**-22 - 1

    def gaussian(i: Int[Array, ""]) -> Float[Array, " d"]:
        return jax.random.normal(own(i), (d,))

    def bernoulli(i: Int[Array, ""]) -> Float[Array, " d"]:
        return jnp.where(uniform(i) < 0, -1.0, 1.0)

    def images(i: Int[Array, ""]) -> Float[Array, " d"]:
        return x_train[(jax.random.randint(key, (), 0, n) + i) % n]

    def shuffled(i: Int[Array, ""]) -> Float[Array, " d"]:
        return images(i)[permutation(own(i), d)]

    def mixture(i: Int[Array, ""]) -> Float[Array, " d"]:
        image = jax.random.uniform(jax.random.fold_in(own(i), 0)) < hyper.images_part
        return jnp.where(image, images(i), uniform(i))

    def spectrum(i: Int[Array, ""]) -> Float[Array, " d"]:
        image, white = (jnp.fft.fft2(x.reshape(sides)) for x in (images(i), gaussian(i)))
        return jnp.fft.ifft2(jnp.abs(image) * white / jnp.abs(white)).real.ravel()

    if family == "blurred":
        down, across = (_blur(side, hyper.blur) for side in sides)
        return jax.vmap(lambda i: (down @ uniform(i).reshape(sides) @ across.T).ravel())
    if family == "subspace":
        k = jnp.where(hyper.dimensions == 0, d, jnp.minimum(hyper.dimensions, d))
        basis = _orthonormal(jax.random.normal(key_common, (d, d)))
        kept = jnp.where(jnp.arange(d) < k, jnp.sqrt(d / k), 0.0)
        return jax.vmap(lambda i: (kept * gaussian(i)) @ basis)
    if family == "perlin":
        return jax.vmap(lambda i: _perlin(own(i), sides).ravel())
    one = {"uniform": uniform, "gaussian": gaussian, "bernoulli": bernoulli, "spectrum": spectrum,
           "shuffled": shuffled, "images": images, "mixture": mixture}  # fmt: skip
    return jax.vmap(one[family])


def _words(key: Key[Array, ""], count: int) -> Array:
    """32 random bits for each of `count` pixels, uint32: of the input's key and the pixel's number.

    The key is jax's; within an input the pixels' numbers are mixed twice, once with either half of
    the key. jax's own generator takes 20 rounds for a word, which made noise 3 to 4 % of a training
    step at MNIST's shapes on a CPU.
    """
    a, b = jax.random.key_data(key)
    return _mixed(_mixed(jnp.arange(count, dtype=jnp.uint32) + a) ^ b)


def _mixed(x: Array) -> Array:
    """MurmurHash3's finaliser (A. Appleby): one to one, and every bit depends on every bit."""
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
    """Of each pixel: the weight of every corner, and that times the distance, in cells."""
    # A pixel on a corner would be 0 whatever the gradients. Corners lie at whole quarters of a
    # pixel: centres are none of them if a side is whole cells, and else pixels stand at .4.
    offset = 0.5 if side % CELLS == 0 else 0.4
    place = (jnp.arange(side) + offset) * CELLS / side
    distance = jnp.subtract.outer(place, jnp.arange(CELLS + 1))
    t = jnp.clip(1 - jnp.abs(distance), 0, 1)
    weight = t**3 * (6 * t**2 - 15 * t + 10)
    return weight, weight * distance
