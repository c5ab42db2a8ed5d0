"""The ledger: an exact account of L_T over the steps of any optimiser, and what each step is worth.

| symbol   | code     | meaning                                                                   |
|----------|----------|---------------------------------------------------------------------------|
| s_t      | `s`      | all that step t starts from: θ_t, and what the optimiser keeps (m, v, …)  |
| g_t      | `g`      | ∇L_S at θ_t, on the batch of step t                                       |
| δ_t      | `δ`      | θ_{t+1} − θ_t, the update that was made                                   |
| w_t      |          | a factor on g_t, before the optimiser sees it; 1                          |
| L_T(end) |          | L_T at θ after the last step                                              |

Forwards, by Taylor's theorem at each θ_t; the sum telescopes, whatever made δ_t:

    (14)  L_T(end) − L_T(θ_0) = Σ_t [ ∇L_T · δ_t + ½ δ_tᵀ ∇²L_T δ_t + rest_t ],  rest_t = O(‖δ_t‖³)
                                      drive          curvature

where L_T is smooth; a kink of it that δ_t crosses is in the rest. What the optimiser makes of the
gradient is told apart by the part of δ_t along it:

    (15)  δ_t = −c_t g_t + a_t,  c_t = −δ_t·g_t / g_t·g_t, so that a_t · g_t = 0;
          drive = −c_t ∇L_T·g_t + ∇L_T·a_t:  plain, and added by preconditioner and momentum.

Backwards: a training is a chain of steps s_{t+1} = F_t(s_t, w_t), so that by the chain rule

    (16)  λ_t = ∂L_T(end)/∂s_t = (∂F_t/∂s_t)ᵀ λ_{t+1},  λ_end = (∇L_T(θ_end), 0),

    (17)  L_T(end) moves, to first order, by λ_t · (s − s_t) if s takes the place of s_t, in any of
          its parts, and by π_t (w − 1), π_t = ∂L_T(end)/∂w_t, if batch t counts w times.

Neither asks anything of the optimiser but that it can be differentiated: Adam's root cannot at
v = 0, where a little has to be added to v.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from theory.one_step import Scalar, Trait
from theory.trees import Params, dot

State = PyTree
Step = Callable[[State, Int[Array, ""], Scalar], State]  # F_t(s_t, w_t), of (s, t, w)


class Entry(NamedTuple):
    """One step in eqs. (14) and (15), or the sum of many.

    drive: ∇L_T · δ, of each leaf of θ alone: a tree like θ, of numbers.
    plain: the part of it that is −c ∇L_T · g, likewise.
    curvature: ½ δᵀ ∇²L_T δ.
    """

    drive: Params
    plain: Params
    curvature: Scalar


def entry(L_T: Trait, θ: Params, g: Params, δ: Params) -> Entry:
    """Account for one step δ from θ, whose batch had the gradient g."""
    gradient = jax.grad(L_T)(θ)
    # Forwards twice along one direction: the Hessian is not formed.
    _, second = jax.jvp(lambda θ: jax.jvp(L_T, (θ,), (δ,))[1], (θ,), (δ,))
    gg = dot(g, g)
    c = jnp.where(gg > 0, -dot(δ, g) / jnp.where(gg > 0, gg, 1), 0)
    return Entry(
        drive=jax.tree.map(jnp.vdot, gradient, δ),
        plain=jax.tree.map(lambda a, b: -c * jnp.vdot(a, b), gradient, g),
        curvature=second / 2,
    )


class Prices(NamedTuple):
    """What L_T(end) hangs on, of a training of T steps in K segments.

    end: L_T(end).
    λ: ∂L_T(end)/∂s at the start of each segment, of the leaves of s that are no counts [K, …].
    states: s there [K, …], all of its leaves.
    batches: π_t = ∂L_T(end)/∂w_t, of each step [T].
    """

    end: Scalar
    λ: list[Array]
    states: State
    batches: Float[Array, " T"]


def prices(
    step: Step, L_T: Callable[[State], Scalar], s_0: State, steps: int, segments: int
) -> Prices:
    """Take all steps from s_0, and go back through them once, eqs. (16) and (17).

    Memory is that of a state for each segment, and of the steps of one: least where there are about
    as many segments as steps in each; the last may be short. L_T is given the last state.
    """
    each = -(-steps // segments)
    times = jnp.arange(segments * each).reshape(segments, each)

    @jax.checkpoint
    def segment(s: State, at: tuple[Array, Array]) -> State:
        def one(s: State, of: tuple[Array, Array]) -> tuple[State, None]:
            return jax.lax.cond(of[0] < steps, lambda: step(s, *of), lambda: s), None

        return jax.lax.scan(one, s, at)[0]

    def end(w: Array, shifts: list[Array]) -> tuple[Scalar, State]:
        def one(s: State, of: tuple[Array, Array, list[Array]]) -> tuple[State, State]:
            t, w, shift = of
            return segment(moved(s, shift), (t, w)), s

        s, states = jax.lax.scan(one, s_0, (times, w, shifts))
        return L_T(s), states

    dtype = jnp.result_type(*floating(s_0))
    w = jnp.ones((segments, each), dtype)
    shifts = [jnp.zeros((segments, *a.shape), a.dtype) for a in floating(s_0)]
    (value, states), (π, λ) = jax.value_and_grad(end, (0, 1), has_aux=True)(w, shifts)
    return Prices(value, λ, states, π.reshape(-1)[:steps])


def floating(s: State) -> list[Array]:
    """List the leaves of a state that are no counts, which λ is of."""
    return [a for a in jax.tree.leaves(s) if jnp.issubdtype(a.dtype, jnp.floating)]


def moved(s: State, shift: list[Array]) -> State:
    """Add to the leaves of a state that are no counts."""
    left = iter(shift)

    def one(a: Any) -> Any:
        return a + next(left) if jnp.issubdtype(a.dtype, jnp.floating) else a

    return jax.tree.map(one, s)
