"""Tables of our runs, kept as small CSV files that begin with command, revision and n."""

import json
import shlex
from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from sim import published
from sim.errors import require
from sim.published.changes import cases, replicable
from sim.report import prediction, replications
from sim.report.sheet import drawn
from sim.runs import results
from sim.runs.results import axes_of
from sim.settings.experiments import FIGURE_10
from sim.studies import grids, lineage, search
from sim.studies.shown import changed, figures, rows
from sim.studies.sweep import of_task

FOLDER = Path(__file__).parent / "studies"
SEARCHES = Path(__file__).parent / "searches"
STUDIES = ("figure10", "theorem", *grids.names())
#: Families of one's own, of which the tree is kept.
EXAMPLES = {file.stem: file for file in (FOLDER.parent.parent / "examples").glob("*.toml")}
#: Some of a study's rows, taken further apart or run later: their table's name ends so, or in a
#: number behind it.
PART = "_part"

#: Columns of which an empty cell is no number; elsewhere it is an empty word.
NUMBERS = ("half_width", "sd", "less_first_half_width", "difference", "difference_half_width")
NUMBERS += ("transfer", "transfer_low", "transfer_high", "rate", "accuracy", "projection")
NUMBERS += ("skill", "skill_half_width", "unskilled", "trait_left", "skill_left")
NUMBERS += ("trait_left_low", "trait_left_high", "skill_left_low", "skill_left_high")
NUMBERS += ("rate_half_width", "accuracy_half_width", "left_out", "caught", "lost", "holds_0")
NUMBERS += ("first", "first_half_width", "mean", "mean_half_width", "last", "last_half_width")
NUMBERS += ("low", "high", "above", "below", "moments", "share", "share_low", "share_high")
NUMBERS += ("final", *(f"first_{name}" for name in prediction.PREDICTORS))
NUMBERS += ("effect", "effect_half_width", "order", "value")
NUMBERS += ("validation", "less", "less_half_width")
NUMBERS += ("auroc", "auroc_low", "auroc_high", "control_rate", "teacher_rate")


class Saved(NamedTuple):
    """A table that was kept: what it is of, and its rows."""

    about: dict[str, str]
    rows: pd.DataFrame


def take(folders: Iterable[Path]) -> None:
    """Keep tables and first figures of finished runs of studies, as they are without settings.

    Of searches, the table of trials.

    Errors: InputError for two runs of one study, for one at other settings than its study's, and
    for one whose source was in no commit.
    """
    folders = [*folders]
    for folder in folders:
        if (table := folder / search.TABLE).is_file():
            (SEARCHES / f"{folder.name}.csv").write_text(table.read_text())
    loaded = [results.load(f) for f in folders if (f / results.RESULTS).is_file()]
    runs = [ds for ds in loaded if ds.attrs["study"] in (*STUDIES, *EXAMPLES)]
    names = [name(ds.attrs["study"], ds.attrs["dataset"]) for ds in runs]
    for ds, file in zip(runs, names, strict=True):
        revision = ds.attrs["revision"]
        require("runs", file, names.count(file) == 1, "one of each study and data set")
        other = differs(ds) if ds.attrs["study"] in EXAMPLES else changed(ds)
        require("settings", other, not other, f"as they are in {file}")
        clean = revision and not revision.endswith("-dirty")
        require("revision", revision, clean, f"a commit's: commit, delete the run of {file}, rerun")
    for ds, file in zip(runs, names, strict=True):
        keep(ds, file)


def differs(ds: xr.Dataset) -> bool:
    """Tell whether a run of an example has other settings than its file says."""
    of = lineage.read(EXAMPLES[ds.attrs["study"]])
    made = lineage.made(of, of_task(of.dataset, **lineage.settings(of, of.dataset)))
    said = json.loads(json.dumps({"settings": made.settings}))["settings"]
    return json.loads(ds.attrs["settings"])["settings"] != said


def keep(ds: xr.Dataset, file: str) -> None:
    """Write the table of a run, and its first figure or its tree.

    Of replications, some rows that are taken further apart than in the table that was kept, or are
    not in it, are kept beside it.
    """
    table, place = rows(ds), FOLDER / f"{file}.csv"
    if ds.attrs["experiment"] == "replications" and place.is_file():
        whole = read(place)
        if not {*whole.rows.row} <= {*table.row}:
            keep_part(ds, table, whole, place)
            return
    drawn = figures(ds)
    first = "tree" if ds.attrs["study"] in EXAMPLES else next(iter(drawn))
    _draw(drawn[first](ds), place)
    _write(ds, table, place)
    if ds.attrs["study"] == "replications" and ds.attrs["dataset"] == "mnist":
        replications.kept(table, ds.attrs["revision"]).to_csv(published.OURS, index=False)


def keep_part(ds: xr.Dataset, table: pd.DataFrame, whole: Saved, place: Path) -> None:
    """Write the table of some rows beside that of all, and what both come to."""
    there = {file: {*read(file).rows.row} for file in parts(place)}
    new = place.with_stem(f"{place.stem}{PART}{len(there) + 1 if there else ''}")
    file = next((file for file, names in there.items() if names == {*table.row}), new)
    _write(ds, table, file)
    beside = [*map(read, parts(place))]
    every = joined(whole, *beside).rows
    paper = float(every[every.row == published.PAPER]["mean"].iloc[0])
    _draw(drawn(replications.draw)(every, paper), place)
    if ds.attrs["dataset"] == "mnist":
        ours = replications.kept(every, whole.about["revision"])
        for part in beside:
            further = ours.row.isin(_apart(whole.rows, part.rows))
            ours.loc[further, "revision"] = part.about["revision"]
        ours.to_csv(published.OURS, index=False)


