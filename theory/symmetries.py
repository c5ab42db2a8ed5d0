"""Another base of the same function: the student starts at S θ_0, the teacher at θ_0.

| symbol | code  | meaning                                                                     |
|--------|-------|-----------------------------------------------------------------------------|
| S      | `S`   | an invertible linear map of parameters with f(S θ, x) = f(θ, x), all θ, x   |
| L_T    | `L_T` | here a function of θ by way of f alone, so that L_T(S θ) = L_T(θ)           |
| D_S    | `D_S` | (SᵀS)⁻¹                                                                     |

Any such loss has ∇L(S θ) = S⁻ᵀ ∇L(θ), by the chain rule on L = L ∘ S. A step from S θ is then
S θ − η S⁻ᵀ ∇L(θ) = S (θ − η D_S ∇L(θ)), and so on, with momentum too:

    (8)  gradient descent from S θ_0 is S applied to gradient descent from θ_0 whose gradients are
         multiplied by D_S: the two have the same logits at every step, exactly.

S orthogonal (hidden units in another order): D_S = I. Whatever passes from teacher to student from
θ_0 passes from S θ_0, exactly; under Adam too, which treats each parameter alone, if S permutes
them or changes signs, and is no other rotation. But Δθ_S · Δθ_T becomes S Δθ_S · Δθ_T, of any sign:
Lemma 1 compares displacements from one base, and only Theorem 1's L_T does not know the base.

S diagonal (a ReLU unit's inputs times s, its outputs by s): D_S = S⁻². The first step changes L_T
as in eq. (4) of `preconditioned` with D_T = I: with b = Δθ_T = −∇L_T(θ_0) and v = E[Jᵀ M J b],

    (9)  L_T(S θ_0 + α Δθ_S) − L_T(S θ_0) = −α ε b · D_S v + O(ε²).

b · v = q ≥ 0, but b · D_S v has no sign: L_T may rise, although student and teacher start as one
function.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from theory.losses import Imitation
from theory.one_step import Function, Inputs, Scalar, Trait, Δθ_S, first_order
from theory.preconditioned import Change
from theory.trees import Params, dot, move, scale

Symmetry = Callable[[Params], Params]


def D_S(S: Symmetry, θ: Params) -> Params:
    """Compute (SᵀS)⁻¹ as a diagonal, a pytree like θ: S permutes parameters and scales each."""
    ones = jax.tree.map(jnp.ones_like, θ)
    (squares,) = jax.linear_transpose(S, θ)(S(ones))  # SᵀS is diagonal, so this is it
    return jax.tree.map(jnp.reciprocal, squares)


def matched(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    S: Symmetry,
    ε: Scalar | float,
    α: Scalar | float = 1.0,
) -> Change:
    """Take the step of rate α from S θ_0 on the labels of θ_0 − ε ∇L_T(θ_0); eq. (9) is leading."""
    gradient, start = jax.grad(L_T)(θ_0), S(θ_0)
    Δθ_T = scale(-1.0, gradient)
    step = Δθ_S(f, θ_0, Δθ_T, L_S, X, ε, θ_S0=start)
    v = first_order(f, θ_0, Δθ_T, L_S, X).v
    return Change(
        measured=L_T(move(start, α, step)) - L_T(start),
        leading=α * ε * dot(gradient, jax.tree.map(jnp.multiply, D_S(S, θ_0), v)),
    )
