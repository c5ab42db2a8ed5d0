"""What a terminal shows: tables, warnings, progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import xarray as xr
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.table import Table

from sim import cast, results
from sim.bench import best, rows
from sim.sweeps import Plan


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


ROWS = 40  # points of a sweep that a terminal shows
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
        values = ds[name].transpose("width", "lazy_seed").values
        shown.add_row(what, *(_cell(results.summary(of_width)) for of_width in values))
    return shown


def sweep(ds: xr.Dataset) -> Table:
    """Test accuracy of each trained model at each point, up to ROWS of them."""
    axes = [axis for axis in ds.test_accuracy.dims if axis not in ("seed", "model")]
    n, flat = ds.sizes["seed"], ds.stack(point=axes).transpose("point", "seed", "model")
    left = f"; {ROWS} of {flat.sizes['point']} points" if flat.sizes["point"] > ROWS else ""
    shown = Table(
        title=f"{ds.attrs['dataset']}, n = {n}: test accuracy, mean ± half of 95 % interval{left}",
        title_justify="left",
    )
    for name in axes:
        shown.add_column(name.replace("_", " "), justify="right")
    flat = flat.sel(model=[model for model in ds.model.values if model != cast.REFERENCE])
    for model in flat.model.values:
        shown.add_column(str(model).replace("_", " "), justify="right")
    lost = bool(ds.diverged.any())
    if lost:
        shown.add_column("diverged", justify="right")
    for i in range(min(ROWS, flat.sizes["point"])):
        one = flat.isel(point=i)
        place = [f"{value:.4g}" if isinstance(value, float) else str(value)
                 for value in (one[name].item() for name in axes)]  # fmt: skip
        cells = [_cell(results.summary(values)) for values in one.test_accuracy.values.T]
        shown.add_row(*place, *cells, *([str(int(one.diverged.sum()))] if lost else []))
    return shown


def bench(found: dict[str, Any]) -> Table:
    """Figure 10's phases at MNIST's shapes, beside the machine's own product."""
    rates = found["product_flop_per_second"].items()
    product = ", ".join(f"{kind} {rate / 1e9:.0f} GFLOP/s" for kind, rate in rates)
    fastest = best(found)
    shown = Table(
        title=f"{found['device']}; product: {product}; "
        f"memory {found['bytes_per_second'] / 1e9:.0f} GB/s\n"
        f"medians of {found['repeats']}, seconds and TFLOP a seed, ratio to the float32 product",
        title_justify="left",
        caption=f"Fastest: {fastest['seeds']} seeds together, {fastest['matmul']}.",
        caption_justify="left",
        pad_edge=False,  # two columns less: all of it fits 80
    )
    columns = ("matmul", "seeds", "phase", "s", "TFLOP", "GFLOP/s", "ratio", "compile", "GiB")
    for i, column in enumerate(columns):
        shown.add_column(column, justify="left" if i in (0, 2) else "right")
    for row in rows(found):
        shown.add_row(*row, end_section=row[2] == "both")
    return shown


def plan(of: Plan) -> str:
    """What a sweep is about to do, in a line or two."""
    return (
        f"To do: {of.points} points, {of.students} students and {of.teachers} teachers to train, "
        f"{of.programs} programs to compile.\n"
        f"About {of.tflop:.3g} TFLOP, {_duration(of.seconds)} and {of.gib:.1f} GiB of memory here."
    )


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"


def _cell(of: results.Summary) -> str:
    numbers = [of.mean, of.half_width] if of.n > 1 else [of.mean]
    return " ± ".join(f"{number:.3f}".lstrip("0") for number in numbers)


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
