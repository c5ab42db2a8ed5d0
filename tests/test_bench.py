"""sim/engine/bench.py, step_time.py: what is counted and timed is what figure 10 does."""

import io

import numpy as np
import pytest
from rich.console import Console

from sim.engine import bench, chunks
from sim.model import data
from sim.report import tables as report
from sim.settings.lengths import moments
from sim.settings.recipes import recipe

PARTS = {"optimiser", "inputs", "targets", "loss", "order"}  # that can be left out
PARTS |= {"products", "rest", "measuring", "dispatch"}
RATE = "product_flop_per_second"


@pytest.fixture
def task(monkeypatch, small):
    """A small task; products of a small square."""
    monkeypatch.setattr(bench, "SIDE", 64)
    monkeypatch.setattr(bench, "recipe", lambda name: recipe("synthetic", **small))
    task = data.synthetic(12, 4, train=100, test=40, validation=10)
    monkeypatch.setattr(bench.data, "synthetic", lambda *sizes, **parts: task)
    return task


def test_shapes_are_those_of_the_digits():
    real = data.load("digits")
    measured = len(real.x_test) + len(real.x_val)
    assert bench.SHAPES["digits"] == (real.d_in, len(real.x_train), measured)


def quiet(done, whole):
    pass


@pytest.mark.parametrize(
    "kinds",
    [("float32",), pytest.param(("float32", "bfloat16"), marks=pytest.mark.slow)],
    ids="-".join,
)
def test_bench(task, small, kinds):
    timed = bench.bench(2, (2,), kinds, quiet)
    teacher, student, answers = chunks.flop(recipe("synthetic", **small)[0], task)
    assert [(run["matmul"], run["seeds"]) for run in timed["runs"]] == [(k, 2) for k in kinds]
    assert list(timed["product_flop_per_second"]) == [*kinds]
    for run in timed["runs"]:
        phases = run["phases"]
        assert [phases[name]["flop"] for name in ("teacher", "students", "both")] == [
            teacher,
            4 * student + answers,
            teacher + (4 * student + answers),
        ]
        for phase in phases.values():
            rate = phase["flop"] / phase["seconds"]
            assert phase["flop_per_second"] == rate
            product = timed["product_flop_per_second"][run["matmul"]]
            assert phase["ratio_to_product"] == rate / product
        assert run["compile_seconds"] >= 0  # compiled by another test, perhaps
    assert not [*report.parts(timed)]
    shown = report.bench(timed)
    assert shown.row_count == 3 * len(kinds)
    quickest = min(run["phases"]["both"]["seconds"] for run in timed["runs"])
    assert bench.best(timed)["phases"]["both"]["seconds"] == quickest
    assert "medians of 2" in str(shown.title)
    page = Console(width=80, file=io.StringIO())
    page.print(shown)
    assert "…" not in page.file.getvalue()


@pytest.mark.slow  # compiles the training seven times
def test_time_taken_apart(task, small):
    heard = []
    timed = bench.bench(2, (2,), ("float32",), lambda *at: heard.append(at), split=True)
    assert heard == [(i + 1, 9) for i in range(9)]  # the chunk's, and each phase's, three rounds
    setup, _ = recipe("synthetic", **small)
    run, (teacher, student) = timed["runs"][0], moments(setup, len(task.x_train))
    measured, *_ = (run["phases"][name]["flop"] for name in ("teacher", "students"))
    for phase, times in (("teacher", teacher), ("students", student)):
        of = run["parts"][phase]
        assert of["steps"] == times[-1]
        parts = dict(of["parts"])
        whole = parts.pop("whole")
        assert parts.keys() == PARTS
        assert all(np.isfinite([*parts.values()]))
        assert sum(parts.values()) == pytest.approx(whole)
        assert parts["products"] > 0
        assert parts["dispatch"] > 0
    least = {part: limit for part, _, limit in bench.limits(timed, run, "students")}
    assert least["products"] == run["parts"]["students"]["flop"] / timed[RATE]["float32"]
    assert least["rest"] is None
    assert run["parts"]["teacher"]["flop"] < measured  # which counts the measuring, too
    both = [*report.parts(timed)]
    assert [table.row_count for table in both] == [10, 10]
    assert "students, 2 seeds, float32" in str(both[1].title)
