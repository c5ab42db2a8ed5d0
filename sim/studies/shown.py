"""How the results of each kind of study are shown: what draws is imported when it is asked for."""

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pandas as pd
import xarray as xr

from sim import published
from sim.errors import require
from sim.published.entries import Published
from sim.report import rates
from sim.report import tables as lay_out
from sim.report.published import means
from sim.runs.results import axes_of
from sim.runs.statistics import difference, summary
from sim.settings.declare import Of, declared
from sim.settings.experiments import Common, Theorem
from sim.settings.grid import set_by
from sim.settings.lengths import steps
from sim.settings.setup import Setup
from sim.studies import figure10, grids
from sim.studies.sweep import of_task

OWN = ("dynamics", "prediction", "surgery", "origins", "replications", "factorial", "tuned")
KINDS = ("figure10", "sweep", "lineage", "theorem", *OWN)  # the others: modules of `sim.report`


def shown(ds: xr.Dataset) -> tuple[Callable[[xr.Dataset], Iterator[Any]], dict[str, Callable]]:
    """Find how results are shown: their tables, and their figures by name.

    Errors: InputError for what no study of ours has made.
    """
    return tables, figures(ds)


def tables(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out what results say, in tables and lines. Errors: InputError for no study of ours."""
    kind, others = _kind(ds), beside(ds)
    if kind == "theorem":
        yield from import_module("sim.studies.theorem.tables").theorem(ds)
    elif kind == "figure10":
        yield from lay_out.figure10(ds, published=others)
    elif kind == "sweep":
        yield from lay_out.sweep(ds, published=others)
    else:
        yield from rates.lineage(ds) if kind == "lineage" else getattr(_own(kind), kind)(ds)
        if kind in ("lineage", "dynamics"):
            yield from lay_out.beside(ds, others)


def figures(ds: xr.Dataset) -> dict[str, Callable]:
    """Find what draws the figures of results, by name. Errors: InputError for no study of ours."""
    kind, others = _kind(ds), beside(ds)
    if kind == "theorem":
        return import_module("sim.studies.theorem.figures").FIGURES
    if kind == "figure10":
        return import_module("sim.report.figures").figures(ds, others)
    if kind == "sweep":
        return import_module("sim.report.sweep_figures").figures(ds, others)
    if kind == "lineage":
        return import_module("sim.report.rate_figures").figures(ds, rates.family(ds), others)
    return _own(kind).figures(ds) if kind == "dynamics" else _own(kind).FIGURES


def _kind(ds: xr.Dataset) -> str:
    kind = getattr(ds, "attrs", {}).get("experiment")
    require("experiment", kind, kind in KINDS, "of sublim's results")
    return kind


def _own(kind: str) -> Any:
    return import_module(f"sim.report.{kind}")


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a run: of the theorem, its statements; of networks, means at each point.

    Over the points, by pairs of seeds, a model less itself at the first as well. Of a lineage, the
    rates of its trait; of origins, what is named and seen in each case; of dynamics, a row for each
    measure; of surgery, for each transplant.
    """
    if ds.attrs["experiment"] == "theorem":
        from sim.studies.theorem.statements import statements  # noqa: PLC0415

        return pd.DataFrame(statements(ds))
    if ds.attrs["experiment"] == "lineage":
        return rates.rates(ds)
    if ds.attrs["experiment"] in OWN:
        return _own(ds.attrs["experiment"]).rows(ds)
    table, axes = means(ds), axes_of(ds)
    if axes:
        of = ds.test_accuracy.stack(point=axes, create_index=False).transpose("point", ...)
        change = summary(difference(of, of.isel(point=0, drop=True)))
        table["less_first"] = change.mean.values.ravel()
        table["less_first_half_width"] = change.half_width.values.ravel()
    return table


def beside(ds: xr.Dataset) -> tuple[Published, ...]:
    """Find what was published about a run's question, on its data or others'.

    None on the same data if a setting is not the study's: it would be held against another thing.
    """
    found = published.of_study(ds.attrs["study"])
    if ds.attrs["dataset"] not in {one.dataset for one in found}:
        return () if _module(ds) is figure10 else found
    return () if changed(ds) else found


def changed(ds: xr.Dataset) -> dict[str, Any]:
    """Name the settings of a run that are not its study's on that data set, with their values.

    Of a run that is no named study's, those that are not the recipe's, or its own file's.
    """
    ran = json.loads(ds.attrs["settings"])
    own, values, free = ran["settings"], {"validation": ran["validation"]}, set()
    if ds.attrs["experiment"] == "theorem":
        values |= own
    else:
        values |= own["setup"] | own["hyper"]
        free = {*axes_of(ds)} | {s.name for s in declared(Setup).values() if s.of == Of.NOTHING}
        free |= set_by(dict(own.get("axes", ())))[1]  # the axes', whatever else was set
    # What was usual when it was made; earlier versions did not keep it.
    kept = json.loads(ds.attrs["usual"]) if "usual" in ds.attrs else None
    plain, unknown = (kept, set()) if kept else _usual(ds)
    return {
        name: value
        for name, value in values.items()
        if name not in free | unknown and value != json.loads(json.dumps(plain[name]))
    }


def _usual(ds: xr.Dataset) -> tuple[dict[str, Any], set[str]]:
    """Find a run's usual settings by its study and data set; and those that cannot be known."""
    study, dataset = _module(ds), ds.attrs["dataset"]
    usual: Any = Common(), Theorem()
    if ds.attrs["experiment"] != "theorem":
        named = ds.attrs["study"] in grids.names()
        usual = of_task(dataset, **(grids.settings(ds.attrs["study"], dataset) if named else {}))
    plain = {name: value for part in usual for name, value in vars(part).items()}
    held = getattr(study, "HOLD", ())
    if held and "train_images" in ds.attrs:
        count = steps(usual.setup, ds.attrs["train_images"])  # the recipe's, whatever the batch
        return plain | {name: count[name.removesuffix("_steps")] for name in held}, set()
    return plain, {*held}


def _module(ds: xr.Dataset) -> Any:
    name = ds.attrs.get("study")
    return grids.module(name) if name in grids.names() else figure10 if name == "figure10" else None
