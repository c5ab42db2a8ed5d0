"""sim/report/published.py: whether what was published agrees is computed, by the rule it states."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from sim import published
from sim.published.entries import Published
from sim.report import figures, sweep_figures, tables
from sim.report.published import agrees, compare, means
from sim.runs.statistics import summary
from sim.studies import grids
from sim.studies.named import named
from sim.studies.shown import beside, changed
from sim.studies.sweep import of_task
from tests import made_up
from tests.test_sweep_figures import page

OURS = pd.DataFrame({"mean": [0.5], "half_width": [0.1], "low": [0.4], "high": [0.6]})
OURS = OURS.assign(sd=0.2, n=8, model="student_aux")
REACH = float(t.ppf(0.975, 7)) * 0.2 / 25**0.5  # of 25 networks with our spread


def series(axis, values, source, **same):
    return tuple(Published({axis: at}, value, source, **same) for at, value in values.items())


@pytest.mark.parametrize(
    ("value", "more", "verdict"),
    [
        (0.599, {}, True),
        (0.601, {}, False),
        (0.399, {}, False),
        (0.649, {"half_width": 0.05}, True),
        (0.651, {"half_width": 0.05}, False),
        (0.349, {"half_width": 0.05}, False),
        (0.599 + REACH, {"n": 25}, True),
        (0.601 + REACH, {"n": 25}, False),
        (0.601 + REACH, {"n": 25, "half_width": 0.001}, False),
        (0.39, {"how": ">"}, True),
        (0.41, {"how": ">"}, None),
        (0.61, {"how": ">"}, False),
    ],
)
def test_agrees_where_intervals_overlap_and_not_beyond(value, more, verdict):
    assert agrees(Published({}, value, "s", **more), OURS) is verdict


def test_no_effect_is_a_value_in_common():
    two = pd.concat([OURS, OURS.assign(low=0.59, high=0.7)])
    none = Published({}, None, "s", how="no effect")
    assert agrees(none, two)
    assert not agrees(none, two.assign(low=[0.4, 0.61]))


def test_a_range_and_chance():
    said = Published({}, 0.61, "s", to=0.7)
    assert not agrees(said, OURS)
    assert agrees(said._replace(value=0.59), OURS)
    assert not agrees(said._replace(value=0.3, to=0.39), OURS)
    assert said.words == ".61–.70"
    chance = Published({"aux": 1}, None, "s", how="chance")
    rows = pd.concat([OURS, OURS.assign(model="cross_aux", low=0.1, high=0.41)]).assign(aux=1)
    (found,) = compare(rows, [chance], "mnist")
    assert (found.agrees, found.published.words) == (True, "chance")
    (found,) = compare(rows.assign(high=[0.6, 0.39]), [chance], "mnist")
    assert found.agrees is False
    (found,) = compare(rows[:1], [chance], "mnist")  # no control
    assert found.agrees is None


def test_one_value_for_several_points_must_agree_with_all():
    two = pd.concat([OURS, OURS.assign(low=0.55, high=0.7)])
    assert agrees(Published({}, 0.56, "s"), two)
    assert not agrees(Published({}, 0.54, "s"), two)


def test_rows_are_the_summaries_at_each_point():
    ds = made_up.sweep(aux=(1, 3), loss=("kl", "squared_error"))
    rows = means(ds)
    assert len(rows) == 2 * 2 * 4
    (row,) = rows.query("aux == 3 and loss == 'kl' and model == 'teacher'").itertuples()
    of = summary(ds.test_accuracy.sel(aux=3, loss="kl", model="teacher"))
    assert (row.mean, row.sd, row.n) == (of.mean, of.sd, 5)
    assert (row.low, row.high) == of.interval


def test_only_the_same_data_and_a_place_of_ours_are_compared():
    rows = means(made_up.sweep(aux=(1, 3)))
    published = (
        *series("aux", {1: 0.5, 7: 0.5}, "s"),
        Published({}, 0.5, "s", model="student_all"),
    )
    assert [one.agrees for one in compare(rows, published, "digits")] == [None] * 3
    there, elsewhere, untrained = compare(rows, published, "mnist")
    assert there.agrees is not None
    assert (elsewhere.verdict, elsewhere.measured) == ("–", "–")
    assert untrained.agrees is None
    one_seed = means(made_up.sweep(seeds=1, aux=(1, 3)))  # no interval to compare with
    assert [one.agrees for one in compare(one_seed, published[:1], "mnist")] == [None]


def test_table_and_figure_show_it_beside_ours():
    ds = made_up.sweep(aux=(1, 3)).assign_attrs(dataset="mnist")
    others = series("aux", {1: 0.111, 3: 0.5, 7: 0.222}, "somebody", differs="their rate")
    shown = page(*tables.sweep(ds, others))
    assert shown.count(".111") == 2  # beside the point, and with its source
    assert shown.count(".222") == 1
    assert "differs" in shown
    assert "somebody (their rate)" in shown
    assert "Agrees: its 95 % interval" in shown
    figure = sweep_figures.sweep(ds, published=others)
    (hollow,) = (c for c in figure.axes[0].containers if "published" in c.get_label())
    np.testing.assert_array_equal(hollow.lines[0].get_ydata(), [0.111, 0.5, 0.222])
    assert "Hollow: published" in figure._supxlabel.get_text()
    grid = made_up.sweep(aux=(1, 3), loss=("kl", "b")).assign_attrs(dataset="mnist")
    at = Published({"aux": 1, "loss": "b"}, 0.444, "s")
    cells = sweep_figures.sweep(grid, published=(at,)).axes[0].texts
    assert [text.get_text() for text in cells if "(.44)" in text.get_text()]


def test_another_data_set_is_shown_and_not_compared():
    shown = page(*tables.sweep(made_up.sweep(aux=(1, 3)), series("aux", {1: 0.111}, "somebody")))
    assert shown.count(".111") == 1
    assert "not compared" in shown


def test_figure_10_has_its_own():
    rng = np.random.default_rng(0)
    ds = made_up.figure10([0, 1, 2], lambda _, shape: rng.uniform(0.2, 0.9, (4, *shape)))
    others = (Published({}, 0.777, "somebody"), Published({}, 0.3, "other", differs="a rate"))
    assert ".777" in page(*tables.figure10(ds, others))
    with_it, without = (len(figures.figure10(ds, p).axes[0].containers) for p in (others, ()))
    assert with_it == without + 1  # what differs is in the table alone


def a_run(name, dataset="mnist", **settings):
    """Results of a study as far as their attributes go."""
    own = getattr(grids.module(name), "SETTINGS", {}) if name in grids.names() else {}
    given = of_task(dataset, **(own | settings))
    of = {"setup": vars(given.setup), "hyper": vars(given.hyper)}
    of = {"settings": of, "validation": given.common.validation}
    attrs = {"dataset": dataset, "study": name, "settings": json.dumps(of), "train_images": 60_000}
    return made_up.sweep(aux=(1, 3)).assign_attrs(attrs)


@pytest.mark.parametrize("name", ["channel_width", "channel_width_images", "figure10"])
def test_a_run_at_other_settings_is_held_against_nothing(name):
    found = published.of_study(name)
    assert found
    assert beside(a_run(name)) == found
    assert changed(a_run(name, student_lr=0.5, validation=0.1)) == {
        "student_lr": 0.5,
        "validation": 0.1,
    }
    assert beside(a_run(name, student_lr=0.5)) == ()
    assert beside(a_run(name, points=3)) == found  # when to measure changes no number


def test_steps_that_a_study_holds_are_its_own_too():
    held = {"teacher_steps": 295}  # five epochs of 59
    run = a_run("batch_epochs", **held)
    assert beside(run) == published.of_study("batch_epochs")
    assert changed(a_run("batch_epochs", teacher_steps=10)) == {"teacher_steps": 10}


@pytest.mark.parametrize("name", grids.names())
def test_what_is_published_is_of_the_studys_axes(name):
    study = grids.module(name)
    synthetic = named(name, of_task("synthetic:4x10", **grids.settings(name, "synthetic:4x10")))
    for one in published.of_study(name):
        assert set(one.at) <= set(study.AXES)
        assert (one.value is None) == (one.how in ("chance", "no effect"))
        assert one.value is None or 0 <= one.span[0] <= one.span[1] <= 1
        assert one.source
        for axis, value in one.at.items():
            values = list(synthetic.axes[axis])
            assert value in values or not isinstance(value, str)
