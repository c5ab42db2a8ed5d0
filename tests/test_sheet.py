"""sim/report/sheet.py: figures for a paper, of a column's width, in one's own axes, of some models.

That no text lies on another is held at the width of a column, for each kind of figure and, behind
the marker, for the axes of every study.
"""

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from sim.errors import InputError
from sim.report import figures, names, rate_figures, rates, sweep_figures, tuned
from sim.runs import results
from sim.studies import grids
from sim.studies.shown import shown
from sim.training.families import FIGURE_10, traits
from sim.training.lineages import CHAINS, LINEAGE
from tests import made_up, test_rates
from tests.test_dynamics import ds as courses  # noqa: F401
from tests.test_dynamics import operated  # noqa: F401
from tests.test_factorial import ds as crossed  # noqa: F401
from tests.test_replications import a_run
from tests.test_tradeoffs import ds as defended  # noqa: F401
from tests.test_tuned import ds as tried  # noqa: F401
from tests.texts import overlapping, texts

ALL = ("reference", "teacher", "student_aux", "student_all", "cross_aux", "cross_all")


def drawn(seeds=5):
    rng = np.random.default_rng(0)

    def draw(_, shape):
        values = rng.uniform(0.2, 0.9, (4, *shape)).astype(np.float32)
        return values[0], values[1], values[2], values[3] > 0.95

    return made_up.figure10(range(seeds), draw)


@pytest.fixture(scope="module")
def ds():
    return drawn()


def sizes(figure):
    return {text.get_fontsize() for text in figure.findobj(mpl.text.Text) if text.get_text()}


@pytest.mark.parametrize(
    ("width", "inches"), [("column", 3.25), ("text", 6.75), (5, 5.0), ("4.5", 4.5)]
)
def test_a_width_is_the_figures_and_its_letters_are_a_papers(ds, width, inches):
    figure = figures.figure10(ds, width=width)
    assert figure.get_figwidth() == inches
    assert max(sizes(figure)) == 8
    assert min(sizes(figure)) > 6
    assert not overlapping(figure)
    natural = figures.figure10(ds)
    assert natural.get_figwidth() == 7.5
    assert max(sizes(natural)) == 11


@pytest.mark.parametrize("width", ["wide", 0, -3.25, 100, float("nan"), "", [3]])
def test_a_width_that_is_none_is_named(ds, width):
    with pytest.raises(InputError, match=r"width = .*: must be column, text, or inches from 2 to"):
        figures.figure10(ds, width=width)


def test_what_is_saved_has_letters_and_the_users_settings_stay(ds):
    """TrueType in PDF, text in SVG, whatever the user's own settings."""
    with mpl.rc_context({"pdf.fonttype": 3, "svg.fonttype": "path", "font.size": 30}):
        before = dict(mpl.rcParams)
        grid = made_up.sweep(student_lr=(1e-4, 1e-3, 1e-2))  # with a formula
        for figure in (figures.figure10(ds), sweep_figures.sweep(grid, width="column")):
            pages = {form: io.BytesIO() for form in ("pdf", "svg")}
            for form, page in pages.items():
                figure.savefig(page, format=form)
            assert b"/Type3" not in pages["pdf"].getvalue()
            assert b"/CIDFontType2" in pages["pdf"].getvalue()
            assert "test accuracy (fraction)</text>" in pages["svg"].getvalue().decode()
        assert dict(mpl.rcParams) == before


def test_one_panel_goes_into_the_users_axes(ds):
    with mpl.rc_context({"font.size": 9}):
        own = Figure()
        left, right = own.subplots(1, 2)
        before = own.get_size_inches().tolist()
        assert figures.figure10(ds, ax=left) is own
        sweep_figures.sweep(made_up.sweep(aux=(1, 3, 10)), ax=right)
    assert left.get_lines()
    assert right.get_lines()
    assert own.axes == [left, right]
    assert own.get_size_inches().tolist() == before
    assert own._supxlabel is None
    assert right.get_legend()
    assert left.yaxis.label.get_fontsize() == 9  # the user's


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"width": "column"}, "width = 'column': must be left out with ax"),
        ({}, "must be left out: this figure has 3 panels"),
    ],
)
def test_axes_that_cannot_be_drawn_in_are_refused(ds, given, rule):
    with pytest.raises(InputError, match=rule):
        figures.trajectories(ds, ax=Figure().subplots(), **given)
    with pytest.raises(InputError, match="ax = 3: must be matplotlib's Axes"):
        figures.trajectories(ds, ax=3)


def test_models_are_those_alone_in_their_order(ds):
    figure = figures.figure10(ds, models=["cross_aux", "student_aux"], caption=False)
    (axes,) = figure.axes
    names_ = [label.get_text().replace("\n", ", ") for label in axes.get_xticklabels()]
    assert names_ == ["other init, aux logits", "student, aux logits"]
    mean = results.summary(ds.test_accuracy.sel(model="cross_aux").values)[0]
    assert axes.containers[0].lines[0].get_ydata() == [pytest.approx(mean)]
    assert figure._supxlabel is None
    with pytest.raises(InputError, match="models = 'nope': must be one of reference, teacher"):
        figures.figure10(ds, models=["nope"])
    lineage = test_rates.made_up([*LINEAGE], test_rates.LEVEL, taught=("a", "b"))
    labels = [
        la.get_text() for la in rate_figures.rows(lineage, models="other").axes[0].get_yticklabels()
    ]
    assert labels == ["a", "b"]
    with pytest.raises(InputError, match="must be a student with a control"):
        rate_figures.rows(lineage, models=["base"])


