"""Seeds × students on devices: the only place with jit, vmap over seeds, and sharding.

A chunk of seeds is trained together, in segments of steps between which it is measured. A program
knows neither the number of seeds nor the bounds of a segment: each `Program` compiles once.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int

from sim.engine.machine import devices, used
from sim.model import networks
from sim.model.data import Data, Task
from sim.model.keys import Purpose, another, key
from sim.model.networks import ACTIVATIONS, Network, Params
from sim.model.noise import FAMILIES
from sim.model.products import Product, product
from sim.settings.declare import Of, declared
from sim.settings.grid import Point
from sim.settings.lengths import counted, moments
from sim.settings.setup import Hyper, Setup
from sim.training import channels, roles, steps, traits
from sim.training.changes import CHANGES
from sim.training.channels import Answers, Channel, Left
from sim.training.families import HIDDEN, Imitation, Labels, Member
from sim.training.families import Lesson as Learns
from sim.training.measures import ALWAYS, MEASURES, Measure, Moment
from sim.training.roles import Role
from sim.training.steps import OPTIMIZERS, Lesson, Shown, State
from sim.training.traits import TRAITS, Pool, Trait
from theory.losses import LOSSES
from theory.trees import sub

MEASURED = 256  # training images in the trait's loss where it is measured
BLOWN_UP = 1e3  # a loss so many times that of the untrained network has diverged, if finite
Bounds = tuple[steps.Step, steps.Step]  # first step of a segment, and the one after it
Progress = Callable[[float], None]  # told how many steps of single networks have been taken
Record = dict[str, Any]  # measure -> [seed, …] (on the host [seed, …, moment]), or one a layer

# Of a student's numbers each has its own; all else students of a seed share, and their order of
# inputs: jax refuses a program in which treatment and control would see different ones.
OWN = Hyper(**{name: 0 if s.of == Of.STUDENT else None for name, s in declared(Hyper).items()})
_STUDENTS = State(model=0, order=None)

# On a CPU, XLA's loops use half of a register unless told, and sums go to a library that is slower
# than such a loop. The second is an experimental flag, which jax 0.10.0 to 0.10.2 know.
_OPTIONS: dict[str, Any] = {"xla_cpu_prefer_vector_width": 512}
# On a GPU, trying out algorithms for each float32 product takes minutes at MNIST's shapes, and may
# choose others the next time, with other last bits: cuBLAS chooses by itself, and the same.
_OPTIONS |= {"xla_gpu_enable_triton_gemm": False, "xla_gpu_autotune_level": 0}
if jax.__version_info__ < (0, 11):
    _OPTIONS["xla_cpu_experimental_ynn_fusion_type"] = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
compiled = partial(jax.jit, compiler_options=_OPTIONS)
_jit = partial(compiled, static_argnames="program")

jax.tree_util.register_dataclass(Hyper)
TASK = Labels()  # what those learn that are no students, unless said


class Program(NamedTuple):
    """All that a compiled program hangs on, beside the shapes of its arrays."""

    setup: Setup  # without what programs do not depend on
    classes: int
    mesh: Mesh
    measures: tuple[tuple[str, Measure], ...]
    functions: tuple[Any, ...]  # that the setup names: others may be put in their places
    trait: Trait  # the setup's, too
    learns: Learns  # what those learn that are no students
    hidden: bool = False  # whether students imitate units, not logits

    def lesson(self, net: Network, hyper: Hyper, data: Data, seed: Int[Array, ""]) -> Lesson:
        """Make the lesson of those that are no students."""
        if isinstance(self.learns, Labels):
            of = self.setup, hyper, net, seed, data.x_train, data.y_train
            found = steps.of_labels(*of, trait=self.learns.trait)
        else:
            found = steps.of_images(self.setup, hyper, seed, data.x_train, self.setup.widths[-1])
        return self.accounted(found, self.exact(data), hyper, data)

    def accounted(self, lesson: Lesson, net: Network, hyper: Hyper, data: Data) -> Lesson:
        """Have an account of the trait's loss kept, if a measure asks for it."""
        asked = any(measure.account for _, measure in self.measures)
        return lesson._replace(trait=self.L_T(net, hyper, data)) if asked else lesson

    def L_T(self, net: Network, hyper: Hyper, data: Data) -> Callable[[Params], Array]:
        """Make the trait's loss that is measured, on the same images for all seeds."""
        of = Pool(data.x_train, data.y_train, net.classes, hyper.target)
        return traits.loss(self.trait, of, net, key(0, Purpose.TRAIT), MEASURED)

    def network(self, data: Data, *, student: bool = False, by: Product | None = None) -> Network:
        """Make the network of the teacher, or of students."""
        make = networks.student if student else networks.mlp
        d_in = data.x_train.shape[1]
        return make(self.setup, d_in, self.classes, product=by or product(self.setup.matmul))

    def exact(self, data: Data, *, student: bool = False) -> Network:
        """Make the same by products in float32 that can be differentiated in any way."""
        return self.network(data, student=student, by=partial(jnp.matmul, precision="highest"))


