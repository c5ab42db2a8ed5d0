"""Axes and the points of their grid: which settings a sweep tries, and what they share."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from typing import Any

from sim.settings import config
from sim.settings.config import Hyper, Setup, rule

# Of an axis: its values, or named cases, each of one or more settings.
Axes = Mapping[str, Sequence[Any] | Mapping[str, Mapping[str, Any]]]

#: Axes that are not fields: what they do to the settings that a grid starts from.
DERIVED = {
    "width": "units in every hidden layer",
    "depth": "hidden layers, as wide as the first",
}
WHOLE = ("aux", "width", "depth", "batch", "noise_images", "distinct", "channel", "teacher_epochs",
         "student_epochs", "teacher_steps", "student_steps", "dimensions", "classes")  # fmt: skip
# What a teacher does not depend on. Points that differ in nothing else share theirs.
OF_STUDENTS = ("loss", "noise", "noise_images", "student_epochs", "student_steps",
               "student_widths", "student_network", "independent", "frozen")  # fmt: skip
# What students of one program may differ in (see `cast.Role`).
OF_ROLES = ("student_lr", "temperature", "init_noise", "channel", "independence")
LAYERS = ("independent", "frozen")  # as well


@dataclass(frozen=True)
class Point:
    """The settings at one cell of a grid."""

    setup: Setup
    hyper: Hyper

    @property
    def key(self) -> str:
        """Names what is measured here: a hash of the settings that its numbers depend on.

        A channel of m logits is the same thing in a network that has more of them.
        """
        setup, hyper = asdict(replace(self.setup, points=1)), asdict(self.hyper)
        setup["aux"] = int(hyper.pop("channel")) or setup["aux"]
        text = json.dumps({"setup": setup, "hyper": hyper}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def teacher(self) -> tuple[Setup, Hyper]:
        """The same for all points that a teacher serves."""
        usual = {name: getattr(Setup(), name) for name in OF_STUDENTS}
        of_teacher = ("teacher_lr", "momentum", "weight_decay", "init_scale")
        numbers = {name: getattr(self.hyper, name) for name in of_teacher}
        return replace(self.setup, **usual), Hyper(**numbers)

    @property
    def program(self) -> tuple[Setup, Hyper]:
        """The same for all points whose students can be trained side by side."""
        usual = {name: getattr(Hyper(), name) for name in OF_ROLES}
        setup = replace(self.setup, **{name: getattr(Setup(), name) for name in LAYERS})
        return setup, replace(self.hyper, **usual)


def parse(text: str) -> tuple[str, tuple[Any, ...]]:
    """An axis from words: NAME=V,V,… or NAME=FROM:TO:COUNT, with "log" behind for even ratios.

    >>> parse("aux=1,3,10")
    ('aux', (1, 3, 10))
    >>> parse("noise_scale=0.25:4:5log")
    ('noise_scale', (0.25, 0.5, 1.0, 2.0, 4.0))

    Errors: InputError.
    """
    name, equals, values = text.partition("=")
    rule("axis", text, equals and name and values, "NAME=V,V,… or NAME=FROM:TO:COUNT[log]")
    name = name.strip().replace("-", "_")
    if ":" not in values:
        found = [_value(word) for word in values.split(",")]
        whole = [isinstance(v, float) and v.is_integer() and name in WHOLE for v in found]
        return name, tuple(int(v) if w else v for v, w in zip(found, whole, strict=True))
    log = values.endswith("log")
    try:
        start, stop, count = values.removesuffix("log").split(":")
        low, high, n = float(start), float(stop), int(count)
    except ValueError:
        rule("axis", text, False, "NAME=FROM:TO:COUNT[log], three numbers")
    rule("axis", text, math.isfinite(low) and math.isfinite(high), "between finite numbers")
    rule("axis", text, n >= 2 and (not log or min(low, high) > 0),
         "of 2 values or more, and between positive numbers with log")  # fmt: skip
    parts = [i / (n - 1) for i in range(n)]
    if log:
        spread = [low * (high / low) ** part for part in parts]
    else:
        spread = [low + (high - low) * part for part in parts]
    if name in WHOLE:
        return name, tuple(round(value) for value in spread)
    # Without the last digits of rounding, which would make other points of the same words.
    return name, tuple(float(f"{value:.9g}") for value in spread)


def grid(setup: Setup, hyper: Hyper, axes: Axes) -> list[Point]:
    """Every combination of the axes' values, the last axis fastest.

    Errors: InputError for an axis that is no setting, has no values or one twice, or for a point
    that breaks a rule.
    """
    known = {part: [field.name for field in fields(part)] for part in (Setup, Hyper)}
    layers = {"widths", "student_widths"}  # lists: only in cases
    names = sorted({*known[Setup], *known[Hyper], *DERIVED} - {"points"} - layers)
    rule("axis", dict(axes), len(axes) > 0, "at least one NAME=VALUES")
    varied: list[str] = []  # settings, by all axes
    for name, values in axes.items():
        rule(name, values, len(values) > 0, "at least one value")
        if isinstance(values, Mapping):
            rule("axis", name, name not in {*names, *layers, "seed", "model"},
                 "a name of its own, for cases")  # fmt: skip
            shape = all(isinstance(k, str) and isinstance(v, Mapping) for k, v in values.items())
            rule(name, values, shape, "settings by name, by label")
            found = {setting for case in values.values() for setting in case}
            rule(name, values, found <= {*names, *layers}, "cases of settings")
            varied += found
            continue
        rule("axis", name, name in names, "one of " + ", ".join(names))
        rule(name, values, len(set(values)) == len(values), "values that differ")
        varied.append(name)
    rule("axis", list(axes), len(set(varied)) == len(varied), "of settings that no other axis has")
    for player in ("teacher", "student"):
        steps = getattr(setup, f"{player}_steps") or f"{player}_steps" in varied
        rule("axis", f"{player}_epochs", f"{player}_epochs" not in varied or not steps,
             f"without {player}_steps, which take precedence")  # fmt: skip
    rule("axis", "aux", "aux" not in axes or not (hyper.channel or "channel" in varied),
         "without channel, which it sets")  # fmt: skip
    points = []
    for values in product(*axes.values()):
        here: dict[str, Any] = {}
        for name, value in zip(axes, values, strict=True):
            cases = axes[name]
            here |= cases[value] if isinstance(cases, Mapping) else {name: value}
        derived = not {"width", "depth"}.isdisjoint(here)
        rule("widths", here.get("widths"), not (derived and "widths" in here),
             "without width and depth, which set it")  # fmt: skip
        for name in {"widths", "student_widths"} & {*here}:
            here[name] = here[name] and tuple(here[name])
        width, depth = here.pop("width", setup.widths[0]), here.pop("depth", len(setup.widths))
        if derived:
            for name, value in (("width", width), ("depth", depth)):
                rule(name, value, isinstance(value, int) and value > 0, "a positive whole number")
            here["widths"] = (width,) * depth
        if "aux" in axes:
            # The channel is a mask: all widths of it are one program, and one teacher.
            rule("aux", axes["aux"], all(isinstance(m, int) and m > 0 for m in axes["aux"]),
                 "positive whole numbers")  # fmt: skip
            here |= {"aux": max(axes["aux"]), "channel": here["aux"]}
        points.append(Point(*_with(setup, hyper, here, known)))
    return points


def _with(
    setup: Setup, hyper: Hyper, here: dict[str, Any], known: dict[type, list[str]]
) -> tuple[Setup, Hyper]:
    for name, value in here.items():
        if name in known[Hyper]:
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            rule(name, value, number and math.isfinite(value), "a number")
            hyper = replace(hyper, **{name: float(value)})
        else:
            setup = replace(setup, **{name: value})
    return config.check(setup, hyper)


def _value(word: str) -> Any:
    word = word.strip()
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
