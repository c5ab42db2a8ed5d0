"""A run: a study on this machine, where its results lie, and what of them is there."""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import jax
import platformdirs
import xarray as xr

from sim.engine import machine
from sim.errors import InputError, StorageError, a_path
from sim.model import sources
from sim.model.data import Task
from sim.runs import identity, results
from sim.runs.plan import Plan
from sim.runs.store import PARAMS, Store, digest, notice, sweep
from sim.settings.experiments import Common

LONGEST = 200  # bytes of a folder's name that say what is in it: file systems take some 255
# Attributes of results: the data set as it was named (none: arrays from Python), and from where.
GIVEN, DIRECTORY = "dataset_given", "directory"
Progress = Callable[[float, float], None]  # told the work done and the whole
QUIET: Progress = lambda done, whole: None  # noqa: E731


class Work(Protocol):
    """What a study does with a store: what is missing there, and what it puts together."""

    chunk: int

    def saved(self) -> str: ...
    def plan(self) -> Plan | None: ...
    def compute(self, progress: Progress) -> None: ...
    def assemble(self) -> xr.Dataset: ...


class Study(Protocol):
    """A question: its task, what its numbers depend on, the work, and how results are shown."""

    name: str
    kind: str  # which table and figures show its results
    title: str
    question: str  # in words, if it has more to say than its kind
    common: Common
    task: Task
    measured: Task  # the same, with the classes that are told apart
    settings: dict[str, Any]  # its numbers depend on, beside the task; not the number of seeds
    usual: Mapping[str, Any]  # settings by name that are as usual; none where that is its kind's
    traps: list[str]  # settings that have misled somebody, in words

    def work(self, store: Store, chunk: int | None) -> Work: ...


class Run:
    """A study on this machine.

    `folder` holds its results, `store` the parts that any study may use; with no `out`, nothing is
    written. `command`, set before, is kept with the results.
    """

    def __init__(self, study: Study, out: str | Path | None = None) -> None:
        self.study = study
        of_task = identity.of_task(study.task, study.common.validation)
        self.identity = {"study": study.name, "settings": study.settings} | of_task
        self.folder = _folder(out, study.name, study.task, self.identity, study.common.seeds)
        self.store = Store(_folder(out, "store", study.task, of_task), of_task)
        self._of_task = of_task
        self.unsaved: StorageError | None = None
        self.command = ""  # that asks for it
        self._found: xr.Dataset | None = None
        self._said = ""  # of results that are there and do not serve
        if self.finished is None:
            self.work  # noqa: B018 (what is wrong with the study is said now)

    @cached_property
    def work(self) -> Work:
        """Find out what is there: a finished run is shown without, which reads no store."""
        return self.study.work(self.store, self._chunk_kept())

    @property
    def finished(self) -> xr.Dataset | None:
        """Load the results of this very run, if they are there and whole."""
        if self._found is None and (ds := self._load()) is not None:
            self._found = ds
            kept = self.store.folder
            for folder in (self.folder, kept, *kept.glob(f"{PARAMS}/*")):
                with suppress(OSError):  # it may be gone, or only read
                    sweep(folder)  # of a command that died beside another that came to the end
        return self._found

    def _load(self) -> xr.Dataset | None:
        if self.folder is None or not os.path.isfile(self.folder / results.RESULTS):
            return None
        try:
            ds = results.load(self.folder)
        except InputError as error:  # the store is there to make it from
            self._notice(f"{error}; it is made again")
            return None
        if not _is_of(ds, self.identity):
            self._notice(f"{self.folder / results.RESULTS}: another run's; it is made again")
            return None
        asked = self.study.common
        same = ds.attrs["seeds"] == asked.seeds and asked.chunk in (None, ds.attrs["chunk"])
        return ds if same and _in_order(ds, getattr(self.study, "axes", {})) else None

    def _notice(self, words: str) -> None:
        """Say once what is wrong with the results that are there, however often they are asked."""
        if words != self._said:
            notice(words)
        self._said = words

    @machine.pinned()
    def results(self, progress: Progress = QUIET) -> xr.Dataset:
        """Compute what is missing, keep it, and put the whole together.

        Where the results cannot be written, that is said, and `unsaved` is the error.
        """
        if (ds := self.finished) is not None:
            return ds
        compilation_cache()
        begun = time.monotonic()
        common = {"seeds": self.study.common.seeds, "chunk": self.work.chunk}
        if self.folder:
            opened(self.store.folder, {"kept": "parts of results, for any study"} | self._of_task)
            opened(self.folder, self.identity | common)
        self.work.compute(progress)
        ds = self.work.assemble()
        ds.attrs = {"title": self.study.title} | common | self._attributes()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        passed = round(time.monotonic() - begun, 2)
        ds.attrs |= {"command": self.command, "created": now, "wall_seconds": passed}
        ds.attrs["memory"] = self.study.common.memory  # how many are computed together hangs on it
        for name, value in ds.attrs.items():  # a path may have bytes that are no letters
            if isinstance(value, str):
                ds.attrs[name] = value.encode(errors="backslashreplace").decode()
        if self.folder:
            try:
                results.save(ds, self.folder / results.RESULTS)
            except StorageError as error:
                self.unsaved = error
                notice(str(error))
        return ds

    def _attributes(self) -> dict[str, Any]:
        """Name settings, versions, device and revision, for the results."""
        usual, question = self.study.usual, self.study.question
        own = {"usual": json.dumps(usual, sort_keys=True)} if usual else {}
        own |= {"question": question} if question else {}
        return own | {
            "experiment": self.study.kind,
            "study": self.study.name,
            "dataset": self.study.task.name,
            GIVEN: _given(self.study.common.dataset),
            DIRECTORY: _here(),
            "classes": self.study.measured.classes,
            "train_images": len(self.study.task.x_train),
            "test_images": len(self.study.measured.x_test),
            "store": self.store.folder.name if self.folder else "",
            "settings": json.dumps(self.identity, sort_keys=True),
            "versions": json.dumps(self.identity["versions"], sort_keys=True),
            "device": self.identity["device"],
            "revision": identity.revision(),
        }

    def _chunk_kept(self) -> int | None:
        """Find the chunk of what is kept already: other chunks would give other last bits."""
        try:
            chunk = results.load_json(self.folder / results.SETTINGS)["chunk"]
        except (TypeError, OSError, ValueError, KeyError):  # no folder, or nothing readable there
            return None
        return chunk if type(chunk) is int and chunk > 0 else None