class Place(NamedTuple):
    """Where a chunk is computed: the task's arrays on its devices, and how seeds are split."""

    data: Data
    classes: int
    sharded: NamedSharding

    def seeds(self, chunk: Sequence[int]) -> Int[Array, " s"]:
        """Put the numbers of a chunk's seeds on the devices that compute them."""
        return jax.device_put(np.asarray(chunk, np.int32), self.sharded)

    def spread(self, θ: Any) -> Params:
        """Put parameters [seed, …] of a chunk of seeds, from the host, on those devices."""
        return jax.device_put(θ, self.sharded)

    def program(self, point: Point, measures: Sequence[str] = (), learns: Learns = TASK) -> Program:
        """Name the program that trains networks at a point, and measures them."""
        setup = point.program.setup
        return Program(
            setup,
            self.classes,
            self.sharded.mesh,
            tuple((name, MEASURES[name]) for name in (*ALWAYS, *measures)),
            (
                ACTIVATIONS[setup.activation],
                LOSSES[setup.loss].of,
                FAMILIES[setup.noise],
                TRAITS.get(setup.skill),
                traits.against(setup),
                OPTIMIZERS.get(setup.optimizer),
            ),
            TRAITS[setup.trait],
            learns,
        )


def place(task: Task, chunk: int) -> Place:
    """Put a task on the devices that work on chunks of that many seeds."""
    mesh = Mesh(np.asarray(devices()[: used(chunk)]), ("seed",))
    arrays = jax.device_put(task.arrays, NamedSharding(mesh, PartitionSpec()))
    return Place(arrays, task.classes, NamedSharding(mesh, PartitionSpec("seed")))


def learn_labels(
    point: Point,
    where: Place,
    chunk: Sequence[int],
    measures: Sequence[str] = (),
    progress: Progress = lambda steps: None,
    start: Params | None = None,
    *,
    lesson: Learns = TASK,
    learns: bool = True,
    axis: tuple[Params, Params, Params] | None = None,
) -> tuple[Params, Record]:
    """Train the teachers, or bases, of a chunk of seeds.

    Args:
      start: θ [seed, …] to begin at, if it is not drawn for the seed.
      lesson: what they learn, of labels or images.
      learns: whether to train them, or only to measure them as they are.
      axis: along which to measure how far they went, each of it [seed, …]; see `Moment`.

    Returns θ_T [seed, …] and their record [seed, moment], on the host.

    """
    common = where.program(point, measures, lesson), numbers([point]), where.data
    begin = initial(point, where, chunk) if start is None else start
    state = begin_teachers(*common, where.seeds(chunk), begin)
    origin = Origin(_start(state), None, axis) if measures else None
    segment = partial(teach, *common, where.seeds(chunk), origin)
    times = moments(point.setup, len(where.data.x_train))[0] if learns else (0,)
    state, record = _measured(segment, state, times, progress, len(chunk))
    return state.model.θ, record


def initial(
    point: Point,
    where: Place,
    chunk: Sequence[int],
    purpose: Purpose = Purpose.INIT,
    *,
    student: bool = False,
) -> Params:
    """Draw the initialisations of a chunk of seeds, θ_0 [seed, …], or the independent ones.

    student: of the students' network.
    """
    make, setup = networks.drawn(point.setup, learns=student)
    of = make, setup, where.data.x_train.shape[1], where.classes
    scale = np.float32(point.hyper.init_scale)
    return _draw(*of, where.sharded.mesh, scale, np.int32(purpose), where.seeds(chunk))


