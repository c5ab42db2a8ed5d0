"""Figures of rates of a trait: rows of students, doses, generations; a family as a tree."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.report import tradeoffs
from sim.report.rates import chains_of, number, rates
from sim.report.style import SERIES, SIZE, caption, drawn, setting, words
from sim.runs.results import axes_of
from sim.settings.grid import label
from sim.training.families import Family, Imitation
from sim.training.lineages import FOUNDERS

STUDENT, CONTROL, GREY = SERIES[0], SERIES[1], "#666666"
MARKS = ("o", "s", "^", "v", "P", "X")
FROM_TEACHER = ("reset", "same", "kept")  # chains whose first generation is the teacher's student
MEANING = "Marker and bar: mean, 95 % t-interval."
PROJECTION = "displacement along another teacher's\n(fraction of it)"
RATE = "rate of the trait (fraction)"


@drawn
def rows(ds: xr.Dataset) -> Figure:
    """Draw a row for each student at each point: its rate beside its control's, and accuracies.

    The last axis of few values makes columns.
    """
    table, axes = rates(ds), [axis for axis in axes_of(ds) if ds.sizes[axis] > 1]
    across = axes.pop() if len(axes) > 1 and ds.sizes[axes[-1]] <= 3 else None
    parts = [*table.groupby(across, sort=False)] if across else [("", table)]
    panels = [(name, _lines(part, axes)) for name, part in parts]
    many = max(len(lines) for _, lines in panels)
    figure = Figure(
        figsize=(3.2 + 3.4 * (len(panels) + 1) * 0.75, 1.6 + 0.27 * many), layout="constrained"
    )
    grid = figure.subplots(1, len(panels) + 1, sharey=True, width_ratios=[*[2] * len(panels), 1.3])
    for axes_, (name, lines) in zip(grid, panels, strict=False):
        for y, (_, row, control) in enumerate(lines):
            _dot(axes_, control, "rate", y, CONTROL, "D", 4.5)
            _dot(axes_, row, "rate", y, STUDENT, "o", 6.5)
        axes_.axvline(0, color=GREY, lw=0.8, zorder=0)
        axes_.set(xlim=(-0.06, 1.06))
        axes_.set_xlabel(RATE, fontsize=SIZE)
        if across:
            axes_.set_title(f"{words(label(across))}: {words(name)}", fontsize=SIZE)
    last = grid[-1]
    for y, (_, row, control) in enumerate(panels[0][1]):
        _dot(last, control, "accuracy", y, CONTROL, "D", 4.5)
        _dot(last, row, "accuracy", y, STUDENT, "o", 6.5)
    base = table[table.model == "base"].accuracy
    low, high = last.get_xlim()
    last.set_xlim(min(low, high - 0.1), high)  # what differs by less than that looks alike
    one = base.max() - base.min() < 0.1  # several bases have no line
    if one:
        last.axvline(base.mean(), color=GREY, lw=1, ls=(0, (2, 3)), zorder=0)
    dotted = "\n(dotted: base)" if one else ""
    last.set_xlabel(f"accuracy on the rest{dotted}", fontsize=SIZE)
    grid[0].set_yticks(range(many), [words(name) for name, *_ in panels[0][1]], fontsize=SIZE - 1)
    grid[0].set(ylim=(many - 0.4, -0.6))
    _key(figure, ("student", STUDENT, "o"), ("its control", CONTROL, "D"))
    caption(figure, f"{setting(ds)}. {MEANING}")
    return figure


@drawn
def doses(ds: xr.Dataset) -> Figure:
    """Draw a student's rate over the last axis, of numbers, a panel for each value of the first."""
    table, (first, second) = rates(ds), axes_of(ds)
    kinds = [value.item() for value in ds[first].values]
    figure = Figure(figsize=(1.2 + 2.35 * len(kinds), 3.9), layout="constrained")
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    students = [m for m in ("student", "other") if m in ds.model.values]
    for axes, kind in zip(panels, kinds, strict=True):
        part = table[table[first] == kind]
        shown = [*zip(students, (STUDENT, SERIES[2]), "os", strict=False)]
        for name, color, mark in [*shown, ("control", CONTROL, "D")]:
            of = part[part.model == name]
            axes.errorbar(
                of[second],
                of.rate,
                _bars(of, "rate"),
                fmt=f"{mark}-",
                color=color,
                capsize=3,
                ms=5.5,
                lw=1.6,
            )
        teacher = part[part.model == "teacher"]
        axes.plot(teacher[second], teacher.rate, "--", color="black", lw=1.5)
        name = words(kind).replace("_", " ")
        title = name if isinstance(kind, str) else f"{words(first.replace('_', ' '))} {name}"
        axes.set_title(title, fontsize=SIZE)
        wide = 0 < 20 * ds[second].values.min() < ds[second].values.max()
        axes.set(xscale="log" if wide else "linear", ylim=(-0.06, 1.06))
        axes.set_xticks(ds[second].values, [f"{v:g}" for v in ds[second].values])
        axes.minorticks_off()
    panels[0].set_ylabel(RATE, fontsize=SIZE)
    figure.supxlabel(
        f"{words(label(second))}\n{setting(ds)}. {MEANING}", fontsize=SIZE - 1, color="#333333"
    )
    keys = [("student", STUDENT, "o"), ("other base's", SERIES[2], "s")][: len(students)]
    _key(figure, *keys, ("control", CONTROL, "D"), ("teacher", "black", "--"))
    return figure


