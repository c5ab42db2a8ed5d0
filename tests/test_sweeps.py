"""sim/sweeps.py: a grid's numbers are those of single runs; teachers, programs and points once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sim
from sim.engine import programs as engine
from sim.errors import InputError
from sim.model import data
from sim.report import sweep_figures as sweep_plots
from sim.report import tables as report
from sim.settings.config import Student, Sweep, recipe
from sim.studies import sweep as sweeps

DATA = "synthetic:12x4"
ROOT = Path(__file__).parent.parent
LR = {"student_lr": (1e-3, 1e-2, 3e-2)}


@pytest.fixture
def settings(small):
    return {name: value for name, value in small.items() if name != "points"}


@pytest.fixture
def work(monkeypatch):
    """Teachers trained and students trained, one entry a network."""
    done = {"teachers": [], "students": []}
    teaching, distillation = engine.teaching, engine.distillation

    def teach(setup, hyper, place, chunk, *rest):
        done["teachers"] += chunk
        return teaching(setup, hyper, place, chunk, *rest)

    def distill(settings, place, chunk, θ_T, names, *rest):
        done["students"] += [(seed, h, s, name) for seed in chunk for s, h in settings
                             for name in names]  # fmt: skip
        return distillation(settings, place, chunk, θ_T, names, *rest)

    monkeypatch.setattr(engine, "teaching", teach)
    monkeypatch.setattr(engine, "distillation", distill)
    return done


def run(axes, out=None, seeds=2, **settings):
    return sweeps.Run(Sweep.of(DATA, seeds=seeds, **settings), axes, out)


def test_a_points_numbers_are_figure_10s(settings):
    """To rounding: other networks run beside it."""
    axes = {"student_lr": (1e-3, 3e-2), "aux": (2, 3)}
    settings["loss"] = "squared_error"
    ds = sim.sweep(DATA, axes, 2, models=tuple(Student.__args__), **settings)
    assert dict(ds.test_accuracy.sizes) == {"student_lr": 2, "aux": 2, "seed": 2, "model": 6}
    for at in ({"student_lr": 3e-2, "aux": 2}, {"student_lr": 1e-3, "aux": 3}):
        alone = sim.figure10(DATA, 2, **settings, **at)
        found = ds.sel(at)
        np.testing.assert_allclose(
            found.test_accuracy, alone.test_accuracy, atol=1.01 / alone.attrs["test_images"]
        )
        last = alone.loss_by_step.isel(step=-1).values
        # A loss is a sum of terms of order 0.1, each right to 1e-7 of it.
        np.testing.assert_allclose(
            found.training_loss.values[:, 1:], last[:, 1:], rtol=1e-4, atol=1e-7
        )


def test_classes_and_cases(settings):
    """A point has the task that its classes make; its numbers are figure 10's."""
    cases = {"two": {"loss": "squared_error", "student_lr": 1e-2}}
    axes = {"classes": (2,), "way": cases}
    ds = sim.sweep(DATA, axes, 2, models=("student_aux",), **settings)
    assert list(ds.way.values) == ["two"]
    alone = sim.figure10(DATA, 2, **settings, classes=2, **cases["two"])
    assert (alone.attrs["classes"], alone.attrs["test_images"]) == (2, 250)
    found = ds.test_accuracy.sel(classes=2, way="two")
    np.testing.assert_allclose(found, alone.test_accuracy.sel(model=found.model), atol=1.01 / 250)
    assert (ds.attrs["classes"], ds.attrs["test_images"]) == (2, 250)  # so chance is ½


def test_softmax_over_one_logit_teaches_nothing(settings):
    with pytest.warns(UserWarning, match="aux = 1"):
        ds = sim.sweep(DATA, {"aux": (1, 3)}, 2, **settings)
    one = ds.test_accuracy.sel(aux=1)
    np.testing.assert_array_equal(one.sel(model="student_aux"), one.sel(model="reference"))
    assert (ds.training_loss.sel(aux=1, model="student_aux") == 0).all()