def starts(
    point: Point, where: Place, chunk: Sequence[int], θ_0: Params | None = None
) -> tuple[Params, Params]:
    """Draw (θ_0, θ_other), each [seed, …], of the students' network.

    θ_0: where it was not drawn for the seed: in its place, as far as the students' layers are like
    it.
    """
    first, other = (
        initial(point, where, chunk, purpose, student=True)
        for purpose in (Purpose.INIT, Purpose.OTHER_INIT)
    )
    for layer, parts in (θ_0 or {}).items():
        if jax.tree.map(jnp.shape, first.get(layer)) == jax.tree.map(jnp.shape, parts):
            first[layer] = parts
    return first, other


def change(
    name: str, point: Point, where: Place, chunk: Sequence[int], θ: Params, other: Params
) -> Params:
    """Make other networks of a chunk's θ [seed, …], by a named change, toward `other` [seed, …]."""
    program = where.program(point)
    one = jax.tree.map(lambda number: number.reshape(()), numbers([point]))  # a student's own, too
    return changed(program, CHANGES[name], one, where.seeds(chunk), θ, other)


def imitate(
    students: Sequence[tuple[Point, Member]],
    where: Place,
    chunk: Sequence[int],
    θ_T: Params,
    measures: Sequence[str] = (),
    progress: Progress = lambda steps: None,
    θ_0: Params | None = None,
    θ_T0: Params | None = None,
    beside: Mapping[str, Params] = {},
    axis: tuple[Params, Params, Params] | None = None,
) -> tuple[Params, Record]:
    """Train students of a chunk of seeds, each a member at a point, all in one program.

    Their points may differ in each student's own numbers and masks; of the rest the first counts,
    so that all students of a seed have the same teacher and see the same inputs.

    Args:
      students: k of them.
      θ_T: their teacher's parameters [seed, …].
      θ_0: where they start [seed, …], if it was not drawn for the seed.
      θ_T0: where their teacher started, if that is another.
      beside: of base and control [seed, …], if the channel asks for their answers.
      axis: as of `learn_labels`.

    Returns their θ [seed, k, …] and record [seed, k, moment], on the host.

    """
    points = [point for point, _ in students]
    learns = students[0][1].learns
    hidden = isinstance(learns, Imitation) and learns.logits == HIDDEN
    seen = {of.learns.seen(at) for at, of in students if isinstance(of.learns, Imitation)}
    assert len(seen) <= 1, "students of one channel see the same logits"
    common = (
        where.program(points[0], measures)._replace(hidden=hidden),
        numbers(points),
        roles.roles(where.classes, students),
        where.data,
    )
    seeds = where.seeds(chunk)
    channel, along = channels.channel(points[0]), points[0].setup.removed == "displacement"
    if θ_T0 is None and (measures or along):
        θ_T0 = initial(points[0], where, chunk) if θ_0 is None else θ_0
    noisy = any(point.hyper.init_noise for point in points)
    of = seeds, θ_T, starts(points[0], where, chunk, θ_0), dict(beside), channel
    shown, state = begin_students(*common, *of, θ_T0 if along else None, noisy=noisy)
    del of  # the starts, which students have copies of
    origin = None
    if measures:  # which may ask for it; to the last bit, so that what has not moved is seen to
        origin = Origin(_start(state), (θ_T, θ_T0), axis)
    segment = partial(distill, *common, seeds, shown, origin)
    times = moments(points[0].setup, len(where.data.x_train))[1]
    state, record = _measured(segment, state, times, progress, len(chunk) * len(students))
    return state.model.θ, record


class Origin(NamedTuple):
    """Where networks come from: their start, their teacher's θ and start, and an axis (Moment)."""

    start: Params
    teacher: tuple[Params, Params] | None = None
    axis: tuple[Params, Params, Params] | None = None


def numbers(points: Sequence[Point]) -> Hyper:
    """Lay out numbers of k points as arrays: each student's own [k], the others of the first."""
    each = [counted(*point) for point in points]

    def array(name: str) -> np.ndarray:
        values = [getattr(hyper, name) for hyper in each]
        kind = np.int32 if isinstance(values[0], int) else np.float32
        return np.asarray(values if getattr(OWN, name) == 0 else values[0], kind)

    return jax.device_put(Hyper(**{name: array(name) for name in declared(Hyper)}))  # all at once


