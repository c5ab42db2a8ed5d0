"""Commands on finished runs: list them, show one, draw it, compare two, run one again.

Each imports what it needs when it runs, as `sim.commands`, which takes their words.
"""

# ruff: noqa: PLC0415

import shlex
import tempfile
from pathlib import Path
from typing import Any

from rich.markup import escape

from sim.errors import require
from sim.settings.experiments import Output
from sim.terminal import console, draw


def plot(run_folder: Path) -> None:
    """Draw the figures of a finished run again, from its saved results."""
    require("run_folder", str(run_folder), run_folder.is_dir(), "a folder")
    from sim.runs import results
    from sim.studies.shown import shown

    ds = results.load(run_folder)
    _, figures = shown(ds)
    draw(ds, figures, run_folder, again=True)
    console.print(f"Figures: {escape(str(run_folder))}", soft_wrap=True)


def runs(folder: Path) -> None:
    """List finished runs: what each is, what in it is not as usual, when it was made."""
    from sim.report.runs import listed
    from sim.studies import kept

    console.print(listed([*map(kept.row, kept.folders(folder))], str(folder)))


def show(run: Path) -> None:
    """Print the tables of a finished run again, with how it was made."""
    from sim.runs import results
    from sim.studies import kept
    from sim.studies.shown import shown

    ds = results.load(run)
    table, _ = shown(ds)
    for one in table(ds):
        console.print(one)
    how = {"Command": ds.attrs.get("command"), "Made": ds.attrs.get("created")}
    how |= {"Took": kept.took(ds)}
    how |= {name.capitalize(): ds.attrs.get(name) for name in ("revision", "device", "versions")}
    for name, value in how.items():
        if value:
            console.print(f"{name}: {escape(str(value))}", soft_wrap=True, highlight=False)


def report(run: tuple[Path, ...], output: Path | None, all: bool) -> None:
    """Write a report of finished runs: one page that opens anywhere, with no network.

    With --all, one into each run of a folder, and a page that lists them.
    """
    from sim.pages import write

    if all:
        require("all", " ".join(map(str, run)), len(run) <= 1, "of one folder")
        require("output", str(output), output is None, "not named: --all writes into the folder")
        path = write.index(run[0] if run else Path(Output().out))
    else:
        require("run", "", run, "the folder of a finished run, or more of them")
        path = write.page(run, output or Path(write.REPORT))
    console.print(f"{'Index' if all else 'Report'}: {escape(str(path))}", soft_wrap=True)


def compare(first: Path, second: Path) -> None:
    """Hold two finished runs against each other: settings, and results by pairs of seeds."""
    from sim.runs import results

    _same(results.load(first), results.load(second), ["first", "second"])


def again(run: Path) -> None:
    """Run the command of a finished run again, from nothing, and say whether all bits are the same.

    Exit code 1 if they are not; then it says what is not the same, and how far apart results are.
    """
    from sim.commands import parse
    from sim.runs import results

    ds = results.load(run)
    command = ds.attrs.get("command", "")
    require("run", str(run), command, "of a command: one made from Python has none to run again")
    console.print(f"$ {escape(command)}", soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory() as place:
        # Its chunk is what it began with, if the command did not say one: other last bits else.
        more = ["--chunk", str(ds.attrs["chunk"]), "--out", place]
        parse([*shlex.split(command)[1:], *more])()
        (file,) = Path(place).glob(f"*/{results.RESULTS}")
        if not _same(ds, results.load(file.parent), ["before", "again"]):
            raise SystemExit(1)


def _same(a: Any, b: Any, names: list[str]) -> bool:
    """Say what two runs do not have in common, and whether all bits are the same."""
    from sim.report.runs import apart, unlike
    from sim.studies import kept

    if found := kept.unlike(a, b):
        console.print(unlike(found, names))
    else:
        console.print("Settings, seeds, versions, device and revision are the same.")
    if same := kept.same_bits(a, b):
        console.print("Results are the same, bit by bit.")
    else:
        lines = [*kept.apart(a, b)]
        console.print(apart(lines, names, int(lines[0].change.n)))
    return same
