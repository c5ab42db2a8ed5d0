"""Figures of rates of a trait: rows of students, doses, generations; a family as a tree."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sim.errors import require
from sim.published.entries import Published
from sim.report import names, tradeoffs
from sim.report.names import formula
from sim.report.rates import chains_of, is_task, number, rates
from sim.report.sheet import Sheet, drawn
from sim.report.style import DOTTED, GREY, HALO, SERIES, setting
from sim.runs.results import axes_of
from sim.training.families import Family, Imitation
from sim.training.lineages import FOUNDERS, controls

STUDENT, CONTROL = SERIES[0], SERIES[1]
MARKS = ("o", "s", "^", "v", "P", "X")
FROM_TEACHER = ("reset", "same", "kept")  # chains whose first generation is the teacher's student
MEANING = "Marker and bar: mean, 95 % t-interval."
HOLLOW = " Hollow: published; sources in the table."
PROJECTION = "displacement along another teacher's (fraction of it)"
RATE = "rate of the trait (fraction)"


@drawn
def rows(sheet: Sheet, ds: xr.Dataset, published: Sequence[Published] = ()) -> None:
    """Draw a row for each student at each point: its rate beside its control's, and accuracies.

    The last axis of few values makes columns. What was published stands in its row, hollow.
    """
    table, axes = rates(ds), [axis for axis in axes_of(ds) if ds.sizes[axis] > 1]
    chosen = sheet.chosen(ds.model.values)
    students = [m for m in table.model[table.control != ""].unique() if m in chosen]
    require("models", sheet.models, students, "a student with a control, or several")
    across = axes.pop() if len(axes) > 1 and ds.sizes[axes[-1]] <= 3 else None
    parts = [*table.groupby(across, sort=False)] if across else [("", table)]
    panels = [(value, _lines(part, axes, students)) for value, part in parts]
    named, high = sheet.broken(name for name, *_ in panels[0][1])
    many = max(len(lines) for _, lines in panels)
    task = is_task(table.rate, table.accuracy)
    (grid,) = sheet.panels(
        1,
        len(panels) + (not task),
        panel=(2.6 if len(panels) > 1 else 2.9, many * (0.1 + 0.17 * high)),
        edge=(3.0 if len(panels) > 1 else 2.4, 1.6),
        least=1.45,
        lines=True,
        sharey="all",
        ratios=[*[2] * len(panels), *[1.3] * (not task)],
    )
    hollow = False
    for panel, (value, lines) in zip(grid, panels, strict=False):
        for y, (_, row, control) in enumerate(lines):
            _dot(sheet, panel, control, "rate", y, CONTROL, "D", 4.5)
            _dot(sheet, panel, row, "rate", y, STUDENT, "o", 6.5)
            for p in _of_row(published, row):
                low, high_ = p.span
                bar = {"xerr": [(high_ - low) / 2], "color": "black", "mfc": "none"}
                panel.errorbar([(low + high_) / 2], [y], fmt="o", ms=sheet.pt(9), **bar)
                hollow = True
        panel.axvline(0, color=GREY, lw=0.8, zorder=0)
        panel.set(xlim=(-0.06, 1.06))
        panel.set_xlabel(_with_base(panel, table, "test accuracy", "fraction") if task else RATE)
        if across:
            panel.set_title(formula(f"{names.short(across)}: {names.value(value)}"))
    if not task:
        _accuracies(sheet, grid[-1], table, panels[0][1])
        if across:  # of the first column alone: how well students do is seldom the question
            grid[-1].set_title(formula(f"{names.short(across)}: {names.value(panels[0][0])}"))
    sheet.named(grid[0], "y", range(len(named)), named)
    grid[0].set(ylim=(many - 0.4, -0.6))
    _key(sheet, ("student", STUDENT, "o"), ("its control", CONTROL, "D"))
    sheet.caption(f"{setting(ds)}. {MEANING}{HOLLOW * hollow}")


def _accuracies(sheet: Sheet, last: Axes, table: pd.DataFrame, lines: Sequence[Any]) -> None:
    """Draw accuracies where the trait has no say, of students and controls, beside their rates."""
    for y, (_, row, control) in enumerate(lines):
        _dot(sheet, last, control, "accuracy", y, CONTROL, "D", 4.5)
        _dot(sheet, last, row, "accuracy", y, STUDENT, "o", 6.5)
    low, high_ = last.get_xlim()
    low = min(low, high_ - 0.1)  # what differs by less than that looks alike
    last.set_xlim(low, high_ + 0.04 * (high_ - low))  # and markers are whole
    last.set_xlabel(_with_base(last, table, "accuracy on the rest"))


def _with_base(panel: Axes, table: pd.DataFrame, label: str, *more: str) -> str:
    """Mark the base's accuracy, unless there are several; return a label that says so."""
    base = table[table.model == "base"].accuracy
    if one := base.max() - base.min() < 0.1:
        panel.axvline(base.mean(), **DOTTED)
    said = (*more, *(["dotted: base"] if one else ()))
    return label + (f" ({'; '.join(said)})" if said else "")


