"""Progress in a notebook: a bar while a cell runs, nothing of it afterwards, none elsewhere."""

import sys
from contextlib import suppress
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

import sim
from sim.report import progress


@pytest.fixture
def notebook(monkeypatch):
    """Stands in for a notebook's kernel; what it displays, in order."""
    shown = []
    place = SimpleNamespace(update=lambda data, raw: shown.append(data))

    def display(data, raw, display_id):
        shown.append(data)
        return place

    shell = SimpleNamespace(kernel="a kernel")
    module = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr(progress, "EVERY", 0)
    return SimpleNamespace(shown=shown, shell=shell)


def test_a_notebook_shows_how_far_it_is_and_in_the_end_nothing(notebook):
    with progress.cell("a <study>") as tell:
        tell(0, 4)
        tell(1, 4)
    first, at_0, at_1, last = notebook.shown
    assert first["text/plain"] == "a <study>"
    assert "left ?" in at_0["text/plain"]
    assert "25%" in at_1["text/plain"]
    assert "<study>" not in at_1["text/html"]
    assert last == {"text/plain": ""}


def test_the_time_left_is_of_the_work_and_not_of_what_was_planned_before(notebook, monkeypatch):
    """Nor, once there is more to go by, of a slow beginning: as in the terminal."""
    now = 100.0  # a minute and more after the cell began
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress.cell("x") as tell:
        tell(0, 8)
        now = 120.0
        tell(1, 8)
        now = 125.0
        tell(2, 8)
    first, second = (shown["text/plain"] for shown in notebook.shown[-3:-1])
    assert "0:00:20, left 0:02:20" in first
    assert "0:00:25, left 0:00:30" in second


def test_a_failure_leaves_no_bar(notebook):
    with pytest.raises(RuntimeError), progress.cell("x"):
        raise RuntimeError
    assert notebook.shown[-1] == {"text/plain": ""}


def test_elsewhere_nothing_is_shown(notebook):
    del notebook.shell.kernel  # a terminal's IPython
    with progress.cell("x") as tell:
        tell(1, 4)
    assert not notebook.shown


@pytest.mark.parametrize("told", [(), [(0, 0)], [(0, 4), (4, 4)], [(3, 8)]])
def test_a_bar_ends_full(told):
    """Also where there was nothing to do."""
    shown = Console(file=StringIO(), width=80)
    with progress.bar(shown, "x") as tell:
        for done, whole in told:
            tell(done, whole)
    assert "100%" in shown.file.getvalue()


def test_a_bar_of_what_failed_ends_where_it_was():
    shown = Console(file=StringIO(), width=80)
    with suppress(RuntimeError), progress.bar(shown, "x") as tell:
        tell(1, 4)
        raise RuntimeError
    assert "25%" in shown.file.getvalue()


@pytest.mark.slow
def test_a_study_from_python_shows_its_own_progress_but_where_it_is_given_one(notebook):
    small = {"teacher_steps": 1, "student_steps": 1, "widths": (2,), "noise_images": 64}
    sim.figure10("synthetic:4x3", 1, models=("student_aux",), **small)
    assert "figure10, 1 seed: 100%" in notebook.shown[-2]["text/plain"]
    told = len(notebook.shown)
    sim.figure10(
        "synthetic:4x3", 1, models=("student_aux",), **small, progress=lambda done, whole: None
    )
    assert len(notebook.shown) == told
