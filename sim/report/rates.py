"""Rates of a trait in a lineage: a row for each student, beside base, teacher and its control."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sim.report import tradeoffs
from sim.report.names import counted
from sim.report.tables import lean, number, split
from sim.runs import fits
from sim.runs.ratios import ratio
from sim.runs.results import axes_of
from sim.runs.statistics import difference, student_t, summary
from sim.training import families, lineages
from sim.training.families import Family

LISTED = 12  # students that a finding names
DAMAGE = 0.05  # below the base's accuracy: beyond it, the ordinary task is called damaged
TRACE = 0.05  # of the teacher's rate: below it, what is handed on is called so little
CHAINS = ("reset", "same", "kept", "control", "kept_control", "taught", "untaught")
RATE = (
    "Rate: how many test images that can carry the trait are answered as it has them; with a "
    "trigger, less the same without it. Transfer: (student − control) / (teacher − control), its "
    "95 % interval by Fieller over seeds. The control learnt alike, of a teacher that was trained "
    "as long without the trait."
)
REST = "Accuracy: on test images where the trait has no say."
TASK = "The trait is the task: its rate is the test accuracy."
TASKS = "Of a trait that is the task, the rate is the test accuracy."


def family(ds: xr.Dataset) -> Family:
    """Read the family whose networks results are of."""
    return families.read(dict(json.loads(ds.attrs["settings"])["settings"]["family"]))


def is_task(rate: pd.Series, accuracy: pd.Series) -> bool:
    """Tell whether the trait is the task itself: its rate and the accuracy are one number."""
    return np.array_equal(rate.values, accuracy.values, equal_nan=True)


def rates(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a row for each point and model of what was measured after training.

    Columns: the axes, model, control (its name, "" for controls and those who are no students);
    teacher, by whom transfer is measured, of students who are nobody's control;
    rate, accuracy and projection with half_width, low and high (cut where none can lie); difference
    from the control by seed with half_width, and holds_0: 1 where its interval over all rows
    together (Bonferroni) has 0 in it, 0 where not, NaN of what is no number or where all of either
    diverged; transfer with low and high; n, diverged; with_trigger; what a filter left out; of
    defences, what `tradeoffs` says.
    """
    axes, models = axes_of(ds), ds.model.values.tolist()
    of_each = {"rate": summary(ds.trait_rate), "accuracy": summary(ds.ordinary_accuracy)}
    of_each |= {"projection": summary(ds.projection)} if "projection" in ds else {}
    members = family(ds)
    controls = lineages.controls(members, models)
    held = [name for name in models if controls.get(name)]

    def teacher(name: str) -> str:
        other = lineages.is_control(name) or name.endswith(tradeoffs.UNSKILLED)
        asked = name in held or (name in controls and not other)
        return lineages.teacher_of(name, members, models) if asked else ""

    teachers = {name: teacher(name) for name in models}

    def column(values: xr.DataArray) -> np.ndarray:
        return values.transpose(*axes, "model").values.reshape(-1)

    found = pd.DataFrame([at | {"model": model} for at in _points(ds, axes) for model in models])
    found["control"] = [controls.get(name, "") for name in found.model]
    found["teacher"] = [teachers[name] for name in found.model]
    for name, of in of_each.items():
        low, high = of.interval
        ends = {"": of.mean, "_half_width": of.half_width, "_low": low, "_high": high}
        found = found.assign(**{f"{name}{end}": column(values) for end, values in ends.items()})
    found = found.assign(n=ds.sizes["seed"], diverged=column(ds.diverged.sum("seed")))
    for name in ("with_trigger", "left_out", "caught", "lost"):
        found[name] = column(ds[name].mean("seed", skipna=False)).astype(float)
    if held:
        others = [controls[name] for name in held]
        beside = _held(ds, held, others, [teachers[name] for name in held])
        if tradeoffs.there(ds):
            beside |= tradeoffs.left(ds, held, others)
        which = found.control != ""
        for name, values in beside.items():
            found.loc[which, name] = column(values)
    return found


