"""What a terminal shows: tables, warnings, progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import xarray as xr
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.table import Table

from sim import cast, results


def table(ds: xr.Dataset) -> Table:
    """Test accuracy of each model over seeds, one row a model."""
    shown = Table(
        title=f"Figure 10 on {ds.attrs['dataset']}: test accuracy over {ds.sizes['seed']} seeds",
        title_justify="left",
    )
    shown.add_column("model")
    for column in ("mean", "95 % interval of mean", "sd", "n"):
        shown.add_column(column, justify="right")
    diverged = ds.diverged.sum("seed")
    if diverged.any():
        shown.add_column("diverged", justify="right")
    for model in cast.MODELS:
        row = _row(results.summary(ds.test_accuracy.sel(model=model)))
        lost = [str(int(diverged.sel(model=model)))] if diverged.any() else []
        shown.add_row(model, *row, *lost, end_section=model == cast.MODELS[-1])
    difference = results.paired(ds, "student_aux", "cross_aux")
    shown.add_row("aux − cross aux, paired", *_row(difference, sign="+"))
    return shown


def statements(ds: xr.Dataset) -> Table:
    """What the theorem says and what was measured, one row a statement; fits 80 columns."""
    from sim.statements import statements  # noqa: PLC0415 (jax: not for --help)

    shown = Table(
        title=f"The theorem on {ds.attrs['dataset']}, {ds.sizes['seed']} seeds, float64",
        title_justify="left",
        show_lines=True,
    )
    shown.add_column("statement, equation", ratio=5)
    shown.add_column("measured; hypotheses checked", ratio=6)
    shown.add_column("verdict", min_width=10)
    colors = {"holds": "green", "violated": "bold red", "degenerate": "cyan"}
    for row in statements(ds):
        color = colors.get(row.verdict, "yellow")
        shown.add_row(
            f"{escape(row.statement)}  [dim]{escape(row.equation)}[/]",
            f"{escape(row.measured)}\n[dim]{escape(row.hypotheses)}[/]",
            f"[{color}]{row.verdict}[/]",
        )
    return shown


LAZY = {
    "lazy_gap": "student's displacement: relative gap",
    "lazy_logit_gap": "change of class logits: relative gap",
    "lazy_predicted_accuracy": "accuracy, predicted",
    "lazy_accuracy": "accuracy, student",
    "lazy_reference_accuracy": "accuracy, untrained",
    "lazy_teacher_accuracy": "accuracy, teacher",
    "lazy_visible_fraction": "visible fraction of Δθ_T",
}


def widths(ds: xr.Dataset) -> Table:
    """Networks trained by gradient descent beside the linearised prediction, a column a width."""
    n = ds.sizes["lazy_seed"]
    shown = Table(
        title=f"Eq. (6) and trained networks: mean ± half of 95 % interval, n = {n} seeds",
        title_justify="left",
    )
    shown.add_column("hidden units")
    for width in ds.width.values:
        shown.add_column(str(width), justify="right")
    for name, what in LAZY.items():
        cells = (results.summary(values) for values in ds[name].transpose("width", "lazy_seed"))
        shown.add_row(what, *(f"{of.mean:.3f} ± {of.half_width:.3f}" for of in cells))
    return shown


def _row(of: results.Summary, sign: str = "") -> list[str]:
    low, high = of.mean - of.half_width, of.mean + of.half_width
    interval = f"[{low:{sign}.4f}, {high:{sign}.4f}]" if of.n > 1 else "none for one seed"
    return [f"{of.mean:{sign}.4f}", interval, f"{of.sd:.4f}" if of.n > 1 else "–", str(of.n)]


@contextmanager
def bar(console: Console, what: str) -> Iterator[Callable[[float, float], None]]:
    """A progress bar with the time left; its function takes the work done and the whole."""
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeLeft(),
    )
    with Progress(TextColumn(what), *columns, console=console) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, whole: progress.update(task, completed=done, total=whole)
