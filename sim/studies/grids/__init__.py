"""Named studies: each a file of this folder, with a grid. `sim.published` has what others found.

A study is a module whose docstring asks its question, with AXES and, where the recipe is not what
it wants, SETTINGS; HOLD names steps that stay the recipe's while the batch varies. FAMILY is whose
networks, figure 10's unless said; with AS_FIGURE_10 a lineage has the recipe of figure 10.
`finding` says in words what a table of rates says. HELD_OUT: part of the training images is, for
what is chosen by them. There is nothing else to write; what is more than a grid has `make`, which
takes what `Grid` takes and returns a kind of it. A user's own is such a file anywhere.
"""

import ast
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getdoc
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from sim.errors import InputError, a_path, choose, require
from sim.settings import grid, recipes
from sim.settings.experiments import SWEEP
from sim.training import families

OTHERS = ("figure10", "sweep", "lineage", "theorem", "search", "store")  # what else runs are called


def names() -> list[str]:
    """List all studies."""
    return sorted(module.name for module in iter_modules(__path__))


def module(name: str) -> ModuleType:
    """Find a study: one of ours by name, or a user's own by its file, NAME.py.

    Errors: InputError for a name that is none, and for a file that is no study.
    """
    require("study", name, isinstance(name, str), "a name, or a file")
    if name.endswith(".py"):
        file = a_path("study", name).resolve()
        there = "a file, or a name that sublim study --list shows"
        require("study", str(file), os.path.isfile(file), there)
        return _own(str(file), file.read_bytes())
    choose("study", name, names())
    return import_module(f"sim.studies.grids.{name}")


def titled(name: str) -> str:
    """Name a study as its results do: a user's own by its file's stem."""
    return Path(name).stem if name.endswith(".py") else name


@cache
def _own(file: str, content: bytes) -> ModuleType:
    """Import a user's study, anew if its content is new. Errors: InputError."""
    title = titled(file)
    own = title.isidentifier() and title not in (*names(), *OTHERS)
    require("study", file, own, "a file with a name of its own: letters, digits and _")
    spec = spec_from_file_location(title, file)
    of = module_from_spec(spec)
    try:
        spec.loader.exec_module(of)
    except Exception as error:  # whatever a user's file raises
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"study = {file!r}: {words}") from error
    question = ast.get_docstring(ast.parse(content))
    require("study", file, question, "a file that begins with its question, a docstring")
    of.__doc__ = question
    axes = getattr(of, "AXES", None)
    require("study", file, isinstance(axes, Mapping) and axes, "a file with AXES, values by name")
    for part in ("SETTINGS", "FAMILY"):
        plain = isinstance(getattr(of, part, {}), Mapping)
        require("study", file, plain, f"a file whose {part} is a dict")
    return of


def statement(name: str) -> str:
    """Read a study's question, and what to know to read the answer.

    Python leaves docstrings out where it is asked to: then they are in the source alone.
    """
    of = module(name)
    return getdoc(of) or ast.get_docstring(ast.parse(Path(of.__file__).read_bytes()))


def chosen(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Read axes of a study, each with some of its cases, by label, or with values: NAME=V,V,….

    Labels that have commas of their own are named one by one: NAME=LABEL, NAME=LABEL.

    >>> chosen("width", ["width=64,128"])
    {'width': (64, 128)}
    >>> chosen("factorial", ["noise_on=[0, 1]"])
    {'noise_on': {'[0, 1]': {'noise_scale': 0.5, 'noise_shift': 0.5}}}

    Errors: InputError for no axis of the study, one twice, or a label that it does not have.
    """
    of, found = module(name).AXES, {}
    for text in texts:
        axis, _, words = text.partition("=")
        axis = axis.replace("-", "_")
        choose("axis", axis, of, "of the study: ")
        cases = of[axis]
        if not isinstance(cases, Mapping):
            require("axis", axis, axis not in found, "named once")
            _, found[axis] = grid.parse(text)
            continue
        labels = [words] if words in cases else words.split(",")
        for label in labels:
            require(axis, label, label in cases, "of " + "; ".join(cases))
        found[axis] = found.get(axis, {}) | {label: cases[label] for label in labels}
    return found


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
