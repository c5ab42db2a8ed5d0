"""What numbers depend on beside settings: data, code, versions, the machine, functions put in."""

import ast
import functools
import hashlib
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from sim.engine import machine
from sim.errors import InputError
from sim.model.data import Task
from sim.model.networks import ACTIVATIONS
from sim.model.noise import FAMILIES
from sim.runs.fingerprint import OURS, PACKAGES, fingerprint
from sim.settings.declare import replaced
from sim.settings.experiments import Experiment
from sim.settings.grid import set_by
from sim.training.channels import FILTERS, OUTPUTS, Filter
from sim.training.measures import MEASURES, Measure
from sim.training.steps import OPTIMIZERS
from sim.training.traits import TRAITS, Trait
from theory.losses import LOSSES, Loss

ROOT = Path(__file__).resolve().parent.parent.parent
# Where numbers come from. What keeps, shows or asks for them is no part of this.
FOLDERS = ("theory", "sim/settings", "sim/model", "sim/training", "sim/engine")


def of_task(task: Task, validation: float) -> dict[str, Any]:
    """Name what any number measured on a task depends on, beside its settings."""
    return {
        "dataset": task.name,
        "data_sha256": task.digest,
        "validation": validation,
        "versions": {package: version(package) for package in PACKAGES},
        "python": platform.python_version(),
        "code_sha256": code(),
        "functions": dict(put_in()),
        "device": machine.device(),
        "jax_settings": machine.settings(),
    }


def without(given: Experiment, axes: Mapping[str, Any], usual: Experiment) -> Experiment:
    """Put the usual in the place of what axes set at all points: no number hangs on it.

    Nothing is, where the rest would break a rule with it.
    """
    _, every = set_by(axes)
    plain = {name: value for name, value in usual.point.values.items() if name in every}
    try:
        setup, hyper = replaced(plain, given.setup, given.hyper)
    except InputError:
        return given
    return given._replace(setup=setup, hyper=hyper)


@functools.cache
def code(root: Path = ROOT) -> str:
    """Hash the source that numbers come from, as Python reads it: no comments, no docstrings.

    What the same files came to is kept in the user's cache, as reading them takes a fifth of a
    second, which every command would take.
    """
    files = {
        str(file.relative_to(root)): file.read_bytes()
        for file in sorted(file for folder in FOLDERS for file in (root / folder).rglob("*.py"))
    }
    as_written = hashlib.sha256(repr((platform.python_version(), files)).encode()).hexdigest()
    with suppress(RuntimeError, KeyError):  # a user without a home has no cache
        return _remembered(user_cache_path("sublim") / "code", as_written, files)
    return _as_read(files)


def _remembered(place: Path, as_written: str, files: Mapping[str, bytes]) -> str:
    """Look up what files came to, or find it out and keep it."""
    with suppress(OSError, ValueError):
        _, digest, _ = (kept := place.read_text("ascii")).split(" ")
        if kept == _note(as_written, digest):
            return digest
    digest = _as_read(files)
    with suppress(OSError):  # a folder that cannot be written, or a full disk
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_note(as_written, digest), "ascii")
    return digest


def _note(as_written: str, digest: str) -> str:
    """Write down what files came to; a flipped bit, by which runs would go elsewhere, is seen."""
    both = f"{as_written} {digest}"
    return f"{both} {hashlib.sha256(both.encode()).hexdigest()}"


def _as_read(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, source in files.items():
        tree = ast.parse(source)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):  # of a module, a class, a function: texts are no statements
                body[:] = [line for line in body if not _is_text(line)]
        digest.update(f"{name} {ast.dump(tree)}".encode())
    return digest.hexdigest()[:16]


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(getattr(line.value, "value", None), str)


#: What settings choose by name: functions, and what holds one, where functions from outside may be.
TABLES: dict[str, dict[str, Any]] = {
    "activation": ACTIVATIONS,
    "noise": FAMILIES,
    "loss": LOSSES,
    "measure": MEASURES,
    "trait": TRAITS,
    "outputs": OUTPUTS,
    "optimizer": OPTIMIZERS,
    "filter": FILTERS,
}
HOLDERS = (Loss, Measure, Trait, Filter)
_NAMES = {kind: frozenset(table) for kind, table in TABLES.items()}  # that code speaks for


def from_outside() -> Iterator[tuple[str, str, Any]]:
    """List what was put into our tables from outside: its kind, its name, itself.

    Another function under a name of ours, or any under another: jax's own, too, which are known by
    the name alone.
    """
    for kind, table in TABLES.items():
        for name, one in sorted(table.items()):
            of = (getattr(function(one), "__module__", None) or "").partition(".")[0]
            if of not in OURS or name not in _NAMES[kind]:
                yield kind, name, one


def function(one: Any) -> Any:
    """Give the function that an entry of a table is, or holds."""
    return one.of if isinstance(one, HOLDERS) else one


def put_in() -> Iterator[tuple[str, str]]:
    """Name the functions that were put into our tables from outside, each with its fingerprint."""
    yield from fingerprints(from_outside())


def fingerprints(of: Iterable[tuple[str, str, Any]]) -> Iterator[tuple[str, str]]:
    """Name entries of our tables, each with its fingerprint."""
    for kind, name, one in of:  # with what is said about it
        written = fingerprint(tuple(one) if isinstance(one, HOLDERS) else one)
        yield f"{kind} {name}", hashlib.sha256(written).hexdigest()[:16]


def revision() -> str:
    """Read the git revision of this source tree; nothing if it is not a checkout of its own."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != ROOT:
            return ""
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
