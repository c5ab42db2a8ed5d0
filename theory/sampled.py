"""One sampled label an input: signal and noise of the student's step are the same q.

| symbol | code      | meaning                                                                     |
|--------|-----------|-----------------------------------------------------------------------------|
| f      | `f`       | the logits that labels are drawn from, alone: [m]                           |
| z, u   |           | f_{θ_0}(x) and J Δθ_T; y = z + εu, the teacher's logits                     |
| c      |           | the label of an input, one draw from σ(y); L_S = −log σ(z)_c                |
| M, q   |           | diag σ − σσᵀ at z, and E[uᵀ M u] ≥ 0, as in `one_step`                      |
| dot    |           | Δθ_S · Δθ_T of the step on such labels, of N inputs                         |
| KL     | `nats`    | E[KL(σ(y) ‖ σ(z))], what one label tells the teacher from the reference θ_0 |
| Λ      |           | Π σ(y)_c / σ(z)_c over the N labels: their likelihood ratio                 |

Given the inputs, the labels being drawn one by one and alone, at any ε,

    (28)  mean     E[u · (σ(z + εu) − σ(z))]       = ε q + O(ε²),   and ≥ 0,
          variance E[uᵀ M_y u] / N, M_y at y       = q / N + O(ε),
          2 KL = ε² q + O(ε³),   so that mean / √variance = √(2 N KL) (1 + O(ε)):

the dot product is > 0 with a probability near Φ(ε √(N q)) = Φ(√(2 N KL)), and is so for sure (k
standard deviations) only after N = k² / (2 KL) labels. No sharper test could ask for less:

    (29)  ε N dot = log Λ + N E[KL(σ(z) ‖ σ(y))],   exactly, label by label,

so that the sign of dot *is* Neyman and Pearson's most powerful test of teacher against reference on
these labels: Λ against what the reference makes of log Λ in the mean, a test of level about ½. What
moves the student is what tells the two apart, and all of it.

Proof. −∂L_S/∂z = e_c − σ(z), of mean σ(y) − σ(z); one-hot e_c has covariance M_y; the softmax is
monotone. With A = log Σ exp, log σ(y)_c − log σ(z)_c = εu_c − A(y) + A(z), and KL(σ(z) ‖ σ(y)) =
A(y) − A(z) − εu · σ(z): their sum is ε u · (e_c − σ(z)). The mean of (29) is ε times that of (28),
the sum of both divergences.

Eqs. (28), (29) need y = z + εu: f affine in θ along Δθ_T (`linearized.linearize`), else they hold
to leading order. Φ is a limit: N large at a given ε √(N q), no few inputs with most of q (Berry and
Esseen: off by no more than .56 E|·|³ / (variance^{3/2} √N)). Other inputs for every student add the
variance of the inputs' means over N, O(ε²). Labels that are chosen among, and not just drawn,
are another law: see `filters`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm as normal
from jaxtyping import Array, Float, Key

from theory.one_step import Function, Inputs, Scalar, student_step
from theory.rounding import precision
from theory.trees import Params, dot, move, norm


class Law(NamedTuple):
    """What sampled labels do to the dot product, given the inputs.

    mean, variance: of eq. (28) at this ε, exact where f is affine in θ; of one label each, so that
      N labels have variance / N.
    q: what both come to, mean / ε and variance, as ε → 0.
    nats, back: E[KL(σ(y) ‖ σ(z))] and E[KL(σ(z) ‖ σ(y))].
    third: E|u · (e_c − σ(y))|³, for the bound on how far Φ may be off.
    """

    mean: Scalar
    variance: Scalar
    q: Scalar
    nats: Scalar
    back: Scalar
    third: Scalar

    def positive(self, N: Scalar | float) -> Scalar:
        """Compute P(dot > 0) for N labels, about: Φ(mean √N / √variance)."""
        return normal.cdf(self.mean * jnp.sqrt(N / self.variance))

    def positive_error(self, N: Scalar | float) -> Scalar:
        """Bound what `positive` may be off by."""
        return 0.56 * self.third / (self.variance**1.5 * jnp.sqrt(N))

    def needed(self, k: Scalar | float) -> Scalar:
        """Compute how many labels make dot > 0 sure to k standard deviations: k² / (2 KL)."""
        return k**2 / (2 * self.nats)


def law(f: Function, θ_0: Params, Δθ_T: Params, X: Inputs, ε: Scalar | float) -> Law:
    """Add the law up over all labels that could be drawn: nothing is sampled."""
    z, u = jax.jvp(lambda θ: jax.vmap(f, (None, 0))(θ, X), (θ_0,), (Δθ_T,))
    y = jax.vmap(f, (None, 0))(move(θ_0, ε, Δθ_T), X)
    log_p, log_q = jax.nn.log_softmax(y), jax.nn.log_softmax(z)
    p, q = jnp.exp(log_p), jnp.exp(log_q)

    def over(weights: Float[Array, "N m"], a: Float[Array, "N m"]) -> Float[Array, "N 1"]:
        return jnp.sum(weights * a, axis=1, keepdims=True)

    centred = u - over(p, u)
    return Law(
        mean=jnp.mean(over(p - q, u)),
        variance=jnp.mean(over(p, centred**2)),
        q=jnp.mean(over(q, (u - over(q, u)) ** 2)),
        nats=jnp.mean(jnp.sum(_divergences(log_p, log_q), axis=1)),
        back=jnp.mean(jnp.sum(_divergences(log_q, log_p), axis=1)),
        third=jnp.mean(over(p, jnp.abs(centred) ** 3)),
    )


class Draw(NamedTuple):
    """One student's labels.

    dot: Δθ_S · Δθ_T, measured.
    by_ratio: (log Λ + N KL(σ(z) ‖ σ(y))) / (ε N), what eq. (29) makes of the labels alone.
    rounding: how far rounding alone may move the two apart.
    law: what dot is a draw of.
    """

    dot: Scalar
    by_ratio: Scalar
    rounding: Scalar
    law: Law


def draw(
    f: Function, θ_0: Params, Δθ_T: Params, X: Inputs, ε: Scalar | float, key: Key[Array, ""]
) -> Draw:
    """Draw a label for every input, and take the student's step on them by cross-entropy."""
    z, y = (jax.vmap(f, (None, 0))(θ, X) for θ in (θ_0, move(θ_0, ε, Δθ_T)))
    chosen = jax.nn.one_hot(jax.random.categorical(key, y), z.shape[1], dtype=z.dtype)

    def cross_entropy(z: Float[Array, " m"], label: Float[Array, " m"]) -> Scalar:
        return jax.nn.logsumexp(z) - jnp.dot(label, z)

    step = student_step(f, θ_0, cross_entropy, X, chosen)
    of = law(f, θ_0, Δθ_T, X, ε)
    log_Λ = jnp.sum((jax.nn.log_softmax(y) - jax.nn.log_softmax(z)) * chosen)
    # The ratio is a small difference of logits, over ε.
    parts = norm(step) * norm(Δθ_T) + jnp.mean(jnp.linalg.norm(y - z, axis=1)) / ε
    logits = jnp.mean(jnp.linalg.norm(z, axis=1) + jnp.linalg.norm(y, axis=1)) + 1
    return Draw(
        dot=dot(step, Δθ_T),
        by_ratio=(log_Λ / len(z) + of.back) / ε,
        rounding=16 * precision(θ_0, z) * (parts + logits / ε),
        law=of,
    )


def _divergences(log_p: Float[Array, "N m"], log_q: Float[Array, "N m"]) -> Float[Array, "N m"]:
    """Compute p log p/q − (p − q), none of them < 0: as p and q add up to 1 each, they do to KL.

    Of p log p/q alone the sum is lost in rounding where p and q are near, as at a small ε.
    """
    r = log_p - log_q
    near = jnp.abs(r) < 1
    small = jnp.where(near, r, 0.0)
    p, q = jnp.exp(log_p), jnp.exp(log_q)
    return jnp.where(near, q * (small * jnp.exp(small) - jnp.expm1(small)), p * r - (p - q))
