"""Which differences between replications matter: all of them crossed, at as many steps.

Inputs are on [−1, 1] or [0, 1], one set seen again and again or new in every step. All networks
take 400 steps, teachers and students at one rate.
"""

from typing import Any

from sim.errors import needs
from sim.runs.decompose import LIBRARY
from sim.settings.experiments import Experiment
from sim.settings.grid import Axes
from sim.studies.sweep import Grid

STEPS, LARGEST = 400, 1024
AXES = {
    "noise_on": {
        "[−1, 1]": {},
        "[0, 1]": {"noise_scale": 0.5, "noise_shift": 0.5},
    },
    "init": ("lecun_normal", "uniform", "he_normal", "small_normal"),
    "loss": ("kl", "squared_error"),
    "rate": {f"{rate:g}": {"teacher_lr": rate, "student_lr": rate} for rate in (3e-4, 1e-3)},
    "batch": (128, LARGEST),
    "depth": (1, 2),
    "inputs": {
        "one set": {"noise_images": 12_800},
        "fresh": {"noise_images": STEPS * LARGEST},
    },
}
SETTINGS = {
    "seeds": 8,
    "models": ("student_aux",),
    "teacher_steps": STEPS,
    "student_steps": STEPS,
}


def make(name: str, given: Experiment, axes: Axes, **more: Any) -> Grid:
    """Make the grid, whose results are shown as a decomposition of their variance."""
    needs(*LIBRARY)
    grid = Grid(name, given, axes, **more)
    grid.kind, grid.title = "factorial", "What the spread between settings is of"
    return grid
