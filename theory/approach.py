"""Steps of any size: the student only ever nears the teacher, and L_T falls by what it has moved.

| symbol | code     | meaning                                                                      |
|--------|----------|------------------------------------------------------------------------------|
| f      | `f`      | the *distilled* logits alone, [m]                                            |
| Δ, δ_k | `Δ`, `δ` | θ_T − θ_0, the teacher's displacement, and θ_k − θ_0, the student's          |
| w_k    | `choose` | weights ≥ 0 of the N inputs in step k: a batch, a filter, an adversary       |
| c      | `c`      | smoothness of L_S in z: 2 max w_i for squared error, ½ for KL, ½/T² at T     |
| Λ(w)   | `smooth` | c λ_max(E[w JᵀJ]), no less than that of E[w L_S] in θ                        |
| g_k    |          | ∇E[w_k L_S] at θ_k: θ_{k+1} = θ_k − η_k g_k                                  |
| ε, β   | `ε`, `β` | Δ = −ε ∇L_T(θ_0); ∇²L_T ⪯ β wherever ‖θ − θ_T‖ ≤ ‖Δ‖                         |
| χ      | `χ`      | how much of the labels' pull the curvature of f takes away                   |

Let f be affine in θ, L_S(·, y) convex, c-smooth and least at z = y, and y = f(θ_T, x). Then at
every k, whoever chose the weights, and be it by Δ itself, if 0 ≤ η_k ≤ 2/Λ(w_k),

    (18)  ‖θ_{k+1} − θ_T‖² ≤ ‖θ_k − θ_T‖² − η_k (2/Λ − η_k) ‖g_k‖²,  hence  δ_k · Δ ≥ ½ ‖δ_k‖²;
    (19)  L_T(θ_k) − L_T(θ_0) ≤ −δ_k · Δ/ε + ½ β ‖δ_k‖² ≤ −½ (1/ε − β) ‖δ_k‖²,  if ε ≤ 1/β no rise.

Proof. θ_T minimises each E[w L_S], which is convex and Λ-smooth, so g · (θ − θ_T) ≥ ‖g‖²/Λ
(Baillon and Haddad); (18) is the square written out. ‖δ − Δ‖ ≤ ‖Δ‖ is δ · Δ ≥ ½ ‖δ‖², and keeps δ
in the ball where β is asked for; (19) is the descent lemma. At the limit, δ · Δ = ‖δ‖² = ‖PΔ‖²: L_T
has fallen by (1/ε − β/2) ‖PΔ‖² or more, the visible fraction of what is sure for the teacher.

One step δ = α Δθ_S from θ_0 has δ · Δ ≥ ‖δ‖²/(αΛ), at any α, so neither step need be small:

    (20)  L_T(θ_0 + α Δθ_S) − L_T(θ_0) ≤ −(1/(αΛε) − β/2) ‖δ‖²,  which falls if (αΛ)(εβ) < 2.

That both steps are stable, αΛ < 2 and εβ < 2, is not enough, unless one is ≤ 1: in one dimension
with L_T and L_S quadratic, (20) is an equality, and L_T rises at αΛ = εβ = 1.5. (β has to hold from
θ_0 to θ_0 + δ, which is outside the ball if αΛ > 2.)

The limit does not know the loss. Let L_S(·, y) be least where z − y is in V alone, one subspace
for all x (0 for squared error of weights > 0, the constants for softmax at any temperature), and Q
project on its complement. All gradients are in the range of (QJ)ᵀ, and all minima differ by QJ's
null space, so full-batch descent at rates in [a, 2/Λ − a], a > 0, and whatever else moves in the
span of its gradients and converges to a minimum, ends in

    (21)  δ(∞) = P Δ,  P the projection on that range, of rank ≤ N m for squared error, N (m − 1)
          for softmax: one logit alone then passes nothing.

Where f is not affine, with e = y − z, g = −∂L_S/∂z, r = e − J (θ_T − θ_S), J at θ_S, and any y,

    (22)  Δθ_S · (θ_T − θ_S) = E[g · e] (1 − χ),  χ = E[g · r] / E[g · e],

as J (θ_T − θ_S) = e − r. E[g · e] > 0 if L_S is convex and not at its least, and then a step of
gradient descent that is small enough nears θ_T if and only if χ < 1. With affine f, and the
teacher's labels, χ = 0. Late in training, when what is visible has been learnt, χ > 1 is common.

What breaks (18): a rate above 2/Λ, a weight < 0, an L_S that is not convex, labels that are not
f(θ_T, x), as another base's. Momentum, Adam and weight decay are not in it: see `momentum`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.linearized import channel, limit, linearize, student
from theory.losses import Imitation
from theory.one_step import Function, Inputs, Logits, Scalar, Trait, student_step
from theory.trees import Params, add, dot, move, norm, scale, sub

Weights = Float[Array, " N"]
Choice = Callable[[Array, Weights], Weights]  # w_k of k and each input's −∂L_S/∂z · J Δ
Steps = Float[Array, " k"]


class Approach(NamedTuple):
    """A student's steps on the linearised network; all fields [k], after each step.

    nearer: ‖θ_{k−1} − θ_T‖ − ‖θ_k − θ_T‖, not negative by (18).
    dot, half: δ_k · Δ, and ½ ‖δ_k‖², its least by (18).
    change, bound: L_T(θ_k) − L_T(θ_0), and −½ (1/ε − β) ‖δ_k‖², its most by (19).
    rounding, dot_rounding, change_rounding: how far rounding alone may move ‖θ_k − θ_T‖ and with it
      `nearer`, `dot` − `half`, and `change` − `bound`.
    """

    nearer: Steps
    dot: Steps
    half: Steps
    change: Steps
    bound: Steps
    rounding: Steps
    dot_rounding: Steps
    change_rounding: Steps


def approach(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    β: Scalar | float,
    L_S: Imitation,
    c: Scalar | float,
    X: Inputs,
    ε: Scalar | float,
    choose: Choice,
    steps: int,
    rate: Scalar | float = 1.0,
) -> Approach:
    """Take `steps` steps of η_k = rate · 2/Λ(w_k) towards θ_0 − ε ∇L_T(θ_0), for (18) and (19).

    f, θ_0, L_T, L_S, X as in `one_step.ladder`, β, c and `choose` as above. Where no input has a
    weight the student stays.
    """
    before, gradient = jax.value_and_grad(L_T)(θ_0)
    Δ, f_lin, K = scale(-ε, gradient), linearize(f, θ_0), gram(f, θ_0, X)
    θ_T = add(θ_0, Δ)
    Y, u = jax.jvp(lambda θ: _batched(f_lin, θ, X), (θ_T,), (Δ,))
    far, eps = norm(θ_0) + 2 * norm(Δ), 8 * jnp.finfo(Y.dtype).eps

    def step(θ: Params, k: Array) -> tuple[Params, tuple[Scalar, ...]]:
        g = jax.vmap(jax.grad(L_S))(_batched(f_lin, θ, X), Y)
        w = choose(k, -jnp.sum(g * u, axis=1))
        Λ = smooth(K, c, w)
        over_Λ = jnp.where(Λ == 0, 0.0, 1 / jnp.where(Λ == 0, 1.0, Λ))
        loss = lambda θ: jnp.mean(w * jax.vmap(L_S)(_batched(f_lin, θ, X), Y))  # noqa: E731
        moved = move(θ, -2 * rate * over_Λ, jax.grad(loss)(θ))
        nearer, δ = norm(sub(θ, θ_T)) - norm(sub(moved, θ_T)), sub(moved, θ_0)
        # An error of eps (|y| + 1/c) in z moves the step by no more than √(c/Λ) times 2 rate that.
        of_z = jnp.mean(w * jnp.sum((jnp.abs(Y) + 1 / c) ** 2, axis=1))
        lost = eps * (far + 2 * rate * jnp.sqrt(c * over_Λ * of_z))
        return moved, (nearer, dot(δ, Δ), dot(δ, δ) / 2, L_T(moved) - before, lost)

    _, (nearer, along, half, change, lost) = jax.lax.scan(step, θ_0, jnp.arange(steps))
    rounding = jnp.cumsum(lost)
    of_L_T = eps * (jnp.abs(before) + jnp.abs(change) + norm(gradient) * far)
    return Approach(
        nearer=nearer,
        dot=along,
        half=half,
        change=change,
        bound=(β - 1 / ε) * half,
        rounding=rounding,
        dot_rounding=norm(Δ) * rounding,
        change_rounding=of_L_T + norm(gradient) * rounding,
    )


def first_bound(of: Approach, β: Scalar | float, ε: Scalar | float, rate: Scalar | float) -> Scalar:
    """Compute the most that `change[0]` may be by (20): there αΛ is 2 rate, of any size."""
    return -(1 / (rate * ε) - β) * of.half[0]


def gram(f: Function, θ_0: Params, X: Inputs) -> Float[Array, "R R"]:
    """Compute J Jᵀ / N, of R = N m rows (input, logit): it has the eigenvalues of E[JᵀJ]."""
    through = channel(f, θ_0, θ_0, X)
    return (through.V * through.λ[None, :]) @ through.V.T


def smooth(K: Float[Array, "R R"], c: Scalar | float, w: Weights) -> Scalar:
    """Compute Λ(w) = c λ_max(E[w JᵀJ]) from K = `gram`; NaN if a weight is negative."""
    root = jnp.repeat(jnp.sqrt(w), len(K) // len(w))
    return c * jnp.linalg.eigvalsh(root[:, None] * K * root[None, :])[-1]


class Limit(NamedTuple):
    """Where training ends, beside (21).

    distance: ‖δ − PΔ‖ / ‖Δ‖, of the student trained.  moved: ‖δ‖ / ‖Δ‖.
    rank: of P.  visible: ‖PΔ‖² / ‖Δ‖², whose mean over directions Δ is rank / (number of θ).
    """

    distance: Scalar
    moved: Scalar
    rank: Array
    visible: Scalar


def settled(
    f: Function,
    θ_0: Params,
    Δ: Params,
    L_S: Imitation,
    c: Scalar | float,
    X: Inputs,
    seen: Function,
    steps: int,
) -> Limit:
    """Train the linearised student by Nesterov's method, at the rate 1/Λ, and compare with P Δ.

    `seen` is what L_S sees of f: f itself, or `origins.contrasts(f)` where it is a softmax's.
    """
    f_lin, through = linearize(f, θ_0), channel(seen, θ_0, Δ, X)
    Y = _batched(f_lin, add(θ_0, Δ), X)
    λ = through.λ[-1]
    η = jnp.where(λ > 0, 1 / (c * jnp.where(λ > 0, λ, 1.0)), 0.0)

    def again(k: Array, at: tuple[Params, Params]) -> tuple[Params, Params]:
        θ, ahead = at
        moved = move(ahead, η, student_step(f_lin, ahead, L_S, X, Y))
        return moved, move(moved, k / (k + 3.0), sub(moved, θ))

    δ = sub(jax.lax.fori_loop(0, steps, again, (θ_0, θ_0))[0], θ_0)
    end = student(seen, θ_0, X, through, limit)
    return Limit(
        distance=norm(sub(δ, end)) / norm(Δ),
        moved=norm(δ) / norm(Δ),
        rank=jnp.sum(limit(through.λ) > 0),
        visible=through.visible_fraction,
    )


class Pull(NamedTuple):
    """Both sides of (22): Δθ_S · (θ_T − θ_S), and E[g · e] (1 − χ), with its χ.

    χ and `predicted` are NaN where E[g · e] is 0, as at z = y.
    """

    measured: Scalar
    predicted: Scalar
    χ: Scalar


def pull(f: Function, θ_S: Params, θ_T: Params, L_S: Imitation, X: Inputs, Y: Logits) -> Pull:
    """Compare (22) with the gradient itself, at any θ_S of any network and any labels Y [N, m]."""
    g_e, g_Jd = _work(f, θ_S, θ_T, L_S, X, Y)
    step, ratio = student_step(f, θ_S, L_S, X, Y), (g_e - g_Jd) / g_e
    return Pull(dot(step, sub(θ_T, θ_S)), g_e * (1 - ratio), ratio)


def χ(f: Function, θ_S: Params, θ_T: Params, L_S: Imitation, X: Inputs, Y: Logits) -> Scalar:
    """Compute χ by one product with J: a measure that can be taken at every step of training."""
    g_e, g_Jd = _work(f, θ_S, θ_T, L_S, X, Y)
    return (g_e - g_Jd) / g_e


def _work(
    f: Function, θ_S: Params, θ_T: Params, L_S: Imitation, X: Inputs, Y: Logits
) -> tuple[Scalar, Scalar]:
    """Compute E[g · e] and E[g · J (θ_T − θ_S)]."""
    z, Jd = jax.jvp(lambda θ: _batched(f, θ, X), (θ_S,), (sub(θ_T, θ_S),))
    g = -jax.vmap(jax.grad(L_S))(z, Y)
    return jnp.sum(g * (Y - z)) / len(z), jnp.sum(g * Jd) / len(z)


def _batched(f: Function, θ: Params, X: Inputs) -> Logits:
    return jax.vmap(f, in_axes=(None, 0))(θ, X)
