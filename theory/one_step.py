"""One step of the student: Lemma 1 and Theorem 1 of Cloud et al. (arXiv 2507.14805), appendix C.

| paper      | code   | meaning                                                                  |
|------------|--------|--------------------------------------------------------------------------|
| f_θ(x)     | `f`    | `f(θ, x) -> z`, any differentiable function of a pytree θ; z is [n]      |
| D          | `X`    | inputs [N, …], or a pytree of such; E_x is the mean over them            |
| θ_T⁰, θ_S⁰ | `θ_0`  | the shared initialisation                                                |
| θ_T        |        | θ_0 + ε Δθ_T, the teacher, ε > 0; any direction Δθ_T                     |
| y          | `Y`    | f_{θ_T}(x), the labels [N, n]                                            |
| Δθ_S       | `Δθ_S` | −∇_θ E_x[L_S(f_θ(x), y)] at θ_S⁰: the student's step, of rate α          |
| J          |        | ∂f/∂θ at θ_0; never formed: J Δ by jvp, Jᵀ g by vjp                      |
| u          | `u`    | J Δθ_T, what the teacher's direction does to each input's logits [N, n]  |
| M          | `Mu`   | −∂²L_S/∂y∂z at z = y = f_{θ_0}(x), applied to u                          |
| q          | `q`    | E_x[uᵀ M u] ≥ 0                                                          |
| v          | `v`    | E_x[Jᵀ M u]: Δθ_S = ε v + O(ε²), so q = v · Δθ_T                         |
| L_T        | `L_T`  | any differentiable function of θ; in Theorem 1, Δθ_T = −∇L_T(θ_0)        |

    Lemma 1.    Δθ_S · Δθ_T ≥ 0 for small enough ε.
    Eq. (2).    Δθ_S · Δθ_T = ε q + O(ε²).
    Theorem 1.  L_T(θ_0 + α Δθ_S) − L_T(θ_0) = −ε α q + O(ε²): unless Δθ_S · Δθ_T = 0 for all ε,
                L_T falls.
    Remark.     From another initialisation θ_S⁰, Δθ_S = Δθ_S|_{ε=0} + O(ε): to leading order the
                student imitates the untrained teacher, and nothing of Δθ_T is in it.

    How smooth f must be: O(ε²) in eq. (2) and Theorem 1 asks that f and L_T be C^{1,1} near θ_0
    (a derivative that is Lipschitz: so every smooth network, and a ReLU network below the first ε
    at which a unit changes sides) and that ∂L_S/∂z be so in y. Where they are differentiable and no
    more, the rest is o(ε), which is all that the lemma and the theorem need; at a kink both may
    fail.

Theory is checked in float64: `jax.enable_x64(True)`. Below ε = 1e-3 float32 has only rounding left.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree, Shaped

from theory.losses import Imitation, M_times
from theory.rounding import Sizes, precision, sizes
from theory.trees import Params, dot, move, norm, scale

Function = Callable[[Params, Any], Float[Array, " n"]]  # f(θ, x)
Trait = Callable[[Params], Float[Array, ""]]  # L_T(θ)
Inputs = PyTree[Shaped[Array, "N ..."]]
Logits = Float[Array, "N n"]
Scalar = Float[Array, ""]


class FirstOrder(NamedTuple):
    """What the lemma's expansion at θ_0 is made of: u, M u [N, n], q, and v, a pytree like θ."""

    u: Logits
    Mu: Logits
    q: Scalar
    v: Params

    def times(self, s: Scalar) -> "FirstOrder":
        """Take that of s Δθ_T."""
        return FirstOrder(s * self.u, s * self.Mu, s * s * self.q, scale(s, self.v))


