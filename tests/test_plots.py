"""sim/plots.py: every seed, every mean and every interval is drawn where the data says."""

import json

import numpy as np
import pytest

from sim.engine.programs import Record
from sim.report import figures as plots
from sim.runs import results
from sim.training import cast


@pytest.fixture
def ds():
    rng = np.random.default_rng(0)

    def record(shape):
        draw = rng.uniform(0.2, 0.9, (4, *shape)).astype(np.float32)
        return Record(draw[0], draw[1], draw[2], draw[3] > 0.95)

    ds = results.label(range(7), ([0, 3, 5], [0, 5, 9]), record((7, 3)), record((7, 4, 3)))
    ds.attrs = {"dataset": "made up", "classes": 4, "test_images": 1234}
    return ds.assign_attrs(settings=json.dumps({"setup": {"loss": "kl"}}))


def test_figure10_draws_the_data(ds):
    ds.diverged[2, 3] = True
    (axes,) = plots.figure10(ds).axes
    points = {}
    for line in axes.lines:
        if line.get_marker() in {"o", "x"} and len(line.get_xdata()):
            place = int(np.round(np.mean(line.get_xdata())))
            points.setdefault(place, []).extend(line.get_ydata())
    for place, model in enumerate(cast.MODELS):
        accuracy = ds.test_accuracy.sel(model=model).values
        assert sorted(points[place]) == sorted(accuracy)  # each seed, the diverged one too
        mean, half_width, _, _ = results.summary(accuracy)
        diamond, _, (bar,) = axes.containers[place]
        assert diamond.get_ydata() == [pytest.approx(mean)]
        ends = [mean - half_width, mean + half_width]
        np.testing.assert_allclose(bar.get_segments()[0][:, 1], ends, rtol=1e-6)
    assert any(set(line.get_ydata()) == {0.25} for line in axes.lines)  # chance of 4 classes
    assert "fraction" in axes.get_ylabel()


@pytest.mark.parametrize("draw", plots.FIGURES.values(), ids=plots.FIGURES)
def test_captions_say_what_and_how_many(ds, draw):
    caption = draw(ds)._supxlabel.get_text()
    for words in ("made up", "n = 7 seeds", "1,234 test images", "95 %"):
        assert words in caption
    assert "diverged" not in caption


def test_diverged_seeds_are_named_in_the_caption(ds):
    ds.diverged[2, 3] = True
    assert "1 seed" in plots.figure10(ds)._supxlabel.get_text()


def test_one_diverged_seed_does_not_hide_the_others(ds):
    ds.loss_by_step[3, 2, :] = np.nan
    ds.diverged[3, 2] = True
    figure = plots.trajectories(ds)
    others = ds.loss_by_step.sel(model="student_aux", step=[0, 5, 9]).drop_sel(seed=3).mean("seed")
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), others, rtol=1e-6)
    assert "diverged" in figure._supxlabel.get_text()


def test_all_seeds_diverged_is_drawn_and_said(ds):
    """No loss is finite: the curves are missing, the figures are not."""
    ds.loss_by_step[:] = np.nan
    ds.diverged[:] = True
    for draw in plots.FIGURES.values():
        figure = draw(ds)
        figure.draw_without_rendering()
        assert "diverged" in figure._supxlabel.get_text()


def test_trajectories_draw_each_model_at_its_own_steps(ds):
    accuracy, distillation, teacher = plots.trajectories(ds).axes
    assert list(accuracy.lines[0].get_xdata()) == [0, 3, 5]  # teacher
    mean = ds.accuracy_by_step.sel(model="student_aux", step=[0, 5, 9]).mean("seed")
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), mean, rtol=1e-6)
    assert len(distillation.lines) == 4
    assert len(teacher.lines) == 1
    assert "nats" in distillation.get_ylabel()
    squared = ds.assign_attrs(settings=json.dumps({"setup": {"loss": "squared_error"}}))
    assert "squared logits" in plots.trajectories(squared).axes[1].get_ylabel()
