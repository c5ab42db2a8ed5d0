"""A search for the settings at which students do best, on validation images alone.

Trials are optuna's; networks are ours. All of a search is kept in one folder, where it goes on.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sim.engine import machine
from sim.errors import InputError, StorageError, a_path, needs, require
from sim.model.data import Task
from sim.report.names import counted
from sim.runs import identity, results
from sim.runs.run import QUIET, opened, short
from sim.runs.store import DamagedError, digest, is_anothers, set_aside, write
from sim.settings import recipes
from sim.settings.experiments import Experiment
from sim.settings.grid import WHOLE, grid
from sim.settings.space import MODEL, SPACE, Range, Space, chosen, defaults
from sim.studies import called
from sim.studies.extend import unless_refused
from sim.studies.sweep import Grid, of_task

TRIALS = "trials.log"  # optuna's own record
NOTED = "trials.json"  # how long that was when a trial ended, and the checksum of so much
TABLE = "trials.csv"  # what a reader has of it
PATIENCE = 3  # times as many are drawn as trials, where some were tried or go not together
BLURRED: tuple[dict[str, Any], ...] = {}, {"noise": ("blurred",)}  # what blur goes with


class Trial(NamedTuple):
    """One setting that was tried, and the mean validation accuracy of its students.

    revision: of the code.
    """

    number: int
    settings: dict[str, Any]
    accuracy: float
    revision: str = ""


@unless_refused()
def search(
    dataset: str | Task = "mnist",
    trials: int = 40,
    seeds: int | str = 3,
    *,
    over: Space | Sequence[str] = SPACE,
    out: str | Path,
    **settings: Any,
) -> list[Trial]:
    """Try settings one after the other, each where earlier ones say that it may be good.

    The first trial has the settings as given, as far as they are in the space.

    Args:
      trials: how many in all; those that are kept in `out` count.
      seeds: of each; the mean of their students' validation accuracy is what counts.
      over: the settings to vary, by name, each with values or a `Range`; or words as the command
        reads them: NAME, of the usual space, NAME=V,V,… or NAME=LOW:HIGH. All others are as given,
        or the recipe's.

    Returns all trials, the best first. No test image counts. Errors: InputError.

    """
    usual = defaults(str(dataset)) | {"seeds": seeds}
    given = of_task(dataset, **(usual | settings))
    space = over if isinstance(over, Mapping) else chosen(over)
    return Search(given, space, a_path("out", out, "a folder's name")).best(trials)


class Search:
    """Settings as given, and the space of those that vary; trials are kept in `folder`."""

    def __init__(self, given: Experiment, over: Space, out: Path) -> None:
        """Check what is given. Errors: InputError."""
        needs("optuna", "analysis")
        require("over", [*over], over, "one setting or more")
        for player in ("teacher", "student"):
            steps = getattr(given.setup, f"{player}_steps")
            rule = f"not given: {player}_epochs is searched; what is to be, over says"
            require(f"{player}_steps", steps, not (steps and f"{player}_epochs" in over), rule)
        for name, values in over.items():  # of which each alone breaks no rule
            grid(given.setup, given.hyper, BLURRED[name == "blur"] | {name: values})
        noises = over.get("noise", (given.setup.noise,))
        rule = "beside noise that is blurred, or may be"
        require("over", "blur", "blur" not in over or "blurred" in noises, rule)
        part = given.common.validation
        held_out = part > 0 or recipes.small(given.common.dataset)
        require("validation", part, held_out, "above 0: it is what is searched on")
        require("models", given.networks.models, MODEL in given.networks.models, f"with {MODEL}")
        self.given, self.over = given, over
        self._depends = _depends(given, over, Grid("search", given, {}).task)
        dataset = Path(given.common.dataset).stem.replace(":", "-")
        self.folder = out / f"{short(f'search-{dataset}')}-{digest(self._depends)[:8]}"

    @property
    def kept(self) -> list[Trial]:
        """List the trials that are there, the best first."""
        _verified(self.folder)
        if os.path.isfile(self.folder / TRIALS):
            with suppress(KeyError):  # it was stopped before it began
                return _finished(_study(self.folder, begin=False))
        return []

    def best(self, trials: int, tell: Callable[[Trial], None] = lambda trial: None) -> list[Trial]:
        """Search until there are so many trials, the best first; `tell` hears of each new one."""
        whole = isinstance(trials, int | np.integer) and not isinstance(trials, bool) and trials > 0
        require("trials", trials, whole, "a positive whole number")
        opened(self.folder, self._depends)
        _verified(self.folder)
        with (self.folder / TRIALS).open("ab") as file:
            alone = not is_anothers(file)
            require("out", str(self.folder), alone, "of no other command that searches there now")
            try:
                file.truncate((self.folder / TRIALS).read_bytes().rfind(b"\n") + 1)  # half a line
                return self._best(trials, tell)
            except OSError as error:
                if isinstance(error, StorageError):
                    raise
                reason = f"cannot be written ({error.strerror})"
                raise StorageError(f"{self.folder / TRIALS}: {reason}") from None

    def _best(self, trials: int, tell: Callable[[Trial], None]) -> list[Trial]:
        import optuna  # noqa: PLC0415 - of an extra

        study = _study(self.folder)
        _note(self.folder)
        for trial in study.trials:
            if trial.state.name == "RUNNING":  # when the search was stopped
                study.tell(trial.number, state=type(trial.state).FAIL)
                study.enqueue_trial(trial.params)
        study.enqueue_trial(self._start(), skip_if_exists=True)

        known = [trial.settings for trial in self.kept]

        def accuracy(trial: Any) -> float:
            tried = self._suggested(trial)
            if tried in known:
                raise optuna.TrialPruned
            try:
                of = Grid("search", self.given, {"trial": {str(trial.number): tried}})
            except InputError:  # settings that are right one by one, and not together
                raise optuna.TrialPruned from None
            found = float(
                called.run(of, self.folder, QUIET).validation_accuracy.sel(model=MODEL).mean()
            )
            known.append(tried)
            tell(Trial(trial.number, tried, found))
            return found if np.isfinite(found) else 0.0

        # Of few values there may be fewer settings than trials: nothing is tried twice.
        for _ in range(PATIENCE * trials):
            if len(known) >= trials:
                break
            study.optimize(accuracy, n_trials=1)
            _note(self.folder)
        found = _finished(study)
        self._write(found)
        return found

    def _start(self) -> dict[str, Any]:
        """Name the settings as given, as far as they are in the space: the first trial's."""
        setup, hyper = self.given.setup, self.given.hyper
        derived = {"width": setup.widths[0], "depth": len(setup.widths)}
        here = vars(setup) | vars(hyper) | derived

        def inside(value: Any, of: Range | tuple[Any, ...]) -> bool:
            if isinstance(of, Range):
                return value is not None and of.low <= value <= of.high
            return value in of

        return {name: here[name] for name, of in self.over.items() if inside(here[name], of)}

    def _suggested(self, trial: Any) -> dict[str, Any]:
        """Draw a trial's settings; a blur, of blurred noise alone."""
        tried = {n: _suggest(trial, n, of) for n, of in self.over.items() if n != "blur"}
        if "blur" in self.over and tried.get("noise", self.given.setup.noise) == "blurred":
            tried["blur"] = _suggest(trial, "blur", self.over["blur"])
        trial.set_user_attr("settings", json.dumps(tried))
        trial.set_user_attr("revision", identity.revision())
        return tried

    def _write(self, found: Sequence[Trial]) -> None:
        """Write a table of all trials, the best first, below lines that say what was searched."""
        common = self.given.common
        about = {
            "searched": " ".join(f"{name}={_words(of)}" for name, of in self.over.items()),
            "given": " ".join(f"{name}={_words(value)}" for name, value in self._own()),
            "revision": " ".join(sorted({t.revision for t in found})),
            "dataset": common.dataset,
            "n": counted(len(common.each_seed), "seed"),
            "device": machine.device(),
        }
        lines = pd.DataFrame(
            {"trial": t.number, "validation_accuracy": t.accuracy} | t.settings for t in found
        )
        text = "".join(f"# {what}: {words}\n" for what, words in about.items())
        text += lines.to_csv(index=False, float_format="%.6g")
        write(self.folder / TABLE, text.encode())

    def _own(self) -> Iterator[tuple[str, Any]]:
        """Name the settings that do not vary and are not the recipe's."""
        usual = of_task(self.given.common.dataset)
        varied = {*self.over} | ({"widths"} if {"width", "depth"} <= {*self.over} else set())
        for part in ("setup", "hyper", "common"):
            for name, value in vars(getattr(self.given, part)).items():
                numbers = part != "common" or name == "validation"
                if numbers and name not in varied and value != vars(getattr(usual, part))[name]:
                    yield name, value


