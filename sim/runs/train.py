"""Training what is missing: jobs to programs, and what they give to the store."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from sim.engine import programs
from sim.model.keys import Purpose
from sim.model.networks import Params
from sim.runs import cluster
from sim.runs.schedule import Job, Network, Schedule
from sim.training.families import OTHER_INIT, Change, Imitation, Labels

Progress = Callable[[float, float], None]  # told the work done and the whole, in network steps


def train(schedule: Schedule, progress: Progress, jobs: Sequence[Job] | None = None) -> None:
    """Train and measure the networks that are missing, and keep what is measured as it comes.

    jobs: these alone, unless all; parameters that they need are made when they are asked for.
    """
    jobs = schedule.jobs() if jobs is None else jobs
    client = cluster.CLIENT.get()
    done, whole = 0.0, sum(map(schedule.work, jobs))

    def tell(more: float) -> None:
        nonlocal done
        progress(done := done + more, whole)

    tell(0)
    if client is not None:
        cluster.train(schedule, tell, jobs, client)
        return
    task, here, last = None, None, _last_use(schedule, jobs)
    for i, job in enumerate(jobs):
        if (needed := schedule.task(job.networks[0].point)) is not task:
            here, task = _Here(schedule, programs.place(needed, schedule.chunk), tell), needed
        here.take(job)
        here.held = {file: θ for file, θ in here.held.items() if last.get((job.seeds, file), 0) > i}


def _last_use(schedule: Schedule, jobs: Sequence[Job]) -> dict[tuple[tuple[int, ...], str], int]:
    """Find which job is the last to need parameters, by seeds and file."""
    return {
        (job.seeds, one.file): i
        for i, job in enumerate(jobs)
        for network in job.networks
        for one in (network, *schedule.parents(network))
    }


def train_chunk(
    schedule: Schedule,
    jobs: Sequence[Job],
    held: dict[str, Params],
    gives: Iterable[str],
    tell: Callable[[float], None],
) -> dict[str, Params]:
    """Compute jobs of one chunk of seeds from parameters that are given, and give some back.

    tell: hears of steps as they are done.
    """
    made = dict(held)
    for job in jobs:
        task = schedule.task(job.networks[0].point)
        here = _Here(schedule, placed(task, schedule.chunk), tell)
        parents = {one.file for network in job.networks for one in schedule.parents(network)}
        here.seeds = job.seeds
        here.held = {file: here.where.spread(made[file]) for file in parents & made.keys()}
        here.take(job)
        made |= here.held
    return {file: jax.device_get(made[file]) for file in gives}


def placed(task: Any, chunk: int) -> programs.Place:
    """Put a task on the devices of this process once, for all that is computed of it."""
    at = task.digest, task.classes, chunk
    if at not in _PLACES:
        _PLACES.clear()
        _PLACES[at] = programs.place(task, chunk)
    return _PLACES[at]


_PLACES: dict[Any, programs.Place] = {}


class _Here:
    """Networks of one task, on its devices; the parameters that later jobs need."""

    def __init__(self, schedule: Schedule, where: programs.Place, tell: Callable) -> None:
        self.schedule, self.where, self.tell = schedule, where, tell
        self.store, self.wanted = schedule.records.store, schedule.wanted
        self.held: dict[str, Params] = {}  # by file, of the chunk that is being computed
        self.seeds: tuple[int, ...] = ()
        every = [network for group in schedule.groups for network in group]
        self.parents = {one.file for network in every for one in schedule.parents(network)}

    def take(self, job: Job) -> None:
        """Train the networks of a job, or measure what is not trained."""
        if self.seeds != job.seeds:
            self.held, self.seeds = {}, job.seeds
        network = job.networks[0]
        if network.imitates:
            self._students(job)
        else:
            self._alone(network, job.seeds, trains=job.trains)

    def _alone(self, network: Network, seeds: Sequence[int], *, trains: bool) -> None:
        """Train a network on labels or images, change it, or measure it as it is."""
        lesson = network.learns
        learns = trains and network.trained
        if learns:
            shared = self.schedule.shared(network)
            begin = shared and self._params(shared, network, seeds)
        elif isinstance(lesson, Change) and trains:
            begin = self._changed(network, lesson, seeds)
        else:
            begin = self._params(self.schedule.source(network), network, seeds)
        measured = partial(
            programs.learn_labels,
            network.point,
            self.where,
            seeds,
            self.schedule.extra,
            self.tell,
            lesson=lesson if network.trained else Labels(),
            learns=learns,
            axis=self._axis(network, seeds),
        )
        θ, record = measured(begin)
        if network.trained and not learns:  # that it blew up is seen beside the loss of its start
            _, first = measured(self._params(self.schedule.begin(network), network, seeds))
            record["diverged"] |= programs.blown_up(record["loss"], first["loss"])
        record = jax.tree.map(lambda values: values[:, None], record)
        times = self.schedule.times(network)
        self._keep(seeds, (network,), times if learns else times[-1:], record)
        if learns and (before := self.schedule.before(network)):
            first = jax.tree.map(lambda values: values[..., :1], record)
            self._keep(seeds, (before,), [0], first)
            if self.wanted.keep == "params":
                θ_0 = self._params(self.schedule.source(before), before, seeds)
                self.store.put_params(before.file, seeds, θ_0)
        if trains and lesson is not None:
            self._hold(network, seeds, θ)
        elif self.wanted.keep == "params":
            self.store.put_params(network.file, seeds, θ)

    def _changed(self, network: Network, lesson: Change, seeds: Sequence[int]) -> Params:
        """Make the parameters of a network that is another, changed."""
        schedule = self.schedule
        θ = self._params(schedule.begin(network), network, seeds)
        other = θ
        if lesson.other:
            source = schedule.source(schedule.other(network, lesson.other))
            other = self._params(source, network, seeds)
        return programs.change(lesson.name, network.point, self.where, seeds, θ, other)

    def _students(self, job: Job) -> None:
        """Train students side by side."""
        schedule, first, seeds = self.schedule, job.networks[0], job.seeds
        lesson = first.learns
        assert isinstance(lesson, Imitation)
        teacher, shared = schedule.other(first, lesson.teacher), schedule.shared(first)
        asked = schedule.extra or first.point.setup.removed == "displacement"
        students = [(n.point, schedule.family[n.name]) for n in job.networks]
        θ, record = programs.imitate(
            students,
            self.where,
            seeds,
            self._params(schedule.source(teacher), teacher, seeds),
            schedule.extra,
            self.tell,
            shared and self._params(shared, first, seeds),
            self._params(schedule.begin(teacher), teacher, seeds) if asked else None,
            {
                role: self._params(schedule.source(other), other, seeds)
                for role, other in schedule.beside(first).items()
            },
            self._axis(first, seeds),
        )
        self._keep(seeds, job.networks, schedule.times(first), record)
        for i, network in enumerate(dict.fromkeys(job.networks)):
            if self.wanted.keep == "params" or network.file in self.parents:
                self._hold(network, seeds, jax.tree.map(lambda leaf, i=i: leaf[:, i], θ))

    def _axis(self, network: Network, seeds: Sequence[int]) -> tuple[Params, ...] | None:
        """Get what a network is measured along, if that is asked for."""
        of = [self._params(one, network, seeds) for one in self.schedule.axis(network)]
        return tuple(of) or None

    def _hold(self, network: Network, seeds: Sequence[int], θ: Params) -> None:
        """Hold parameters for later jobs, and keep those that others may need."""
        self.held[network.file] = θ
        if self.wanted.keep != "records":
            self.store.put_params(network.file, seeds, θ)

    def _keep(
        self, seeds: Sequence[int], networks: Sequence[Network], times: Sequence[int], record: Any
    ) -> None:
        origins = {n.key: {"member": n.name, "settings": n.point.values} for n in networks}
        keys = [n.key for n in networks]
        self.schedule.records.put(keys, seeds, times, record, self.schedule.chunk, origins)

    def _params(self, source: Network | str, asking: Network, seeds: Sequence[int]) -> Params:
        """Get θ [seed, …]: drawn, as wide as who asks; handed in, held, kept; or made now."""
        if isinstance(source, str):
            purpose = Purpose.OTHER_INIT if source == OTHER_INIT else Purpose.INIT
            return programs.initial(asking.point, self.where, seeds, purpose)
        if source.name in self.schedule.given:
            _, θ = self.schedule.given[source.name]
            return self.where.spread(jax.tree.map(lambda leaf: np.stack([leaf] * len(seeds)), θ))
        if source.file in self.held:
            return self.held[source.file]
        each = [self.store.params(source.file, seed) for seed in seeds]
        if any(θ is None for θ in each):  # a file that was there is gone or damaged
            self.take(Job(tuple(seeds), (source,)))
            return self.held[source.file]
        θ = self.where.spread(jax.tree.map(lambda *leaves: np.stack(leaves), *each))
        self.held[source.file] = θ
        return θ
