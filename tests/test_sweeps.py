"""sim/sweeps.py: a grid's numbers are those of single runs; teachers, programs and points once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sim
from sim.engine import chunks, programs
from sim.errors import InputError
from sim.model import data
from sim.report import sweep_figures, tables
from sim.runs.run import Run
from sim.settings.experiments import FIGURE_10
from sim.settings.recipes import recipe
from sim.studies.sweep import SWEEP, Grid, of_task

DATA = "synthetic:12x4"
ROOT = Path(__file__).parent.parent
LR = {"student_lr": (1e-3, 3e-2)}  # with two models as many students as figure 10
VARIABLES = ("test_accuracy", "validation_accuracy", "training_loss", "diverged")


@pytest.fixture
def settings(small):
    return {name: value for name, value in small.items() if name != "points"}


@pytest.fixture
def work(monkeypatch):
    """Teachers trained and students trained, one entry a network."""
    done = {"teachers": [], "students": []}
    learn, imitate = programs.learn_labels, programs.imitate

    def learned(point, where, chunk, *rest, **more):
        done["teachers"] += chunk
        return learn(point, where, chunk, *rest, **more)

    def imitates(students, where, chunk, *rest):
        done["students"] += [
            (seed, point, repr(member)) for seed in chunk for point, member in students
        ]
        return imitate(students, where, chunk, *rest)

    monkeypatch.setattr(programs, "learn_labels", learned)
    monkeypatch.setattr(programs, "imitate", imitates)
    return done


def run(axes, out=None, seeds=2, **settings):
    return Run(Grid("sweep", of_task(DATA, **(SWEEP | settings | {"seeds": seeds})), axes), out)


@pytest.mark.slow
def test_a_points_numbers_are_figure_10s(settings):
    """To rounding: other networks run beside it."""
    axes = {"student_lr": (1e-3, 3e-2), "aux": (2, 3)}
    settings["loss"] = "squared_error"
    ds = sim.sweep(DATA, axes, 2, models=FIGURE_10, **settings)
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


@pytest.mark.slow
def test_classes_and_cases(settings, tmp_path):
    """A point has the task that its classes make; its numbers are figure 10's.

    Cases lie as they are asked for, and in another order are the same run.
    """
    cases = {"two": {"loss": "squared_error", "student_lr": 1e-2}, "too": {"student_lr": 1e-2}}
    found = []
    for order in ([*cases], [*cases][::-1]):
        axes = {"classes": (2,), "way": {name: cases[name] for name in order}}
        given = settings | {"models": ("student_aux",), "out": tmp_path}
        found.append(ds := sim.sweep(DATA, axes, 2, **given))
        assert list(ds.way.values) == order
    assert found[0].sel(way=order).drop_attrs().identical(ds.drop_attrs())
    assert len([*tmp_path.glob("sweep-*")]) == 1
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "ten"),
    [
        ("student_lr", [1e-3 * (k + 1) for k in range(10)]),
        ("teacher_lr", [1e-3 * (k + 1) for k in range(10)]),
    ],
)
def test_ten_values_compile_as_many_programs_as_one(name, ten, settings, work):
    counts = []
    for values in (ten[:1], ten):
        programs.teach.clear_cache()
        programs.distill.clear_cache()
        work["students"] = []
        run({name: values}, **settings).results()
        counts.append((programs.teach._cache_size(), programs.distill._cache_size()))
    assert counts == [(1, 1), (1, 1)]
    assert len(set(work["students"])) == len(work["students"]) == 10 * 2 * 2


@pytest.mark.slow
def test_teachers_are_trained_once_and_reused(settings, work):
    axes = {"aux": (1, 2, 3, 4), "distinct": (8, 16, 32)}
    run(axes, seeds=5, **settings).results()
    assert sorted(work["teachers"]) == list(range(len(work["teachers"])))  # each seed once
    assert len(work["teachers"]) - 5 < run(axes, seeds=5, **settings).work.chunk


@pytest.mark.slow
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
    kept = int(first.work.saved().split()[0])
    assert 0 < kept < 12
    assert first.work.saved() == f"{kept} of 12 (point, seed) pairs"
    assert first.finished is None
    work["students"].clear()
    again = run(axes, tmp_path, seeds=3, **settings)
    ds = again.results()
    assert len(work["students"]) <= at_once - 2 * kept
    for name in VARIABLES:
        np.testing.assert_array_equal(ds[name], whole[name])
    xr.testing.assert_identical(run(axes, tmp_path, seeds=3, **settings).finished, ds)


def test_a_file_that_was_being_written_is_no_result(settings, tmp_path):
    of = run(LR, tmp_path, **settings)
    whole = of.results()
    (of.store.folder / ".sublim-part-999999").write_bytes(b"half")
    (of.folder / "results.nc").unlink()
    np.testing.assert_array_equal(of.results().training_loss, whole.training_loss)
    assert of.work.saved() == "4 of 4 (point, seed) pairs"


def test_only_missing_seeds_are_trained(settings, work, tmp_path):
    few = run(LR, tmp_path, seeds=2, **settings)
    few.results()
    done = len(work["teachers"])
    many = run(LR, tmp_path, seeds=4, **settings)
    many.results()
    assert set(range(2)).isdisjoint(work["teachers"][done:])
    assert set(range(done, 4)) <= set(work["teachers"])


def test_memory_limits_how_many_points_train_side_by_side(settings):
    lrs = {"student_lr": tuple(1e-3 * (k + 1) for k in range(16))}
    wide = {**settings, "widths": (4096, 4096), "batch": 16}
    of = run(lrs, **wide, memory=1.5)
    students = of.work.schedule.jobs()[-1].networks
    setup = students[0].point.setup
    bytes_ = chunks.seed_bytes(setup, of.study.task, len(students)) * of.work.chunk
    assert bytes_ < 1.5 * 2**30
    assert len(run(lrs, **wide, memory=100.0).work.schedule.jobs()[-1].networks) > len(students)


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
    plan = more.work.plan()
    assert (plan.points, plan.students, plan.teachers) == (1, 2 * 2, 0)  # of three that are trained
    more.results()
    assert {point.hyper.student_lr for _, point, _ in work["students"]} == {1e-1}
    work["students"].clear()
    longer = run(LR, tmp_path, seeds=4, **settings).results()
    assert {seed for seed, *_ in work["students"]} == {2, 3}
    np.testing.assert_allclose(
        longer.training_loss, run(LR, seeds=4, **settings).results().training_loss, rtol=1e-3
    )
    # A student that was never trained is missing; one that was is not.
    both = run(LR, tmp_path, models=("cross_aux",), **settings)
    assert both.work.plan().students == 0
    assert run(LR, tmp_path, models=("cross_all",), **settings).work.plan().students == 2 * 2


def test_plan_is_what_is_done(settings, work):
    axes = {"aux": (2, 3), "loss": ("kl", "squared_error"), "teacher_lr": (1e-3, 1e-2)}
    of = run(axes, **settings)
    plan = of.work.plan()
    of.results()
    assert (plan.students, plan.teachers) == (len(work["students"]), len(work["teachers"]))
    assert plan.points == 8
    assert plan.programs == 3  # a teacher's, and a student's for each loss
    assert plan.tflop > 0
    assert plan.seconds > 0


def test_flop_is_design_documents_count():
    """One seed of figure 10 on MNIST's shapes: 1.86 TFLOP in training and targets."""
    task = data.synthetic(784, 10, train=60_000, test=10, validation=0)
    teacher, student, answers = chunks.flop(recipe("mnist")[0], task)
    assert (teacher + 4 * student + answers) / 1e12 == pytest.approx(1.86, rel=0.02)