def _of_row(published: Sequence[Published], row: pd.Series) -> list[Published]:
    """Find what was published as a value of this student, at this point."""
    return [
        p
        for p in published
        if p.value is not None
        and p.how == "="
        and p.model == row["model"]
        and all(row.get(axis) == value for axis, value in p.at.items())
    ]


@drawn
def doses(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw a student's rate over the last axis, of numbers, a panel for each value of the first."""
    table, (first, second) = rates(ds), axes_of(ds)
    kinds = [value.item() for value in ds[first].values]
    (panels,) = sheet.panels(
        1,
        len(kinds),
        panel=(2.35, 3.9),
        edge=(1.2, 0),
        least=2.0,
        sharex="all",
        sharey="all",
    )
    chosen = sheet.chosen(ds.model.values)
    looks = {
        "student": (STUDENT, "o"),
        "other": (SERIES[2], "s"),
        "control": (CONTROL, "D"),
    }
    shown = {model: look for model, look in looks.items() if model in chosen}
    wide = 0 < 20 * ds[second].values.min() < ds[second].values.max()
    for axes, kind in zip(panels, kinds, strict=True):
        part = table[table[first] == kind]
        axes.set_xscale("log" if wide else "linear")
        for k, (model, (color, mark)) in enumerate(shown.items()):
            of = part[part.model == model]
            axes.errorbar(
                sheet.dodged(axes, "x", of[second], k, len(shown)),
                of.rate,
                _bars(of, "rate"),
                fmt=f"{mark}-",
                color=color,
                capsize=sheet.pt(3),
                ms=sheet.pt(5.5),
                lw=sheet.pt(1.6),
            )
        if "teacher" in chosen:
            teacher = part[part.model == "teacher"]
            axes.plot(teacher[second], teacher.rate, "--", color="black", lw=sheet.pt(1.5))
        value = names.value(kind)
        axes.set_title(formula(value if isinstance(kind, str) else f"{names.short(first)} {value}"))
        axes.set(ylim=(-0.06, 1.06))
        axes.set_xticks(ds[second].values, [*map(names.value, ds[second].values)])
        axes.minorticks_off()
        axes.margins(x=0.1)
        axes.set_xlabel(formula(names.axis(second)))
        axes.set_ylabel(RATE)
    keys = [(names.model(m), *look) for m, look in shown.items()]
    _key(sheet, *keys, *([("teacher", "black", "--")] if "teacher" in chosen else []))
    sheet.caption(f"{setting(ds)}. {MEANING}")


@drawn
def tradeoff(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw what each defence leaves of the trait against what it leaves of the skill."""
    table, chosen = rates(ds), sheet.chosen(ds.model.values)
    of = table[(table.control != "") & table.model.isin(chosen)]
    require("models", sheet.models, len(of), "a student with a control, or several")
    of = of.sort_values("trait_left", ascending=False)
    axes = sheet.panels(panel=(9, 5.2), edge=(0, 1.6), lines=True)[0, 0]
    for ends in (axes.axhline, axes.axvline):
        ends(0, color=GREY, lw=0.8, zorder=0)
    axes.errorbar(
        of.skill_left,
        of.trait_left,
        _bars(of, "trait_left"),
        _bars(of, "skill_left"),
        fmt="o",
        color=STUDENT,
        ecolor="#aaaaaa",
        ms=sheet.pt(6),
        lw=sheet.pt(1.2),
    )
    low = min(-0.08, float(of.skill_left_low.clip(-0.6).min()))
    axes.set(xlim=(low, max(1.2, of.skill_left_high.clip(upper=1.6).max())), ylim=(-0.08, 1.12))
    _numbered(sheet, axes, [*zip(of.skill_left, of.trait_left, strict=True)])
    said = [f"{k}  {names.value(model)}" for k, model in enumerate(of.model, 1)]
    none = [Line2D([], [], ls="") for _ in said]
    sheet.key(none, said, columns=4, handlelength=0, handletextpad=0)
    axes.set_xlabel("skill left (fraction)")
    axes.set_ylabel("trait left (fraction)")
    sheet.caption(
        f"{setting(ds)}. Left: of what no defence leaves. Point and bars: ratio of means, "
        "Fieller's 95 % interval."
    )


def _numbered(sheet: Sheet, axes: Axes, places: Sequence[tuple[float, float]]) -> None:
    """Number points, those whose numbers would lie on each other together."""
    wide, high = axes.bbox.size * 72 / axes.figure.dpi * 0.9  # in points, about
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    groups = [
        ([k], (x - x0) / (x1 - x0) * wide, (y - y0) / (y1 - y0) * high)
        for k, (x, y) in enumerate(places, 1)
        if np.isfinite([x, y]).all()
    ]

    def meet(a: Any, b: Any) -> bool:
        left, right = (a, b) if a[1] <= b[1] else (b, a)
        reach = 0.9 * sheet.size * len(_listed(left[0]))
        return abs(a[2] - b[2]) < 1.6 * sheet.size and right[1] < left[1] + reach

    while pair := next(((a, b) for a, b in combinations(groups, 2) if meet(a, b)), None):
        groups = [group for group in groups if group not in pair]
        first, second = pair
        groups.append((sorted(first[0] + second[0]), *max(first[1:], second[1:])))
    for numbers, x, y in groups:
        axes.annotate(
            _listed(numbers),
            (x0 + x / wide * (x1 - x0), y0 + y / high * (y1 - y0)),
            (sheet.pt(5), sheet.pt(4)),
            textcoords="offset points",
            fontsize="small",
            fontweight="bold",
            path_effects=[HALO],
        )


def _listed(numbers: Sequence[int]) -> str:
    """Write numbers that rise, three or more in a row as from the first to the last."""
    runs: list[list[int]] = []
    for number_ in numbers:
        if runs and runs[-1][-1] == number_ - 1:
            runs[-1].append(number_)
        else:
            runs.append([number_])
    return ", ".join(
        f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


@drawn
def generations(
    sheet: Sheet,
    ds: xr.Dataset,
    measure: str = "rate",
    published: Sequence[Published] = (),
) -> None:
    """Draw a measure over generations, a panel for each point, a line for each chain.

    What was published of their rates stands beside them, hollow.
    """
    table, axes = rates(ds), [axis for axis in axes_of(ds) if ds.sizes[axis] > 1]
    parts = [*table.groupby(axes, sort=False)] if axes else [((), table)]
    (panels,) = sheet.panels(
        1,
        len(parts),
        across=ds.sizes[axes[-1]] if len(axes) > 1 else 3,
        panel=(3.2 if len(parts) > 1 else 5.8, 2.5 if len(parts) > 1 else 3.2),
        edge=(1.2, 1.3),
        least=2.1,
        sharex="all",
        sharey="all",
    )
    chosen = sheet.chosen(ds.model.values)
    chains = {
        chain: [(0, "teacher")] * (chain in FROM_TEACHER) + members
        for chain, members in chains_of(ds.model.values.tolist()).items()
    }
    chains = {
        chain: here
        for chain, members in chains.items()
        if len(here := [one for one in members if one[1] in chosen]) > 1
    }
    require("models", sheet.models, chains, "two generations of a chain, or more")
    colors = (STUDENT, SERIES[2], CONTROL, SERIES[3])
    hollow, handles = False, []
    for panel, (at, part) in zip(panels, parts, strict=True):
        by_model = part.set_index("model", drop=False)
        handles = []
        for i, (chain, members) in enumerate(chains.items()):
            of = by_model.loc[[name for _, name in members]]
            handles.append(
                panel.errorbar(
                    sheet.dodged(panel, "x", [k for k, _ in members], i, len(chains)),
                    of[measure],
                    _bars(of, measure),
                    fmt=f"{MARKS[i]}-",
                    color=colors[i % len(colors)],
                    capsize=sheet.pt(3),
                    ms=sheet.pt(5),
                    lw=sheet.pt(1.6),
                )
            )
            for k, name in members if measure == "rate" and chain == "reset" else ():
                for p in _of_row(published, by_model.loc[name]):
                    mark = {"color": "black", "mfc": "none", "ms": sheet.pt(8)}
                    panel.plot([k], [p.value], "o", **mark)
                    hollow = True
        panel.axhline(0, color=GREY, lw=0.8, zorder=0)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        said = (
            v if isinstance(v, str) else f"{names.short(a)} {names.value(v)}"
            for a, v in zip(axes, at, strict=True)
        )
        panel.set_title(formula(", ".join(said)))
        zero = any(chain in FROM_TEACHER for chain in chains)
        panel.set_xlabel("generation (0: the teacher)" if zero else "generation")
        panel.set_ylabel(RATE if measure == "rate" else PROJECTION)
    sheet.key(handles, [*chains], columns=4)
    sheet.caption(f"{setting(ds)}. {MEANING}{HOLLOW * hollow}")


@drawn
def tree(sheet: Sheet, ds: xr.Dataset, family: Family) -> None:
    """Draw a family as a tree: who starts from whom, and learns from whom.

    At the first case of each axis, or the largest number.
    """
    table = rates(ds)
    for axis in axes_of(ds):
        values = ds[axis].values
        table = table[table[axis] == (values.max() if values.dtype.kind in "if" else values[0])]
    at = table.set_index("model")
    chosen = sheet.chosen(ds.model.values)
    shown = [name for name in family if name in chosen and family[name].learns is not None]
    require("models", sheet.models, shown, "members that learn")
    level = _levels(family, shown)
    texts = {name: _box(name, at.loc[name], sheet) for name in shown}
    longest = max(len(line) for text in texts.values() for line in text.split("\n"))
    # From left to right, or on a narrow sheet from above to below.
    deep = max(level.values()) + 1
    down = bool(sheet.inches) and deep * longest * 0.6 * sheet.size / 72 > sheet.inches
    place = {}
    for x in sorted(set(level.values())):
        here = [name for name in shown if level[name] == x]
        # In a narrow sheet's level there is room for so many; others go below.
        most = max(1, int((sheet.inches or 99) / (longest * 0.55 * sheet.size / 72)))
        for i, name in enumerate(here):
            row = here[i // most * most : i // most * most + most] if down else here
            j = i % most if down else i
            place[name] = (x, (j + 0.5) / len(row), i // most if down else 0)
    if down:
        place, tall = _downwards(place)
        axes_ = sheet.panels(panel=(7, 1.15 * tall), lines=True)[0, 0]
        axes_.set(xlim=(0, 1), ylim=(tall - 0.5, -0.5))
    else:
        tallest = max(sum(level[n] == x for n in shown) for x in level.values())
        place = {name: (x, y) for name, (x, y, _) in place.items()}
        axes_ = sheet.panels(panel=(1 + 2.7 * deep, 0.95 * tallest), edge=(0, 1.2), lines=True)[
            0, 0
        ]
        axes_.set(xlim=(-0.5, deep - 0.5), ylim=(1, 0))
    half = (0.0, 0.3) if down else (0.24, 0.0)
    for name in shown:
        member = family[name]
        edges = [(member.start, GREY, "-")]
        if isinstance(member.learns, Imitation):
            edges.append((member.learns.teacher, STUDENT, (0, (4, 2))))
        for parent, color, style in edges:
            if parent in place:
                axes_.annotate(
                    "",
                    (place[name][0] - half[0], place[name][1] - half[1]),
                    (place[parent][0] + half[0], place[parent][1] + half[1]),
                    arrowprops={"arrowstyle": "->", "color": color, "ls": style}
                    | {"lw": sheet.pt(1.5)}
                    | {"connectionstyle": f"arc3,rad={'-' if style == '-' else ''}0.12"},
                )
    for name, (x, y) in place.items():
        shade = float(np.clip(at.loc[name].rate, 0, 1))
        axes_.text(
            x,
            y,
            texts[name],
            ha="center",
            va="center",
            fontsize="small",
            bbox={
                "boxstyle": "round,pad=0.35",
                "fc": (1, 1 - 0.45 * shade, 1 - 0.8 * shade),
                "ec": GREY,
            },
        )
    axes_.set_axis_off()
    sheet.caption(
        f"{setting(ds)}. Grey: starts from; dashed: learns from the logits of.\n"
        "Rate of the trait (mean ± half of the 95 % t-interval; its colour), accuracy on the rest."
    )


def _box(name: str, row: pd.Series, sheet: Sheet) -> str:
    """Write a member's name, rate and accuracy."""
    half = "" if np.isnan(row.rate_half_width) else f" ± {number(row.rate_half_width)}"
    said, _ = sheet.broken([names.value(name)], share=0.3)
    return formula(f"{said[0]}\nrate {number(row.rate)}{half}\naccuracy {number(row.accuracy)}")


def _downwards(place: dict[str, Any]) -> tuple[dict[str, tuple[float, float]], int]:
    """Turn a tree that grows to the right: level and line within it to rows of one sheet."""
    lines = sorted({(x, line) for x, _, line in place.values()})
    row = {at: i for i, at in enumerate(lines)}
    return {name: (y, row[x, line]) for name, (x, y, line) in place.items()}, len(lines)


def _levels(family: Family, shown: Sequence[str]) -> dict[str, int]:
    """Place each member behind all that it descends from."""
    found: dict[str, int] = {}
    for name in shown:
        before = [found[p] for p in family[name].parents if p in found]
        found[name] = 1 + max(before, default=-1)
    return found


def figures(
    ds: xr.Dataset, family: Family, published: Sequence[Published] = ()
) -> dict[str, Callable[[xr.Dataset], Figure]]:
    """Name the figures that there are of these results."""
    axes = [axis for axis in axes_of(ds) if ds.sizes[axis] > 1]
    with_published = partial(rows, published=published)
    if tradeoffs.there(ds):
        return {"tradeoff": tradeoff, "rows": with_published}
    if chains_of(ds.model.values.tolist()):
        found: dict[str, Any] = {"generations": partial(generations, published=published)}
        return found | (
            {"projection": partial(generations, measure="projection")} if "projection" in ds else {}
        )
    if len(axes) == 2 and ds[axes[1]].dtype.kind in "if" and ds.sizes[axes[1]] > 3:
        found = {"doses": doses}
    else:
        paired = any(controls(family, ds.model.values.tolist()).values())
        found = {"rows": with_published} if paired else {}
    few = sum(name in family and name not in FOUNDERS for name in ds.model.values.tolist()) <= 12
    return found | ({"tree": partial(tree, family=family)} if few else {})


def _lines(
    table: pd.DataFrame, axes: Sequence[str], students: Sequence[str]
) -> list[tuple[str, pd.Series, pd.Series]]:
    """Pair each student with its control at its point, and name the row."""
    found = []
    for at, group in table.groupby([*axes], sort=False) if axes else [((), table)]:
        by_model = group.set_index("model", drop=False)
        for name in students:
            row = by_model.loc[name]
            parts = [*map(names.value, at), *([names.value(name)] if len(students) > 1 else [])]
            found.append((", ".join(parts), row, by_model.loc[row.control]))
    return found


def _dot(
    sheet: Sheet,
    axes: Axes,
    row: pd.Series,
    name: str,
    y: float,
    color: str,
    mark: str,
    size: float,
) -> None:
    axes.errorbar(
        [row[name]],
        sheet.dodged(axes, "y", [y], int(mark == "D"), 2),
        xerr=_bars(pd.DataFrame([row]), name),
        fmt=mark,
        color=color,
        ms=sheet.pt(size),
        capsize=sheet.pt(3),
        lw=sheet.pt(1.5),
    )


def _bars(of: pd.DataFrame, name: str) -> np.ndarray:
    """How far the intervals of a column reach below and above [2, k]."""
    return np.stack([of[name] - of[f"{name}_low"], of[f"{name}_high"] - of[name]])


def _key(sheet: Sheet, *entries: tuple[str, str, str]) -> None:
    """Name markers and lines above the panels."""
    lines = [
        Line2D(
            [], [], color=color, **({"ls": mark} if mark == "--" else {"ls": "", "marker": mark})
        )
        for _, color, mark in entries
    ]
    sheet.key(lines, [name for name, *_ in entries], columns=4)
