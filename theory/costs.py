"""What two defences cost and give: steps freed of Δθ_T, and an auxiliary head of the student's own.

| symbol   | code   | meaning                                                                      |
|----------|--------|------------------------------------------------------------------------------|
| s        |        | Δθ_S, the student's step at any θ, on any labels                             |
| s⊥       |        | s − (s · d) d, d = Δθ_T / ‖Δθ_T‖: the step that is freed of Δθ_T             |
| g        |        | the trunk, g(θ, x): all that is below the head's linear layer                |
| W, W_T   | `W`    | kernel of that layer, the student's and the teacher's: z = W g(θ, x) + bias  |
| y, y_0   |        | labels W_T g + bias of the teacher θ_0 + ε Δθ_T, and of a placebo, of θ_0    |
| T(W)     |        | step of the trunk on y less that on y_0: what the teacher's training adds    |

Along a step a, L_S falls by α s · a + O(α²), and L_T = L_T of Theorem 1 by α Δθ_T · a + O(α²). So

    (37)  s⊥ · Δθ_T = 0: L_T does not fall to first order in α, at any ε; and of the progress on L_S
          a share cos²(s, Δθ_T) is lost, as s · s⊥ = ‖s‖² (1 − cos²).

It needs Δθ_T, which only the teacher's owner knows, and steps that are gradients: what Adam makes
of a freed gradient is not free. After many freed steps θ_S − θ_0 is still ⟂ Δθ_T, and L_T moves by
its curvature alone.

For L_S with ∂L_S/∂z = φ(z) − h(y) (squared error; cross-entropy and KL) the first step has

    (38)  T(W) = E[(∂g/∂θ)ᵀ Wᵀ (h(y) − h(y_0))],  T(−W) = −T(W).

So for W of a law that is symmetric (as likely as −W) and independent of all else, the mean of T is
0 in every direction, and T · Δθ_T is as often negative as positive: the head's sign decides. With
the teacher's own head, W = W_T, T · Δθ_T is about ε q ≥ 0; with W = −W_T it is that, reversed.

θ is the trunk alone. The head's own parameters learn what no sign undoes: its bias by
E[h(y) − h(y_0)], from W and from −W. What the bias *is* does not matter, as it is in φ alone; it
has to be 0 only for the whole step to stand in place of T, by squared error: the even part,
−2 E[(∂g/∂θ)ᵀ WᵀW g], has then no y in it. Other losses, such as log cosh(z − y), are not covered,
nor are later steps: the head has then learnt from y, and the trunk from both.

Proof. −∇_θ E[L_S] = E[(∂g/∂θ)ᵀ Wᵀ (h(y) − φ(z))]: φ cancels in T, and what is left is linear in W.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.losses import Imitation
from theory.one_step import Function, Inputs, Scalar, Trait, student_step
from theory.rounding import precision
from theory.trees import Params, add, dot, move, norm, scale, sub

Headed = Callable[[Params, Params, Any], Float[Array, " n"]]  # f(θ, W, x), linear in W but for bias


class Freed(NamedTuple):
    """One step of the student without its part along Δθ_T = −∇L_T(θ_0): eq. (37).

    lost: 1 − (fall of L_S along α s⊥) / (fall along α s), measured.
    cos2: cos²(s, Δθ_T), which `lost` tends to as α → 0.
    change: L_T(θ_0 + α s⊥) − L_T(θ_0), O(α²).
    with_it: L_T(θ_0 + α s) − L_T(θ_0), of the whole step.
    rounding: how far rounding alone may move `lost`.
    """

    lost: Scalar
    cos2: Scalar
    change: Scalar
    with_it: Scalar
    rounding: Scalar


def free(step: Params, Δθ_T: Params) -> Params:
    """Take its part along Δθ_T out of a step."""
    return move(step, -dot(step, Δθ_T) / dot(Δθ_T, Δθ_T), Δθ_T)


def freed(
    f: Function,
    θ_0: Params,
    L_T: Trait,
    L_S: Imitation,
    X: Inputs,
    ε: Scalar | float,
    α: Scalar | float,
) -> Freed:
    """Take the first step at rate α with and without its part along the teacher's direction."""
    of = jax.vmap(f, (None, 0))
    before, gradient = jax.value_and_grad(L_T)(θ_0)
    Δθ_T = scale(-1.0, gradient)
    z, y = of(θ_0, X), of(move(θ_0, ε, Δθ_T), X)

    def fall(θ: Params) -> Scalar:
        """Take the difference input by input, where it is small."""
        return jnp.mean(jax.vmap(L_S)(z, y) - jax.vmap(L_S)(of(θ, X), y))

    step = student_step(f, θ_0, L_S, X, y)
    rest = free(step, Δθ_T)
    whole = fall(move(θ_0, α, step))
    size = jnp.mean((1 + jnp.linalg.norm(z, axis=1) + jnp.linalg.norm(y, axis=1)) ** 2)
    return Freed(
        lost=1 - fall(move(θ_0, α, rest)) / whole,
        cos2=dot(step, Δθ_T) ** 2 / (dot(step, step) * dot(Δθ_T, Δθ_T)),
        change=L_T(move(θ_0, α, rest)) - before,
        with_it=L_T(move(θ_0, α, step)) - before,
        rounding=16 * precision(θ_0, z) * size / jnp.abs(whole),
    )


class Heads(NamedTuple):
    """The teacher's part of the trunk's first step, from a head and from its negative: eq. (38).

    plus, minus: T(W) · Δθ_T and T(−W) · Δθ_T.
    left: ‖T(W) + T(−W)‖, 0 by eq. (38).
    size: ‖T(W)‖.
    rounding: how far rounding alone may move `left`, and ‖Δθ_T‖ times as far the first two.
    """

    plus: Scalar
    minus: Scalar
    left: Scalar
    size: Scalar
    rounding: Scalar


def heads(
    f: Headed,
    θ_0: Params,
    Δθ_T: Params,
    W: Params,
    W_T: Params,
    L_S: Imitation,
    X: Inputs,
    ε: Scalar | float,
) -> Heads:
    """Take the trunk's first step on teacher and placebo, through W and through −W.

    θ_0 and Δθ_T are of the trunk alone, shared by teacher and student; the head's bias is in f.
    """
    y, y_0 = (jax.vmap(f, (None, None, 0))(θ, W_T, X) for θ in (move(θ_0, ε, Δθ_T), θ_0))

    def part(sign: Scalar) -> tuple[Params, Scalar]:
        """Compute T, and the size of what it is a difference of."""
        own = lambda θ, x: f(θ, scale(sign, W), x)  # noqa: E731
        step = jax.vmap(lambda labels: student_step(own, θ_0, L_S, X, labels))
        steps = step(jnp.stack([y, y_0, jnp.zeros_like(y)]))
        taught, untaught, blank = (jax.tree.map(lambda a, i=i: a[i], steps) for i in range(3))
        return sub(taught, untaught), norm(taught) + norm(untaught) + norm(blank)

    T, parts = jax.vmap(part)(jnp.array([1.0, -1.0], y.dtype))
    plus, minus = (jax.tree.map(lambda a, i=i: a[i], T) for i in range(2))
    return Heads(
        plus=dot(plus, Δθ_T),
        minus=dot(minus, Δθ_T),
        left=norm(add(plus, minus)),
        size=norm(plus),
        rounding=16 * precision(θ_0, y) * jnp.sum(parts),
    )
