"""The lemma's three conditions on an imitation loss, tried on any L_S(z, y).

For each pair of logits, Cloud et al. (appendix C, remarks) ask of L_S that

| condition       | statement                                                                   |
|-----------------|-----------------------------------------------------------------------------|
| `minimum`       | L_S(·, y) has a minimum at z = y                                            |
| `semi_definite` | M is symmetric and positive semi-definite                                   |
| `null_space`    | the null space of M is the same at every x and is orthogonal to ∂L_S/∂z     |

The first, at every y, implies the second: differentiating ∂L_S/∂z(y, y) = 0 along y gives
M = ∂²L_S/∂z² at a minimum. Eq. (2) needs these two, so that Δθ_S · Δθ_T = ε q + O(ε²) and q ≥ 0.
The third is what makes q = 0 mean that nothing is ever passed on; where q > 0 nothing hangs on it.

A computer tries a condition at the logits it is given, and at some that are spread out, and cannot
prove it: `holds` says that nothing spoke against it there.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.losses import Imitation, Logits, M, M_times
from theory.trees import probe

Residual = Float[Array, ""]

SPREAD = (1.0, 3.0)  # sizes of the logits that are tried beside those that occur, eight of each
DIRECTIONS = 32  # in which M is tried: all of them, unless there are more logits


class Conditions(NamedTuple):
    """By how much each condition fails, relative to its own scale (0: not at all), and the verdict.

    minimum: the larger of ‖∂L_S/∂z(y, y)‖ over the largest ‖∂L_S/∂z(z, y)‖ tried, and the largest
      drop L_S(y, y) − L_S(z, y) over the largest |L_S| tried.
    semi_definite: the larger of ‖M − Mᵀ‖ and −λ_min(M), over ‖M‖ at its largest.
    null_space: the larger of ‖Π(x) − Π(x')‖ and the largest ‖Π ∂L_S/∂z‖ over the largest
      ‖∂L_S/∂z‖, Π the projection on the null space; at logits drawn in to |y_i| ≤ 2, as farther
      out a softmax that is zero to rounding has a null space of its own.
    tolerance: what counts as rounding: the root of the machine's precision.
    """

    minimum: Residual
    semi_definite: Residual
    null_space: Residual
    tolerance: float

    @property
    def failed(self) -> tuple[str, ...]:
        """Name the conditions that do not hold; NaN does not."""
        names = ("minimum", "semi_definite", "null_space")
        return tuple(name for name in names if not getattr(self, name) <= self.tolerance)

    @property
    def holds(self) -> bool:
        """Tell whether nothing that was tried speaks against the three conditions."""
        return not self.failed


def top_logit(z: Logits, y: Logits) -> Float[Array, ""]:
    """Squared error on the teacher's largest logit alone: breaks `null_space`.

    Which logit that is changes from input to input, and with it what the student does not see.
    """
    return jnp.sum(jnp.where(y == jnp.max(y), (z - y) ** 2, 0.0))


def softmax_twice(z: Logits, y: Logits) -> Float[Array, ""]:
    """Give cross-entropy probabilities where it takes logits: breaks `minimum`.

    A well-known slip: the student's outputs go through a second softmax, the teacher's do not.
    """
    return -jnp.sum(jax.nn.softmax(y) * jax.nn.log_softmax(jax.nn.softmax(z)))


#: Imitation losses that the theorem does not cover.
BROKEN = {"top_logit": top_logit, "softmax_twice": softmax_twice}


def conditions(L_S: Imitation, Y: Float[Array, "k n"]) -> Conditions:
    """Try the three conditions at k logits y and at spread-out ones, with far and near ones as z.

    Beyond DIRECTIONS logits M is tried on so many directions, never formed: what is wrong in a few
    of the others may be missed.
    """
    tiny = float(jnp.finfo(Y.dtype).eps) ** 0.5
    n = Y.shape[1]
    sizes = jnp.repeat(jnp.asarray(SPREAD, Y.dtype), 8)[:, None]
    spread = sizes * probe((len(sizes), n), Y.dtype)
    # L_S may be made for other numbers than logits, as for probabilities: what it knows is kept.
    known = jax.vmap(lambda y: jnp.isfinite(L_S(y, Y[0]) + L_S(Y[0], y)))(spread)[:, None]
    Y = jnp.concatenate([Y, jnp.where(known, spread, Y[:1])])
    far = jnp.roll(Y, 1, axis=0)
    Z = jnp.stack([far, Y + 1e-2 * (far - Y)])  # [2, k, n]
    at = jax.vmap(jax.vmap(jax.value_and_grad(L_S)), in_axes=(0, None))
    L, g = at(Z, Y)  # [2, k], [2, k, n]
    L_min, g_min = jax.vmap(jax.value_and_grad(L_S))(Y, Y)

    mild = 2 * Y / jnp.maximum(2.0, jnp.max(jnp.abs(Y), axis=1, keepdims=True))
    few = n <= DIRECTIONS
    S = jnp.eye(n, dtype=Y.dtype) if few else jnp.linalg.qr(probe((n, DIRECTIONS), Y.dtype))[0]
    Ms = jax.vmap(jax.vmap(lambda y: _on(S, L_S, y)))(jnp.stack([Y, mild]))  # [2, k, r, r]
    size = jnp.max(jnp.linalg.norm(Ms, axis=(2, 3)))
    asymmetry = jnp.max(jnp.linalg.norm(Ms - Ms.mT, axis=(2, 3)))
    λ, V = jnp.linalg.eigh((Ms + Ms.mT) / 2)

    # Null by each M's own size: a small eigenvalue of softmax is not a null one.
    own = jnp.max(jnp.abs(λ[1]), axis=1, keepdims=True)
    V_0 = V[1] * (jnp.abs(λ[1]) <= tiny * own)[:, None, :]
    Π = V_0 @ V_0.mT
    moved = jnp.max(jnp.linalg.norm(Π - Π[:1], axis=(1, 2)))
    g_mild = jax.vmap(jax.grad(L_S))(jnp.roll(mild, 1, axis=0), mild)
    # By the largest gradient: between inputs of the same logits it is rounding alone.
    in_null, all_of_it = (jnp.max(jnp.linalg.norm(a, axis=-1)) for a in (g_mild @ S @ Π[0], g_mild))
    return Conditions(
        minimum=jnp.maximum(
            _over(jnp.max(jnp.linalg.norm(g_min, axis=-1)), jnp.max(jnp.linalg.norm(g, axis=-1))),
            _over(jnp.max(L_min[None] - L), jnp.max(jnp.abs(L))),
        ),
        semi_definite=jnp.maximum(_over(asymmetry, size), _over(-jnp.min(λ), size)),
        null_space=jnp.maximum(moved, _over(in_null, all_of_it)),
        tolerance=tiny,
    )


def _on(S: Float[Array, "n r"], L_S: Imitation, y: Logits) -> Float[Array, "r r"]:
    """Compute Sᵀ M S, of M u for r directions u; M itself where S is square."""
    if S.shape[0] == S.shape[1]:
        return M(L_S, y)
    return S.T @ jax.vmap(lambda u: M_times(L_S, y, u), in_axes=1, out_axes=1)(S)


def _over(a: Float[Array, "*k"], b: Float[Array, "*k"]) -> Float[Array, "*k"]:
    """Divide a / b; 0 if a is 0, whatever b."""
    return jnp.where(a == 0, 0.0, a / b)
