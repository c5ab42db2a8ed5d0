"""Origins: a row for each case, of which base is named and whether the trait is seen."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sim.report import names
from sim.report.names import counted
from sim.report.rates import TRACE, rates
from sim.report.sheet import Sheet, drawn
from sim.report.style import DOTTED, SERIES, setting
from sim.report.tables import lean, number, split
from sim.runs.auroc import Share, auroc, share
from sim.runs.results import axes_of

#: How each is called, and the sign by which the least names the base.
STATISTICS = {
    "residual": ("residual", 1),
    "displacement": ("displacement", 1),
    "held_out": ("held out", 1),
    "coverage": ("coverage", -1),
}
AMONG = {"other": "other initialisations", "sibling": "siblings"}
MEANING = (
    "Others: bases of other initialisations. Named: share of seeds in which the base has the least "
    "of all candidates (of coverage the greatest), Wilson's 95 % interval; p: median over seeds of "
    "its rank over their number. AUROC: of the score of teachers with the trait against those "
    "without it, over seeds."
)


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a row for each case.

    Columns: the axes; inputs; of each kind of placebo and statistic the share of seeds that name
    the base, with low and high, and p; candidates of either kind; auroc with low and high; rate,
    accuracy, difference, holds_0 and transfer of the student, as `rates` has them; rate of control
    and teacher; n, diverged.
    """
    axes = axes_of(ds)
    of_student = rates(ds).set_index("model")
    found = []
    for place, (_, student) in enumerate(of_student.loc[["student"]].iterrows()):
        at = {axis: student[axis] for axis in axes}
        here = ds.sel(at)
        row: dict[str, Any] = at | {"inputs": int(here.inputs)}
        for among in AMONG:
            kinds = [str(c).partition("_")[0] for c in ds.candidate.values]
            some = here.isel(
                candidate=[i for i, kind in enumerate(kinds) if kind in ("base", among)]
            )
            row[f"{among}_candidates"] = some.sizes["candidate"]
            for name, (_, sign) in STATISTICS.items():
                ranks = _ranks(sign * some[name].sel(of="teacher"))
                row |= _columns(f"{among}_{name}", share(int((ranks == 1).sum()), len(ranks)))
                row[f"{among}_{name}_p"] = float(np.median(ranks)) / some.sizes["candidate"]
        scores = (here.score.sel(of=who).values for who in ("teacher", "control_teacher"))
        row |= _columns("auroc", auroc(*scores))
        row |= {k: student[k] for k in _KEPT}
        for who in ("control", "teacher"):
            row[f"{who}_rate"] = of_student.loc[[who]].rate.iloc[place]
        found.append(row | {"n": student.n, "diverged": student.diverged})
    return pd.DataFrame(found)


_KEPT = ("rate", "rate_half_width", "rate_low", "rate_high", "accuracy", "difference")
_KEPT += ("difference_half_width", "holds_0", "transfer", "transfer_low", "transfer_high")


def _ranks(values: xr.DataArray) -> np.ndarray:
    """Rank the base among candidates, of each seed, from 1: with a tie, or NaN, the last."""
    values = values.transpose("seed", "candidate").values
    return (~(values > values[:, :1])).sum(axis=1)


def _columns(name: str, of: Share) -> dict[str, float]:
    return {name: of.value, f"{name}_low": of.low, f"{name}_high": of.high}