def test_where_there_are_no_models_to_choose(tried):  # noqa: F811
    with pytest.raises(InputError, match=r"models = .*: must be left out: none to choose"):
        tuned.figure(tried, models=["student_aux"])


def test_a_map_of_differences_is_by_pairs():
    ds = made_up.sweep(aux=(1, 3), student_lr=(1e-3, 1e-2))
    ds["test_accuracy"][0, 0, :, 2] = 0.9 + np.linspace(-0.01, 0.01, 5)
    ds["test_accuracy"][0, 0, :, 3] = 0.3 + np.linspace(-0.02, 0.02, 5)
    panels = [a for a in sweep_figures.sweep(ds).axes if a.get_images()]
    assert [a.get_title() for a in panels] == [
        "student, aux logits",
        "other init, aux logits",
        "student, aux logits less control",
    ]
    apart = ds.test_accuracy.sel(model="student_aux") - ds.test_accuracy.sel(model="cross_aux")
    shown = panels[2].get_images()[0].get_array()
    np.testing.assert_allclose(shown, apart.mean("seed").transpose("aux", "student_lr"))
    (clear,) = (t for t in panels[2].texts if t.get_position() == (0, 0))
    assert (clear.get_text(), clear.get_fontweight()) == ("+.60", "bold")


def test_names_are_words_and_symbols():
    assert names.formula(names.axis("student_lr")) == "student's learning rate $η_{S}$"
    assert names.formula("fashion_mnist for $3") == r"fashion_mnist for \$3"
    assert [*map(names.value, (0.0001, 35840, 3, "kl", "hidden_0"))] == [
        "0.0001",
        "35,840",
        "3",
        "KL divergence",
        "hidden 0",
    ]
    axes = [axis for study in grids.names() for axis in grids.module(study).AXES]
    assert not [axis for axis in axes if "_" in names._SYMBOL.sub("", names.axis(axis))]


KINDS = {
    "numbers": {"student_lr": (1e-4, 3e-4, 1e-3, 2e-3, 3e-3, 1e-2, 3e-2)},
    "zero": {"init_noise": (0.0, 0.003, 0.01, 0.02, 0.05, 0.1)},
    "long names": {"trap": [*grids.module("traps").AXES["trap"]]},
    "map": {"aux": (1, 3, 10, 30, 100), "distinct": (16, 256, 1024, 4096, 35840)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_lies_on_another_in_a_column(kind):
    assert not overlapping(sweep_figures.sweep(made_up.sweep(**KINDS[kind]), width="column"))


def test_the_boxes_of_texts_are_found():
    """Two texts at one place, and one that leaves the figure."""
    figure = Figure(figsize=(3, 3))
    for x, text in ((0.2, "one"), (0.25, "other"), (0.95, "beyond")):
        figure.text(x, 0.5, text)
    assert {pair[0] for pair in overlapping(figure)} == {"one", "beyond"}
    assert len(texts(figure)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("study", grids.names())
@pytest.mark.parametrize("width", ["column", "text", None])
def test_no_text_lies_on_another_in_any_study(study, width):
    """At its own axes, with results that nobody measured."""
    family, axes = grids.family(study), grids.module(study).AXES
    special = ("prediction", "origins", "surgery", "replications", "factorial", "tuned")
    if study in special:
        pytest.skip("of a kind of its own")
    axes = {name: [*values] for name, values in axes.items()}
    if traits(family):
        ds = test_rates.made_up([*family], test_rates.LEVEL, **axes)
        written = [*test_rates.described(family).items()]
        ds.attrs["settings"] = test_rates.json.dumps({"settings": {"family": written}})
        if study == "defences":
            ds["skill"] = ds.trait_rate
        found = rate_figures.figures(ds, rates.family(ds))
    else:
        ds = made_up.sweep(models=[m for m in FIGURE_10 if m in ALL], **axes)
        found = sweep_figures.figures(ds)
    for name, draw in found.items():
        assert not overlapping(draw(ds, width=width)), name


@pytest.mark.slow
@pytest.mark.parametrize("width", ["column", "text", None])
@pytest.mark.parametrize("kind", ["courses", "operated", "crossed", "defended", "tried"])
def test_no_text_lies_on_another_in_other_kinds(kind, width, request):
    ds = request.getfixturevalue(kind)
    _, found = shown(ds)
    for name, draw in found.items():
        assert not overlapping(draw(ds, width=width)), name


@pytest.mark.slow
@pytest.mark.parametrize("width", ["column", "text", None])
def test_no_text_lies_on_another_in_rows_chains_and_replications(width, ds):
    for draw in figures.figures(ds).values():
        assert not overlapping(draw(ds, width=width))
    chains = test_rates.made_up([*CHAINS], test_rates.LEVEL, outputs=("soft", "hard"), aux=(3, 10))
    replicated = a_run(lambda changed: 0.5, names=("gaetanx21", "authors_script"))
    for one in (chains, replicated):
        _, found = (
            shown(one.assign_attrs(study="mine"))
            if one is replicated
            else (0, rate_figures.figures(chains, rates.family(chains)))
        )
        for draw in found.values():
            assert not overlapping(draw(one, width=width))
