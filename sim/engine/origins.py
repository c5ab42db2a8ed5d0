"""What an auditor computes of one seed: a teacher's answers, and what candidates make of them.

One candidate at a time: the Jacobian of a few hundred answers is larger than all networks of a
seed.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sim.engine import programs
from sim.model import networks
from sim.model.keys import Purpose, key
from sim.model.networks import Params
from sim.settings.grid import Point
from sim.settings.lengths import counted
from sim.settings.setup import Hyper, Setup
from sim.training import steps
from theory import origins

RIDGE = 0.01  # ρ: λ over the mean eigenvalue of K


class Audit(NamedTuple):
    """Of candidates [k] and teachers [t], in float64; score of the first candidate alone [t].

    residual, held_out, coverage, displacement: see `theory.origins.Fit`. score: its eq. (13).
    """

    residual: Float[np.ndarray, "k t"]
    held_out: Float[np.ndarray, "k t"]
    coverage: Float[np.ndarray, "k t"]
    displacement: Float[np.ndarray, "k t"]
    score: Float[np.ndarray, " t"]


class Network(NamedTuple):
    """What programs here hang on: a network, and how many of its auxiliary logits are seen."""

    setup: Setup
    classes: int
    seen: int

    def f(self, θ: Params, x: Array) -> Array:
        """Compute the auxiliary logits that are seen, of one input or many."""
        net = networks.mlp(self.setup, x.shape[-1], self.classes)  # float32, whatever they train in
        return net.apply(θ, x)[..., self.classes : self.classes + self.seen]


def audit(
    point: Point,
    classes: int,
    x_train: Float[Array, "images d"],
    seed: int,
    inputs: int,
    teachers: Sequence[Params],
    candidates: Sequence[Params],
    reference: tuple[Params, Params],
) -> Audit:
    """Hold teachers' answers to the first `inputs` inputs of a seed against candidates.

    reference: somebody's own teacher of the first candidate with the trait, and one without it.
    """
    setup = replace(point.program.setup, trait=Setup.trait)  # on which nothing here hangs
    net, numbers = Network(setup, classes, counted(*point).channel), programs.numbers([point])
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *teachers)
    X, Y = _answers(net, inputs, numbers, x_train, np.int32(seed), stacked)
    fits = [_fit(inputs, *_explained(net, θ, X, Y)) for θ in candidates]
    v = jax.tree.map(np.subtract, *reference)
    named = {
        name: np.stack([np.asarray(getattr(fit, name)) for fit in fits])
        for name in Audit._fields
        if name != "score"
    }
    return Audit(**named, score=_scores(fits[0], _J_times(net, candidates[0], X, v), v))


@partial(jax.jit, static_argnames=("net", "inputs"))
def _answers(
    net: Network,
    inputs: int,
    hyper: Hyper,
    x_train: Float[Array, "images d"],
    seed: Int[Array, ""],
    θ_T: Params,
) -> tuple[Float[Array, "N d"], Float[Array, "t N m"]]:
    """Take teachers' logits [t] on inputs, with noise as the channel adds it, alike for all."""
    at = steps.distillation_inputs(net.setup, hyper, seed, x_train)
    X = at(jnp.arange(inputs))
    noise = jax.random.normal(key(seed, Purpose.ANSWERS), (1, inputs, net.seen))
    return X, jax.vmap(net.f, (0, None))(θ_T, X) + hyper.output_noise * noise


@partial(jax.jit, static_argnames="net")
def _explained(
    net: Network, θ: Params, X: Float[Array, "N d"], Y: Float[Array, "t N m"]
) -> tuple[Float[Array, "R R"], Float[Array, "t R"]]:
    """Compute K, and the residuals r of each teacher."""
    return origins.K(net.f, θ, X), jax.vmap(lambda Y: origins.residual(net.f, θ, X, Y))(Y)


@partial(jax.jit, static_argnames="net")
def _J_times(net: Network, θ: Params, X: Float[Array, "N d"], v: Params) -> Float[Array, " R"]:
    return origins.J_times(net.f, θ, X, v)


def _fit(inputs: int, K: Float[Array, "R R"], r: Float[Array, "t R"]) -> origins.Fit:
    """Fit in float64: the ridge is small beside what float32 loses of the largest eigenvalue."""
    with jax.enable_x64(True):
        return _fits(inputs, *(jnp.asarray(np.asarray(a), jnp.float64) for a in (K, r)))


@partial(jax.jit, static_argnames="inputs")
def _fits(inputs: int, K: Float[Array, "R R"], r: Float[Array, "t R"]) -> origins.Fit:
    return jax.vmap(lambda r: origins.fit(K, r, inputs, RIDGE))(r)


def _scores(of: origins.Fit, Jv: Float[Array, " R"], v: Params) -> Float[np.ndarray, " t"]:
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(np.asarray(a), jnp.float64), (Jv, v))
        return np.asarray(jax.vmap(lambda one: origins.score(one, *wide))(of))
