"""Seeds × students → chunks → devices: the only place with jit, vmap over seeds, and sharding.

A chunk of seeds is trained together, in segments of steps between which it is measured. The program
knows neither the number of seeds nor the bounds of a segment: each `Setup` compiles once.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from sim import cast, measures, training
from sim.config import Hyper, Setup
from sim.data import Task
from sim.keys import Purpose, key
from sim.networks import Network, Params, mlp
from sim.training import Lesson, State

# Rows of a step's matrix products from which on more students at a time gain nothing: on a CPU they
# only leave its caches.
CPU_ROWS = 512
GPU_STUDENTS = 256
Bounds = tuple[training.Step, training.Step]  # first step of a segment, and the one after it
Progress = Callable[[float], None]  # told how many steps of single networks have been taken

# Students of a seed have their own models and one order of inputs: jax refuses a program in which
# treatment and control would see different ones.
_STUDENTS = State(model=0, order=None)


class Data(NamedTuple):
    """The arrays of a task, on the devices: images [n, d_in] in [−1, 1] and labels [n]."""

    x_train: Float[Array, "images d"]
    y_train: Int[Array, " images"]
    x_val: Float[Array, "v d"]
    y_val: Int[Array, " v"]
    x_test: Float[Array, "t d"]
    y_test: Int[Array, " t"]


class Record(NamedTuple):
    """Measurements of networks at one moment, or of many stacked along the last axis.

    test_accuracy, validation_accuracy: fractions right by the network's own class head (NaN
    without a validation part). loss: the mean of the network's own training loss over a fixed
    batch, in nats (in squared logits for squared_error). diverged: a loss has not been finite.
    """

    test_accuracy: Float[Array, "*k"]
    validation_accuracy: Float[Array, "*k"]
    loss: Float[Array, "*k"]
    diverged: Bool[Array, "*k"]


class Teachers(NamedTuple):
    """Of each seed: (θ_0, θ_other) [s, 2, …], where students start, and the teacher θ_T [s, …]."""

    starts: Params
    trained: Params


class Room(NamedTuple):
    """Where a chunk is computed: the task's arrays on its devices, and how seeds are split."""

    data: Data
    classes: int
    sharded: NamedSharding

    def seeds(self, chunk: Sequence[int]) -> Int[Array, " s"]:
        """The numbers of a chunk's seeds, on the devices that compute them."""
        return jax.device_put(np.asarray(chunk, np.int32), self.sharded)


def room(task: Task, chunk: int) -> Room:
    """Put a task on the devices that work on chunks of that many seeds."""
    sharded, replicated = _shardings(chunk)
    arrays = Data(*(getattr(task, name) for name in Data._fields))
    return Room(jax.device_put(arrays, replicated), task.classes, sharded)


def run(
    setup: Setup,
    hyper: Hyper,
    task: Task,
    chunks: list[range],
    progress: Progress = lambda steps: None,
) -> Iterator[tuple[Record, Record]]:
    """Train and measure teachers and STUDENTS, chunk by chunk of seeds, all of the same length.

    Yields for each chunk the teachers' record [seed, point] and the students' [seed, student,
    point], on the host, the points being those of `moments`. A seed's numbers depend on its number,
    the settings, the chunk's length and the device, not on which other seeds run.
    """
    place = room(task, len(chunks[0]) if chunks else 1)
    for chunk in chunks:
        teachers, taught = teaching(setup, hyper, place, chunk, progress)
        yield taught, distillation(setup, [hyper], place, chunk, teachers, progress=progress)
        del teachers


def teaching(
    setup: Setup,
    hyper: Hyper,
    place: Room,
    chunk: Sequence[int],
    progress: Progress = lambda steps: None,
) -> tuple[Teachers, Record]:
    """Train the teachers of a chunk of seeds. Returns them, and their record [seed, point]."""
    steps, _ = moments(setup, len(place.data.x_train))
    given: dict[str, Any] = {
        "setup": program(setup), "classes": place.classes, "hyper": _numbers(hyper),
        "seeds": place.seeds(chunk), "data": place.data,
    }  # fmt: skip
    starts, state = begin_teachers(**given)
    state, record = _measured(partial(teach, **given), state, steps, progress, len(chunk))
    return Teachers(starts, state.model.θ), record


