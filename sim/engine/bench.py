"""How fast this machine trains figure 10's networks, beside its own matrix product."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Any, Literal

import jax
from jax import lax
from jaxtyping import Array

from sim.engine import chunks as sizes
from sim.engine import machine, programs, step_time
from sim.model import data
from sim.model.products import product
from sim.settings.experiments import FIGURE_10
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.settings.setup import Matmul
from sim.training import families

# Of the square matrix whose product rates are held against: a GPU's is faster the larger it is.
SIDE, GPU_SIDE = 2048, 8192
CALLS = 8  # of a GPU's product in a program: one alone would be timed with its start
Shapes = Literal["mnist", "digits"]
# Pixels; images to train on, and to measure on, a validation split included.
SHAPES = {"mnist": (784, 60_000, 10_000), "digits": (64, 1_077, 720)}
BESIDE = ("measuring", "dispatch")  # parts of a phase that no step has


@machine.pinned()
def bench(
    repeats: int = 5,
    chunks: tuple[int, ...] = (),
    matmul: tuple[Matmul, ...] = ("float32",),
    progress: Callable[[float, float], None] = print,
    shapes: Shapes = "mnist",
    split: bool = False,
) -> dict[str, Any]:
    """Time both phases of figure 10 at the shapes of a task's recipe, on random images.

    Args:
      repeats: chunks of seeds to time, after one that also compiles; medians are reported.
      chunks: numbers of seeds to train together; default: what a run would take, half and twice.
      matmul: operands of the matrix products, one after the other.
      progress: called with what is done and the whole, in chunks.
      shapes: the paper's MNIST, or the digits on which small studies run.
      split: whether to take each phase's time apart as well, by `step_time.split`.

    Returns the device; its product rate [FLOP/s] with each kind of operands and memory bandwidth
    [byte/s], measured between the chunks; and for each kind and chunk size, for each phase and the
    whole: seconds and counted FLOP a seed, achieved rate, and its ratio to that of the product of
    the same operands; compile seconds, and resident GiB so far. FLOP are those of the matrix
    products, measuring included (`chunks.flop`). What rounding costs in accuracy: `sublim study
    matmul`. With `split`, each run has the `parts` of its phases.

    """
    setup, hyper = recipe(shapes)
    d, train, test = SHAPES[shapes]
    task = data.synthetic(d, 10, train=train, test=test, validation=0)
    usual = sizes.chunk_size(setup, task, 1000, 1.0)
    chunks = chunks or tuple(sorted({max(1, usual // 2), usual, 2 * usual}))
    teacher, student, answers = sizes.flop(setup, task)
    flop = {"teacher": teacher, "students": student * len(FIGURE_10) + answers}
    machine.devices()  # before jax starts
    kinds = ("float32", *(kind for kind in matmul if kind != "float32"))
    side = SIDE if jax.default_backend() == "cpu" else GPU_SIDE
    products = {kind: _rate(2.0 * side**3, side, product(kind)) for kind in kinds}
    copy = _rate(2.0 * 4 * (2 * side) ** 2, 2 * side, lambda a, _: a + 1)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    widths, runs, done = [], [], 0
    rounds = len(matmul) * len(chunks) * (repeats + 1) * (1 + 2 * split)

    def tell() -> None:
        nonlocal done
        progress(done := done + 1, rounds)

    for kind, chunk in itertools.product(matmul, chunks):
        place, seconds = programs.place(task, chunk), []
        point = Point(replace(setup, matmul=kind), hyper)
        students = [(point, families.FIGURE_10[name]) for name in FIGURE_10]
        for repeat in range(repeats + 1):
            tell()
            seeds = range(repeat * chunk, (repeat + 1) * chunk)
            marks = [time.perf_counter()]
            θ_T, _ = programs.learn_labels(point, place, seeds)
            marks.append(time.perf_counter())
            programs.imitate(students, place, seeds, θ_T)
            marks.append(time.perf_counter())
            seconds.append([b - a for a, b in pairwise(marks)])
            for name, measure in products.items():
                rates[name].append(measure())
            widths.append(copy())
        first, *rest = seconds
        each = {phase: median(of[i] for of in rest) / chunk for i, phase in enumerate(flop)}
        each["both"] = median(map(sum, rest)) / chunk
        counted = {**flop, "both": sum(flop.values())}
        runs.append(
            {
                "matmul": kind,
                "seeds": chunk,
                "phases": {
                    phase: {
                        "seconds": s,
                        "flop": counted[phase],
                        "flop_per_second": counted[phase] / s,
                    }
                    for phase, s in each.items()
                },
                "compile_seconds": max(0.0, sum(first) - median(map(sum, rest))),
                "resident_gib": machine.resident_gib(),
            }
        )
        del place, θ_T
        if split:
            runs[-1]["parts"] = step_time.split(point, task, chunk, repeats, tell)
    rate = {kind: median(measured) for kind, measured in rates.items()}
    for run in runs:
        for phase in run["phases"].values():
            phase["ratio_to_product"] = phase["flop_per_second"] / rate[run["matmul"]]
    return {
        "device": machine.device(),
        "product_flop_per_second": rate,
        "bytes_per_second": median(widths),
        "repeats": repeats,
        "runs": runs,
    }


def best(found: dict[str, Any]) -> dict[str, Any]:
    """Find the fastest run."""
    return min(found["runs"], key=lambda run: run["phases"]["both"]["seconds"])


def rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Lay out as a table: operands, seeds, phase, s, TFLOP, GFLOP/s, ratio, compile, memory."""
    for run in found["runs"]:
        for name, phase in run["phases"].items():
            first, whole = name == "teacher", name == "both"
            yield (
                run["matmul"] if first else "",
                str(run["seeds"]) if first else "",
                name,
                _time(phase["seconds"]),
                f"{phase['flop'] / 1e12:.3f}",
                f"{phase['flop_per_second'] / 1e9:.0f}",
                f"{phase['ratio_to_product']:.2f}",
                f"{run['compile_seconds']:.1f}" if whole else "",
                f"{run['resident_gib']:.2f}" if whole else "",
            )


