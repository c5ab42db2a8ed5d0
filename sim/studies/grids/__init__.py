"""Named studies: each a file of this folder, with a grid and what was published about it.

A study is a module whose docstring asks its question, with AXES and, where the recipe is not what
it wants, SETTINGS; HOLD names steps that stay the recipe's while the batch varies. PUBLISHED lists
what others found. There is nothing else to write.
"""

from importlib import import_module
from inspect import getdoc
from pkgutil import iter_modules
from types import ModuleType

from sim.errors import require


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
