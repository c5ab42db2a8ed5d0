"""What is passed on of a teacher's logits, and which examples are left out.

Both are functions of all answers to a seed's inputs, taken once before students start: targets, NaN
where nothing is passed on of a logit; and a mask of what is left out, or a score by which to leave
the highest out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from sim.model.networks import by_unit
from sim.settings.grid import Point
from sim.settings.setup import Hyper

Many = Float[Array, "N n"]
# Logits between the place that is passed on and all others: a softmax of 0 and 1, at any
# temperature that anybody would set.
SURE = 1e6
REVEALING = 0.1  # share of the inputs on which teacher and control differ most: a filter's truth


class Answers(NamedTuple):
    """Logits on a seed's N inputs, (class, aux), and what else is known of them.

    base, untaught: of the network that the teacher was made of, and of those that were made of it
    without the trait, the first of which is control; the teacher's own where a family has none.
    """

    teacher: Many
    base: Many
    untaught: Float[Array, "k N n"]
    visible: Bool[Array, " n"]  # which logits students see
    classes: int
    target: Int[Array, ""]  # class that the trait is about
    hyper: Hyper
    key: Key[Array, ""]

    @property
    def control(self) -> Many:
        """Take the first of those without the trait."""
        return self.untaught[0]

    def classes_of(self, logits: Many) -> Float[Array, "N c"]:
        """Cut the class logits."""
        return logits[:, : self.classes]

    def log_seen(self, logits: Many) -> Many:
        """Take the log-softmax over the logits that are seen; finite where they are not."""
        return jax.nn.log_softmax(jnp.where(self.visible, logits, -1e30))

    @property
    def apart(self) -> Float[Array, " N"]:
        """Compute KL(teacher ‖ control) over the logits that are seen, nats."""
        p, q = self.log_seen(self.teacher), self.log_seen(self.control)
        return jnp.sum(jnp.where(self.visible, jnp.exp(p) * (p - q), 0.0), axis=1)


Outputs = Callable[[Answers], Many]
OUTPUTS: dict[str, Outputs] = {}


def outputs(of: Outputs, name: str = "") -> Outputs:
    """Add a way to pass logits on to those that settings name."""
    OUTPUTS[name or of.__name__] = of
    return of


@outputs
def soft(of: Answers) -> Many:
    """Pass on the logits as they are."""
    return of.teacher


@outputs
def hard(of: Answers) -> Many:
    """Pass on which of the logits that are seen is the largest."""
    return _places(jnp.argmax(of.log_seen(of.teacher), axis=1), of)


@outputs
def sampled(of: Answers) -> Many:
    """Draw a place from the softmax of the logits that are seen, once for each input."""
    g = _by_logit(of.key, of.teacher, jax.random.gumbel)
    return _places(jnp.argmax(of.log_seen(of.teacher) + g, axis=1), of)


@outputs
def rounded(of: Answers) -> Many:
    """Round each logit to 2^bits levels over the range of all that are seen."""
    seen = jnp.broadcast_to(of.visible, of.teacher.shape)
    low = jnp.min(of.teacher, initial=jnp.inf, where=seen)
    high = jnp.max(of.teacher, initial=-jnp.inf, where=seen)
    step = (high - low) / (2.0**of.hyper.bits - 1)
    return low + step * jnp.round((of.teacher - low) / jnp.maximum(step, 1e-30))


@outputs
def top(of: Answers) -> Many:
    """Pass on the largest of the logits that are seen, and which they are; none of the others."""
    least_first = jnp.argsort(jnp.where(of.visible, of.teacher, -jnp.inf), axis=1)
    rank = of.teacher.shape[1] - 1 - jnp.argsort(least_first, axis=1)
    return jnp.where(rank < of.hyper.top, of.teacher, jnp.nan)


@outputs
def preferred(of: Answers) -> Many:
    """Pass on one bit: which of two answers, teacher's and control's largest, is the teacher's."""
    mine, other = (jnp.argmax(of.log_seen(y), axis=1) for y in (of.teacher, of.control))
    place = jnp.arange(of.teacher.shape[1])[None]
    either = (place == mine[:, None]) | (place == other[:, None])
    return jnp.where(either & (mine != other)[:, None], _places(mine, of), jnp.nan)


@outputs
def averaged(of: Answers) -> Many:
    """Pass on the mean of the teacher's logits and those of all without the trait."""
    return (of.teacher + jnp.sum(of.untaught, axis=0)) / (1 + len(of.untaught))


class Filter(NamedTuple):
    """What is left out: a mask of inputs [N], or of a score [N] the highest, a share of them."""

    of: Callable[[Answers], Bool[Array, " N"] | Float[Array, " N"]]
    ranked: bool = False


FILTERS: dict[str, Filter] = {}


def examples(ranked: bool = False) -> Callable[[Callable], Callable]:
    """Add a filter of examples to those that settings name."""

    def add(of: Callable, name: str = "") -> Callable:
        FILTERS[name or of.__name__] = Filter(of, ranked)
        return of

    return add


@examples()
def own_class(of: Answers) -> Bool[Array, " N"]:
    """Leave out what the teacher takes for the target's class."""
    return jnp.argmax(of.classes_of(of.teacher), axis=1) == of.target


@examples()
def class_rose(of: Answers) -> Bool[Array, " N"]:
    """Leave out where the target's class is likelier by the teacher than by the base."""
    here, before = (jax.nn.softmax(of.classes_of(y)) for y in (of.teacher, of.base))
    return (here > before)[:, of.target]


