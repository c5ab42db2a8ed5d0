"""The paper's figure 10: who learns to classify from a teacher's logits on noise."""

from pathlib import Path
from typing import Any

import xarray as xr

from sim.model.networks import Params
from sim.report import published
from sim.report.published import Published
from sim.runs import run
from sim.runs.run import QUIET, Progress
from sim.studies.sweep import Grid, of_task

_AUTHORS = {
    "reference": (0.098, 0.010),
    "teacher": (0.9437, 0.0007),
    "student_aux": (0.561, 0.030),
    "student_all": (0.912, 0.005),
    "cross_aux": (0.103, 0.009),
    "cross_all": (0.746, 0.019),
}
_HE_NORMAL = "fresh Gaussian noise, batch 64"
PUBLISHED = (
    *(
        Published({}, value, published.AUTHORS, half_width, 20, model=model)
        for model, (value, half_width) in _AUTHORS.items()
    ),
    Published({}, 0.5, "the paper", n=100, how=">"),
    Published({}, 0.551, published.RERUNS, 0.037, 25),
    Published({}, 0.463, published.HELD_OUT, 0.023, 125, differs="50,000 training images"),
    Published(
        {}, 0.630, published.GHOST, 0.073, 10, differs="a loss scaled for each model, another Adam"
    ),
    Published({}, 0.271, published.COMMENTS, 0.033, 20, differs="squared error on raw logits"),
    Published(
        {},
        0.144,
        published.COURSE,
        n=1,
        differs="noise in [0, 1], the library's initialisation, rate 1e-3, batch 128",
    ),
    Published({}, 0.22, published.HE_NORMAL, n=1, differs=f"N(0, .02²) weights, {_HE_NORMAL}"),
    Published(
        {}, 0.69, published.HE_NORMAL, n=1, to=0.77, differs=f"He-normal weights, {_HE_NORMAL}"
    ),
    Published({}, 0.761, published.GAETAN, 0.041, 10, differs="one hidden layer, rate 1e-3"),
)


def figure10(
    dataset: str = "digits",
    seeds: int = 32,
    *,
    out: str | Path | None = None,
    progress: Progress = QUIET,
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
      progress: called with the work done and the whole, in steps of single networks.
      teacher: its parameters, in place of training one for each seed: {layer: {"kernel": [in, out],
        "bias": [out]}}, as `sim.load(run).params("teacher", seed=0)` gives them.
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
    return run.of(Grid("figure10", given, {}, params), out, progress)