@pytest.mark.parametrize(
    ("name", "ten"),
    [
        ("student_lr", [1e-3 * (k + 1) for k in range(10)]),
        ("noise_scale", [0.1 * (k + 1) for k in range(10)]),
        ("teacher_lr", [1e-3 * (k + 1) for k in range(10)]),
        ("student_steps", [k + 1 for k in range(10)]),
        ("distinct", [k + 1 for k in range(10)]),
    ],
)
def test_ten_values_compile_as_many_programs_as_one(name, ten, settings, work):
    counts = []
    for values in (ten[:1], ten):
        engine.teach.clear_cache()
        engine.distill.clear_cache()
        work["students"] = []
        run({name: values}, **settings).results()
        counts.append((engine.teach._cache_size(), engine.distill._cache_size()))
    assert counts == [(1, 1), (1, 1)]
    assert len(set(work["students"])) == len(work["students"]) == 10 * 2 * 2


def test_teachers_are_trained_once_and_reused(settings, work):
    axes = {"aux": (1, 2, 3, 4), "distinct": (8, 16, 32), "loss": ("kl", "squared_error")}
    run(axes, seeds=5, **settings).results()
    assert sorted(work["teachers"]) == list(range(len(work["teachers"])))  # each seed once
    assert len(work["teachers"]) - 5 < run(axes, seeds=5, **settings).chunk


def test_an_interrupted_sweep_goes_on_and_ends_the_same(settings, work, tmp_path):
    """What was kept is not computed again, and the whole is the same in every bit."""
    axes = LR | {"noise_scale": (0.5, 1.0)}
    whole = run(axes, seeds=3, **settings).results()
    at_once = len(work["students"])

    class StopError(Exception):
        pass

    def stop(done, total):
        if done > 0.6 * total:
            raise StopError

    work["students"].clear()
    first = run(axes, tmp_path, seeds=3, **settings)
    with pytest.raises(StopError):
        first.results(stop)
    kept = int(first.saved.split()[0])
    assert 0 < kept < 18
    assert first.saved == f"{kept} of 18 (point, seed) pairs"
    assert first.finished is None
    work["students"].clear()
    again = run(axes, tmp_path, seeds=3, **settings)
    ds = again.results()
    assert len(work["students"]) <= at_once - 2 * kept
    for name in sweeps.VARIABLES:
        np.testing.assert_array_equal(ds[name], whole[name])
    xr.testing.assert_identical(run(axes, tmp_path, seeds=3, **settings).finished, ds)


def test_a_file_that_was_being_written_is_no_result(settings, tmp_path):
    of = run(LR, tmp_path, **settings)
    whole = of.results()
    (of.store.folder / ".part-999999").write_bytes(b"half")
    (of.folder / "results.nc").unlink()
    np.testing.assert_array_equal(of.results().training_loss, whole.training_loss)
    assert of.saved == "6 of 6 (point, seed) pairs"


def test_only_missing_seeds_are_trained_when_the_chunk_grows(settings, work, tmp_path):
    few = run(LR, tmp_path, seeds=3, **settings)
    few.results()
    done = len(work["teachers"])
    many = run(LR, tmp_path, seeds=7, **settings)
    many.results()
    assert set(range(3)).isdisjoint(work["teachers"][done:])
    assert set(range(done, 7)) <= set(work["teachers"])


def test_memory_limits_how_many_points_train_side_by_side(settings):
    lrs = {"student_lr": tuple(1e-3 * (k + 1) for k in range(16))}
    wide = {**settings, "widths": (4096, 4096), "batch": 16}
    of = run(lrs, **wide, memory=1.5)
    (chunk, block), *_ = of._jobs({})
    bytes_ = engine.seed_bytes(block.points[0].setup, of.task, 2 * len(block.points)) * len(chunk)
    assert bytes_ < 1.5 * 2**30
    assert len(run(lrs, **wide, memory=100.0)._jobs({})[0][1].points) > len(block.points)


def test_axes_in_another_order_are_another_grid(settings, tmp_path):
    two = {"aux": (2, 3), "distinct": (8, 16)}
    run(two, tmp_path, **settings).results()
    turned = run(dict(reversed(two.items())), tmp_path, **settings).results()
    assert turned.test_accuracy.dims[:2] == ("distinct", "aux")


@pytest.mark.parametrize("values", [3, "kl", (None, 3)])
def test_what_is_no_list_of_values_is_named(values):
    with pytest.raises(InputError, match="student_steps = "):
        run({"student_steps": values})


