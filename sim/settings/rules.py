"""What values must be: rules that say themselves in words."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

from sim.errors import require

MOST = 2**31 - 1  # of what is counted in 32 bits
LEAST = 1.2e-38  # positive number of float32, in which networks are trained
Settings = Mapping[str, Any]  # all of them, by name


class Rule(NamedTuple):
    """What a value must be: a predicate of it and of all settings, and words for that."""

    holds: Callable[[Any, Settings], Any]
    words: Callable[[Settings], str]

    def check(self, name: str, value: Any, settings: Settings) -> None:
        """Raise InputError unless it holds."""
        if not self.holds(value, settings):
            require(name, value, False, self.words(settings))


class Only(NamedTuple):
    """When a setting has an effect: a predicate of all settings, and words for it."""

    has: Callable[[Settings], bool]
    says: str


def only(name: str, *values: Any) -> Only:
    """Require that another setting has one of these values."""
    says = f"{name} is {' or '.join(map(str, values))}"
    return Only(lambda settings: settings[name] in values, says)


def number(says: str, holds: Callable[[Any], bool]) -> Rule:
    """Require a number of float32 for which something holds."""

    def single(value: float) -> bool:
        return math.isfinite(value) and (value == 0 or LEAST <= abs(value) < 1 / LEAST)

    return Rule(lambda value, _: single(value) and holds(value), lambda _: says)


NUMBER = number("a number", lambda value: True)
POSITIVE = number("a positive number", lambda value: value > 0)
NOT_NEGATIVE = number("at least 0", lambda value: value >= 0)
FRACTION = number("in [0, 1]", lambda value: 0 <= value <= 1)
BELOW_1 = number("in [0, 1)", lambda value: 0 <= value < 1)


def whole(least: int = 1, most: int | str = MOST) -> Rule:
    """Require a whole number from least to most, which may be another setting's name."""

    def top(settings: Settings) -> int:
        return settings[most] if isinstance(most, str) else most

    def words(settings: Settings) -> str:
        if most == MOST:
            return "a positive whole number" if least == 1 else f"a whole number, at least {least}"
        if least == 1 and isinstance(most, int):
            return f"a positive whole number, at most {most:,}"
        return f"a whole number from {least} to {top(settings):,}"

    return Rule(lambda value, settings: least <= value <= top(settings), words)


COUNT = whole()


def each(one: Rule, says: str) -> Rule:
    """Require a list of 1 to 1,000, for each of which a rule holds."""
    return Rule(
        lambda vs, settings: 0 < len(vs) <= 1000 and all(one.holds(v, settings) for v in vs),
        lambda _: says,
    )


def seeds(of: int | str) -> range:
    """List the seeds that a number of them means, or FIRST:STOP. Raises ValueError for others."""
    first, stop = map(int, of.split(":")) if isinstance(of, str) else (0, of)
    if not 0 <= first < stop <= 10**6:
        raise ValueError(of)
    return range(first, stop)


def _are_seeds(of: int | str, _: Settings) -> bool:
    try:
        return bool(seeds(of))
    except ValueError:
        return False


SEEDS = Rule(
    _are_seeds,
    lambda _: f"a positive whole number, at most {10**6:,}, or FIRST:STOP, as 100:116",
)
ADDED: dict[Any, list[str]] = {}  # to a Literal's words, for functions from outside


def choices(literal: Any) -> tuple[str, ...]:
    """List the words of a Literal, with those that were added to them."""
    return (*get_args(literal), *ADDED.get(literal, ()))


def one_of(literal: Any) -> Rule:
    """Require one of the words of a Literal."""
    ours = get_args(literal)
    return Rule(
        lambda word, _: word in ours or word in choices(literal),
        lambda _: "one of " + ", ".join(choices(literal)),
    )


def some_of(literal: Any, least: int = 1) -> Rule:
    """So many of the words of a Literal, or more, each once."""
    count = "" if not least else f"{least} or more "
    return Rule(
        lambda words, _: {*words} <= {*choices(literal)} and len({*words}) == len(words) >= least,
        lambda _: count + "of " + ", ".join(choices(literal)) + ", each once",
    )


NAMES = Rule(
    lambda words, _: 0 < len({*words}) == len(words),
    lambda _: "one name or more, each once",
)
