"""Commands on finished runs: list, show, draw, compare, combine them, run one again.

Each imports what it needs when it runs, as `sim.commands`, which takes their words.
"""

# ruff: noqa: PLC0415

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from json import dumps, loads
from math import isfinite
from pathlib import Path
from typing import Any

from rich.markup import escape

from sim.errors import InputError, a_path, choose, require
from sim.settings.experiments import Output
from sim.terminal import FORMATS, SUFFIXES, aside, console, draw, print_json, told

PLOTS = "plots"  # folder in a run's, for figures that look otherwise than its own


def plot(
    run_folder: Path,
    width: str = "",
    caption: bool = True,
    models: tuple[str, ...] = (),
    formats: tuple[str, ...] = FORMATS,
    output: Path | None = None,
) -> None:
    """Draw the figures of a finished run again, from its saved results: for a paper, say.

    With another look than a run's own they go beside its own, into its folder `plots`.
    """
    from sim.runs import results

    if run_folder.name == results.RESULTS and os.path.isfile(run_folder):
        run_folder = run_folder.parent
    require("run_folder", str(run_folder), os.path.isdir(run_folder), "a folder")
    require("formats", formats, formats, "one or more")
    for one in formats:
        choose("formats", one, SUFFIXES)
    ds = results.load(run_folder)
    look = {"width": width or None, "caption": caption, "models": models or None}
    own = look == {"width": None, "caption": True, "models": None}
    folder = output or (run_folder if own else run_folder / PLOTS)
    draw(ds, run_folder, folder, again=True, formats=formats, **look)
    console.print(f"Figures: {escape(str(folder))}", soft_wrap=True)


def runs(folder: Path, json: bool) -> None:
    """List finished runs: what each is, what in it is not as usual, when it was made."""
    from sim.report.runs import COLUMNS, listed
    from sim.studies import kept

    rows = [*map(kept.row, kept.folders(folder))]
    if json:
        print_json([dict(zip(("run", *COLUMNS), row, strict=True)) for row in rows])
    else:
        console.print(listed(rows, str(folder)), soft_wrap=not rows, crop=False, highlight=False)


def show(run: Path, json: bool) -> None:
    """Print the tables of a finished run again, with how it was made."""
    from sim.report.runs import put_together
    from sim.runs import results
    from sim.studies import kept
    from sim.studies.shown import tables

    ds = results.load(run)
    if json:
        print_json(told(ds, run))
        return
    for one in tables(ds):
        console.print(one)
    parts = [put_together(one) for one in kept.combined(ds)]
    how: dict[str, Any] = {f"Part {i}": one for i, one in enumerate(parts, 1)}
    how |= {"Command": ds.attrs.get("command"), "Made": ds.attrs.get("created")}
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


def compare(first: Path, second: Path, json: bool) -> None:
    """Hold two finished runs against each other: settings, and results by pairs of seeds."""
    from sim.runs import results

    with aside(json):
        one, other = results.load(first), results.load(second)
        _same(one, other, ["first", "second"])
    if json:
        print_json(_apart(one, other))


def combine(runs: tuple[Path, ...], out: Path) -> None:
    """Put finished runs of one study together: over all of their axes' values, seeds and models.

    They must fill a grid. Results go to a folder of their own; those that they are of stay.
    """
    from sim.runs import results
    from sim.runs.run import opened, short
    from sim.runs.store import digest
    from sim.studies import kept
    from sim.studies.shown import tables
    from sim.studies.union import combine as united

    found = [results.load(run) for run in runs]
    ds = united(*found)
    name = digest({"settings": ds.attrs["settings"], "seeds": ds.seed.values.tolist()})[:8]
    parts = zip(runs, kept.combined(ds), strict=True)
    ds.attrs[kept.COMBINED] = dumps([{"run": str(run), **one} for run, one in parts])
    study, dataset = ds.attrs["study"], ds.attrs["dataset"].replace(":", "-")
    folder = a_path("out", out) / f"{short(f'{study}-{dataset}')}-{name}"
    require("out", str(out), folder.resolve() not in [run.resolve() for run in runs], "elsewhere")
    if {run.resolve().parent for run in runs} != {folder.resolve().parent}:
        ds.attrs["store"] = ""  # where parameters lie: beside the runs
    about = {"seeds": ds.attrs["seeds"], "chunk": int(ds.attrs["chunk"])}
    about |= {"combined": [str(run) for run in runs]}
    opened(folder, loads(ds.attrs["settings"]) | about)
    results.save(ds, folder / results.RESULTS)
    for one in tables(ds):
        console.print(one)
    draw(ds, folder)
    console.print(f"Results and figures: {escape(str(folder))}", soft_wrap=True)


