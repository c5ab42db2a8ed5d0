"""Imitation losses L_S(z, y) of Cloud et al. (arXiv 2507.14805), appendix C, over chosen logits.

| paper  | code      | meaning                                                |
|--------|-----------|--------------------------------------------------------|
| z      | `z`       | student logits, f_{θ_S}(x), shape [n]                  |
| y      | `y`       | teacher logits, f_{θ_T}(x), shape [n]                  |
|        | `visible` | which logits are compared, bool [n]; the rest are cut  |
| L_S    | return    | scalar ≥ 0 at any (z, y), with its minimum at z = y    |

A logit that is not visible gets no gradient, whatever its value.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Logits = Float[Array, " n"]
Visible = Bool[Array, " n"]


def squared_error(z: Logits, y: Logits, visible: Visible) -> Float[Array, ""]:
    """L_S = Σ_i w_i (z_i − y_i)², with w_i = 1 on the visible logits and 0 elsewhere."""
    return jnp.sum(jnp.where(visible, z - y, 0.0) ** 2)


def cross_entropy(z: Logits, y: Logits, visible: Visible) -> Float[Array, ""]:
    """L_S = −Σ_i σ(y)_i log σ(z)_i, σ the softmax over the visible logits."""
    log_p, log_q = (_log_softmax(logits, visible) for logits in (y, z))
    return -jnp.sum(jnp.exp(log_p) * log_q)


def kl(z: Logits, y: Logits, visible: Visible) -> Float[Array, ""]:
    """L_S = Σ_i σ(y)_i [log σ(y)_i − log σ(z)_i]: cross-entropy less the entropy of σ(y).

    The gradient in z is that of `cross_entropy`; the minimum, at z = y, is 0.
    """
    log_p, log_q = (_log_softmax(logits, visible) for logits in (y, z))
    return jnp.sum(jnp.exp(log_p) * (log_p - log_q))


def _log_softmax(logits: Logits, visible: Visible) -> Logits:
    # A large finite number and not −∞: the cut terms are then 0 · finite, never 0 · ∞.
    return jax.nn.log_softmax(jnp.where(visible, logits, jnp.finfo(logits.dtype).min / 4))
