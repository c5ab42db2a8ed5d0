"""Functions of one's own beside ours, to be chosen by name like them."""

from collections.abc import Callable
from typing import Any, get_args

from sim.errors import choose, require
from sim.model.networks import ACTIVATIONS
from sim.model.noise import FAMILIES
from sim.settings.experiments import Measure
from sim.settings.rules import ADDED
from sim.settings.setup import Activation, Filter, Loss, Noise, Optimizer, Outputs, Trait
from sim.training import channels, measures, traits
from sim.training.steps import OPTIMIZERS
from theory import losses

KINDS = {
    "activation": Activation,
    "filter": Filter,
    "loss": Loss,
    "measure": Measure,
    "noise": Noise,
    "optimizer": Optimizer,
    "outputs": Outputs,
    "trait": Trait,
}


def add(kind: str, function: Callable, name: str = "", **about: Any) -> None:
    """Put a function beside ours. Its source counts in the identity of results.

    Args:
      kind: what it is. activation: x -> x. loss: L_S(z, y, visible) -> number, as in
        `theory.losses`; about: its unit, and M(y, visible) if that is known in closed form. noise:
        Source -> (address -> input [d]), as in `sim.model.noise`. optimizer: learning rate -> optax
        optimiser, with a schedule of its own if it has one. measure: Moment -> number or one
        a layer, as in `sim.training.measures`; about: label, unit, range. trait: Pool -> ((key,
        image, label) -> (image, label, whether it can carry it)), as in `sim.training.traits`;
        about: trigger, without. filter: Answers -> inputs to leave out [N], or with ranked=True a
        score [N] of which the highest are; outputs: Answers -> targets [N, n], as in
        `sim.training.channels`.
      function: it.
      name: what settings call it; its own, unless given.

    Errors: InputError for another kind, and for a name that is ours.

    >>> import sim
    >>> sim.add("activation", jax.nn.softplus, "softplus")  # doctest: +SKIP
    >>> sim.figure10(seeds=2, activation="softplus")  # doctest: +SKIP

    """
    choose("kind", kind, KINDS)
    name, words = name or function.__name__, KINDS[kind]
    require("name", name, name.isidentifier() and name not in get_args(words), "one that is free")
    if kind == "measure":
        measures.measure(**about)(function, name)
    elif kind == "trait":
        traits.trait(**about)(function, name)
    elif kind == "filter":
        channels.examples(**about)(function, name)
    elif kind == "outputs":
        channels.outputs(function, name)
    elif kind == "loss":
        losses.LOSSES[name] = losses.Loss(function, **about)
    else:
        tables = {"activation": ACTIVATIONS, "noise": FAMILIES, "optimizer": OPTIMIZERS}
        tables[kind][name] = function
    if name not in ADDED.setdefault(words, []):
        ADDED[words].append(name)
