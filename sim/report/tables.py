"""What a terminal shows: tables, warnings, progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import xarray as xr
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.table import Table

from sim.engine.bench import best, rows
from sim.runs.results import axes_of, fixed
from sim.runs.statistics import Summary, difference, paired, summary
from sim.studies.sweep import Plan
from sim.training import cast


def table(ds: xr.Dataset) -> Table:
    """Lay out the test accuracy of each model over seeds, one row a model."""
    shown = Table(
        title=f"Figure 10 on {ds.attrs['dataset']}: test accuracy over {ds.sizes['seed']} seeds",
        title_justify="left",
        caption=split(ds),
        caption_justify="left",
    )
    shown.add_column("model")
    for column in ("mean", "95 % interval of mean", "sd", "n"):
        shown.add_column(column, justify="right")
    if any_lost := bool(ds.diverged.any()):
        shown.add_column("diverged", justify="right")

    def add(name: str, of: Summary, lost: xr.DataArray, *, last: bool) -> None:
        mean, interval, sd, n = _row(of)
        count = [str(int(lost.sum()))] if any_lost else []
        if lost.all():  # no spread of seeds, and no null
            interval, sd, count = "all diverged", "–", [f"all {lost.size}"]
        shown.add_row(name, mean, interval, sd, n, *count, end_section=last)

    for model in cast.MODELS:
        one = ds.sel(model=model)
        last = model == cast.MODELS[-1]
        add(model, summary(one.test_accuracy), one.diverged, last=last)
    pair = ["student_aux", "cross_aux"]
    either = ds.diverged.sel(model=pair).any("model")
    add("aux − cross aux, paired", paired(ds, *pair), either, last=True)
    return shown


def split(ds: xr.Dataset) -> str:
    """Say what the intervals leave out: other test images, at most 1.96 √(¼ / images)."""
    images = ds.attrs["test_images"]
    return (
        f"Intervals are over seeds, on one set of {images:,} test images; "
        f"another set would move all by up to ± {0.98 / images**0.5:.2f}."
    )


def statements(ds: xr.Dataset) -> Table:
    """What the theorem says and what was measured, one row a statement; fits 80 columns."""
    from sim.studies.theorem.statements import statements  # noqa: PLC0415 (jax: not for --help)

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
        of = summary(ds[name], over="lazy_seed")
        shown.add_row(what, *(_cell(of.isel(width=i)) for i in range(ds.sizes["width"])))
    return shown


def sweep(ds: xr.Dataset) -> Table:
    """Lay out the test accuracy of each trained model at each point, up to ROWS of them.

    Beside means, what pairs of the same seed say: the first student less its control, and the first
    student less itself at the first point; and what a setting may be chosen by.
    """
    axes = axes_of(ds)
    flat = ds.stack(point=axes, create_index=False) if axes else ds.expand_dims("point")
    points = flat.sizes["point"]
    left = f"; {ROWS} of {points} points" if points > ROWS else ""
    mark = "; ×k: k seeds diverged (kept)" if ds.diverged.any() else ""
    at = "".join(f", {name} {value}" for name, value in fixed(ds))
    models = [str(model) for model in ds.model.values if model != cast.REFERENCE]
    first = next((model for model in models if model != cast.TEACHER), cast.TEACHER)
    of_first = f"Less control, less row 1: {first.replace('_', ' ')}, by pairs of seeds. "
    choose = flat.sel(model=first).validation_accuracy.mean("seed", skipna=False).values
    held_out = not np.isnan(choose).any()
    shown = Table(
        title=f"{ds.attrs['dataset']}{at}, n = {ds.sizes['seed']}: test accuracy, mean ± half of "
        f"95 % interval{mark}{left}",
        title_justify="left",
        caption=of_first + held_out * "Choose by: its validation accuracy. " + split(ds),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    columns = {model: (summary(one.test_accuracy), one.diverged)
               for model in models for one in [flat.sel(model=model)]}  # fmt: skip
    columns |= _pairs(flat, first)
    for name in (*axes, *columns, *(["choose by"] if held_out else [])):
        shown.add_column(name.replace("_", " "), justify="right")
    for i in range(min(ROWS, points)):
        shown.add_row(
            *(_word(flat[name].values[i]) for name in axes),
            *(_cell(of.isel(point=i), lost.isel(point=i)) for of, lost in columns.values()),
            *([_number(choose[i])] if held_out else []),
        )
    return shown


def _pairs(flat: xr.Dataset, model: str) -> dict[str, tuple[Summary, xr.DataArray]]:
    """At each point, a model less its control and less itself at the first point, by seed."""
    found, one, control = {}, flat.sel(model=model), model.replace("student", "cross")
    if control != model and control in flat.model:
        either = flat.diverged.sel(model=[model, control]).any("model")
        found["less control"] = paired(flat, model, control), either
    if flat.sizes["point"] > 1:
        first = one.isel(point=0, drop=True)
        change = difference(one.test_accuracy, first.test_accuracy)
        found["less row 1"] = summary(change), one.diverged | first.diverged
    return found


def _word(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else escape(str(value))


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


def _number(value: float, form: str = ".3f") -> str:
    """A number with no 0 before its point."""
    return format(value, form).replace("0.", ".", 1 if abs(value) < 1 else 0)


def _cell(of: Summary, lost: xr.DataArray | None = None) -> str:
    """A mean with its half-width, or with its interval where that was cut; ×k: k seeds diverged.

    Where all of them did there is no interval.
    """
    mean, half_width = float(of.mean), float(of.half_width)
    low, high = (float(end) for end in of.interval)
    text = _number(mean, "+.3f" if of.is_difference else ".3f")
    if lost is not None and lost.all():
        return text + " ×all"
    if int(of.n) > 1:
        cut = low > mean - half_width or high < mean + half_width
        ends = f"[{_number(low, '.2g')},{_number(high, '.2g')}]"
        text += f" {ends}" if cut else f" ±{_number(half_width)}"
    return text + (f" ×{int(lost.sum())}" if lost is not None and lost.any() else "")


def _row(of: Summary) -> list[str]:
    sign = "+" if of.is_difference else ""
    low, high = (float(end) for end in of.interval)
    mean, sd, n = float(of.mean), float(of.sd), int(of.n)
    interval = f"[{low:{sign}.4f}, {high:{sign}.4f}]" if n > 1 else "none for one seed"
    return [f"{mean:{sign}.4f}", interval, f"{sd:.4f}" if n > 1 else "–", str(n)]


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
