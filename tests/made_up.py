"""Results that nobody has measured, laid out as those that are."""

import numpy as np
import xarray as xr

from sim.runs.records import Record
from sim.runs.results import labelled
from sim.settings.setup import Setup
from sim.training.measures import ALWAYS, MEASURES

MODELS = ("reference", "teacher", "student_aux", "student_all", "cross_aux", "cross_all")
ATTRS = {"dataset": "made up", "classes": 4, "test_images": 1234, "experiment": "figure10"}


def record(steps, values):
    """One network's: of each measure that is always taken [seed, step]."""
    each = zip(ALWAYS, values, strict=True)
    return Record([*steps], (), {name: np.asarray(value) for name, value in each})


def figure10(seeds, draw, loss="kl"):
    """Of all models at their own steps; `draw(model, shape)` gives the four measures' values."""
    steps = {"reference": [0], "teacher": [0, 3, 5]}
    records = {
        model: [record(at, draw(model, (len(seeds), len(at))))]
        for model in MODELS
        for at in [steps.get(model, [0, 5, 9])]
    }
    return labelled({}, seeds, records, ALWAYS, [Setup(loss=loss)], along=True).assign_attrs(ATTRS)


def sweep(seeds=5, models=("reference", "teacher", "student_aux", "cross_aux"), **axes):
    """A grid of accuracies between .2 and .9."""
    rng = np.random.default_rng(0)
    shape = (*map(len, axes.values()), seeds, len(models))
    dims = (*axes, "seed", "model")
    of = MEASURES["test_accuracy"]
    attrs = {"long_name": of.label, "units": of.unit, "valid_range": of.range}
    names = ("test_accuracy", "validation_accuracy")
    return xr.Dataset(
        {name: (dims, rng.uniform(0.2, 0.9, shape), attrs) for name in names}
        | {"diverged": (dims, np.zeros(shape, bool))},
        {name: list(values) for name, values in axes.items()}
        | {"seed": range(seeds), "model": list(models)},
        ATTRS | {"experiment": "sweep"},
    )


def same(a, b):
    """Hold results to be the same, whenever they were made."""
    when = dict.fromkeys(("command", "created", "wall_seconds"))
    xr.testing.assert_identical(a.assign_attrs(when), b.assign_attrs(when))
