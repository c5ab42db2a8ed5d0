"""sim/bench.py: what is counted and timed is what figure 10 does."""

import io

import pytest
from rich.console import Console

from sim.engine import bench, chunks
from sim.model import data
from sim.report import tables as report
from sim.settings.recipes import recipe


@pytest.fixture
def found(monkeypatch, small):
    """On a small task; products of a small square."""
    monkeypatch.setattr(bench, "SIDE", 64)
    monkeypatch.setattr(bench, "recipe", lambda name: recipe("synthetic", **small))
    task = data.synthetic(12, 4, train=100, test=40, validation=10)
    monkeypatch.setattr(bench.data, "synthetic", lambda *sizes, **parts: task)
    kinds = "float32", "bfloat16"
    return bench.bench(2, (1, 2), kinds, lambda done, whole: None), task


def test_bench(found, small):
    timed, task = found
    teacher, student, answers = chunks.flop(recipe("synthetic", **small)[0], task)
    assert [(run["matmul"], run["seeds"]) for run in timed["runs"]] == [
        ("float32", 1),
        ("float32", 2),
        ("bfloat16", 1),
        ("bfloat16", 2),
    ]
    assert list(timed["product_flop_per_second"]) == ["float32", "bfloat16"]
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
            assert phase["ratio_to_product"] == rate / timed["product_flop_per_second"]["float32"]
        assert run["compile_seconds"] >= 0  # compiled by another test, perhaps
    shown = report.bench(timed)
    assert shown.row_count == 12
    quickest = min(run["phases"]["both"]["seconds"] for run in timed["runs"])
    assert bench.best(timed)["phases"]["both"]["seconds"] == quickest
    assert "medians of 2" in str(shown.title)
    page = Console(width=80, file=io.StringIO())
    page.print(shown)
    assert "…" not in page.file.getvalue()
