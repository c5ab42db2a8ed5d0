"""How different two preconditioners may be: what their ratio allows, and the worst it can do.

| symbol   | code     | meaning                                                                   |
|----------|----------|---------------------------------------------------------------------------|
| D_T, D_S |          | the teacher's and the student's positive diagonals, as in `preconditioned`|
| b        | `Δθ_T`   | −D_T ∇L_T(θ_0), the teacher's direction                                   |
| v        |          | E[Jᵀ M J b]: Δθ_S = ε v + O(ε²), b · v = q ≥ 0                            |
| r        | `r`      | D_S / D_T, parameter by parameter                                         |
| ρ        | `ρ`      | (max r − min r) / (max r + min r): r is in c [1 − ρ, 1 + ρ], 0 ≤ ρ < 1    |

Eq. (4) in these terms: the student moves by α D_S Δθ_S and ∇L_T = −b / D_T, so that

    (32)  L_T(θ_0 + α D_S Δθ_S) − L_T(θ_0) = −α ε Σ_i r_i b_i v_i + O(ε²).

With r alike everywhere it is −α ε c q, and the order of the diagonals' own sizes is no matter: only
what their ratio varies by. Of all r with a given ρ, L_T falls to first order in every one if, and
only if,

    (33)  ρ < ρ*,  ρ* = Σ b_i v_i / Σ |b_i v_i|,   and  cos(b, v) ≤ ρ* ≤ 1.

In terms of κ = max r / min r the safe side is κ < (1 + cos) / (1 − cos).

Proof. Σ r_i b_i v_i ≥ c (Σ b_i v_i − ρ Σ |b_i v_i|), which r_i = c (1 − ρ sign(b_i v_i)) attains;
and Σ |b_i v_i| ≤ ‖b‖ ‖v‖.

It needs q > 0 (ρ* is NaN where all of b_i v_i are 0, as nothing is then to be seen in first order)
and two *fixed* diagonals: Adam's are of each network's own gradients, so its r is known only after
the step, and mostly far beyond ρ*. Beyond ρ* some r raises L_T; most others may yet lower it.
A parameter with b_i v_i = 0 does not count in ρ: its r_i is without effect.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from theory.losses import Imitation
from theory.one_step import Function, Inputs, Scalar, Trait, Δθ_S, first_order
from theory.rounding import precision
from theory.trees import Params, dot, move, norm, scale


class Differing(NamedTuple):
    """One step under two diagonals, beside what their ratio allows.

    measured: the change of L_T.
    leading: −α ε Σ r_i b_i v_i, of eq. (32).
    ρ: how much D_S / D_T varies.
    cosine: cos(b, v), below which ρ is safe.
    exact: ρ* of eq. (33), below which it is, and above which not all such r are.
    rounding: how far rounding alone may move `measured`.
    """

    measured: Scalar
    leading: Scalar
    ρ: Scalar
    cosine: Scalar
    exact: Scalar
    rounding: Scalar


def differing(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    D_T: Params,
    D_S: Params,
    ε: Scalar | float,
    α: Scalar | float = 1.0,
) -> Differing:
    """Teacher and student each with a fixed positive diagonal of its own, both like θ."""
    before, gradient = jax.value_and_grad(L_T)(θ_0)
    b = scale(-1.0, _times(D_T, gradient))
    v = first_order(f, θ_0, b, L_S, X).v
    step = _times(D_S, Δθ_S(f, θ_0, b, L_S, X, ε))
    after = L_T(move(θ_0, α, step))
    r = _over(D_S, D_T)
    parts = jnp.abs(before) + jnp.abs(after) + norm(_times(gradient, θ_0))
    return Differing(
        measured=after - before,
        leading=-α * ε * dot(r, _times(b, v)),
        ρ=spread(r, _times(b, v)),
        cosine=dot(b, v) / (norm(b) * norm(v)),
        exact=threshold(b, v),
        rounding=4 * precision(θ_0, before) * parts,
    )


def spread(r: Params, bv: Params) -> Scalar:
    """Compute ρ = (max r − min r) / (max r + min r) over parameters with b_i v_i ≠ 0; NaN if none.

    bv: b_i v_i.
    """

    def over(pick: Callable[[Array], Scalar], none: float) -> Scalar:
        each = jax.tree.map(lambda r, bv: pick(jnp.where(bv == 0, none, r)), r, bv)
        return pick(jnp.stack(jax.tree.leaves(each)))

    most, least = over(jnp.max, -jnp.inf), over(jnp.min, jnp.inf)
    return (most - least) / (most + least)


def threshold(b: Params, v: Params) -> Scalar:
    """Compute ρ* = Σ b_i v_i / Σ |b_i v_i|."""
    return dot(b, v) / dot(jax.tree.map(jnp.abs, b), jax.tree.map(jnp.abs, v))


def worst(b: Params, v: Params, ρ: Scalar | float) -> Params:
    """Make the r of a given ρ under which the step along v does least for L_T, for c = 1."""
    return jax.tree.map(lambda b, v: 1 - ρ * jnp.sign(b * v), b, v)


def _times(a: Params, b: Params) -> Params:
    return jax.tree.map(jnp.multiply, a, b)


def _over(a: Params, b: Params) -> Params:
    return jax.tree.map(jnp.divide, a, b)
