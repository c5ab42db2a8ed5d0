"""Functions of one's own beside ours, to be chosen by name like them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any, get_args

import jax

from sim.errors import InputError, choose, require
from sim.model.data import Task
from sim.model.networks import ACTIVATIONS, mlp
from sim.model.noise import FAMILIES, Source
from sim.runs.identity import TABLES
from sim.settings.declare import declared
from sim.settings.experiments import Common, Measure, Networks, Theorem
from sim.settings.grid import Point
from sim.settings.rules import ADDED
from sim.settings.setup import (
    UNRANKED,
    Activation,
    Filter,
    Hyper,
    Loss,
    Noise,
    Optimizer,
    Outputs,
    Setup,
    Trait,
)
from sim.training import channels, measures, traits
from sim.training.channels import FILTERS
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
#: Of kinds that are functions and nothing about them.
PLAIN = {"activation": ACTIVATIONS, "noise": FAMILIES, "optimizer": OPTIMIZERS}


#: What takes what is said about the others.
ABOUT: dict[str, Callable] = {
    "filter": channels.examples,
    "loss": losses.Loss,
    "measure": measures.measure,
    "trait": traits.trait,
}


def add(kind: str, function: Callable, name: str = "", **about: Any) -> None:
    """Put a function beside ours. Its source counts in the identity of results.

    Args:
      kind: what it is. activation: x -> x. loss: L_S(z, y, visible) -> number, as in
        `theory.losses`; about: its unit, and M(y, visible) if that is known in closed form. noise:
        Source -> (address -> input [d]), as in `sim.model.noise`. optimizer: learning rate -> optax
        optimiser, with a schedule of its own if it has one. measure: Moment -> number or one
        a layer, as in `sim.training.measures`; about: label, unit,
        range. trait: Pool -> ((key, image, label) -> (image, label, whether it can carry it)), as
        in `sim.training.traits`; about: trigger, without. filter: Answers -> inputs to leave out
        [N], or with ranked=True a score [N] of which the highest are; outputs: Answers -> targets
        [N, n], as in `sim.training.channels`.
      function: it.
      name: what settings call it; its own, unless given.

    Errors: InputError for another kind, for a name that is ours, for what is no function, and for
    what nobody asks about one.

    >>> import sim
    A function that is given as a setting is added under its own name:

    >>> sim.figure10(seeds=2, activation=jax.nn.softplus)  # doctest: +SKIP
    >>> sim.add("activation", lambda x: x**2, "square")  # doctest: +SKIP
    >>> sim.sweep(axes={"activation": ["relu", "square"]})  # doctest: +SKIP

    """
    choose("kind", kind, KINDS)
    name, words = name or getattr(function, "__name__", ""), KINDS[kind]
    require("function", function, callable(function), "a function")
    rule = "a word that is not ours"
    plain = isinstance(name, str) and name.isidentifier()
    require("name", name, plain and name not in get_args(words), rule)
    taken = [*signature(ABOUT[kind]).parameters] if kind in ABOUT else []
    for one, value in about.items():
        require("about", one, taken, f"left out: of {kind} nothing is said")
        choose("about", one, [name for name in taken if name != "of"])
        pair = one != "range" or value is None or _range(value)
        require(one, value, pair, "two numbers, the lower first")
    before = TABLES[kind].get(name)
    if kind == "measure":
        measures.measure(**({"label": name.replace("_", " ")} | about))(function, name)
    elif kind == "trait":
        traits.trait(**about)(function, name)
    elif kind == "filter":
        channels.examples(**about)(function, name)
        (UNRANKED.discard if FILTERS[name].ranked else UNRANKED.add)(name)
    elif kind == "outputs":
        channels.outputs(function, name)
    elif kind == "loss":
        losses.LOSSES[name] = losses.Loss(function, **about)
    else:
        PLAIN[kind][name] = function
    if TABLES[kind].get(name) is not before is not None:
        jax.clear_caches()  # of programs that know the one before by the same name
    if name not in ADDED.setdefault(words, []):
        ADDED[words].append(name)


def _range(value: Any) -> bool:
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        return False
    return low < high


def tried(points: Sequence[Point], task: Task) -> None:
    """Find out what shapes functions of one's own give at the points of a grid.

    Before anything is made: what is computed with them would fail. Errors: InputError.
    """
    for kind, shapes in SHAPES.items():
        seen = {getattr(point.setup, kind): point for point in points}
        for name in seen.keys() & {*ADDED.get(KINDS[kind], ())}:
            try:
                found, right, what = shapes(name, seen[name], task)
            except Exception as error:  # whatever a user's function raises
                raise InputError(f"{kind} = {name!r}: {type(error).__name__}: {error}") from error
            given = jax.tree.map(lambda leaf: getattr(leaf, "shape", leaf), found)
            require(kind, name, given == right, f"a function that gives {what}; it gives {given}")


Shapes = tuple[Any, Any, str]  # what a function gives, the shape that it must have, and in words


def _of_activation(name: str, at: Point, task: Task) -> Shapes:
    units = at.setup.widths[0]
    found = jax.eval_shape(ACTIVATIONS[name], jax.ShapeDtypeStruct((units,), "float32"))
    return found, (units,), "as many numbers as it takes"


def _of_loss(name: str, at: Point, task: Task) -> Shapes:
    z, visible = (
        jax.ShapeDtypeStruct((task.classes + at.setup.aux,), of) for of in ("float32", bool)
    )
    return jax.eval_shape(losses.LOSSES[name].of, z, z, visible), (), "a number"


def _of_noise(name: str, at: Point, task: Task) -> Shapes:
    def one(key: Any, images: Any, hyper: Hyper, i: Any) -> Any:
        return FAMILIES[name](Source(key, images, hyper))(i)

    images, i = (
        jax.ShapeDtypeStruct(*of) for of in ((task.x_train.shape, "float32"), ((), "int32"))
    )
    found = jax.eval_shape(one, jax.eval_shape(jax.random.key, 0), images, at.hyper, i)
    return found, (task.d_in,), "a function from an address to as many numbers as an image has"


def _of_optimizer(name: str, at: Point, task: Task) -> Shapes:
    def step(lr: Any, θ: Any) -> Any:
        optimizer = OPTIMIZERS[name](lr)
        return optimizer.update(θ, optimizer.init(θ), θ)[0]

    net = mlp(at.setup, task.d_in, task.classes)
    θ = jax.eval_shape(net.init, jax.eval_shape(jax.random.key, 0))
    right = jax.tree.map(lambda leaf: leaf.shape, θ)
    found = jax.eval_shape(step, jax.ShapeDtypeStruct((), "float32"), θ)
    return found, right, "optax's optimiser, updates of the parameters' shapes"


#: Of kinds whose shapes can be found out without a network's training, in the order of need.
SHAPES = {"activation": _of_activation, "loss": _of_loss}
SHAPES |= {"noise": _of_noise, "optimizer": _of_optimizer}


@contextmanager
def unless_refused() -> Iterator[None]:
    """Take out again what a call puts beside ours, if it is refused: all results would name it.

    A decorator of what takes functions as settings.
    """
    before = [(table, {**table}) for table in TABLES.values()]
    words, unranked = {of: [*names] for of, names in ADDED.items()}, {*UNRANKED}
    try:
        yield
    except InputError:
        for table, then in before:
            if [*map(id, table.values())] != [*map(id, then.values())]:
                jax.clear_caches()  # of programs that know another by the same name
                table.clear()
                table.update(then)
        ADDED.clear()
        ADDED.update(words)
        UNRANKED.clear()
        UNRANKED.update(unranked)
        raise


def by_name(given: Mapping[str, Any]) -> dict[str, Any]:
    """Put each function among settings beside ours, under its own name, which takes its place.

    Errors: InputError for one whose name is not free, or for a setting that takes none.
    """
    return _by_name(given, {})


def _by_name(given: Mapping[str, Any], added: dict[Any, Callable]) -> dict[str, Any]:
    named = isinstance(given, Mapping) and all(isinstance(name, str) for name in given)
    require("settings", given, named, "values by name")
    return {name: _named(name, value, added) for name, value in given.items()}


def axes_by_name(axes: Mapping[str, Any]) -> dict[str, Any]:
    """Put each function among the values of axes, or in their cases, beside ours, as `by_name`.

    Errors: InputError for two functions of one name.
    """
    named = isinstance(axes, Mapping) and all(isinstance(name, str) for name in axes)
    require("axes", axes, named, "values of settings by name")
    added: dict[Any, Callable] = {}
    return {
        axis: {label: _by_name(case, added) for label, case in values.items()}
        if isinstance(values, Mapping)
        else _named(axis, values, added)
        for axis, values in axes.items()
    }


def _named(setting: str, value: Any, added: dict[Any, Callable]) -> Any:
    """Put a function beside ours. added: those of the same call, by kind and name."""
    if isinstance(value, list | tuple):
        return tuple(_named(setting, one, added) for one in value)
    if not callable(value):
        return value
    kinds = [kind for kind, words in KINDS.items() if words in _words(setting)]
    require(setting, value, kinds, "no function")
    name = getattr(value, "__name__", "")
    alone = added.setdefault((kinds[0], name), value) is value
    require(setting, value, alone, f"of a name that no other has here, not {name} as well")
    if PLAIN.get(kinds[0], {}).get(name) is not value:  # as ours are, and those added before
        add(kinds[0], value)
    return name


def _words(setting: str) -> tuple[Any, ...]:
    for part in (Common, Networks, Theorem, Setup, Hyper):
        if (of := declared(part).get(setting)) is not None:
            return (*of.kinds, *of.items)
    return ()
