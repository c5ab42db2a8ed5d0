"""What is measured of a network, beside its training loss."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sim.model.networks import Network, Params

BLOCK = 1000  # examples evaluated at once: bounds memory; MNIST's 10,000 are whole blocks of it


def accuracy(
    net: Network, θ: Params, x: Float[Array, "n d"], y: Int[Array, " n"]
) -> Float[Array, ""]:
    """Fraction of examples whose largest class logit, by the network's own head, is the label's.

    A diverged network, whose logits are not numbers, answers class 0. NaN if there are no examples.
    """

    def right(example: tuple[Float[Array, " d"], Int[Array, ""]]) -> Float[Array, ""]:
        image, label = example
        return (jnp.argmax(net.apply(θ, image)[: net.classes]) == label).astype(jnp.float32)

    return (
        jnp.mean(jax.lax.map(right, (x, y), batch_size=BLOCK)) if len(x) else jnp.float32(jnp.nan)
    )
