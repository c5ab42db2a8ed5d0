"""What a search for the best settings tries, and what it takes unless told."""

from typing import Any, NamedTuple

from sim.settings.recipes import small

MODEL = "student_aux"  # who is to do best


class Range(NamedTuple):
    """Numbers to try, between two, by even ratios."""

    low: float
    high: float


#: What is tried of each setting: a range, or values.
SPACE: dict[str, Range | tuple[Any, ...]] = {
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
    held_out = {} if small(dataset) else {"validation": 0.1}
    return {"seeds": 3, "models": (MODEL,), "points": 1, "keep": "records"} | held_out
