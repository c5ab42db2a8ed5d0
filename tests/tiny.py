"""Small problems for the theory's tests: explicit, slow, and obviously right.

Each is one program where it is not part of another: many small ones take long to compile.
"""

from functools import cache, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxprs_in_params


@cache  # the same f for the same sizes, so that what is compiled of it serves again
def network(sizes, activation=jnp.tanh):
    """An MLP by hand, over a list of (W, b): f(θ, x)."""

    def f(θ, x):
        for i, (W, b) in enumerate(θ):
            x = W @ x + b
            if i < len(sizes) - 2:
                x = activation(x)
        return x

    return f


@partial(jax.jit, static_argnames="sizes")
def init(key, sizes):
    keys = jax.random.split(key, 2 * len(sizes))
    return [
        (
            jax.random.normal(keys[2 * i], (b, a)) / a**0.5,
            0.3 * jax.random.normal(keys[2 * i + 1], (b,)),
        )
        for i, (a, b) in enumerate(pairwise(sizes))
    ]


def numbers(rng, sizes):
    """As `init`, of NumPy: what is drawn inside a program is compiled with it, and for long."""
    return [
        (rng.normal(size=(b, a)) / a**0.5, 0.3 * rng.normal(size=b)) for a, b in pairwise(sizes)
    ]


def many(draw, seeds, *args):
    """What `draw(seed, …)` gives for each seed, stacked."""
    return jax.tree.map(lambda *a: np.stack(a), *(draw(seed, *args) for seed in seeds))


@jax.jit
def flat(θ):
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(θ)])


@partial(jax.jit, static_argnames="f")
def jacobian(f, θ, X):
    """J [N, n, P], every entry of it."""
    J = jax.vmap(lambda x: jax.jacfwd(f)(θ, x))(X)
    N, n = jax.vmap(f, (None, 0))(θ, X).shape
    return jnp.concatenate([leaf.reshape(N, n, -1) for leaf in jax.tree.leaves(J)], axis=-1)


def squares(n, f, *args):
    """Shapes of all that f computes, at any depth, that are n × n."""

    def shapes(jaxpr):
        for equation in jaxpr.eqns:
            yield from (v.aval.shape for v in equation.outvars)
            for inner in jaxprs_in_params(equation.params):
                yield from shapes(inner)

    return {shape for shape in shapes(jax.make_jaxpr(f)(*args).jaxpr) if shape.count(n) > 1}
