"""Experiments: settings in, a Dataset out; with a folder, resumable and saved."""

import hashlib
import json
import os
import subprocess
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import platformdirs
import xarray as xr

from sim import data, engine, results
from sim.config import Figure10, rule
from sim.config import warnings as traps
from sim.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sublim", "jax", "jaxlib", "flax", "optax", "numpy")  # what numbers come from
BITS = ("jax_default_prng_impl", "jax_default_matmul_precision", "jax_enable_x64")
Progress = Callable[[float, float], None]  # told the work done and the whole, in network steps


def figure10(
    dataset: str = "digits",
    seeds: int = 32,
    *,
    out: str | Path | None = None,
    progress: Progress = lambda done, whole: None,
    **settings: Any,
) -> xr.Dataset:
    """Reference, teacher and four students of every seed, trained and measured.

    Args:
      dataset, seeds, **settings: the fields of `Figure10`, `Setup` and `Hyper`, by name; what is
        not given is the recipe of the data set (the paper's, for mnist).
      out: folder for run folders. Given one, finished chunks of seeds are kept there, and the same
        call goes on where an earlier one stopped; without one nothing is written.
      progress: called with the work done and the whole, in steps of single networks.

    Returns a Dataset over seed × model × step: `test_accuracy`, `validation_accuracy`, `diverged`
    [seed, model]; `accuracy_by_step`, `loss_by_step` [seed, model, step]; settings, versions,
    device and revision as attributes.

    Errors: InputError for a setting or a data file that breaks a rule.

    >>> import sim
    >>> ds = sim.figure10(dataset="digits", seeds=2, teacher_steps=2, student_steps=2)
    >>> dict(ds.test_accuracy.sizes)
    {'seed': 2, 'model': 6}

    Source: Cloud et al., arXiv 2507.14805, section 6.2.

    """
    experiment = Figure10.of(dataset, seeds=seeds, **settings)
    for trap in traps(experiment.setup, experiment.hyper, experiment.dataset):
        warnings.warn(trap, stacklevel=2)
    return Run(experiment, out).results(progress)