def distillation(
    setup: Setup,
    hypers: Sequence[Hyper],
    place: Room,
    chunk: Sequence[int],
    teachers: Teachers,
    names: Sequence[str] = tuple(cast.STUDENTS),
    progress: Progress = lambda steps: None,
) -> Record:
    """Train the named students of a chunk of seeds at each of some settings, all in one program.

    The settings may differ in what a `cast.Role` holds; of the rest the first counts, so that all
    students of a seed have the same teacher and see the same inputs. Returns their record [seed,
    setting × name, point].
    """
    _, steps = moments(setup, len(place.data.x_train))
    given: dict[str, Any] = {
        "setup": program(setup), "classes": place.classes, "hyper": _numbers(hypers[0]),
        "roles": cast.students(place.classes, setup.aux, hypers, names),
        "seeds": place.seeds(chunk), "data": place.data,
    }  # fmt: skip
    targets, state = begin_students(**given, teachers=teachers)
    networks = len(chunk) * len(hypers) * len(names)
    segment = partial(distill, **given, targets=targets)
    return _measured(segment, state, steps, progress, networks)[1]


def _numbers(hyper: Hyper) -> Hyper:
    """As arrays, not Python numbers: of one type however given."""
    return jax.tree.map(jnp.float32, hyper)


def program(setup: Setup) -> Setup:
    """The setup without what programs do not depend on: how long they run, and when to measure."""
    lengths = {"teacher_epochs": 1, "student_epochs": 1, "teacher_steps": None,
               "student_steps": None, "points": 1}  # fmt: skip
    return replace(setup, **lengths)


def _measured(
    segment: Callable, state: State, moments: list[int], progress: Progress, networks: int
) -> tuple[State, Record]:
    """Take the steps between the moments, and stack what is measured at each of them."""
    records = []
    for start, stop in zip([0, *moments], moments, strict=False):
        state, record = segment(state=state, bounds=(start, stop))
        records.append(jax.device_get(record))  # waits: progress is of what has been done
        progress((stop - start) * networks)
    return state, Record(*(np.stack(field, axis=-1) for field in zip(*records, strict=True)))


