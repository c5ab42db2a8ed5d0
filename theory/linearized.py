"""Many steps in the lazy limit: what a student of the linearised network becomes.

Network f(θ) = f(θ_0) + J (θ − θ_0), squared error L_S = Σ_i w_i (z_i − y_i)², any displacement
Δθ_T = θ_T − θ_0 of the teacher, however large.

| symbol | code       | meaning                                                                  |
|--------|------------|--------------------------------------------------------------------------|
| f      | `f`        | the *distilled* logits alone: `lambda θ, x: network(θ, x)[visible]`, [m] |
| A      |            | W^{1/2} J / √N, the N m rows (input, logit) of the scaled Jacobian       |
| G      |            | AᵀA = E[Jᵀ W J], P × P, never formed                                     |
| K      | `K`        | AAᵀ, N m × N m, which has G's non-zero eigenvalues λ                     |
| P      |            | projection on the range of Aᵀ: what the channel can see                  |
| η, k   | `η`, `k`   | rate and number of steps of gradient descent                             |

The gradient of E[L_S] at θ_S is 2G (θ_S − θ_T), so with δ = θ_S − θ_0

    (5)  gradient flow:     δ(t) = (I − e^{−2tG}) Δθ_T,
    (6)  gradient descent:  δ_k  = (I − (I − 2ηG)^k) Δθ_T,   converging if η < 1/λ_max,
    (7)  the limit of both: δ(∞) = P Δθ_T.

Each is a matrix function of G with φ(0) = 0 on the null space, hence Aᵀ V φ(λ) Vᵀ A Δθ_T with
K = V λ Vᵀ: two products by J and one eigen-decomposition. No small ε is needed for the sign:

    δ · Δθ_T ≥ 0   in (5) at all t, and in (6) at all k if η ≤ 1/λ_max: the factors λ φ(λ) of (6),
                   1 − (1 − 2ηλ)^k, are then between 0 and 2;
    and it grows   in (5) with t, and in (6) with k if η ≤ 1/(2 λ_max): they then rise from 0 to 1.

Between the two rates it overshoots and swings: at .75/λ_max the top direction is at 1.5, .75,
1.125, .9375, … of its limit.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.one_step import Function, Inputs, Scalar
from theory.trees import Params, dot, norm, probe, scale, sub

Spectrum = Float[Array, " R"]  # R = N m rows
Weights = Float[Array, " m"] | float


class Channel(NamedTuple):
    """What the student sees of one teacher through (f, X, w).

    λ: eigenvalues of K, ascending [R].  V: its eigenvectors [R, R].
    c: Vᵀ A Δθ_T, the teacher's displacement as the channel sees it [R].
    displacement2: ‖Δθ_T‖².
    """

    λ: Spectrum
    V: Float[Array, "R R"]
    c: Spectrum
    displacement2: Scalar

    @property
    def rate_limit(self) -> Scalar:
        """The rate from which on gradient descent (6) no longer converges: 1 / λ_max."""
        return 1 / self.λ[-1]

    @property
    def visible_fraction(self) -> Scalar:
        """‖P Δθ_T‖² / ‖Δθ_T‖²: how much of the displacement a student can ever take over."""
        return jnp.sum(self.c**2 * limit(self.λ)) / self.displacement2


def channel(
    f: Function, θ_0: Params, Δθ_T: Params, X: Inputs, w: Weights = 1.0, block: int = 32
) -> Channel:
    """Compute the channel's spectrum and the displacement's part in each of its directions.

    `block` rows of K are made at a time; memory is that of so many copies of θ, and K itself.
    """
    A, Aᵀ = _products(f, θ_0, X, w)
    rows = A(Δθ_T)
    columns = jax.lax.map(
        lambda e: A(Aᵀ(e)), jnp.eye(rows.size, dtype=rows.dtype), batch_size=block
    )
    λ, V = jnp.linalg.eigh((columns + columns.T) / 2)
    return Channel(jnp.maximum(λ, 0.0), V, V.T @ rows, dot(Δθ_T, Δθ_T))


Factor = Callable[[Spectrum], Spectrum]  # φ(λ) = (what G's function does at λ) / λ


def flow(t: Scalar | float) -> Factor:
    """Make φ of eq. (5): (1 − e^{−2tλ}) / λ, and 2t at λ = 0."""

    def φ(λ: Spectrum) -> Spectrum:
        return _over(-jnp.expm1(-2 * t * λ), λ, 2 * t)

    return φ


def descent(η: Scalar | float, k: Array | int) -> Factor:
    """Make φ of eq. (6): (1 − (1 − 2ηλ)^k) / λ, and 2ηk at λ = 0."""

    def φ(λ: Spectrum) -> Spectrum:
        x = 2 * η * λ
        # expm1 and log1p keep the small eigenvalues' digits; the rest may have 1 − x < 0.
        small = x < 0.5
        kept = -jnp.expm1(k * jnp.log1p(-jnp.where(small, x, 0.0)))
        return _over(jnp.where(small, kept, 1 - (1 - x) ** k), λ, 2 * η * k)

    return φ


def limit(λ: Spectrum) -> Spectrum:
    """Compute φ of eq. (7): 1 / λ, and 0 where λ is zero to rounding."""
    seen = λ > λ.size * jnp.finfo(λ.dtype).eps * λ[-1]
    return jnp.where(seen, 1 / jnp.where(seen, λ, 1.0), 0.0)


def student(
    f: Function, θ_0: Params, X: Inputs, through: Channel, φ: Factor, w: Weights = 1.0
) -> Params:
    """Compute δ = θ_S − θ_0, a pytree like θ: with φ = `flow(t)`, `descent(η, k)` or `limit`.

    X and w have to be those that `through` was made of: it does not know them.
    """
    _, Aᵀ = _products(f, θ_0, X, w)
    return Aᵀ(through.V @ (φ(through.λ) * through.c))


def linearize(f: Function, θ_0: Params) -> Function:
    """Make the network that is linear in θ and touches f at θ_0: f(θ_0, x) + J(x) (θ − θ_0)."""

    def f_lin(θ: Params, x: Array) -> Array:
        z, dz = jax.jvp(lambda θ: f(θ, x), (θ_0,), (sub(θ, θ_0),))
        return z + dz

    return f_lin


def largest(f: Function, θ_0: Params, X: Inputs, w: Weights = 1.0, iterations: int = 30) -> Scalar:
    """Compute λ_max of G by power iteration, from below: for rates, where K would be too large.

    From two starts, as rows may cancel in one: the second counts where it finds a tenth more.
    """
    A, Aᵀ = _products(f, θ_0, X, w)

    def again(_: Array, carry: tuple[Params, Scalar]) -> tuple[Params, Scalar]:
        a, _ = carry
        b = Aᵀ(A(scale(1 / norm(a), a)))
        return b, norm(b)

    def of(rows: Spectrum) -> Scalar:
        start = Aᵀ(rows)
        _, λ = jax.lax.fori_loop(0, iterations, again, (start, jnp.zeros_like(norm(start))))
        return jnp.where(norm(start) == 0, 0.0, λ)

    rows = jnp.ones_like(A(θ_0))
    first, second = of(rows), of(probe(rows.shape, rows.dtype))
    return jnp.where(second > 1.1 * first, second, first)


def _products(f: Function, θ_0: Params, X: Inputs, w: Weights) -> tuple[Callable, Callable]:
    """Make A: pytree → rows [R], and its transpose."""

    def scaled(θ: Params) -> Float[Array, " R"]:
        z = jax.vmap(f, in_axes=(None, 0))(θ, X)
        weights = jnp.broadcast_to(jnp.asarray(w, z.dtype), z.shape[1:])
        return (z * jnp.sqrt(weights / len(z))[None, :]).reshape(-1)

    _, A = jax.linearize(scaled, θ_0)
    transposed = jax.linear_transpose(A, θ_0)
    return A, lambda rows: transposed(rows)[0]


def _over(a: Spectrum, λ: Spectrum, at_zero: Scalar | float) -> Spectrum:
    return jnp.where(λ > 0, a / jnp.where(λ > 0, λ, 1.0), at_zero)
