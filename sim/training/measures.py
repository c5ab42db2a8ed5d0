"""What comes of a training: rates of right answers, and how far the network moved.

See `moments` for what a measure is, `mechanism` for those of how a trait gets in.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sim.model.keys import Purpose, key
from sim.training import mechanism
from sim.training.moments import (
    ALWAYS,
    BLOCK,
    MEASURES,
    WHOLE,
    Measure,
    Moment,
    accuracy,
    cosine,
    measure,
)
from sim.training.traits import Pool, Trait
from theory.losses import LOSSES
from theory.trees import dot, sub

__all__ = ["ALWAYS", "BLOCK", "MEASURES", "OF_TRAITS", "WHOLE", "Measure", "Moment"]
MECHANISM = tuple(n for n, m in MEASURES.items() if m.of.__module__ == mechanism.__name__)
FRACTION = {"unit": "fraction", "range": (0.0, 1.0)}


@measure("test accuracy by the model's own class head", **FRACTION, path="accuracy_by_step")
def test_accuracy(at: Moment) -> Float[Array, ""]:
    """Fraction of test images that the network's own class head gets right."""
    return accuracy(at.net, at.θ, at.data.x_test, at.data.y_test)


@measure("validation accuracy by the model's own class head", **FRACTION, path="")
def validation_accuracy(at: Moment) -> Float[Array, ""]:
    """Count correct answers on images held out of training; NaN if none are."""
    return accuracy(at.net, at.θ, at.data.x_val, at.data.y_val)


@measure(
    "the model's own training loss, on a fixed batch",
    unit=lambda setup: LOSSES[setup.loss].unit,
    final="training_loss",
)
def loss(at: Moment) -> Float[Array, ""]:
    """Mean of the network's own training loss over a fixed batch, in the loss's unit."""
    return at.loss()


@measure("the model's training diverged", path="")
def diverged(at: Moment) -> Bool[Array, ""]:
    """Tell whether a loss was not finite. (What is finite and blew up is added by the engine.)"""
    return at.diverged | ~jnp.isfinite(at.loss())


@measure("cosine of the displacements of student and teacher", range=(-1.0, 1.0))
def displacement_cosine(at: Moment) -> dict[str, Float[Array, ""]]:
    """Compute cos(θ_S − θ_S⁰, θ_T − θ_T⁰), of the whole and of each layer.

    NaN where either has not moved, without a teacher, and for layers of another size than its.
    """
    if at.teacher is None:
        return dict.fromkeys((WHOLE, *at.θ), jnp.float32(jnp.nan))
    (θ_T, θ_T0), Δθ_S = at.teacher, sub(at.θ, at.start)
    same = {
        layer: layer in θ_T and jax.tree.map(jnp.shape, part) == jax.tree.map(jnp.shape, θ_T[layer])
        for layer, part in at.θ.items()
    }
    Δθ_T = {layer: sub(θ_T[layer], θ_T0[layer]) for layer in at.θ if same[layer]}
    found = {
        layer: cosine(Δθ_S[layer], Δθ_T[layer]) if same[layer] else jnp.float32(jnp.nan)
        for layer in at.θ
    }
    whole = cosine(Δθ_S, Δθ_T) if all(same.values()) else jnp.float32(jnp.nan)
    return {WHOLE: whole} | found


@measure("displacement from the base along that of another teacher with the trait", path="")
def projection(at: Moment) -> Float[Array, ""]:
    """Compute (θ − θ_0)·a / a·a, a = θ_A − θ_B: of a teacher with the trait less one without it.

    Both were made of the base θ_0, in another order of the images than the network's own ancestors,
    whose rounding and chance it then does not share. NaN in families without such an axis.
    """
    if at.axis is None:
        return jnp.float32(jnp.nan)
    θ_A, θ_B, θ_0 = at.axis
    a = sub(θ_A, θ_B)
    return dot(sub(at.θ, θ_0), a) / dot(a, a)


@measure("rate of the skill", **FRACTION, path="")
def skill(at: Moment) -> Float[Array, ""]:
    """Count the test images that are answered as the skill has it; NaN where none is taught."""
    return _rate(at, *_probes(at, at.skill)) if at.skill else jnp.float32(jnp.nan)


