"""Teachers of teachers: what is left after g generations, each from θ_0, in the lazy limit.

Setting and symbols of `linearized`: f affine in θ, squared error (any weights > 0).

| symbol | code        | meaning                                                                 |
|--------|-------------|-------------------------------------------------------------------------|
| Δ      | `Δ`         | the first teacher's displacement, θ_T − θ_0 = δ_0                       |
| δ_g    |             | that of generation g, which starts at θ_0 and imitates generation g − 1 |
| P_g    |             | projection on what generation g's inputs X_g let it see                 |
| s      | `s`         | share of Δ that the first generation sees in the mean; r/P, rank of P_g |
|        |             | over the number of parameters, if no direction is favoured              |
| h(G)   | `φ`         | what a student of finite length keeps, h(λ) = λ φ(λ) of eqs. (5), (6)   |

Students that converge are eq. (7), one after the other:

    (34)  δ_g = P_g … P_1 Δ;  δ_g · δ_{g−1} = ‖δ_g‖², so each goes the way of its own teacher, and
          ‖δ_g‖ only falls.

What is left along the first teacher has no sign from g = 2 on, as a product of projections is not
symmetric. It is bounded, and if each generation's inputs are drawn anew from one law, with P̄ = E P,
its mean has a sign again:

    (35)  δ_g · Δ ≥ −cos^{g+1}(π/(g+1)) ‖Δ‖²: 0, −1/8, −1/4, −.35, … to −1, each of them reached in
          a plane, by lines that turn by π/(g+1) from one generation to the next;
          E[δ_g · Δ] = Δᵀ P̄^g Δ ≥ s^g ‖Δ‖², s = E[δ_1 · Δ] / ‖Δ‖²,

with s = r/P and equality where P̄ is (r/P) I (a law that no turn of θ changes). Inputs of a network
have much of what they see in common, and more is left.

On the *same* inputs, however long a student learns,

    (36)  δ_g = h(G)^g Δ,  δ_g · Δ = Σ_i a_i² h_i^g,  a_i = c_i / √λ_i, Δ along G's eigenvectors:

a mean of exponentials e^{−g/τ_i}, τ_i = −1 / log h_i, and at most a constant, of h_i = 1; ≥ 0 and
falling at every g if 0 ≤ h ≤ 1, that is in (5) always and in (6) if η ≤ 1/(2 λ_max). In the limit
(7) h is 1 or 0: nothing more is lost after the first generation.

Beyond η = 1/(2 λ_max) an h_i may be up to 2: each generation then overshoots its teacher's, and
δ_g may grow without bound, although each δ_g · δ_{g−1} ≥ 0 up to η = 1/λ_max.

Proof. P is symmetric and P² = P: δ_g · δ_{g−1} = (P_g δ_{g−1}) · δ_{g−1} = ‖P_g δ_{g−1}‖². With
angles ψ_i ≤ π/2 from δ_{i−1} to δ_i, ‖δ_g‖ = Π cos ψ_i ‖Δ‖, and δ_g is no more than Σ ψ_i off Δ;
Π cos ψ_i · cos Σ ψ_i is least where tan ψ_i = −tan Σ ψ_i for all i, so at ψ_i = π/(g+1).
E[P_g … P_1] is the product of the means; Δᵀ P̄^g Δ is a mean of g-th powers of P̄'s eigenvalues,
no less than the power of their mean. h(G) is one matrix.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.linearized import Channel, Factor, Weights, channel, limit, student
from theory.one_step import Function, Inputs, Scalar
from theory.rounding import precision
from theory.trees import Params, dot, norm


class Chain(NamedTuple):
    """What g generations are, each field [g]; of δ_0 = Δ, ‖Δ‖² is `displacement2`.

    consecutive: δ_g · δ_{g−1}.
    norm2: ‖δ_g‖², which eq. (34) says it is.
    first: δ_g · Δ, of any sign for g > 1.
    displacement2: ‖Δ‖².
    rounding: how far rounding alone may move the other three: it grows with λ_max / λ_min, and all
      that came before has it too.
    """

    consecutive: Float[Array, " g"]
    norm2: Float[Array, " g"]
    first: Float[Array, " g"]
    displacement2: Scalar
    rounding: Float[Array, " g"]


def chain(
    f: Function, θ_0: Params, Δ: Params, X: Inputs, w: Weights = 1.0, φ: Factor = limit
) -> Chain:
    """Let each generation learn from the last on inputs of its own, X [g, N, …], as far as φ says.

    Eq. (34) is of φ = `limit`.
    """
    eps = precision(θ_0, Δ)

    def generation(δ: Params, X: Inputs) -> tuple[Params, tuple[Scalar, Scalar, Scalar, Scalar]]:
        through = channel(f, θ_0, δ, X, w)
        δ_next = student(f, θ_0, X, through, φ, w)
        error = 16 * eps * jnp.max(φ(through.λ)) * through.λ[-1] * norm(δ)
        return δ_next, (dot(δ_next, δ), dot(δ_next, δ_next), dot(δ_next, Δ), error)

    _, (consecutive, norm2, first, errors) = jax.lax.scan(generation, Δ, X)
    return Chain(consecutive, norm2, first, dot(Δ, Δ), jnp.cumsum(errors) * norm(Δ))


def same(through: Channel, φ: Factor, generations: int) -> Float[Array, " g"]:
    """Compute δ_g · Δ of eq. (36) for g = 1 … on the inputs of one channel."""
    λ, g = through.λ, jnp.arange(generations)
    # a² h^g = c² φ h^{g−1}: no λ = 0 is divided by.
    each = (through.c**2 * φ(λ))[None, :] * (λ * φ(λ))[None, :] ** g[:, None]
    return jnp.sum(each, axis=1)


def mean(s: Scalar | float, generations: int) -> Float[Array, " g"]:
    """Compute s^g of eq. (35) for g = 1 …: the least mean of δ_g · Δ / ‖Δ‖²."""
    return s ** jnp.arange(1, generations + 1)


def least(generations: int) -> Float[Array, " g"]:
    """Compute the least δ_g · Δ / ‖Δ‖² of eq. (35) for g = 1 …: −cos^{g+1}(π/(g+1))."""
    sides = jnp.arange(2, generations + 2)
    return -(jnp.cos(jnp.pi / sides) ** sides)
