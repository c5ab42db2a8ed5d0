"""Surgery: what parts of a student's state are worth, predicted and by transplant."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from sim.report import rates
from sim.report.style import SERIES, SIZE, caption, drawn, setting
from sim.report.tables import lean, number
from sim.runs.ratios import ratio
from sim.runs.results import axes_of
from sim.runs.statistics import summary

MEANING = (
    "Change of the trait's loss after training if the donor's part takes the place of the "
    "receiver's after so many steps, in nats, mean ± half of 95 % interval over seeds: to first "
    "order, by the price λ; measured, by going on from there; at once, at the cut."
)
KINDS = ("predicted", "measured", "at_once")
ARROWS = {"student": "control → student", "control": "student → control"}


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a row for each point, receiver, cut and part.

    Columns: the axes; receiver, cut (step), part; predicted, measured, at_once with half_width;
    rate, accuracy of the student as it is; n.
    """
    axes, found = axes_of(ds), []
    for place in np.ndindex(*(ds.sizes[axis] for axis in axes)):
        at = {axis: ds[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}
        one = ds.sel(at)
        for receiver in ds.receiver.values.tolist():
            for cut in ds.cut.values.tolist():
                for part in ds.part.values.tolist():
                    row = at | {"receiver": receiver, "cut": cut, "part": part}
                    here = one.sel(receiver=receiver, cut=cut, part=part)
                    for name in KINDS:
                        of = summary(here[name])
                        row |= {name: float(of.mean), f"{name}_half_width": float(of.half_width)}
                    found.append(row | {"n": ds.sizes["seed"]})
    return pd.DataFrame(found)


def surgery(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out rates and transplants, and say what they come to."""
    yield rates.table(ds, rates.rates(ds))
    of, axes = rows(ds), axes_of(ds)
    shown = lean(
        f"Transplants, {escape(ds.attrs['dataset'])}, n = {ds.sizes['seed']} seeds", MEANING
    )
    head, lines = cells(of, axes)
    for i, column in enumerate(head):
        shown.add_column(escape(column), justify="left" if i < len(axes) + 1 else "right")
    for line in lines:
        shown.add_row(*map(escape, line))
    yield shown
    yield Padding(Text(finding(ds)), (1, 0))


def cells(of: pd.DataFrame, axes: list[str]) -> tuple[list[str], Iterator[list[str]]]:
    """Write columns and lines: a line for each donor and receiver, cut and part."""
    head = [*axes, "from → to", "after", "part", "predicted", "measured", "at once"]

    def lines() -> Iterator[list[str]]:
        for _, row in of.iterrows():
            each = (f"{number(row[k], '+.3f')} ±{number(row[f'{k}_half_width'])}" for k in KINDS)
            at = (str(row[axis]) for axis in axes)
            yield [*at, ARROWS[row.receiver], str(row.cut), row.part, *each]

    return head, lines()


def finding(ds: xr.Dataset) -> str:
    """Say which part carries the trait, how well its price predicts that, and what batches do."""
    if ds.sizes["seed"] == 1:
        return "One seed: no interval, and nothing to say."
    said = []
    axes = axes_of(ds)
    for place in np.ndindex(*(ds.sizes[axis] for axis in axes)):
        at = {axis: ds[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}
        where = f"{', '.join(map(str, at.values()))}: " if at else ""
        one = ds.sel(at)
        for receiver in ds.receiver.values.tolist():
            here, parts = one.sel(receiver=receiver), []
            for part in ds.part.values.tolist():
                of = here.sel(part=part)
                every = of.measured.transpose("seed", "cut")
                mean = summary(every.isel(cut=-1))
                share = ratio(of.predicted.isel(cut=-1), of.measured.isel(cut=-1))
                worth = f"{number(float(mean.mean), '+.3f')} ± {number(float(mean.half_width))}"
                clear = abs(float(mean.mean)) > float(mean.half_width)
                told = f", predicted {number(float(share.value), '.2f')} of it" if clear else ""
                parts.append(f"{part} {worth}{told}")
            said.append(
                f"{where}{ARROWS[receiver]}, at the last cut: {'; '.join(parts)} nats in the end."
            )
        price = one.price.sel(receiver="student")
        total = summary(price.sum("batch"))
        helps = float((price < 0).mean())
        said.append(
            f"{where}of the student's batches {number(helps, '.0%')} lower the trait's loss in the "
            f"end; all together are worth {number(float(total.mean), '+.4f')} ± "
            f"{number(float(total.half_width), '.4f')} nats for each part of 1 that they count "
            "more, as Adam does not know the scale of gradients."
        )
    return "\n".join(said)


@drawn
def figure(ds: xr.Dataset) -> Figure:
    """Draw predicted and measured changes against the moment of the cut, a panel a receiver."""
    axes = axes_of(ds)
    first = ds.isel(dict.fromkeys(axes, 0))
    figure = Figure(figsize=(9.6, 6.4), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey="row")
    parts = [part for part in ds.part.values.tolist() if part != "all"]
    for column, receiver in enumerate(ds.receiver.values.tolist()):
        for row, some in enumerate((parts[:1], parts[1:])):
            panel = grid[row, column]
            for color, part in zip(SERIES[1 - row :] if row == 0 else SERIES, some, strict=False):
                here = first.sel(receiver=receiver, part=part)
                for name, style, mark in (("measured", "-", "o"), ("predicted", "--", "s")):
                    of = summary(here[name])
                    panel.errorbar(
                        ds.cut,
                        of.mean,
                        of.half_width,
                        ls=style,
                        marker=mark,
                        mfc="white" if name == "predicted" else color,
                        color=color,
                        capsize=3,
                        ms=5,
                        lw=1.6,
                        label=f"{part}, {name}",
                    )
            panel.axhline(0, color="#666666", lw=0.8, zorder=0)
            panel.legend(frameon=False, fontsize=SIZE - 2)
            panel.set_ylabel("change of the trait's loss\nafter training (nats)", fontsize=SIZE)
        grid[0, column].set_title(ARROWS[receiver], fontsize=SIZE)
        grid[1, column].set_xlabel("step of the transplant", fontsize=SIZE)
    caption(figure, f"{setting(first)}. Bars: 95 % t-interval.")
    return figure


FIGURES = {"surgery": figure}
