"""Does the theorem hold for this network, this loss, this direction? Four answers, with a reason.

| verdict          | meaning                                                                    |
|------------------|----------------------------------------------------------------------------|
| `holds`          | the hypotheses were checked, and the statement was measured to be true     |
| `violated`       | the hypotheses were checked, and the statement was measured to be false    |
| `degenerate`     | q = 0 and Δθ_S · Δθ_T = 0 at every ε: the other branch, with its reason    |
| `not applicable` | a hypothesis fails, or rounding hides the answer: nothing is claimed       |
"""

from enum import StrEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.conditions import Conditions, conditions
from theory.losses import Imitation, M_times
from theory.one_step import Function, Inputs, Ladder, Trait, ladder
from theory.trees import Params

#: The teacher's steps that are tried unless others are given: from visibly large to tiny.
LADDER = tuple(10.0**-k for k in range(1, 8))


class Verdict(StrEnum):
    """What can be said of a statement."""

    HOLDS = "holds"
    VIOLATED = "violated"
    DEGENERATE = "degenerate"
    NOT_APPLICABLE = "not applicable"


class Finding(NamedTuple):
    """Verdicts on one case.

    lemma_1: Δθ_S · Δθ_T > 0 at the smallest ε that rounding does not hide (eq. 2: about ε q).
    theorem_1: L_T falls there, by about ε α q.
    reason: why it is degenerate or not applicable; what was measured otherwise.
    ladder: the measurements, or None where a hypothesis failed before any were made.
    """

    lemma_1: Verdict
    theorem_1: Verdict
    reason: str
    ladder: Ladder | None = None


def check(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    *,
    θ_S0: Params | None = None,
    α: float = 1.0,
    ε: tuple[float, ...] = LADDER,
) -> Finding:
    """Check Lemma 1 and Theorem 1 for one network, with their hypotheses.

    Args:
      f, θ_0, L_T, L_S, X, α: as in `one_step.ladder`.
      θ_S0: the student's initialisation, if it is not the teacher's.
      ε: the teacher's steps to try.

    >>> import functools, jax
    >>> from theory import losses, verdict
    >>> f = lambda θ, x: θ["W"] @ x  # separate outputs: logit i has its own weights
    >>> θ_0 = {"W": jax.random.normal(jax.random.key(0), (3, 5))}
    >>> X = jax.random.normal(jax.random.key(1), (8, 5))
    >>> L_T = lambda θ: f(θ, X[0])[0] ** 2  # of logit 0
    >>> L_S = functools.partial(losses.kl, visible=jax.numpy.array([False, True, True]))
    >>> finding = verdict.check(f, θ_0, L_T, L_S, X)
    >>> str(finding.lemma_1), finding.reason
    ('degenerate', "L_S sees no effect of Δθ_T on the logits, which moves ['W']")

    """
    if θ_S0 is not None and not _equal(θ_S0, θ_0):
        return _not_applicable("teacher and student start from different initialisations")

    @jax.jit
    def measure(θ_0: Params) -> tuple[Ladder, Conditions]:
        z = jax.vmap(f, in_axes=(None, 0))(θ_0, X)
        return ladder(f, θ_0, L_T, L_S, X, jnp.asarray(ε, z.dtype), α), conditions(L_S, z)

    finding = judge(*measure(θ_0))
    if finding.lemma_1 == Verdict.DEGENERATE:
        return finding._replace(reason=why_degenerate(f, θ_0, L_T, L_S, X))
    return finding


def judge(rungs: Ladder, of_loss: Conditions) -> Finding:
    """The verdicts on a case that has been measured, from its ladder and its loss's conditions."""
    rungs = Ladder(*(np.asarray(field) for field in rungs))
    if of_loss.failed:
        return _not_applicable("L_S fails: " + ", ".join(of_loss.failed), rungs)
    if not all(np.isfinite(field).all() for field in rungs):
        return _not_applicable("f, L_S or L_T is not finite near θ_0", rungs)
    nothing = 4 * rungs.dot_rounding
    if (np.abs(rungs.ε_q) <= nothing).all() and (np.abs(rungs.dot) <= nothing).all():
        return Finding(Verdict.DEGENERATE, Verdict.DEGENERATE, "q = 0", rungs)
    return Finding(
        lemma_1=sign(rungs.dot, rungs.ε_q, rungs.dot_rounding),
        theorem_1=sign(rungs.change, rungs.ε_α_q, rungs.change_rounding),
        reason=f"q = {rungs.ε_q[0] / rungs.ε[0]:.3g}",
        ladder=rungs,
    )


def sign(measured: np.ndarray, leading: np.ndarray, rounding: np.ndarray) -> Verdict:
    """Whether the measured sign is the leading term's, at the three least ε above rounding [k].

    `holds` asks for more than the sign, within half of the leading term: ε is then small enough.
    A wrong sign at all three is `violated`; anything else decides nothing.
    """
    clear = np.flatnonzero(np.abs(leading) > 30 * rounding)[-3:]
    ratio = measured[clear] / leading[clear]
    if len(clear) < 3:
        return Verdict.NOT_APPLICABLE
    if (np.abs(ratio - 1) < 0.5).all():
        return Verdict.HOLDS
    return Verdict.VIOLATED if (ratio <= 0).all() else Verdict.NOT_APPLICABLE


def why_degenerate(f: Function, θ_0: Params, L_T: Trait, L_S: Imitation, X: Inputs) -> str:
    """Which of the ways to q = 0 this is: what L_T moves, and what L_S sees of it."""
    Δθ_T = jax.grad(L_T)(θ_0)
    moved = {name for name, leaf in _leaves(Δθ_T) if jnp.any(leaf != 0)}
    if not moved:
        return "Δθ_T = 0: L_T is stationary at θ_0"
    z, vjp = jax.vjp(lambda θ: jax.vmap(f, in_axes=(None, 0))(θ, X), θ_0)
    g = jax.random.normal(jax.random.key(0), z.shape, z.dtype)  # any direction of the logits
    Mg = jax.vmap(lambda y, g: M_times(L_S, y, g))(z, g)
    if not jnp.any(Mg != 0):
        return "L_S is constant in the logits: M = 0"
    (pulled,) = vjp(Mg)
    unseen = moved & {name for name, leaf in _leaves(pulled) if not jnp.any(leaf != 0)}
    names = ", ".join(sorted(moved))
    if unseen == moved:
        return f"L_S does not see {names}, and L_T moves nothing else"
    return f"L_S sees no effect of Δθ_T on the logits, which moves {names}"


def _leaves(θ: Params) -> list[tuple[str, Float[Array, "..."]]]:
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree.leaves_with_path(θ)]


def _equal(a: Params, b: Params) -> bool:
    return all(jax.tree.leaves(jax.tree.map(lambda x, y: bool(jnp.array_equal(x, y)), a, b)))


def _not_applicable(reason: str, rungs: Ladder | None = None) -> Finding:
    return Finding(Verdict.NOT_APPLICABLE, Verdict.NOT_APPLICABLE, reason, rungs)
