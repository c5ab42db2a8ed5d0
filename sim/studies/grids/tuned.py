"""Which trends are trends of the learning rate: each setting at the rate that is best for it.

Others vary width, depth, activation or batch at one rate for all. Here teachers and students train
at multiples of the recipe's rates, and each setting has the one at which its students read the
validation images best. Epochs stay as they are, as in what was published: a larger batch has fewer
steps.
"""

from typing import Any

from sim.settings.experiments import Experiment
from sim.settings.grid import Axes
from sim.studies.sweep import Grid

RATES = (0.3, 1.0, 3.0, 10.0, 30.0)  # times the recipe's
AXES = {
    "setting": {
        "the recipe": {},
        **{f"width {width}": {"width": width} for width in (64, 128, 512)},
        **{f"depth {depth}": {"depth": depth} for depth in (1, 3)},
        **{f"activation {name}": {"activation": name} for name in ("gelu", "tanh")},
        **{f"batch {batch}": {"batch": batch} for batch in (256, 4096)},
    },
    "rate": RATES,
}
SETTINGS = {"models": ("student_aux",)}
HELD_OUT = True


def make(name: str, given: Experiment, axes: Axes, **more: Any) -> Grid:
    """Make the grid, with both rates multiplied; its results are shown at each one's best rate."""
    usual = {name: getattr(given.hyper, name) for name in ("teacher_lr", "student_lr")}
    several = [float(str(times).removeprefix("× ")) for times in axes["rate"]]  # as they are shown
    rates = {
        f"× {times:g}": {name: float(f"{times * rate:.6g}") for name, rate in usual.items()}
        for times in several
    }
    grid = Grid(name, given, {**axes, "rate": rates}, **more)
    grid.kind, grid.title = "tuned", "Each setting at its own best learning rate"
    return grid
