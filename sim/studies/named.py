"""A named study as a run: its grid with a task's recipe, and whatever else is set."""

from pathlib import Path
from typing import Any

import xarray as xr

from sim.runs import run
from sim.runs.run import QUIET, Progress
from sim.settings.experiments import Experiment
from sim.studies import grids
from sim.studies.sweep import Grid, of_task


def study(
    name: str,
    dataset: str = "digits",
    seeds: int = 16,
    *,
    out: str | Path | None = None,
    progress: Progress = QUIET,
    **settings: Any,
) -> xr.Dataset:
    """Run a named study: `sim.sweep` over its axes, whose arguments these are.

    Settings go before the study's own, which go before the recipe's. Errors: InputError for a name
    that is no study, or a setting that breaks a rule.
    """
    given = of_task(dataset, **(grids.settings(name, str(dataset)) | settings | {"seeds": seeds}))
    return run.of(named(name, given), out, progress)


def named(name: str, given: Experiment) -> Grid:
    """Make the grid of a named study, with these settings."""
    of = grids.module(name)
    make = getattr(of, "make", Grid)
    return make(name, given, of.AXES, hold=getattr(of, "HOLD", ()), family=grids.family(name))
