"""Does the theorem hold for this network, this loss, this direction? Four answers, with a reason.

| verdict          | meaning                                                                    |
|------------------|----------------------------------------------------------------------------|
| `holds`          | the hypotheses were checked, and the statement was measured to be true     |
| `violated`       | the hypotheses were checked, and the statement was measured to be false    |
| `degenerate`     | q = 0 and Δθ_S · Δθ_T = 0 at every ε: the other branch, with its reason    |
| `not applicable` | a hypothesis fails, or rounding hides the answer: nothing is claimed       |

The statements are limits, so what is judged is what measured / leading term tends to as ε → 0.
Differentiability is a hypothesis too: difference quotients of f and L_T must tend to the
derivatives that are used.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from theory.boundary import curvature
from theory.conditions import Conditions, conditions
from theory.losses import Imitation, M_times
from theory.one_step import (
    FirstOrder,
    Function,
    Inputs,
    Ladder,
    Scalar,
    Trait,
    expected,
    first_order,
    ladder,
)
from theory.rounding import Sizes, precision, sizes, tends_to
from theory.trees import Params, dot, move, probe, scale

#: The teacher's steps that are tried unless others are given: from visibly large to tiny.
LADDER = tuple(10.0**-k for k in range(1, 8))

ADVICE = "take float64 (jax.enable_x64, and float64 arrays)"


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
    units: c and α: the ladder is that of L_T / c, at the rate α.
    """

    lemma_1: Verdict
    theorem_1: Verdict
    reason: str
    ladder: Ladder | None = None
    units: tuple[float, float] = (1.0, 1.0)