def test_more_seeds_and_more_values_compute_only_what_is_new(settings, work, tmp_path):
    run(LR, tmp_path, **settings).results()
    work["students"].clear()
    more = run({"student_lr": (3e-2, 1e-1, 1e-3)}, tmp_path, **settings)
    plan = more.plan()
    assert (plan.points, plan.students, plan.teachers) == (1, 2 * 2 * 3, 2)  # filled up to three
    more.results()
    assert {h.student_lr for _, h, *_ in work["students"]} == {1e-1}
    work["students"].clear()
    longer = run(LR, tmp_path, seeds=4, **settings).results()
    assert {seed for seed, *_ in work["students"]} == {2, 3}
    np.testing.assert_allclose(
        longer.training_loss, run(LR, seeds=4, **settings).results().training_loss, rtol=1e-3
    )
    # A student that was never trained is missing; one that was is not.
    both = run(LR, tmp_path, models=("cross_aux",), **settings)
    assert both.plan().students == 0
    assert run(LR, tmp_path, models=("cross_all",), **settings).plan().students == 2 * 3


def test_plan_is_what_is_done(settings, work):
    axes = {"aux": (2, 3), "loss": ("kl", "squared_error"), "teacher_lr": (1e-3, 1e-2)}
    of = run(axes, **settings)
    plan = of.plan()
    of.results()
    assert (plan.students, plan.teachers) == (len(work["students"]), len(work["teachers"]))
    assert plan.points == 8
    assert plan.programs == 3  # a teacher's, and a student's for each loss
    assert plan.tflop > 0
    assert plan.seconds > 0


def test_flop_is_design_documents_count():
    """One seed of figure 10 on MNIST's shapes: 1.86 TFLOP in training and targets."""
    task = data.synthetic(784, 10, train=60_000, test=10, validation=0)
    teacher, student, answers = engine.flop(recipe("mnist")[0], task)
    assert (teacher + 4 * student + answers) / 1e12 == pytest.approx(1.86, rel=0.02)


@pytest.mark.parametrize(
    "axes",
    [LR, {"activation": ("relu", "tanh")}, {"aux": (2, 3), "distinct": (8, 16)},
     {"aux": (2, 3), "distinct": (8, 16), "loss": ("kl", "squared_error")}],
    ids="-".join,
)  # fmt: skip
def test_figures(axes, settings, tmp_path):
    ds = run(axes, **settings).results()
    figure = sweep_plots.sweep(ds)
    assert "n = 2 seeds" in str(figure.get_supxlabel())
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert any(labels)
    figure.savefig(tmp_path / "figure.png")


def test_arrays_are_axes_too_and_one_seed_is_enough(settings, tmp_path):
    axes = {"aux": np.array([2, 3]), "student_lr": np.array([1e-3, 1e-2])}
    ds = run(axes, tmp_path, seeds=1, **settings).results()
    plain = {"aux": (2, 3), "student_lr": (1e-3, 1e-2)}
    assert run(plain, tmp_path, seeds=1, **settings).finished.identical(ds)
    for one in (ds, run(LR, seeds=1, **settings).results()):
        sweep_plots.sweep(one).savefig(tmp_path / "figure.png")
        assert report.sweep(one).row_count == one.test_accuracy[..., 0, 0].size


@pytest.mark.parametrize(
    ("name", "value"), [("models", ()), ("models", ("teacher",)), ("seeds", 0), ("aux", 0)]
)
def test_bad_settings_are_named(name, value):
    with pytest.raises(InputError, match=name):
        Sweep.of(DATA, **{name: value})


MEMORY = """
from sim.studies import sweep as sweeps
from sim.settings.config import Sweep

def run(seeds, lrs):
    return sweeps.Run(Sweep.of("synthetic:784x10", seeds=seeds, batch=512, noise_images=4096,
                               teacher_steps=2, student_steps=2), {"student_lr": lrs}, None)

few = run(2, (1e-3, 2e-3))
planned = few.plan().gib
few.results()
peak = sweeps.resident_gib()
many = run(6, tuple(1e-4 * (k + 1) for k in range(6)))
many.results()
print(planned, peak, sweeps.resident_gib())
"""


@pytest.mark.slow
def test_memory_is_as_planned_and_flat_in_seeds_and_points():
    """Within 1.5 times; nine times the networks take a tenth more at most."""
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    words = [sys.executable, "-c", MEMORY]
    out = subprocess.check_output(words, env=environment, cwd=ROOT, text=True)
    planned, peak, after = map(float, out.split())
    assert peak / 1.5 < planned < peak * 1.5
    assert after < 1.1 * peak