def chunk_size(
    setup: Setup, task: Task, seeds: int, memory: float, students: int = len(cast.STUDENTS)
) -> int:
    """Seeds to train together on this machine's devices, each with that many students.

    As many as `memory` GiB hold (on a GPU, at least half of its own) and run fast, with the same
    number on each device that is used.
    """
    data, one, room = task_bytes(task), seed_bytes(setup, task, students), budget(memory)
    used = max(1, min(len(devices()), int(room / (data + one)), seeds))
    fit = int((room / used - data) / one)
    return used * max(1, min(fit, together(setup) // students, -(-seeds // used)))


def budget(memory: float) -> float:
    """Bytes to plan for: `memory` GiB, on a GPU at least half of its own."""
    first, *_ = devices()
    limit = 0 if first.platform == "cpu" else (first.memory_stats() or {}).get("bytes_limit", 0)
    return max(memory * 2**30, len(devices()) * limit / 2)


def together(setup: Setup) -> int:
    """Students that a device trains at a time: more would be slower (on a GPU, no faster)."""
    if devices()[0].platform != "cpu":
        return GPU_STUDENTS
    return max(len(cast.STUDENTS), CPU_ROWS // min(setup.batch, setup.noise_images))


def task_bytes(task: Task) -> int:
    """Memory of a task's arrays, of which each device has its own."""
    return sum(getattr(task, name).nbytes for name in Data._fields)


def seed_bytes(setup: Setup, task: Task, students: int = len(cast.STUDENTS)) -> int:
    """Working memory of one seed, from above: students, their optimisers, batches and targets."""
    d_in, logits = task.d_in, task.classes + setup.aux
    sizes = [d_in, *setup.widths, logits]
    parameters = sum((a + 1) * b for a, b in pairwise(sizes))
    rows = max(setup.batch, measures.BLOCK)
    numbers = (
        students
        * (8 * parameters + 4 * rows * sum(sizes[1:]))  # θ, moments, gradients; activations
        + 4 * rows * d_in  # inputs and the random bits they are made from
        + setup.noise_images * (logits + 4)  # targets; two orders
    )
    return 4 * numbers


@cache
def devices() -> list[jax.Device]:
    """What computes here: on a CPU a device per core, unless jax has started or was told otherwise.

    Much of a small network's step keeps a single core busy: another then works on another seed.
    """
    told = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not told and jax.config.jax_num_cpu_devices < 0:
        with suppress(RuntimeError):  # jax has started, with the devices that it has
            jax.config.update("jax_num_cpu_devices", _cores())
    return jax.local_devices()


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device() -> str:
    """The kind and number of the devices that compute: part of what results depend on."""
    return f"{devices()[0].platform}: {len(devices())} × {devices()[0].device_kind}"


def network_steps(setup: Setup, examples: int) -> int:
    """Optimiser steps of all networks of one seed."""
    teacher, students = moments(setup, examples)
    return teacher[-1] + students[-1] * len(cast.STUDENTS)


def flop(setup: Setup, task: Task) -> tuple[float, float, float]:
    """Floating-point operations of the matrix products of one teacher, one student, and one
    teacher's answers to all distillation inputs.

    Forward and backward in training (the first layer needs no gradient of its input), and forward
    where it is measured.
    """
    layers = list(pairwise([task.d_in, *setup.widths, task.classes + setup.aux]))
    forward = 2.0 * sum(a * b for a, b in layers)
    step = 3 * forward - 2 * layers[0][0] * layers[0][1]
    teacher, student = moments(setup, len(task.x_train))
    measured = forward * (len(task.x_test) + len(task.x_val))
    return (
        teacher[-1] * min(setup.batch, len(task.x_train)) * step + len(teacher) * measured,
        student[-1] * min(setup.batch, setup.noise_images) * step + len(student) * measured,
        setup.noise_images * forward,
    )  # fmt: skip


def moments(setup: Setup, examples: int) -> tuple[list[int], list[int]]:
    """Steps after which teacher and students are measured, from 0 to the last."""

    def spread(steps: int | None, epochs: int, count: int) -> list[int]:
        steps = steps or epochs * -(-count // min(setup.batch, count))
        return np.unique(np.linspace(0, steps, setup.points + 1).round().astype(int)).tolist()

    return (
        spread(setup.teacher_steps, setup.teacher_epochs, examples),
        spread(setup.student_steps, setup.student_epochs, setup.noise_images),
    )


@partial(jax.jit, static_argnames=("setup", "classes"))
def begin_teachers(
    setup: Setup, classes: int, hyper: Hyper, seeds: Int[Array, " s"], data: Data
) -> tuple[Params, State]:
    """Two independent initialisations a seed, (θ_0, θ_other) [s, 2, …], and teachers at θ_0."""
    net = _network(setup, classes, data)

    def one(seed: Int[Array, ""]) -> tuple[Params, State]:
        keys = jnp.stack([key(seed, purpose) for purpose in (Purpose.INIT, Purpose.OTHER_INIT)])
        starts = jax.tree.map(lambda leaf: hyper.init_scale * leaf, jax.vmap(net.init)(keys))
        θ_0 = jax.tree.map(lambda leaf: leaf[0], starts)
        return starts, training.begin(_teaching(setup, hyper, net, seed, data), θ_0)

    return jax.vmap(one)(seeds)


@partial(jax.jit, static_argnames=("setup", "classes"), donate_argnames="state")
def teach(
    setup: Setup, classes: int, hyper: Hyper, seeds: Int[Array, " s"], data: Data,
    state: State, bounds: Bounds,
) -> tuple[State, Record]:  # fmt: skip
    """Take a segment of steps with each teacher, then measure it."""
    net = _network(setup, classes, data)

    def one(seed: Int[Array, ""], state: State) -> tuple[State, Record]:
        return _segment(_teaching(setup, hyper, net, seed, data), net, data, state, bounds)

    return jax.vmap(one)(seeds, state)


@partial(jax.jit, static_argnames=("setup", "classes"))
def begin_students(
    setup: Setup, classes: int, hyper: Hyper, roles: cast.Role, seeds: Int[Array, " s"],
    data: Data, teachers: Teachers,
) -> tuple[Float[Array, "s N n"], State]:  # fmt: skip
    """The teachers' logits on all distillation inputs, once, and students where they start."""
    net = _network(setup, classes, data)

    def one(seed: Int[Array, ""], teacher: Teachers) -> tuple[Array, State]:
        targets = training.targets(setup, hyper, net, seed, data.x_train, teacher.trained)
        key_noise = key(seed, Purpose.INIT_NOISE)

        def student(role: cast.Role) -> State:
            lesson = training.distillation(setup, hyper, role, seed, data.x_train, targets)
            return training.begin(lesson, cast.start(role, teacher.starts, key_noise))

        return targets, jax.vmap(student, out_axes=_STUDENTS)(roles)

    return jax.vmap(one)(seeds, teachers)


@partial(jax.jit, static_argnames=("setup", "classes"), donate_argnames="state")
def distill(
    setup: Setup, classes: int, hyper: Hyper, roles: cast.Role, seeds: Int[Array, " s"],
    data: Data, targets: Float[Array, "s N n"], state: State, bounds: Bounds,
) -> tuple[State, Record]:  # fmt: skip
    """Take a segment of steps with each student of each seed, then measure it."""
    net = _network(setup, classes, data)

    def one(seed: Int[Array, ""], targets: Array, state: State) -> tuple[State, Record]:
        def student(role: cast.Role, state: State) -> tuple[State, Record]:
            lesson = training.distillation(setup, hyper, role, seed, data.x_train, targets)
            return _segment(lesson, net, data, state, bounds)

        return jax.vmap(student, (0, _STUDENTS), (_STUDENTS, 0))(roles, state)

    return jax.vmap(one)(seeds, targets, state)


def _segment(
    lesson: Lesson, net: Network, data: Data, state: State, bounds: Bounds
) -> tuple[State, Record]:
    state = training.advance(lesson, net, state, *bounds)
    θ = state.model.θ
    loss = training.loss_now(lesson, net, θ)
    return state, Record(
        test_accuracy=measures.accuracy(net, θ, data.x_test, data.y_test),
        validation_accuracy=measures.accuracy(net, θ, data.x_val, data.y_val),
        loss=loss,
        diverged=state.model.diverged | ~jnp.isfinite(loss),
    )


def _network(setup: Setup, classes: int, data: Data) -> Network:
    return mlp(setup, data.x_train.shape[1], classes)


def _teaching(setup: Setup, hyper: Hyper, net: Network, seed: Int[Array, ""], data: Data) -> Lesson:
    return training.teaching(setup, hyper, net, seed, data.x_train, data.y_train)


def used(chunk: int) -> int:
    """Devices that work on a chunk of so many seeds: as many as divide it."""
    return max(k for k in range(1, len(devices()) + 1) if chunk % k == 0)


def _shardings(chunk: int) -> tuple[NamedSharding, NamedSharding]:
    """Of arrays split by seed over a chunk's devices, and of arrays that each of them holds."""
    mesh = Mesh(np.asarray(devices()[: used(chunk)]), ("seed",))
    return NamedSharding(mesh, PartitionSpec("seed")), NamedSharding(mesh, PartitionSpec())
