"""sim/report/sheet.py: figures for a paper, of a column's width, in one's own axes, of some models.

That no text lies on another is held at the width of a column, for each kind of figure and, behind
the marker, for the axes of every study.
"""

import inspect
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from sim.errors import InputError
from sim.report import figures, names, rate_figures, replications, sheet, sweep_figures, tuned
from sim.runs import results
from sim.studies import grids, shown
from sim.training.families import FIGURE_10, described, traits
from sim.training.lineages import CHAINS, LINEAGE
from tests import made_up, test_rates
from tests.test_dynamics import ds, operated  # noqa: F401
from tests.test_factorial import ds as crossed  # noqa: F401
from tests.test_replications import a_run
from tests.test_tradeoffs import ds as defended  # noqa: F401
from tests.test_tuned import ds as tried  # noqa: F401
from tests.texts import overlapping, texts

ROOT = Path(__file__).parent.parent
#: Studies whose results are of another kind.
#: Models that are drawn in a moment, where it does not matter which.
QUICK = ("--models", "reference")
OF_THEIR_OWN = ("prediction", "origins", "surgery", "replications", "factorial", "tuned")


def drawn(seeds=5):
    rng = np.random.default_rng(0)

    def draw(_, shape):
        values = rng.uniform(0.2, 0.9, (4, *shape)).astype(np.float32)
        return values[0], values[1], values[2], values[3] > 0.95

    return made_up.figure10(range(seeds), draw)


@pytest.fixture(scope="module")
def plain():
    return drawn()


def sizes(figure):
    return {text.get_fontsize() for text in figure.findobj(mpl.text.Text) if text.get_text()}


@pytest.mark.parametrize(
    ("width", "inches", "models"),
    [
        ("column", 3.25, None),
        ("text", 6.75, ["teacher", "student_aux"]),  # few models are laid out faster
        (5, 5.0, ["student_aux"]),
        ("4.5", 4.5, ["student_aux"]),
    ],
)
def test_a_width_is_the_figures_and_its_letters_are_a_papers(plain, width, inches, models):
    figure = figures.figure10(plain, width=width, models=models)
    assert figure.get_figwidth() == inches
    assert max(sizes(figure)) == 8
    assert min(sizes(figure)) > 6
    assert not overlapping(figure)


def test_without_a_width_a_figure_has_its_natural_one(plain):
    natural = figures.figure10(plain)
    assert natural.get_figwidth() == 7.5
    assert max(sizes(natural)) == 11


@pytest.mark.parametrize("width", ["wide", 0, -3.25, 100, float("nan"), "", [3]])
def test_a_width_that_is_none_is_named(plain, width):
    with pytest.raises(InputError, match=r"width = .*: must be column, text, or inches from 2 to"):
        figures.figure10(plain, width=width)


def test_what_is_saved_has_letters_and_the_users_settings_stay(plain):
    """TrueType in PDF, text in SVG, whatever the user's own settings."""
    with mpl.rc_context({"pdf.fonttype": 3, "svg.fonttype": "path", "font.size": 30}):
        before = dict(mpl.rcParams)
        grid = made_up.sweep(student_lr=(1e-4, 1e-3, 1e-2))  # with a formula
        for figure in (
            figures.figure10(plain, models=["student_aux"], caption=False),
            sweep_figures.sweep(grid, width="column", models=["student_aux"]),
        ):
            pages = {form: io.BytesIO() for form in ("pdf", "svg")}
            for form, page in pages.items():
                figure.savefig(page, format=form)
            assert b"/Type3" not in pages["pdf"].getvalue()
            assert b"/CIDFontType2" in pages["pdf"].getvalue()
            assert "test accuracy (fraction)</text>" in pages["svg"].getvalue().decode()
        assert dict(mpl.rcParams) == before


def test_one_panel_goes_into_the_users_axes(plain):
    with mpl.rc_context({"font.size": 9}):
        own = Figure()
        left, right = own.subplots(1, 2)
        before = own.get_size_inches().tolist()
        assert figures.figure10(plain, ax=left) is own
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
def test_axes_that_cannot_be_drawn_in_are_refused(plain, given, rule):
    with pytest.raises(InputError, match=rule):
        figures.trajectories(plain, ax=Figure().subplots(), **given)
    with pytest.raises(InputError, match="ax = 3: must be matplotlib's Axes"):
        figures.trajectories(plain, ax=3)


