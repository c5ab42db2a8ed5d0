"""A named study as a run: its grid with a task's recipe, and whatever else is set."""

from pathlib import Path
from typing import Any

import xarray as xr

from sim.errors import choose
from sim.model.data import Task
from sim.runs.identity import without
from sim.runs.run import Progress
from sim.settings.experiments import Experiment
from sim.settings.grid import Axes, plain
from sim.studies import called, grids
from sim.studies.extend import axes_by_name, unless_refused
from sim.studies.sweep import Grid, of_task


@unless_refused()
def study(
    name: str,
    dataset: str | Task = "digits",
    seeds: int | str = 16,
    *,
    axes: Axes | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Run a named study, or one's own in a file: `sim.sweep` over its axes, with its arguments.

    Settings go before the study's own, which go before the recipe's; axes, values of some of its
    axes or cases, before those that it has. Errors: InputError for a name that is no study, an axis
    that it does not have, or a setting that breaks a rule.
    """
    given = of_task(dataset, **(grids.settings(name, str(dataset)) | settings | {"seeds": seeds}))
    return called.run(named(name, given, axes_by_name({} if axes is None else axes)), out, progress)


def named(name: str, given: Experiment, axes: Axes | None = None) -> Grid:
    """Make the grid of a named study, with these settings, and these values of some of its axes."""
    of = grids.module(name)
    for axis in axes or {}:
        choose("axis", axis, of.AXES, "of the study: ")
    make, dataset = getattr(of, "make", Grid), given.common.dataset
    found = plain(of.AXES | dict(axes or {}))
    usual = of_task(dataset, **grids.settings(name, dataset))
    hold, family = getattr(of, "HOLD", ()), grids.family(name)
    grid = make(grids.titled(name), without(given, found, usual), found, hold=hold, family=family)
    grid.is_usual(usual)
    grid.question = grids.statement(name)
    return grid