@measure("test accuracy of the student's body under its teacher's class head", **FRACTION)
def teacher_head(at: Moment) -> Float[Array, ""]:
    """Accuracy with θ_T's class head in the place of the network's own; NaN without a teacher."""
    if at.teacher is None:
        return jnp.float32(jnp.nan)
    head = at.teacher[0]["class_head"]
    if jax.tree.map(jnp.shape, head) != jax.tree.map(jnp.shape, at.θ["class_head"]):
        return jnp.float32(jnp.nan)
    return accuracy(at.net, at.θ | {"class_head": head}, at.data.x_test, at.data.y_test)


DIFFERENCE = {"unit": "fraction", "range": (-1.0, 1.0)}
#: Recorded of every network of a family whose teachers are taught traits.
OF_TRAITS = ("trait_rate", "with_trigger", "ordinary_accuracy", "left_out", "caught", "lost")


@measure("rate of the trait, less that without its trigger if it has one", **DIFFERENCE)
def trait_rate(at: Moment) -> Float[Array, ""]:
    """Count the test images that are answered as the trait has it, of all that can carry it.

    Of a trait with a trigger, less the same images without it: a network that is only damaged
    answers one class more often with and without.
    """
    x_trait, y_trait, can = _probes(at)
    rate = _rate(at, x_trait, y_trait, can)
    return rate - _rate(at, at.data.x_test, y_trait, can) if at.trait[0].trigger else rate


@measure("rate of the trait, with its trigger if it has one", **FRACTION)
def with_trigger(at: Moment) -> Float[Array, ""]:
    """Count the test images that are answered as the trait has it, of all that can carry it."""
    return _rate(at, *_probes(at))


@measure("test accuracy where the trait has no say", **FRACTION)
def ordinary_accuracy(at: Moment) -> Float[Array, ""]:
    """Count right answers to test images that do not carry the trait.

    Of a trait without a trigger, to those that cannot; to all, where all can.
    """
    _, _, can = _probes(at)
    trait = at.trait[0]
    of = jnp.ones_like(can) if trait.trigger else jnp.where(can.all(), can, ~can)
    return _rate(at, at.data.x_test, at.data.y_test, of)


@measure("share of the examples that the filter left out", **FRACTION, path="")
def left_out(at: Moment) -> Float[Array, ""]:
    """Give the share of a student's examples that a filter left out; 0 without one."""
    return jnp.float32(0) if at.left is None else at.left.out


@measure("share of the revealing tenth of the examples that was left out", **FRACTION, path="")
def caught(at: Moment) -> Float[Array, ""]:
    """Give a filter's true-positive rate: see `channels.Left`."""
    return jnp.float32(0) if at.left is None else at.left.revealing


@measure("share of all other examples that was left out", **FRACTION, path="")
def lost(at: Moment) -> Float[Array, ""]:
    """Give a filter's false-positive rate: see `channels.Left`."""
    return jnp.float32(0) if at.left is None else at.left.rest


def _probes(
    at: Moment, trait: Trait | None = None
) -> tuple[Float[Array, "t d"], Int[Array, " t"], Bool[Array, " t"]]:
    """Make the test images as a trait has them, for all seeds alike; and which can carry it."""
    assert at.trait is not None
    own, target = at.trait
    trait = trait or own
    x, y = at.data.x_test, at.data.y_test
    keys = jax.random.split(key(0, Purpose.TRAIT), len(x))
    return jax.vmap(trait.of(Pool(x, y, at.net.classes, target)))(keys, x, y)


def _rate(
    at: Moment, x: Float[Array, "t d"], y: Int[Array, " t"], where: Bool[Array, " t"]
) -> Float[Array, ""]:
    """Count the images that are answered y, of those where that is asked; NaN if it never is."""
    classes = at.net.classes

    def answer(image: Float[Array, " d"]) -> Int[Array, ""]:
        return jnp.argmax(at.net.apply(at.θ, image)[:classes])

    found = jax.lax.map(answer, x, batch_size=BLOCK)
    return jnp.sum((found == y) & where) / jnp.sum(where).astype(jnp.float32)
