"""The command line: words to calls. `sublim --help`, or `python -m sim --help`."""

# Each command imports what it needs when it runs: jax's libraries take seconds, --help should not.
# ruff: noqa: PLC0415

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape

from sim.errors import InputError, Notice, StorageError
from sim.settings import config

console = Console()
stderr = Console(stderr=True)
DRAWN = "figures.json"  # of which results a run's figures were drawn
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR")]


@dataclass(frozen=True)
class _Figure10:
    """Train reference, teacher and four students for every seed: the paper's figure 10.

    Default settings are those of the data set: "sublim figure10 --dataset mnist --help" shows the
    paper's. The same command again prints the finished run, or goes on with an interrupted one.
    """

    experiment: config.Figure10
    out: Folder = Path("runs")
    """Where run folders go."""

    def __call__(self) -> None:
        experiment = self.experiment.checked()
        _warn(config.warnings(experiment.setup, experiment.hyper, experiment.dataset))
        from sim.report import tables as report
        from sim.studies.figure10 import Run

        run = Run(experiment, self.out)
        _warn(run.task.notes)
        seeds = f"{experiment.seeds} seeds"
        if (ds := run.finished) is None:
            ds = _with_bar(f"figure10, {seeds}", run, lambda: f"{run.saved} of {seeds}")
        console.print(report.table(ds))
        _draw(ds, run.folder)
        console.print(f"Results, settings and figures: {escape(str(run.folder))}", soft_wrap=True)


@dataclass(frozen=True)
class _Sweep:
    """Vary any settings over a grid, for many seeds: figure 10's networks at every point.

    What has been measured at a point is kept: more seeds, more values, or another grid compute only
    what is new. An interrupted sweep goes on. Axes of numbers share one compiled program; an axis
    that changes shapes or the program compiles once a value.
    """

    experiment: config.Sweep
    axis: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=V,V,… or NAME=FROM:TO:COUNT (with "log" behind: even ratios), as in
    --axis aux=1,3,10 --axis student_lr=1e-4:1e-2:5log. NAME: any setting below, or width, depth.
    Several axes make a grid."""
    out: Folder = Path("runs")
    """Where run folders go."""
    csv: bool = False
    """Write a tidy table too, results.csv: a row for each point, seed and model."""

    def __call__(self) -> None:
        experiment = self.experiment.checked()
        from sim.settings.grid import parse
        from sim.studies.sweep import Run

        axes = [parse(text) for text in self.axis]
        names = [name for name, _ in axes]
        config.rule("axis", " ".join(self.axis), len(set(names)) == len(names), "one for each name")
        _show_sweep(Run(experiment, dict(axes), self.out), "sweep", csv=self.csv)


@dataclass(frozen=True)
class _Study:
    """Run a named study: a grid that somebody has published about, with a figure.

    "sublim study --list" says what there is.
    """

    name: tyro.conf.Positional[str] = ""
    """Which study."""
    list: bool = False
    """List the studies, with their questions."""
    dataset: str = "digits"
    """As for figure10."""
    seeds: int = 16
    """Number of seeds at every point of the grid."""
    models: tuple[config.Student, ...] = ("student_aux", "cross_aux")
    """Students to train, beside reference and teacher."""
    data_dir: Path | None = None
    """Where data sets lie or are put. Default: $SUBLIM_DATA_DIR, else the user's cache folder."""
    out: Folder = Path("runs")
    """Where run folders go."""
    csv: bool = False
    """Write a tidy table too, results.csv: a row for each point, seed and model."""

    def __call__(self) -> None:
        from sim.studies import grids as studies

        if self.list:
            for name in studies.names():
                question, *_ = studies.statement(name).splitlines()
                console.print(f"{name:24}{question}", soft_wrap=True, highlight=False)
            return
        config.rule("study", self.name, self.name, "named; sublim study --list shows the names")
        settings = {"dataset": self.dataset, "seeds": self.seeds, "models": self.models,
                    "data_dir": self.data_dir}  # fmt: skip
        run = studies.run(self.name, self.out, **settings)
        for paragraph in studies.statement(self.name).split("\n\n"):
            console.print(escape(" ".join(paragraph.splitlines())) + "\n", highlight=False)
        _show_sweep(run, self.name, csv=self.csv)


