"""What parts of a student's state are worth in the end, and what a transplant of them makes of it.

One seed at a time: going back through a training needs the state at the start of each segment.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sim.engine import programs
from sim.engine.programs import Place, Program
from sim.model.data import Data
from sim.model.networks import Params
from sim.settings.grid import Point
from sim.settings.lengths import steps as lengths
from sim.settings.setup import Hyper
from sim.training import roles, steps
from sim.training.families import Member
from sim.training.roles import Role
from sim.training.steps import Lesson, Shown, State
from theory import ledger

PARTS = ("parameters", "first moment", "second moment", "all")
TINY = 1e-30  # beside v, whose root has no derivative at 0


class Surgery(NamedTuple):
    """Of one student, the receiver, and another, the donor, at cuts [c]; in nats.

    end: L_T of the receiver after training, untouched. batches: ∂L_T(end)/∂w_t of each step [T].
    predicted, measured: change of L_T(end) if the donor's part takes the place of the receiver's at
    a cut, by eq. (17) of `theory.ledger` and by going on from there, for each of PARTS [c, part].
    at_once: the change of L_T at the cut itself.
    """

    end: float
    batches: Float[np.ndarray, " T"]
    predicted: Float[np.ndarray, "c part"]
    measured: Float[np.ndarray, "c part"]
    at_once: Float[np.ndarray, "c part"]


def segments(count: int) -> int:
    """Choose how many segments to go back through: about as many as steps in each."""
    return max(1, round(count**0.5))


def cuts(count: int, many: int) -> list[int]:
    """Choose the segments at whose start the cuts are made; never the first, where nothing is."""
    return np.unique(np.linspace(1, segments(count) - 1, many).round().astype(int)).tolist()


def operate(
    point: Point,
    member: Member,
    where: Place,
    seed: int,
    teachers: tuple[Params, Params],
    θ_0: Params | None,
    many: int,
) -> tuple[Surgery, Surgery]:
    """Transplant between the students of two teachers, from one start, both ways.

    Args:
      teachers: θ_T of the student's and of the control's, [1, …] as a chunk of one seed.
      θ_0: where both start [1, …], if it is not drawn for the seed.
      many: how many cuts.

    Returns what the student is after receiving from the control, and the reverse.

    """
    count = lengths(point.setup, len(where.data.x_train))["student"]
    program = where.program(point)
    common = program, programs.numbers([point]), roles.roles(where.classes, [(point, member)])
    seeds = where.seeds([seed])
    starts, noisy = programs.starts(point, where, [seed], θ_0), point.hyper.init_noise > 0
    begun = [
        programs.begin_students(*common, where.data, seeds, θ_T, starts, noisy=noisy)
        for θ_T in teachers
    ]
    of = *common, where.data, seeds[0], count
    found = [_priced(*of, *one) for one in begun]
    (first, second), both = found, []
    for mine, other, one in ((first, second, begun[0]), (second, first, begun[1])):
        rows = [_transplanted(of, one, mine, other, k) for k in cuts(count, many)]
        predicted, measured, at_once = (np.stack(column) for column in zip(*rows, strict=True))
        end = float(mine.end)
        both.append(Surgery(end, np.asarray(mine.batches), predicted, measured - end, at_once))
    return both[0], both[1]


def _transplanted(
    of: tuple, begun: tuple[Shown, State], mine: ledger.Prices, other: ledger.Prices, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put each of the donor's parts in the receiver's place at a cut, and go on."""
    count, shown = of[-1], begun[0]
    here, there = (jax.tree.map(lambda a: a[k], one.states) for one in (mine, other))
    a, b = ledger.floating(here), ledger.floating(there)
    of_part = len(jax.tree.leaves(here.model.θ))
    start = k * -(-count // segments(count))
    loss = partial(_loss, of[0], of[1], of[3])
    before = loss(here)
    predicted, measured, at_once = [], [], []
    for part in range(len(PARTS)):
        whole = PARTS[part] == "all"
        places = range(len(a)) if whole else range(part * of_part, (part + 1) * of_part)
        shift = [b[i] - a[i] if i in places else jnp.zeros_like(a[i]) for i in range(len(a))]
        predicted.append(sum(np.vdot(λ[k], d) for λ, d in zip(mine.λ, shift, strict=True)))
        state = ledger.moved(here, shift)
        measured.append(_gone_on(*of[:-1], shown, state, start, count))
        at_once.append(loss(state) - before)
    return np.asarray(predicted), np.asarray(measured), np.asarray(at_once)


def _lesson(
    program: Program, hyper: Hyper, role: Role, data: Data, seed: Int[Array, ""], shown: Shown
) -> tuple[Lesson, Any, Hyper]:
    """Make the one student's lesson, by products and a root that can be differentiated twice."""
    net, one = program.exact(data, student=True), _one(hyper)
    role = jax.tree.map(lambda mask: mask[0], role)
    lesson = steps.of_logits(program.setup, one, net, role, seed, data, shown)
    adam = steps.optimizer(program.setup, one, one.student_lr, root=TINY)
    return lesson._replace(optimizer=adam), net, one


@partial(jax.jit, static_argnames=("program", "count"))
def _priced(
    program: Program,
    hyper: Hyper,
    role: Role,
    data: Data,
    seed: Int[Array, ""],
    count: int,
    shown: Shown,
    state: State,
) -> ledger.Prices:
    """Train one student, and go back through its training."""
    lesson, net, one = _lesson(program, hyper, role, data, seed, _first(shown))
    L_T = program.L_T(net, one, data)

    def step(s: State, t: Array, w: Array) -> State:
        return steps.take(lesson, s, steps.propose(lesson, net, s, t, w))

    begun = State(jax.tree.map(lambda a: a[0, 0], state.model), state.order[0])
    return ledger.prices(step, lambda s: L_T(s.model.θ), begun, count, segments(count))


@partial(jax.jit, static_argnames="program")
def _gone_on(
    program: Program,
    hyper: Hyper,
    role: Role,
    data: Data,
    seed: Int[Array, ""],
    shown: Shown,
    state: State,
    start: int,
    stop: int,
) -> Float[Array, ""]:
    """Go on from a state, and give L_T in the end."""
    lesson, net, one = _lesson(program, hyper, role, data, seed, _first(shown))
    state = steps.advance(lesson, net, state, start, stop)
    return program.L_T(net, one, data)(state.model.θ)


@partial(jax.jit, static_argnames="program")
def _loss(program: Program, hyper: Hyper, data: Data, state: State) -> Float[Array, ""]:
    net = program.exact(data, student=True)
    return program.L_T(net, _one(hyper), data)(state.model.θ)


def _one(hyper: Hyper) -> Hyper:
    """Take the numbers of the one student that there is."""
    return jax.tree.map(lambda number: number.reshape(()), hyper)


def _first(shown: Shown) -> Shown:
    return jax.tree.map(lambda a: a[0], shown)