def _note(folder: Path) -> None:
    """Write down what optuna's record is by now: it only grows, and has no checksum of its own."""
    content = (folder / TRIALS).read_bytes()
    noted = {"bytes": len(content), "content": hashlib.sha256(content).hexdigest()}
    results.save_json(noted, folder / NOTED)


def _verified(folder: Path) -> None:
    """Set optuna's record aside if it does not begin as was noted; its networks are all kept."""
    with suppress(OSError, ValueError):  # of none, or a note that is damaged itself
        noted = results.load_json(folder / NOTED)
        content = (folder / TRIALS).read_bytes()[: noted["bytes"]]
        if hashlib.sha256(content).hexdigest() != noted["content"]:
            why = DamagedError("its checksum is another's: it was changed or damaged")
            set_aside(folder / TRIALS, why)


def _study(folder: Path, *, begin: bool = True) -> Any:
    """Open optuna's record of a search, or begin one; not to begin one is only to read it."""
    import optuna  # noqa: PLC0415 - of an extra
    from optuna.storages import JournalStorage  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    named = {"storage": JournalStorage(JournalFileBackend(str(folder / TRIALS)))}
    named |= {"study_name": "search"}
    if not begin:
        return optuna.load_study(**named)
    study = optuna.create_study(**named, direction="maximize", load_if_exists=True)
    # What goes on draws anew: by one seed for all, it would draw what was tried before.
    study.sampler = optuna.samplers.TPESampler(seed=len(study.trials))
    return study


