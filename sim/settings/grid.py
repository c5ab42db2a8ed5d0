"""Axes and the points of their grid: which settings a sweep tries, and what its points share."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import Any, NamedTuple

from sim.errors import InputError, choose, require
from sim.settings.declare import Of, Setting, declared, replaced, usual
from sim.settings.setup import Hyper, Setup

# Of an axis: its values, or named cases, each of one or more settings.
Axes = Mapping[str, Sequence[Any] | Mapping[str, Mapping[str, Any]]]

SETTINGS = declared(Setup) | declared(Hyper)
#: Axes that are not fields: what they do to the settings that a grid starts from.
DERIVED = {
    "width": "units in each hidden layer",
    "depth": "hidden layers",
}
LISTS = {name for name, s in SETTINGS.items() if s.items}  # which only cases set
WHOLE = {name for name, s in SETTINGS.items() if int in s.kinds} | {*DERIVED}
LONGEST, LARGEST = 10_000, 1_000_000  # values of an axis, points of a grid


def taken(which: Callable[[Setting], Any]) -> Callable[["Point"], tuple[Any, ...]]:
    """Make what takes the values, at a point, of those settings for which a predicate holds."""
    setup, hyper = (
        itemgetter(*(name for name, s in declared(part).items() if which(s)))
        for part in (Setup, Hyper)
    )
    return lambda point: (setup(vars(point.setup)), hyper(vars(point.hyper)))


class Point(NamedTuple):
    """The settings at one cell of a grid."""

    setup: Setup
    hyper: Hyper

    @property
    def program(self) -> "Point":
        """Name what is one for all points whose networks are trained by one compiled program."""
        return Point(_of_program(self.setup), Hyper())

    @property
    def together(self) -> tuple[Any, ...]:
        """Name what is one for all points whose students can train side by side."""
        return _of_all(self)

    @property
    def values(self) -> dict[str, Any]:
        """Name all settings with their values."""
        return vars(self.setup) | vars(self.hyper)


#: All but masks and numbers of a student's own, with all that compiles anew.
_of_all = taken(lambda s: s.of != Of.STUDENT or (s.compiles and s.name in declared(Setup)))


@lru_cache
def _of_program(setup: Setup) -> Setup:
    return usual(setup, lambda s: not s.compiles)


def label(axis: str) -> str:
    """Name an axis, with its unit."""
    of = SETTINGS.get(axis)
    return of.label if of else DERIVED.get(axis, axis.replace("_", " "))


def parse(text: str) -> tuple[str, tuple[Any, ...]]:
    """Read an axis from words: NAME=V,V,… or NAME=FROM:TO:COUNT, with "log" for even ratios.

    >>> parse("aux=1,3,10")
    ('aux', (1, 3, 10))
    >>> parse("noise_scale=0.25:4:5log")
    ('noise_scale', (0.25, 0.5, 1.0, 2.0, 4.0))

    Errors: InputError.
    """
    name, equals, words = text.partition("=")
    require("axis", text, equals and name and words, "NAME=V,V,… or NAME=FROM:TO:COUNT[log]")
    name = name.strip().replace("-", "_")
    if ":" not in words:
        return name, tuple(_value(word, name in WHOLE) for word in words.split(","))
    log = words.endswith("log")
    try:
        start, stop, count = words.removesuffix("log").split(":")
        low, high, n = float(start), float(stop), int(count)
    except ValueError:
        rule = "must be NAME=FROM:TO:COUNT[log], three numbers"
        raise InputError(f"axis = {text!r}: {rule}") from None
    require("axis", text, math.isfinite(low) and math.isfinite(high), "between finite numbers")
    require("axis", text, 2 <= n <= LONGEST, f"of 2 to {LONGEST:,} values")
    require("axis", text, not log or min(low, high) > 0, "between positive numbers with log")
    parts = [i / (n - 1) for i in range(n)]
    if log:
        spread = [low * (high / low) ** part for part in parts]
    else:
        spread = [low + (high - low) * part for part in parts]
    if name in WHOLE:
        return name, tuple(round(value) for value in spread)
    # Without the last digits of rounding, which would make other points of the same words.
    return name, tuple(float(f"{value:.9g}") for value in spread)


def plain(axes: Axes) -> dict[str, Any]:
    """Take axes as people have them (arrays, lists) as tuples of plain numbers and words.

    Errors: InputError for an axis without values, with too many, one twice, or an odd name.
    """
    found = {
        name: _cases(name, values) if isinstance(values, Mapping) else _list(name, values)
        for name, values in axes.items()
    }
    points = math.prod(map(len, found.values()))
    require("axis", [*axes], points <= LARGEST, f"of {LARGEST:,} points or fewer, not {points:,}")
    return found


def _cases(name: str, cases: Any) -> Any:
    shape = all(isinstance(k, str) and isinstance(v, Mapping) for k, v in cases.items())
    require(name, cases, shape and len(cases) > 0, "settings by name, by label")
    own = name.isidentifier() and name not in {*SETTINGS, *DERIVED}
    require("axis", name, own, "a name of its own, for cases: letters, digits and _")
    for label in cases:  # which results are saved with
        require(name, label, label.isprintable(), "cases with labels that can be printed")
    return {
        label: {setting: _plain(v) for setting, v in case.items()} for label, case in cases.items()
    }


def _list(name: str, values: Any) -> tuple[Any, ...]:
    values = _plain(values)  # an array
    listed = isinstance(values, Sequence) and not isinstance(values, str)
    require(name, values, listed, "a list of values")
    require(name, len(values), 0 < len(values) <= LONGEST, f"1 to {LONGEST:,} values")
    found = tuple(map(_plain, values))
    require(name, found, not any(v is None for v in found), "values, none of them None")
    require(
        name,
        found,
        all(isinstance(v, str | int | float | tuple) for v in found),
        "numbers or words",
    )
    require(name, found, len({*found}) == len(found), "values that differ")
    return found


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def grid(setup: Setup, hyper: Hyper, axes: Axes) -> list[Point]:
    """List every combination of the axes' values, the last axis fastest.

    Errors: InputError for an axis that is no setting, has no values or one twice, or for a point
    that breaks a rule.
    """
    axes = plain(axes)
    varied = [name for axis in axes.items() for name in _varied(*axis)]
    require("axis", [*axes], len({*varied}) == len(varied), "of settings that no other axis has")
    require(
        "axis",
        "aux",
        "aux" not in axes or not (hyper.channel or "channel" in varied),
        "without channel, which it sets",
    )
    for m in axes.get("aux", ()):
        require("aux", m, isinstance(m, int) and m > 0, "a positive whole number")
    widest = max(axes.get("aux", ()), default=None)
    found = []
    for values in product(*axes.values()):
        point = Point(*replaced(_settings(setup, axes, values, widest), setup, hyper))
        found.append(point._replace(setup=setup) if point.setup == setup else point)
    return found


def set_by(axes: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Name the settings that axes set at some of their points, and those that they set at all.

    Axes are lists of values, or cases by label, each of settings by name.
    """
    some: set[str] = set()
    every: set[str] = set()
    for axis, values in axes.items():
        named = isinstance(values, Mapping)
        cases = [{*case} for case in values.values()] if named else [{axis}]
        some |= set().union(*cases)
        every |= set.intersection(*cases)
    some |= {"channel"} if "aux" in axes else set()  # its mask
    some |= {"widths"} if some & {*DERIVED} else set()
    every |= {"widths"} if every >= {*DERIVED} else set()
    return some, every