@drawn
def tradeoff(ds: xr.Dataset) -> Figure:
    """Draw what each defence leaves of the trait against what it leaves of the skill."""
    table = rates(ds)
    of = table[table.control != ""].sort_values("trait_left", ascending=False)
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
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
        ms=6,
        lw=1.2,
    )
    places = [*zip(of.skill_left, of.trait_left, strict=True)]
    for k, (x, y) in enumerate(places, 1):  # those at one place are named together
        there = [j for j, at in enumerate(places, 1) if max(abs(at[0] - x), abs(at[1] - y)) < 0.02]
        if k == min(there):
            axes.annotate(
                ", ".join(map(str, there)),
                (x, y),
                (5, 4),
                textcoords="offset points",
                fontsize=SIZE,
                fontweight="bold",
            )
    names = (f"{k}  {words(str(n).replace('_', ' '))}" for k, n in enumerate(of.model, 1))
    axes.text(
        1.02,
        1,
        "\n".join(names),
        transform=axes.transAxes,
        va="top",
        fontsize=SIZE,
        linespacing=1.45,
    )
    low = min(-0.08, float(of.skill_left_low.clip(-0.6).min()))
    axes.set(xlim=(low, max(1.2, of.skill_left_high.clip(upper=1.6).max())), ylim=(-0.08, 1.12))
    axes.set_xlabel("skill left (fraction of what no defence leaves)", fontsize=SIZE)
    axes.set_ylabel("trait left (fraction of what no defence leaves)", fontsize=SIZE)
    caption(figure, f"{setting(ds)}. Point and bars: ratio of means, Fieller's 95 % interval.")
    return figure


@drawn
def generations(ds: xr.Dataset, measure: str = "rate") -> Figure:
    """Draw a measure over generations, a panel for each point, a line for each chain."""
    table, axes = rates(ds), [axis for axis in axes_of(ds) if ds.sizes[axis] > 1]
    parts = [*table.groupby(axes, sort=False)] if axes else [((), table)]
    columns = min(len(parts), ds.sizes[axes[-1]] if len(axes) > 1 else 3)
    height = -(-len(parts) // columns)
    width = max(7.0, 1.2 + 3.2 * columns)  # 7: the caption's
    figure = Figure(figsize=(width, 1.3 + 2.5 * height), layout="constrained")
    panels = figure.subplots(height, columns, sharex=True, sharey=True, squeeze=False).ravel()
    chains = chains_of(ds.model.values.tolist())
    for panel, (at, part) in zip(panels, parts, strict=False):
        by_model = part.set_index("model")
        for i, (chain, members) in enumerate(chains.items()):
            if chain in FROM_TEACHER:
                members = [(0, "teacher"), *members]  # noqa: PLW2901
            of = by_model.loc[[name for _, name in members]]
            panel.errorbar(
                [k for k, _ in members],
                of[measure],
                _bars(of, measure),
                fmt=f"{MARKS[i]}-",
                color=(STUDENT, SERIES[2], CONTROL, SERIES[3])[i],
                capsize=3,
                ms=5,
                lw=1.6,
                label=chain,
            )
        panel.axhline(0, color=GREY, lw=0.8, zorder=0)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        said = (v if isinstance(v, str) else f"{a} {v}" for a, v in zip(axes, at, strict=True))
        panel.set_title(words(", ".join(said)).replace("_", " "), fontsize=SIZE - 1)
    for panel in panels[len(parts) :]:
        panel.set_axis_off()
    figure.supylabel(RATE if measure == "rate" else PROJECTION, fontsize=SIZE)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4, frameon=False)
    zero = "generation (0: the teacher)" if {*chains} & {*FROM_TEACHER} else "generation"
    caption(figure, f"{zero}\n{setting(ds)}. {MEANING}")
    return figure


