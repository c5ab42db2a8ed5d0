"""sim/published: what was published, as presets that run, shown where studies have it."""

import re

import pytest

import sim
from sim import published
from sim.errors import InputError
from sim.published.entries import Row, Source, Value, along
from sim.settings.grid import SETTINGS
from sim.settings.recipes import recipe
from sim.studies import grids
from sim.training.families import FIGURE_10, takes

ROWS = published.rows()
PRESETS = [name for name, row in ROWS.items() if not row.beyond]


def test_there_are_many_and_the_paper_is_first():
    assert len(ROWS) == sum(len(published._module(p).ROWS) for p in published.publications())
    assert sum(bool(row.values) for row in ROWS.values()) > 25
    assert next(iter(ROWS)) == published.PAPER == published.publications()[0]
    assert ROWS[published.PAPER].settings == {}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_whole(name):
    row = ROWS[name]
    assert re.fullmatch(r"[a-z0-9_.]+", name)
    assert row.values or row.said
    setup, hyper = recipe("mnist", **row.settings)  # no rule broken
    assert not {*row.settings} - {*vars(setup), *vars(hyper)}
    changed = [s for change in row.changes.values() for s in change]
    assert len(changed) == len({*changed}), "a setting is changed twice"
    study = row.command.removeprefix("study ")
    family = FIGURE_10 if row.command == "figure10" else grids.family(study)
    models = {*family, "reference"}
    for setting, value in row.settings.items():
        assert takes(family, setting)
        assert (
            row.beyond
            or value != SETTINGS[setting].default
            or setting == "widths"
            or (
                row.at  # a place of an axis where the paper is
            )
        )
    for value in row.values:
        assert value.model in models
        assert (value.value is None) == (value.how in ("chance", "no effect"))
        assert value.n is None or value.n > 0
    for shown in row.at:
        assert shown == "figure10" or shown in grids.names()


@pytest.mark.parametrize("name", published.publications())
def test_a_publication_can_be_cited(name):
    entry = published.cite(name)
    assert re.match(rf"@(article|misc){{{name},\n", entry)
    assert entry.count("{") == entry.count("}")
    assert "  title = {" in entry
    assert all(line.endswith(",") for line in entry.splitlines()[1:-1])
    assert not re.search(r"(?<!\\)[&%#]", re.sub(r"url = .*", "", entry)), "LaTeX would stop"


def test_the_publication_of_a_row_is_its_files():
    for name in ROWS:
        owner = published.publication(name)
        assert name in {
            re.sub(r"[^a-z0-9.]+", "_", f"{owner}_{s}".lower()).strip("_")
            for s in published._module(owner).ROWS
        }
        assert published.source(name) == published._module(owner).SOURCE


def test_presets_are_settings():
    assert sim.preset("gaetanx21") == {
        "widths": (256,),
        "init": "uniform",
        "teacher_lr": 1e-3,
        "student_lr": 1e-3,
    }
    with pytest.raises(InputError, match="preset = 'nobody': must be a name that"):
        sim.preset("nobody")
    with pytest.raises(InputError, match=r"must be one that can be run \(log-ratios"):
        sim.preset("take_home_clipped")


def test_along_an_axis():
    rows = along("student_lr", {0.01: 0.5, 0.1: Value(0.2, n=3)}, "learning_rate", n=7)
    assert rows["student_lr_0.01"] == Row(
        {"student lr 0.01": {"student_lr": 0.01}},
        (Value(0.5, n=7),),
        at={"learning_rate": {"student_lr": 0.01}},
    )
    assert rows["student_lr_0.1"].values == (Value(0.2, n=3),)
    assert along("width", {8: 0.5}, of=lambda x: {"widths": (x, x)})["width_8"].settings == {
        "widths": (8, 8)
    }


def test_bibtex():
    source = Source("somebody", "misc", {"title": "A title", "year": "2026"})
    assert source.bibtex("key") == "@misc{key,\n  title = {A title},\n  year = {2026},\n}"


def test_what_is_published_stands_nowhere_else():
    """Not in studies, figures or pages; they ask here."""
    assert not [name for name in grids.names() if hasattr(grids.module(name), "PUBLISHED")]
    assert published.of_study("figure10")
    shown = {study for row in ROWS.values() for study in row.at}
    assert all(published.of_study(study) for study in shown)


@pytest.mark.slow
def test_a_preset_as_a_command(sublim, tmp_path):
    dry = ("--dry-run", "--out", tmp_path / "runs")
    _, out, _ = sublim("figure10", "--preset", "course_deck", "--dataset", "digits", *dry)
    assert re.search(r"init +uniform +lecun_normal", out)
    assert re.search(r"batch +128 +1024", out)
    assert "noise_images 35840" not in out.split("As the paper's")[1]  # digits' recipe, not its
    assert "sublim cite cloud_2025, sublim cite course_deck" in out
    assert "To do: 1 point, 128 students and 32 teachers" in out
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_what_is_set_goes_before_the_preset(sublim, tmp_path):
    words = ("--preset", "course_deck", "--batch", "32", "--dataset", "digits", "--dry-run")
    _, out, _ = sublim("figure10", *words, "--out", tmp_path / "runs")
    assert re.search(r"batch +32 +1024", out)


def test_the_catalogue_and_citations_as_commands(sublim):
    _, out, _ = sublim("catalogue")
    assert all(name in out for name in ("course_deck", "gaetanx21", "subliminal_networks_he"))
    assert "@misc{brockers_2026," in sublim("cite", "brockers_2026_aux_1")[1]
    assert "@article{cloud_2025," in sublim("cite")[1]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("figure10", "--preset", "nobody"), "a name that `sublim catalogue` lists"),
        (("figure10", "--preset", "ghosttrace_chain"), "it is of: sublim study chain"),
        (("cite", "nobody"), "a row or publication that `sublim catalogue` lists"),
    ],
)
def test_a_preset_that_is_none(words, rule, sublim):
    code, out, err = sublim(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert rule in err
