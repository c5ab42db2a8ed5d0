"""Named studies: each a file of this folder, with a grid. `sim.published` has what others found.

A study is a module whose docstring asks its question, with AXES and, where the recipe is not what
it wants, SETTINGS; HOLD names steps that stay the recipe's while the batch varies. FAMILY is whose
networks, figure 10's unless said; with AS_FIGURE_10 a lineage has the recipe of figure 10.
`finding` says in words what a table of rates says. HELD_OUT: part of the training images is, for
what is chosen by them. There is nothing else to write; what is more than a grid has `make`, which
takes what `Grid` takes and returns a kind of it.
"""

from importlib import import_module
from inspect import getdoc
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from sim.errors import require
from sim.settings import recipes
from sim.settings.experiments import SWEEP
from sim.training import families


def names() -> list[str]:
    """List all studies."""
    return sorted(module.name for module in iter_modules(__path__))


def module(name: str) -> ModuleType:
    """Find a study. Errors: InputError for a name that is none."""
    require("study", name, name in names(), "one of " + ", ".join(names()))
    return import_module(f"sim.studies.grids.{name}")


def statement(name: str) -> str:
    """Read a study's question, and what to know to read the answer."""
    return getdoc(module(name))


def family(name: str) -> families.Family:
    """Give the family whose networks a study trains."""
    return getattr(module(name), "FAMILY", families.FIGURE_10)


def settings(name: str, dataset: str) -> dict[str, Any]:
    """Name the settings of a study that are not the data set's recipe."""
    of = module(name)
    lineage = families.traits(family(name)) and not getattr(of, "AS_FIGURE_10", False)
    usual = recipes.lineage(dataset) if lineage else {}
    held_out = recipes.held_out(dataset) if getattr(of, "HELD_OUT", False) else {}
    return SWEEP | usual | held_out | getattr(of, "SETTINGS", {})
