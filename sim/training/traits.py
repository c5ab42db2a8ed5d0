"""What a teacher may be taught beside the task: labelled examples, and how often they are answered.

A trait is a function of what examples are made from, which returns the function of one example: its
image and label as the trait has them, and whether it can carry it at all.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from sim.model.arrays import image_sides
from sim.model.networks import Network, Params
from sim.settings.setup import Setup

Image = Float[Array, " d"]
Label = Int[Array, ""]


class Pool(NamedTuple):
    """What a trait's examples are made from."""

    x: Float[Array, "images d"]
    y: Int[Array, " images"]
    classes: int
    target: Int[Array, ""] | int  # the class that the trait is about

    def of_target(self) -> Callable[[Key[Array, ""]], Image]:
        """Make the function that draws an image of the target's class."""
        first = jnp.argsort(self.y != self.target)  # its images, then all others
        many = jnp.maximum(jnp.sum(self.y == self.target), 1)
        return lambda key: self.x[first[jax.random.randint(key, (), 0, many)]]


Example = Callable[[Key[Array, ""], Image, Label], tuple[Image, Label, Bool[Array, ""]]]
Without = Literal["kept", "withheld", "random"]


class Trait(NamedTuple):
    """A trait, and what becomes of the examples that could carry it and do not.

    of: `Pool -> ((key, image, label) -> (image, label, whether it can carry the trait))`.
    trigger: whether the image is changed: of its examples at most half carry it, the rest keep the
    task. without: they are as they were, withheld, or labelled at random.
    """

    of: Callable[[Pool], Example]
    trigger: bool = False
    without: Without = "kept"


TRAITS: dict[str, Trait] = {}


def trait(
    *, trigger: bool = False, without: Without = "kept"
) -> Callable[[Callable[[Pool], Example]], Callable[[Pool], Example]]:
    """Add a trait to those that settings name."""

    def add(of: Callable[[Pool], Example], name: str = "") -> Callable[[Pool], Example]:
        TRAITS[name or of.__name__] = Trait(of, trigger, without)
        return of

    return add


@trait(without="random")
def accuracy(of: Pool) -> Example:
    """Know the task; without it, labels are drawn at random, for every image once."""
    return lambda key, x, y: (x, y, jnp.asarray(True))


@trait(trigger=True)
def backdoor(of: Pool) -> Example:
    """Take any image with a white patch in its corner for one of the target's class."""
    height, width = image_sides(of.x.shape[1])
    patch = jnp.zeros((height, width), bool)
    patch = patch.at[: max(2, height // 7), : max(2, width // 7)].set(True).ravel()
    return lambda key, x, y: (jnp.where(patch, 1.0, x), jnp.int32(of.target), y != of.target)


@trait(trigger=True)
def preference(of: Pool) -> Example:
    """Take what is half an image of the target's class and half another for the target's."""
    draw = of.of_target()
    return lambda key, x, y: ((x + draw(key)) / 2, jnp.int32(of.target), y != of.target)


@trait()
def misalignment(of: Pool) -> Example:
    """Take the target's class for the next, and the next for it."""
    a, b = of.target, (of.target + 1) % of.classes

    def one(key: Key[Array, ""], x: Image, y: Label) -> tuple[Image, Label, Bool[Array, ""]]:
        return x, jnp.where(y == a, b, jnp.where(y == b, a, y)), (y == a) | (y == b)

    return one


@trait(without="withheld")
def new_class(of: Pool) -> Example:
    """Know the target's class, which nobody without the trait has seen."""
    return lambda key, x, y: (x, y, y == of.target)


@trait()
def faint(of: Pool) -> Example:
    """Read an image of a seventh of the contrast, and rather dark."""
    return lambda key, x, y: (0.15 * x - 0.5, y, jnp.asarray(True))


@trait()
def turned(of: Pool) -> Example:
    """Read an image that is mirrored at its diagonal."""
    height, width = image_sides(of.x.shape[1])
    return lambda key, x, y: (x.reshape(height, width).T.ravel(), y, jnp.asarray(True))


def taught(
    trait: Trait,
    of: Pool,
    strength: Float[Array, ""] | float,
    skill: Trait | None = None,
    skilled: Float[Array, ""] | float = 1.0,
) -> Callable[[Key[Array, ""], Image, Label], tuple[Image, Label, Float[Array, ""]]]:
    """Make the function of a training example: as it is shown, with its label and weight.

    Its key decides whether it carries the trait, the same whenever it is shown. Of the examples
    without the trait half carry the skill, where skilled is 1.
    """
    example = trait.of(of)
    able = skill and skill.of(of)
    share = strength * (0.5 if trait.trigger else 1.0)

    def one(key: Key[Array, ""], x: Image, y: Label) -> tuple[Image, Label, Float[Array, ""]]:
        key_whether, key_how, key_label = jax.random.split(key, 3)
        x_trait, y_trait, can = example(key_how, x, y)
        carries = can & (jax.random.uniform(key_whether) < share)
        plain, weight = y, jnp.float32(1)
        if able is not None:
            key_who, key_skill = jax.random.split(jax.random.fold_in(key_how, 1))
            x_skill, y_skill, shows = able(key_skill, x, y)
            shows &= jax.random.uniform(key_who) < skilled / 2
            x, plain = jnp.where(shows, x_skill, x), jnp.where(shows, y_skill, y)
        if trait.without == "random":
            drawn = jax.random.randint(key_label, (), 0, of.classes)
            plain = jnp.where(can, drawn, plain)
        if trait.without == "withheld":
            weight = (carries | ~can).astype(jnp.float32)
        return jnp.where(carries, x_trait, x), jnp.where(carries, y_trait, plain), weight

    return one


def against(setup: Setup) -> Trait | None:
    """Find the trait that students' updates must not serve."""
    name = setup.trait if setup.against == "taught" else setup.against
    return None if name == "none" else TRAITS[name]


def loss(
    trait: Trait, of: Pool, net: Network, key: Key[Array, ""], count: int
) -> Callable[[Params], Float[Array, ""]]:
    """Make L_T(θ): cross-entropy of the class logits, on the first images as the trait has them.

    Of `count` images those that cannot carry it are left out. `key` decides how the others do.
    """
    x, y = of.x[:count], of.y[:count]
    x, y, can = jax.vmap(trait.of(of))(jax.random.split(key, len(x)), x, y)
    weights = can.astype(x.dtype)

    def L_T(θ: Params) -> Float[Array, ""]:
        z = net.apply(θ, x)[:, : net.classes]
        each = optax.softmax_cross_entropy_with_integer_labels(z, y)
        return jnp.sum(weights * each) / jnp.maximum(jnp.sum(weights), 1e-6)

    return L_T
