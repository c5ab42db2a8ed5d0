"""Seeds × students → chunks → devices: the only place with jit, vmap over seeds, and sharding.

A chunk of seeds is trained together, in segments of steps between which it is measured. The program
knows neither the number of seeds nor the bounds of a segment: each `Setup` compiles once.
"""

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int, Key

from sim.errors import InputError
from sim.model import networks
from sim.model.data import Task
from sim.model.keys import Purpose, key
from sim.model.networks import Network, Params
from sim.model.products import product
from sim.settings.config import Hyper, Setup
from sim.training import cast, measures
from sim.training import steps as training
from sim.training.steps import Lesson, State

# Rows of a step's matrix products from which on more students at a time gain nothing: on a CPU they
# only leave its caches.
CPU_ROWS = 512
GPU_STUDENTS = 256
BLOWN_UP = 1e3  # a loss so many times that of the untrained network has diverged, if finite
Bounds = tuple[training.Step, training.Step]  # first step of a segment, and the one after it
Progress = Callable[[float], None]  # told how many steps of single networks have been taken

# Students of a seed have their own models and one order of inputs: jax refuses a program in which
# treatment and control would see different ones.
_STUDENTS = State(model=0, order=None)

# On a CPU, XLA's loops use half of a register unless told, and sums go to a library that is slower
# than such a loop. The second is an experimental flag, which jax 0.10.0 to 0.10.2 know.
_OPTIONS: dict[str, Any] = {"xla_cpu_prefer_vector_width": 512}
if jax.__version_info__ < (0, 11):
    _OPTIONS["xla_cpu_experimental_ynn_fusion_type"] = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
_jit = partial(jax.jit, static_argnames=("setup", "classes", "mesh"), compiler_options=_OPTIONS)


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
    batch, in nats (in squared logits for squared_error). diverged: a loss has not been finite, or
    is more than BLOWN_UP times what it was before the first step (and times 1).
    """

    test_accuracy: Float[Array, "*k"]
    validation_accuracy: Float[Array, "*k"]
    loss: Float[Array, "*k"]
    diverged: Bool[Array, "*k"]


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
        θ_T, taught = teaching(setup, hyper, place, chunk, progress)
        yield taught, distillation([(setup, hyper)], place, chunk, θ_T, progress=progress)
        del θ_T


def teaching(
    setup: Setup,
    hyper: Hyper,
    place: Room,
    chunk: Sequence[int],
    progress: Progress = lambda steps: None,
) -> tuple[Params, Record]:
    """Train the teachers of a chunk of seeds. Returns θ_T [seed, …] and record [seed, point]."""
    steps, _ = moments(setup, len(place.data.x_train))
    given: dict[str, Any] = {
        "setup": program(setup), "classes": place.classes, "mesh": place.sharded.mesh,
        "hyper": _numbers(hyper),
        "seeds": place.seeds(chunk), "data": place.data,
    }  # fmt: skip
    state = begin_teachers(**given)
    state, record = _measured(partial(teach, **given), state, steps, progress, len(chunk))
    return state.model.θ, record


def distillation(
    settings: Sequence[tuple[Setup, Hyper]],
    place: Room,
    chunk: Sequence[int],
    θ_T: Params,
    names: Sequence[str] = tuple(cast.STUDENTS),
    progress: Progress = lambda steps: None,
) -> Record:
    """Train the named students of a chunk of seeds at each of some settings, all in one program.

    The settings may differ in what a `cast.Role` holds; of the rest the first counts, so that all
    students of a seed have the same teacher and see the same inputs. Returns their record [seed,
    setting × name, point].
    """
    setup, hyper = settings[0]
    _, steps = moments(setup, len(place.data.x_train))
    given: dict[str, Any] = {
        "setup": program(setup), "classes": place.classes, "mesh": place.sharded.mesh,
        "hyper": _numbers(hyper),
        "roles": cast.students(place.classes, settings, names),
        "seeds": place.seeds(chunk), "data": place.data,
    }  # fmt: skip
    targets, state = begin_students(**given, θ_T=θ_T)
    segment = partial(distill, **given, targets=targets)
    trained = len(chunk) * len(settings) * len(names)
    return _measured(segment, state, steps, progress, trained)[1]


def _numbers(hyper: Hyper) -> Hyper:
    """As arrays, not Python numbers: of one type however given."""
    return jax.tree.map(jnp.float32, hyper)


def program(setup: Setup) -> Setup:
    """The setup without what programs do not depend on.

    That is how long they run, when to measure, and what a `cast.Role` holds.
    """
    lengths = {"teacher_epochs": 1, "student_epochs": 1, "teacher_steps": None,
               "student_steps": None, "points": 1}  # fmt: skip
    return replace(setup, **lengths, independent="none", frozen="none")


def _measured(
    segment: Callable, state: State, moments: list[int], progress: Progress, many: int
) -> tuple[State, Record]:
    """Take the steps between the moments, and stack what is measured at each of them."""
    records = []
    for start, stop in zip([0, *moments], moments, strict=False):
        state, record = segment(state=state, bounds=(start, stop))
        records.append(jax.device_get(record))  # waits: progress is of what has been done
        progress((stop - start) * many)
    record = Record(*(np.stack(field, axis=-1) for field in zip(*records, strict=True)))
    blown_up = record.loss > BLOWN_UP * np.maximum(record.loss[..., :1], 1)
    return state, record._replace(diverged=record.diverged | blown_up)


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
    examples = max(setup.batch, measures.BLOCK)

    def of(make: Callable, many: int) -> int:
        layers = networks.product_shapes(make, setup, task.d_in, task.classes)
        parameters = sum((d + 1) * units for _, d, units in layers)
        activations = sum(rows * units for rows, _, units in layers)
        return many * (8 * parameters + 4 * examples * activations)  # θ, moments, gradients

    shared = 4 * examples * task.d_in  # inputs and the random bits they are made from
    shared += setup.noise_images * (task.classes + setup.aux + 4)  # targets; two orders
    return 4 * (max(of(networks.student, students), of(networks.mlp, 1)) + shared)


@contextmanager
def pinned() -> Iterator[None]:
    """Hold jax to its own defaults, whatever the user has set, where that changes draws or bits.

    What cannot be held, `settings` names. Shapes may still be checked (jax_numpy_rank_promotion).
    """
    with (
        jax.enable_x64(False),
        jax.default_prng_impl("threefry2x32"),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.default_matmul_precision(None),
        jax.disable_jit(False),
        jax.debug_nans(False),  # a seed that diverges is flagged and kept
        jax.debug_infs(False),
    ):
        yield


# Of jax's settings, those that say where programs run, how long they are kept and what is said of
# them; and one that moves keys made of numbers, as ours are not. Of any other it is not known that
# it changes no bits.
_HARMLESS = re.compile(
    "cache|check|compiler_detailed|debug|device|distributed|dump|explain|export|guard|hlo_source|"
    "include_|log|mock|num_cpu|pallas|platform|pprint|preemption|profile|raise_|recoverability|"
    "rank_promotion|seed_offset|source_url|thread|timeout|topology|trace|transfer"
)
_ENVIRONMENT = ("CUBLAS_WORKSPACE_CONFIG", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE", "XLA_FLAGS")


def settings() -> dict[str, str]:
    """Name what else numbers may depend on: jax's settings and flags of XLA, as they are."""
    with pinned():
        found = {
            name: str(getattr(jax.config, name, value))
            for name, value in jax.config.values.items()
            if not _HARMLESS.search(name)
        }
    for name in _ENVIRONMENT:
        words = sorted(word for word in os.environ.get(name, "").split() if "dump" not in word)
        if words:
            found[name] = " ".join(words)
    return found


