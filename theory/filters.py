"""Filters of the distillation data: they cannot turn the pull round, and cost data to weaken it.

| symbol  | code | meaning                                                                         |
|---------|------|---------------------------------------------------------------------------------|
| w       | `w`  | weight ≥ 0 of each input in L_S, [N]: 0 or 1 of a filter; any function of x, of |
|         |      | both networks' logits, of Δθ_T itself                                           |
| t(x)    |      | uᵀ M u ≥ 0, what an input reveals: q = E[t], see `one_step`                     |
| q_w     |      | E[w uᵀ M u]                                                                     |
| ρ       |      | share of the inputs that is kept                                                |
| L(ρ)    |      | Lorenz curve of t: share of its sum that the ρ N least of it have               |

The student's step on E[w L_S] has

    (30)  Δθ_S · Δθ_T = ε q_w + O(ε²),  q_w = E[w t] ≥ 0:  M is ⪰ 0 at each input alone;

    for f affine in θ and L_S(·, y) convex, with its minimum at z = y, each input's part of the dot
    product is ≥ 0 at any ε: −u · ∂L_S/∂z = (y − z) · (−∂L_S/∂z) / ε ≥ (L_S(z, y) − L_S(y, y)) / ε.

So the sign is safe from a filter made by anybody, from any knowledge; if w changes with ε, (30)
asks that it be bounded. Weights < 0 (unlearning of some inputs) may turn it. What a filter that
keeps a share ρ of the inputs leaves is least where it removes the most revealing:

    (31)  q_w / q ≥ L(ρ) for w of 0 and 1 (w ≤ 1 of mean ρ: likewise), reached by the ρ N least t;
          with the mean taken over what is kept, L(ρ) / ρ.

The labels must be functions of x. An answer c *sampled* from σ(y), and kept by a w(x, c) that sees
it, is another law: with ū = u · σ(z), answers add Σ_c w_c σ(y)_c (u_c − ū) to the dot product in
the mean, which has either sign and does not vanish with ε, whoever the teacher is. The difference
to a placebo's answers, sifted alike and counted per answer *drawn*, has a sign to first order:

          Σ_c w_c (σ(y)_c − σ(z)_c) (u_c − ū) = ε Σ_c w_c σ(z)_c (u_c − ū)² + O(ε²).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.losses import Imitation
from theory.one_step import Function, Inputs, Scalar, first_order
from theory.rounding import precision, sizes
from theory.trees import Params, dot, move, norm, scale

Weights = Float[Array, " N"]


class Filtered(NamedTuple):
    """One step of a student on weighted inputs.

    measured: Δθ_S · Δθ_T at this ε.
    leading: ε q_w, by eq. (30).
    whole: ε q, what it is without a filter.
    rounding: how far rounding alone may move `measured`.
    """

    measured: Scalar
    leading: Scalar
    whole: Scalar
    rounding: Scalar


def reveals(f: Function, θ_0: Params, Δθ_T: Params, L_S: Imitation, X: Inputs) -> Weights:
    """Compute t(x) = uᵀ M u of each input."""
    first = first_order(f, θ_0, Δθ_T, L_S, X)
    return jnp.sum(first.u * first.Mu, axis=1)


def filtered(
    f: Function,
    θ_0: Params,
    Δθ_T: Params,
    L_S: Imitation,
    X: Inputs,
    w: Weights,
    ε: Scalar | float,
) -> Filtered:
    """Take the student's step on E[w L_S], the mean over all N, and its leading term."""
    y = jax.vmap(f, (None, 0))(move(θ_0, ε, Δθ_T), X)

    def imitation(θ: Params) -> Scalar:
        return jnp.mean(w * jax.vmap(L_S)(jax.vmap(f, (None, 0))(θ, X), y))

    step, t = scale(-1.0, jax.grad(imitation)(θ_0)), reveals(f, θ_0, Δθ_T, L_S, X)
    of = sizes(lambda θ: jax.vmap(f, (None, 0))(θ, X), θ_0, Δθ_T, L_S)
    parts = jnp.mean(jnp.abs(w) * jnp.sum(of.u * (of.Mz + of.g + ε * of.Mu), axis=1))
    return Filtered(
        measured=dot(step, Δθ_T),
        leading=ε * jnp.mean(w * t),
        whole=ε * jnp.mean(t),
        rounding=4 * precision(θ_0, t) * (parts + norm(step) * norm(Δθ_T)),
    )


def lorenz(t: Weights) -> Float[Array, " N+1"]:
    """Compute L(k/N) of eq. (31), for k = 0 … N inputs kept."""
    sums = jnp.cumsum(jnp.sort(t))
    return jnp.concatenate([jnp.zeros(1, t.dtype), sums / sums[-1]])


class Sifted(NamedTuple):
    """Sampled answers, kept by what they say: means over all that could be drawn, per one drawn.

    taught: E[Σ_c w_c σ(y)_c (u_c − ū)], what the kept answers add to Δθ_S · Δθ_T.
    untaught: the same of answers of θ_0, a placebo's.
    leading: ε E[Σ_c w_c σ(z)_c (u_c − ū)²] ≥ 0, what the first less the second is to leading order.
    """

    taught: Scalar
    untaught: Scalar
    leading: Scalar


def sifted(
    f: Function,
    θ_0: Params,
    Δθ_T: Params,
    X: Inputs,
    w: Float[Array, "N n"],
    ε: Scalar | float,
) -> Sifted:
    """Take cross-entropy's mean step on answers c ~ σ(y), each with a weight w(x, c) ≥ 0."""
    z, u = jax.jvp(lambda θ: jax.vmap(f, (None, 0))(θ, X), (θ_0,), (Δθ_T,))
    σ, σ_y = jax.nn.softmax(z), jax.nn.softmax(jax.vmap(f, (None, 0))(move(θ_0, ε, Δθ_T), X))
    centred = u - jnp.sum(σ * u, axis=1, keepdims=True)
    return Sifted(
        taught=jnp.sum(w * σ_y * centred) / len(z),
        untaught=jnp.sum(w * σ * centred) / len(z),
        leading=ε * jnp.sum(w * σ * centred**2) / len(z),
    )
