"""sim/engine/surgery.py: transplants between students, on a task of a moment."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sim.engine import chunks, programs, surgery
from sim.errors import StorageError
from sim.model import data
from sim.runs.plan import plan
from sim.runs.store import Store
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.studies import grids, parts
from sim.studies.named import named
from sim.studies.sweep import of_task
from sim.training.lineages import LINEAGE

TASK = data.synthetic(12, 4, train=70, test=40, validation=10)
STEPS, CUTS = 14, 2
GIVEN = {"widths": (8, 8), "noise_images": 48, "batch": 16, "teacher_steps": 9, "teacher_lr": 0.01}
GIVEN |= {"student_steps": STEPS, "student_lr": 0.01, "trait": "accuracy", "base": "untrained"}
POINT = Point(*recipe("synthetic", **GIVEN))


@pytest.fixture(scope="module")
def teachers():
    where = programs.place(TASK, 1)
    found = []
    for name in ("teacher", "control_teacher"):
        at = LINEAGE[name].at(POINT)
        θ, _ = programs.learn_labels(at, where, [0], lesson=LINEAGE[name].learns)
        found.append(θ)
    return where, found


def operated(where, teachers):
    return surgery.operate(POINT, LINEAGE["student"], where, 0, tuple(teachers), None, CUTS)


def test_parameters_that_are_nowhere_are_taken_for_no_others(tmp_path, monkeypatch):
    """None would be taken for a network that is drawn: a teacher that has learnt nothing."""
    monkeypatch.setattr(parts, "train", lambda schedule, progress: None)
    of = SimpleNamespace(store=Store(tmp_path, {}))
    with pytest.raises(StorageError, match="params/net: of seed 3, parameters can neither be read"):
        parts.Parts.params(of, None, "net", 3)


def test_who_exchanges_with_a_twin_stays_as_it_is(teachers):
    where, (teacher, _) = teachers
    mine, other = operated(where, [teacher, teacher])
    for one in (mine, other):
        assert (one.predicted == 0).all()
        assert (one.at_once == 0).all()
        np.testing.assert_allclose(one.measured, 0, atol=1e-5)  # two programs, and their rounding
    np.testing.assert_array_equal(mine.batches, other.batches)


def test_transplants_and_their_prices(teachers):
    where, both = teachers
    mine, other = operated(where, both)
    # The student is the one that the engine trains, and its end is the trait's loss there.
    student = [(LINEAGE["student"].at(POINT), LINEAGE["student"])]
    _, record = programs.imitate(student, where, [0], both[0], ["trait_loss"])
    assert mine.end == pytest.approx(record["trait_loss"][0, 0, -1], rel=1e-4)
    assert mine.batches.shape == (STEPS,)
    # All parts at once: one's own end then, as if one had been the other.
    places = surgery.PARTS.index("all"), surgery.PARTS.index("parameters")
    assert np.isfinite(mine.predicted).all()
    np.testing.assert_allclose(mine.at_once[:, places[0]], mine.at_once[:, places[1]], atol=1e-6)
    moments = [surgery.PARTS.index(part) for part in ("first moment", "second moment")]
    assert (mine.at_once[:, moments] == 0).all()  # which are no parameters
    np.testing.assert_allclose(mine.at_once, -other.at_once, atol=1e-6)
    # Parameters, moments and all of them: to first order the parts add up.
    np.testing.assert_allclose(mine.predicted[:, :3].sum(1), mine.predicted[:, 3], rtol=1e-3)
    # Adam does not know the scale of gradients: what all batches together are worth is 0.
    assert abs(mine.batches.sum()) < 1e-3 * np.abs(mine.batches).sum()


@pytest.mark.parametrize("name", ["surgery", "origins"])
def test_a_plan_is_of_what_is_made_beside_networks_too(name, small):
    given = of_task("synthetic:4x3", **(grids.settings(name, "synthetic:4x3") | small))
    grid = named(name, given._replace(common=replace(given.common, seeds=2)))
    work = grid.work(Store(None, {}), None)
    whole, networks = work.plan(), plan(work.schedule)
    _, student, _ = chunks.flop(grid.points[0].setup, grid.task)
    steps = sum(map(work.steps, work.parts()))
    beside = steps * student / work.schedule.times(work.schedule.networks["student"][0])[-1] / 1e12
    trained = sum(plan(one).tflop for one in work.schedules())
    assert whole.tflop == pytest.approx(trained + beside)
    assert whole.teachers == sum(plan(one).teachers for one in work.schedules())
    assert whole.teachers >= networks.teachers
    assert work.saved().endswith(f" and 0 of {2 * len(grid.points)} parts")


@pytest.mark.parametrize("count", [1, 2, 7, 60, 295, 560])
def test_cuts_are_within_the_training(count):
    each = -(-count // surgery.segments(count))
    cuts = surgery.cuts(count, 6) if count > 2 else []
    assert all(0 < each * k < count for k in cuts)
    assert cuts == sorted({*cuts})
