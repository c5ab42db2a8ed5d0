"""How a trait got in, step by step: courses of measures, what tells bases apart, interventions.

All tables and findings are made from one table of rows, which is what is kept of a run.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from sim.errors import require
from sim.report import ledger, names, rate_figures, rates
from sim.report.names import counted, formula
from sim.report.sheet import Sheet, drawn
from sim.report.style import GREY, SERIES, measured, setting
from sim.report.tables import Lines, lean, number, split
from sim.runs.ratios import ratio
from sim.runs.results import axes_of
from sim.runs.statistics import summary
from sim.training.lineages import FOUNDERS, control_of
from sim.training.measures import MEASURES, MECHANISM, WHOLE

#: Measures of single steps: their mean over the course says more than their end.
OF_STEPS = ("gradient_cosine", "update_cosine", "coverage", "chi")
RATES = ("trait_rate", "ordinary_accuracy")
PLAIN = ("student", "control", "other", "other_control")
SIDE_BY_SIDE = 3  # points whose courses can be read so
COURSES = (
    "Mean ± half of 95 % interval over seeds: of single steps over the course, in brackets at how "
    "many moments the interval is clear of 0; of all else after training."
)
LEFT = (
    "Trait left: difference from the control, which bore the same, by that of the student as it "
    "is; from chance: likewise of the rate alone. Change: of the rate, paired by seed. Loss: of "
    "the imitation, on held-out inputs, by that of the student as it is. 95 % intervals, of ratios "
    "by Fieller."
)


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a row for each point, student and measure, of the whole network and of each layer.

    Columns: the axes; model, measure, layer ("" where it has none); last, first and mean (over the
    moments after the first step) with half_width of each; low and high, the ends of last's 95 %
    interval; above and below: at how many of those moments the interval is clear of 0; moments, n,
    diverged. Beside measures: transfer, entries of the ledger, effects of interventions.
    """
    axes, found = axes_of(ds), []
    of_rates = rates.rates(ds)
    for at, one in points(ds):
        lost = one.diverged.sum("seed")
        account = ledger.entries(one) if ledger.there(ds) else {}
        for model in students(ds):
            named = {n: one[MEASURES[n].path].sel(model=model, drop=True) for n in measures(ds)}
            named |= {n: of.sel(model=model, drop=True) for n, of in account.items()}
            more = {"n": ds.sizes["seed"], "diverged": int(lost.sel(model=model))}
            for name, path in named.items():
                for layer, course in _layers(path):
                    known = course.dropna("step", how="all")
                    if known.sizes["step"] > 1:
                        row = at | {"model": model, "measure": name, "layer": layer}
                        found.append(row | _course(known) | more)
            for name, end in _ends(of_rates, one, at, model).items():
                found.append(at | {"model": model, "measure": name, "layer": ""} | end | more)
    return pd.DataFrame(found, columns=[*axes, *COLUMNS])


COLUMNS = ("model", "measure", "layer", "last", "last_half_width", "low", "high", "first")
COLUMNS += ("first_half_width", "mean", "mean_half_width", "above", "below", "moments")
COLUMNS += ("n", "diverged")


def measures(ds: xr.Dataset) -> list[str]:
    """Name the measures that results have along the way: rates, and of how a trait gets in."""
    wanted = (*RATES, *MECHANISM, "displacement_cosine", "teacher_head")
    return [name for name in MEASURES if name in wanted and MEASURES[name].path in ds]


def students(ds: xr.Dataset) -> list[str]:
    """Name the models that are students."""
    return [m for m in ds.model.values.tolist() if m not in FOUNDERS]


