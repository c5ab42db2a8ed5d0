"""A search for the settings at which students do best, on validation images alone.

Trials are optuna's; networks are ours. All of a search is kept in one folder, where it goes on.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.errors import needs, require
from sim.runs import run
from sim.runs.run import QUIET
from sim.runs.store import digest
from sim.settings import recipes
from sim.settings.experiments import Experiment
from sim.settings.grid import grid
from sim.settings.space import MODEL, SPACE, Range, Space, chosen, defaults
from sim.studies.sweep import Grid, of_task

TRIALS = "trials.log"  # optuna's own record
BLURRED: tuple[dict[str, Any], ...] = {}, {"noise": ("blurred",)}  # what blur goes with


class Trial(NamedTuple):
    """One setting that was tried, and the mean validation accuracy of its students."""

    number: int
    settings: dict[str, Any]
    accuracy: float


def search(
    dataset: str = "mnist",
    trials: int = 40,
    seeds: int = 3,
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
    usual = defaults(dataset) | {"seeds": seeds}
    given = of_task(dataset, **(usual | settings))
    space = over if isinstance(over, Mapping) else chosen(over)
    return searched(given, trials, space, Path(out))


def searched(
    given: Experiment,
    trials: int,
    over: Space,
    out: Path,
    tell: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Search with settings that are checked; `tell` hears of each new trial."""
    needs("optuna", "analysis")
    import optuna  # noqa: PLC0415 - of an extra
    from optuna.storages import JournalStorage  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    require("over", [*over], over, "one setting or more")
    for name, values in over.items():  # of which each alone breaks no rule
        grid(given.setup, given.hyper, BLURRED[name == "blur"] | {name: values})
    held_out = given.common.validation > 0 or recipes.small(given.common.dataset)
    require("validation", given.common.validation, held_out, "above 0: it is what is searched on")
    require("models", given.networks.models, MODEL in given.networks.models, f"with {MODEL}")
    folder = _folder(given, over, out)
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / TRIALS))),
        sampler=optuna.samplers.TPESampler(seed=0),
        study_name="search",
        direction="maximize",
        load_if_exists=True,
    )

    def accuracy(trial: optuna.Trial) -> float:
        tried = {name: _suggest(trial, name, of) for name, of in over.items() if name != "blur"}
        if "blur" in over and tried.get("noise", given.setup.noise) == "blurred":
            tried["blur"] = _suggest(trial, "blur", over["blur"])
        trial.set_user_attr("settings", json.dumps(tried))
        case = {"trial": {str(trial.number): tried}}
        ds = run.of(Grid("search", given, case), folder, QUIET)
        found = float(ds.validation_accuracy.sel(model=MODEL).mean())
        tell(Trial(trial.number, tried, found))
        return found if np.isfinite(found) else 0.0

    study.enqueue_trial(_start(given, over), skip_if_exists=True)
    done = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if (left := trials - len(done)) > 0:
        study.optimize(accuracy, n_trials=left)
    found = [
        Trial(t.number, json.loads(t.user_attrs["settings"]), t.value)
        for t in study.trials
        if t.state == optuna.trial.TrialState.COMPLETE
    ]
    return sorted(found, key=lambda trial: -trial.accuracy)


def _start(given: Experiment, over: Space) -> dict[str, Any]:
    """Name the settings as given, as far as they are in the space: the first trial's."""
    widths = given.setup.widths
    here = vars(given.setup) | vars(given.hyper) | {"width": widths[0], "depth": len(widths)}

    def inside(value: Any, of: Range | tuple[Any, ...]) -> bool:
        return of.low <= value <= of.high if isinstance(of, Range) else value in of

    return {name: here[name] for name, of in over.items() if inside(here[name], of)}


def _suggest(trial: Any, name: str, of: Range | tuple[Any, ...]) -> Any:
    if isinstance(of, Range):
        return float(f"{trial.suggest_float(name, *of, log=True):.3g}")
    return trial.suggest_categorical(name, of)


def _folder(given: Experiment, over: Space, out: Path) -> Path:
    """Name the folder of a search by what it depends on."""
    of = {
        "setup": vars(given.setup),
        "hyper": vars(given.hyper),
        "seeds": given.common.seeds,
        "validation": given.common.validation,
        "space": {name: over[name] for name in sorted(over)},
    }
    return out.expanduser() / f"search-{given.common.dataset}-{digest(of)[:8]}"