@dataclass(frozen=True)
class _Theorem:
    """Hold the paper's Lemma 1 and Theorem 1 against networks, in float64, over many seeds.

    Prints one line per statement: its equation, which hypotheses were checked, what was measured,
    and the verdict (holds, violated, degenerate, not applicable; "estimate" where the theory gives
    a size and not a truth). The same command again prints the finished run, or goes on with an
    interrupted one.
    """

    experiment: config.Theorem
    out: Folder = Path("runs")
    """Where run folders go."""

    def __call__(self) -> None:
        experiment = self.experiment.checked()
        from sim.report import tables as report
        from sim.studies.theorem.run import Run

        run = Run(experiment, self.out)
        _warn(run.task.notes)
        if (ds := run.finished) is None:
            ds = _with_bar(f"theorem, {experiment.seeds} seeds", run, lambda: run.saved)
        console.print(report.statements(ds))
        console.print(report.widths(ds))
        _draw(ds, run.folder)
        console.print(f"Results, settings and figures: {escape(str(run.folder))}", soft_wrap=True)


@dataclass(frozen=True)
class _Bench:
    """Time figure 10's training here at the paper's MNIST shapes, beside the matrix product.

    Random images, no download. Takes about a minute for each number of seeds on two fast cores.
    """

    repeats: int = 5
    """Chunks of seeds to time; the table shows medians."""
    chunk: tuple[int, ...] = ()
    """Numbers of seeds to train together. Default: what a run takes, half and twice of it."""
    matmul: tuple[config.Matmul, ...] = ("float32",)
    """Operands of the matrix products, one after the other."""
    json: bool = False
    """Print JSON, in seconds, FLOP, bytes and GiB, in place of the table."""

    def __call__(self) -> None:
        for name, values in (("repeats", (self.repeats,)), ("chunk", self.chunk)):
            config.rule(name, values, all(v > 0 for v in values), "positive whole numbers")
        from sim.engine.bench import bench
        from sim.report import tables as report

        with report.bar(stderr, "bench") as progress:
            found = bench(self.repeats, self.chunk, self.matmul, progress)
        if self.json:
            console.print_json(data=found)
        else:
            console.print(report.bench(found))


@dataclass(frozen=True)
class _Plot:
    """Draw the figures of a finished run again, from its saved results."""

    run_folder: tyro.conf.Positional[Folder]
    """The folder of a finished run."""

    def __call__(self) -> None:
        from sim.runs import results

        config.rule("run_folder", str(self.run_folder), self.run_folder.is_dir(), "a folder")
        _draw(results.load(self.run_folder), self.run_folder, again=True)
        console.print(f"Figures: {escape(str(self.run_folder))}", soft_wrap=True)


@dataclass(frozen=True)
class _Data:
    """List the known data sets, fetch one, or verify the files of one."""

    action: tyro.conf.Positional[Literal["list", "fetch", "verify"]]
    """What to do."""
    name: tyro.conf.Positional[str] = ""
    """For fetch and verify: mnist, fashion_mnist, or (verify) a folder of IDX files."""
    data_dir: Path | None = None
    """Where data sets lie or are put. Default: $SUBLIM_DATA_DIR, else the user's cache folder."""

    def __call__(self) -> None:
        from sim.model import sources

        if self.action == "list":
            lines = [
                f"{name:14}{line}\n{'':14}{sources.status(name, self.data_dir)}"
                for name, line in sources.KNOWN.items()
            ]
        else:
            config.rule("name", self.name, self.name, f"what to {self.action}, as in: mnist")
            if self.action == "fetch":
                lines = [f"{self.name} is in {sources.fetch(self.name, self.data_dir)}, verified"]
            else:
                verdicts = sources.verify(self.name, self.data_dir)
                lines = [f"{file}: {verdict}" for file, verdict in verdicts]
        for line in lines:
            console.print(escape(line), soft_wrap=True, highlight=False)


def _warn(lines: Iterable[str]) -> None:
    for line in lines:
        stderr.print(f"[yellow]warning:[/] {escape(line)}", soft_wrap=True)


