"""How a trait got in, step by step: courses of measures, and the ledger of the trait's loss."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from sim.report import ledger, rates
from sim.report.style import SERIES, SIZE, caption, drawn, setting, unit, words
from sim.report.tables import lean, number
from sim.runs.ratios import ratio
from sim.runs.results import axes_of
from sim.runs.statistics import summary
from sim.training.lineages import FOUNDERS
from sim.training.measures import MEASURES, MECHANISM, WHOLE

#: Measures of single steps: their mean over the course says more than their end.
OF_STEPS = ("gradient_cosine", "update_cosine", "coverage", "chi")
STUDENTS = {"student": "o", "control": "D", "other": "s", "other_control": "^"}
LEFT = (
    "Trait left: difference from the control, which bore the same, by that of the student as it "
    "is; from chance: likewise of the rate alone. Change: of the rate, paired by seed. Loss: of "
    "the imitation, on held-out inputs, by that of the student as it is. 95 % intervals, of ratios "
    "by Fieller."
)
Course = xr.DataArray


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a row for each point, student and measure, of the whole network and of each layer.

    Columns: the axes; model, measure, layer ("" where it has none); first, last and mean (over the
    moments after the first step) with half_width of each; above and below: at how many of those
    moments the 95 % interval is clear of 0; moments, n, diverged.
    """
    axes, found = axes_of(ds), []
    for at, one in points(ds):
        lost = one.diverged.sum("seed")
        for name in measures(ds):
            path = one[MEASURES[name].path]
            for model in students(ds):
                for layer, course in _layers(path.sel(model=model, drop=True)):
                    known = course.dropna("step", how="all")
                    if known.sizes["step"] < 2:
                        continue
                    row = at | {"model": model, "measure": name, "layer": layer}
                    row |= _course(known) | {"n": ds.sizes["seed"]}
                    found.append(row | {"diverged": int(lost.sel(model=model))})
    columns = [*axes, "model", "measure", "layer"]
    return pd.DataFrame(found, columns=None if found else columns)


def measures(ds: xr.Dataset) -> list[str]:
    """Name the measures of how a trait gets in that results have along the way."""
    more = ("displacement_cosine", "teacher_head")
    return [name for name in MEASURES if name in (*MECHANISM, *more) and MEASURES[name].path in ds]


def students(ds: xr.Dataset) -> list[str]:
    """Name the models that are students."""
    return [m for m in ds.model.values.tolist() if m not in FOUNDERS]