def _finished(study: Any) -> list[Trial]:
    found = [
        Trial(
            t.number,
            json.loads(t.user_attrs["settings"]),
            t.value,
            t.user_attrs.get("revision", ""),
        )
        for t in study.trials
        if t.state.name == "COMPLETE"
    ]
    return sorted(found, key=lambda trial: -trial.accuracy)


def _suggest(trial: Any, name: str, of: Range | tuple[Any, ...]) -> Any:
    if isinstance(of, Range) and name in WHOLE:
        return trial.suggest_int(name, *map(int, of), log=True)
    if isinstance(of, Range):
        return float(f"{trial.suggest_float(name, *of, log=True):.3g}")
    return trial.suggest_categorical(name, of)


def _words(of: Any) -> str:
    if isinstance(of, Range):
        return f"{of.low:g}:{of.high:g}"
    return ",".join(map(str, of)) if isinstance(of, tuple) else str(of)


def _depends(given: Experiment, over: Space, task: Task) -> dict[str, Any]:
    """Name what a search depends on: not the machine, so that it may go on elsewhere."""
    named = identity.of_task(task, given.common.validation)
    return {
        "setup": vars(given.setup),
        "hyper": vars(given.hyper),
        "seeds": given.common.seeds,
        "validation": given.common.validation,
        "space": {name: over[name] for name in sorted(over)},
    } | {name: named[name] for name in ("data_sha256", "functions", "code_sha256")}
