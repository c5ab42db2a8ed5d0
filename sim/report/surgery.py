"""Surgery: what parts of a student's state are worth, predicted and by transplant."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from sim.report import rates
from sim.report.names import counted
from sim.report.sheet import Sheet, drawn
from sim.report.style import GREY, SERIES, setting
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
    share: predicted by measured, with low and high; helps: share of the receiver's batches that
    lower the trait's loss in the end; batches: what all of them together are worth, with
    half_width; n.
    """
    axes, found = axes_of(ds), []
    for place in np.ndindex(*(ds.sizes[axis] for axis in axes)):
        at = {axis: ds[axis].values[i].item() for axis, i in zip(axes, place, strict=True)}
        for receiver in ds.receiver.values.tolist():
            one = ds.sel(at | {"receiver": receiver})
            every = summary(one.price.sum("batch"))
            common = {"helps": float((one.price < 0).mean()), "batches": float(every.mean)}
            common |= {"batches_half_width": float(every.half_width), "n": ds.sizes["seed"]}
            for cut, part in product(ds.cut.values.tolist(), ds.part.values.tolist()):
                row, here = at | {"receiver": receiver, "cut": cut, "part": part}, {}
                for name in KINDS:
                    here[name] = one[name].sel(cut=cut, part=part)
                    of = summary(here[name])
                    row |= {name: float(of.mean), f"{name}_half_width": float(of.half_width)}
                of = ratio(here["predicted"], here["measured"])
                ends = {"": of.value, "_low": of.low, "_high": of.high}
                row |= {f"share{end}": float(value) for end, value in ends.items()}
                found.append(row | common)
    return pd.DataFrame(found)


def surgery(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out rates and transplants, and say what they come to."""
    yield rates.table(ds, rates.rates(ds))
    of, axes = rows(ds), axes_of(ds)
    shown = lean(
        f"Transplants, {escape(ds.attrs['dataset'])}, n = {counted(ds.sizes['seed'], 'seed')}",
        MEANING,
    )
    head, lines = cells(of, axes)
    for i, column in enumerate(head):
        shown.add_column(escape(column), justify="left" if i < len(axes) + 1 else "right")
    for line in lines:
        shown.add_row(*map(escape, line))
    yield shown
    yield Padding(Text(finding(of, axes)), (1, 0))


def cells(of: pd.DataFrame, axes: list[str]) -> tuple[list[str], Iterator[list[str]]]:
    """Write columns and lines: a line for each donor and receiver, cut and part."""
    head = [*axes, "from → to", "after", "part", "predicted", "measured", "at once"]

    def lines() -> Iterator[list[str]]:
        for _, row in of.iterrows():
            each = (f"{number(row[k], '+.3f')} ±{number(row[f'{k}_half_width'])}" for k in KINDS)
            at = (str(row[axis]) for axis in axes)
            yield [*at, ARROWS[row.receiver], str(row.cut), row.part, *each]

    return head, lines()


def finding(of: pd.DataFrame, axes: list[str]) -> str:
    """Say which part carries the trait, how well its price predicts that, and what batches do."""
    if of.n.iloc[0] == 1:
        return "One seed: no interval, and nothing to say."
    said = []
    for place, here in of.groupby([*axes, "receiver"], sort=False):
        *at, receiver = place
        where = f"{', '.join(map(str, at))}: " if at else ""
        last, parts = here[here.cut == here.cut.max()], []
        for row in last.itertuples():
            worth = f"{number(row.measured, '+.3f')} ± {number(row.measured_half_width)}"
            clear = abs(row.measured) > row.measured_half_width
            told = f" (predicted: {number(row.share, '.2f')} of it)" if clear else ""
            parts.append(f"{row.part} {worth}{told}")
        said.append(
            f"{where}{ARROWS[receiver]} after {last.cut.iloc[0]} steps, in nats in the end: "
            f"{'; '.join(parts)}."
        )
        row = last.iloc[0]
        said.append(
            f"{where}Of the {receiver}'s batches {number(row.helps, '.0%')} lower the trait's loss "
            f"in the end; together they are worth {number(row.batches, '+.4f')} ± "
            f"{number(row.batches_half_width, '.4f')} nats: Adam does not know the scale of "
            "gradients."
        )
    return "\n".join(said)


@drawn
def figure(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw predicted and measured changes against the moment of the cut, a panel a receiver."""
    axes = axes_of(ds)
    first = ds.isel(dict.fromkeys(axes, 0))
    receivers = ds.receiver.values.tolist()
    grid = sheet.panels(2, len(receivers), panel=(4.8, 3.2), sharex="all", sharey="row")
    parts = [part for part in ds.part.values.tolist() if part != "all"]
    colors = dict(zip(parts, (SERIES[1], SERIES[0], *SERIES[2:]), strict=False))
    keys: dict[str, Any] = {}
    for column, receiver in enumerate(receivers):
        for row, some in enumerate((parts[:1], parts[1:])):
            panel = grid[row, column]
            drawn_ = [(part, name) for part in some for name in ("measured", "predicted")]
            for k, (part, name) in enumerate(drawn_):
                of = summary(first.sel(receiver=receiver, part=part)[name])
                told = name == "predicted"
                keys[f"{part}, {name}"] = panel.errorbar(
                    sheet.dodged(panel, "x", ds.cut, k, len(drawn_)),
                    of.mean,
                    of.half_width,
                    ls="--" if told else "-",
                    marker="s" if told else "o",
                    mfc="white" if told else colors[part],
                    color=colors[part],
                    capsize=sheet.pt(3),
                    ms=sheet.pt(5),
                    lw=sheet.pt(1.6),
                )
            panel.axhline(0, color=GREY, lw=0.8, zorder=0)
            panel.set_ylabel("change of the trait's loss after training (nats)")
            panel.set_xlabel("step of the transplant")
        grid[0, column].set_title(ARROWS[receiver])
    sheet.key([*keys.values()], [*keys], columns=4)
    sheet.caption(f"{setting(first)}. Bars: 95 % t-interval.")


FIGURES = {"surgery": figure}
