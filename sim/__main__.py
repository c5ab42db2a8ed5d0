"""The command line: words to calls."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape

from sim import config, data, plots, report, results
from sim.errors import InputError
from sim.experiments import Figure10, Run

console = Console()
stderr = Console(stderr=True)
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR")]


@dataclass(frozen=True)
class _Figure10:
    """Train reference, teacher and four students for every seed: the paper's figure 10."""

    experiment: tyro.conf.OmitArgPrefixes[Figure10]
    out: Folder = Path("runs")
    """Where run folders go. The same command finds its folder again and goes on there."""

    def __call__(self) -> None:
        experiment = self.experiment.checked()
        for warning in config.warnings(experiment.setup, experiment.hyper, experiment.dataset):
            stderr.print(f"[yellow]warning:[/] {escape(warning)}")
        run = Run(experiment, self.out)
        ds = run.finished
        if ds is None:
            ds = self._compute(run)
        console.print(report.table(ds))
        _draw(ds, run.folder, again=False)
        console.print(f"Results, settings and figures: {escape(str(run.folder))}", soft_wrap=True)

    @staticmethod
    def _compute(run: Run):
        try:
            with report.bar(console, f"figure10, {run.experiment.seeds} seeds") as progress:
                return run.results(progress)
        except KeyboardInterrupt:
            console.print(
                f"Stopped. {run.saved} of {run.experiment.seeds} seeds are saved in "
                f"{escape(str(run.folder))}; the same command goes on from there.",
                soft_wrap=True,
            )
            raise SystemExit(130) from None


@dataclass(frozen=True)
class _Plot:
    """Draw the figures of a finished run again, from its saved results."""

    run_folder: tyro.conf.Positional[Folder]
    """The folder of a finished run."""

    def __call__(self) -> None:
        ds = results.load(self.run_folder)
        _draw(ds, self.run_folder, again=True)
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
        if self.action == "list":
            for name, line in data.KNOWN.items():
                state = data.status(name, self.data_dir)
                console.print(f"[bold]{name:14}[/]{line}\n{'':14}{escape(state)}", soft_wrap=True)
            return
        config.rule("name", self.name, self.name, f"what to {self.action}, as in: mnist")
        if self.action == "fetch":
            lines = [f"{self.name} is in {data.fetch(self.name, self.data_dir)}, verified"]
        else:
            lines = [
                f"{file}: {verdict}" for file, verdict in data.verify(self.name, self.data_dir)
            ]
        for line in lines:
            console.print(escape(line), soft_wrap=True)


def _draw(ds, folder: Path, *, again: bool) -> None:
    for name, draw in plots.FIGURES.items():
        files = [folder / f"{name}.{suffix}" for suffix in ("png", "pdf")]
        if again or not all(file.is_file() for file in files):
            figure = draw(ds)
            for file in files:
                with results.atomically(file) as part:
                    figure.savefig(part, dpi=160)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Bad input: one line on standard error, exit code 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        _parse(arguments)()
    except InputError as error:
        stderr.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _parse(arguments: list[str]):
    subcommand = tyro.conf.subcommand
    setup, hyper = config.recipe(_dataset(arguments))
    commands = {
        # The defaults that --help shows and a run takes are those of the data set it names.
        "figure10": (_Figure10, _Figure10(Figure10(setup, hyper))),
        "plot": (_Plot, None),
        "data": (_Data, None),
    }
    union = None
    for name, (command, default) in commands.items():
        options = {"default": default} if default else {}
        named = Annotated[command, subcommand(name, prefix_name=False, **options)]
        union = named if union is None else union | named
    return tyro.cli(
        union,
        args=arguments,
        prog="sublim",
        description="A minimal-theory simulator of subliminal learning.",
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
    )


def _dataset(arguments: list[str]) -> str:
    """The data set that a command line names, before it is parsed."""
    for i, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name == "--dataset":
            return value if equals else "".join(arguments[i + 1 : i + 2])
    return "digits"


if __name__ == "__main__":
    main()
