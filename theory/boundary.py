"""How small is "sufficiently small": where L_T stops falling, to second order and as measured.

| symbol     | code        | meaning                                                              |
|------------|-------------|----------------------------------------------------------------------|
| s          | `s`         | α ε, the product of the student's and the teacher's step             |
| q, v       |             | E[uᵀ M u] and E[Jᵀ M u], as in `one_step`; α Δθ_S = s v + O(s ε)     |
| vᵀ∇²L_T v  | `curvature` | second derivative of L_T at θ_0 along v                              |

Since ∇L_T(θ_0) · v = −q,

    (3)  L_T(θ_0 + s v) − L_T(θ_0) = −s q + ½ s² vᵀ∇²L_T v + O(s³),

which turns positive at s = α ε = 2 q / (vᵀ∇²L_T v) if that curvature is positive: a hyperbola in
the (α, ε) plane. As ε → 0 the boundary depends on the product alone, exactly: the student's point
θ_0 + α Δθ_S tends to θ_0 + s v, with an error of O(s ε).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.losses import Imitation
from theory.one_step import Function, Inputs, Scalar, Trait, Δθ_S, first_order
from theory.trees import Params, dot, move, norm, scale

# Where the sign is first looked for, in units of |2q / curvature| or, if the curvature is 0, of the
# s at which the student moves by ‖θ_0‖: 1/100 … 100, five a decade.
SCAN = np.logspace(-2, 2, 21)


class Boundary(NamedTuple):
    """The α ε at which L_T, having fallen, is back at its start: predicted and measured.

    predicted: 2 q / curvature, by eq. (3); infinite where the curvature is not positive.
    measured: at the given ε, to a part in 1e8; infinite if L_T is still lower at the end of the
      scan, and NaN where it has not fallen at its beginning either (as where q = 0).
    """

    q: Scalar
    curvature: Scalar
    predicted: Scalar
    measured: Scalar


def boundary(
    f: Function, θ_0: Params, L_T: Trait, L_S: Imitation, X: Inputs, ε: Scalar | float
) -> Boundary:
    """Find the boundary for one network at one ε, by eq. (3) and by a scan with bisection.

    Args as in `one_step.ladder`. The measured boundary is the first from below: L_T may fall again
    beyond it. A student's point at which L_T is not finite counts as not fallen.
    """
    v, q, curvature = second_order(f, θ_0, L_T, L_S, X)
    unit = 2 * q / jnp.abs(curvature)
    straight = jnp.where(norm(θ_0) > 0, norm(θ_0), 1.0) / norm(v)
    before = L_T(θ_0)
    step = Δθ_S(f, θ_0, scale(-1.0, jax.grad(L_T)(θ_0)), L_S, X, ε)

    def falls(s: Scalar) -> Array:
        return L_T(move(θ_0, s / ε, step)) < before

    scan = jnp.where(jnp.isinf(unit), straight, unit) * jnp.asarray(SCAN, unit.dtype)
    risen = ~jax.lax.map(falls, scan)
    first = jnp.argmax(risen)

    def halve(_: Array, between: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        low, high = between
        middle = jnp.sqrt(low * high)
        lower = falls(middle)
        return jnp.where(lower, middle, low), jnp.where(lower, high, middle)

    low, high = jax.lax.fori_loop(0, 26, halve, (scan[jnp.maximum(first, 1) - 1], scan[first]))
    measured = jnp.where(jnp.any(risen), jnp.sqrt(low * high), jnp.inf)
    return Boundary(
        q=q,
        curvature=curvature,
        predicted=jnp.where(curvature > 0, unit, jnp.inf),
        measured=jnp.where(risen[0], jnp.nan, measured),
    )


def second_order(
    f: Function, θ_0: Params, L_T: Trait, L_S: Imitation, X: Inputs
) -> tuple[Params, Scalar, Scalar]:
    """Compute v, q and vᵀ∇²L_T v, the terms of eq. (3)."""
    Δθ_T = scale(-1.0, jax.grad(L_T)(θ_0))
    _, _, q, v = first_order(f, θ_0, Δθ_T, L_S, X)
    return v, q, curvature(L_T, θ_0, v)


def curvature(L_T: Trait, θ_0: Params, v: Params) -> Scalar:
    """Compute vᵀ∇²L_T v, by a Hessian-vector product."""
    _, Hv = jax.jvp(jax.grad(L_T), (θ_0,), (v,))
    return dot(v, Hv)


def change_map(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    α: Float[Array, " a"],
    ε: Float[Array, " e"],
) -> Float[Array, "a e"]:
    """Compute L_T(θ_0 + α Δθ_S(ε)) − L_T(θ_0) over a grid of α and ε."""
    before, gradient = jax.value_and_grad(L_T)(θ_0)

    def column(ε: Scalar) -> Float[Array, " a"]:
        step = Δθ_S(f, θ_0, scale(-1.0, gradient), L_S, X, ε)
        return jax.lax.map(lambda α: L_T(move(θ_0, α, step)) - before, α)

    return jax.lax.map(column, ε).T
