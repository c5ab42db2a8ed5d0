"""Tables: what a terminal shows of results, of a plan, of the machine's speed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any

import numpy as np
import xarray as xr
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sim.engine.bench import best, limits, rows
from sim.published.entries import Published
from sim.report.names import begun, counted
from sim.report.published import COLUMNS, ELSEWHERE, RULE, compare, means
from sim.runs.plan import Plan
from sim.runs.results import axes_of, extra, fixed
from sim.runs.statistics import Summary, difference, paired, summary
from sim.settings.grid import set_by
from sim.training.families import CONTROLS
from sim.training.measures import MEASURES, WHOLE

Lines = tuple[list[str], Iterator[list[str]]]  # columns, and cells line by line


def figure10(ds: xr.Dataset, published: Sequence[Published] = ()) -> Iterator[Table]:
    """Lay out the test accuracy of each model, what was published of it, what else was measured."""
    yield table(ds)
    yield from beside(ds, published)
    yield from (measured(ds, name) for name in extra(ds))


def table(ds: xr.Dataset) -> Table:
    """Lay out the test accuracy of each model over seeds, one row a model."""
    shown = Table(
        title=f"Figure 10 on {escape(ds.attrs['dataset'])}: test accuracy over "
        f"{counted(ds.sizes['seed'], 'seed')}",
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

    for model in ds.model.values:
        one = ds.sel(model=model)
        last = model == ds.model.values[-1]
        add(model, summary(one.test_accuracy), one.diverged, last=last)
    for model, control in CONTROLS.items():
        if {model, control} <= {*ds.model.values} and model.endswith("aux"):
            either = ds.diverged.sel(model=[model, control]).any("model")
            add("aux − cross aux, paired", paired(ds, model, control), either, last=True)
    return shown


def measured(ds: xr.Dataset, name: str) -> Table:
    """Lay out another measure of each model after training, of each layer if it has one a layer."""
    values = ds[MEASURES[name].final]
    layers = [str(layer) for layer in ds.layer.values] if "layer" in values.dims else [name]
    shown = Table(
        title=f"{escape(begun(values.attrs['long_name']))}, n = {ds.sizes['seed']}: mean ± half of "
        "95 % interval",
        title_justify="left",
    )
    for column in ("model", *layers):
        shown.add_column(column.replace("_", " "), justify="left" if column == "model" else "right")
    for model in ds.model.values:
        one = values.sel(model=model)
        if one.notnull().any():
            of = summary(one)
            each = [of.isel(layer=i) for i in range(len(layers))] if "layer" in one.dims else [of]
            shown.add_row(model, *map(cell, each))
    if not shown.rows:
        shown.caption = "Of no model is it a number."
    return shown


def split(ds: xr.Dataset) -> str:
    """Say what the intervals leave out: other test images, at most 1.96 √(¼ / images)."""
    images = ds.attrs["test_images"]
    return (
        f"Intervals are over seeds, on one set of {images:,} test images; "
        f"another set would move all by up to ± {0.98 / images**0.5:.2f}."
    )


ROWS = 40  # points of a sweep that a terminal shows


def sweep(ds: xr.Dataset, published: Sequence[Published] = ()) -> Iterator[Table]:
    """Lay out test accuracy at each point, what was published of it, what else was measured."""
    yield points(ds, published=published)
    yield from beside(ds, published)
    for name in extra(ds):
        by_layer = "layer" in ds[MEASURES[name].final].dims
        yield points(ds.sel(layer=WHOLE, drop=True) if by_layer else ds, MEASURES[name].final)


def points(
    ds: xr.Dataset, measure: str = "test_accuracy", published: Sequence[Published] = ()
) -> Table:
    """Lay out a measure of each trained model at each point, up to ROWS of them.

    Beside means, what pairs of the same seed say: the first student less its control, and the first
    student less itself at the first point; and what a setting may be chosen by.
    """
    axes = axes_of(ds)
    flat = ds.stack(point=axes, create_index=False) if axes else ds.expand_dims("point")
    many, mark = flat.sizes["point"], "; ×k: k seeds diverged (kept)" if ds.diverged.any() else ""
    left = f"; {ROWS} of {many} points" if many > ROWS else ""
    at = "".join(f", {name} {value}" for name, value in fixed(ds))
    models = [m for m in map(str, ds.model.values) if flat[measure].sel(model=m).notnull().all()]
    models = [model for model in models if model != "reference"]
    first = next((model for model in models if model != "teacher"), models[0])
    columns = {m: (summary(flat[measure].sel(model=m)), flat.diverged.sel(model=m)) for m in models}
    pairs, notes = _pairs(flat, measure, first), []
    choose = flat.sel(model=first).validation_accuracy.mean("seed", skipna=False).values
    if pairs:
        notes.append(
            f"{', '.join(pairs)}: {first.replace('_', ' ')}, by pairs of seeds.".capitalize()
        )
    if held_out := measure == "test_accuracy" and not np.isnan(choose).any():
        notes.append("Choose by: its validation accuracy.")
    shown = lean(
        f"{escape(ds.attrs['dataset'])}{escape(at)}, n = {ds.sizes['seed']}: "
        f"{measure.replace('_', ' ')}, mean ± half of 95 % interval{mark}{left}",
        " ".join([*notes, split(ds)]),
    )
    published = [p for p in published if p.dataset == ds.attrs["dataset"]]
    said = [_said(published, {name: flat[name].values[i] for name in axes}) for i in range(many)]
    more = {"choose by": [*map(number, choose)]} if held_out else {}
    more |= {"published": said} if any(said) else {}
    for name in (*axes, *columns, *pairs, *more):
        shown.add_column(name.replace("_", " "), justify="right", overflow="fold")
    for i in range(min(ROWS, many)):
        cells = (*columns.values(), *pairs.values())
        shown.add_row(
            *(_word(flat[name].values[i]) for name in axes),
            *(cell(of.isel(point=i), lost.isel(point=i)) for of, lost in cells),
            *(column[i] for column in more.values()),
        )
    return shown


def _said(published: Sequence[Published], at: dict[str, Any]) -> str:
    """Write what was published of a point; … for more values, which the next table has."""
    found = [p.short for p in published if p.value is not None and dict(p.at) == at]
    return "".join(found[:1]) + (" …" if len(found) > 1 else "")


def beside(ds: xr.Dataset, published: Sequence[Published]) -> Iterator[Table]:
    """Lay out what was published beside what was measured, and whether they agree."""
    if not published:
        return
    found = [*compare(means(ds), published, ds.attrs["dataset"])]
    shown = lean(
        "Published: test accuracy on " + ", ".join(sorted({p.dataset for p in published})),
        RULE if ds.attrs["dataset"] in {p.dataset for p in published} else ELSEWHERE,
    )
    for column in COLUMNS:
        shown.add_column(
            column, justify="right" if column in ("here", "published", "n") else "left"
        )
    for one in found:
        shown.add_row(*one.row)
    yield shown


def _pairs(flat: xr.Dataset, measure: str, model: str) -> dict[str, tuple[Summary, xr.DataArray]]:
    """Take a model less its control and less itself at the first point, by seed."""
    found, one, control = {}, flat.sel(model=model), CONTROLS.get(model)
    if control in flat.model.values:
        either = flat.diverged.sel(model=[model, control]).any("model")
        found["less control"] = paired(flat, model, control, measure), either
    if flat.sizes["point"] > 1:
        first = one.isel(point=0, drop=True)
        change = difference(one[measure], first[measure])
        found["less row 1"] = summary(change), one.diverged | first.diverged
    return found


def _word(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else escape(str(value))


def bench(found: dict[str, Any]) -> Table:
    """Figure 10's phases, beside the machine's own product."""
    rates = found["product_flop_per_second"].items()
    product = ", ".join(f"{kind} {rate / 1e9:.0f} GFLOP/s" for kind, rate in rates)
    fastest = best(found)
    shown = Table(
        title=f"{found['device']}; product: {product}; "
        f"memory {found['bytes_per_second'] / 1e9:.0f} GB/s\n"
        f"medians of {found['repeats']}, seconds and TFLOP a seed, "
        "ratio to the product of the same operands",
        title_justify="left",
        caption=f"Fastest: {counted(fastest['seeds'], 'seed')} together, {fastest['matmul']}.",
        caption_justify="left",
        pad_edge=False,  # two columns less: all of it fits 80
    )
    columns = ("matmul", "seeds", "phase", "s", "TFLOP", "GFLOP/s", "ratio", "compile", "GiB")
    for i, column in enumerate(columns):
        shown.add_column(column, justify="left" if i in (0, 2) else "right")
    for row in rows(found):
        shown.add_row(*row, end_section=row[2] == "both")
    return shown


def parts(found: dict[str, Any]) -> Iterator[Table]:
    """Where the time of each phase of a bench goes, beside what limits each part."""
    for run in found["runs"]:
        for phase, of in run.get("parts", {}).items():
            shown = Table(
                title=f"{phase}, {counted(run['seeds'], 'seed')}, {run['matmul']}: "
                f"{counted(of['steps'], 'step')}",
                title_justify="left",
                caption="Limits: of products, at the rate above; of what is moved, at the "
                "memory's; of the whole, products as they are alone, and what is moved.",
                caption_justify="left",
            )
            for column in ("part", "ms a seed", "% of whole", "limit", "× limit"):
                shown.add_column(column, justify="left" if column == "part" else "right")
            for part, seconds, limit in limits(found, run, phase):
                shown.add_row(
                    part,
                    f"{1e3 * seconds:.2f}",
                    f"{100 * seconds / of['parts']['whole']:.0f}",
                    f"{1e3 * limit:.2f}" if limit else "",
                    f"{seconds / limit:.1f}" if limit else "",
                )
            yield shown


def settings(
    of: Mapping[str, Any],
    usual: Mapping[str, Any],
    axes: Mapping[str, Sequence[Any] | Mapping[str, Any]],
    whose: str,
) -> Iterator[Table | str]:
    """Lay out axes, and settings that are not the usual ones; then, in a line, all others.

    axes: values, or cases by label. What they vary is in no line, what they set everywhere nowhere.
    whose: the usual ones are.
    """
    alone = {n: v[0] for n, v in axes.items() if n in usual and [*v] == [usual[n]]}
    of, axes = {**of, **alone}, {n: v for n, v in axes.items() if n not in alone}
    some, every = set_by(axes)
    shown = lean(f"Settings that are not {whose}", "")
    for column in ("setting", "here", whose):
        shown.add_column(column, overflow="fold")
    for name, values in axes.items():
        cases = values.items() if isinstance(values, Mapping) else ()
        each = [*starmap(_case, cases)] or [*values]
        shown.add_row(*map(escape, (name, _listed(each), str(usual.get(name, "")))))
    other = {n: v for n, v in of.items() if v != usual[n] and n not in {*every, *axes}}
    for name, value in other.items():
        shown.add_row(*map(escape, (name, str(value), str(usual[name]))))
    if shown.row_count:
        yield shown
    same = [f"{name} {value}" for name, value in of.items() if name not in {*other, *some, *axes}]
    yield escape(f"As {whose}: {', '.join(same)}.")


def _case(label: str, sets: Mapping[str, Any]) -> str:
    """Name a case with what it sets: its label alone may say that to nobody else."""
    return f"{label} ({', '.join(f'{name} {of}' for name, of in sets.items())})" if sets else label


def _listed(values: Sequence[Any], most: int = 12) -> str:
    """List an axis's values; of a long one, how it begins, how it ends, and how many there are.

    Labels that have commas of their own are parted by semicolons.
    """
    words = [*map(str, values)]
    between = "; " if any("," in word for word in words) else ", "
    if len(words) <= most:
        return between.join(words)
    return between.join([*words[:3], "…", f"{words[-1]} ({len(words)} values)"])


def plan(of: Plan) -> str:
    """Say what a sweep is about to do, in a line or two."""
    each = ("point", "student", "teacher", "program")
    points, students, teachers, programs = (counted(getattr(of, f"{one}s"), one) for one in each)
    return (
        f"To do: {points}, {students} and {teachers} to train, {programs} to compile.\n"
        f"About {of.tflop:.3g} TFLOP, {duration(of.seconds)} and {of.gib:.1f} GiB of memory here."
    )


def duration(seconds: float) -> str:
    """Write a time as people say it."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"