def _measured(
    segment: Callable, state: State, times: Sequence[int], progress: Progress, many: int
) -> tuple[State, Record]:
    """Take the steps between the moments, and stack what is measured at each of them."""
    records = []
    for start, stop in zip([0, *times], times, strict=False):
        state, record = segment(state=state, bounds=(start, stop))
        records.append(jax.device_get(record))  # waits: progress is of what has been done
        progress((stop - start) * many)
    stacked = jax.tree.map(lambda *values: np.stack(values, axis=-1), *records)
    beyond = blown_up(stacked["loss"], stacked["loss"][..., :1])
    return state, stacked | {"diverged": stacked["diverged"] | beyond}


def blown_up(loss: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Tell whether losses that are finite have diverged, by those of the untrained networks."""
    return loss > BLOWN_UP * np.maximum(first, 1)


def _start(state: State) -> Params:
    """Make the state of networks before their first step; training gives its memory away."""
    return jax.tree.map(jnp.copy, state.model.θ)


@partial(compiled, static_argnames=("make", "setup", "d_in", "classes", "mesh"))
def _draw(
    make: Callable[..., Network],
    setup: Setup,
    d_in: int,
    classes: int,
    mesh: Mesh,
    scale: Float[Array, ""],
    purpose: Int[Array, ""],
    seeds: Int[Array, " s"],
) -> Params:
    """Draw each seed's θ for a purpose.

    A program of its own, for all that begin anywhere: of a program's draws compiling takes longer
    than of its steps.
    """
    net = make(setup, d_in, classes)

    def one(scale: Float[Array, ""], purpose: Int[Array, ""], seed: Int[Array, ""]) -> Params:
        return jax.tree.map(lambda leaf: scale * leaf, net.init(key(seed, purpose)))

    return of_each(one, mesh, scale, purpose)(seeds)


@_jit
def begin_teachers(
    program: Program, hyper: Hyper, data: Data, seeds: Int[Array, " s"], start: Params
) -> State:
    """Set teachers up where they start."""

    def one(hyper: Hyper, data: Data, seed: Int[Array, ""], start: Params) -> State:
        lesson = program.lesson(program.network(data), hyper, data, seed)
        return steps.begin(lesson, start)

    return of_each(one, program.mesh, hyper, data)(seeds, start)


@partial(_jit, donate_argnames="state")
def teach(
    program: Program,
    hyper: Hyper,
    data: Data,
    seeds: Int[Array, " s"],
    origin: Origin | None,
    state: State,
    bounds: Bounds,
) -> tuple[State, Record]:
    """Take a segment of steps with each teacher, then measure it."""

    def one(
        hyper: Hyper,
        data: Data,
        bounds: Bounds,
        seed: Int[Array, ""],
        origin: Origin | None,
        state: State,
    ) -> tuple[State, Record]:
        net = program.network(data)
        lesson = program.lesson(net, hyper, data, seed)
        return _segment(program, lesson, net, hyper, data, state, bounds, origin)

    return of_each(one, program.mesh, hyper, data, bounds)(seeds, origin, state)


@partial(compiled, static_argnames=("program", "change"))
def changed(
    program: Program,
    change: Callable[..., Params],
    hyper: Hyper,
    seeds: Int[Array, " s"],
    θ: Params,
    other: Params,
) -> Params:
    """Change each seed's network."""

    def one(hyper: Hyper, seed: Int[Array, ""], θ: Params, other: Params) -> Params:
        return change(θ, other, key(seed, Purpose.CHANGE), hyper)

    return of_each(one, program.mesh, hyper)(seeds, θ, other)


@partial(compiled, static_argnames=("program", "channel", "noisy"))
def begin_students(
    program: Program,
    hyper: Hyper,
    role: Role,
    data: Data,
    seeds: Int[Array, " s"],
    θ_T: Params,
    starts: tuple[Params, Params],
    beside: dict[str, Params] | None = None,
    channel: Channel | None = None,
    θ_T0: Params | None = None,
    *,
    noisy: bool = False,
) -> tuple[Shown, State]:
    """Take the teachers' logits on all distillation inputs, once, and set students up to start.

    noisy: whether noise is added to the start of any.
    """

    def one(
        hyper: Hyper,
        role: Role,
        data: Data,
        seed: Int[Array, ""],
        θ_T: Params,
        starts: tuple[Params, Params],
        beside: dict[str, Params] | None,
        θ_T0: Params | None,
    ) -> tuple[Shown, State]:
        setup, x = program.setup, data.x_train
        of = setup, hyper, program.network(data), seed, x
        answer = partial(steps.targets, *of, hidden=program.hidden)
        shown = Shown(answer(θ_T))
        if channel is not None:  # one for all students of a seed, who see the same logits
            asked = {who: answer(θ) for who, θ in (beside or {}).items()}
            more = [who for who in asked if who.startswith("untaught")]
            teacher, base, control, *more = (
                asked.get(who, shown.targets)[: setup.noise_images]
                for who in ("teacher", "base", "control", *more)
            )
            answers = Answers(
                teacher,
                base,
                jnp.stack([control, *more]),
                role.visible[0],
                program.classes,
                hyper.target,
                hyper,
                another(key(seed, Purpose.ANSWERS), hyper.draw),
            )
            shown = Shown(*channels.passed_on(channel, answers))
        if θ_T0 is not None:
            shown = shown._replace(displacement=sub(θ_T, θ_T0))
        key_noise = another(key(seed, Purpose.INIT_NOISE), hyper.draw) if noisy else None
        net, hidden = program.network(data, student=True), program.hidden

        def student(hyper: Hyper, role: Role) -> State:
            lesson = steps.of_logits(setup, hyper, net, role, seed, data, shown, hidden=hidden)
            lesson = program.accounted(lesson, program.exact(data, student=True), hyper, data)
            return steps.begin(lesson, roles.start(role, hyper.init_noise, starts, key_noise))

        return shown, jax.vmap(student, (OWN, 0), _STUDENTS)(hyper, role)

    return of_each(one, program.mesh, hyper, role, data)(seeds, θ_T, starts, beside, θ_T0)


@partial(_jit, donate_argnames="state")
def distill(
    program: Program,
    hyper: Hyper,
    role: Role,
    data: Data,
    seeds: Int[Array, " s"],
    shown: Shown,
    origin: Origin | None,
    state: State,
    bounds: Bounds,
) -> tuple[State, Record]:
    """Take a segment of steps with each student of each seed, then measure it."""

    def one(
        hyper: Hyper,
        role: Role,
        data: Data,
        bounds: Bounds,
        seed: Int[Array, ""],
        shown: Shown,
        origin: Origin | None,
        state: State,
    ) -> tuple[State, Record]:
        net = program.network(data, student=True)
        start = None if origin is None else origin.start

        def student(
            hyper: Hyper, role: Role, start: Params | None, state: State
        ) -> tuple[State, Record]:
            own = None if origin is None else origin._replace(start=start)
            of = program.setup, hyper, net, role, seed, data, shown
            lesson = steps.of_logits(*of, hidden=program.hidden)
            lesson = program.accounted(lesson, program.exact(data, student=True), hyper, data)
            inputs = steps.held_out(*of[:2], seed, data.x_train)
            unseen = inputs, steps.imitation(*of[:2], role), role.visible
            common = program, lesson, net, hyper, data, state, bounds, own
            return _segment(*common, shown.left, unseen)

        each = jax.vmap(student, (OWN, 0, 0, _STUDENTS), (_STUDENTS, 0))
        return each(hyper, role, start, state)

    common = hyper, role, data, bounds
    return of_each(one, program.mesh, *common)(seeds, shown, origin, state)


def of_each(one: Callable, mesh: Mesh, *common: Any) -> Callable:
    """Make of `one`, of what all seeds have in common and of one seed, a function of many seeds.

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
    program: Program,
    lesson: Lesson,
    net: Network,
    hyper: Hyper,
    data: Data,
    state: State,
    bounds: Bounds,
    origin: Origin | None,
    left: Left | None = None,
    unseen: tuple[Array, Callable, Array] | tuple[None, None, None] = (None, None, None),
) -> tuple[State, Record]:
    state = steps.advance(lesson, net, state, *bounds)
    θ, exact = state.model.θ, program.exact(data, student=unseen[1] is not None)
    at = Moment(
        net,
        θ,
        data,
        cache(partial(steps.loss_now, lesson, net, θ, jnp.maximum(bounds[1] - 1, 0))),
        state.model.diverged,
        *(origin or (None, None, None)),
        (program.trait, hyper.target),
        left,
        TRAITS.get(program.setup.skill),
        program.L_T(exact, hyper, data),
        cache(partial(steps.propose, lesson, net, state, bounds[1])),
        state.model.account,
        *unseen,
        exact,
    )
    return state, {name: measure.of(at) for name, measure in program.measures}