def check(
    f: Function,
    θ_0: PyTree,
    L_T: Trait,
    L_S: Imitation,
    X: PyTree,
    *,
    θ_S0: PyTree | None = None,
    α: float = 1.0,
    ε: Sequence[float] | np.ndarray | Array = LADDER,
) -> Finding:
    """Check Lemma 1 and Theorem 1 for one network, with their hypotheses.

    Args:
      f, L_T, L_S: as in `one_step.ladder`.
      θ_0: a pytree of real floating-point arrays; all are taken in the widest precision that is in
        it or in X.
      X: N ≥ 1 inputs, an array [N, …] or a pytree of such.
      θ_S0: the student's initialisation, if it is not the teacher's.
      α, ε: the student's rate, and three or more of the teacher's steps in any order, both in the
        `units` of the problem: at ε = 1 the logits move by about their own size, at α ε = 1 L_T or
        L_S is near its least. The scale of L_T is then without meaning, as it is in the theorem.

    Errors: TypeError or ValueError for an argument that is not of this form.

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
    steps, rate = _numbers(ε), _numbers(α)
    if len(set(steps)) < max(3, len(steps)) or not ((steps > 0) & np.isfinite(steps)).all():
        raise ValueError(f"ε = {ε!r}: must be three or more different positive numbers")
    if not (rate.size and np.ndim(α) == 0 and 0 < rate[0] < np.inf):
        raise ValueError(f"α = {α!r}: must be a positive number")
    for name, function in {"f": f, "L_T": L_T, "L_S": L_S}.items():
        if not callable(function):
            raise TypeError(f"{name} = {function!r}: must be a function")
    θ_0, X, coarsest = _arrays(f, θ_0, L_T, L_S, X)
    if θ_S0 is not None and not _equal(θ_S0, θ_0):
        return _not_applicable("teacher and student start from different initialisations")
    if jnp.finfo(coarsest).bits < 32:
        return _not_applicable(f"rounding hides small steps in {coarsest}: {ADVICE}")

    @jax.jit
    def measure(θ_0: Params) -> tuple[Ladder, Conditions, tuple[Array, ...], tuple[Scalar, Scalar]]:
        c, unit, known = units(f, θ_0, L_T, L_S, X)
        z = _logits(f, θ_0, X)
        case = (f, θ_0, lambda θ: L_T(θ) / c, L_S, X, jnp.asarray(steps, z.dtype))
        rungs = ladder(*case, α * unit, known)
        return rungs, conditions(L_S, z), quotient(*case, known), (c, α * unit)

    rungs, of_loss, of_f, (c, rate) = jax.device_get(measure(θ_0))
    finding = judge(rungs, of_loss, of_f, (float(c), float(rate)))
    if finding.lemma_1 == Verdict.DEGENERATE:
        hidden = jax.jit(lambda θ: _seen(f, θ, L_T, L_S, X))
        exact = not (rungs.ε_q.any() or rungs.dot.any())
        if exact or (coarsest == jnp.float64 and not hidden(θ_0)):
            return finding._replace(reason=why_degenerate(f, θ_0, L_T, L_S, X))
        finding = _not_applicable("rounding hides q", rungs)
    if coarsest == jnp.float64:
        return finding
    return finding._replace(reason=f"{finding.reason}; in {coarsest}: {ADVICE}")


def judge(
    rungs: Ladder,
    of_loss: Conditions,
    of_f: tuple[np.ndarray, ...] | None = None,
    units: tuple[float, float] = (1.0, 1.0),
) -> Finding:
    """Judge a case that has been measured: by its ladder, its loss's conditions, f's quotient.

    Without the latter, f and L_T are taken to be differentiable.
    """
    rungs = Ladder(*(np.asarray(field) for field in rungs))
    zero = (np.abs(rungs.ε_q) <= rungs.ε_q_rounding).all()
    # The third condition says what q = 0 means, and nothing where q > 0.
    failed = [name for name in of_loss.failed if zero or name != "null_space"]
    # Before what L_S is: of logits that are no numbers no condition holds.
    if not all(np.isfinite(field).all() for field in rungs):
        return _not_applicable("f, L_S or L_T is not finite near θ_0", rungs)
    if failed:
        return _not_applicable("L_S fails: " + ", ".join(failed), rungs)
    if of_f and tends_to(*of_f) not in (1.0, None):
        why = "f(θ_0 + ε Δθ_T) − f(θ_0) does not tend to ε J Δθ_T: a kink of f, or f is rounded"
        return _not_applicable(why, rungs)
    if zero:
        # Only where a q of the size of its terms would be seen: not in a saturated softmax.
        seen = rungs.ε_q_rounding >= 480 * np.finfo(rungs.dot.dtype).eps * rungs.dot_rounding
        if (np.abs(rungs.dot) <= 4 * rungs.dot_rounding).all() and np.any(seen):
            return Finding(Verdict.DEGENERATE, Verdict.DEGENERATE, "q = 0", rungs, units)
    if zero or (rungs.ε_q < 0).any():
        return _not_applicable("rounding hides q", rungs)
    lemma = tends_to(rungs.dot, rungs.ε_q, rungs.dot_rounding + rungs.ε_q_rounding)
    theorem = tends_to(rungs.change, rungs.ε_α_q, rungs.change_rounding)
    if theorem != 1 and (lemma is None or np.isnan(lemma)):
        theorem = lemma  # where L_T falls only if Δθ_S · Δθ_T > 0, and that cannot be seen
    reason = [f"q = {units[0] * units[0] * float(rungs.ε_q[0] / rungs.ε[0]):.3g}"]
    reason += _unless_1("Δθ_S · Δθ_T / ε q", lemma)
    reason += _unless_1("ΔL_T / (−ε α q)", theorem)
    # Along Δθ_S the derivative of L_T is −Δθ_S · Δθ_T, whatever that is.
    α = np.sum(rungs.ε_α_q) / np.sum(rungs.ε_q)
    along = tends_to(rungs.change, α * rungs.dot, rungs.change_rounding)
    if of_f and not {theorem, along} & {1.0, None} and not np.isnan(along):
        reason[-1] += ": L_T has a kink at θ_0 along Δθ_S"
        theorem = None
    return Finding(_verdict(lemma), _verdict(theorem), "; ".join(reason), rungs, units)


def sign(measured: np.ndarray, leading: np.ndarray, rounding: np.ndarray) -> Verdict:
    """Judge whether the measured sign is the leading term's as ε → 0, all [k].

    `holds` asks for more than the sign: that their ratio tends to 1. It is `violated` only where
    the ratio has come to rest at 0 or below.
    """
    return _verdict(tends_to(measured, leading, rounding))


def units(
    f: Function, θ_0: Params, L_T: Trait, L_S: Imitation, X: Inputs
) -> tuple[Scalar, Scalar, tuple[FirstOrder, Sizes]]:
    """Choose c and α such that for L_T / c "small enough" is said of ε and α ε against 1.

    Δθ_T / c moves the logits by their own size, or by 1 if that is less or they are 0. α is where
    eq. (3) is least at ε = 1, or L_S along the student's step, whichever is less. Returns what is
    `expected` of L_T / c too.
    """
    gradient = jax.grad(L_T)(θ_0)
    largest = [jnp.max(jnp.abs(leaf), initial=0.0) for leaf in jax.tree.leaves(gradient)]
    largest = _positive(jnp.max(jnp.stack(largest)))
    first, of = expected(f, θ_0, scale(-1 / largest, gradient), L_S, X)
    moved = _positive(jnp.max(of.u) / jnp.minimum(_positive(jnp.max(of.z)), 1.0))
    c, first, of = largest * moved, first.times(1 / moved), of.times(1 / moved)
    own = dot(first.v, first.v) / first_order(f, θ_0, first.v, L_S, X).q
    least = jnp.abs(first.q / curvature(lambda θ: L_T(θ) / c, θ_0, first.v))
    return c, _positive(jnp.minimum(own, least)), (first, of)


def quotient(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    ε: Float[Array, " k"],
    known: tuple[FirstOrder, Sizes],
) -> tuple[Float[Array, " k"], ...]:
    """Hold f(θ_0 + ε Δθ_T) − f(θ_0) against ε u, by the norm √E[dᵀ M d] of their distance d.

    known: what is `expected` at Δθ_T. Returns the arguments of `tends_to`: ε √q with that added,
    ε √q, and the rounding. If q = 0, what adds up to q is taken for it, or 1.
    """
    Δθ_T = scale(-1.0, jax.grad(L_T)(θ_0))
    (u, _, q, _), of = known
    z, eps = _logits(f, θ_0, X), precision(θ_0, u)

    def distance(ε: Scalar) -> Scalar:
        d = _logits(f, move(θ_0, ε, Δθ_T), X) - z - ε * u
        Md = jax.vmap(lambda y, d: M_times(L_S, y, d))(z, d)
        return jnp.sqrt(jnp.maximum(jnp.sum(d * Md) / len(z), 0.0))

    in_q = jnp.sum(of.u * of.Mu) / len(z)
    leading = ε * jnp.sqrt(_positive(jnp.where(q > 16 * eps * in_q, q, in_q)))
    rounding = eps * jnp.sqrt(jnp.sum(of.z * of.Mz) / len(z)) + 0 * ε
    return leading + jax.lax.map(distance, ε), leading, rounding


def why_degenerate(f: Function, θ_0: Params, L_T: Trait, L_S: Imitation, X: Inputs) -> str:
    """Tell which of the ways to q = 0 this is: what L_T moves, and what L_S sees of it."""
    Δθ_T = jax.grad(L_T)(θ_0)
    moved = {name for name, leaf in _leaves(Δθ_T) if jnp.any(leaf != 0)}
    if not moved:
        return "Δθ_T = 0: L_T is stationary at θ_0"
    z, vjp = jax.vjp(lambda θ: _logits(f, θ, X), θ_0)
    Mg = jax.vmap(lambda y, g: M_times(L_S, y, g))(z, probe(z.shape, z.dtype))
    if not jnp.any(Mg != 0):
        return "L_S is constant in the logits: M = 0"
    (pulled,) = vjp(Mg)
    unseen = moved & {name for name, leaf in _leaves(pulled) if not jnp.any(leaf != 0)}
    names = ", ".join(sorted(moved))
    if unseen == moved:
        return f"L_S does not see {names}, and L_T moves nothing else"
    return f"L_S sees no effect of Δθ_T on the logits, which moves {names}"


def _seen(f: Function, θ_0: Params, L_T: Trait, L_S: Imitation, X: Inputs) -> Bool[Array, ""]:
    """Tell whether q is above rounding if that is estimated for each logit by itself.

    One that L_T moves by much, and L_S does not see, may hide a q of the others' from the ladder.
    """
    Δθ_T = scale(-1.0, jax.grad(L_T)(θ_0))
    of = sizes(lambda θ: _logits(f, θ, X), θ_0, Δθ_T, L_S, each=True)
    first = first_order(f, θ_0, Δθ_T, L_S, X)
    return jnp.sum(first.u * first.Mu) > 16 * precision(θ_0, first.u) * jnp.sum(of.u * of.Mu)


def _logits(f: Function, θ: Params, X: Inputs) -> Float[Array, "N n"]:
    return jax.vmap(f, in_axes=(None, 0))(θ, X)


def _leaves(θ: Params) -> list[tuple[str, Float[Array, "..."]]]:
    return [
        (jax.tree_util.keystr(path) or "θ", leaf) for path, leaf in jax.tree.leaves_with_path(θ)
    ]


def _arrays(
    f: Function, θ_0: PyTree, L_T: Trait, L_S: Imitation, X: PyTree
) -> tuple[Params, Inputs, jnp.dtype]:
    """Make arrays of both, θ_0's of one precision; find the coarsest precision that takes part."""
    for path, leaf in jax.tree.leaves_with_path(θ_0):
        _real(f"θ_0{jax.tree_util.keystr(path)}", leaf)
    for path, leaf in jax.tree.leaves_with_path(X):
        if not isinstance(leaf, jax.Array) and np.asarray(leaf).dtype.kind in "OSUMm":
            kind = np.asarray(leaf).dtype.name
            raise TypeError(f"X{jax.tree_util.keystr(path)} is of type {kind}: must be numbers")
    if not jax.tree.leaves(θ_0):
        raise ValueError("θ_0 has no leaves: must hold the parameters")
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(X)]
    if len({shape[:1] for shape in shapes}) != 1 or shapes[0][:1] in ((), (0,)):
        raise ValueError(
            f"X has shapes {shapes}: must have the same number N ≥ 1 of inputs in each"
        )
    θ_0, X = jax.tree.map(jnp.asarray, (θ_0, X))
    of_θ = [leaf.dtype for leaf in jax.tree.leaves(θ_0)]
    of_X = [a.dtype for a in jax.tree.leaves(X) if jnp.issubdtype(a.dtype, jnp.floating)]
    widest = max(of_θ + of_X, key=lambda dtype: jnp.finfo(dtype).bits)
    θ_0 = jax.tree.map(lambda leaf: leaf.astype(widest), θ_0)
    z = jax.eval_shape(f, θ_0, jax.tree.map(lambda a: a[0], X))
    _real("f(θ_0, x)", z)
    if len(z.shape) != 1 or not z.size:
        raise ValueError(f"f(θ_0, x) has shape {z.shape}: must be [n], the logits of one input")
    numbers = {"L_T(θ_0)": jax.eval_shape(L_T, θ_0), "L_S(z, y)": jax.eval_shape(L_S, z, z)}
    for name, number in numbers.items():
        _real(name, number)
        if number.shape:
            raise ValueError(f"{name} has shape {number.shape}: must be a number, of shape ()")
    half = [dtype for dtype in of_θ if jnp.finfo(dtype).bits < 32]
    taking_part = [*half, widest, z.dtype, *(number.dtype for number in numbers.values())]
    return θ_0, X, min(taking_part, key=lambda dtype: jnp.finfo(dtype).bits)