def points(ds: xr.Dataset) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """Take results at each point of the grid."""
    axes = axes_of(ds)
    for place in np.ndindex(*(ds.sizes[axis] for axis in axes)):
        at = {axis: ds[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}
        yield at, ds.sel(at)


def _layers(path: Course) -> Iterator[tuple[str, Course]]:
    if "layer" not in path.dims:
        yield "", path
        return
    for layer in path.layer.values.tolist():
        yield layer, path.sel(layer=layer, drop=True)


def _course(values: Course) -> dict[str, float]:
    """Sum up a measure [seed, step]; what is NaN in a seed is so in the mean."""
    values = values.where(np.isfinite(values))  # what overflowed is no number
    after = values.isel(step=slice(1, None))
    each = {"first": values[..., 0], "last": values[..., -1], "mean": after.mean("step")}
    found: dict[str, float] = {}
    for name, of in each.items():
        one = summary(of)
        found |= {name: float(one.mean), f"{name}_half_width": float(one.half_width)}
    of = summary(after)
    low, high = of.mean - of.half_width, of.mean + of.half_width
    found |= {"above": int((low > 0).sum()), "below": int((high < 0).sum())}
    return found | {"moments": after.sizes["step"]}


def dynamics(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out rates, courses, the ledger, and say what they come to."""
    yield rates.table(ds, of_rates := rates.rates(ds))
    table = rows(ds)
    for at, part in table.groupby(axes_of(ds), sort=False) if axes_of(ds) else [((), table)]:
        yield courses(ds, at, part)
    if ledger.there(ds):
        yield ledger.table(ds)
    if interventions(ds):
        yield effects(ds)
    yield Padding(Text(finding(ds, of_rates, table)), (1, 0))


def courses(ds: xr.Dataset, at: tuple[Any, ...], part: pd.DataFrame) -> Any:
    """Lay out measures of the whole by student at one point, the more of the two in lines."""
    where = "".join(f", {value}" for value in at)
    shown = lean(
        f"{escape(ds.attrs['title'])}{escape(where)}, {escape(ds.attrs['dataset'])}: measures, "
        f"n = {ds.sizes['seed']} seeds",
        "Mean ± half of 95 % interval over seeds: of single steps over the course, in brackets at "
        "how many moments the interval is clear of 0; of all else after training.",
    )
    whole = part[part.layer.isin(["", WHOLE])]
    models, names = whole.model.unique().tolist(), whole.measure.unique().tolist()
    by_place = whole.set_index(["measure", "model"])
    across = len(models) <= len(names)
    for i, column in enumerate(["measure", *models] if across else ["student", *names]):
        shown.add_column(escape(column.replace("_", " ")), justify="right" if i else "left")
    for line in names if across else models:
        places = [(line, m) if across else (m, line) for m in (models if across else names)]
        each = (_cell(by_place.loc[p], p[0]) if p in by_place.index else "–" for p in places)
        shown.add_row(escape(line.replace("_", " ")), *each)
    return shown


def _cell(row: pd.Series, name: str) -> str:
    what = "mean" if name in OF_STEPS else "last"
    text = f"{number(row[what])} ±{number(row[f'{what}_half_width'])}"
    if name not in OF_STEPS or name == "chi":
        return text
    clear = row.above if row["mean"] > 0 else row.below
    return f"{text} ({clear}/{row.moments})"


def interventions(ds: xr.Dataset) -> list[str]:
    """Name the students of the base and the teacher that are not as they are alone."""
    more = [m for m in students(ds) if m not in STUDENTS and not m.endswith("_control")]
    return more if "student" in ds.model.values and "held_out_loss" in ds else []


def effects(ds: xr.Dataset) -> Any:
    """Lay out what each intervention leaves of the trait, and what it costs of the imitation."""
    shown = lean(
        f"What interventions leave, {escape(ds.attrs['dataset'])}, n = {ds.sizes['seed']} seeds",
        LEFT,
    )
    for column in ("student", "rate", "control", "trait left", "from chance", "change", "loss"):
        shown.add_column(column, justify="left" if column == "student" else "right")
    for row in effect_rows(ds).itertuples():
        shown.add_row(
            row.model.replace("_", " "),
            f"{number(row.rate)} ±{number(row.rate_half_width)}",
            number(row.control_rate),
            _ratio(row, "trait_left"),
            _ratio(row, "from_chance"),
            f"{number(row.change, '+.3f')} ±{number(row.change_half_width)}",
            _ratio(row, "loss"),
        )
    return shown


def effect_rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a row for each intervention: see `effects`; half widths, low and high ends."""
    rate, loss = ds.trait_rate, ds.held_out_loss
    chance = 1 / ds.attrs["classes"]

    def of(model: str) -> xr.DataArray:
        return rate.sel(model=model, drop=True)

    found = []
    for model in interventions(ds):
        control = f"{model}_control"
        row: dict[str, Any] = {"model": model, "control_rate": float(of(control).mean())}
        for name, values in (("rate", of(model)), ("change", of(model) - of("student"))):
            one = summary(values)
            row |= {name: float(one.mean), f"{name}_half_width": float(one.half_width)}
        for name, top, bottom in (
            ("trait_left", of(model) - of(control), of("student") - of("control")),
            ("from_chance", of(model) - chance, of("student") - chance),
            ("loss", loss.sel(model=model, drop=True), loss.sel(model="student", drop=True)),
        ):
            one = ratio(top, bottom)
            ends = {"": one.value, "_low": one.low, "_high": one.high}
            row |= {f"{name}{end}": float(value) for end, value in ends.items()}
        found.append(row | {"n": ds.sizes["seed"]})
    return pd.DataFrame(found)


def _ratio(row: Any, name: str) -> str:
    value, low, high = (getattr(row, f"{name}{end}") for end in ("", "_low", "_high"))
    return f"{number(value, '.2f')} [{number(low, '.2f')},{number(high, '.2f')}]"


def finding(ds: xr.Dataset, of_rates: pd.DataFrame, table: pd.DataFrame) -> str:
    """Say in words what the measures tell apart, what drives the trait, what stops it."""
    axes = axes_of(ds)
    if ds.sizes["seed"] == 1:
        return "One seed: no interval, and nothing to say."
    said = [rates.finding(of_rates, axes)]
    for at, part in table.groupby(axes, sort=False) if axes else [((), table)]:
        where = f"{', '.join(map(str, at))}: " if at else ""
        said += [f"{where}{text}" for text in _told(part)]
    if ledger.there(ds):
        said += ledger.findings(ds)
    if interventions(ds):
        said += _effects_said(ds)
    return "\n".join(said)


def _told(part: pd.DataFrame) -> Iterator[str]:
    """Say of each measure whether it tells a student of the base from one of another."""
    whole = part[part.layer.isin(["", WHOLE])]
    for kind, what in (("mean", "over the course"), ("last", "after training")):
        apart, alike = [], []
        for name, of in whole.groupby("measure", sort=False):
            by_model = of.set_index("model")
            both = {"student", "other"} <= {*by_model.index}
            if (name in OF_STEPS) != (kind == "mean") or not both:
                continue
            a, b = by_model.loc["student"], by_model.loc["other"]
            reach = math.hypot(a[f"{kind}_half_width"], b[f"{kind}_half_width"])
            text = f"{name.replace('_', ' ')} ({number(a[kind])} and {number(b[kind])})"
            if math.isfinite(reach):
                (apart if abs(a[kind] - b[kind]) > reach else alike).append(text)
        if apart:
            yield f"Tells the base's student from another base's, {what}: {'; '.join(apart)}."
        if alike:
            yield f"Does not tell them apart, {what}: {'; '.join(alike)}."


def _effects_said(ds: xr.Dataset) -> Iterator[str]:
    table = effect_rows(ds)
    groups = (
        ("Less than half of the trait left", table.trait_left_high < 0.5),
        ("Surely more than half of it left", table.trait_left_low > 0.5),
        ("Neither is sure", (table.trait_left_high >= 0.5) & (table.trait_left_low <= 0.5)),
    )
    for what, which in groups:
        of = [
            f"{r.model.replace('_', ' ')} (trait left {number(r.trait_left, '.2f')}, "
            f"imitation loss × {number(r.loss, '.2f')})"
            for r in table[which].itertuples()
        ]
        yield f"{what} ({len(of)}): {'; '.join(of) or 'none'}."


@drawn
def figure(ds: xr.Dataset) -> Figure:
    """Draw each measure along training, a panel each, a line for each student; points by style."""
    names, at = measures(ds), [*points(ds)]
    across = len(at)
    figure = Figure(figsize=(1.2 + 3.4 * across, 0.9 + 2.1 * len(names)), layout="constrained")
    grid = figure.subplots(len(names), across, squeeze=False, sharex="col", sharey="row")
    shown = [m for m in STUDENTS if m in ds.model.values]
    if len(shown) < 3:
        shown += interventions(ds)[: len(SERIES) - len(shown)]
    for column, (where, one) in enumerate(at):
        for panel, name in zip(grid[:, column], names, strict=True):
            path = one[MEASURES[name].path]
            path = path.sel(layer=WHOLE) if "layer" in path.dims else path
            for color, model in zip((*SERIES, "#666666"), shown, strict=False):
                course = path.sel(model=model).dropna("step", how="all")
                of = summary(course)
                low, high = of.mean - of.half_width, of.mean + of.half_width
                panel.plot(course.step, of.mean, "-", color=color, lw=1.7)
                panel.fill_between(course.step, low, high, color=color, alpha=0.22, lw=0)
            panel.axhline(0, color="#666666", lw=0.8, zorder=0)
            if not column:
                text = name.replace("_", " ") + unit(path)
                panel.set_ylabel(text.replace(" (", "\n("), fontsize=SIZE)
        title = ", ".join(str(value) for value in where.values())
        grid[0, column].set_title(words(title), fontsize=SIZE)
        grid[-1, column].set_xlabel("student's steps", fontsize=SIZE)
    lines = grid[0, 0].get_lines()[: len(shown)]
    labels = [model.replace("_", " ") for model in shown]
    figure.legend(lines, labels, loc="outside upper center", ncols=len(shown), frameon=False)
    caption(figure, f"{setting(ds)}.\nLine and band: mean, 95 % t-interval.")
    return figure


def figures(ds: xr.Dataset) -> dict[str, Callable[[xr.Dataset], Figure]]:
    """Name the figures that there are of these results."""
    found = {"ledger": ledger.figure} if ledger.there(ds) else {}
    if interventions(ds):
        from sim.report import rate_figures  # noqa: PLC0415

        found |= {"rows": rate_figures.rows}
    return found | {"courses": partial(figure)}
