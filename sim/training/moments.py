"""A moment of a network's training, and the measures that are taken then, by name.

A measure is one function; its name, its label and unit stand above it, and lay out all that is
saved, shown and drawn of it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sim.model.data import Data
from sim.model.networks import Network, Params
from sim.settings.setup import Setup
from sim.training.channels import Left
from sim.training.steps import Proposal
from sim.training.traits import Trait
from theory.ledger import Entry
from theory.trees import dot, norm

BLOCK = 1000  # examples evaluated at once: bounds memory; MNIST's 10,000 are whole blocks of it
WHOLE = "whole"  # network, beside its layers
Value = Float[Array, ""] | Bool[Array, ""] | dict[str, Float[Array, ""]]  # or one a layer


class Moment(NamedTuple):
    """One network at one moment: what a measure may ask for.

    loss: gives the mean of the network's own training loss over a fixed batch.  start: where the
    network started.  teacher: θ_T and where that started; None for a network without a teacher. The
    measures that are always taken know neither.  axis: θ of two networks, with a trait and without
    it, and where they both started.  trait: which, and of what class.  left: what a filter left out
    of the network's examples, if it has one.  skill: what teachers are taught beside the trait.
    L_T: the trait's loss, on a fixed batch of training images.  next: gives what the next step will
    do.  account: of L_T, over all steps so far, where a measure asks for it.  inputs: more of what
    the network is distilled on, that nobody is trained on; imitation: L_S of one's logits; visible:
    which of them are seen.  exact: the network by float32 products, that can be differentiated in
    any way.
    """

    net: Network
    θ: Params
    data: Data
    loss: Callable[[], Float[Array, ""]]
    diverged: Bool[Array, ""]  # a batch loss has not been finite
    start: Params | None
    teacher: tuple[Params, Params] | None
    axis: tuple[Params, Params, Params] | None = None
    trait: tuple[Trait, Int[Array, ""]] | None = None
    left: Left | None = None
    skill: Trait | None = None
    L_T: Callable[[Params], Float[Array, ""]] | None = None
    next: Callable[[], Proposal] | None = None
    account: Entry | None = None
    inputs: Float[Array, "N d"] | None = None
    imitation: Callable[..., Float[Array, ""]] | None = None
    visible: Bool[Array, " n"] | None = None
    exact: Network | None = None


class Measure(NamedTuple):
    """A function of a moment, and what its values are called."""

    of: Callable[[Moment], Value]
    label: str
    unit: str | Callable[[Setup], str]  # "" for pure numbers; the loss's hangs on the setup
    range: tuple[float, float] | None  # in which its mean must lie
    final: str  # variable of what is measured after training
    path: str  # variable of what is measured along the way; "" if that is not saved
    account: bool = False  # whether it asks for one of every step


MEASURES: dict[str, Measure] = {}
ALWAYS = ("test_accuracy", "validation_accuracy", "loss", "diverged")  # recorded of every network


def measure(
    label: str,
    unit: str | Callable[[Setup], str] = "",
    range: tuple[float, float] | None = None,
    final: str = "",
    path: str | None = None,
    *,
    account: bool = False,
) -> Callable[[Callable[[Moment], Value]], Callable[[Moment], Value]]:
    """Add a measure to those that are asked for by name."""

    def add(of: Callable[[Moment], Value], name: str = "") -> Callable[[Moment], Value]:
        name = name or of.__name__
        along = f"{name}_by_step" if path is None else path
        MEASURES[name] = Measure(of, label, unit, range, final or name, along, account)
        return of

    return add


def accuracy(
    net: Network, θ: Params, x: Float[Array, "n d"], y: Int[Array, " n"]
) -> Float[Array, ""]:
    """Count the examples whose largest class logit, by the network's own head, is the label's.

    A diverged network, whose logits are not numbers, answers class 0. NaN if there are no examples.
    """

    def right(example: tuple[Float[Array, " d"], Int[Array, ""]]) -> Float[Array, ""]:
        image, label = example
        return (jnp.argmax(net.apply(θ, image)[: net.classes]) == label).astype(jnp.float32)

    return (
        jnp.mean(jax.lax.map(right, (x, y), batch_size=BLOCK)) if len(x) else jnp.float32(jnp.nan)
    )


def cosine(a: Params, b: Params) -> Float[Array, ""]:
    """Compute a · b / ‖a‖ ‖b‖; NaN where either is 0."""
    return dot(a, b) / (norm(a) * norm(b))
