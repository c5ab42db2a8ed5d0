"""Networks made of others without training: permuted, rescaled, mixed, noisy."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Key

from sim.model.networks import Params
from sim.model.symmetries import permuted as permuted_units
from sim.model.symmetries import rescaled as rescaled_units
from sim.settings.setup import Hyper

#: (θ, another member's θ, key, numbers) -> θ
Change = Callable[[Params, Params, Key[Array, ""], Hyper], Params]
CHANGES: dict[str, Change] = {}


def change(of: Change) -> Change:
    """Add a change to those that families name."""
    CHANGES[of.__name__] = of
    return of


@change
def permuted(θ: Params, other: Params, key: Key[Array, ""], hyper: Hyper) -> Params:
    """Put the units of each hidden layer in another order: the same function."""
    return permuted_units(θ, key)


@change
def rescaled(θ: Params, other: Params, key: Key[Array, ""], hyper: Hyper) -> Params:
    """Scale hidden units and divide what reads them: the same function of a ReLU network."""
    return rescaled_units(θ, hyper.rescale)


@change
def mixed(θ: Params, other: Params, key: Key[Array, ""], hyper: Hyper) -> Params:
    """Take √(1 − s²) of a network and s of another."""
    s = hyper.mix
    return jax.tree.map(lambda a, b: (1 - s**2) ** 0.5 * a + s * b, θ, other)


@change
def noisy(θ: Params, other: Params, key: Key[Array, ""], hyper: Hyper) -> Params:
    """Add N(0, init_noise²) to every parameter, of another draw than students' starts get."""
    leaves, tree = jax.tree.flatten(θ)
    keys = jax.random.split(key, len(leaves))
    added = [
        leaf + hyper.init_noise * jax.random.normal(k, leaf.shape)
        for leaf, k in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(tree, added)