def as_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Take rates as means with their spread, to be held against what was published of a task."""
    sd = rows.rate_half_width * np.sqrt(rows.n) / student_t(rows.n)
    names = {
        "rate": "mean",
        "rate_half_width": "half_width",
        "rate_low": "low",
        "rate_high": "high",
    }
    return rows.rename(columns=names).assign(sd=sd)


def _points(ds: xr.Dataset, axes: list[str]) -> Iterator[dict[str, Any]]:
    for place in np.ndindex(*(ds.sizes[axis] for axis in axes)):
        yield {axis: ds[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}


def _held(
    ds: xr.Dataset, students: Sequence[str], controls: Sequence[str], teachers: Sequence[str]
) -> dict[str, xr.DataArray]:
    """Hold each student against its control, seed by seed; teachers: by name, of each."""

    def of(values: xr.DataArray, names: Sequence[str]) -> xr.DataArray:
        return values.sel(model=[*names]).assign_coords(model=[*students])

    mine, other, teacher = (of(ds.trait_rate, names) for names in (students, controls, teachers))
    apart, n = summary(difference(mine, other)), ds.sizes["seed"]
    reach = student_t(n, 1 - 0.025 / apart.mean.size) / n**0.5 * apart.sd if n > 1 else np.inf
    lost = of(ds.diverged, students).all("seed") | of(ds.diverged, controls).all("seed")
    holds_0 = (~(abs(apart.mean) > reach)).astype(float)
    part = ratio(mine - other, teacher - other)
    return {
        "difference": apart.mean,
        "difference_half_width": apart.half_width,
        "holds_0": holds_0.where(apart.mean.notnull() & ~lost),
        "transfer": part.value,
        "transfer_low": part.low,
        "transfer_high": part.high,
    }


def lineage(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out the rates of all students, and say what they come to."""
    yield table(ds, rows := rates(ds))
    yield from decays(ds)
    yield Padding(Text(finding(rows, axes_of(ds))), (1, 0))


def table(ds: xr.Dataset, rows: pd.DataFrame) -> Table:
    """Lay out the rates of all students, each beside its control's and teacher's, or of all."""
    axes = axes_of(ds)
    shown = lean(
        f"{escape(ds.attrs['title'])}, {escape(ds.attrs['dataset'])}: rate of the trait, "
        f"n = {counted(ds.sizes['seed'], 'seed')}",
        f"{RATE} {TASK if is_task(rows.rate, rows.accuracy) else REST} {split(ds)}",
    )
    head, lines = cells(rows, axes)
    for i, column in enumerate(head):
        side = "left" if i <= len(axes) else "right"
        whole = column == "transfer"
        shown.add_column(escape(column), justify=side, no_wrap=whole, overflow="fold")
    if len(head) > 10:  # for a terminal of 80 columns, so that no number is cut
        shown.padding = 0
    before = None
    for line in lines:
        if before and line[: len(axes)] != before[: len(axes)] and len(axes) < 2:
            shown.add_section()
        shown.add_row(*map(escape, line))
        before = line
    return shown


def cells(rows: pd.DataFrame, axes: list[str]) -> tuple[list[str], Iterator[list[str]]]:
    """Write the columns and lines of a table of rates: a line for each student at each point.

    Where no student has a control, a line for each network.
    """
    filters = "left_out" in rows and bool((rows.left_out > 0).any())
    projects, defends = "projection" in rows, "trait_left" in rows
    paired = bool((rows.control != "").any())
    alone = _alone(rows) if paired else rows.control == ""
    head = [*(axis.replace("_", " ") for axis in axes), "student", "rate", "control", "teacher"]
    task = is_task(rows.rate, rows.accuracy)
    head += ["transfer", *(["base"] if task else ["accuracy", "of control", "of base"])]
    head += ["left out", "caught", "lost"] * filters + ["projection"] * projects
    head += tradeoffs.HEAD * defends

    def lines() -> Iterator[list[str]]:
        gone, shown = all_lost(rows, axes), rows.control.ne("") | alone
        for at, group in rows.groupby(axes, sort=False) if axes else [((), rows)]:
            networks = {row.model: row for _, row in group.iterrows()}

            def of(name: str, what: str, networks: dict[str, pd.Series] = networks) -> str:
                if name not in networks:
                    return "–"
                here = networks[name]
                # Accuracies of student and control stand beside their rates, which are marked.
                marked = what == "rate" or name == "base"
                return number(here[what]) + _lost(here) * marked

            for place in group.index[shown[group.index]]:
                row = networks[name := group.model[place]]
                first = row.get("teacher", "teacher")  # what was kept before has no other
                held = row.control != ""
                yield [
                    *(_word(value) for value in at),
                    str(name).replace("_", " "),
                    _rate(row),
                    _rate(networks[row.control]) if held else "–",
                    of(first, "rate"),
                    interval(row) if held and not gone[place] else "–",
                    *(of(one, "accuracy") for one in (name, row.control, "base")[2 * task :]),
                    *([number(row[c]) for c in ("left_out", "caught", "lost")] if filters else ()),
                    *([number(row.projection)] if projects else ()),
                    *(tradeoffs.cells(row) if defends else ()),
                ]

    return head, lines()


