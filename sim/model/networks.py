"""The network: an MLP with a class head and an auxiliary head, behind `init` and `apply`.

Everything else knows a network only as these two functions, of one example or many.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PyTree

from sim.model.arrays import image_sides
from sim.model.products import Product
from sim.settings.layers import CHANNELS
from sim.settings.setup import Setup

Params = PyTree[Float[Array, "..."]]
Shape = tuple[int, int, int]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "linear": lambda x: x,
}


def numbered(index: Int[Array, ""], names: tuple[str, ...]) -> Callable[[Array], Array]:
    """Choose a named activation by a number that may be traced: one program for them all."""
    return partial(jax.lax.switch, index, [ACTIVATIONS[name] for name in names])


class Network(NamedTuple):
    """`init(key) -> θ`, a dict of layers; `apply(θ, x) -> z`, [*b, d_in] to [*b, classes + aux].

    `features(θ, x)`: the last hidden layer, [*b, units], which both heads read; `hidden(θ, x)`: all
    hidden layers by name, [*b, units] each (of a convolution, [*b, height · width · channels]).
    """

    init: Callable[[Key[Array, ""]], dict[str, Params]]
    apply: Callable[[dict[str, Params], Float[Array, "*b d_in"]], Float[Array, "*b n"]]
    d_in: int
    classes: int
    features: Callable[..., Float[Array, "*b h"]] | None = None
    hidden: Callable[..., dict[str, Float[Array, "*b h"]]] | None = None


def mlp(
    setup: Setup,
    d_in: int,
    classes: int,
    activation: Callable[[Array], Array] | None = None,
    product: Product = jnp.matmul,
) -> Network:
    """Make the paper's MLP, its weights of the setup's law; z = (class, aux) logits.

    `activation` takes the place of the one that the setup names, `product` that of x @ w.
    """
    act = activation or ACTIVATIONS[setup.activation]
    return _network(
        _MLP(setup.widths, classes, setup.aux, act, product, law=setup.init), d_in, classes
    )


def student(setup: Setup, d_in: int, classes: int, product: Product = jnp.matmul) -> Network:
    """Make the students' network: the teacher's, unless the setup has another for them."""
    if setup.student_network == "mlp":
        widths = setup.student_widths or setup.widths
        return mlp(replace(setup, widths=widths), d_in, classes, product=product)
    act, channels = ACTIVATIONS[setup.activation], setup.student_widths or CHANNELS
    dense = setup.widths[-1:]
    return _network(
        _MLP(dense, classes, setup.aux, act, product, channels, setup.init), d_in, classes
    )


def product_shapes(
    make: Callable[..., Network], setup: Setup, d_in: int, classes: int
) -> tuple[Shape, ...]:
    """List rows, terms and columns of each product of one example's forward pass."""
    sizes = ("widths", "aux", "student_network", "student_widths")  # on which alone they hang
    return _shapes(make, Setup(**{name: getattr(setup, name) for name in sizes}), d_in, classes)


def drawn(setup: Setup, *, learns: bool = False) -> tuple[Callable[..., Network], Setup]:
    """Name what makes a network, and of its setup what its parameters hang on before training.

    Many setups have that in common, and students (learns) mostly with their teachers.
    """
    of = Setup(widths=setup.widths, aux=setup.aux, init=setup.init)
    if not learns:
        return mlp, of
    widths, kind = setup.student_widths, setup.student_network
    if kind == "mlp":
        return mlp, replace(of, widths=widths or setup.widths)
    return student, replace(of, student_widths=widths, student_network=kind)


