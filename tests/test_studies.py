"""sim/studies: every study is a grid that breaks no rule; those of other kinds run, small."""

import numpy as np
import pytest

import sim
from sim.errors import InputError
from sim.settings.grid import set_by
from sim.studies import grids, shown
from sim.studies.named import named
from sim.studies.sweep import of_task
from sim.training.families import traits

SMALL = {
    "dataset": "synthetic:12x10",
    "seeds": 2,
    "widths": (16, 16),
    "noise_images": 512,
    "batch": 32,
    "teacher_steps": 6,
    "student_steps": 6,
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of settings that have misled somebody
@pytest.mark.slow
@pytest.mark.parametrize("name", grids.names())
def test_runs_small(name, monkeypatch):
    """At the second value of each axis, or the first and last case; trained for a moment."""
    study, own = grids.module(name), grids.settings(name, SMALL["dataset"])

    def few(values):
        if isinstance(values, tuple):
            return values[:2][-1:]
        first, *_, last = values
        return {label: values[label] for label in (first, last)}

    monkeypatch.setattr(study, "AXES", {axis: few(values) for axis, values in study.AXES.items()})
    based = traits(grids.family(name)) and own.get("base") != "untrained"
    small = SMALL | ({"base_steps": 3} if based else {})
    set_by_axes, _ = set_by(study.AXES)
    small = {k: v for k, v in small.items() if k.replace("steps", "epochs") not in set_by_axes}
    ds = sim.study(name, **small)
    assert list(ds.test_accuracy.dims) == [*study.AXES, "seed", "model"]
    assert np.isfinite(ds.test_accuracy).all()
    assert [*shown.tables(ds)]
    figures = shown.figures(ds)
    assert figures
    for draw in figures.values():
        draw(ds).draw_without_rendering()


@pytest.mark.parametrize("name", grids.names())
def test_statement_and_settings(name):
    question, *rest = grids.statement(name).splitlines()
    assert question.rstrip(")").endswith(".")
    assert not rest or not rest[0]
    assert not [word for word in grids.statement(name).split() if word.strip("(±").startswith(".")]
    points = named(name, of_task("digits", **grids.settings(name, "digits"))).points
    assert len(points) > 1 or traits(grids.family(name))  # breaks no rule at its size


def test_an_unknown_study_is_named():
    with pytest.raises(InputError, match="study = 'nope': must be one of activation"):
        sim.study("nope")
    with pytest.raises(InputError, match="passed_on"):
        sim.study("channels", axes={"nope": (1,)})