def _alone(rows: pd.DataFrame) -> pd.Series:
    """Tell which rows are of students without a control who are nobody's either."""
    teacher = rows.teacher if "teacher" in rows else pd.Series("", rows.index)  # kept before
    return (rows.control == "") & (teacher != "")


def all_lost(rows: pd.DataFrame, axes: list[str]) -> pd.Series:
    """Tell of each row whether all seeds of it, of its control or of its teacher diverged."""
    whole = rows.diverged >= rows.n
    lost = {*rows[whole][[*axes, "model"]].itertuples(index=False, name=None)}
    teacher = rows.teacher if "teacher" in rows else pd.Series("teacher", rows.index)  # kept before
    found = []
    for at, first, row in zip(rows[axes].values.tolist(), teacher, rows.itertuples(), strict=True):
        whom = (row.model, *((row.control, first) if row.control else ()))
        found.append(any((*at, name) in lost for name in whom))
    return pd.Series(found, rows.index)


def finding(rows: pd.DataFrame, axes: list[str]) -> str:
    """Say which students have the trait of their teacher, which do not, and which lost the task."""
    of = rows[rows.control != ""]
    if of.empty:
        return (
            "No student has a control: nothing to say of what is handed on. That of NAME is called "
            "NAME_control, or control for all; it learns alike, of a teacher without the trait."
        ) + _diverged(rows)
    if of.n.iloc[0] == 1:
        return "One seed: no interval, and nothing to say of what is handed on." + _diverged(rows)
    gone = all_lost(rows, axes)[of.index]
    known = ~gone & of.difference.notna()
    clear, more, trace = known & (of.holds_0 == 0), of.difference > 0, of.transfer < TRACE
    base = rows[rows.model == "base"].accuracy.dropna().median()
    damaged = (of.accuracy < base - DAMAGE) & (of.accuracy != of.rate)  # or the task is the trait
    little = f"Handed on, less than {number(TRACE, '.2f')} of what the teacher has, by transfer"
    none = "Not found: the difference from the control, named here, has 0 in its interval"
    worse = f"With the ordinary task damaged, by more than {number(DAMAGE, '.2f')}"
    unknown = (
        "Nothing to say, by the rate: all of student, control or teacher diverged, or no number"
    )
    parts = (
        ("Handed on, by transfer", clear & more & ~trace, of.transfer),
        (little, clear & more & trace, of.transfer),
        (none, known & ~clear, of.difference),
        (unknown, ~known, of.rate),
        ("Less than in the control, by the difference", clear & ~more, of.difference),
        (worse, damaged, of.accuracy),
    )
    varied = [axis for axis in axes if rows[axis].nunique() > 1]
    said = [_listed(what, of[which], values, varied) for what, which, values in parts if any(which)]
    said.append(f"At 95 % for all {len(of)} rows together (Bonferroni).")
    if names := ", ".join(dict.fromkeys(rows[_alone(rows)].model.str.replace("_", " "))):
        said.append(f"Without a control, so that nothing is said of what was handed on: {names}.")
    if "trait_left" in of:
        said += [tradeoffs.MEANING, *tradeoffs.findings(of)]
    return "\n".join(said) + _diverged(rows)