@drawn
def tree(ds: xr.Dataset, family: Family) -> Figure:
    """Draw a family as a tree: who starts from whom, and learns from whom.

    At the first case of each axis, or the largest number.
    """
    table = rates(ds)
    for axis in axes_of(ds):
        values = ds[axis].values
        table = table[table[axis] == (values.max() if values.dtype.kind in "if" else values[0])]
    at = table.set_index("model")
    shown = [name for name in family if name in at.index and family[name].learns is not None]
    level = _levels(family, shown)
    place = {}
    for x in sorted(set(level.values())):
        here = [name for name in shown if level[name] == x]
        place |= {name: (x, (i + 0.5) / len(here)) for i, name in enumerate(here)}
    tallest = max(sum(level[n] == x for n in shown) for x in level.values())
    figure = Figure(
        figsize=(1 + 2.7 * (max(level.values()) + 1), 1.2 + 0.95 * tallest), layout="constrained"
    )
    axes_ = figure.subplots()
    for name in shown:
        member = family[name]
        edges = [(member.start, GREY, "-")]
        if isinstance(member.learns, Imitation):
            edges.append((member.learns.teacher, STUDENT, (0, (4, 2))))
        for parent, color, style in edges:
            if parent in place:
                axes_.annotate(
                    "",
                    (place[name][0] - 0.24, place[name][1]),
                    (place[parent][0] + 0.24, place[parent][1]),
                    arrowprops={"arrowstyle": "->", "color": color, "ls": style, "lw": 1.5}
                    | {"connectionstyle": f"arc3,rad={'-' if style == '-' else ''}0.12"},
                )
    for name, (x, y) in place.items():
        row = at.loc[name]
        shade = float(np.clip(row.rate, 0, 1))
        half = "" if np.isnan(row.rate_half_width) else f" ± {number(row.rate_half_width)}"
        axes_.text(
            x,
            y,
            f"{words(name).replace('_', ' ')}\nrate {number(row.rate)}{half}\n"
            f"accuracy {number(row.accuracy)}",
            ha="center",
            va="center",
            fontsize=SIZE - 2,
            bbox={
                "boxstyle": "round,pad=0.35",
                "fc": (1, 1 - 0.45 * shade, 1 - 0.8 * shade),
                "ec": GREY,
            },
        )
    axes_.set(xlim=(-0.5, max(level.values()) + 0.5), ylim=(1, 0))
    axes_.set_axis_off()
    caption(
        figure,
        f"{setting(ds)}. Grey: starts from; dashed: learns from the logits of.\n"
        "Rate of the trait (mean ± half of the 95 % t-interval; its colour), accuracy on the rest.",
    )
    return figure


def _levels(family: Family, shown: Sequence[str]) -> dict[str, int]:
    """Place each member behind all that it descends from."""
    found: dict[str, int] = {}
    for name in shown:
        before = [found[p] for p in family[name].parents if p in found]
        found[name] = 1 + max(before, default=-1)
    return found


def figures(ds: xr.Dataset, family: Family) -> dict[str, Callable[[xr.Dataset], Figure]]:
    """Name the figures that there are of these results."""
    axes = [axis for axis in axes_of(ds) if ds.sizes[axis] > 1]
    if tradeoffs.there(ds):
        return {"tradeoff": tradeoff, "rows": rows}
    if chains_of(ds.model.values.tolist()):
        found = {"generations": generations}
        return found | (
            {"projection": partial(generations, measure="projection")} if "projection" in ds else {}
        )
    if len(axes) == 2 and ds[axes[1]].dtype.kind in "if" and ds.sizes[axes[1]] > 3:
        found = {"doses": doses}
    else:
        found = {"rows": rows}
    few = sum(name in family and name not in FOUNDERS for name in ds.model.values.tolist()) <= 12
    return found | ({"tree": partial(tree, family=family)} if few else {})


def _lines(table: pd.DataFrame, axes: Sequence[str]) -> list[tuple[str, pd.Series, pd.Series]]:
    """Pair each student with its control at its point, and name the row."""
    found = []
    for at, group in table.groupby([*axes], sort=False) if axes else [((), table)]:
        by_model = group.set_index("model")
        named = by_model[by_model.control != ""]
        for name, row in named.iterrows():
            parts = [*map(str, at), *([str(name).replace("_", " ")] if len(named) > 1 else [])]
            found.append((", ".join(parts), row, by_model.loc[row.control]))
    return found


def _dot(
    axes: Axes, row: pd.Series, name: str, y: float, color: str, mark: str, size: float
) -> None:
    axes.errorbar(
        [row[name]],
        [y],
        xerr=_bars(pd.DataFrame([row]), name),
        fmt=mark,
        color=color,
        ms=size,
        capsize=3,
        lw=1.5,
    )


def _bars(of: pd.DataFrame, name: str) -> np.ndarray:
    """How far the intervals of a column reach below and above [2, k]."""
    return np.stack([of[name] - of[f"{name}_low"], of[f"{name}_high"] - of[name]])


def _key(figure: Figure, *entries: tuple[str, str, str]) -> None:
    """Name markers and lines above the panels."""
    axes = figure.axes[0]
    for name, color, mark in entries:
        axes.plot([], [], mark, color=color, label=name)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=SIZE - 1)