class Run:
    """One experiment on this machine: where its results lie, and what of them is there."""

    def __init__(self, experiment: Figure10, out: str | Path | None) -> None:
        self.experiment = experiment
        self.task = data.load(
            experiment.dataset, data_dir=experiment.data_dir, validation=experiment.validation
        )
        # Everything that a seed's numbers depend on, but for the chunk, which the folder keeps.
        self.identity = {
            "experiment": "figure10",
            "dataset": self.task.name,
            "data_sha256": self.task.digest,
            "validation": experiment.validation,
            "setup": asdict(experiment.setup),
            "hyper": asdict(experiment.hyper),
            "versions": {package: version(package) for package in PACKAGES},
            "code_sha256": _code_digest(),
            "device": engine.device(),
            "jax_settings": {name: str(jax.config.values[name]) for name in BITS},
        }
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()
        self.folder = (
            out and Path(out) / f"figure10-{self.task.name.replace(':', '-')}-{digest[:8]}"
        )
        self.chunk = self._chunk_kept() if experiment.chunk is None else None
        if self.chunk is None:
            self.chunk = engine.chunk_size(
                experiment.setup, self.task, experiment.seeds, experiment.chunk, experiment.memory
            )
        count = -(-experiment.seeds // self.chunk)
        self.chunks = [range(i * self.chunk, (i + 1) * self.chunk) for i in range(count)]

    def _chunk_kept(self) -> int | None:
        """The chunk of what is in the folder already: other chunks would give other last bits."""
        try:
            return json.loads((self.folder / results.SETTINGS).read_text())["chunk"]
        except (TypeError, OSError, ValueError, KeyError):  # no folder, or nothing readable there
            return None

    @property
    def finished(self) -> xr.Dataset | None:
        """The results of this very run, if they are there."""
        if self.folder is None or not (self.folder / results.RESULTS).is_file():
            return None
        try:
            ds = results.load(self.folder)
        except InputError:  # damaged: the chunks are there to make it from
            return None
        same = (ds.attrs["seeds"], ds.attrs["chunk"]) == (self.experiment.seeds, self.chunk)
        return ds if same else None

    @property
    def saved(self) -> int:
        """How many of the seeds asked for are saved."""
        there = sum(self.chunk for seeds in self.chunks if self._file(seeds).is_file())
        return min(there, self.experiment.seeds)

    def results(self, progress: Progress = lambda done, whole: None) -> xr.Dataset:
        """Compute what is missing, save it chunk by chunk, and put the whole together."""
        if (ds := self.finished) is not None:
            return ds
        _compilation_cache()
        if self.folder:
            try:
                (self.folder / "chunks").mkdir(parents=True, exist_ok=True)
            except OSError as error:
                place = str(self.folder.parent)
                rule("out", place, False, f"a folder to write to ({error.strerror})")
            settings = self.identity | {"seeds": self.experiment.seeds, "chunk": self.chunk}
            results.save_json(settings, self.folder / results.SETTINGS)
        fresh = dict(self._compute(progress))
        parts = [fresh[s] if s in fresh else results.load(self._file(s)) for s in self.chunks]
        ds = xr.concat(parts, "seed", data_vars="minimal").isel(seed=slice(self.experiment.seeds))
        ds.attrs = self._attributes()
        if self.folder:
            results.save(ds, self.folder / results.RESULTS)
            for part in self.folder.rglob(".part-*"):  # of a run that was killed while writing
                if not _alive(int(part.name.split("-")[1])):
                    part.unlink(missing_ok=True)
        return ds

    def _compute(self, progress: Progress) -> Iterator[tuple[range, xr.Dataset]]:
        setup, hyper = self.experiment.setup, self.experiment.hyper
        moments = engine.moments(setup, len(self.task.x_train))
        missing = [s for s in self.chunks if not (self.folder and self._file(s).is_file())]
        each = engine.network_steps(setup, len(self.task.x_train)) * self.chunk
        whole, done = each * len(self.chunks), each * (len(self.chunks) - len(missing))

        def tell(steps: float) -> None:
            nonlocal done
            progress(done := done + steps, whole)

        tell(0)
        records = engine.run(setup, hyper, self.task, missing, tell)
        for seeds, (teacher, students) in zip(missing, records, strict=True):
            ds = results.label(seeds, moments, teacher, students)
            if self.folder:
                results.save(ds, self._file(seeds))
            yield seeds, ds

    def _file(self, seeds: range) -> Path:
        return self.folder / "chunks" / f"seeds-{seeds[0]:06d}-{seeds[-1]:06d}.nc"

    def _attributes(self) -> dict[str, Any]:
        return {
            "title": "Subliminal learning, figure 10 of arXiv 2507.14805",
            "dataset": self.task.name,
            "classes": self.task.classes,
            "test_images": len(self.task.x_test),
            "seeds": self.experiment.seeds,
            "chunk": self.chunk,
            "settings": json.dumps(self.identity, sort_keys=True),
            "versions": json.dumps(self.identity["versions"], sort_keys=True),
            "device": self.identity["device"],
            "revision": _revision(),
        }


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _code_digest() -> str:
    """Of the source that numbers come from: other code's results are never taken for its own."""
    tells = {"__main__.py", "plots.py", "report.py"}  # what only shows results
    files = sorted(p for part in ("theory", "sim") for p in (ROOT / part).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        if file.name not in tells:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _revision() -> str:
    """The git revision of this source tree, or nothing if it is not a checkout of its own."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != ROOT:
            return ""
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _compilation_cache() -> None:
    """Keep compiled programs between runs: in the user's cache, unless jax is told a place."""
    if jax.config.jax_compilation_cache_dir is None:
        folder = platformdirs.user_cache_path("sublim") / "jax"
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