def _time(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds >= 0.1 else f"{seconds:.4f}"[1:]


def limits(
    found: dict[str, Any], run: dict[str, Any], phase: str
) -> Iterator[tuple[str, float, float | None]]:
    """List the parts of a phase: name, seconds a seed, and the least that this machine takes.

    The whole's least: products as they take alone, at their own shapes, what parts must move, and
    measuring and dispatch as they are.
    """
    of, parts = run["parts"][phase], run["parts"][phase]["parts"]
    least = {part: moved / found["bytes_per_second"] for part, moved in of["bytes"].items()}
    least["whole"] = sum(least.values()) + sum(parts[n] for n in ("products", *BESIDE))
    least["products"] = of["flop"] / found["product_flop_per_second"][run["matmul"]]
    for part, seconds in parts.items():
        yield part, seconds, least.get(part)


def _rate(work: float, side: int, of: Callable[[Array, Array], Array]) -> Callable[[], float]:
    """Measure work a second: the median of three calls on a square of that side, and another."""
    calls = 1 if jax.default_backend() == "cpu" else CALLS

    def many(a: Array, b: Array) -> Array:
        return lax.fori_loop(0, calls, lambda _, a: of(a, b), a)

    # In place: a fresh array would time the operating system's pages too.
    compiled = jax.jit(many, donate_argnums=0)
    # No zeros, with which some machines are faster; nor does it grow, many products later.
    square, other = jax.random.normal(jax.random.key(0), (2, side, side)) / side**0.5
    square = compiled(square, other).block_until_ready()

    def measure() -> float:
        nonlocal square
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            square = compiled(square, other).block_until_ready()
            seconds.append(time.perf_counter() - start)
        return calls * work / median(seconds)

    return measure
