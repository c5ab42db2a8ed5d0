"""The paper's figure 10: who learns to classify from a teacher's logits on noise."""

from pathlib import Path
from typing import Any

import xarray as xr

from sim.model.data import Task
from sim.model.networks import Params
from sim.runs.run import Progress
from sim.studies import called
from sim.studies.extend import unless_refused
from sim.studies.sweep import Grid, of_task


@unless_refused()
def figure10(
    dataset: str | Task = "digits",
    seeds: int | str = 32,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    teacher: Params | None = None,
    reference: Params | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Train and measure reference, teacher and four students of every seed.

    Args:
      dataset, seeds, **settings: the fields of `Common`, `Networks`, `Setup` and `Hyper`, by name;
        what is not given is the recipe of the data set (the paper's, for mnist).
      out: folder for run folders. Given one, what is measured is kept there, and the same call goes
        on where an earlier one stopped; without one nothing is written.
      progress: called with the work done and the whole, in steps of single networks;
        with none a notebook shows a bar.
      teacher: its parameters, in place of training one for each seed: {layer: {"kernel": [in, out],
        "bias": [out]}}, as `sim.load(run).params("teacher", seed=0)` gives them; or flat, as
        `save_params` writes them.
      reference: where it started, and students start.

    Returns a Dataset over seed × model × step: `test_accuracy`, `validation_accuracy`,
    `training_loss`, `diverged` [seed, model]; `accuracy_by_step`, `loss_by_step` [seed, model,
    step]; what `measure` names; settings, versions, device and revision as attributes.

    Errors: InputError for a setting, a data file or parameters that break a rule.

    >>> import sim
    >>> ds = sim.figure10(dataset="digits", seeds=2, teacher_steps=2, student_steps=2)
    >>> dict(ds.test_accuracy.sizes)
    {'seed': 2, 'model': 6}

    Source: Cloud et al., arXiv 2507.14805, section 6.2.

    """
    handed = {"teacher": teacher, "reference": reference}
    params = {name: θ for name, θ in handed.items() if θ is not None}
    given = of_task(dataset, **(settings | {"seeds": seeds}))
    return called.run(Grid("figure10", given, {}, params), out, progress)