@cache
def devices() -> list[jax.Device]:
    """List what computes here: on a CPU a device per core, unless jax has started or was told.

    Much of a small network's step keeps a single core busy: another then works on another seed.
    Errors: InputError where jax is told to use what is not there.
    """
    told = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not told and jax.config.jax_num_cpu_devices < 0:
        with suppress(RuntimeError):  # jax has started, with the devices that it has
            jax.config.update("jax_num_cpu_devices", _cores())
    try:
        return jax.local_devices()
    except (RuntimeError, AssertionError) as error:  # the latter for what was not compiled in
        asked, reason = jax.config.jax_platforms, str(error).partition("\n")[0] or "none here"
        raise InputError(
            f"JAX_PLATFORMS = {asked!r}: must name devices of this machine: {reason}"
        ) from None


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

    def of(make: Callable, moments: list[int], examples: int) -> tuple[float, float]:
        shapes = networks.product_shapes(make, setup, task.d_in, task.classes)
        first, *_ = each = [2.0 * math.prod(shape) for shape in shapes]
        training = moments[-1] * min(setup.batch, examples) * (3 * sum(each) - first)
        images = len(task.x_test) + len(task.x_val)
        return training + len(moments) * images * sum(each), sum(each)

    teacher, student = moments(setup, images := len(task.x_train))
    of_teacher, forward = of(networks.mlp, teacher, images)
    of_student, _ = of(networks.student, student, setup.noise_images)
    return of_teacher, of_student, setup.noise_images * forward


