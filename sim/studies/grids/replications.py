"""Why replications of one experiment disagree: each published setting, and each of its changes.

A row of the catalogue is run as it was published, as far as that is known; then the paper's recipe
with each one of its changes alone, and the row with each one taken back. Rows are of MNIST.
"""

from typing import Any

from sim.published.changes import cases, replicable
from sim.settings.experiments import Experiment
from sim.settings.grid import Axes
from sim.studies.sweep import Grid

AXES = {"setting": cases(replicable())}


def make(name: str, given: Experiment, axes: Axes, **more: Any) -> Grid:
    """Make the grid, whose results are shown row by row."""
    grid = Grid(name, given, axes, **more)
    grid.kind, grid.title = "replications", "Published results, and ours in their settings"
    return grid