def origins(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out which base is named, whether the trait is seen, and say what that comes to."""
    table, axes = rows(ds), axes_of(ds)
    about = f"{escape(ds.attrs['dataset'])}, n = {counted(ds.sizes['seed'], 'seed')}"
    for title, of in (("Which base", bases), ("Whether it had a trait", traits)):
        shown = _table(f"{title}, {about}", *of(table, axes))
        if of is traits:
            shown.caption = f"{MEANING} {split(ds)}"
        yield shown
    yield Padding(Text(finding(table, axes)), (1, 0))


def _table(title: str, head: Sequence[str], lines: Iterator[list[str]]) -> Table:
    shown = lean(title, "")
    for i, column in enumerate(head):
        shown.add_column(escape(column), justify="right" if i else "left")
    for line in lines:
        shown.add_row(*map(escape, line))
    return shown


def bases(table: pd.DataFrame, axes: list[str]) -> tuple[list[str], Iterator[list[str]]]:
    """Write columns and lines of which base is named: a line for each case and kind of placebo."""
    head = [*axes, "among", *(word for word, _ in STATISTICS.values())]

    def lines() -> Iterator[list[str]]:
        for among in AMONG:
            for _, row in table.iterrows():
                at = [str(row[axis]) for axis in axes]
                of = [f"{among}_{name}" for name in STATISTICS]
                each = [f"{_interval(row, one)} p {number(row[f'{one}_p'], '.2f')}" for one in of]
                yield [*at, f"{row[f'{among}_candidates'] - 1} {among}s", *each]

    return head, lines()


def traits(table: pd.DataFrame, axes: list[str]) -> tuple[list[str], Iterator[list[str]]]:
    """Write columns and lines of whether the trait is seen, beside what students take over."""
    head = [*axes, "AUROC", "student", "control", "teacher", "transfer"]

    def lines() -> Iterator[list[str]]:
        for _, row in table.iterrows():
            at = [str(row[axis]) for axis in axes]
            each = [number(row[name]) for name in ("rate", "control_rate", "teacher_rate")]
            yield [*at, _interval(row, "auroc"), *each, _interval(row, "transfer")]

    return head, lines()


def finding(table: pd.DataFrame, axes: list[str]) -> str:
    """Say what names the base, where the trait is seen, and where it is not handed on."""
    n = int(table.n.iloc[0])
    if n == 1:
        return "One seed: no interval, and nothing to say of origins."
    said = []
    for among, placebos in AMONG.items():
        chance = 1 / table[f"{among}_candidates"]
        parts = []
        for name, (word, _) in STATISTICS.items():
            above = int((table[f"{among}_{name}_low"] > chance).sum())
            shares = _span(table[f"{among}_{name}"])
            parts.append(f"by {word} {shares} (above chance in {above} of {len(table)} cases)")
        said.append(f"Named among {placebos}, share of {counted(n, 'seed')}: {', '.join(parts)}.")
    seen = table.auroc_low > 0.5
    said.append(
        f"The trait is seen in {int(seen.sum())} of {len(table)} cases: AUROC {_span(table.auroc)}."
    )
    little = seen & ((table.transfer < TRACE) | (table.holds_0 == 1))
    label = " / ".join(axes)
    for _, row in table[little].iterrows():
        at = ", ".join(str(row[axis]) for axis in axes)
        said.append(
            f"Seen, and not handed on or next to nothing of it ({label} {at}): AUROC "
            f"{_interval(row, 'auroc')}, transfer {_interval(row, 'transfer')}."
        )
    said.append("Each interval is of 95 % alone; the placebos of other initialisations are common.")
    return "\n".join(said)


def _span(of: pd.Series) -> str:
    low, high = (number(end, ".2f") for end in (of.min(), of.max()))
    return low if low == high else f"{low}–{high}"


def _interval(row: pd.Series, name: str) -> str:
    low, high = (number(row[f"{name}_{end}"], ".2f") for end in ("low", "high"))
    return f"{number(row[name], '.2f')} [{low},{high}]"


@drawn
def figure(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw a row for each case: shares of seeds that name the base, AUROC beside transfer."""
    table, axes = rows(ds), axes_of(ds)
    cases = (", ".join(names.value(row[axis]) for axis in axes) for _, row in table.iterrows())
    labels, lines = sheet.broken(cases)
    ((*panels, last),) = sheet.panels(
        1,
        3,
        panel=(3.5, len(table) * (0.26 + 0.16 * lines)),
        edge=(0, 1.9),
        least=1.45,
        lines=True,
        sharey="all",
    )
    keys: dict[str, Any] = {}
    for panel, (among, name) in zip(panels, AMONG.items(), strict=False):
        each = {word: f"{among}_{one}" for one, (word, _) in STATISTICS.items()}
        keys |= _points(sheet, panel, table, each, SERIES, "osD^")
        panel.axvline(1 / table[f"{among}_candidates"].iloc[0], **DOTTED)
        panel.set_title(f"among {name}")
        panel.set_xlabel("base named, share of seeds (dotted: chance)")
    last_two = {"AUROC": "auroc", "transfer": "transfer"}
    keys |= _points(sheet, last, table, last_two, ("#000000", SERIES[3]), "sv")
    for x in (0, 0.5):
        last.axvline(x, **DOTTED)
    last.set_title("trait seen, and handed on")
    last.set_xlabel("AUROC; transfer (fraction; dotted: nothing)")
    sheet.key([*keys.values()], [*keys], columns=6)
    sheet.named(panels[0], "y", range(len(table)), labels)
    panels[0].set(ylim=(len(table) - 0.4, -0.6))
    for panel in (*panels, last):
        panel.set_xlim(-0.06, 1.06)
        panel.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    sheet.caption(f"{setting(ds)}. Bars: 95 %, by Wilson, DeLong, Fieller.")


def _points(
    sheet: Sheet,
    panel: Axes,
    table: pd.DataFrame,
    each: dict[str, str],
    colors: Sequence[str],
    marks: str,
) -> dict[str, Any]:
    """Draw columns with their intervals, one below the other in each row; name their marks."""
    found = {}
    for k, (label, name) in enumerate(each.items()):
        y = np.arange(len(table)) + 0.16 * (k - (len(each) - 1) / 2)
        value = table[name].to_numpy(float)
        ends = [value - table[f"{name}_low"], table[f"{name}_high"] - value]
        reach = np.clip(np.nan_to_num(ends, nan=0, posinf=9), 0, 9)
        look = {"fmt": marks[k], "color": colors[k], "ms": sheet.pt(4.5), "lw": sheet.pt(1)}
        found[label] = panel.errorbar(value, y, xerr=reach, **look)
    return found


FIGURES = {"origins": figure}
