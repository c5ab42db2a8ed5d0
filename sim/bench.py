"""How fast this machine trains figure 10's networks, beside its own matrix product."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

from sim import cast, data, engine
from sim.config import recipe
from sim.sweeps import resident_gib

SIDE = 2048  # of the product that rates are held against


def bench(
    repeats: int = 5, chunks: tuple[int, ...] = (), progress: Callable[[float, float], None] = print
) -> dict[str, Any]:
    """Time both phases of figure 10 at the paper's MNIST shapes, on random images.

    Args:
      repeats: chunks of seeds to time, after one that also compiles; medians are reported.
      chunks: numbers of seeds to train together; default: what a run would take, half and twice.
      progress: called with what is done and the whole, in chunks.

    Returns the device; float32 product rate [FLOP/s] and memory bandwidth [byte/s], measured
    between the chunks; and for each chunk size, for each phase and the whole: seconds and counted
    FLOP a seed, achieved rate, and its ratio to the product's; compile seconds, and resident GiB so
    far. FLOP are those of the matrix products, measuring included (`engine.flop`).

    """
    setup, hyper = recipe("mnist")
    task = data.synthetic(784, 10, train=60_000, test=10_000, validation=0)
    usual = engine.chunk_size(setup, task, 1000, 1.0)
    chunks = chunks or tuple(sorted({max(1, usual // 2), usual, 2 * usual}))
    teacher, student, answers = engine.flop(setup, task)
    flop = {"teacher": teacher, "students": student * len(cast.STUDENTS) + answers}
    product = _rate(lambda a: a @ a, SIDE, 2 * SIDE**3)
    # In place: a fresh array would time the operating system's pages too.
    copy = _rate(lambda a: a + 1, 2 * SIDE, 2 * 4 * (2 * SIDE) ** 2, donate=(0,))
    rates, widths, sizes = [], [], {}
    done = 0
    for chunk in chunks:
        place, seconds = engine.room(task, chunk), []
        for repeat in range(repeats + 1):
            progress(done := done + 1, len(chunks) * (repeats + 1))
            seeds = range(repeat * chunk, (repeat + 1) * chunk)
            marks = [time.perf_counter()]
            θ_T, _ = engine.teaching(setup, hyper, place, seeds)
            marks.append(time.perf_counter())
            engine.distillation([(setup, hyper)], place, seeds, θ_T)
            marks.append(time.perf_counter())
            seconds.append([b - a for a, b in pairwise(marks)])
            rates.append(product())
            widths.append(copy())
        first, *rest = seconds
        each = {phase: median(of[i] for of in rest) / chunk for i, phase in enumerate(flop)}
        each["both"] = median(map(sum, rest)) / chunk
        sizes[chunk] = {
            "phases": {
                phase: {"seconds": s, "flop": counted, "flop_per_second": counted / s}
                for (phase, s), counted in zip(
                    each.items(), (*flop.values(), sum(flop.values())), strict=True
                )
            },
            "compile_seconds": max(0.0, sum(first) - median(map(sum, rest))),
            "resident_gib": resident_gib(),
        }
        del place, θ_T
    rate = median(rates)
    for size in sizes.values():
        for phase in size["phases"].values():
            phase["ratio_to_product"] = phase["flop_per_second"] / rate
    return {
        "device": engine.device(), "product_flop_per_second": rate,
        "bytes_per_second": median(widths), "repeats": repeats,
        "chunks": {str(chunk): size for chunk, size in sizes.items()},
    }  # fmt: skip


def rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The result as a table: chunk, phase, seconds, TFLOP, GFLOP/s, ratio, compile, memory."""
    for chunk, size in found["chunks"].items():
        for name, phase in size["phases"].items():
            whole = name == "both"
            yield (
                chunk if name == "teacher" else "", name, f"{phase['seconds']:.2f}",
                f"{phase['flop'] / 1e12:.3f}", f"{phase['flop_per_second'] / 1e9:.0f}",
                f"{phase['ratio_to_product']:.2f}",
                f"{size['compile_seconds']:.1f}" if whole else "",
                f"{size['resident_gib']:.2f}" if whole else "",
            )  # fmt: skip


def _rate(f: Callable, side: int, work: float, donate: tuple[int, ...] = ()) -> Callable[[], float]:
    """A measurement of work a second: the median of three calls on a square of that side."""
    square, compiled = jnp.eye(side), jax.jit(f, donate_argnums=donate)
    square = compiled(square).block_until_ready()

    def measure() -> float:
        nonlocal square
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            square = compiled(square).block_until_ready()
            seconds.append(time.perf_counter() - start)
        return work / median(seconds)

    return measure
