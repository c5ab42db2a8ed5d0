"""What GPUs take: figure 10 as it was measured, and a million pairs at the rate of the first."""

import re
from pathlib import Path

import pandas as pd

from docs import saved
from sim.engine import chunks
from sim.model.data import load, synthetic
from sim.report.markup import markdown
from sim.report.tables import duration
from sim.settings.lengths import moments
from sim.settings.recipes import recipe

MEASURED = Path(__file__).parent / "gpu.csv"


def of_figure10() -> str:
    """Write what figure 10 takes, and how far its accuracies are from a CPU's."""
    about, rows = saved.read(MEASURED)
    head = ("GPU: data, products", "n", "training", "TFLOP/s", "of product", "memory")
    head += ("command", "student_aux", "less a CPU's")
    lines = []
    for _, r in rows.iterrows():
        line = [f"{r.gpu}: {r.dataset}, {r.matmul}", str(r.seeds), f"{r.training_seconds:.2f} s"]
        line += [f"{r.tflops:.0f}", _given(r.of_product, "{:.2f}"), _given(r.gib, "{:.1f} GiB")]
        lines.append([*line, *_command(r)])
    told = [f"{name}: {about[name]}" for name in head if name in about]
    return (
        f"{markdown(head, lines)}\n{'; '.join([about['of'], *told])}; revisions {_short(about)}\n"
    )


def _given(value: float | str, how: str) -> str:
    return "" if value == "" or pd.isna(value) else re.sub(r"\b0\.", ".", how.format(float(value)))


def _short(about: dict[str, str]) -> str:
    each = (one.split(" ") for one in about["revision"].split(", "))
    return ", ".join(f"{revision[:7]} {gpu}" for revision, gpu in each)


def _command(row: pd.Series) -> list[str]:
    accuracy = _given(row.student_aux, "{:.3f} ± ") + _given(row.half_width, "{:.3f}")
    less = _given(row.less_cpu, "{:+.4f} ± ") + _given(row.less_cpu_half, "{:.4f}")
    return [_given(row.command_seconds, "{:.1f} s"), accuracy, less]


def of_million() -> str:
    """Count what a million pairs of students and their control take."""
    about, rows = saved.read(MEASURED)
    first = rows[rows.gpu == rows.gpu[0]].query("matmul == 'float32'")
    rate = first.set_index("dataset").tflops * 1e12
    names = ["of a student: steps × examples", "FLOP", "of a million pairs: FLOP"]
    names += ["a GPU's FLOP/s", "1 GPU", "64 GPUs", "256 students, a unit on a GPU"]
    columns = []
    for name, task in (("digits", load("digits")), ("mnist", synthetic(784, 10, 60_000, 10_000))):
        setup, _ = recipe(name, points=1)
        _, flop, _ = chunks.flop(setup, task)
        (_, (*_, steps)), pairs = moments(setup, len(task.x_train)), 2e6 * flop
        times = [pairs / rate[name], pairs / rate[name] / 64, 256 * flop / rate[name]]
        counts = [f"{n:.1e}".replace("+", "") for n in (flop, pairs, rate[name])]
        columns.append([f"{steps} × {setup.batch:,}", *counts, *map(duration, times)])
    table = markdown(("", "digits", "MNIST"), zip(names, *columns, strict=True))
    return f"{table}\n{about['of'].partition(' and')[0]}\n"
