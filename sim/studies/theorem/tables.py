"""Tables of the theorem: what it says beside what was measured."""

from collections.abc import Iterator

import xarray as xr
from rich.markup import escape
from rich.table import Table

from sim.report.names import counted
from sim.report.tables import cell
from sim.runs.statistics import summary
from sim.studies.theorem.statements import statements

COLORS = {"holds": "green", "violated": "bold red", "degenerate": "cyan"}
LAZY = {
    "lazy_gap": "student's displacement: relative gap",
    "lazy_logit_gap": "change of class logits: relative gap",
    "lazy_predicted_accuracy": "accuracy, predicted",
    "lazy_accuracy": "accuracy, student",
    "lazy_reference_accuracy": "accuracy, untrained",
    "lazy_teacher_accuracy": "accuracy, teacher",
    "lazy_visible_fraction": "visible fraction of Δθ_T",
}


def theorem(ds: xr.Dataset) -> Iterator[Table]:
    """Lay out the statements with their verdicts, and what is beside them."""
    yield said(ds)
    yield widths(ds)


def said(ds: xr.Dataset) -> Table:
    """Lay out what the theorem says and what was measured, a row a statement, in 80 columns."""
    seeds = counted(ds.sizes["seed"], "seed")
    shown = Table(
        title=f"The theorem on {escape(ds.attrs['dataset'])}, {seeds}, float64",
        title_justify="left",
        show_lines=True,
    )
    shown.add_column("statement, equation", ratio=5)
    shown.add_column("measured; hypotheses checked", ratio=6)
    shown.add_column("verdict", min_width=10)
    for row in statements(ds):
        color = COLORS.get(row.verdict, "yellow")
        shown.add_row(
            f"{escape(row.statement)}  [dim]{escape(row.equation)}[/]",
            f"{escape(row.measured)}\n[dim]{escape(row.hypotheses)}[/]",
            f"[{color}]{row.verdict}[/]",
        )
    return shown


def widths(ds: xr.Dataset) -> Table:
    """Lay out trained networks beside the linearised prediction, a column a width."""
    n = counted(ds.sizes["lazy_seed"], "seed")
    shown = Table(
        title=f"Eq. (6) and trained networks: mean ± half of 95 % interval, n = {n}",
        title_justify="left",
    )
    shown.add_column("hidden units")
    for width in ds.width.values:
        shown.add_column(str(width), justify="right")
    for name, what in LAZY.items():
        of = summary(ds[name], over="lazy_seed")
        shown.add_row(what, *(cell(of.isel(width=i)) for i in range(ds.sizes["width"])))
    return shown
