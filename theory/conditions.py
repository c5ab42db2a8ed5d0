"""The lemma's three conditions on an imitation loss, tried on any L_S(z, y).

For each pair of logits, Cloud et al. (appendix C, remarks) ask of L_S that

| condition       | statement                                                                   |
|-----------------|-----------------------------------------------------------------------------|
| `minimum`       | L_S(·, y) has a minimum at z = y                                            |
| `semi_definite` | M is symmetric and positive semi-definite                                   |
| `null_space`    | the null space of M is the same at every x and is orthogonal to ∂L_S/∂z     |

The first, at every y, implies the second: differentiating ∂L_S/∂z(y, y) = 0 along y gives
M = ∂²L_S/∂z² at a minimum. The third is what makes q = 0 mean that nothing is ever passed on.

A computer tries a condition at the logits it is given and cannot prove it: `holds` says that
nothing spoke against it there.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.losses import Imitation, Logits, M

Residual = Float[Array, ""]


class Conditions(NamedTuple):
    """By how much each condition fails, relative to its own scale (0: not at all), and the verdict.

    minimum: the larger of ‖∂L_S/∂z(y, y)‖ over the largest ‖∂L_S/∂z(z, y)‖ tried, and the largest
      drop L_S(y, y) − L_S(z, y) over the largest |L_S| tried.
    semi_definite: the larger of ‖M − Mᵀ‖ and −λ_min(M), over ‖M‖ at its largest.
    null_space: the larger of ‖Π(x) − Π(x')‖ and ‖Π ∂L_S/∂z‖/‖∂L_S/∂z‖ at its largest, Π the
      projection on the null space.
    tolerance: what counts as rounding: the root of the machine's precision.
    """

    minimum: Residual
    semi_definite: Residual
    null_space: Residual
    tolerance: float

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the conditions that do not hold; NaN does not."""
        names = ("minimum", "semi_definite", "null_space")
        return tuple(name for name in names if not getattr(self, name) <= self.tolerance)

    @property
    def holds(self) -> bool:
        """Whether nothing that was tried speaks against the three conditions."""
        return not self.failed


def top_logit(z: Logits, y: Logits) -> Float[Array, ""]:
    """Squared error on the teacher's largest logit alone: breaks `null_space`.

    Which logit that is changes from input to input, and with it what the student does not see.
    """
    return jnp.sum(jnp.where(y == jnp.max(y), (z - y) ** 2, 0.0))


def softmax_twice(z: Logits, y: Logits) -> Float[Array, ""]:
    """Cross-entropy that is given probabilities where it takes logits: breaks `minimum`.

    A well-known slip: the student's outputs go through a second softmax, the teacher's do not.
    """
    return -jnp.sum(jax.nn.softmax(y) * jax.nn.log_softmax(jax.nn.softmax(z)))


#: Imitation losses that the theorem does not cover.
BROKEN = {"top_logit": top_logit, "softmax_twice": softmax_twice}


def conditions(L_S: Imitation, Y: Float[Array, "k n"]) -> Conditions:
    """Try the three conditions at k logits y, with the others (and points near y) as z.

    Errors: ValueError for fewer than two logits, which would test nothing.
    """
    if len(Y) < 2:
        raise ValueError(f"Y has {len(Y)} rows: must have at least 2, to compare")
    tiny = float(jnp.finfo(Y.dtype).eps) ** 0.5
    far = jnp.roll(Y, 1, axis=0)
    Z = jnp.stack([far, Y + 1e-2 * (far - Y)])  # [2, k, n]
    at = jax.vmap(jax.vmap(jax.value_and_grad(L_S)), in_axes=(0, None))
    L, g = at(Z, Y)  # [2, k], [2, k, n]
    L_min, g_min = jax.vmap(jax.value_and_grad(L_S))(Y, Y)

    Ms = jax.vmap(lambda y: M(L_S, y))(Y)
    size = jnp.max(jnp.linalg.norm(Ms, axis=(1, 2)))
    asymmetry = jnp.max(jnp.linalg.norm(Ms - Ms.mT, axis=(1, 2)))
    λ, V = jnp.linalg.eigh((Ms + Ms.mT) / 2)

    # Null by each M's own size: a small eigenvalue of softmax is not a null one.
    own = jnp.max(jnp.abs(λ), axis=1, keepdims=True)
    V_0 = V * (jnp.abs(λ) <= tiny * own)[:, None, :]
    Π = V_0 @ V_0.mT
    moved = jnp.max(jnp.linalg.norm(Π - Π[:1], axis=(1, 2)))
    seen = jnp.max(_over(jnp.linalg.norm(g @ Π[0], axis=-1), jnp.linalg.norm(g, axis=-1)))
    return Conditions(
        minimum=jnp.maximum(
            _over(jnp.max(jnp.linalg.norm(g_min, axis=-1)), jnp.max(jnp.linalg.norm(g, axis=-1))),
            _over(jnp.max(L_min[None] - L), jnp.max(jnp.abs(L))),
        ),
        semi_definite=jnp.maximum(_over(asymmetry, size), _over(-jnp.min(λ), size)),
        null_space=jnp.maximum(moved, seen),
        tolerance=tiny,
    )


def _over(a: Float[Array, "*k"], b: Float[Array, "*k"]) -> Float[Array, "*k"]:
    """a / b; 0 if a is 0, whatever b."""
    return jnp.where(a == 0, 0.0, a / b)
