"""How the results of each kind of study are shown."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd
import xarray as xr

from sim import published
from sim.errors import require
from sim.published.entries import Published
from sim.report import (
    dynamics,
    factorial,
    figures,
    origins,
    prediction,
    rate_figures,
    rates,
    replications,
    surgery,
    sweep_figures,
    tables,
    tuned,
)
from sim.report.published import means
from sim.runs.results import axes_of
from sim.runs.statistics import difference, summary
from sim.settings.declare import Of, declared
from sim.settings.experiments import Common, Theorem
from sim.settings.lengths import steps
from sim.settings.setup import Setup
from sim.studies import figure10, grids
from sim.studies.sweep import of_task

KINDS = ("figure10", "sweep", "lineage", "dynamics", "prediction", "surgery", "origins", "theorem")
KINDS += ("replications", "factorial", "tuned")


def shown(ds: xr.Dataset) -> tuple[Callable[[xr.Dataset], Iterable[Any]], dict[str, Callable]]:
    """Find how results are shown: their tables, and their figures by name.

    Errors: InputError for what no study of ours has made.
    """
    kind = getattr(ds, "attrs", {}).get("experiment")
    require("experiment", kind, kind in KINDS, "of sublim's results")
    if kind == "theorem":
        from sim.studies.theorem import figures as pictures  # noqa: PLC0415
        from sim.studies.theorem import tables as verdicts  # noqa: PLC0415

        return verdicts.theorem, pictures.FIGURES
    others = beside(ds)
    table, drawn = {
        "figure10": (partial(tables.figure10, published=others), figures.figures),
        "sweep": (partial(tables.sweep, published=others), sweep_figures.figures),
        "lineage": (partial(_with, rates.lineage, others), partial(_lineage, published=others)),
        "dynamics": (partial(_with, dynamics.dynamics, others), dynamics.figures),
        "prediction": (prediction.prediction, lambda _: prediction.FIGURES),
        "surgery": (surgery.surgery, lambda _: surgery.FIGURES),
        "origins": (origins.origins, lambda _: origins.FIGURES),
        "factorial": (factorial.factorial, lambda _: factorial.FIGURES),
        "tuned": (tuned.tuned, lambda _: tuned.FIGURES),
        "replications": (replications.replications, lambda _: replications.FIGURES),
    }[kind]
    return table, drawn(ds, others) if kind in ("figure10", "sweep") else drawn(ds)


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
    rows_of = {"origins": origins.rows, "dynamics": dynamics.rows, "surgery": surgery.rows}
    rows_of |= {"prediction": prediction.rows, "replications": replications.rows}
    rows_of |= {"factorial": factorial.rows, "tuned": tuned.rows}
    if ds.attrs["experiment"] in rows_of:
        return rows_of[ds.attrs["experiment"]](ds)
    table, axes = means(ds), axes_of(ds)
    if axes:
        of = ds.test_accuracy.stack(point=axes, create_index=False).transpose("point", ...)
        change = summary(difference(of, of.isel(point=0, drop=True)))
        table["less_first"] = change.mean.values.ravel()
        table["less_first_half_width"] = change.half_width.values.ravel()
    return table


def _with(
    table: Callable[[xr.Dataset], Iterable[Any]], others: Sequence[Published], ds: xr.Dataset
) -> Iterator[Any]:
    yield from table(ds)
    yield from tables.beside(ds, others)


def _lineage(ds: xr.Dataset, published: Sequence[Published]) -> dict[str, Callable]:
    return rate_figures.figures(ds, rates.family(ds), published)


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

    Of a run that is no named study's, those that are not the recipe's.
    """
    study, ran, dataset = _module(ds), json.loads(ds.attrs["settings"]), ds.attrs["dataset"]
    values, free = {"validation": ran["validation"]}, set()
    usual: Any
    if ds.attrs["experiment"] == "theorem":
        usual = Common(), Theorem()
        values |= ran["settings"]
    else:
        named = ds.attrs["study"] in grids.names()
        own = grids.settings(ds.attrs["study"], dataset) if named else {}
        usual = of_task(dataset, **own)
        values |= ran["settings"]["setup"] | ran["settings"]["hyper"]
        free = {*axes_of(ds)} | {s.name for s in declared(Setup).values() if s.of == Of.NOTHING}
    plain = {name: value for part in usual for name, value in vars(part).items()}
    if (held := getattr(study, "HOLD", ())) and "train_images" in ds.attrs:
        count = steps(usual.setup, ds.attrs["train_images"])  # the recipe's, whatever the batch
        plain |= {name: count[name.removesuffix("_steps")] for name in held}
    else:
        free |= {*held}
    return {
        name: value
        for name, value in values.items()
        if name not in free and value != json.loads(json.dumps(plain[name]))
    }


def _module(ds: xr.Dataset) -> Any:
    name = ds.attrs.get("study")
    return grids.module(name) if name in grids.names() else figure10 if name == "figure10" else None
