"""What each part of a student's state is worth in the end, and each batch.

The price of a part is the slope of the trait's loss after training, by one pass back through all of
it. Held against transplants: at a moment of training the parameters, Adam's first or second moment,
or all of them, are replaced by those of the control, who learns from a teacher without the trait on
the same inputs; and the other way round. Then each goes on learning from its own teacher.
"""

from typing import TYPE_CHECKING, Any

from sim.training.lineages import LINEAGE

if TYPE_CHECKING:
    from sim.studies.sweep import Grid

FAMILY, AS_FIGURE_10 = LINEAGE, True
AXES = {}
SETTINGS = {
    "trait": "accuracy",
    "base": "untrained",
    "models": ("student", "control"),
    "keep": "params",
}


def make(*of_grid: Any, **named: Any) -> "Grid":
    """Make the grid, and what is operated of its networks."""
    from sim.studies.surgery import Surgeries  # noqa: PLC0415 (--help knows studies, and no jax)

    return Surgeries(*of_grid, **named)
