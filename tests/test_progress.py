"""Progress in a notebook: a bar while a cell runs, nothing of it afterwards, none elsewhere."""

import sys
from contextlib import suppress
from functools import partial
from io import StringIO
from types import SimpleNamespace

import numpy as np
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
    assert "left -:--:--" in at_0["text/plain"]
    assert "25%" in at_1["text/plain"]
    assert "<study>" not in at_1["text/html"]
    assert last == {"text/plain": ""}


def test_the_time_left_is_of_the_work_and_not_of_what_was_planned_before(notebook, monkeypatch):
    """Nor, once there is more to go by, of a slow beginning."""
    now = 100.0  # a minute and more after the cell began
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress.cell("x") as tell:
        tell(0, 20)
        for done in range(1, 8):
            now = 115.0 + 5 * done
            tell(done, 20)
    first, *_, last = (shown["text/plain"] for shown in notebook.shown[2:-1])
    assert "0:00:20, left 0:06:20" in first
    assert "0:00:50, left 0:01:05" in last


def after(part, ends, units):
    """How much time is said to be left once so much is done, and how much is; by made-up ends."""
    now = 0.0
    left = progress.time_left(lambda: now)
    left(0, units)
    for done, now in enumerate(ends, 1):
        found = left(done, units)
        if done >= part * units:
            return found, ends[-1] - now
    raise AssertionError


@pytest.mark.parametrize(("coming", "spread"), [(10, 0.3), (0, 0.3), (0, 0.0)])
def test_the_time_left_is_right_after_a_tenth(coming, spread):
    """Of 64 workers, who come within ten seconds or at once, and take two for each of 40 units."""
    draw = np.random.default_rng(0)
    each = 2 * draw.lognormal(sigma=spread, size=(64, 40))
    ends = np.sort((draw.uniform(0, coming, (64, 1)) + each.cumsum(1)).ravel())
    ends += 0.001 * np.arange(ends.size)  # one is taken in after another
    said, indeed = after(0.1, ends, ends.size)
    assert said == pytest.approx(indeed, rel=0.2)


def test_the_time_left_is_known_where_little_is_told():
    for part in (0.01, 0.1, 0.5):
        said, indeed = after(part, np.arange(100.0, 3100.0, 100.0), 30)
        assert said == pytest.approx(indeed)


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


def test_the_time_left_goes_down_while_nothing_is_told(monkeypatch):
    """And not below nothing. What is drawn at the end of 50 seconds, of which 30 were silent."""
    now, shown = 0.0, Console(file=StringIO(), width=80, force_terminal=True)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    monkeypatch.setattr(progress, "Progress", partial(progress.Progress, auto_refresh=False))
    with suppress(RuntimeError), progress.bar(shown, "x") as tell:
        tell(0, 8)
        now = 20.0
        tell(2, 8)
        now = 50.0
        raise RuntimeError
    assert "left 0:00:30" in shown.file.getvalue()
    late = SimpleNamespace(fields={"end": 49.0})
    assert progress._Left().render(late).plain == "left 0:00:00"


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
