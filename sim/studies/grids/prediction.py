"""What at the first step foretells how much of the trait a student will have in the end.

Over settings of the channel and the start: auxiliary logits, kinds of inputs, noise on the
student's start, temperature. Of students from the teacher's start, and from another one.
"""

from typing import TYPE_CHECKING, Any

from sim.training.lineages import LINEAGE

if TYPE_CHECKING:
    from sim.studies.sweep import Grid

FAMILY, AS_FIGURE_10 = LINEAGE, True
AXES = {
    "noise": ("uniform", "gaussian", "blurred", "perlin", "shuffled"),
    "aux": (2, 3, 10, 30),
    "init_noise": (0.0, 0.02, 0.05),
    "temperature": (1.0, 4.0),
}
SETTINGS = {
    "trait": "accuracy",
    "base": "untrained",
    "models": ("student", "other"),
    "seeds": 8,
    "points": 2,
    "measure": (
        "coverage",
        "gradient_cosine",
        "update_cosine",
        "visible_fraction",
        "held_out_loss",
        "units_inputs",
    ),
}


def make(*of_grid: Any, **named: Any) -> "Grid":
    """Make the grid, whose results are shown as forecasts."""
    from sim.studies.sweep import Grid  # noqa: PLC0415 (--help knows studies, and no jax)

    grid = Grid(*of_grid, **named)
    grid.kind, grid.title = "prediction", "What foretells how much of the trait passes"
    return grid