def _varied(axis: str, values: Any) -> Iterator[str]:
    """Name the settings that an axis varies."""
    names = sorted({*SETTINGS, *DERIVED} - LISTS - {"points"})
    if not isinstance(values, Mapping):
        choose("axis", axis, names)
        yield axis
        return
    found = {setting for case in values.values() for setting in case}
    require(axis, values, found <= {*names, *LISTS}, "cases of settings")
    yield from found


def _settings(
    setup: Setup, axes: Mapping[str, Any], values: tuple[Any, ...], widest: int | None
) -> dict[str, Any]:
    """Read the settings at one point, by name."""
    here: dict[str, Any] = {}
    for (name, of), value in zip(axes.items(), values, strict=True):
        here |= of[value] if isinstance(of, Mapping) else {name: value}
    for player in ("teacher", "student"):
        steps = getattr(setup, f"{player}_steps") or f"{player}_steps" in here
        require(
            "axis",
            f"{player}_epochs",
            not (steps and f"{player}_epochs" in here),
            f"without {player}_steps, which take precedence",
        )
    derived = {name: here.pop(name) for name in DERIVED if name in here}
    require(
        "widths",
        here.get("widths"),
        not (derived and "widths" in here),
        "without width and depth, which set it",
    )
    if derived:
        usual = {"width": setup.widths[0], "depth": len(setup.widths)}
        for name, value in (derived := usual | derived).items():
            whole = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 2**20
            require(name, value, whole, "a positive whole number")
        here["widths"] = (derived["width"],) * derived["depth"]
    if widest is not None:
        # The channel is a mask: all widths of it are one program, and one teacher.
        here |= {"aux": widest, "channel": here["aux"]}
    return here


def _value(word: str, whole: bool) -> Any:
    word = word.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for kind in (int, float):
        try:
            value = kind(word)
        except ValueError:
            continue
        return int(value) if whole and value % 1 == 0 else value
    return word
