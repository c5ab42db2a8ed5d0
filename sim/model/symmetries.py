"""What leaves an MLP's function alone: its hidden units in another order, or at another scale."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from sim.model.networks import Params
from sim.model.orders import permutation
from sim.settings.layers import in_order

ByLayer = dict[str, Params]


def permuted(θ: ByLayer, key: Key[Array, ""]) -> ByLayer:
    """Put the units of each hidden layer in a random order of its own."""
    for i, layer in enumerate(hidden(θ)):
        order = permutation(jax.random.fold_in(key, i), len(θ[layer]["bias"]))
        θ = _changed(θ, layer, lambda a, at=order: a[..., at], lambda w, at=order: w[at])
    return θ


def rescaled(θ: ByLayer, s: Float[Array, ""] | float) -> ByLayer:
    """Multiply every other hidden unit by s > 0, from the first on, and the rest by 1/s.

    What reads them is divided by as much: the function is the same under a positively homogeneous
    activation, as relu is.
    """
    for layer in hidden(θ):
        bias = θ[layer]["bias"]
        by = jnp.where(jnp.arange(len(bias)) % 2 == 0, s, 1 / s).astype(bias.dtype)
        θ = _changed(
            θ,
            layer,
            lambda a, by=by: a * jnp.broadcast_to(by, a.shape),
            lambda w, by=by: w / by[:, None],
        )
    return θ


def hidden(θ: ByLayer) -> list[str]:
    """List the hidden layers, from the input on."""
    return [layer for layer in in_order(θ) if layer.startswith("hidden")]


def _changed(
    θ: ByLayer, layer: str, units: Callable[[Array], Array], reading: Callable[[Array], Array]
) -> ByLayer:
    """Change a layer's leaves [*d, units], and the kernels [units, n] of all that reads it."""
    _, *after = hidden(θ)[hidden(θ).index(layer) :]
    readers = after[:1] or ["class_head", "aux_head"]
    read = {name: θ[name] | {"kernel": reading(θ[name]["kernel"])} for name in readers}
    return θ | {layer: jax.tree.map(units, θ[layer])} | read