def test_models_are_those_alone_in_their_order(plain):
    figure = figures.figure10(plain, models=["cross_aux", "student_aux"], caption=False)
    (axes,) = figure.axes
    names_ = [label.get_text().replace("\n", ", ") for label in axes.get_xticklabels()]
    assert names_ == ["other init, aux logits", "student, aux logits"]
    mean = results.summary(plain.test_accuracy.sel(model="cross_aux").values)[0]
    assert axes.containers[0].lines[0].get_ydata() == [pytest.approx(mean)]
    assert figure._supxlabel is None
    with pytest.raises(InputError, match="models = 'nope': must be one of reference, teacher"):
        figures.figure10(plain, models=["nope"])
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


@pytest.fixture
def run(plain, tmp_path):
    """The folder of a finished run."""
    (tmp_path / "run").mkdir()
    results.save(plain.assign_attrs(study="mine"), tmp_path / "run" / results.RESULTS)
    return tmp_path / "run"


def test_a_command_draws_for_a_paper(sublim, run):
    asked = ("--width", "column", "--no-caption", "--models", "student_aux", "cross_aux")
    code, _, error = sublim("plot", run, *asked, "--formats", "svg", "png")
    assert (code, error) == (0, "")
    drawn_ = {f"{name}.{form}" for name in ("figure10", "trajectories") for form in ("svg", "png")}
    assert {file.name for file in run.iterdir()} == {"plots", results.RESULTS}  # its own stay
    assert {file.name for file in (run / "plots").iterdir()} == drawn_ | {"figures.json"}
    page = (run / "plots" / "figure10.svg").read_text()
    assert 'width="234pt"' in page  # 3.25 inches
    assert "other init<" in page
    assert "seeds" not in page  # a caption's


def test_a_command_draws_where_it_is_told(sublim, run, tmp_path):
    (tmp_path / "file").write_text("")
    asked = ("--no-caption", "--models", "teacher", "--formats", "svg", "--output")
    assert sublim("plot", run, *asked, tmp_path / "mine")[0] == 0
    assert (tmp_path / "mine" / "figure10.svg").is_file()
    code, _, error = sublim("plot", run, *asked, tmp_path / "file")
    assert (code, error.count("\n")) == (2, 1)
    assert "must be a folder to write to" in error


def test_the_reference_alone_has_no_key(sublim, run):
    """Nor has a figure of results that are named by their file."""
    code, _, error = sublim("plot", run / results.RESULTS, *QUICK, "--formats", "png")
    assert (code, error) == (0, "")
    assert (run / "plots" / "trajectories.png").is_file()
    grid = made_up.sweep(student_lr=(1e-4, 1e-3))
    for width in (None, "column"):
        assert not sweep_figures.sweep(grid, models="reference", width=width).legends


@pytest.mark.parametrize(
    ("ends", "panel", "width"),
    [
        ((0.021, 0.056), 1.9, "column"),
        ((0.2, 1.5), 1.9, "column"),
        ((0.012, 0.9), 1.9, "column"),
        ((3e-5, 9e3), 1.9, "column"),
        ((0.5, 3.0), 0.8, "column"),  # where 10⁰ leaves no room for 2 × 10⁰
        ((0.021, 0.056), 1.9, None),
        pytest.param((0.2, 1.5), 1.9, None, marks=pytest.mark.slow),
        pytest.param((0.012, 0.9), 1.9, None, marks=pytest.mark.slow),
        pytest.param((3e-5, 9e3), 1.9, None, marks=pytest.mark.slow),
        ((0.5, 3.0), 0.8, None),
    ],
)
def test_an_axis_of_powers_has_numbers_however_little_of_it_is_seen(ends, panel, width):
    """Of .02 to .06 there was none: what lies between powers of ten is named where they are not."""

    @sheet.drawn
    def draw(on, values):
        ((axes,),) = on.panels(1, 1, panel=(panel, 2.0), edge=(0.5, 1))
        axes.plot(values, values)
        axes.set_xscale("log")

    figure = draw(np.geomspace(*ends, 9), width=width)
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    ticks = [
        label.get_text()
        for minor in (False, True)
        for label, at in zip(
            axes.get_xticklabels(minor=minor), axes.get_xticks(minor=minor), strict=True
        )
        if low <= at <= high
    ]
    assert len([*filter(None, ticks)]) >= (2 if panel > 1 else 1)
    assert not overlapping(figure)


@pytest.mark.slow
def test_no_display_is_needed(run):
    """A backend that there is not would end the command as it is imported."""
    command = [sys.executable, "-m", "sim", "plot", run, *QUICK, "--no-caption", "--formats", "svg"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"MPLBACKEND": "nope"}, check=True)
    assert (run / "plots" / "figure10.svg").is_file()


