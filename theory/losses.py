"""Imitation losses L_S(z, y) of Cloud et al. (arXiv 2507.14805), appendix C, over chosen logits.

| paper  | code      | meaning                                                           |
|--------|-----------|-------------------------------------------------------------------|
| z      | `z`       | student logits, f_{θ_S}(x), shape [n]                             |
| y      | `y`       | teacher logits, f_{θ_T}(x), shape [n]                             |
|        | `visible` | which logits are compared, bool [n]; the rest are cut             |
| w_i    | `w`       | weights of the squared error, ≥ 0, [n] or one number              |
| L_S    | return    | scalar ≥ 0 at any (z, y), with its minimum at z = y               |
| M(x)   | `M…`      | M_ij = −∂²L_S/∂y_j∂z_i at z = y: how a change of the labels pulls |

A logit that is not visible gets no gradient, whatever its value. With `visible` filled in
(`functools.partial(kl, visible=…)`) each loss is an L_S(z, y) as the other modules take it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Logits = Float[Array, " n"]
Visible = Bool[Array, " n"]
Matrix = Float[Array, "n n"]
Imitation = Callable[[Logits, Logits], Float[Array, ""]]  # L_S(z, y)


def squared_error(
    z: Logits, y: Logits, visible: Visible, w: Logits | float = 1.0
) -> Float[Array, ""]:
    """L_S = Σ_i w_i (z_i − y_i)² over the visible logits."""
    return jnp.sum(w * jnp.where(visible, z - y, 0.0) ** 2)


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


def M_squared_error(y: Logits, visible: Visible, w: Logits | float = 1.0) -> Matrix:
    """M = diag(2 w_i), zero where not visible."""
    return jnp.diag(jnp.where(visible, 2 * w * jnp.ones_like(y), 0.0))


def M_softmax(y: Logits, visible: Visible) -> Matrix:
    """M = diag(σ) − σσᵀ, σ = softmax(y) over the visible logits: of `cross_entropy` and `kl`."""
    σ = jnp.exp(_log_softmax(y, visible))
    return jnp.diag(σ) - jnp.outer(σ, σ)


class Loss(NamedTuple):
    """An imitation loss `of(z, y, visible)`, its unit, and `M(y, visible)` if in closed form."""

    of: Callable[..., Float[Array, ""]]
    unit: str = ""
    M: Callable[..., Matrix] | None = None


#: The losses by name: a new one is its function and a line here.
LOSSES = {
    "squared_error": Loss(squared_error, "squared logits", M_squared_error),
    "cross_entropy": Loss(cross_entropy, "nats", M_softmax),
    "kl": Loss(kl, "nats", M_softmax),
}


def M(L_S: Imitation, y: Logits) -> Matrix:
    """Differentiate any loss to M: M_ij = −∂²L_S/∂y_j∂z_i at z = y."""
    return -jax.jacfwd(jax.grad(L_S), argnums=1)(y, y)


def M_times(L_S: Imitation, y: Logits, u: Logits) -> Logits:
    """Compute M u of any loss, without the matrix: −∂/∂s of ∂L_S/∂z(y, y + s u) at s = 0."""
    _, Mu = jax.jvp(lambda labels: jax.grad(L_S)(y, labels), (y,), (u,))
    return -Mu


def _log_softmax(logits: Logits, visible: Visible) -> Logits:
    # A large finite number and not −∞: the cut terms are then 0 · finite, never 0 · ∞.
    return jax.nn.log_softmax(jnp.where(visible, logits, jnp.finfo(logits.dtype).min / 4))