def first_order(f: Function, θ_0: Params, Δθ_T: Params, L_S: Imitation, X: Inputs) -> FirstOrder:
    """Compute u = J Δθ_T, M u, q = E[uᵀ M u], v = E[Jᵀ M u]: two products by J, no matrix."""
    z, u = jax.jvp(lambda θ: _batched(f, θ, X), (θ_0,), (Δθ_T,))
    Mu = jax.vmap(lambda y, u: M_times(L_S, y, u))(z, u)
    _, vjp = jax.vjp(lambda θ: _batched(f, θ, X), θ_0)
    (v,) = vjp(Mu / len(z))
    return FirstOrder(u, Mu, q=jnp.sum(u * Mu) / len(z), v=v)


def expected(
    f: Function, θ_0: Params, Δθ_T: Params, L_S: Imitation, X: Inputs
) -> tuple[FirstOrder, Sizes]:
    """Compute the lemma's terms, and the sizes of what adds up to them."""
    of = sizes(lambda θ: _batched(f, θ, X), θ_0, Δθ_T, L_S)
    return first_order(f, θ_0, Δθ_T, L_S, X), of


def student_step(f: Function, θ_S: Params, L_S: Imitation, X: Inputs, Y: Logits) -> Params:
    """Compute Δθ_S = −∇_θ E_x[L_S(f_θ(x), y)] at θ_S, for labels Y [N, n]."""

    def imitation(θ: Params) -> Scalar:
        return jnp.mean(jax.vmap(L_S)(_batched(f, θ, X), Y))

    return scale(-1.0, jax.grad(imitation)(θ_S))


def Δθ_S(
    f: Function,
    θ_0: Params,
    Δθ_T: Params,
    L_S: Imitation,
    X: Inputs,
    ε: Scalar | float,
    θ_S0: Params | None = None,
) -> Params:
    """Compute the step on the labels of the teacher θ_0 + ε Δθ_T, from θ_S0 (default: θ_0)."""
    Y = _batched(f, move(θ_0, ε, Δθ_T), X)
    return student_step(f, θ_0 if θ_S0 is None else θ_S0, L_S, X, Y)


class Ladder(NamedTuple):
    """One step measured at k values of ε, beside what the theorem says of it; all fields [k].

    ε: the teacher's step.
    dot: Δθ_S · Δθ_T, measured.
    ε_q: ε q, its leading term by eq. (2).
    change: L_T(θ_0 + α Δθ_S) − L_T(θ_0), measured.
    ε_α_q: −ε α q, its leading term by Theorem 1.
    dot_rounding, change_rounding, ε_q_rounding: how far rounding alone may move `dot`, `change` and
      `ε_q`; an estimate, from the size of what is added up and the coarsest precision taking part.
    """

    ε: Float[Array, " k"]
    dot: Float[Array, " k"]
    ε_q: Float[Array, " k"]
    change: Float[Array, " k"]
    ε_α_q: Float[Array, " k"]
    dot_rounding: Float[Array, " k"]
    change_rounding: Float[Array, " k"]
    ε_q_rounding: Float[Array, " k"] | float = 0.0

    @property
    def remainder(self) -> Float[Array, " k"]:
        """Take the remainder of eq. (2): Δθ_S · Δθ_T − ε q, which is O(ε²)."""
        return self.dot - self.ε_q

    @property
    def remainder_order(self) -> Scalar:
        """Fit the log-slope of the remainder over ε ≤ 1e-2 above rounding: 2 where f is smooth."""
        return slope(self.ε, self.remainder, where=self._small(self.remainder, self.dot_rounding))

    @property
    def change_gap(self) -> Float[Array, " k"]:
        """Compare measured / predicted change − 1, which is O(ε)."""
        return self.change / self.ε_α_q - 1

    @property
    def change_order(self) -> Scalar:
        """Fit the log-slope of `change_gap` over ε ≤ 1e-2 above rounding: 1 where f is smooth."""
        clear = self._small(self.change - self.ε_α_q, self.change_rounding)
        return slope(self.ε, self.change_gap, where=clear)

    def _small(self, error: Float[Array, " k"], rounding: Float[Array, " k"]) -> Bool[Array, " k"]:
        return (self.ε < 1.01e-2) & (jnp.abs(error) > 30 * rounding)