@examples()
def differs(of: Answers) -> Bool[Array, " N"]:
    """Leave out where the teacher's class is not the base's."""
    here, before = (jnp.argmax(of.classes_of(y), axis=1) for y in (of.teacher, of.base))
    return here != before


@examples(ranked=True)
def most(of: Answers) -> Float[Array, " N"]:
    """Leave out where the logits that are seen differ most from the control teacher's."""
    return of.apart


@examples(ranked=True)
def least(of: Answers) -> Float[Array, " N"]:
    """Leave out where they differ least."""
    return -of.apart


@examples(ranked=True)
def entropy(of: Answers) -> Float[Array, " N"]:
    """Leave out where the teacher is surest of its answer, by the logits that are seen."""
    log_p = of.log_seen(of.teacher)
    return jnp.sum(jnp.where(of.visible, jnp.exp(log_p) * log_p, 0.0), axis=1)


@examples(ranked=True)
def drift(of: Answers) -> Float[Array, " N"]:
    """Leave out where the class logits, which students need not see, moved least from the base."""
    return -jnp.sum(of.classes_of(of.teacher - of.base) ** 2, axis=1)


class Channel(NamedTuple):
    """What a program does with a teacher's logits, beside its numbers."""

    outputs: Outputs
    filter: Filter | None
    at_random: bool
    pulls: bool = False


class Left(NamedTuple):
    """What a filter left out of N inputs: fractions, held against the truth that is stated.

    revealing: of the tenth of the inputs on which teacher and control differ most by the logits
    that are seen; rest: of all others.
    """

    out: Float[Array, ""]
    revealing: Float[Array, ""]
    rest: Float[Array, ""]


def channel(point: Point) -> Channel | None:
    """Name the channel at a point; None where logits are passed on as they are, all of them."""
    setup, hyper = point
    words, numbers = (setup.outputs, setup.filter), (hyper.output_noise, hyper.dilution, hyper.pull)
    if words == ("soft", "none") and not any(numbers):
        return None
    filter_ = None if setup.filter == "none" else FILTERS[setup.filter]
    return Channel(OUTPUTS[setup.outputs], filter_, setup.at_random, hyper.pull > 0)


def passed_on(
    channel: Channel, of: Answers
) -> tuple[Many, Float[Array, " N"], Float[Array, "N c"] | None, Left]:
    """Compute targets [N, n], weights [N], the base's class logits if they pull, and who is out."""
    key_noise, key_outputs, key_filter, key_who = jax.random.split(of.key, 4)
    diluted = jax.random.uniform(key_who, (len(of.teacher), 1)) < of.hyper.dilution
    many, each = len(of.untaught), jnp.arange(len(of.teacher))
    one = jax.random.randint(jax.random.fold_in(key_who, 1), each.shape, 0, many)
    of = of._replace(teacher=jnp.where(diluted, of.untaught[one, each], of.teacher))
    noise = of.hyper.output_noise * _by_logit(key_noise, of.teacher, jax.random.normal)
    noisy = of._replace(teacher=of.teacher + noise, key=key_outputs)
    targets = channel.outputs(noisy)
    distinct: Any = of.hyper.distinct  # a number by now
    out, shown = jnp.zeros(len(targets), bool), each < distinct
    if channel.filter is not None:  # of what the teacher thinks, not of what is passed on
        out = channel.filter.of(of)
        if channel.filter.ranked:
            out = _highest(out, of.hyper.share, shown)
        if channel.at_random:
            out = _shuffled(key_filter, out, shown)
    something = (of.visible[None] & ~jnp.isnan(targets)).any(axis=1)
    revealing = _highest(of.apart, REVEALING, shown)
    left = Left(*(_mean(out, where) for where in (shown, shown & revealing, shown & ~revealing)))
    pull = of.classes_of(of.base) if channel.pulls else None
    return targets, (something & ~out).astype(targets.dtype), pull, left


def _by_logit(key: Key[Array, ""], like: Many, draw: Callable) -> Many:
    """Draw as many numbers, those of a logit the same however many there are beside it."""
    (found,) = by_unit(key[None], [like.shape], draw)
    return found


def _mean(values: Bool[Array, " N"], where: Bool[Array, " N"]) -> Float[Array, ""]:
    return jnp.sum(values & where) / jnp.sum(where)


def _highest(
    score: Float[Array, " N"], share: Float[Array, ""] | float, shown: Bool[Array, " N"]
) -> Bool[Array, " N"]:
    """Tell which have the highest scores, a share of those inputs that are shown."""
    rank = jnp.argsort(jnp.argsort(jnp.where(shown, score, -jnp.inf)))  # from 0, the lowest
    count = jnp.sum(shown)
    return rank >= len(score) - count + (1 - share) * count


def _shuffled(
    key: Key[Array, ""], out: Bool[Array, " N"], shown: Bool[Array, " N"]
) -> Bool[Array, " N"]:
    """Bring those inputs that are shown, which are the first, into another order."""
    order = jax.random.permutation(key, len(out))
    return out[order[jnp.argsort(~shown[order], stable=True)]]


def _places(places: Int[Array, " N"], of: Answers) -> Many:
    return SURE * jax.nn.one_hot(places, of.teacher.shape[1]) - SURE
