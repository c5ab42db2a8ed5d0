"""What GPUs take: figure 10 as it was measured on one, and a million pairs at the same rate."""

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
    head = ("data, products", "n", "training", "TFLOP/s", "command", "student_aux", "less a CPU's")
    lines = []
    for _, r in rows.iterrows():
        lines.append([f"{r.dataset}, {r.matmul}", str(r.seeds), f"{r.training_seconds:.2f} s"])
        lines[-1] += [f"{r.tflops:.0f}", *([""] * 3 if r.dataset == "digits" else _command(r))]
    told = [about["of"], *(f"{n}: {about[n]}" for n in ("training", "command", "less a CPU's"))]
    return f"{markdown(head, lines)}\n{'; '.join(told)}; revision {about['revision'][:7]}\n"


def _command(row: pd.Series) -> list[str]:
    seconds, mean, half, less, less_half = (
        float(row[name])
        for name in ("command_seconds", "student_aux", "half_width", "less_cpu", "less_cpu_half")
    )
    accuracies = f"{mean:.3f} ± {half:.3f}", f"{less:+.4f} ± {less_half:.4f}"
    return [f"{seconds:.1f} s", *(text.replace("0.", ".") for text in accuracies)]


def of_million() -> str:
    """Count what a million pairs of students and their control take."""
    about, rows = saved.read(MEASURED)
    rate = rows.query("matmul == 'float32'").set_index("dataset").tflops * 1e12
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
    return f"{table}\n{about['of']}\n"
