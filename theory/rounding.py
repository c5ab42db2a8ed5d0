"""What rounding hides: how large it is, and what a ladder of steps tends to above it.

A sum is known to eps times what adds up to it, which may be much more than the sum is. `sizes`
estimates that by products with J and M, without either matrix; `tends_to` finds the limit of a
ratio as ε → 0, of which no more than that can be seen.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from theory.losses import Imitation, M_times
from theory.trees import Params, norm, probe

Logits = Float[Array, "N n"]


class Sizes(NamedTuple):
    """The size of what adds up to each logit, and to products by M and ∂L_S/∂z; all [N, n].

    z, u: |z| and Σ |J_l Δ_l| over the leaves l of θ, each with √E[Σ (J_i a_i)²] over the single
      parameters i of a = θ_0, Δθ_T, lest terms that cancel be taken for no terms.
    Mz, Mu: √Σ_j (M_ij z_j)², and of u.  g: |∂L_S/∂z| at labels far from z.
    """

    z: Logits
    u: Logits
    Mz: Logits
    Mu: Logits
    g: Logits

    def times(self, s: Float[Array, ""]) -> "Sizes":
        """Take those of s Δθ_T, s > 0."""
        return self._replace(u=s * self.u, Mu=s * self.Mu)


def sizes(
    logits: Callable[[Params], Logits],
    θ_0: Params,
    Δθ_T: Params,
    L_S: Imitation,
    *,
    each: bool = False,
) -> Sizes:
    """Estimate them for z = logits(θ_0), u = J Δθ_T.

    each: take the expectation over i for each logit by itself, at the price of n products with Jᵀ,
      and not for all together, where a logit that moves hides those that hardly do.
    """
    leaves, tree = jax.tree.flatten(Δθ_T)
    z, vjp = jax.vjp(logits, θ_0)
    which = jnp.eye(z.shape[1], dtype=z.dtype) if each else jnp.ones((1, z.shape[1]), z.dtype)
    ways = probe((8, z.shape[1]), z.dtype)

    def single(a: Params) -> Float[Array, "1 k"]:
        def of(one: Float[Array, " n"]) -> Float[Array, ""]:
            (row,) = vjp(probe(z.shape, z.dtype) * one[None])
            return norm(jax.tree.map(jnp.multiply, row, a)) / (len(z) * jnp.sum(one)) ** 0.5

        return jax.lax.map(of, which)[None]

    def part(chosen: Float[Array, " leaves"]) -> Logits:
        Δ = [c.astype(leaf.dtype) * leaf for c, leaf in zip(chosen, leaves, strict=True)]
        return jnp.abs(jax.jvp(logits, (θ_0,), (jax.tree.unflatten(tree, Δ),))[1])

    def root(rows: Float[Array, "k n"]) -> Float[Array, " n"]:
        return jnp.sqrt(jnp.mean(rows**2, axis=0))

    def by_M(z: Float[Array, " n"], a: Float[Array, " n"]) -> Float[Array, " n"]:
        return root(jax.vmap(lambda way: M_times(L_S, z, way * a))(ways))

    def gradient(z: Float[Array, " n"]) -> Float[Array, " n"]:
        far = jnp.maximum(jnp.max(jnp.abs(z)), 1.0) * ways[:2]
        at = jax.vmap(lambda y: jax.grad(L_S)(z, y))(jnp.concatenate([far, -far]))
        return root(jnp.nan_to_num(at))  # labels that far may be none, as of probabilities

    of_z = jnp.abs(z) + single(θ_0)
    of_u = jnp.sum(jax.vmap(part)(jnp.eye(len(leaves))), axis=0) + single(Δθ_T)
    of_M = jax.vmap(by_M)
    return Sizes(of_z, of_u, of_M(z, of_z), of_M(z, of_u), jax.vmap(gradient)(z))


def precision(*arrays: PyTree[Array]) -> float:
    """Find eps of the coarsest of the precisions that take part."""
    return max(float(jnp.finfo(a.dtype).eps) for a in jax.tree.leaves(arrays))


def tends_to(measured: np.ndarray, leading: np.ndarray, rounding: np.ndarray) -> float | None:
    """Find what measured / leading [k] tends to as the leading term, ~ ε or so, goes to 0.

    Of the ε that rounding leaves there must be three, else None. 1 if it is within ½ of that at the
    two least and goes on nearing it, another number if it has come to rest there, NaN if neither.
    """
    order = np.argsort(-np.abs(leading))
    measured, leading, rounding = (a[order] for a in (measured, leading, rounding))
    clear = np.abs(leading) > 30 * rounding
    measured, leading, rounding = (a[clear] for a in (measured, leading, rounding))
    if len(leading) < 3:
        return None
    gap, noise = measured / leading - 1, 10 * rounding / np.abs(leading)
    seen = np.flatnonzero(np.abs(gap) > noise)
    if len(seen) >= 3:
        last, after = seen[-3:], slice(seen[-1] + 1, None)
        sizes, steps = np.log(np.abs(gap[last])), np.log(np.abs(leading[last]))
        rests = np.ptp(sizes) < 0.25 * np.ptp(steps) and np.ptp(np.sign(gap[last])) == 0
        if rests and (np.abs(gap[after] - gap[last[-1]]) <= noise[after]).all():
            return float(1 + gap[last[-1]])
    # One that grows at the last is not on its way to 0, however small it still is.
    nears = np.abs(gap[-1]) <= np.abs(gap[-3:-1]).max() + noise[-1]
    return 1.0 if nears and (np.abs(gap[-2:]) < 0.5).all() else float("nan")
