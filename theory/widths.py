"""The channel over width: how much of what a trunk has learnt m logits can show.

| symbol | code    | meaning                                                                       |
|--------|---------|-------------------------------------------------------------------------------|
| h      | `h`     | `h(θ, x) -> [n]`, the last hidden layer; θ is the trunk alone                 |
| W      | `W`     | the head that is distilled through, [m, n], frozen: f = W h                   |
| Δ      | `Δ`     | the trunk's displacement θ_T − θ_0                                            |
| H, K_h |         | Jacobian of h at θ_0, of N n rows (input, unit), and HHᵀ/N                    |
| ρ      | `whole` | ‖PΔ‖²/‖Δ‖² through h itself: what all its units would show                    |
| a_x    |         | number of units that move at x: h_j with ∂h_j(x) ≠ 0; n for tanh              |
| κ      |         | largest eigenvalue over the least that is not 0                               |

J = (I_N ⊗ W) H, so that the rows of J are among what those of H span. Exactly, for any trunk,

    (25a) visible fraction ≤ ρ; a further logit does not lower it; it is ρ if W has rank a_x on the
          units that move at each x, so for a random W at m ≥ max a_x, and by m = n.

Where units are alike and apart, K_h = A ⊗ I_n (the limit of wide layers; any one linear layer),
K = A ⊗ WWᵀ and P = Hᵀ (A⁻¹ ⊗ P_W) H/N, P_W the projection on W's rows. Hence

    (25b) E_W[visible fraction] = min(m/n, 1) ρ,  κ(K) = κ(A) κ(WWᵀ),

the mean over W of a law that no rotation of the units changes, as of Gaussian entries, for fixed Δ.
κ(WWᵀ) is ((√n + √m)/(√n − √m))² for many of both, and grows like n² at m = n: that is where descent
takes longest to show all that can be shown. At fixed m the fraction falls as 1/n if ρ does not
grow: with a head of its own, nothing passes a trunk that is wide enough, unless m ∝ n.

Other trunks have (25b) by approximation; with units that do not move at some inputs (ReLU) it is
nearer with min(m/a_x, 1), its mean over x, in place of min(m/n, 1). If W and K_h have full rank,
κ(K) ≤ κ(K_h) κ(WWᵀ) for any trunk. Two tanh layers of 16 units at N = 4, in units of ρ: .13, .27,
.59, 1, 1 at m/n = ⅛, ¼, ½, 1, 2, and κ of 15, 25, 150, 80,000, 730.

What it needs: W is not trained, or its own directions are visible too; Δ does not know W, as the
teacher's loss reads another head (a W with rows along what Δ does to the units shows more); and K_h
has full rank, N n at most the number of θ, or all is shown at a smaller m.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.linearized import Channel, channel, limit
from theory.one_step import Function, Inputs, Scalar
from theory.trees import Params


class Visible(NamedTuple):
    """One head on one trunk, beside (25).

    fraction, condition: visible fraction of Δ, and κ(K), through f = W h.
    whole: ρ.  predicted: the mean of min(m/a_x, 1) over the x with a_x > 0, times ρ.
    condition_predicted: κ(K_h) κ(WWᵀ), from above where K_h has full rank.
    rounding: how far rounding alone may move the fractions.
    """

    fraction: Scalar
    whole: Scalar
    predicted: Scalar
    condition: Scalar
    condition_predicted: Scalar
    rounding: Scalar


def visible(h: Function, W: Float[Array, "m n"], θ_0: Params, Δ: Params, X: Inputs) -> Visible:
    """Compare what the logits W h show of Δ with (25); K_h is N n × N n."""
    m, n = W.shape
    units = channel(h, θ_0, Δ, X)
    # One after the other: two batches of large eigh at once wait for each other on few CPU cores.
    W, _ = jax.lax.optimization_barrier((W, units.λ))
    through = channel(lambda θ, x: W @ h(θ, x), θ_0, Δ, X)
    # Row (x, j) of K_h is 0, to rounding, where unit j does not move at x.
    diagonal = (units.V**2 @ units.λ).reshape(-1, n)
    eps = jnp.finfo(diagonal.dtype).eps
    moving = jnp.sum(diagonal > units.λ.size * eps * units.λ[-1], axis=1)
    of_W = jnp.linalg.svd(W, compute_uv=False)
    return Visible(
        fraction=through.visible_fraction,
        whole=units.visible_fraction,
        predicted=units.visible_fraction * jnp.mean(jnp.minimum(m / moving, 1.0), where=moving > 0),
        condition=condition(through),
        condition_predicted=condition(units) * (of_W[0] / of_W[-1]) ** 2,
        rounding=16 * through.λ.size * eps * (condition(through) + condition(units)),
    )


def condition(of: Channel) -> Scalar:
    """Compute κ of K: descent at its largest rate takes of the order of κ steps to its limit."""
    inverse = limit(of.λ)
    return of.λ[-1] * jnp.max(inverse)