def _draw(figure: Figure, place: Path) -> None:
    figure.savefig(place.with_suffix(".png"), dpi=100, metadata={"Software": None})


def _apart(whole: pd.DataFrame, part: pd.DataFrame) -> set[str]:
    """Name the rows of which a part has more lines, or which it alone has."""
    before, now = whole.row.value_counts(), part.row.value_counts()
    return {row for row in now.index if now[row] > before.get(row, 0)}


def _write(ds: xr.Dataset, table: pd.DataFrame, file: Path) -> None:
    about = {
        "command": command(ds),
        "revision": ds.attrs["revision"],
        "dataset": ds.attrs["dataset"],
        "n": f"{ds.sizes['seed']} seeds",
        "test images": f"{ds.attrs['test_images']:,}",
        "device": ds.attrs["device"],
        "jax": json.loads(ds.attrs["versions"])["jax"],
    }
    lines = "".join(f"# {what}: {text}\n" for what, text in about.items())
    file.write_text(lines + table.to_csv(index=False, float_format="%.6g"))


def name(study: str, dataset: str) -> str:
    """Name the files of a study on a data set."""
    return study if dataset == "digits" else f"{study}_{dataset}"


def command(ds: xr.Dataset) -> str:
    """Write the command that makes a run of a study."""
    study, kind = ds.attrs["study"], ds.attrs["experiment"]
    words = ["sublim", study if study in ("figure10", "theorem") else f"study {study}"]
    if study in EXAMPLES:
        return f"sublim lineage examples/{study}.toml"
    words += [f"--dataset {ds.attrs['dataset']} --seeds {ds.attrs['seeds']}"]
    if kind != "theorem":
        models, usual = asked(ds), FIGURE_10
        if study in grids.names():
            usual = grids.settings(study, ds.attrs["dataset"])["models"]
        words += [f"--models {' '.join(models)}"] * (models != [*usual])
    if study in grids.names():
        words += _axes(ds, study)
    return " ".join(words)


def _axes(ds: xr.Dataset, study: str) -> Iterator[str]:
    """Write which of a study's values were run, where it is not all."""
    whole = grids.module(study).AXES
    for axis in axes_of(ds):
        here = [*map(str, ds[axis].values)]
        if axis not in whole or len(here) == len(whole[axis]):
            continue
        if ds.attrs["experiment"] == "replications":
            rows = replications.rows(ds).row.unique()
            named = [name for name in rows if published.row(name).changes]
            if cases(named).keys() == {*here}:
                yield "--row " + " ".join(named)
                continue
        together = here if any("," in label for label in here) else [",".join(here)]
        yield from ("--axis " + shlex.quote(f"{axis}={labels}") for labels in together)


def asked(ds: xr.Dataset) -> list[str]:
    """Name the models that a run was asked for."""
    return json.loads(ds.attrs["settings"])["settings"]["models"]


def load(study: str, dataset: str = "digits") -> Saved | None:
    """Read a table that was kept, if there is one; with what was kept beside it."""
    file = FOLDER / f"{name(study, dataset)}.csv"
    return joined(read(file), *map(read, parts(file))) if file.is_file() else None


def parts(place: Path) -> list[Path]:
    """List the tables of some rows that lie beside that of all."""
    return sorted(place.parent.glob(f"{place.stem}{PART}*{place.suffix}"))


def joined(whole: Saved, *parts: Saved) -> Saved:
    """Put rows of the catalogue that were taken further apart in the place of the same rows.

    They were trained by the same seeds, but in other chunks, and so with other last bits. Rows that
    are in a part alone come where the catalogue has them. Errors: ValueError where a value is
    further than its interval reaches from what it was.
    """
    return reduce(_joined, parts, whole)


def _joined(whole: Saved, part: Saved) -> Saved:
    both = whole.rows.merge(part.rows, on=["row", "what", "change"])
    apart = (both.mean_x - both.mean_y).abs() if len(both) else pd.Series(dtype=float)
    if (far := both[apart > both[["half_width_x", "half_width_y"]].max(axis=1)]).size:
        raise ValueError(f"not the same in both: {[*far.row]}")
    of = dict(iter(whole.rows.groupby("row", sort=False)))
    further = _apart(whole.rows, part.rows)
    of |= {row: lines for row, lines in part.rows.groupby("row") if row in further}
    of = {row: of[row] for row in replicable() if row in of}
    also = (
        f"Of {', '.join(row for row in of if row in further)}: `uv run {part.about['command']}`, "
        f"revision {part.about['revision'][:7]}, whose table is beside that of all, and ends in "
        f"{PART} or a number behind it."
    )
    before = [whole.about["also"]] if "also" in whole.about else []
    about = whole.about | {"also": "\n\n".join([*before, also])}
    return Saved(about, pd.concat(of.values(), ignore_index=True))


def searches() -> dict[str, Saved]:
    """Read the tables of trials of all searches that were kept, by the name of their folder."""
    return {file.stem: read(file) for file in sorted(SEARCHES.glob("*.csv"))}


def read(file: Path) -> Saved:
    """Read a table, and the lines above it that say what it is of."""
    lines = file.read_text().splitlines()
    about = [line[2:].split(": ", 1) for line in lines if line.startswith("# ")]
    numbers = {column: [""] for column in NUMBERS}
    rows = pd.read_csv(file, skiprows=len(about), keep_default_na=False, na_values=numbers)
    return Saved(dict(about), rows)
