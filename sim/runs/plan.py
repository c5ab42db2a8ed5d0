"""What a schedule is about to do, before it does it: networks, work, time and memory."""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sim.engine import chunks, machine
from sim.runs.schedule import Job, Schedule
from sim.settings.setup import Setup

COMPILING = 4.0, 0.2  # a program takes about so many seconds, and the compiler so many GiB


class Plan(NamedTuple):
    """What is still to do. Teachers and students count once a seed that is asked for.

    Work and time are of what fills up chunks and blocks, too.
    """

    points: int
    programs: int
    teachers: int
    students: int
    tflop: float
    seconds: float
    gib: float


def plan(*schedules: Schedule, beside: float = 0.0) -> Plan:
    """Count what is missing: students and teachers to train, work, and a guess of time.

    beside: steps of a student of the last of them that other work takes as long as.
    """
    rate = _product_rate()
    students = teachers = tflop = seconds = gib = 0.0
    compiled, points = set(), set()
    kinds = ((one, alike) for one in schedules for alike in _by_kind(one.jobs()))
    for schedule, alike in kinds:
        first, seeds, many = alike[0].networks[0], len(alike[0].seeds), len(alike[0].networks)
        setup, task = first.point.setup, schedule.task(first.point)
        compiled.add((first.name if many == 1 else many, first.point.program.setup))
        of_teacher, of_student, answers = chunks.flop(setup, task)
        if first.imitates:
            flop = seeds * (many * of_student + answers)
            students += _wanted(schedule, alike)
            points.update(network.place for job in alike for network in job.networks)
        else:
            flop = seeds * of_teacher * (trained := schedule.work(alike[0]) > 0)
            teachers += _wanted(schedule, alike) * trained
        tflop += len(alike) * flop / 1e12
        seconds += len(alike) * flop / _reached(rate, setup)
        data = machine.used(seeds) * chunks.task_bytes(task)
        gib = max(gib, (chunks.seed_bytes(setup, task, many) * seeds + data) / 2**30)
    if beside:
        of = next(group[0] for group in schedules[-1].groups if group[0].imitates)
        _, of_student, _ = chunks.flop(of.point.setup, schedules[-1].task(of.point))
        flop = beside * of_student / schedules[-1].times(of)[-1]
        tflop += flop / 1e12
        seconds += flop / _reached(rate, of.point.setup)
    return Plan(
        len(points),
        len(compiled),
        int(teachers),
        int(students),
        tflop,
        seconds + COMPILING[0] * len(compiled),
        gib + COMPILING[1] + machine.resident_gib(),
    )


def _wanted(schedule: Schedule, jobs: Iterable[Job]) -> int:
    """Count the networks, once a seed, that are asked for: blocks are filled up with more."""
    asked = {*schedule.seeds}
    each = ((len({n.key for n in job.networks}), asked.intersection(job.seeds)) for job in jobs)
    return sum(networks * len(seeds) for networks, seeds in each)


def _reached(rate: float, setup: Setup) -> float:
    """Say what is reached of a rate: beside large products .8 with 1,024 examples, .33 with 64."""
    return 0.85 * rate * setup.batch / (setup.batch + 100)


def _by_kind(jobs: Iterable[Job]) -> Iterable[list[Job]]:
    """Group jobs that take the same work: there are as many as a grid has points."""
    kinds: dict[Any, list[Job]] = {}
    for job in jobs:
        first = job.networks[0]
        kind = first.point.setup, first.name, len(job.networks), len(job.seeds), job.trains
        kinds.setdefault(kind, []).append(job)
    return kinds.values()


def _product_rate() -> float:
    """Measure FLOP a second of a float32 matrix product here, the best of a few."""
    a, product = jax.device_put(np.ones((1024, 1024), np.float32)), jax.jit(jnp.matmul)
    product(a, a).block_until_ready()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        product(a, a).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return 2 * 1024**3 / min(seconds)