def _show_sweep(run, what: str, *, csv: bool) -> None:
    """Say what it takes, compute what is missing, and leave table and figure."""
    from sim.report import tables as report
    from sim.runs import store

    _warn(run.traps)
    if (ds := run.finished) is None:
        console.print(report.plan(run.plan()), highlight=False)
        ds = _with_bar(f"{what}, {run.experiment.seeds} seeds", run, lambda: run.saved)
    console.print(report.sweep(ds))
    _draw(ds, run.folder)
    if csv:
        store.write(run.folder / "results.csv", ds.to_dataframe().to_csv().encode())
    console.print(f"Results, settings and figures: {escape(str(run.folder))}", soft_wrap=True)


def _with_bar(what: str, run, saved: Callable[[], str]):
    """The run's results, with a progress bar; Ctrl-C says what is saved and how to go on."""
    from sim.report import tables as report

    try:
        with report.bar(console, what) as progress:
            return run.results(progress)
    except KeyboardInterrupt:
        stderr.print(
            f"Stopped: {saved()} are saved in {escape(str(run.store.folder.parent))}. "
            "The same command goes on from there.",
            soft_wrap=True,
        )
        raise SystemExit(130) from None


def _draw(ds, folder: Path, *, again: bool = False) -> None:
    """Draw the figures that are missing or not of these results; with `again`, all."""
    from sim.report import figures as plots
    from sim.report import sweep_figures as sweep_plots
    from sim.runs import results, store
    from sim.studies.theorem import figures as theorem_plots

    kinds = {"theorem": theorem_plots, "sweep": sweep_plots, "figure10": plots}
    figures = kinds[ds.attrs["experiment"]].FIGURES
    drawn = {"results_sha256": store.checksum(folder / results.RESULTS)}
    with suppress(OSError, ValueError):
        files = [folder / f"{name}.{suffix}" for name in figures for suffix in ("png", "pdf")]
        same = json.loads((folder / DRAWN).read_text()) == drawn
        if same and not again and all(file.is_file() for file in files):
            return
    for name, draw in figures.items():
        figure = draw(ds)
        for suffix in ("png", "pdf"):
            page = BytesIO()
            figure.savefig(page, format=suffix, dpi=160)
            store.write(folder / f"{name}.{suffix}", page.getvalue())
    results.save_json(drawn, folder / DRAWN)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Bad input: one line on standard error, exit code 2."""
    try:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", Notice)
                warnings.showwarning = lambda message, *_: _warn([str(message)])
                _parse(sys.argv[1:] if arguments is None else arguments)()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, as in `sublim … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left unwritten
        raise SystemExit(141) from None
    except (InputError, StorageError) as error:
        stderr.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise SystemExit(2 if isinstance(error, InputError) else 1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _parse(arguments: list[str]) -> Callable[[], None]:
    # The defaults that --help shows and a run takes are those of the data set that is named.
    setup, hyper = config.recipe(_dataset(arguments))
    figure10 = _Figure10(config.Figure10(setup, hyper))
    sweep = _Sweep(config.Sweep(setup, hyper))
    subcommand = tyro.conf.subcommand
    return tyro.cli(
        Annotated[_Figure10, subcommand("figure10", default=figure10)]
        | Annotated[_Sweep, subcommand("sweep", default=sweep)]
        | Annotated[_Study, subcommand("study")]
        | Annotated[_Theorem, subcommand("theorem", default=_Theorem(config.Theorem()))]
        | Annotated[_Bench, subcommand("bench")]
        | Annotated[_Plot, subcommand("plot")]
        | Annotated[_Data, subcommand("data")],
        args=arguments,
        prog="sublim",
        description="A minimal-theory simulator of subliminal learning.",
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
    )


def _dataset(arguments: list[str]) -> str:
    """The data set that a command line names, before it is parsed: there too, the last counts."""
    dataset = "digits"
    for word, following in pairwise([*arguments, ""]):
        name, equals, value = word.partition("=")
        if name == "--dataset":
            dataset = value if equals else following
    return dataset


if __name__ == "__main__":
    main()
