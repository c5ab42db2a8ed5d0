"""A run: what its numbers depend on, the folder named by that, and what is in it."""

import hashlib
import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import platformdirs
import xarray as xr

from sim.engine import programs as engine
from sim.runs import results
from sim.runs import store
from sim.settings.config import rule
from sim.model.data import Task
from sim.errors import InputError

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("sublim", "jax", "jaxlib", "flax", "optax", "numpy")  # what numbers come from
SHOWS = {
    "__main__.py",
    "figures.py",
    "tables.py",
    "statements.py",
    "sweep_figures.py",
    "bench.py",
}  # no numbers


def identity(experiment: str, task: Task, **settings: Any) -> dict[str, Any]:
    """Everything that numbers depend on."""
    return {
        "experiment": experiment,
        "dataset": task.name,
        "data_sha256": task.digest,
        **settings,
        "versions": {package: version(package) for package in PACKAGES},
        "code_sha256": _code_digest(),
        "device": engine.device(),
        "jax_settings": engine.settings(),
    }


def folder(out: str | Path | None, identity: dict[str, Any]) -> Path | None:
    """Where such a run lies below `out`: its name holds a hash of its identity."""
    name = f"{identity['experiment']}-{identity['dataset'].replace(':', '-')}"
    name += f"-{store.digest(identity)[:8]}"
    return out and Path(out) / name


def attributes(identity: dict[str, Any], task: Task) -> dict[str, Any]:
    """Of the results: settings, versions, device and revision."""
    return {
        "experiment": identity["experiment"],
        "dataset": task.name,
        "classes": task.classes,
        "test_images": len(task.x_test),
        "settings": json.dumps(identity, sort_keys=True),
        "versions": json.dumps(identity["versions"], sort_keys=True),
        "device": identity["device"],
        "revision": _revision(),
    }


def open_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Make the folder, with its settings for people. Errors: InputError if it cannot be written."""
    try:
        (folder / "chunks").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule("out", str(folder.parent), False, f"a folder to write to ({error.strerror})")
    results.save_json(settings, folder / results.SETTINGS)


def finished(folder: Path | None) -> xr.Dataset | None:
    """The results in a run's folder, if they are there and whole."""
    if folder is None or not (folder / results.RESULTS).is_file():
        return None
    try:
        return results.load(folder)
    except InputError as error:  # the chunks are there to make it from
        store.notice(f"{error}; it is made again")
        return None


def _code_digest() -> str:
    """Of the source that numbers come from: other code's results are never taken for its own."""
    files = sorted(p for part in ("theory", "sim") for p in (ROOT / part).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        if file.name not in SHOWS and file.parent.name != "grids":  # nor what only names settings
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


def compilation_cache() -> None:
    """Keep compiled programs between runs: in the user's cache, unless jax is told a place."""
    if jax.config.jax_compilation_cache_dir is None:
        folder = platformdirs.user_cache_path("sublim") / "jax"
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