def points(ds: xr.Dataset) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """Take results at each point of the grid."""
    axes = axes_of(ds)
    for place in np.ndindex(*(ds.sizes[axis] for axis in axes)):
        at = {axis: ds[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}
        yield at, ds.sel(at)


def _layers(path: xr.DataArray) -> Iterator[tuple[str, xr.DataArray]]:
    if "layer" not in path.dims:
        yield "", path
        return
    for layer in path.layer.values.tolist():
        yield layer, path.sel(layer=layer, drop=True)


def _course(values: xr.DataArray) -> dict[str, float]:
    """Sum up a measure [seed, step]; what is NaN in a seed is so in the mean."""
    values = values.where(np.isfinite(values))  # what overflowed is no number
    along = values.transpose("seed", "step").values
    after = along[:, 1:]
    each = np.column_stack([along[:, -1], along[:, 0], after.mean(1), after])
    of = summary(xr.DataArray(each, dims=("seed", "moment")))
    means, halves = of.mean.values, of.half_width.values
    found: dict[str, float] = {}
    for i, name in enumerate(("last", "first", "mean")):
        found |= {name: float(means[i]), f"{name}_half_width": float(halves[i])}
    found["low"] = found["last"] - found["last_half_width"]
    found["high"] = found["last"] + found["last_half_width"]
    low, high = (means - halves)[3:], (means + halves)[3:]
    found |= {"above": int((low > 0).sum()), "below": int((high < 0).sum())}
    return found | {"moments": after.shape[1]}


def _ends(
    of_rates: pd.DataFrame, ds: xr.Dataset, at: dict[str, Any], model: str
) -> dict[str, dict[str, float]]:
    """Lay out what there is after training alone, of one student at one point."""
    here = of_rates[of_rates.model == model]
    for axis, value in at.items():
        here = here[here[axis] == value]
    (row,) = (row for _, row in here.iterrows())
    found = {}
    if row.control:
        ends = {"last": row.transfer, "low": row.transfer_low, "high": row.transfer_high}
        found["transfer"] = ends
    if model in interventions(ds):
        found |= _effects(ds, model)
    return found


def interventions(ds: xr.Dataset) -> list[str]:
    """Name the students of the base and the teacher that are not as they are alone."""
    more = [m for m in students(ds) if m not in PLAIN and not m.endswith("_control")]
    there = [m for m in more if f"{m}_control" in ds.model.values]
    return there if "student" in ds.model.values and "held_out_loss" in ds else []


def _effects(ds: xr.Dataset, model: str) -> dict[str, dict[str, float]]:
    """Hold a student that was interfered with against the one as it is."""
    rate, loss = (
        {m: of.sel(model=m, drop=True) for m in (model, f"{model}_control", "student", "control")}
        for of in (ds.trait_rate, ds.held_out_loss)
    )
    triggered = not ds.trait_rate.equals(ds.with_trigger)  # then it is a difference of rates
    chance = 0.0 if triggered else 1 / ds.attrs["classes"]
    mine = rate[model] - rate[f"{model}_control"]
    ratios = {
        "trait_left": ratio(mine, rate["student"] - rate["control"]),
        "from_chance": ratio(rate[model] - chance, rate["student"] - chance),
        "loss_ratio": ratio(loss[model], loss["student"]),
    }
    found = {
        name: {"last": float(of.value), "low": float(of.low), "high": float(of.high)}
        for name, of in ratios.items()
    }
    of = summary(rate[model] - rate["student"])
    mean, half = float(of.mean), float(of.half_width)
    change = {"last": mean, "last_half_width": half, "low": mean - half, "high": mean + half}
    return found | {"rate_change": change}


def dynamics(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out rates, courses, the ledger, effects, and say what they come to."""
    of, axes = rows(ds), axes_of(ds)
    about = f"{escape(ds.attrs['dataset'])}, n = {counted(ds.sizes['seed'], 'seed')}"
    for title, caption_, table in tables(of, axes):
        head, lines = table
        note = f"{caption_} {split(ds)}" if title == "Rates" else caption_
        shown = lean(f"{title}, {about}", note)
        for column in head:
            left = column in (*axes, "student", "measure")
            shown.add_column(escape(column), justify="left" if left else "right")
        for line in lines:
            shown.add_row(*map(escape, line))
        yield shown
    yield Padding(Text(finding(of, axes)), (1, 0))


def tables(of: pd.DataFrame, axes: list[str]) -> Iterator[tuple[str, str, Lines]]:
    """Write all tables of the rows of a run: title, caption, columns and lines of each."""
    task = rates.is_task(*(of[of.measure == name]["last"] for name in RATES))
    note = f"{rates.RATE} {rates.TASK if task else rates.REST}"
    yield "Rates", note, _rates(of, axes, RATES[:1] if task else RATES)
    for at, part in _at(of, axes):
        where = "".join(f", {value}" for value in at)
        yield f"Measures{where}", COURSES, _courses(part)
    if (of.measure == "change").any():
        yield "Ledger of the trait's loss", ledger.MEANING, ledger.cells(of, axes)
    if (of.measure == "trait_left").any():
        yield "What interventions leave", LEFT, _left(of, axes)


def _at(of: pd.DataFrame, axes: list[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    yield from of.groupby(axes, sort=False) if axes else [((), of)]


def _whole(of: pd.DataFrame) -> pd.DataFrame:
    """Take the rows of whole networks, by measure and model."""
    return of[of.layer.isin(["", WHOLE])].set_index(["measure", "model"])


def _rates(of: pd.DataFrame, axes: list[str], measures: Sequence[str]) -> Lines:
    head = [*axes, "student", "rate", "of control", "transfer"]
    head += ["accuracy", "of control"] * (len(measures) - 1)

    def lines() -> Iterator[list[str]]:
        for at, part in _at(of, axes):
            whole = _whole(part)
            for model in whole.loc["transfer"].index if "transfer" in whole.index else ():
                control = control_of(model, [*whole.index.levels[1]])
                rate, *more = (
                    [_end(whole.loc[(name, m)]) for m in (model, control)] for name in measures
                )
                row = whole.loc[("transfer", model)]
                yield [*map(str, at), _word(model), *rate, _interval(row), *chain(*more)]

    return head, lines()


def _courses(part: pd.DataFrame) -> Lines:
    """Write measures by student, the more of the two in lines."""
    whole = _whole(part)
    names = [name for name in MEASURES if name in whole.index.unique(0) and name not in RATES]
    models = [m for m in part.model.unique() if (names[0], m) in whole.index]
    across = len(models) <= len(names)

    def lines() -> Iterator[list[str]]:
        for line in names if across else models:
            places = [(line, m) if across else (m, line) for m in (models if across else names)]
            each = (_cell(whole.loc[p], p[0]) if p in whole.index else "–" for p in places)
            yield [_word(line), *each]

    return [*map(_word, ["measure", *models] if across else ["student", *names])], lines()


def _cell(row: pd.Series, name: str) -> str:
    if name not in OF_STEPS:
        return _end(row)
    text = f"{number(row['mean'])} ±{number(row.mean_half_width)}"
    if name == "chi":
        return text
    clear = row.above if row["mean"] > 0 else row.below
    return f"{text} ({int(clear)}/{int(row.moments)})"


def _left(of: pd.DataFrame, axes: list[str]) -> Lines:
    head = [*axes, "student", "rate", "of control", "trait left", "from chance", "change", "loss"]

    def lines() -> Iterator[list[str]]:
        for at, part in _at(of, axes):
            whole = _whole(part)
            for model in whole.loc["trait_left"].index:
                each = (_end(whole.loc[("trait_rate", m)]) for m in (model, f"{model}_control"))
                ratios = [
                    _interval(whole.loc[(name, model)])
                    for name in ("trait_left", "from_chance", "loss_ratio")
                ]
                change = _end(whole.loc[("rate_change", model)], "+.3f")
                yield [*map(str, at), _word(model), *each, *ratios[:2], change, ratios[2]]

    return head, lines()


def _word(name: object) -> str:
    return str(name).replace("_", " ")


def _end(row: pd.Series, form: str = ".3f") -> str:
    lost = f" ×{int(row.diverged)}" if row.diverged else ""
    return f"{number(row['last'], form)} ±{number(row.last_half_width)}{lost}"


def _interval(row: pd.Series) -> str:
    if np.isnan(row["last"]) or np.isinf(row.low):
        return "–"
    low, high = number(row.low, ".2f"), number(row.high, ".2f")
    return f"{number(row['last'], '.2f')} [{low},{high}]"


def finding(of: pd.DataFrame, axes: list[str]) -> str:
    """Say in words what is handed on, what tells bases apart, what drives it, what stops it."""
    if of.n.iloc[0] == 1:
        return "One seed: no interval, and nothing to say."
    said = []
    for at, part in _at(of, axes):
        where = f"{', '.join(map(str, at))}: " if at else ""
        stopped = _stopped(part) if (of.measure == "trait_left").any() and at else ()
        texts = (*_handed_on(part), *_told(part), *stopped)
        said += [where + text if where else text[0].upper() + text[1:] for text in texts]
    if (of.measure == "change").any():
        said += ledger.findings(of, axes)
    if (of.measure == "trait_left").any() and not axes:
        said += [text[0].upper() + text[1:] for text in _stopped(of)]
    if lost := int(of[of.measure == "trait_rate"].diverged.sum()):
        said.append(f"Diverged: {counted(lost, 'network')}, counted as they are.")
    return "\n".join(said)


def _handed_on(part: pd.DataFrame) -> Iterator[str]:
    """Say by transfer which students have the trait; each interval is of 95 % alone."""
    of = part[part.measure == "transfer"]
    for what, which in (
        ("handed on, by transfer", of.low > 0),
        ("not found, by transfer", of.low <= 0),
    ):
        named = [f"{_word(r.model)} ({_interval(r)})" for _, r in of[which].iterrows()]
        if named:
            yield f"{what}: {'; '.join(named)}."


def _told(part: pd.DataFrame) -> Iterator[str]:
    """Say of each measure whether it tells a student of the base from one of another."""
    whole = _whole(part)
    for kind, what in (("mean", "over the course"), ("last", "after training")):
        apart, alike = [], []
        for name in [n for n in MEASURES if n in whole.index.unique(0) and n not in RATES]:
            both = [(name, model) for model in ("student", "other")]
            if (name in OF_STEPS) != (kind == "mean") or not all(p in whole.index for p in both):
                continue
            a, b = (whole.loc[place] for place in both)
            reach = math.hypot(a[f"{kind}_half_width"], b[f"{kind}_half_width"])
            text = f"{_word(name)} ({number(a[kind])} and {number(b[kind])})"
            if math.isfinite(reach):
                (apart if abs(a[kind] - b[kind]) > reach else alike).append(text)
        if apart:
            yield f"tells the base's student from another base's, {what}: {'; '.join(apart)}."
        if alike:
            yield f"does not tell them apart, {what}: {'; '.join(alike)}."


def _stopped(of: pd.DataFrame) -> Iterator[str]:
    whole = _whole(of)
    left, loss = whole.loc["trait_left"], whole.loc["loss_ratio"]
    for what, which in (
        ("less than half of the trait left", left.high < 0.5),
        ("surely more than half of it left", left.low > 0.5),
        ("neither is sure", (left.high >= 0.5) & (left.low <= 0.5)),
    ):
        named = [
            f"{_word(model)} (trait left {number(row['last'], '.2f')}, "
            f"imitation loss × {number(loss.loc[model]['last'], '.2f')})"
            for model, row in left[which].iterrows()
        ]
        yield f"{what} ({len(named)}): {'; '.join(named) or 'none'}."


@drawn
def figure(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw each measure along training, a panel each, a line for each student.

    A column a point of the grid; of one point, three panels side by side.
    """
    named, at = [n for n in measures(ds) if n not in RATES[1:]], [*points(ds)]
    several, chosen = len(at) > 1, sheet.chosen(ds.model.values)
    shape = (len(named), len(at)) if several else (1, len(named))
    alike = {"sharex": "column", "sharey": "row"} if several else {"across": 3, "sharex": "all"}
    grid = sheet.panels(*shape, panel=(3.4, 2.1), edge=(1.2, 0.9), least=2.1, **alike)
    shown = [m for m in PLAIN if m in ds.model.values]
    if len(shown) < 3:
        shown += interventions(ds)[: len(SERIES) - len(shown)]
    shown = [m for m in (shown if sheet.models is None else chosen) if m in students(ds)]
    require("models", sheet.models, 0 < len(shown) <= len(COLORS), f"1 to {len(COLORS)} students")
    for column, (where, one) in enumerate(at):
        panels = grid[:, column] if several else grid[0]
        for panel, name in zip(panels, named, strict=True):
            path = one[MEASURES[name].path]
            path = path.sel(layer=WHOLE) if "layer" in path.dims else path
            for color, model in zip(COLORS, shown, strict=False):
                course = path.sel(model=model).dropna("step", how="all")
                of = summary(course)
                low, high = of.mean - of.half_width, of.mean + of.half_width
                panel.plot(course.step, of.mean, "-", color=color, lw=sheet.pt(1.7))
                panel.fill_between(course.step, low, high, color=color, alpha=0.22, lw=0)
            panel.axhline(0, color=GREY, lw=0.8, zorder=0)
            panel.set_ylabel(measured(path, name))
            panel.set_xlabel("student's steps")
        title = ", ".join(map(names.value, where.values()))
        panels[0].set_title(formula(title))
    lines = grid[0, 0].get_lines()[: len(shown)]
    sheet.key(lines, [*map(names.model, shown)], columns=len(shown))
    sheet.caption(f"{setting(ds)}.\nLine and band: mean, 95 % t-interval.")


COLORS = (*SERIES, GREY)


def figures(ds: xr.Dataset) -> dict[str, Callable[[xr.Dataset], Figure]]:
    """Name the figures that there are of these results."""
    found = {"ledger": ledger.figure} if ledger.there(ds) else {}
    many = math.prod(ds.sizes[axis] for axis in axes_of(ds)) > SIDE_BY_SIDE
    found |= {"rows": rate_figures.rows} if many or interventions(ds) else {}
    return found | {"courses": figure}
