"""All of the package under one name: `sublim.figure10` is `sim.figure10`, `sublim.theory` theory.

Importing it puts statistics by name on every Dataset of xarray's: `ds.sublim.summary()`.
"""

from importlib import import_module
from typing import Any

import sim
from sim.report.accessor import Statistics

__all__ = [*sim.__all__, "Statistics", "sim", "theory"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is."""
    if name == "theory":
        return import_module("theory")
    if name in sim.__all__:
        return getattr(sim, name)
    raise AttributeError(f"module 'sublim' has no attribute {name!r}")
