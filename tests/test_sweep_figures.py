"""sim/report/sweep_figures.py and the table: what is drawn and said is what is there."""

import io

import numpy as np
import pytest
from rich.console import Console

from sim.errors import InputError
from sim.report import sweep_figures, tables
from sim.report.style import COLORS
from tests import made_up


def page(*tables, width=80):
    shown = Console(width=width, file=io.StringIO())
    shown.print(*tables)
    return shown.file.getvalue()


def shown(ds):
    return page(tables.points(ds))


def lines(figure):
    """How the means of student_aux are joined."""
    (axes,) = figure.axes
    return next(c.lines[0].get_linestyle() for c in axes.containers if c.get_label()[0] == "s")


@pytest.mark.parametrize(
    ("values", "joined"),
    [
        ((1e-3, 1e-2, 1e-1), True),
        ((1.0, 2.0, 3.0), True),
        ((0.0, 0.003, 0.01, 0.03, 0.1), True),  # 0 too
        (("kl", "squared_error"), False),
    ],
    ids=str,
)
def test_a_line_joins_only_points_at_their_distances(values, joined):
    figure = sweep_figures.sweep(made_up.sweep(init_noise=values))
    assert (lines(figure) == "-") == joined
    student, control = (c.lines[0].get_xdata() for c in figure.axes[0].containers)
    scale = figure.axes[0].xaxis.get_transform()
    places = values if joined else range(len(values))
    mine, other, at = (scale.transform(np.asarray(x, float)) for x in (student, control, places))
    np.testing.assert_allclose((mine + other) / 2, at)  # at their distances, on both sides of them
    assert (mine < other).all()
    assert np.diff(at).min() > 0.1 * np.ptp(at)  # in a scale in which they are spaced


@pytest.mark.parametrize("axes", [{}, {"aux": (1, 3)}, {"aux": (1, 3), "loss": ("kl", "b")}])
def test_a_slice_says_where_it_was_taken(axes):
    ds = made_up.sweep(student_lr=(1e-3, 2e-3), **axes).sel(student_lr=1e-3)
    assert "student lr 0.001" in " ".join(shown(ds).split())
    if axes:
        assert "student lr 0.001" in sweep_figures.sweep(ds)._supxlabel.get_text()
    else:
        with pytest.raises(InputError, match="single point"):
            sweep_figures.sweep(ds)


def test_bars_end_within_the_frame():
    ds = made_up.sweep(seeds=2, aux=(1, 3))
    ds["test_accuracy"][:, 0], ds["test_accuracy"][:, 1] = 0.05, 0.2
    (axes,) = sweep_figures.sweep(ds).axes
    low, high = axes.get_ylim()
    for container in axes.containers:
        for bar in container.lines[2][0].get_segments():
            assert low <= bar[0, 1] <= bar[1, 1] <= high
    assert "[0,1]" in shown(ds)


def test_diverged_seeds_are_marked_where_they_count():
    one = made_up.sweep(aux=(1, 3))
    one["diverged"][1, 2, 2] = True  # student_aux, seed 2, at aux = 3
    assert shown(one).count("×1") == 3  # its mean, less its control, less its first row
    assert "×" in sweep_figures.sweep(one)._supxlabel.get_text()
    one["diverged"][1, :, 3] = True  # all of the control's
    one["test_accuracy"][1, :, 3] = 0.25
    assert ".250 ×all" in shown(one)  # and not ± .000
    two = made_up.sweep(aux=(1, 3), student_lr=(1e-3, 1e-2))
    two["diverged"][1, 0, 2, 2] = True
    maps = sweep_figures.sweep(two).axes
    marked = [text.get_text() for text in maps[0].texts if "×" in text.get_text()]
    assert len(marked) == 1
    assert not [text for text in maps[1].texts if "×" in text.get_text()]  # the control's


def test_the_table_has_what_pairs_say_and_what_to_choose_by():
    ds = made_up.sweep(aux=(1, 3, 10))
    page = " ".join(shown(ds).split())
    accuracy = ds.test_accuracy.sel(model="student_aux")
    change = (accuracy[2] - accuracy[0]).values
    half = 2.776445 * change.std(ddof=1) / 5**0.5  # t of 4 degrees of freedom
    assert f"{change.mean():+.3f} ±{half:.3f}".replace("0.", ".") in page
    control = (accuracy - ds.test_accuracy.sel(model="cross_aux"))[1].values
    assert f"{control.mean():+.3f}".replace("0.", ".") in page
    chosen = f"{float(ds.validation_accuracy[2, :, 2].mean()):.3f}".lstrip("0")
    assert chosen in page
    assert "1,234 test images" in page
    none = ds.assign(validation_accuracy=ds.validation_accuracy * np.nan)
    assert "choose by" not in shown(none).lower()


def test_a_legend_lies_within_its_figure():
    models = ("teacher", "student_aux", "student_all", "cross_aux", "cross_all", "placebo_aux")
    figure = sweep_figures.sweep(made_up.sweep(models=models, aux=(1, 3)))
    figure.savefig(io.BytesIO())
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_numbers_in_cells_keep_their_digits():
    written = {value: sweep_figures._digits(value) for value in (0.25, 10.25, 20.5, 1.0, -0.004)}
    assert written == {0.25: ".25", 10.25: "10.25", 20.5: "20.50", 1.0: "1.00", -0.004: ".00"}


def test_a_single_point_has_its_teacher():
    """A line through one point is none: a mark, as where values are names."""
    (axes,) = sweep_figures.sweep(made_up.sweep(aux=[3])).axes
    (teacher,) = [line for line in axes.get_lines() if line.get_color() == COLORS["teacher"]]
    assert teacher.get_marker() == "_"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["3"]
    with pytest.raises(InputError, match="measure = 'training_loss': must be one of test_accuracy"):
        sweep_figures.sweep(made_up.sweep(aux=[3]), measure="training_loss")


def test_long_names_leave_room_for_what_is_drawn():
    cases = [f"a quite long name of case {i}, and some more of it" for i in range(6)]
    figure = sweep_figures.sweep(made_up.sweep(case=cases), width="column")
    figure.savefig(io.BytesIO())
    (axes,) = figure.axes
    assert axes.get_window_extent().width > 0.4 * figure.bbox.width


def test_ticks_are_of_the_values():
    ds = made_up.sweep(momentum=[0.9, 0.99, 0.9999])
    (axes,) = sweep_figures.sweep(ds).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.9", "0.99", "0.9999"]


def test_no_name_in_a_table_is_cut_short():
    ds = made_up.sweep(case=["a_name_of_one_long_word"], aux=[1, 3], noise=["uniform"])
    assert "…" not in shown(ds)