def _is_of(ds: xr.Dataset, depends: dict[str, Any]) -> bool:
    """Tell whether results say that they are of what depends on this: a file may be moved."""
    try:
        return json.loads(ds.attrs["settings"]) == json.loads(json.dumps(depends))
    except (KeyError, ValueError):
        return False


def _in_order(ds: xr.Dataset, axes: Mapping[str, Any]) -> bool:
    """Tell whether cases lie as they are asked for, on which neither number nor name hangs."""
    cases = {axis: [*of] for axis, of in axes.items() if isinstance(of, Mapping)}
    return all(ds[axis].values.tolist() == of for axis, of in cases.items())


def _here() -> str:
    """Name the folder that paths are told from; nothing if it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _given(dataset: str) -> str:
    """Name a data set as it was given, so that it can be found again; arrays cannot."""
    published = dataset in sources.KNOWN or sources.embedded(dataset)
    return dataset if published or os.path.exists(os.path.expanduser(dataset)) else ""


def _folder(
    out: str | Path | None, name: str, task: Task, depends: dict[str, Any], seeds: int | str = 0
) -> Path | None:
    """Name the folder below `out` for what depends on this; seeds of their own have their own."""
    place = None if out is None else a_path("out", out, "a folder's name")
    dataset = task.name.replace(":", "-")
    fresh = f"-{seeds.replace(':', '-')}" if isinstance(seeds, str) else ""
    return place and place / f"{short(f'{name}-{dataset}')}-{digest(depends)[:8]}{fresh}"


def short(words: str) -> str:
    """Cut words to what a folder's name can hold beside what tells it from others."""
    return words.encode()[:LONGEST].decode(errors="ignore")


def opened(folder: Path, settings: dict[str, Any]) -> None:
    """Make a folder, with its settings for people. Errors: InputError if it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        results.save_json(settings, folder / results.SETTINGS)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"out = {str(folder.parent)!r}: must be a folder to write to ({reason})"
        ) from None


def compilation_cache() -> None:
    """Keep compiled programs between runs: in the user's cache, unless jax is told a place."""
    with suppress(RuntimeError, KeyError, OSError):  # a user without a home has no cache
        config: Any = jax.config  # whose attributes are made as it is imported
        if config.jax_compilation_cache_dir is not None:
            return
        folder = platformdirs.user_cache_path("sublim") / "jax"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):  # else jax would warn of every program
            config.update("jax_compilation_cache_dir", str(folder))
            config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