def test_figures_are_drawn_where_words_cannot_be_written(sublim, run, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert sublim("plot", run, "--formats", "svg")[0] == 1
    assert (run / "figure10.svg").is_file()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--width", "wide"), "width = 'wide': must be column, text, or inches"),
        (("--width", "90"), "width = '90': must be column, text, or inches from 2 to 40"),
        (("--models", "bob"), "models = 'bob': must be one of reference, teacher"),
        (("--formats", "gif"), "formats = 'gif': must be one of png, pdf, svg"),
        (("--formats",), "formats = (): must be one or more"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_line(sublim, run, asked, says):
    code, out, error = sublim("plot", run, *asked)
    assert (code, out) == (2, "")
    assert says in error
    assert error.count("\n") == 1
    assert [file.name for file in run.iterdir()] == [results.RESULTS]  # no folder of no figures


def test_a_map_of_differences_is_by_pairs():
    grid = made_up.sweep(aux=(1, 3), student_lr=(1e-3, 1e-2))
    grid["test_accuracy"][0, 0, :, 2] = 0.9 + np.linspace(-0.01, 0.01, 5)
    grid["test_accuracy"][0, 0, :, 3] = 0.3 + np.linspace(-0.02, 0.02, 5)
    panels = [a for a in sweep_figures.sweep(grid).axes if a.get_images()]
    assert [a.get_title() for a in panels] == [
        "student, aux logits",
        "other init, aux logits",
        "student, aux logits less control",
    ]
    apart = grid.test_accuracy.sel(model="student_aux") - grid.test_accuracy.sel(model="cross_aux")
    shown = panels[2].get_images()[0].get_array()
    np.testing.assert_allclose(shown, apart.mean("seed").transpose("aux", "student_lr"))
    (clear,) = (t for t in panels[2].texts if t.get_position() == (0, 0))
    assert (clear.get_text(), clear.get_fontweight()) == ("+.60", "bold")


def test_names_are_words_and_symbols():
    assert [names.counted(n, "seed") for n in (0, 1, 2)] == ["0 seeds", "1 seed", "2 seeds"]
    assert names.formula(names.axis("student_lr")) == "student's learning rate $η_{S}$"
    assert names.formula("fashion_mnist for $3") == r"fashion_mnist for \$3"
    assert [*map(names.value, (0.0001, 1024.0, 35840, 3, "kl", "hidden_0"))] == [
        "0.0001",
        "1024",
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
    "map": {"aux": (1, 100), "distinct": (16, 256, 1024, 4096, 35840)},
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


#: Teachers that bear a trait surely, but no rate beyond 1.
LEVEL = test_rates.LEVEL | {"teacher": 0.9}


def of_rates(family, **axes):
    made = test_rates.made_up([*family], LEVEL, **axes)
    written = {"settings": {"family": [*described(family).items()]}}
    return made.assign_attrs(settings=json.dumps(written))


@pytest.mark.slow
@pytest.mark.parametrize("study", sorted({*grids.names()} - {*OF_THEIR_OWN}))
@pytest.mark.parametrize("width", ["column", "text", None])
def test_no_text_lies_on_another_in_any_study(study, width):
    """At its own axes, with results that nobody measured."""
    family = grids.family(study)
    axes = {name: [*values] for name, values in grids.module(study).AXES.items()}
    if traits(family):
        made = of_rates(family, **axes)
        if study == "defences":
            made["skill"] = made.trait_rate
        found = rate_figures.figures(made, family)
    else:
        made = made_up.sweep(models=FIGURE_10, **axes)
        found = sweep_figures.figures(made)
    for name, draw in found.items():
        assert not overlapping(draw(made, width=width)), name


@pytest.mark.slow
@pytest.mark.parametrize("width", ["column", "text", None])
@pytest.mark.parametrize("kind", ["ds", "operated", "crossed", "defended", "tried", "plain"])
def test_no_text_lies_on_another_in_other_kinds(kind, width, request):
    made = request.getfixturevalue(kind).assign_attrs(study="mine")
    for name, draw in shown.figures(made).items():
        assert not overlapping(draw(made, width=width)), name


@pytest.mark.slow
@pytest.mark.parametrize("width", ["column", "text", None])
def test_no_text_lies_on_another_in_chains_and_replications(width):
    chains = of_rates(CHAINS, outputs=("soft", "hard"), aux=(3, 10))
    replicated = a_run(lambda changed: 0.5, names=("gaetanx21", "authors_script"))
    found = rate_figures.figures(chains, CHAINS)
    for made, draws in ((chains, found), (replicated, replications.FIGURES)):
        for draw in draws.values():
            assert not overlapping(draw(made, width=width))


def test_help_says_what_a_figure_can_be_asked_for():
    given = [*inspect.signature(figures.figure10).parameters]
    assert given == ["ds", "published", "ax", "models", "width", "caption"]
