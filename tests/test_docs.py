"""docs: pages are what the saved tables of our runs say, and those are of today's grids."""

import re

import pytest

import sim
from docs import pages, saved
from sim.studies import grids
from sim.studies.named import named
from sim.studies.sweep import of_task

FILES = sorted(file.stem for file in saved.FOLDER.glob("*.csv"))
OF_STUDIES = [file for file in FILES if not file.startswith(("figure10", "theorem"))]


@pytest.mark.parametrize("page", pages.written(), ids=lambda page: page.name)
def test_a_page_says_what_its_tables_say(page):
    assert page.read_text() == pages.written()[page], "run: uv run python -m docs"


def test_a_changed_number_changes_the_page(monkeypatch):
    load = saved.load

    def other(*names):
        table = load(*names)
        return table and table._replace(rows=table.rows.assign(mean=0.123))

    before = pages.written()
    monkeypatch.setattr(saved, "load", other)
    assert all(before[page] != text for page, text in pages.written().items())


@pytest.mark.parametrize("file", FILES)
def test_a_table_says_how_it_was_made(file):
    about, rows = saved.load(file)
    assert about["command"].startswith("sublim ")
    assert re.fullmatch(r"[0-9a-f]{40}", about["revision"])
    assert re.fullmatch(r"[1-9]\d* seeds", about["n"])
    if "n" in rows:
        assert about["n"] == f"{rows.n.unique().item()} seeds"
    assert (saved.FOLDER / f"{file}.png").is_file()


@pytest.mark.parametrize("file", OF_STUDIES)
def test_a_table_is_of_the_studys_grid(file):
    name = file.removesuffix("_mnist")
    (axes, rows) = named(name, of_task("synthetic:4x10")).axes, saved.load(file).rows
    for axis, values in axes.items():
        assert [*rows[axis].unique()] == [*values]


def test_every_study_has_a_table():
    assert set(grids.names()) <= {*FILES}


def test_the_command_that_makes_a_run_is_said(tmp_path):
    small = {"widths": (8,), "noise_images": 64, "teacher_steps": 2, "student_steps": 2}
    ds = sim.study("loss", "synthetic:4x3", 2, models=("student_aux",), out=tmp_path, **small)
    assert saved.command(ds) == (
        "sublim study loss --dataset synthetic:4x3 --seeds 2 --models student_aux --widths 8 "
        "--teacher-steps 2 --noise-images 64 --student-steps 2"
    )
    rows = saved.rows(ds)
    pair = ds.test_accuracy.sel(model="teacher")
    change = float((pair.sel(loss="squared_error") - pair.sel(loss="kl")).mean())
    assert rows.query("model == 'teacher'").less_first.tolist() == pytest.approx([0, change])