def trials(found: Sequence[Any], seeds: int, dataset: str, most: int = 15) -> Table:
    """Lay out the best trials of a search: validation accuracy, and what was tried."""
    shown = lean(
        f"Best of {counted(len(found), 'trial')}, {escape(dataset)}: validation accuracy over "
        f"{counted(seeds, 'seed')}",
        "Chosen on validation images: the best of many looks better than it is.",
    )
    names = list(dict.fromkeys(name for trial in found for name in trial.settings))
    for column in ("trial", "accuracy", *names):
        shown.add_column(column.replace("_", " "), justify="right")
    for trial in found[:most]:
        values = (str(trial.settings.get(name, "–")) for name in names)
        shown.add_row(str(trial.number), number(trial.accuracy), *map(escape, values))
    return shown


def lean(title: str, caption: str) -> Table:
    """Make a table of many columns: no frame, little between them."""
    return Table(
        title=title,
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )


def checks(title: str, found: Iterable[Any]) -> Table:
    """Lay out what was looked at, what was found, and whether that is as it must be."""
    shown = lean(escape(title), "")
    for column in ("", "looked at", "found"):
        shown.add_column(column, overflow="fold")
    for one in found:
        mark = "[green]✓[/]" if one.holds else "[bold red]✗[/]"
        shown.add_row(mark, escape(one.what), escape(one.found))
    return shown


