"""Named studies: each a file of this folder, with a grid and what was published about it.

A study is a module with AXES and, where the recipe is not what it wants, SETTINGS; HOLD names steps
that stay the recipe's while the batch varies. Its docstring says what was published and what is
found. There is nothing else to write.
"""

from importlib import import_module
from inspect import getdoc
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from sim.engine import programs as engine
from sim.model import data
from sim.settings.config import Sweep, recipe, rule
from sim.studies.sweep import Run


def names() -> list[str]:
    """Of all studies."""
    return sorted(module.name for module in iter_modules(__path__))


def statement(name: str) -> str:
    """What was published about a study's question, and what is found."""
    return getdoc(_module(name))


def run(name: str, out: str | Path | None = None, **settings: Any) -> Run:
    """The sweep of a study; `settings`, as `sim.sweep` takes them, go before the study's own.

    Errors: InputError for a name that is no study, or a setting that breaks a rule.
    """
    study = _module(name)
    dataset = settings.pop("dataset", "digits")
    own = getattr(study, "SETTINGS", {})
    if hold := getattr(study, "HOLD", ()):
        where = {name: settings[name] for name in ("data_dir", "validation") if name in settings}
        images = len(data.load(dataset, **where).x_train)
        steps = (moments[-1] for moments in engine.moments(recipe(dataset)[0], images))
        usual = dict(zip(("teacher_steps", "student_steps"), steps, strict=True))
        own = own | {name: usual[name] for name in hold}
    return Run(Sweep.of(dataset, **(own | settings)), study.AXES, out)


def _module(name: str) -> ModuleType:
    rule("study", name, name in names(), "one of " + ", ".join(names()))
    return import_module(f"sim.studies.grids.{name}")
