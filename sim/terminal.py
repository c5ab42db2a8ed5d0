"""What a terminal shows of a run: its plan, its progress, its tables; and what is left on disk.

Libraries are imported when something is computed: --help should not wait for them.
"""

# ruff: noqa: PLC0415

import gc
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from json import dumps, loads
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from sim import published
from sim.errors import StorageError, require
from sim.settings.experiments import Common, Output, Theorem
from sim.settings.setup import Hyper, Setup
from sim.training.families import FIGURE_10, Family, takes

console = Console()
stderr = Console(stderr=True)
asked: list[str] = []  # the words of the command that runs
FORMATS = ("png", "pdf")  # of figures, unless others are asked for
SUFFIXES = (*FORMATS, "svg")


def show(
    study: Callable[[], Any],
    common: Common,
    output: Output,
    *,
    plans: bool = True,
    dry_run: bool = False,
    traps: bool = True,
    figures: bool = True,
    json: bool = False,
    preset: str = "",
    workers: int = 0,
    cluster: str = "",
) -> None:
    """Run a study: say what it takes, compute what is missing, and leave table, figures, data.

    dry_run: say what it would do, and do nothing. traps: warn of them. figures: draw them. json:
    print what the table says as JSON. preset: a published row. workers, cluster: who trains, as
    `sim.cluster` has it.
    """
    from sim.report import progress

    run = None

    def stopped() -> str:
        if run is None or run.folder is None:
            return "Stopped before anything was computed. The same command starts again."
        place = run.store.folder
        return f"Stopped: {run.work.saved()} are saved in {place}. The same command goes on there."

    try:
        with progress.stopping(stopped), aside(json):
            with _uncollected():
                from sim.report import tables
                from sim.runs.run import Run

                run = Run(study(), output.out)
            run.command = shlex.join(["sublim", *asked])
            warn((*(run.study.traps if traps else ()), *run.study.task.notes))
            if dry_run:
                say(run, preset, plans=plans)
                if json:
                    print_json(planned(run))
                return
            if (ds := run.finished) is None:
                from sim.report.names import counted

                if plans and (plan := run.work.plan()):
                    console.print(tables.plan(plan), highlight=False)
                what = f"{run.study.name}, {counted(len(common.each_seed), 'seed')}"
                with trained(workers, cluster), progress.bar(console, what) as tell:
                    ds = run.results(tell)
            from sim.studies.shown import tables as shown  # which a dry run does without

            for one in shown(ds):
                console.print(one)
            if json:
                print_json(told(ds, run.folder))
            if run.unsaved:
                raise run.unsaved  # said, and shown all the same
            if output.csv:
                results_csv(ds, run.folder / "results.csv")
            if figures:
                draw(ds, run.folder)
    except KeyboardInterrupt:
        stderr.print(escape(stopped()), soft_wrap=True)
        raise SystemExit(progress.INTERRUPTED) from None
    left = "Results, settings and figures" if figures else "Results and settings"
    (stderr if json else console).print(f"{left}: {escape(str(run.folder))}", soft_wrap=True)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Spare the collector what imports and points of grids make: much of it, and no garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was and not gc.get_freeze_count():
            gc.freeze()  # once: in a process that lives on, what was made since may be garbage
        if was:
            gc.enable()


@contextmanager
def trained(workers: int, address: str) -> Iterator[None]:
    """Train on a cluster, and say where it can be watched; here, if none is asked for."""
    if not workers and not address:
        yield
        return
    from sim.report.names import counted
    from sim.runs.cluster import cluster

    with cluster(address, workers) as client:
        many = len(client.nthreads())
        where = f"{counted(many, 'worker')}, dashboard {client.dashboard_link}"
        console.print(f"Training on {where}", soft_wrap=True, highlight=False)
        yield


@contextmanager
def aside(json: bool) -> Iterator[None]:
    """Where JSON is asked for, print what is for people on standard error."""
    before, console.stderr = console.stderr, json or console.stderr
    try:
        yield
    finally:
        console.stderr = before


def print_json(content: Any) -> None:
    """Print JSON on standard output: no number is null."""

    def plain(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    print(dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=plain), flush=True)


def told(ds: Any, folder: Path) -> dict[str, Any]:
    """Say what a run's table says, as JSON has it: a row for each cell, by column."""
    from sim.studies.shown import rows

    about = ("study", "dataset", "seeds", "device", "revision", "command", "created")
    found = {name: ds.attrs[name] for name in about if name in ds.attrs}
    return {"folder": str(folder)} | found | {"rows": records(rows(ds))}


