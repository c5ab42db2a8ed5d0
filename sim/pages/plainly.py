"""What a run says badly, or does not say: nulls, networks that diverged, values that differ."""

from collections.abc import Iterator, Sequence
from typing import Any

import xarray as xr

from sim.errors import InputError
from sim.report.names import model as name
from sim.report.published import compare, means
from sim.runs.results import axes_of
from sim.runs.statistics import paired, summary
from sim.studies.shown import beside
from sim.training.families import CONTROLS

LISTED = 5  # places that a sentence names


def plainly(ds: xr.Dataset, verdicts: Sequence[Any] = ()) -> list[str]:
    """Say, a sentence each, what a reader should know before believing a run."""
    found = [*_theorem(verdicts)] if verdicts else []
    if ds.sizes["seed"] == 1:
        found.append("One seed: no number here has an interval.")
    elif ds.sizes["seed"] < 5:
        few = ds.sizes["seed"]
        found.append(f"Only {few} seeds: intervals are wide, and lean on normal spread.")
    if "test_accuracy" in ds:
        found += [*_diverged(ds), *_nulls(ds), *_published(ds)]
    if str(ds.attrs.get("revision", "")).endswith("-dirty"):
        found.append("The code had changes that no revision has: the revision alone is not enough.")
    return found


def _theorem(verdicts: Sequence[Any]) -> Iterator[str]:
    for word in dict.fromkeys(one.verdict for one in verdicts if one.kind == "bad"):
        what = [f"{one.statement}, {one.equation}" for one in verdicts if one.verdict == word]
        yield f"{word.capitalize()}, {len(what)} of {len(verdicts)} statements: {_listed(what)}."
    if none := [one for one in verdicts if one.verdict == "not applicable"]:
        yield (
            f"Not applicable, {len(none)} of {len(verdicts)} statements: a hypothesis fails there, "
            "or nothing was measured, so that nothing is said. The table names which."
        )


def _diverged(ds: xr.Dataset) -> Iterator[str]:
    if lost := int(ds.diverged.sum()):
        by_model = ds.diverged.sum([dim for dim in ds.diverged.dims if dim != "model"])
        whose = [f"{name(m)} {int(k)}" for m, k in zip(ds.model.values, by_model, strict=True) if k]
        yield (
            f"Diverged: {lost} of {ds.diverged.size} networks. They are kept and counted in all "
            f"means ({_listed(whose)})."
        )


def _nulls(ds: xr.Dataset) -> Iterator[str]:
    """Name students that no pairs of seeds tell apart from their control (of figure 10's)."""
    if "trait_rate" in ds or ds.sizes["seed"] < 2:
        return  # of a trait, the finding says it
    for model, control in CONTROLS.items():
        if not {model, control} <= {*ds.model.values}:
            continue
        of = paired(ds, model, control)
        low, high = of.interval
        null = ((low <= 0) & (high >= 0)).rename("null")
        less = high < 0
        for which, words in (
            (null, "Not told apart from its control"),
            (less, "Below its control"),
        ):
            if bool(which.any()):
                where = _places(which, axes_of(ds))
                yield f"{words}, {name(model)} (95 %, by pairs of seeds){where}"
    chance = 1 / ds.attrs["classes"]
    if "teacher" in ds.model.values and "classes" not in ds.dims:
        low, _ = summary(ds.test_accuracy.sel(model="teacher")).interval
        if bool((fails := low <= chance).any()):
            where = _places(fails, axes_of(ds))
            yield f"The teacher itself is not clear of chance{where}"


def _published(ds: xr.Dataset) -> Iterator[str]:
    """Name what was published of the same and differs."""
    try:
        others = beside(ds)
    except (InputError, KeyError, TypeError):  # of data that are not here, or another version
        return
    if not others:
        return
    found = [*compare(means(ds), others, ds.attrs["dataset"])]
    elsewhere = {one.published.dataset for one in found} - {ds.attrs["dataset"]}
    apart = [one for one in found if one.agrees is False]
    for one in (one for one in apart if not one.published.differs):
        at, here, said, *_, source = one.row
        yield f"Published, and not so here: {at}, {said} ({source}); here {here}."
    if other := sum(bool(one.published.differs) for one in apart):
        yield f"Published of settings that are not quite these, and not so here: {other} values."
    if elsewhere and all(one.agrees is None for one in found):
        yield (
            f"What was published is of {', '.join(sorted(elsewhere))}, another data set: nothing "
            "here says whether it is so."
        )


def _places(which: xr.DataArray, axes: Sequence[str]) -> str:
    """Say where on the axes something is so."""
    if not axes:
        return "."
    flat = which.stack(point=axes, create_index=False)
    at = [i for i, yes in enumerate(flat.values) if yes]
    if len(at) == flat.sizes["point"]:
        return f": at all {len(at)} points."
    named = [", ".join(f"{a.replace('_', ' ')} {flat[a].values[i]}" for a in axes) for i in at]
    return f": at {len(at)} of {flat.sizes['point']} points ({_listed(named)})."


def _listed(what: Sequence[str]) -> str:
    rest = f"; and {len(what) - LISTED} more" if len(what) > LISTED else ""
    return "; ".join(what[:LISTED]) + rest