@pytest.mark.parametrize(
    "axes",
    [
        LR,
        pytest.param({"activation": ("relu", "tanh")}, marks=pytest.mark.slow),
        {"aux": (2, 3), "distinct": (8, 16)},
        {"aux": (2, 3), "distinct": (8, 16), "loss": ("kl", "squared_error")},
    ],
    ids="-".join,
)
def test_figures(axes, settings, tmp_path):
    ds = run(axes, **settings).results()
    figure = sweep_figures.sweep(ds)
    assert "n = 2 seeds" in str(figure.get_supxlabel())
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert any(labels)
    figure.savefig(tmp_path / "figure.png")


def test_arrays_are_axes_too_and_one_seed_can_be_shown(settings, tmp_path):
    axes = {"aux": np.array([2, 3]), "student_lr": np.array([1e-3, 1e-2])}
    settings["models"] = ("student_aux",)
    ds = run(axes, tmp_path, **settings).results()
    plain = {"aux": (2, 3), "student_lr": (1e-3, 1e-2)}
    assert run(plain, tmp_path, **settings).finished.identical(ds)
    for one in (ds.isel(seed=[0]), ds.isel(aux=0, seed=[0])):
        sweep_figures.sweep(one).savefig(tmp_path / "figure.png")
        assert tables.points(one).row_count == one.test_accuracy[..., 0, 0].size


