"""What is simulated: settings, data, networks, training, engine, results, figures, command line."""

from importlib import import_module
from typing import Any

__all__ = ["figure10", "plots", "results", "statements", "theorem", "theorem_plots"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is: the command line's --help needs little of it."""
    if name == "figure10":
        return import_module("sim.experiments").figure10
    if name == "theorem":
        return import_module("sim.theorem").theorem
    if name in __all__:
        return import_module(f"sim.{name}")
    raise AttributeError(f"module 'sim' has no attribute {name!r}")
