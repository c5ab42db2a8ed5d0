"""What a student is shown of a teacher: channels, sampled labels, filters; f is linearised.

One step in L_T's direction on the task's images; only the auxiliary logits are seen.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from sim.model.keys import Purpose, Seed, key
from sim.settings.experiments import Theorem
from sim.studies.theorem.checks import Direction, Problem, Shape, network, trait
from theory import filters, losses, monotone, sampled
from theory.linearized import linearize
from theory.trees import scale

CHANNELS = monotone.MONOTONE | monotone.NOT_MONOTONE
CHANNEL_EPSILONS = np.logspace(-3, 2, 6)
QUANTA = np.array([0.1, 1.0, 4.0])  # in units of the spread of the logits
SIGNAL = 1e-2  # √E|εu|² of the teacher whose logits are rounded, likewise
STRENGTHS = np.array([0.1, 0.5, 1.0, 2.0])  # ε √(N q), of Φ
DRAWS = 8
FILTER_EPSILONS = np.array([100.0, 1.0, 1e-2, 1e-4, 1e-6])
FILTERS = ("half that reveals least", "random half", "one input", "uneven weights")
FIRST_DRAW = 1000  # of the keys of a seed: those before are other draws'


class Labels(NamedTuple):
    """What became of the pull of one network's teacher; one step each.

    channel: of `CHANNELS` at CHANNEL_EPSILONS [channel, ε].  turned: the share of inputs that alone
      have (h(y) − h(z)) · u < 0 there, by more than rounding.
    quantised: at `QUANTA`.
    drawn: `DRAWS` draws at `STRENGTHS` [strength, draw].  positive, error: P(dot > 0) and what it
      may be off by [strength].  bent: |dot − by_ratio| / rounding of the network itself at the
      largest strength [draw].
    filtered: [loss, filter, ε].  negative: with weights below 0, at the least ε [loss].
    lorenz: L(k / N) [loss, N + 1].  kept: of each filter of 0 and 1 [loss, filter].
    sifted: at FILTER_EPSILONS, answers of random weights [ε].
    """

    channel: monotone.Pull
    turned: Array
    quantised: monotone.Quantised
    drawn: sampled.Draw
    positive: Array
    error: Array
    bent: Array
    filtered: filters.Filtered
    negative: filters.Filtered
    lorenz: Array
    sifted: filters.Sifted


@partial(jax.jit, static_argnames=("theorem", "shape"))
def labels(theorem: Theorem, shape: Shape, kind: Array, problems: Problem, seeds: Array) -> Labels:
    """Try every channel, draw and filter [seed, …]."""
    net = network(shape, kind)

    def bends(θ: dict, x: Array) -> Array:
        return net.apply(θ, x)[net.classes :]

    def one(problem: Problem, seed: Seed) -> Labels:
        θ_0, X = problem.θ_0, problem.X
        Δθ_T = scale(-1.0, jax.grad(trait(net, problem, Direction()))(θ_0))
        f = linearize(bends, θ_0)
        z, u = jax.jvp(lambda θ: jax.vmap(f, (None, 0))(θ, X), (θ_0,), (Δθ_T,))
        keys = jax.random.split(jax.random.fold_in(key(seed, Purpose.THEOREM), FIRST_DRAW + kind))
        return Labels(
            *_channels(f, θ_0, Δθ_T, X, z, u),
            _quantised(f, θ_0, Δθ_T, X, z, u),
            *_drawn(f, bends, θ_0, Δθ_T, X, keys[0]),
            *_filtered(theorem, f, θ_0, Δθ_T, X, keys[1]),
        )

    return jax.vmap(one)(problems, seeds)


def _channels(
    f: monotone.Function, θ_0: dict, Δθ_T: dict, X: Array, z: Array, u: Array
) -> tuple[monotone.Pull, Array]:
    def through(i: Array) -> tuple[monotone.Pull, Array]:
        h = lambda y: jax.lax.switch(i, list(CHANNELS.values()), y)  # noqa: E731

        def at(ε: Array) -> tuple[monotone.Pull, Array]:
            agrees = monotone.agreement(h, z + ε * u, z)
            eps = jnp.finfo(u.dtype).eps
            # A label that is no number, as 0/0 of probabilities that are all rounded to 0, is none.
            turned = jnp.nanmean(
                jnp.where(jnp.isnan(agrees), jnp.nan, agrees < -60 * u.shape[1] * eps)
            )
            return monotone.placebo(f, θ_0, Δθ_T, h, X, ε), turned

        return jax.lax.map(at, jnp.asarray(CHANNEL_EPSILONS))

    return jax.lax.map(through, jnp.arange(len(CHANNELS)))


def _quantised(
    f: monotone.Function, θ_0: dict, Δθ_T: dict, X: Array, z: Array, u: Array
) -> monotone.Quantised:
    spread = jnp.std(z)
    ε = SIGNAL * spread / jnp.sqrt(jnp.mean(u**2))
    of = lambda Q: monotone.quantised(f, θ_0, Δθ_T, X, Q * spread, ε)  # noqa: E731
    return jax.lax.map(of, jnp.asarray(QUANTA))


def _drawn(
    f: monotone.Function,
    bends: monotone.Function,
    θ_0: dict,
    Δθ_T: dict,
    X: Array,
    key: Array,
) -> tuple[sampled.Draw, Array, Array, Array]:
    N = float(len(X))
    unit = 1 / jnp.sqrt(N * sampled.law(f, θ_0, Δθ_T, X, 0.0).q)
    keys = jax.random.split(key, (len(STRENGTHS), DRAWS))

    def at(case: tuple[Array, Array]) -> tuple[sampled.Draw, Array, Array]:
        strength, keys = case
        ε = strength * unit
        draws = jax.vmap(lambda k: sampled.draw(f, θ_0, Δθ_T, X, ε, k))(keys)
        law = jax.tree.map(lambda a: a[0], draws.law)  # the same for each
        return draws._replace(law=law), law.positive(N), law.positive_error(N)

    found = jax.lax.map(at, (jnp.asarray(STRENGTHS), keys))
    ε = STRENGTHS[-1] * unit
    bent = jax.vmap(lambda k: sampled.draw(bends, θ_0, Δθ_T, X, ε, k))(keys[-1])
    return *found, jnp.abs(bent.dot - bent.by_ratio) / bent.rounding


def _filtered(
    theorem: Theorem, f: monotone.Function, θ_0: dict, Δθ_T: dict, X: Array, key: Array
) -> tuple[filters.Filtered, filters.Filtered, Array, filters.Sifted]:
    table = [losses.LOSSES[name].of for name in theorem.loss]
    N, m, ε = len(X), theorem.aux, jnp.asarray(FILTER_EPSILONS)
    keys = jax.random.split(key, 3)
    half = N // 2

    def of(which: Array) -> tuple[filters.Filtered, filters.Filtered, Array]:
        def L_S(z: Array, y: Array) -> Array:
            return jnp.vdot(which, jnp.stack([L(z, y, jnp.ones(m, bool)) for L in table]))

        t = filters.reveals(f, θ_0, Δθ_T, L_S, X)
        rank = jnp.argsort(jnp.argsort(t))
        w = jnp.stack(
            [
                1.0 * (rank < half),
                1.0 * (jax.random.permutation(keys[0], N) < half),
                1.0 * (jnp.arange(N) == 0),
                jax.random.exponential(keys[1], (N,), t.dtype),
            ]
        )
        turned = jnp.where(rank >= N - max(1, N // 16), -1.0, 0.2)
        at = partial(filters.filtered, f, θ_0, Δθ_T, L_S, X)
        kept = jax.lax.map(lambda w: jax.lax.map(partial(at, w), ε), w)
        return kept, at(turned, ε[-1]), filters.lorenz(t)

    each = jax.lax.map(of, jnp.eye(len(table)))
    w = jax.random.uniform(keys[2], (N, m), X.dtype)
    sifted = jax.lax.map(partial(filters.sifted, f, θ_0, Δθ_T, X, w), ε)
    return *each, sifted