def moments(setup: Setup, examples: int) -> tuple[list[int], list[int]]:
    """Steps after which teacher and students are measured, from 0 to the last."""

    def spread(steps: int | None, epochs: int, count: int) -> list[int]:
        steps = steps or epochs * -(-count // min(setup.batch, count))
        return np.unique(np.linspace(0, steps, setup.points + 1).round().astype(int)).tolist()

    return (
        spread(setup.teacher_steps, setup.teacher_epochs, examples),
        spread(setup.student_steps, setup.student_epochs, setup.noise_images),
    )


@_jit
def begin_teachers(
    setup: Setup, classes: int, mesh: Mesh, hyper: Hyper, seeds: Int[Array, " s"], data: Data
) -> State:
    """Teachers at θ_0, each seed's own."""

    def one(hyper: Hyper, data: Data, seed: Int[Array, ""]) -> State:
        net = _network(setup, classes, data)
        lesson = _teaching(setup, hyper, net, seed, data)
        return training.begin(lesson, _initial(net, hyper, key(seed, Purpose.INIT)))

    return _of_each(one, mesh, hyper, data)(seeds)


@partial(_jit, donate_argnames="state")
def teach(
    setup: Setup, classes: int, mesh: Mesh, hyper: Hyper, seeds: Int[Array, " s"], data: Data,
    state: State, bounds: Bounds,
) -> tuple[State, Record]:  # fmt: skip
    """Take a segment of steps with each teacher, then measure it."""

    def one(
        hyper: Hyper, data: Data, bounds: Bounds, seed: Int[Array, ""], state: State
    ) -> tuple[State, Record]:
        net = _network(setup, classes, data)
        return _segment(_teaching(setup, hyper, net, seed, data), net, data, state, bounds)

    return _of_each(one, mesh, hyper, data, bounds)(seeds, state)


@_jit
def begin_students(
    setup: Setup, classes: int, mesh: Mesh, hyper: Hyper, roles: cast.Role,
    seeds: Int[Array, " s"], data: Data, θ_T: Params,
) -> tuple[Float[Array, "s N n"], State]:  # fmt: skip
    """The teachers' logits on all distillation inputs, once, and students where they start."""

    def one(
        hyper: Hyper, roles: cast.Role, data: Data, seed: Int[Array, ""], θ_T: Params
    ) -> tuple[Array, State]:
        net = _network(setup, classes, data)
        targets = training.targets(setup, hyper, net, seed, data.x_train, θ_T)
        keys = jnp.stack([key(seed, purpose) for purpose in (Purpose.INIT, Purpose.OTHER_INIT)])
        of_students = _network(setup, classes, data, student=True)
        starts = jax.vmap(partial(_initial, of_students, hyper))(keys)
        key_noise = key(seed, Purpose.INIT_NOISE)

        def student(role: cast.Role) -> State:
            lesson = training.distillation(setup, hyper, role, seed, data.x_train, targets)
            return training.begin(lesson, cast.start(role, starts, key_noise))

        return targets, jax.vmap(student, out_axes=_STUDENTS)(roles)

    return _of_each(one, mesh, hyper, roles, data)(seeds, θ_T)


@partial(_jit, donate_argnames="state")
def distill(
    setup: Setup, classes: int, mesh: Mesh, hyper: Hyper, roles: cast.Role,
    seeds: Int[Array, " s"], data: Data, targets: Float[Array, "s N n"], state: State,
    bounds: Bounds,
) -> tuple[State, Record]:  # fmt: skip
    """Take a segment of steps with each student of each seed, then measure it."""

    def one(
        hyper: Hyper, roles: cast.Role, data: Data, bounds: Bounds,
        seed: Int[Array, ""], targets: Array, state: State,
    ) -> tuple[State, Record]:  # fmt: skip
        net = _network(setup, classes, data, student=True)

        def student(role: cast.Role, state: State) -> tuple[State, Record]:
            lesson = training.distillation(setup, hyper, role, seed, data.x_train, targets)
            return _segment(lesson, net, data, state, bounds)

        return jax.vmap(student, (0, _STUDENTS), (_STUDENTS, 0))(roles, state)

    return _of_each(one, mesh, hyper, roles, data, bounds)(seeds, targets, state)


def _of_each(one: Callable, mesh: Mesh, *common: Any) -> Callable:
    """`one`, of what all seeds have in common and of one seed, made a function of many seeds.

    Each device computes its own seeds, in a program of its own: none waits for another.
    """
    of_seed = PartitionSpec("seed")

    def many(common: tuple, own: tuple) -> Any:
        return jax.vmap(partial(one, *common))(*own)

    sharded = jax.shard_map(
        many, mesh=mesh, in_specs=(PartitionSpec(), of_seed), out_specs=of_seed, check_vma=False
    )
    return lambda *own: sharded(common, own)


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


def _network(setup: Setup, classes: int, data: Data, *, student: bool = False) -> Network:
    make = networks.student if student else networks.mlp
    return make(setup, data.x_train.shape[1], classes, product=product(setup.matmul))


def _initial(net: Network, hyper: Hyper, key: Key[Array, ""]) -> Params:
    return jax.tree.map(lambda leaf: hyper.init_scale * leaf, net.init(key))


def _teaching(setup: Setup, hyper: Hyper, net: Network, seed: Int[Array, ""], data: Data) -> Lesson:
    return training.teaching(setup, hyper, net, seed, data.x_train, data.y_train)


def used(chunk: int) -> int:
    """Devices that work on a chunk of so many seeds: as many as divide it."""
    return max(k for k in range(1, len(devices()) + 1) if chunk % k == 0)


def _shardings(chunk: int) -> tuple[NamedSharding, NamedSharding]:
    """Of arrays split by seed over a chunk's devices, and of arrays that each of them holds."""
    mesh = Mesh(np.asarray(devices()[: used(chunk)]), ("seed",))
    return NamedSharding(mesh, PartitionSpec("seed")), NamedSharding(mesh, PartitionSpec())
