"""What is simulated: settings, data, networks, training, engine, results, figures, command line."""

from importlib import import_module
from typing import Any

# Functions, by the module that they are in; no module has a function's name, which importing it
# would put in the function's place.
_FUNCTIONS = {
    "figure10": "studies.figure10",
    "sweep": "studies.sweep",
    "add": "studies.extend",
    "task": "model.data",
    "study": "studies.named",
    "lineage": "studies.lineage",
    "combine": "studies.union",
    "cluster": "runs.cluster",
    "load": "runs.saved",
    "search": "studies.search",
    "preset": "published",
    "cite": "published",
    "shown": "studies.shown",
    "page": "pages.write",
    "theorem": "studies.theorem.run",
    "boundaries": "studies.theorem.run",
}
_MODULES = {
    "plots": "report.figures",
    "rate_plots": "report.rate_figures",
    "rates": "report.rates",
    "results": "runs.results",
    "statements": "studies.theorem.statements",
    "sweep_plots": "report.sweep_figures",
    "theorem_plots": "studies.theorem.figures",
}
__all__ = [*_FUNCTIONS, *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is: the command line's --help needs little of it."""
    if name in _FUNCTIONS:
        return getattr(import_module(f"sim.{_FUNCTIONS[name]}"), name)
    if name in _MODULES:
        return import_module(f"sim.{_MODULES[name]}")
    raise AttributeError(f"module 'sim' has no attribute {name!r}")
