"""How many seeds and students to compute together, and what they take: memory and FLOP."""

import math
from collections.abc import Callable

from sim.engine.machine import budget, devices, installed
from sim.errors import require
from sim.model import networks
from sim.model.data import Task
from sim.settings.lengths import moments
from sim.settings.setup import Setup
from sim.training.measures import BLOCK

# Rows of a step's matrix products from which on more students at a time gain nothing: on a CPU they
# only leave its caches.
CPU_ROWS = 512
GPU_STUDENTS = 256
STUDENTS = 4  # of figure 10, whose layout is the one that was measured


def chunk_size(
    setup: Setup, task: Task, seeds: int, memory: float, students: int = STUDENTS
) -> int:
    """Choose how many seeds to train together on this machine, each with that many students.

    As many as `memory` GiB hold (on a GPU, at least half of its own) and run fast, with the same
    number on each device that is used, and few to fill the last chunk up. Errors: InputError where
    one seed is more than there is.
    """
    data, one, bytes_ = task_bytes(task), seed_bytes(setup, task, students), budget(memory)
    least, there = (data + one) / 2**30, installed() / 2**30
    rule = f"small enough: one seed would take {least:,.0f} GiB, this machine has {there:,.0f}"
    require("settings", list(setup.widths), least < there, rule)
    shared_by = max(1, min(len(devices()), int(bytes_ / (data + one)), seeds))
    fit = int((bytes_ / shared_by - data) / one)
    most, of_device = max(1, min(fit, together(setup) // students)), -(-seeds // shared_by)
    return shared_by * -(-of_device // -(-of_device // most))


def together(setup: Setup) -> int:
    """Choose how many students a device trains at a time: more would be slower, or no faster."""
    if devices()[0].platform != "cpu":
        return GPU_STUDENTS
    return max(STUDENTS, CPU_ROWS // min(setup.batch, setup.noise_images))


def task_bytes(task: Task) -> int:
    """Count the memory of a task's arrays, of which each device has its own."""
    return sum(array.nbytes for array in task.arrays)


def seed_bytes(setup: Setup, task: Task, students: int = STUDENTS) -> int:
    """Bound the working memory of a seed: students, their optimisers, batches and targets."""
    examples = max(setup.batch, BLOCK)

    def of(make: Callable, many: int) -> int:
        layers = networks.product_shapes(make, setup, task.d_in, task.classes)
        parameters = sum((d + 1) * units for _, d, units in layers)
        activations = sum(rows * units for rows, _, units in layers)
        return many * (8 * parameters + 4 * examples * activations)  # θ, moments, gradients

    shared = 4 * examples * task.d_in  # inputs and the random bits they are made from
    shared += setup.noise_images * (task.classes + setup.aux + 4)  # targets; two orders
    return 4 * (max(of(networks.student, students), of(networks.mlp, 1)) + shared)


def flop(setup: Setup, task: Task) -> tuple[float, float, float]:
    """Count the floating-point operations of one teacher, one student, one teacher's answers.

    Those of the matrix products: forward and backward in training (the first layer needs no
    gradient of its input), and forward where it is measured. A student whose updates must not
    serve a trait takes the trait's gradient at each step as well.
    """

    def of(make: Callable, moments: list[int], examples: int) -> tuple[float, float]:
        shapes = networks.product_shapes(make, setup, task.d_in, task.classes)
        first, *_ = each = [2.0 * math.prod(shape) for shape in shapes]
        training = moments[-1] * min(setup.batch, examples) * (3 * sum(each) - first)
        images = len(task.x_test) + len(task.x_val)
        return training + len(moments) * images * sum(each), sum(each)

    teacher, student = moments(setup, images := len(task.x_train))
    of_teacher, forward = of(networks.mlp, teacher, images)
    of_student, _ = of(networks.student, student, setup.noise_images)
    if setup.against != "none":
        of_student += of(networks.student, student[-1:], setup.noise_images)[0]
    return of_teacher, of_student, setup.noise_images * forward