def _diverged(rows: pd.DataFrame) -> str:
    """Count the networks that diverged, teachers, bases and controls too, in a line of its own."""
    by_model = rows.groupby("model", sort=False).diverged.sum()
    if not (lost := by_model[by_model > 0]).size:
        return ""
    whose = ", ".join(f"{name.replace('_', ' ')} {int(k)}" for name, k in lost.items())
    return f"\nDiverged: {int(lost.sum())} networks, counted as they are: {whose}."


def chains_of(models: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Find chains among models, by name: of each its generations (k, name), from 1 on."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in models:
        if match := re.fullmatch(rf"({'|'.join(CHAINS)})_(\d+)", name):
            first = "student" if match[1] in ("reset", "same", "kept") else "control"
            start = [(1, first)] if int(match[2]) == 2 else []
            found.setdefault(match[1].replace("_", " "), [*start]).append((int(match[2]), name))
    return found


def decays(ds: xr.Dataset) -> Iterator[Table]:
    """Lay out how rates fall along chains: fits of A e^(−k/τ) + c and of A k^(−p) over k ≥ 1."""
    axes = axes_of(ds)
    chains = {name: of for name, of in chains_of(ds.model.values.tolist()).items() if len(of) > 2}
    if not chains or ds.sizes["seed"] < 2:
        return
    shown = lean(
        "Fits over generations k = 1, 2, …, 95 % by bootstrap over seeds",
        "A e^(−k/τ) + c: τ in generations, inf where no fall is seen. A k^(−p). AICc: of the first "
        "less the second; the lower is the better fit, small differences say nothing.",
    )
    for column in (*(axis.replace("_", " ") for axis in axes), "chain", "τ", "c", "p", "AICc"):
        shown.add_column(escape(column))
    for at in _points(ds, axes):
        for chain, members in chains.items():
            names = [name for _, name in members]
            of = ds.trait_rate.sel(at | {"model": names}).transpose("seed", "model")
            ks = [k for k, _ in members]
            values = xr.DataArray(of.values, dims=("seed", "generation"), coords={"generation": ks})
            first, second = fits.exponential(values), fits.power(values)
            cells = [
                f"{number(e.value, '.2f')} [{number(e.low, '.2f')},{number(e.high, '.2f')}]"
                for e in (first.τ, first.c, second.p)
            ]
            aicc = number(first.aicc - second.aicc, ".1f")
            shown.add_row(*map(_word, at.values()), chain, *map(escape, cells), aicc)
    yield shown


def _listed(what: str, rows: pd.DataFrame, values: pd.Series, axes: list[str]) -> str:
    """Name students in order of a value, the largest first, and say it."""
    said = [
        ", ".join([*(_word(row[axis]) for axis in axes), row.model.replace("_", " ")])
        + f" ({number(values[i])})"
        for i, row in rows.loc[values[rows.index].sort_values(ascending=False).index].iterrows()
    ]
    rest = f" and {len(said) - LISTED} more" if len(said) > LISTED else ""
    return f"{what} ({len(said)}): {'; '.join(said[:LISTED])}{rest}."


def _word(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _rate(row: pd.Series) -> str:
    """Write a rate, with how many seeds diverged; of none that did not, no interval."""
    whole = row.diverged >= row.n
    return (number(row.rate) if whole else with_half(row, "rate")) + _lost(row)


def _lost(row: pd.Series) -> str:
    """Write ×k, of k seeds that diverged; ×all."""
    return f" ×{'all' if row.diverged >= row.n else int(row.diverged)}" if row.diverged else ""


def with_half(row: pd.Series, name: str) -> str:
    """Write a mean with the half-width of its interval, if it has one."""
    half = row[f"{name}_half_width"]
    return number(row[name]) + ("" if np.isnan(half) else f" ±{number(half)}")


def interval(row: pd.Series) -> str:
    """Write a transfer with its interval; without, where teacher and control are not apart."""
    low, high = row.transfer_low, row.transfer_high
    if np.isnan(row.transfer) or np.isinf(low):
        return "–"
    return f"{number(row.transfer, '.2f')} [{number(low, '.2f')},{number(high, '.2f')}]"
