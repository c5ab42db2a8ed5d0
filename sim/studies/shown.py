"""How the results of each kind of study are shown."""

from collections.abc import Callable, Iterable
from typing import Any

import xarray as xr

from sim.errors import require


def shown(ds: xr.Dataset) -> tuple[Callable[[xr.Dataset], Iterable[Any]], dict[str, Callable]]:
    """Find how results are shown: their tables, and their figures by name.

    Errors: InputError for what no study of ours has made.
    """
    kind = ds.attrs.get("experiment")
    require("experiment", kind, kind in ("figure10", "sweep", "theorem"), "of sublim's results")
    if kind == "theorem":
        from sim.studies.theorem import figures, tables  # noqa: PLC0415

        return tables.theorem, figures.FIGURES
    from sim.report import figures, sweep_figures, tables  # noqa: PLC0415

    if kind == "sweep":
        return tables.sweep, sweep_figures.figures(ds)
    return tables.figure10, figures.figures(ds)
