"""The network: an MLP with a class head and an auxiliary head, behind `init` and `apply`.

Everything else knows a network only as these two functions, written for one example.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from sim.config import Setup

Params = PyTree[Float[Array, "..."]]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "linear": lambda x: x,
}


def numbered(index: Int[Array, ""], names: tuple[str, ...]) -> Callable[[Array], Array]:
    """One of the named activations, by a number that may be traced: one program for them all."""
    return partial(jax.lax.switch, index, [ACTIVATIONS[name] for name in names])


class Network(NamedTuple):
    """`init(key) -> θ`, a dict of layers; `apply(θ, x) -> z` for x [d_in], z [classes + aux]."""

    init: Callable[[Key[Array, ""]], dict[str, Params]]
    apply: Callable[[dict[str, Params], Float[Array, " d_in"]], Float[Array, " n"]]
    d_in: int
    classes: int


def mlp(
    setup: Setup, d_in: int, classes: int, activation: Callable[[Array], Array] | None = None
) -> Network:
    """The paper's MLP: weights N(0, 1/d_in) by layer, biases zero; z = (class, aux) logits.

    `activation` takes the place of the one that the setup names.
    """
    module = _MLP(setup.widths, classes, setup.aux, activation or ACTIVATIONS[setup.activation])
    return Network(
        init=lambda key: module.init(key, jnp.zeros(d_in))["params"],
        apply=lambda θ, x: module.apply({"params": θ}, x),
        d_in=d_in,
        classes=classes,
    )


def by_unit(key: Key[Array, ""], shape: tuple[int, int], dtype: Any = jnp.float32) -> Array:
    """N(0, 1/d_in) weights [d_in, units] in which unit j draws from key j.

    A layer of fewer units is then a prefix of a wider one: the network with m = 3 auxiliary logits
    is the one with m = 300, cut.
    """
    d_in, units = shape
    column = jax.vmap(lambda j: jax.random.normal(jax.random.fold_in(key, j), (d_in,), dtype))
    return column(jnp.arange(units)).T / d_in**0.5


class _MLP(nn.Module):
    widths: tuple[int, ...]
    classes: int
    aux: int
    activation: Callable[[Array], Array]

    @nn.compact
    def __call__(self, x: Float[Array, " d_in"]) -> Float[Array, " n"]:
        for i, width in enumerate(self.widths):
            kernel, bias = _Layer(width, name=f"hidden_{i}")(x)
            x = self.activation(x @ kernel + bias)
        # Two heads of their own names and keys, but one product: a narrow one is slow for its size.
        heads = _Layer(self.classes, name="class_head")(x), _Layer(self.aux, name="aux_head")(x)
        kernel, bias = (jnp.concatenate(parts, axis=-1) for parts in zip(*heads, strict=True))
        return x @ kernel + bias


class _Layer(nn.Module):
    """The kernel [d_in, units] and bias [units] of one layer; its key comes from its name."""

    units: int

    @nn.compact
    def __call__(self, x: Float[Array, " d_in"]) -> tuple[Array, Array]:
        kernel = self.param("kernel", by_unit, (x.shape[-1], self.units), x.dtype)
        return kernel, self.param("bias", nn.initializers.zeros, (self.units,), x.dtype)