def again(run: Path) -> None:
    """Run the command of a finished run again, from nothing, and say whether all bits are the same.

    Exit code 1 if they are not; then it says what is not the same, and how far apart results are.
    """
    from sim.commands import parse
    from sim.runs import results

    ds = results.load(run)
    command = ds.attrs.get("command", "")
    rule = "of a command: one made from Python, or combined, has none to run again"
    require("run", str(run), command, rule)
    console.print(f"$ {escape(command)}", soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory() as place:
        # Its chunk is what it began with, if the command did not say one: other last bits else.
        more = ["--chunk", str(ds.attrs["chunk"]), "--out", place, "--no-json", "--no-figures"]
        with _where_made(ds):
            parse([*shlex.split(command)[1:], *more])()
        console.print("That was a temporary folder; it is gone. The run's own is as it was.")
        (file,) = Path(place).glob(f"*/{results.RESULTS}")
        if not _same(ds, made := results.load(file.parent), ["before", "again"]):
            if why := _why(ds, made):
                console.print(why, soft_wrap=True)
            raise SystemExit(1)


@contextmanager
def _where_made(ds: Any) -> Iterator[None]:
    """Run a command where it was run, as its words may name files from there.

    Errors: those of the command; if that folder is gone, with its name.
    """
    from sim.runs.run import DIRECTORY

    place = ds.attrs.get(DIRECTORY, "")
    if os.path.isdir(place):
        with chdir(place):
            yield
        return
    try:
        yield
    except InputError as error:
        if not place:
            raise
        raise InputError(f"{error}; it was made in {place}, which is gone") from None


def _why(a: Any, b: Any) -> str:
    """Say why a run of the same settings may be another, if last bits are all that differs."""
    from sim.studies import kept
    from sim.studies.verify import EXTENDED, last_bits

    if _of_theorem(a, b) or kept.unlike(a, b):
        return ""
    few = all(last_bits(one.change) for one in kept.apart(a, b))
    words = "with others of its networks kept already, students train side by side with others."
    return f"{EXTENDED.capitalize()}: {words}" if few else ""


def verify(run: Path, draw: int | None, data_dir: Path | None, json: bool) -> None:
    """Look at the files of a finished run, and compute a part of it again, drawn by chance.

    Exit code 1 if something is not as it must be.
    """
    from sim.report.progress import bar, stopping
    from sim.report.tables import checks
    from sim.runs import results
    from sim.studies.verify import verify as verified

    results.load(run)  # before a bar is shown
    found, left = [], None
    with stopping(lambda: "Stopped."), aside(json), bar(console, "verify") as tell:
        try:
            for one in verified(run, draw, data_dir, tell):
                found.append(one)
        except InputError as error:  # of what is not here: what was looked at before is said
            left = error
    with aside(json):
        console.print(checks(f"Verified: {run}", found))
    if json:
        print_json({"run": str(run), "checks": [one._asdict() for one in found]})
    if left:
        raise left
    if not all(one.holds for one in found):
        raise SystemExit(1)


def selftest(json: bool) -> None:
    """Plant effects that are known and effects that are none, and find the one and not the other.

    The first thing to run on a new machine. It says PASS or FAIL; exit code 1 for FAIL.
    """
    from sim.report.progress import bar, stopping
    from sim.report.tables import checks
    from sim.studies.selftest import selftest as tried

    with stopping(lambda: "Stopped."), aside(json), bar(console, "selftest") as tell:
        found = [*tried(tell)]
    passed = all(one.holds for one in found)
    with aside(json):
        console.print(checks("Selftest", found))
        console.print("PASS" if passed else "FAIL", style="bold green" if passed else "bold red")
    if json:
        print_json({"passed": passed, "checks": [one._asdict() for one in found]})
    if not passed:
        raise SystemExit(1)


def _apart(a: Any, b: Any) -> dict[str, Any]:
    """Say the same as JSON has it: b less a, by pairs of seeds."""
    from sim.studies import kept

    def numbers(of: Any) -> dict[str, Any]:
        return {k: float(v) for k, v in of._asdict().items() if isfinite(v)}

    same = kept.same_bits(a, b)
    if _of_theorem(a, b):
        rows = [one._asdict() for one in ([] if same else kept.found(a, b))]
        return {"same_bits": same, "unlike": kept.unlike(a, b), "rows": rows}
    of = ("a", "b", "change")
    rows = [
        {**one.at, "measure": one.measure, "model": one.model}
        | {
            name: numbers(getattr(one, name)) | {"diverged": int(lost.sum())}
            for name, lost in zip(of, one.diverged, strict=True)
        }
        for one in ([] if same else kept.apart(a, b))
    ]
    return {"same_bits": same, "unlike": kept.unlike(a, b), "rows": rows}


def _of_theorem(*runs: Any) -> bool:
    """Tell whether all of these runs are of the theorem."""
    return all(ds.attrs["experiment"] == "theorem" for ds in runs)


def _same(a: Any, b: Any, names: list[str]) -> bool:
    """Say what two runs do not have in common, and whether all bits are the same."""
    from sim.report.runs import apart, found, unlike
    from sim.studies import kept

    if same := kept.same_bits(a, b):
        numbers = "Results are the same, bit by bit."
    elif _of_theorem(a, b):
        numbers = found(kept.found(a, b), names)
    else:  # before anything is printed: they may have nothing in common
        lines = [*kept.apart(a, b)]
        numbers = apart(lines, names, int(lines[0].change.n))
    if own := kept.unlike(a, b):
        console.print(unlike(own, names))
    else:
        console.print("Settings, seeds, versions, device and revision are the same.")
    console.print(numbers)
    return same
