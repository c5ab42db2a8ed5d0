"""What is passed on of the labels: no monotone channel turns the pull of a teacher round.

| symbol     | code       | meaning                                                              |
|------------|------------|----------------------------------------------------------------------|
| h          | `h`        | the channel: from a teacher's logits y to what the student sees, [n] |
| φ = ∇Φ     | `Φ`        | the student's side of ∂L_S/∂z = φ(z) − h(y), any function of z       |
| z, u       |            | f_{θ_0}(x) and J Δθ_T, as in `one_step`                              |
| Δθ_S(ε)    |            | the student's step on labels of θ_0 + ε Δθ_T                         |
| Δθ_S(0)    |            | its step on labels of θ_0: of a placebo, a teacher not taught        |
| Q          | `Q`        | quantum to multiples of which logits are rounded                     |

h is monotone if (h(a) − h(b)) · (a − b) ≥ 0 for all a, b: as every gradient of a convex function is
(softmax at any T, y), and every choice from a subdifferential (argmax, sign, ranks, rounding each
logit, softmax over the k largest), and sums and averages of such, over noise in y as well. What the
channel does to the two teachers' labels is all that tells the two steps apart, as φ cancels; at any
ε, any inputs,

    (26)  [Δθ_S(ε) − Δθ_S(0)] · Δθ_T = E[(h(z + εu) − h(z)) · u] ≥ 0.

Proof. Δθ_S(ε) = E[Jᵀ(h(y) − φ(z))] and y = z + εu; (y − z) / ε = u, and h is monotone.

It needs y = z + εu: a network that is affine in θ along Δθ_T (`linearized.linearize`); of any other
the left side is E[(h(y) − h(z)) · u], ≥ 0 but for what y bends away from z + εu. It needs φ not to
depend on y: cross-entropy has −∂L_S/∂z = h(y) − Σ_i h_i(y) σ(z), so labels that all add up to the
same. And it needs h as a whole: monotone steps one after the other are not. Logits clipped or
rounded are, each by itself, and so is the softmax; the softmax *of* clipped or rounded logits is
not, nor are rounded probabilities, nucleus (top-p) sampling, or the least logit.

Δθ_S(0) · Δθ_T alone has no sign: it is 0 for h(z) = φ(z), and of a hard channel it is not small.

Rounding. For h(y) = Q round(y/Q), let z_i / Q have a fractional part that is uniform, independent
of u and of other i. Then h_i rises by the multiples of Q next to εu_i, with mean εu_i; with
p_i = εu_i / Q less its floor, and p_i = ε|u_i| / Q for small ε,

    (27)  [Δθ_S(ε) − Δθ_S(0)] · Δθ_T = ε E|u|² ± √(E[Σ_i u_i² Q² p_i (1 − p_i)] / N),

the square root being √(ε Q E[Σ_i |u_i|³] / N) for small ε: a quantum far above the signal removes
none of it, and is noise. It fails where Q is above the spread of z: normal z of sd s and mean μ
have, as ε → 0, `passed` = 1 + 2 Σ_k (−1)^k e^{−2(πks/Q)²} cos(2πkμ/Q) of it (Poisson's sum over the
edges of rounding): 1 ± 5e-9 at Q = s, 1 ± .015 at Q = 2s, and .43 for μ = 0 at Q = 4s.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm as normal
from jaxtyping import Array, Float

from theory.losses import Imitation, Logits
from theory.one_step import Function, Inputs, Scalar, student_step
from theory.rounding import precision
from theory.trees import Params, dot, move, norm, sub

Channel = Callable[[Logits], Logits]  # h(y)


def agreement(h: Channel, a: Float[Array, "k n"], b: Float[Array, "k n"]) -> Float[Array, " k"]:
    """Compute (h(a) − h(b)) · (a − b) of k pairs, over (‖h(a)‖ + ‖h(b)‖) ‖a − b‖; 0 for 0/0.

    Below −n eps in any pair, h is not monotone; many pairs, near and far, show that it may be.
    """

    def one(a: Logits, b: Logits) -> Scalar:
        at, bt = h(a), h(b)
        size = (jnp.linalg.norm(at) + jnp.linalg.norm(bt)) * jnp.linalg.norm(a - b)
        return jnp.dot(at - bt, a - b) / jnp.where(size == 0, 1.0, size)

    return jax.vmap(one)(a, b)


def imitation(h: Channel, Φ: Callable[[Logits], Scalar] = jax.nn.logsumexp) -> Imitation:
    """Make L_S(z, y) = Φ(z) − h(y) · z: cross-entropy if the labels h(y) add up to 1."""
    return lambda z, y: Φ(z) - jnp.dot(h(y), z)


class Pull(NamedTuple):
    """What a teacher's training adds to the student's step along it: eq. (26).

    measured: [Δθ_S(ε) − Δθ_S(0)] · Δθ_T, of two steps.
    predicted: E[(h(y) − h(z)) · u], from the labels.
    rounding: how far rounding alone may move `measured`, also by a label that it tips over.
    """

    measured: Scalar
    predicted: Scalar
    rounding: Scalar


def placebo(
    f: Function,
    θ_0: Params,
    Δθ_T: Params,
    h: Channel,
    X: Inputs,
    ε: Scalar | float,
    Φ: Callable[[Logits], Scalar] = jax.nn.logsumexp,
) -> Pull:
    """Take the step on the labels of θ_0 + ε Δθ_T, and that on labels of θ_0, through h."""
    L_S, of = imitation(h, Φ), jax.vmap(f, (None, 0))
    z, u = jax.jvp(lambda θ: of(θ, X), (θ_0,), (Δθ_T,))
    y = of(move(θ_0, ε, Δθ_T), X)
    taught, untaught = (student_step(f, θ_0, L_S, X, labels) for labels in (y, z))
    seen, blank = jax.vmap(h)(y), jax.vmap(h)(z)

    def mean(*sizes: Float[Array, "N n"]) -> Scalar:
        """Mean over inputs of a product of norms."""
        return jnp.mean(jnp.prod(jnp.stack([jnp.linalg.norm(a, axis=1) for a in sizes]), axis=0))

    parts = (norm(taught) + norm(untaught)) * norm(Δθ_T) + mean(u, seen) + mean(u, blank)
    parts += 2 * mean(u, jax.vmap(jax.grad(Φ))(z))
    tipped = mean(jnp.abs(z) + jnp.abs(y), seen - blank) / ε
    return Pull(
        measured=dot(sub(taught, untaught), Δθ_T),
        predicted=jnp.sum((seen - blank) * u) / len(u),
        rounding=16 * precision(θ_0, z) * (parts + tipped),
    )


class Quantised(NamedTuple):
    """The pull through rounded logits over ε E|u|²: measured, and by eq. (27) 1 ± sd.

    tips: how many logits are expected to go the rarer of their two ways, Σ min(p_i, 1 − p_i): of
      few, `ratio` is nothing like normal.
    """

    ratio: Scalar
    sd: Scalar
    tips: Scalar


def quantised(
    f: Function, θ_0: Params, Δθ_T: Params, X: Inputs, Q: Scalar | float, ε: Scalar | float
) -> Quantised:
    """Round a teacher's logits to multiples of Q, and compare the pull with that of the logits."""
    pull = placebo(f, θ_0, Δθ_T, partial(rounded, Q=Q), X, ε)
    _, u = jax.jvp(lambda θ: jax.vmap(f, (None, 0))(θ, X), (θ_0,), (Δθ_T,))
    p = ε * u / Q - jnp.floor(ε * u / Q)
    whole = ε * jnp.sum(u**2) / len(u)
    return Quantised(
        ratio=pull.measured / whole,
        sd=Q * jnp.sqrt(jnp.sum(u**2 * p * (1 - p))) / len(u) / whole,
        tips=jnp.sum(jnp.minimum(p, 1 - p)),
    )


