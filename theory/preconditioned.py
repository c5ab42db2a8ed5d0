"""The theorem under a preconditioner: it survives one that is shared, not Adam's two.

| symbol | code         | meaning                                                                  |
|--------|--------------|--------------------------------------------------------------------------|
| D_T    | `D_T`        | the teacher's positive diagonal: Δθ_T = −D_T ∇L_T(θ_0)                   |
| D_S    | `D_S`        | the student's: it moves by α D_S Δθ_S, Δθ_S = −∇E[L_S] as always         |

    (4)  L_T(θ_0 + α D_S Δθ_S) − L_T(θ_0) = −α ε (D_S ∇L_T)ᵀ E[JᵀMJ] (D_T ∇L_T) + O(ε²).

Proof. Δθ_S = ε E[Jᵀ M u] + O(ε²) with u = J Δθ_T = −J D_T ∇L_T, by eq. (2)'s expansion, which asks
nothing of Δθ_T. L_T changes by α ∇L_T · D_S Δθ_S + O(ε²); D_S is symmetric.

With one fixed D = D_T = D_S the right side is −α ε E[uᵀ M u] ≤ 0: L_T falls, as in Theorem 1 (it
is Theorem 1 itself in the coordinates D^{−1/2} θ). With two different ones it is a bilinear form
aᵀ G b with G ⪰ 0 and a ≠ b, which has no sign. Adam is of that kind: its first step has D = 1/|g|
with each network's own gradient g.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from theory.losses import Imitation
from theory.one_step import Function, Inputs, Scalar, Trait, Δθ_S, first_order
from theory.trees import Params, dot, move, scale


class Change(NamedTuple):
    """The change of L_T at one (α, ε): measured, and the leading term of eq. (4)."""

    measured: Scalar
    leading: Scalar


def shared(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    D: Params,
    ε: Scalar | float,
    α: Scalar | float = 1.0,
) -> Change:
    """Teacher and student with one fixed positive diagonal D, a pytree like θ."""
    before, gradient = jax.value_and_grad(L_T)(θ_0)
    Δθ_T = scale(-1.0, _times(D, gradient))
    step = _times(D, Δθ_S(f, θ_0, Δθ_T, L_S, X, ε))
    return Change(
        measured=L_T(move(θ_0, α, step)) - before,
        leading=-α * ε * first_order(f, θ_0, Δθ_T, L_S, X).q,
    )


def adam(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    ε: Scalar | float,
    α: Scalar | float,
    δ: float = 1e-8,
) -> Change:
    """Teacher and student each with the first step of its own Adam, at rates ε and α.

    Bias-corrected, that step is D g with D = 1 / (|g| + δ) at any β_1, β_2 and Adam's epsilon δ.
    """
    before, gradient = jax.value_and_grad(L_T)(θ_0)
    Δθ_T = scale(-1.0, _times(_adam(gradient, δ), gradient))
    step = Δθ_S(f, θ_0, Δθ_T, L_S, X, ε)
    D_S = _adam(step, δ)
    v = first_order(f, θ_0, Δθ_T, L_S, X).v
    return Change(
        measured=L_T(move(θ_0, α, _times(D_S, step))) - before,
        leading=α * ε * dot(gradient, _times(D_S, v)),
    )


def _adam(g: Params, δ: float) -> Params:
    return jax.tree.map(lambda leaf: 1 / (jnp.abs(leaf) + δ), g)


def _times(D: Params, a: Params) -> Params:
    return jax.tree.map(jnp.multiply, D, a)
