"""Where a step's time goes: the same training with a part left out, beside what limits the part."""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array

from sim.engine import programs
from sim.engine.programs import Bounds, Program
from sim.model import networks
from sim.model.data import Data, Task
from sim.model.networks import Params
from sim.model.products import product
from sim.settings.experiments import FIGURE_10
from sim.settings.grid import Point
from sim.settings.lengths import moments
from sim.training import families, roles, steps
from sim.training.roles import Role
from sim.training.steps import Lesson, Shown


def _without_inputs(lesson: Lesson) -> Lesson:
    x, _ = lesson.examples(jnp.arange(lesson.batch), 0)
    return lesson._replace(examples=lambda ids, t=0: (x, lesson.examples(ids, t)[1]))


def _without_targets(lesson: Lesson) -> Lesson:
    _, y = lesson.examples(jnp.arange(lesson.batch), 0)
    return lesson._replace(examples=lambda ids, t=0: (lesson.examples(ids, t)[0], y))


#: What becomes of a lesson without a part: the same work but for it.
WITHOUT: dict[str, Callable[[Lesson], Lesson]] = {
    "": lambda lesson: lesson,
    "optimiser": lambda lesson: lesson._replace(optimizer=optax.sgd(1e-3)),
    "inputs": _without_inputs,
    "targets": _without_targets,
    "loss": lambda lesson: lesson._replace(loss=lambda z, _: jnp.sum(z)),
}


class Phase(NamedTuple):
    """What teachers or students of a chunk of seeds are trained by, and how long."""

    run: Callable[[str, Bounds], Any]  # without a part, over some steps
    measure: Callable[[], Any]
    products: Callable[[int], Any]  # those of so many steps, and nothing else
    times: tuple[int, ...]  # when it is measured
    epoch: int  # steps
    flop: float  # of the products of a step, for all seeds
    bytes_: dict[str, float]  # that each part must move in a step


def split(
    point: Point, task: Task, chunk: int, repeats: int, tell: Callable[[], None] = lambda: None
) -> dict[str, dict[str, Any]]:
    """Time a step's parts in figure 10's training of a chunk of seeds, in this process, in turns.

    Args:
      point: setting of the training; task: on which; chunk: seeds that are trained together.
      repeats: rounds of all measurements, after one that compiles; medians count.
      tell: called after each round.

    Returns by phase its `steps`; `parts`, seconds a seed of the whole training, of what goes when a
    part is left out (optimiser: adam becomes plain descent; inputs and targets: the same at every
    step; order: none is drawn; loss: the sum of logits) or what it takes alone (products,
    measuring, dispatch), rest (activations and sums, mostly), and the whole, which is their sum;
    `flop` of the products, and `bytes` that parts must move at least, a seed.

    """
    where = programs.place(task, chunk)
    return {
        name: _split(make(point, where, range(chunk)), chunk, repeats, tell)
        for name, make in (("teacher", _teachers), ("students", _students))
    }


def _split(of: Phase, chunk: int, repeats: int, tell: Callable[[], None]) -> dict[str, Any]:
    n, whole_run = of.epoch, of.times[-1]
    calls: dict[str, Callable[[], Any]] = {
        **{part: partial(of.run, part, (0, n)) for part in WITHOUT},
        "order": lambda: of.run("", (1, n)),
        "dispatch": lambda: of.run("", (n, n)),
        "products": lambda: of.products(n),
        "measuring": of.measure,
    }
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            jax.block_until_ready(call())
            if repeat:  # the first compiles
                seconds[name].append(time.perf_counter() - start)
        tell()
    epochs, segments = whole_run / n / chunk, len(of.times) / chunk  # a seed

    def parts(took: dict[str, float]) -> dict[str, float]:
        """Of one round: what was left out took what the rest does not."""
        idle = took["dispatch"]
        epoch = took[""] - idle
        found = {part: took[""] - took[part] for part in WITHOUT if part}
        found["order"] = epoch - (took["order"] - idle) * n / (n - 1)
        found["products"] = took["products"] - idle
        found = {part: seconds * epochs for part, seconds in found.items()}
        found |= {"measuring": (took["measuring"] - idle) * segments, "dispatch": idle * segments}
        return found | {"whole": epoch * epochs + found["measuring"] + found["dispatch"]}

    rounds = [
        parts(dict(zip(seconds, took, strict=True))) for took in zip(*seconds.values(), strict=True)
    ]
    middle = {part: median(one[part] for one in rounds) for part in rounds[0]}
    whole = middle.pop("whole")
    return {
        "steps": whole_run,
        "parts": {**middle, "rest": whole - sum(middle.values()), "whole": whole},
        "flop": of.flop * whole_run / chunk,
        "bytes": {part: moved * whole_run / chunk for part, moved in of.bytes_.items()},
    }


def _teachers(point: Point, where: programs.Place, seeds: Sequence[int]) -> Phase:
    on, program, hyper = where.seeds(seeds), where.program(point), programs.numbers([point])
    θ = programs.initial(point, where, seeds)
    common = program, hyper, where.data, on
    state = programs.begin_teachers(*common, θ)

    def measure() -> Any:
        nonlocal state
        state, record = programs.teach(*common, None, state=state, bounds=(0, 0))
        return record

    return _phase(
        point,
        where,
        len(seeds),
        1,
        lambda part, bounds: _taught(*common, θ, bounds, part=part),
        measure,
    )