@cache
def _shapes(
    make: Callable[..., Network], setup: Setup, d_in: int, classes: int
) -> tuple[Shape, ...]:
    shapes: list[Shape] = []

    def product(x: Array, w: Array) -> Array:
        shapes.append((x.size // x.shape[-1], *w.shape))
        return x @ w

    net = make(setup, d_in, classes, product=product)
    θ = jax.eval_shape(net.init, jax.eval_shape(jax.random.key, 0))
    shapes.clear()  # of init, which applies the network too
    jax.eval_shape(net.apply, θ, jax.ShapeDtypeStruct((d_in,), jnp.float32))
    return (*shapes,)


def _network(module: nn.Module, d_in: int, classes: int) -> Network:
    return Network(
        init=lambda key: _initial(module, d_in, key),
        apply=lambda θ, x: module.apply({"params": θ}, x),
        features=lambda θ, x: module.apply({"params": θ}, x, read="last"),
        hidden=lambda θ, x: module.apply({"params": θ}, x, read="every"),
        d_in=d_in,
        classes=classes,
    )


class Law(NamedTuple):
    """Of initial weights: standard draws (key, shape, dtype), and what becomes of them, given d."""

    draw: Callable[..., Array]
    scaled: Callable[[Array, int], Array]
    biases: bool = False  # whether they are drawn too, or zeros


LAWS: dict[str, Law] = {
    "lecun_normal": Law(jax.random.normal, lambda x, d: x / d**0.5),
    "he_normal": Law(jax.random.normal, lambda x, d: x * (2 / d) ** 0.5),
    "small_normal": Law(jax.random.normal, lambda x, d: x * 0.02),
    "uniform": Law(partial(jax.random.uniform, minval=-1), lambda x, d: x / d**0.5, biases=True),
}


def _initial(module: nn.Module, d_in: int, key: Key[Array, ""]) -> dict[str, Params]:
    """Draw θ: each parameter by a key that comes from its layer's name."""
    law, asked = LAWS[module.law], {}

    def ask(
        layer: str, part: str, key: Key[Array, ""], shape: tuple[int, ...], dtype: Any
    ) -> Array:
        if part == "kernel" or law.biases:
            asked[layer, part] = key, shape
        return jnp.zeros(shape, dtype)

    θ = module.clone(draw=ask).init(key, jnp.zeros(d_in))["params"]
    keys, shapes = zip(*asked.values(), strict=True)
    drawn = by_unit(jnp.stack(keys), shapes, law.draw, jax.tree.leaves(θ)[0].dtype)
    for (layer, part), standard in zip(asked, drawn, strict=True):
        θ[layer][part] = law.scaled(standard, len(θ[layer]["kernel"]))
    return θ


def by_unit(
    keys: Key[Array, " n"],
    shapes: Sequence[tuple[int, ...]],
    draw: Callable[..., Array] = jax.random.normal,
    dtype: Any = jnp.float32,
) -> list[Array]:
    """Draw arrays [*d, units], each by a key of its own, of which unit j has the j-th.

    A layer of fewer units is then a prefix of a wider one: the network with m = 3 auxiliary logits
    is the one with m = 300, cut. All are one draw, of which short columns use the beginning: each
    draw costs much compilation.
    """
    units = [shape[-1] for shape in shapes]
    of_array = keys[np.repeat(np.arange(len(units)), units)]
    of_unit = jax.vmap(jax.random.fold_in)(of_array, np.concatenate([np.arange(u) for u in units]))
    rows = [math.prod(shape[:-1]) for shape in shapes]
    columns = jax.vmap(lambda key: draw(key, (max(rows),), dtype))(of_unit)
    parts = jnp.split(columns, np.cumsum(units)[:-1])
    return [
        part[:, :n].T.reshape(shape) for part, n, shape in zip(parts, rows, shapes, strict=True)
    ]


def _zeros(layer: str, part: str, key: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    return jnp.zeros(shape, dtype)


class _MLP(nn.Module):
    widths: tuple[int, ...]
    classes: int
    aux: int
    activation: Callable[[Array], Array]
    product: Product
    channels: tuple[int, ...] = ()  # of convolutions before the dense layers
    law: str = "lecun_normal"
    draw: Callable[..., Array] = _zeros  # of a parameter, by layer and part

    @nn.compact
    def __call__(self, x: Float[Array, "*b d_in"], *, read: str = "heads") -> Any:
        batch, every = x.shape[:-1], {}
        if self.channels:
            x = x.reshape(*x.shape[:-1], *image_sides(x.shape[-1]), 1)
        for i, width in enumerate((*self.channels, *self.widths)):
            if i < len(self.channels):
                x = _patches(x)
            elif i == len(self.channels) > 0:
                x = x.reshape(*x.shape[:-3], -1)
            kernel, bias = _Layer(width, self.draw, name=f"hidden_{i}")(x)
            x = self.activation(self._affine(x, kernel, bias))
            every[f"hidden_{i}"] = x.reshape(*batch, -1)
        if read != "heads":
            return x if read == "last" else every
        # Two heads of their own names and keys, but one product: a narrow one is slow for its size.
        units = {"class_head": self.classes, "aux_head": self.aux}
        heads = [_Layer(n, self.draw, name=name)(x) for name, n in units.items()]
        kernel, bias = (jnp.concatenate(parts, axis=-1) for parts in zip(*heads, strict=True))
        return self._affine(x, kernel, bias)

    def _affine(self, x: Array, kernel: Array, bias: Array) -> Array:
        z = self.product(x, kernel)
        return z + jnp.broadcast_to(bias, z.shape)


def _patches(x: Float[Array, "*b h w c"]) -> Float[Array, "*b h2 w2 c9"]:
    """Cut the 3 × 3 pixels about every other pixel, zeros beyond: a convolution's inputs."""
    *_, h, w, _ = x.shape
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 3) + [(1, 1), (1, 1), (0, 0)])
    shifted = [x[..., i : i + h : 2, j : j + w : 2, :] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifted, axis=-1)


class _Layer(nn.Module):
    """The kernel [d_in, units] and bias [units] of one layer; its key comes from its name."""

    units: int
    draw: Callable[..., Array]

    @nn.compact
    def __call__(self, x: Float[Array, "*b d_in"]) -> tuple[Array, Array]:
        shapes = {"kernel": (x.shape[-1], self.units), "bias": (self.units,)}
        kernel, bias = (
            self.param(part, partial(self.draw, self.name, part), shape, x.dtype)
            for part, shape in shapes.items()
        )
        return kernel, bias