def laid_out(title: str, note: str, of: Lines, left: int = 1) -> Table:
    """Make a lean table of lines that are written; `left` columns begin at the left."""
    head, lines = of
    shown = lean(title, note)
    for i, column in enumerate(head):
        side = "left" if i < left else "right"
        shown.add_column(escape(column), justify=side, overflow="fold")
    for line in lines:
        shown.add_row(*map(escape, line))
    return shown


def number(value: float, form: str = ".3f") -> str:
    """Write a number with no 0 before its point; a dash for none."""
    if np.isnan(value):
        return "–"
    text = format(value, form)
    if not text.strip("-0."):
        text = text.lstrip("-")  # what rounds to nothing has no sign
    return text.replace("0.", ".", 1 if abs(value) < 1 else 0)


def with_half(text: str, half_width: float) -> str:
    """Write half of an interval behind a number; of one seed there is none."""
    return text if np.isnan(half_width) else f"{text} ± {number(half_width)}"


def cell(of: Summary, lost: xr.DataArray | None = None) -> str:
    """Write a mean with its half-width, or its interval where cut; ×k: k seeds diverged.

    Where all of them did there is no interval.
    """
    mean, half_width = float(of.mean), float(of.half_width)
    if np.isnan(mean):
        return "–"
    low, high = (float(end) for end in of.interval)
    text = number(mean, "+.3f" if of.is_difference else ".3f")
    if lost is not None and lost.all():
        return text + " ×all"
    if int(of.n) > 1:
        cut = low > mean - half_width or high < mean + half_width
        ends = f"[{number(low, '.2g')},{number(high, '.2g')}]"
        text += f" {ends}" if cut else f" ±{number(half_width)}"
    return text + (f" ×{int(lost.sum())}" if lost is not None and lost.any() else "")


def _row(of: Summary) -> list[str]:
    sign = "+" if of.is_difference else ""
    low, high = (float(end) for end in of.interval)
    mean, sd, n = float(of.mean), float(of.sd), int(of.n)
    interval = f"[{low:{sign}.4f}, {high:{sign}.4f}]" if n > 1 else "none for one seed"
    return [f"{mean:{sign}.4f}", interval, f"{sd:.4f}" if n > 1 else "–", str(n)]
