"""A family of one's own, from a file: who starts from whom, and learns what from whom."""

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from sim.errors import InputError, a_path, require
from sim.runs.run import Progress
from sim.settings import recipes
from sim.settings.experiments import SWEEP, Experiment
from sim.studies import called
from sim.studies.extend import unless_refused
from sim.studies.sweep import Grid, of_task
from sim.training import families
from sim.training.families import Family, Imitation


class File(NamedTuple):
    """What a file says: its name, the settings of all members, and these."""

    name: str
    settings: dict[str, Any]
    family: Family

    @property
    def dataset(self) -> str:
        """Name the data set, digits unless it says."""
        return str(self.settings.get("dataset", "digits"))


def read(path: str | Path) -> File:
    """Read a TOML file: settings by name, and a table `members.NAME` for each member.

    A member has `start`, a member above it or init or other_init, each seed's own draws; `learns`:
    labels (with trait = true some carry the trait), base (what the setting `base` says), logits of
    its `teacher`, or a change by its `name`; and settings of its own. Models are those that learn
    logits, unless it names others. Errors: InputError.
    """
    path = a_path("file", path, "a TOML file")
    try:
        said = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a TOML file that can be read ({error})") from None
    members = said.pop("members", {})
    require("members", members, members and isinstance(members, dict), "tables, members.NAME")
    family = families.read(members)
    taught = families.traits(family)
    require("members", [*members], taught, "of whom one learns labels, with trait = true")
    students = [n for n, m in family.items() if isinstance(m.learns, Imitation) and n != "teacher"]
    require("members", [*members], students, "of whom one, not called teacher, learns logits")
    return File(path.stem, {"models": tuple(students)} | said, family)


def settings(of: File, dataset: str) -> dict[str, Any]:
    """Name the settings of a file that are not the data set's recipe."""
    return (
        SWEEP | recipes.lineage(dataset) | {k: v for k, v in of.settings.items() if k != "dataset"}
    )


@unless_refused()
def lineage(
    file: str | Path,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **given: Any,
) -> xr.Dataset:
    """Run a family of one's own, of a file; settings that are given go before the file's.

    Returns a Dataset over seed × model. Errors: InputError for a file that is none, or a setting
    that breaks a rule.
    """
    of = read(file)
    dataset = str(given.pop("dataset", of.dataset))
    return called.run(made(of, of_task(dataset, **(settings(of, dataset) | given))), out, progress)


def made(of: File, given: Experiment) -> Grid:
    """Make the grid of a file, of one point."""
    grid, dataset = Grid(of.name, given, {}, family=of.family), given.common.dataset
    grid.is_usual(of_task(dataset, **settings(of, dataset)))
    return grid