def records(frame: Any) -> list[dict[str, Any]]:
    """Lay a table out as JSON has it: what is no number is null."""
    return loads(frame.to_json(orient="records", double_precision=15, force_ascii=False))


def planned(run: Any) -> dict[str, Any]:
    """Say what a run would do, as JSON has it."""
    plan = run.work.plan() if run.finished is None else None
    left = plan._asdict() if plan else {}
    return {"folder": str(run.folder), "finished": run.finished is not None, "plan": left}


def say(run: Any, preset: str, *, plans: bool) -> None:
    """Say what a run would do: its settings, what is missing of it, where it would lie."""
    from sim.report import tables

    own = run.study.settings
    if plans:
        family = getattr(run.study, "family", FIGURE_10)
        say_settings(own["setup"] | own["hyper"], dict(own["axes"]), family)
    else:
        for part in tables.settings(own, vars(Theorem()), {}, "the usual ones"):
            console.print(part, highlight=False)
    if run.finished is not None:
        console.print(f"Finished: {escape(str(run.folder))}", soft_wrap=True)
    else:
        if plans and (plan := run.work.plan()):
            console.print(tables.plan(plan), highlight=False)
        console.print(f"It would lie in {escape(str(run.folder))}", soft_wrap=True)
    say_cited(preset, run.study.name)


def say_settings(of: Mapping[str, Any], axes: Mapping[str, Any], family: Family) -> None:
    """Say which settings of a family's networks vary, which are not the paper's, which are."""
    from sim.report import tables

    shown = {name: value for name, value in of.items() if takes(family, name, of)}
    usual = vars(Setup()) | vars(Hyper())
    for part in tables.settings(shown, usual, axes, "the paper's"):
        console.print(part, highlight=False)


def say_cited(preset: str, study: str = "figure10") -> None:
    """Say whom to cite: the paper, a preset's source, those that a study shows beside its own."""
    named = published.to_cite(study, preset)
    console.print("To cite: " + ", ".join(f"sublim cite {name}" for name in named), soft_wrap=True)


def results_csv(ds: Any, path: Path) -> None:
    """Write results as a tidy table: a row for each point, seed, model and step."""
    from sim.runs import store

    store.write(path, ds.to_dataframe().to_csv().encode())


def warn(lines: Iterable[str]) -> None:
    """Print warnings, a line each."""
    for line in lines:
        stderr.print(f"[yellow]warning:[/] {escape(line)}", soft_wrap=True)


def draw(
    ds: Any,
    run: Path,
    folder: Path | None = None,
    *,
    again: bool = False,
    formats: Sequence[str] = FORMATS,
    **look: Any,
) -> None:
    """Draw the figures that are missing or not of these results; with `again`, all.

    run: the folder of the results, and of the figures unless another is given.
    look: width, caption, models, as `sim.report.sheet.drawn` has them.

    Errors: InputError for a look that cannot be, before a folder is made; or for the folder.
    """
    from sim.runs import results, store

    folder = folder or run
    of = store.checksum(run / results.RESULTS)
    with suppress(OSError, ValueError, KeyError):
        drawn = results.load_json(folder / results.DRAWN)
        files = [folder / f"{name}.{suffix}" for name in drawn["figures"] for suffix in formats]
        same = drawn["results_sha256"] == of
        if same and not again and all(file.is_file() for file in files):
            return
    from sim.studies.shown import figures

    found, pages = figures(ds), {}
    for name, make in found.items():
        figure = make(ds, **look)
        figure.get_layout_engine().execute(figure)  # once, and not anew for each file
        figure.set_layout_engine("none")
        for suffix in formats:
            figure.savefig(page := BytesIO(), format=suffix, dpi=300 if look.get("width") else 160)
            pages[f"{name}.{suffix}"] = page.getvalue()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    require("output", str(folder), os.path.isdir(folder), "a folder to write to")
    failed: dict[str, StorageError] = {}
    for name, page in pages.items():
        try:
            store.write(folder / name, page)
        except StorageError as error:
            failed[name] = error
    if failed:
        raise StorageError(f"not written: {', '.join(failed)}; {next(iter(failed.values()))}")
    results.save_json({"results_sha256": of, "figures": [*found]}, folder / results.DRAWN)
