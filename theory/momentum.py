"""Momentum in the lazy limit: how large a rate may be before the student swings past its start.

Setting and symbols of `linearized`: squared error, any Δθ_T, δ = θ_S − θ_0, G with eigenvalues λ.

| symbol | code      | meaning                                                                     |
|--------|-----------|-----------------------------------------------------------------------------|
| η, β   | `η`, `β`  | rate, and momentum 0 ≤ β < 1: t_k = g_k + β t_{k−1}, θ_{k+1} = θ_k − η t_k  |
| x      | `x`       | 2ηλ: along λ's direction, one plain step goes x of the way                  |
| p_k    |           | what is left of the way after k steps, from rest: p_{−1} = p_0 = 1          |
| q_k    |           | (1 − p_k)/x                                                                 |
| x(β)   | `covered` | the largest x up to which 1 − p_k ≥ 0 at every k                            |

    (23)  δ_k = (I − p_k(2ηG)) Δθ_T,  p_{k+1} = (1 + β − x) p_k − β p_{k−1}, so that
          q_{k+1} = 1 + (1 + β − x) q_k − β q_{k−1},  q_{−1} = q_0 = 0:  φ(λ) = 2η q_k(2ηλ).

Hence δ_k · Δθ_T = Σ c² φ(λ) is ≥ 0 at every k if 2ηλ_max ≤ x(β), and no larger bound serves every
G: with Δθ_T along one direction whose x is just above x(β), it is negative at some k.

    (24)  x(β) is the least root x > 0 of all q_k, k ≥ 2: 2 + β, of q_2, for β < ¾ (at β = 0 the
          limit of convergence, 2(1 + β)); (3 + 2β − √(4β − 3))/2, of q_3, from there to .884; and
          so on, of q_{k+1} once it has a lower root than q_k. It gets that as a double root, and
          x(β) jumps down. As β → 1, x(β) nears (8π(1 − β))^{2/3}, with k ≈ 2π/√x.

Which k count. Where the roots of r² − (1 + β − x) r + β are positive, x ≤ (1 − √β)², p_k falls from
1 to 0. Where they are complex, up to (1 + √β)², |p_k| ≤ β^{k/2} (2k + 1): finitely many k. Where
they are negative, p_k < 0 at odd k and, if p_2 ≤ 1 (x ≤ 2 + β), it falls over the even k. The
law as β → 1: complex roots √β e^{±iφ} give p_k = β^{k/2} (√x/sin φ) cos(kφ − ψ), of amplitude
1/cos(φ/2) ≈ 1 + φ²/8, which returns at k ≈ 2π/φ damped to 1 − (1 − β) π/φ. The two cancel at
φ³ = 8π(1 − β), and x ≈ φ².

The whole interval (0, x(β)] is meant, and not its end alone: G has many λ, and beyond x(β) the sign
may be right again, as at β = .8 from 2.52 to 2.8. x(β) is below the limit of convergence for every
β > 0: momentum .9 is covered for ηλ_max ≤ .75 of 1.9, and .99 for .2 of 1.99.

In continuous time, from rest and with any damping γ ≥ 0, θ̈ + γ θ̇ + 2G(θ − θ_T) = 0 never has it:
½ṗ² + λp² does not rise, so |p| ≤ 1 and δ · Δθ_T ≥ 0 at all t.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.linearized import Factor, Spectrum, Weights, channel, linearize
from theory.one_step import Function, Inputs, Scalar, student_step
from theory.trees import Params, add, dot, move, norm, scale, sub


def heavy_ball(η: Scalar | float, β: Scalar | float, k: Array | int) -> Factor:
    """Make φ of eq. (23): (1 − p_k) / λ, for `linearized.student`; `descent(η, k)` at β = 0."""

    def φ(λ: Spectrum) -> Spectrum:
        def again(_: Array, q: tuple[Spectrum, Spectrum]) -> tuple[Spectrum, Spectrum]:
            return q[1], 1 + (1 + β - 2 * η * λ) * q[1] - β * q[0]

        return 2 * η * jax.lax.fori_loop(0, k, again, (0 * λ, 0 * λ))[1]

    return φ


def covered(β: float, points: int = 20_000) -> float:
    """Find x(β) of eq. (24), to 1e-12, by scans of (0, 2(1 + β)] and of what they leave open.

    An interval of wrong signs that is narrower than a step of the first scan is missed, as it is
    where a double root has just opened: for β less than 1e-7 or so above a jump.

    Errors: ValueError unless 0 ≤ β < 1: no bound is known for others.
    """
    if not (np.ndim(β) == 0 and np.asarray(β).dtype.kind in "iuf" and 0 <= β < 1):
        raise ValueError(f"β = {β!r}: must be a number from 0 to below 1")
    last = 2  # beyond it, by the proof above, no sign is wrong
    while β ** (last / 2) * (2 * last + 1) > 1:
        last += 1
    low, high = 0.0, 2 * (1 + β)
    for _ in range(3):
        x = np.linspace(low, high, points + 1)
        older, q, swings = np.zeros_like(x), np.zeros_like(x), np.zeros(x.shape, bool)
        for _ in range(last):
            older, q = q, 1 + (1 + β - x) * q - β * older
            swings |= q < 0
        if not swings.any():
            return high
        first = np.argmax(swings)
        low, high = float(x[first - 1]), float(x[first])
    return low


class Swing(NamedTuple):
    """A student with momentum on the linearised network, after each of k steps; all fields [k].

    measured: δ_k · Δθ_T.  predicted: Σ_i c_i² φ_k(λ_i), by eq. (23).
    rounding: how far rounding alone may move `measured`.
    """

    measured: Float[Array, " k"]
    predicted: Float[Array, " k"]
    rounding: Float[Array, " k"]


def swing(
    f: Function,
    θ_0: Params,
    Δθ_T: Params,
    X: Inputs,
    x: Scalar | float,
    β: Scalar | float,
    steps: int,
    w: Weights = 1.0,
) -> Swing:
    """Train with momentum β at the rate x/(2λ_max) towards θ_0 + Δθ_T, as `channel` sees it.

    L_S = Σ_i w_i (z_i − y_i)², its gradient by autodiff, against the closed form.
    """
    through, f_lin = channel(f, θ_0, Δθ_T, X, w), linearize(f, θ_0)
    η, batched = x / (2 * through.λ[-1]), jax.vmap(f_lin, in_axes=(None, 0))
    Y = batched(add(θ_0, Δθ_T), X)
    L_S = lambda z, y: jnp.sum(w * (z - y) ** 2)  # noqa: E731

    def step(carry: tuple[Params, Params], _: None) -> tuple[tuple[Params, Params], Scalar]:
        θ, t = carry
        t = move(student_step(f_lin, θ, L_S, X, Y), β, t)
        θ = move(θ, η, t)
        return (θ, t), dot(sub(θ, θ_0), Δθ_T)

    _, measured = jax.lax.scan(step, (θ_0, scale(0.0, θ_0)), length=steps)
    k = 1 + jnp.arange(steps)
    predicted = jax.vmap(lambda k: jnp.sum(through.c**2 * heavy_ball(η, β, k)(through.λ)))(k)
    # A step errs by eps of θ and of the labels, taken to θ by η Jᵀ, and momentum repeats that.
    of_y = x * jnp.sqrt(jnp.mean(jax.vmap(L_S)(Y, 0 * Y)) / through.λ[-1])
    each = norm(θ_0) + 4 * norm(Δθ_T) + of_y
    rounding = 8 * jnp.finfo(Y.dtype).eps * k / (1 - β) * each * norm(Δθ_T)
    return Swing(measured, predicted, rounding)
