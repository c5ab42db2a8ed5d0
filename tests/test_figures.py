"""sim/report/figures.py: every seed, every mean and every interval is where the data says."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text as Words
from rich.text import Text

from sim.report import figures as plots
from sim.report import names, sweep_figures, tables
from sim.report.style import COLORS, colors
from sim.runs import results
from tests import made_up


def drawn(loss="kl"):
    rng = np.random.default_rng(0)

    def draw(_, shape):
        values = rng.uniform(0.2, 0.9, (4, *shape)).astype(np.float32)
        return values[0], values[1], values[2], values[3] > 0.95

    return made_up.figure10(range(7), draw, loss)


ds = pytest.fixture(drawn)


@pytest.fixture(scope="module")
def as_they_are():
    """Both figures of the results as they are."""
    return {draw: draw(drawn()) for draw in (plots.figure10, plots.trajectories)}


def test_figure10_draws_the_data(ds):
    ds.diverged[2, 3] = True
    (axes,) = plots.figure10(ds).axes
    points = {}
    for line in axes.lines:
        if line.get_marker() in {"o", "x"} and len(line.get_xdata()):
            place = int(np.round(np.mean(line.get_xdata())))
            points.setdefault(place, []).extend(line.get_ydata())
    for place, model in enumerate(made_up.MODELS):
        accuracy = ds.test_accuracy.sel(model=model).values
        assert sorted(points[place]) == sorted(accuracy)  # each seed, the diverged one too
        mean, half_width, _, _ = results.summary(accuracy)
        diamond, _, (bar,) = axes.containers[place]
        assert diamond.get_ydata() == [pytest.approx(mean)]
        ends = [mean - half_width, mean + half_width]
        np.testing.assert_allclose(bar.get_segments()[0][:, 1], ends, rtol=1e-6)
    assert any(set(line.get_ydata()) == {0.25} for line in axes.lines)  # chance of 4 classes
    assert "fraction" in axes.get_ylabel()


@pytest.mark.parametrize("draw", [plots.figure10, plots.trajectories])
def test_captions_say_what_and_how_many(as_they_are, draw):
    caption = as_they_are[draw]._supxlabel.get_text()
    for words in ("made up", "n = 7 seeds", "1,234 test images", "95 %"):
        assert words in caption
    assert "diverged" not in caption


def test_models_that_were_renamed_are_drawn_in_colours_of_their_own(ds):
    """For a paper, say: those that keep their names keep their colours."""
    other = [f"{name}_1" if "cross" in name else name for name in made_up.MODELS]
    new = ds.assign_coords(model=other)
    many = made_up.sweep(aux=[1, 3])
    last = many.model.values[-1]
    swept = many.assign_coords(model=[*many.model.values[:-1], "mine"])
    for figure, label in (
        (plots.figure10(new), "cross aux 1"),
        (plots.trajectories(new), "cross aux 1"),
        (sweep_figures.sweep(swept), "mine"),
    ):
        words = " ".join(text.get_text() for text in figure.findobj(Words))
        assert label in words.replace("\n", " ")
        assert names.model(last) not in words
    for some in (other, [f"my {name}" for name in made_up.MODELS]):  # all of them, too
        assert len({*colors(some).values()}) == len(some)
    of = colors(other)
    assert all(of[name] == COLORS[name] for name in made_up.MODELS if name in of)


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
    for draw in (plots.figure10, plots.trajectories):
        figure = draw(ds)
        figure.draw_without_rendering()
        assert "diverged" in figure._supxlabel.get_text()


def test_trajectories_draw_each_model_at_its_own_steps(ds, as_they_are):
    accuracy, distillation, teacher = as_they_are[plots.trajectories].axes
    assert list(accuracy.lines[0].get_xdata()) == [0, 3, 5]  # teacher
    mean = ds.accuracy_by_step.sel(model="student_aux", step=[0, 5, 9]).mean("seed")
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), mean, rtol=1e-6)
    assert len(distillation.lines) == 4
    assert len(teacher.lines) == 1
    assert "nats" in distillation.get_ylabel()
    squared = drawn("squared_error")
    few = plots.trajectories(squared, models=["student_aux"], caption=False)
    assert "squared logits" in few.axes[1].get_ylabel()


def test_a_users_own_style_changes_nothing(ds, tmp_path):
    """Even one that asks for a LaTeX that is not there."""
    pictures = []
    for own in ({}, {"text.usetex": True, "axes.facecolor": "black", "font.size": 30}):
        with mpl.rc_context(own):
            plots.figure10(ds, models=["teacher", "student_aux"]).savefig(tmp_path / "figure.png")
        pictures.append((tmp_path / "figure.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_some_of_the_models(ds):
    for draw in (plots.figure10, plots.trajectories):
        draw(ds.sel(model=["teacher", "student_aux"])).draw_without_rendering()


def test_a_measures_table_is_titled_with_its_own_letters(ds):
    label = "linear CKA, [bold] of ∇L_T"
    of = ds.test_accuracy.assign_attrs(long_name=label)
    shown = tables.measured(ds.assign({"training_loss": of}), "loss")
    assert Text.from_markup(shown.title).plain.startswith("Linear CKA, [bold] of ∇L_T, n = ")