def passed(Q: Scalar | float, s: Scalar | float, μ: Scalar | float = 0.0) -> Scalar:
    """Compute what rounding to Q leaves of a small signal in normal logits of sd s, mean μ."""
    k = jnp.arange(1, 200)
    terms = jnp.exp(-2 * (jnp.pi * k * s / Q) ** 2) * jnp.cos(2 * jnp.pi * k * μ / Q)
    by_waves = 1 + 2 * jnp.sum((-1.0) ** k * terms)
    # That takes more terms the larger Q is. Edges (k + ½) Q are then few: those next to μ, and the
    # density there, times Q, is the same number.
    edges = jnp.arange(-12, 12) + 0.5 + jnp.round(μ / Q)
    by_edges = jnp.sum(normal.pdf(edges * Q, μ, s)) * Q
    return jnp.where(10 * s > Q, by_waves, by_edges)


def softened(y: Logits, T: float) -> Logits:
    """σ(y / T)."""
    return jax.nn.softmax(y / T)


def hard(y: Logits) -> Logits:
    """1 in the place of the largest."""
    return jax.nn.one_hot(jnp.argmax(y), len(y), dtype=y.dtype)


def top(y: Logits, k: int) -> Logits:
    """σ over the k largest alone: a subgradient of the largest log Σ exp of any k of them."""
    ranks = jnp.argsort(jnp.argsort(-y))
    return jax.nn.softmax(y, where=ranks < k)


def rounded(y: Logits, Q: Scalar | float) -> Logits:
    """Q round(y / Q)."""
    return Q * jnp.round(y / Q)


def clipped(y: Logits, c: float = 1.0) -> Logits:
    """Each between −c and c."""
    return jnp.clip(y, -c, c)


def nucleus(y: Logits, p: float) -> Logits:
    """σ over the fewest of the largest that have a share p, and what equals the least of these."""
    σ = jax.nn.softmax(y)
    before = jnp.sum(jnp.where(σ[None, :] > σ[:, None], σ[None, :], 0.0), axis=1)
    return jax.nn.softmax(y, where=before < p)


def _in_all(a: Logits) -> Logits:
    return a / jnp.sum(a)


#: Channels of eq. (26), and such as it does not cover.
MONOTONE: dict[str, Channel] = {
    "logits": lambda y: y,
    "softmax, T = 1/10": partial(softened, T=0.1),
    "softmax": partial(softened, T=1.0),
    "softmax, T = 10": partial(softened, T=10.0),
    "argmax": hard,
    "top 2": partial(top, k=2),
    "rounded": partial(rounded, Q=0.5),
    "clipped": clipped,
    "sign": jnp.sign,
}
NOT_MONOTONE: dict[str, Channel] = {
    "nucleus": partial(nucleus, p=0.9),
    "softmax, rounded": lambda y: rounded(jax.nn.softmax(y), 0.1),
    "softmax, rounded, of sum 1": lambda y: _in_all(rounded(jax.nn.softmax(y), 0.1)),
    "softmax of rounded": lambda y: jax.nn.softmax(jnp.round(y)),
    "softmax of clipped": lambda y: jax.nn.softmax(clipped(y)),
    "argmin": lambda y: hard(-y),
}