def towards(r: Params) -> Trait:
    """Make L_T(θ) = −r · θ, whose −∇L_T is r: any direction Δθ_T as the gradient of a trait."""
    return lambda θ: -dot(r, θ)


def ladder(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    ε: Float[Array, " k"],
    α: Scalar | float = 1.0,
    known: tuple[FirstOrder, Sizes] | None = None,
) -> Ladder:
    """Take the student's step at each ε, and hold it against eq. (2) and Theorem 1.

    Args:
      f, θ_0, L_S, X: network, shared initialisation, imitation loss, inputs (see the table above).
      L_T: the teacher's loss, which gives Δθ_T = −∇L_T(θ_0): on any data, a regulariser, or
        `towards(r)` for an arbitrary direction r.
      ε: the teacher's steps.
      α: the student's rate, for the change of L_T.
      known: what is `expected` at Δθ_T, where that was computed before.

    Under `vmap` over θ_0 (and L_T's data) this is many seeds in one program.

    >>> import functools, jax
    >>> from theory import losses, one_step
    >>> f = lambda θ, x: jax.numpy.tanh(θ["W"] @ x)
    >>> θ_0 = {"W": jax.random.normal(jax.random.key(0), (3, 5))}
    >>> X = jax.random.normal(jax.random.key(1), (8, 5))
    >>> L_S = functools.partial(losses.squared_error, visible=jax.numpy.ones(3, bool))
    >>> L_T = lambda θ: jax.numpy.sum(θ["W"] ** 2)
    >>> rungs = one_step.ladder(f, θ_0, L_T, L_S, X, ε=jax.numpy.array([1e-2, 1e-3]))
    >>> bool((rungs.dot > 0).all() and (rungs.change < 0).all())
    True

    """
    before, gradient = jax.value_and_grad(L_T)(θ_0)
    Δθ_T = scale(-1.0, gradient)
    first, of = known or expected(f, θ_0, Δθ_T, L_S, X)

    def at(ε: Scalar) -> tuple[Scalar, Scalar]:
        step = Δθ_S(f, θ_0, Δθ_T, L_S, X, ε)
        return dot(step, Δθ_T), L_T(move(θ_0, α, step)) - before

    measured, change = jax.lax.map(at, ε)
    # u and ∂L_S/∂z are known to eps times what adds up to them; to the latter M carries that of z.
    eps = precision(θ_0, first.u, before)
    in_q = jnp.sum(of.u * of.Mu) / len(of.u)
    in_dot = jnp.sum(of.u * (of.Mz + of.g)) / len(of.u) + ε * in_q
    in_change = jnp.abs(before) + norm(jax.tree.map(jnp.multiply, gradient, θ_0))
    return Ladder(
        ε=ε,
        dot=measured,
        ε_q=ε * first.q,
        change=change,
        ε_α_q=-ε * α * first.q,
        dot_rounding=eps * (in_dot + jnp.abs(measured)),
        change_rounding=eps * (in_change + jnp.abs(change)),
        ε_q_rounding=16 * eps * ε * in_q,
    )


def slope(
    ε: Float[Array, " k"], error: Float[Array, " k"], where: Bool[Array, " k"] | None = None
) -> Scalar:
    """Order p of an error ~ ε^p: the least-squares line through (log ε, log |error|).

    NaN if fewer than three points are left, so that nothing is concluded from nothing.
    """
    where = jnp.ones(ε.shape, bool) if where is None else where
    where = where & (error != 0)
    x, y = (jnp.log(jnp.where(where, jnp.abs(a), 1.0)) for a in (ε, error))
    x, y = (jnp.where(where, a - jnp.mean(a, where=where), 0.0) for a in (x, y))
    return jnp.where(jnp.sum(where) >= 3, jnp.sum(x * y) / jnp.sum(x * x), jnp.nan)


def _batched(f: Function, θ: Params, X: Inputs) -> Logits:
    return jax.vmap(f, in_axes=(None, 0))(θ, X)
