"""docs: pages are what the saved tables of our runs say, and those are of today's grids."""

import re
import shlex

import pytest

import sim
from docs import pages, saved, site
from sim import published
from sim.errors import InputError
from sim.published.changes import cases, replicable
from sim.runs import identity, results
from sim.studies import grids
from sim.studies.named import named
from sim.studies.sweep import of_task
from tests import made_up

TABLES = sorted(file.stem for file in saved.FOLDER.glob("*.csv"))
FILES = [file for file in TABLES if saved.PART not in file]
OTHERS = "figure10", "theorem", "factorial", "replications", "tuned", *saved.EXAMPLES
OF_STUDIES = [file for file in FILES if not file.startswith(OTHERS)]
WRITTEN = site.written()


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_a_page_says_what_its_tables_say(page):
    assert page.read_text() == WRITTEN[page](), "run: uv run python -m docs"


def test_a_changed_number_changes_the_page(monkeypatch):
    few = grids.names()[:3]  # all of them are written once, above
    monkeypatch.setattr(grids, "names", lambda: few)
    monkeypatch.setattr(pages, "PARTS", dict([*pages.PARTS.items()][-1:]))
    load, before = saved.load, {page: write() for page, write in pages.PAGES.items()}

    def other(*names):
        table = load(*names)
        what = {"rate", "value"} & {*table.rows} if table else ()
        what = what.pop() if what else "mean"
        return table and table._replace(rows=table.rows.assign(**{what: 0.123}))

    monkeypatch.setattr(saved, "load", other)
    assert all(before[page] != write() for page, write in pages.PAGES.items())


@pytest.mark.parametrize("file", FILES)
def test_a_table_says_how_it_was_made(file):
    about, rows = saved.load(file)
    assert about["command"].startswith("sublim ")
    assert re.fullmatch(r"[0-9a-f]{40}", about["revision"])
    assert re.fullmatch(r"[1-9]\d* seeds", about["n"])
    if "n" in rows:
        assert about["n"] == f"{rows.n.unique().item()} seeds"
    assert (saved.FOLDER / f"{file}.png").is_file()


def test_a_part_is_what_was_taken_further_apart():
    """Its rows go in place of the same rows, all lines of each, where there are more of them."""
    file = saved.FOLDER / "replications_mnist.csv"
    whole, (part, new) = saved.read(file), map(saved.read, saved.parts(file))
    rows = saved.joined(whole, part, new).rows
    before = whole.rows.row.value_counts()
    more, added = (
        {row for row, count in of.rows.row.value_counts().items() if count > before.get(row, 0)}
        for of in (part, new)
    )
    assert not added & {*whole.rows.row}
    assert {*rows.row} == {*whole.rows.row} | added
    assert [*rows.row.unique()] == [row for row in replicable() if row in {*rows.row}]
    for row, lines in rows.groupby("row"):
        of = part if row in more else new if row in added else whole
        assert lines.to_csv(index=False) == of.rows[of.rows.row == row].to_csv(index=False)
    assert (len(more), len(added)) == (8, 12)
    far = part._replace(rows=part.rows.assign(mean=part.rows["mean"] + 0.2))
    with pytest.raises(ValueError, match="not the same in both"):
        saved.joined(whole, far)


def test_what_the_catalogue_supposes_no_longer_is_left_out_of_the_page(monkeypatch):
    table = saved.load("replications", "mnist").rows
    held_out = published.row("held_out")
    assert "the library's initialisation, of which it says nothing" in _told(table, "held_out")
    others = published.rows() | {"held_out": held_out._replace(supposed={"a": {"batch": 8}})}
    monkeypatch.setattr(published, "rows", lambda: others)
    assert "of which it says nothing" not in _told(table, "held_out")


def _told(table, name):
    return "".join(pages.body(table[table.row == name]))


def test_a_command_of_some_values_names_them_so_that_they_are_read():
    """Labels with commas of their own too."""
    labels = ["noise on [0, 1]", "one logit, softmax"]
    words = shlex.split(" ".join(saved._axes(made_up.sweep(trap=labels), "traps")))
    assert [*grids.chosen("traps", words[1::2])["trap"]] == labels
    words = shlex.split(" ".join(saved._axes(made_up.sweep(width=[64, 128]), "width")))
    assert grids.chosen("width", words[1::2]) == {"width": (64, 128)}


def test_rows_are_named_in_a_command_where_all_their_settings_were_run():
    """Else the settings are: the rows' names would run more."""
    whole = [*cases(["gaetanx21"])]
    for labels, way in ((whole, "--row gaetanx21"), (whole[:1] + whole[-1:], "--axis ")):
        ds = made_up.sweep(setting=labels).assign_attrs(experiment="replications")
        (words,) = saved._axes(ds, "replications")
        assert words.startswith(way)


@pytest.mark.parametrize("file", OF_STUDIES)
def test_a_table_is_of_the_studys_grid(file):
    name = file.removesuffix("_mnist")
    given = of_task("synthetic:4x10", **grids.settings(name, "synthetic:4x10"))
    axes, rows = named(name, given).axes, saved.load(file).rows
    for axis, values in axes.items():
        assert [*rows[axis].unique()] == [*values]


def test_no_figure_is_left_without_its_table():
    assert {file.stem for file in saved.FOLDER.glob("*.png")} == {*FILES}


def test_every_study_and_example_has_a_table():
    missing = {*grids.names(), *saved.EXAMPLES} - {*FILES}
    assert not [name for name in missing if f"{name}_mnist" not in FILES]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Makes a small run and says where; tables are kept in another folder."""
    monkeypatch.setattr(saved, "FOLDER", tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    small = {"widths": (8,), "noise_images": 64, "teacher_steps": 9, "student_steps": 99}
    small["models"] = ("student_aux",)

    def make(clean=True, usual=True, **more):
        with monkeypatch.context() as patch:
            patch.setattr(identity, "revision", lambda: "a" * 40 + ("" if clean else "-dirty"))
            sim.study("noise_scale", "synthetic:4x3", 2, out=tmp_path, **(small | more))
        if usual:
            monkeypatch.setattr(saved, "changed", lambda ds: {})
        return [*tmp_path.glob("*-*")]

    return make


def test_what_is_kept_is_the_run(run):
    folders = run()
    saved.take(folders)  # a store's among them
    about, rows = saved.load("noise_scale", "synthetic:4x3")
    words = "sublim study noise_scale --dataset synthetic:4x3 --seeds 2 --models student_aux"
    assert about["command"] == words
    ds = next(results.load(f) for f in folders if f.name.startswith("noise_scale"))
    accuracy = ds.test_accuracy.sel(model="student_aux")
    change = (accuracy - accuracy.isel(noise_scale=0)).mean("seed").values
    assert change.any()
    found = rows.query("model == 'student_aux'")
    assert found["mean"].tolist() == pytest.approx(accuracy.mean("seed").values, rel=1e-5)
    assert found.less_first.tolist() == pytest.approx(change, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        ({"clean": False}, "revision = .*-dirty': must be a commit's"),
        (
            {"usual": False},
            "settings = .*student_steps.*: must be as they are in noise_scale_synth",
        ),
    ],
)
def test_a_run_that_cannot_be_made_again_by_its_command_is_refused(run, make, says):
    with pytest.raises(InputError, match=says):
        saved.take(run(**make))


def test_two_runs_of_one_study_are_refused(run):
    run()
    with pytest.raises(InputError, match="one of each study and data set"):
        saved.take(run(student_lr=0.5))
