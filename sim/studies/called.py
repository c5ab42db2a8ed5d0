"""A study that is run from Python: its traps as warnings, its progress shown in a notebook."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import xarray as xr

from sim.errors import require
from sim.report.names import counted
from sim.report.progress import cell
from sim.runs.results import SETTINGS
from sim.runs.run import Progress, Run, Study


def run(study: Study, out: str | Path | None, progress: Progress | None = None) -> xr.Dataset:
    """Run a study, and return its results; with no progress of the user's, a notebook shows it."""
    require("progress", progress, progress is None or callable(progress), "a function, or None")
    made = Run(study, out)
    for trap in (*study.traps, *study.task.notes):
        warnings.warn(trap, stacklevel=3)
    with _nothing_left(made):
        if progress is not None:
            return made.results(progress)
        with cell(f"{study.name}, {counted(len(study.common.each_seed), 'seed')}") as shown:
            return made.results(shown)


@contextmanager
def _nothing_left(run: Run) -> Iterator[None]:
    """Remove the folders of a run that fails, if it made them and nothing was measured."""
    folders = [folder for folder in (run.folder, run.store.folder) if folder]
    made = [folder for folder in folders if not folder.exists()]
    try:
        yield
    except Exception:
        for folder in made:
            with suppress(OSError):  # of what is there, or was not made
                if {file.name for file in folder.iterdir()} == {SETTINGS}:
                    (folder / SETTINGS).unlink()
                    folder.rmdir()
        raise