def _real(name: str, value: Any) -> None:
    dtype = getattr(value, "dtype", type(value))
    if not jnp.issubdtype(dtype, jnp.floating):
        kind = getattr(dtype, "name", getattr(dtype, "__name__", dtype))
        raise TypeError(f"{name} is of type {kind}: must be one real floating-point array")


def _positive(a: Scalar) -> Scalar:
    """Replace a by 1 if it is 0, negative or not a number."""
    return jnp.where(a > 0, a, 1.0).astype(a.dtype)


def _unless_1(ratio: str, limit: float | None) -> list[str]:
    if limit is None:
        return [f"rounding hides {ratio}"]
    if np.isnan(limit):
        return [f"{ratio} does not near 1 at the smallest ε above rounding"]
    return [] if limit == 1 else [f"{ratio} stays at {limit:.6g}"]


def _verdict(limit: float | None) -> Verdict:
    if limit == 1:
        return Verdict.HOLDS
    return Verdict.VIOLATED if limit is not None and limit <= 0 else Verdict.NOT_APPLICABLE


def _equal(a: PyTree, b: PyTree) -> bool:
    if jax.tree.structure(a) != jax.tree.structure(b):
        return False
    same = jax.tree.map(lambda x, y: bool(jnp.array_equal(x, y, equal_nan=True)), a, b)
    return all(jax.tree.leaves(same))


def _numbers(a: Any) -> np.ndarray:
    """Sort what are numbers, the largest first; none of what is not."""
    try:
        found = np.asarray(a)
    except ValueError:  # rows of different lengths
        return np.empty(0)
    return np.sort(found.ravel().astype(float))[::-1] if found.dtype.kind in "iuf" else np.empty(0)


def _not_applicable(reason: str, rungs: Ladder | None = None) -> Finding:
    return Finding(Verdict.NOT_APPLICABLE, Verdict.NOT_APPLICABLE, reason, rungs)
