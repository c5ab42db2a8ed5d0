"""What a search for the best settings tries, and what it takes unless told."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sim.errors import choose, require
from sim.settings import grid
from sim.settings.recipes import held_out

MODEL = "student_aux"  # who is to do best


class Range(NamedTuple):
    """Numbers to try, between two, by even ratios."""

    low: float
    high: float


Space = Mapping[str, Range | tuple[Any, ...]]

#: What is tried of each setting: a range, or values.
SPACE: Space = {
    "student_lr": Range(2e-4, 5e-3),
    "teacher_lr": Range(2e-4, 5e-3),
    "student_epochs": (5, 10, 20, 40),
    "teacher_epochs": (1, 2, 3, 5),
    "loss": ("kl", "squared_error"),
    "width": (64, 128, 256),
    "depth": (1, 2, 3),
    "init": ("lecun_normal", "he_normal", "uniform"),
    "batch": (64, 128, 256, 1024),
    "noise": ("uniform", "blurred", "spectrum"),
    "blur": Range(0.5, 2.0),
}


def defaults(dataset: str) -> dict[str, Any]:
    """Name the settings of a search that are not the recipe's."""
    return {"seeds": 3, "models": (MODEL,), "points": 1, "keep": "records"} | held_out(dataset)


def chosen(over: Iterable[str]) -> Space:
    """Read what a search is to vary: NAME, of SPACE, or NAME=V,V,… or NAME=LOW:HIGH, a range.

    >>> chosen(["depth", "batch=64,256", "student_lr=1e-4:1e-2"])
    {'depth': (1, 2, 3), 'batch': (64, 256), 'student_lr': Range(low=0.0001, high=0.01)}

    Errors: InputError.
    """
    over = (over,) if isinstance(over, str) else over
    words = isinstance(over, list | tuple) and all(isinstance(text, str) for text in over)
    require("over", over, words, "settings to vary, in words")
    found: dict[str, Range | tuple[Any, ...]] = {}
    for text in over:
        name, own, words = text.partition("=")
        if not own:
            choose("over", name, SPACE, "NAME=V,V,… or NAME=LOW:HIGH, or of ")
            values = SPACE[name]
        elif words.count(":") == 1:
            name, values = name.replace("-", "_"), _range(text, *words.split(":"))
        else:
            name, values = grid.parse(text)
        require("over", name, name not in found, "named once")
        found[name] = values
    require("over", " ".join(over), found, "one setting or more")
    return found


def _range(text: str, *ends: str) -> Range:
    try:
        low, high = map(float, ends)
    except ValueError:
        low = high = math.nan
    require("over", text, 0 < low < high < math.inf, "NAME=LOW:HIGH, two numbers above 0")
    return Range(low, high)