@pytest.mark.parametrize("axes", [{}, None, {"points": (1, 2)}, {"widths": ((8,), (16,))}])
def test_what_is_no_axis_is_named(axes):
    with pytest.raises(InputError, match="axis = "):
        sim.sweep(DATA, axes, 2)


@pytest.mark.parametrize(
    "name", ["test_accuracy", "seed", "accuracy_by_step", "a/b", "", "network"]
)
def test_cases_have_a_name_of_their_own(name, settings):
    with pytest.raises(InputError, match="axis = ") as error:
        run({name: {"a": {"aux": 2}}}, **settings)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_label_is_shown_as_it_is(settings, tmp_path, capsys):
    """No markup of a terminal's, no mathematics of a figure's."""
    labels = {"[/bold] $x": {"aux": 2}, "my[v2] $y$": {"aux": 3}}
    ds = run({"way": labels}, tmp_path, **settings).results()
    sweep_figures.sweep(ds).savefig(tmp_path / "figure.png")
    from rich.console import Console  # noqa: PLC0415

    for table in tables.sweep(ds):
        Console(width=120).print(table)
    out = capsys.readouterr().out
    assert "[/bold] $x" in out
    assert "my[v2] $y$" in out


def test_what_was_measured_on_the_way(settings, small):
    """With points above 1, over steps; at the ends the same."""
    ends = sim.sweep(DATA, {"student_steps": (4, 6)}, 2, **settings)
    ds = sim.sweep(DATA, {"student_steps": (4, 6)}, 2, **(settings | {"points": 2}))
    assert list(ds.step.values) == [0, 2, 3, 4, 6]
    assert ds.accuracy_by_step.dims == ("student_steps", "seed", "model", "step")
    np.testing.assert_array_equal(ds.test_accuracy, ends.test_accuracy)
    student = ds.accuracy_by_step.sel(model="student_aux")
    for n, steps in ((4, [0, 2, 4]), (6, [0, 3, 6])):
        path = student.sel(student_steps=n).dropna("step")
        assert list(path.step.values) == steps
        final = ds.test_accuracy.sel(model="student_aux", student_steps=n)
        np.testing.assert_array_equal(path.isel(step=-1), final)


@pytest.mark.slow
def test_more_measures_have_their_variables_tables_and_figures(settings, tmp_path):
    more = ("displacement_cosine", "teacher_head")
    ds = sim.sweep(DATA, {"depth": (1, 2)}, 2, measure=more, **settings)
    cosine = ds.displacement_cosine
    assert list(ds.layer.values) == ["whole", "hidden_0", "hidden_1", "class_head", "aux_head"]
    assert cosine.dims == ("depth", "seed", "model", "layer")
    student = cosine.sel(model="student_aux")
    assert student.sel(layer=["whole", "hidden_0"]).notnull().all()
    assert student.sel(depth=1, layer="hidden_1").isnull().all()  # there is none
    assert cosine.attrs["valid_range"] == (-1, 1)
    assert ds.teacher_head.attrs["units"] == "fraction"
    assert len([*tables.sweep(ds)]) == 3
    figures = sweep_figures.figures(ds)
    assert [*figures] == ["sweep", *more]
    for draw in figures.values():
        draw(ds).savefig(tmp_path / "figure.png")


MEMORY = """
from sim.engine import machine
from sim.runs.run import Run
from sim.settings.experiments import SWEEP
from sim.studies.sweep import Grid, of_task

def run(seeds, lrs):
    small = dict(batch=512, noise_images=4096, teacher_steps=2, student_steps=2)
    given = of_task("synthetic:784x10", **(SWEEP | small | {"seeds": seeds}))
    return Run(Grid("sweep", given, {"student_lr": lrs}))

few = run(2, (1e-3, 2e-3))
planned = few.work.plan().gib
few.results()
peak = machine.resident_gib()
many = run(6, tuple(1e-4 * (k + 1) for k in range(6)))
many.results()
print(planned, peak, machine.resident_gib())
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