def _students(point: Point, where: programs.Place, seeds: Sequence[int]) -> Phase:
    students = [(point, families.FIGURE_10[name]) for name in FIGURE_10]
    on, program = where.seeds(seeds), where.program(point)
    hyper = programs.numbers([point] * len(students))
    role = roles.roles(where.classes, students)
    θ_T = programs.initial(point, where, seeds)
    common = program, hyper, role, where.data, on
    shown, state = programs.begin_students(*common, θ_T, programs.starts(point, where, seeds))
    θ = jax.tree.map(jnp.copy, state.model.θ)

    def measure() -> Any:
        nonlocal state
        state, record = programs.distill(*common, shown, None, state=state, bounds=(0, 0))
        return record

    return _phase(
        point,
        where,
        len(seeds),
        len(students),
        lambda part, bounds: _distilled(*common, shown, θ, bounds, part=part),
        measure,
    )


def _phase(
    point: Point, where: programs.Place, seeds: int, k: int, run: Callable, measure: Callable
) -> Phase:
    """Count what teachers (k = 1) or k students a seed do in a step, beside the functions."""
    setup, images, d = point.setup, len(where.data.x_train), where.data.x_train.shape[1]
    teacher = k == 1
    count = images if teacher else setup.noise_images
    batch = min(setup.batch, count)
    make = networks.mlp if teacher else networks.student
    shapes = networks.product_shapes(make, setup, d, where.classes)
    each = [2.0 * math.prod(shape) * batch for shape in shapes]
    parameters = sum((terms + 1) * units for _, terms, units in shapes)
    of_products = partial(_multiplied, where.program(point), where.seeds(range(seeds)))
    logits = 1 if teacher else where.classes + setup.aux
    return Phase(
        run,
        measure,
        lambda n: of_products(n, k=k, shapes=shapes, batch=batch),
        moments(setup, images)[0 if teacher else 1],
        -(-count // batch),
        seeds * k * (3 * sum(each) - each[0]),
        {
            # plain descent moves θ twice and the gradient; adam its two moments twice, too
            "optimiser": seeds * k * 4.0 * 4 * parameters,
            "inputs": seeds * 2.0 * 4 * batch * d,  # written, and read
            "targets": seeds * 2.0 * 4 * batch * logits,
            "loss": seeds * k * 2.0 * 4 * batch * (where.classes + setup.aux),  # z, ∂L/∂z
            "order": seeds * 2.0 * 4 * count / -(-count // batch),
        },
    )


_jit = partial(programs.compiled, static_argnames=("program", "part"))


def _trained(part: str, lesson: Lesson, net: Any, θ: Params, bounds: Bounds) -> Params:
    lesson = WITHOUT[part](lesson)
    state = steps.begin(lesson, θ)
    order = jnp.arange(len(state.order)) % lesson.count  # where none is drawn
    return steps.advance(lesson, net, state._replace(order=order), *bounds).model.θ


@_jit
def _taught(
    program: Program, hyper: Any, data: Data, seeds: Array, θ: Params, bounds: Bounds, part: str
) -> Params:
    def one(hyper: Any, data: Data, bounds: Bounds, seed: Array, θ: Params) -> Params:
        net = program.network(data)
        return _trained(part, program.lesson(net, hyper, data, seed), net, θ, bounds)

    return programs.of_each(one, program.mesh, hyper, data, bounds)(seeds, θ)


@_jit
def _distilled(
    program: Program,
    hyper: Any,
    role: Role,
    data: Data,
    seeds: Array,
    shown: Shown,
    θ: Params,
    bounds: Bounds,
    part: str,
) -> Params:
    def one(
        hyper: Any, role: Role, data: Data, bounds: Bounds, seed: Array, shown: Shown, θ: Params
    ) -> Params:
        net = program.network(data, student=True)

        def student(hyper: Any, role: Role, θ: Params) -> Params:
            of = program.setup, hyper, net, role, seed, data, shown
            return _trained(part, steps.of_logits(*of), net, θ, bounds)

        return jax.vmap(student, (programs.OWN, 0, 0))(hyper, role, θ)

    return programs.of_each(one, program.mesh, hyper, role, data, bounds)(seeds, shown, θ)


@partial(programs.compiled, static_argnames=("program", "k", "shapes", "batch"))
def _multiplied(
    program: Program, seeds: Array, n: int, k: int, shapes: tuple[networks.Shape, ...], batch: int
) -> Any:
    """Take n steps' products of k networks a seed, forward and back, and nothing else."""
    multiply = product(program.setup.matmul)

    def layer(first: bool, x: Array, w: Array, g: Array) -> tuple[Array, Array]:
        z, back = jax.vjp(multiply, x, w)
        dx, dw = back(g)
        # Each is computed in whole, though one number of it is used: the next step waits for it.
        found = lax.optimization_barrier((z, dw) if first else (z, dw, dx))
        some = 1e-30 * sum(array[0, 0] for array in found)
        return w.at[0, 0].add(some), g.at[0, 0].add(some)

    def one(n: Array, seed: Array) -> Any:
        draw = partial(jax.random.normal, jax.random.key(seed))
        x = [draw((*(k,) * (i > 0), rows * batch, d)) for i, (rows, d, _) in enumerate(shapes)]
        w = [draw((k, d, units)) for _, d, units in shapes]
        g = [draw((k, rows * batch, units)) for rows, _, units in shapes]

        def step(_: Any, of: list[tuple[Array, Array]]) -> list[tuple[Array, Array]]:
            return [
                jax.vmap(partial(layer, i == 0), (None if i == 0 else 0, 0, 0))(x[i], *each)
                for i, each in enumerate(of)
            ]

        return lax.fori_loop(0, n, step, list(zip(w, g, strict=True)))

    return programs.of_each(one, program.mesh, n)(seeds)
