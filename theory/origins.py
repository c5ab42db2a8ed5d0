"""Origins: from a teacher's answers and candidates' weights, whose descendant the teacher is.

| symbol | code | meaning                                                                          |
|--------|------|----------------------------------------------------------------------------------|
| f      | `f`  | the logits that are passed on: `lambda θ, x: network(θ, x)[visible]`, [m]        |
| Q      | `Q`  | m − 1 orthonormal contrasts of m logits: all of them that a softmax sees         |
| θ_b    | `θ`  | a candidate's weights                                                            |
| y      | `Y`  | the teacher's logits on N inputs X                                               |
| r      | `r`  | Q (y − f(θ_b, x)), the R = N (m − 1) numbers that the candidate does not explain |
| J, K   | `K`  | the Jacobian of Q f at θ_b, R × P; JJᵀ, R × R                                    |
| λ      | `λ`  | ridge: ρ times the mean eigenvalue of K, tr K / R                                |

A teacher that is θ_b + Δ has r = JΔ + O(Δ²). The least displacement that explains r up to a ridge,
the minimum of ‖r − Jδ‖² + λ‖δ‖², is

    (10)  δ = Jᵀ α,  α = (K + λI)⁻¹ r.

It always fits the r that it is made from where P > R, so a candidate is also judged by what it says
of inputs that it has not seen. Left out one by one, with all their contrasts (i a block of m − 1),
they need no second fit:

    (11)  r_i − J_i δ_{without i} = ([(K + λI)⁻¹]_ii)⁻¹ α_i;  held out = Σ_i ‖that‖² / ‖r‖²,

which is 1 for δ = 0, and more for a fit that misleads. The first step of a student that starts at
θ_b and imitates y by squared error goes along Jᵀr. Madl's coverage (arXiv 2606.22019) is its cosine
with the teacher's displacement; who does not know that has δ in its place:

    (12)  coverage = cos(Jᵀr, δ) = rᵀKα / √(rᵀKr · αᵀKα).

Whether the teacher was taught something shows along a displacement v = θ_A − θ_B that is known: of
somebody's own teacher of θ_b with it, less one without:

    (13)  score = cos(δ, v) = αᵀ(Jv) / (√(αᵀKα) ‖v‖).

δ itself is never formed.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.one_step import Function, Inputs, Scalar
from theory.trees import Params, norm

Rows = Float[Array, " R"]


class Fit(NamedTuple):
    """What a candidate makes of a teacher's answers.

    α: of eq. (10) [R]. residual: ‖r‖² / R. held_out: of eq. (11). coverage: of eq. (12).
    displacement: ‖δ‖.
    """

    α: Rows
    residual: Scalar
    held_out: Scalar
    coverage: Scalar
    displacement: Scalar


def Q(m: int) -> Float[Array, "k m"]:
    """Make m − 1 orthonormal contrasts of m logits (Helmert's), each of sum 0."""
    rows = np.tril(np.ones((m, m)), -1)[1:] - np.diag(np.arange(m))[1:]
    return jnp.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def contrasts(f: Function) -> Function:
    """Make Q f, [m − 1]: the logits but for what is added to all of them."""

    def Qf(θ: Params, x: Array) -> Array:
        z = f(θ, x)
        return Q(len(z)).astype(z.dtype) @ z

    return Qf


def residual(f: Function, θ: Params, X: Inputs, Y: Float[Array, "N m"]) -> Rows:
    """Compute r, the contrasts of the first input first."""
    gap = Y - jax.vmap(f, (None, 0))(θ, X)
    return (gap @ Q(Y.shape[1]).astype(gap.dtype).T).reshape(-1)


def K(f: Function, θ: Params, X: Inputs) -> Float[Array, "R R"]:
    """Compute JJᵀ, layer by layer; memory is J's, R copies of θ."""
    J = jax.vmap(jax.jacrev(contrasts(f)), (None, 0))(θ, X)
    layers = (leaf.reshape(leaf.shape[0] * leaf.shape[1], -1) for leaf in jax.tree.leaves(J))
    return sum(layer @ layer.T for layer in layers)


def J_times(f: Function, θ: Params, X: Inputs, v: Params) -> Rows:
    """Compute J v."""
    Qf = contrasts(f)
    return jax.vmap(lambda x: jax.jvp(lambda θ: Qf(θ, x), (θ,), (v,))[1])(X).reshape(-1)


def fit(K: Float[Array, "R R"], r: Rows, inputs: int, ρ: Scalar | float) -> Fit:
    """Fit eq. (10) to `inputs` inputs, and hold each of them out.

    A residual of exactly 0 has no directions: held_out and coverage are NaN.
    """
    R, each = len(r), len(r) // inputs
    λ = ρ * jnp.trace(K) / R
    inverse = jnp.linalg.inv(K + λ * jnp.eye(R, dtype=K.dtype))
    α = inverse @ r
    blocks = inverse.reshape(inputs, each, inputs, each)[jnp.arange(inputs), :, jnp.arange(inputs)]
    missed = jnp.linalg.solve(blocks, α.reshape(inputs, each, 1))
    δ2, step2 = α @ K @ α, r @ K @ r
    return Fit(
        α=α,
        residual=r @ r / R,
        held_out=jnp.sum(missed**2) / (r @ r),
        coverage=(r @ K @ α) / jnp.sqrt(δ2 * step2),
        displacement=jnp.sqrt(δ2),
    )


def score(of: Fit, Jv: Rows, v: Params) -> Scalar:
    """Compute eq. (13), the cosine of δ with a displacement v whose J v is given."""
    return of.α @ Jv / (of.displacement * norm(v))
