"""Training what is missing: jobs to programs, and what they give to the store."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from sim.engine import programs
from sim.model.networks import Params
from sim.runs.schedule import Job, Network, Schedule
from sim.training.families import Imitation

Progress = Callable[[float, float], None]  # told the work done and the whole, in network steps


def train(schedule: Schedule, progress: Progress) -> None:
    """Train and measure the networks that are missing, and keep what is measured as it comes."""
    jobs = schedule.jobs()
    done, whole = 0.0, sum(map(schedule.work, jobs))

    def tell(more: float) -> None:
        nonlocal done
        progress(done := done + more, whole)

    tell(0)
    task, here = None, None
    for job in jobs:
        if (needed := schedule.task(job.networks[0].point)) is not task:
            here, task = _Here(schedule, programs.place(needed, schedule.chunk), tell), needed
        here.take(job)


class _Here:
    """Networks of one task, on its devices; the parameters that the next job may need."""

    def __init__(self, schedule: Schedule, where: programs.Place, tell: Callable) -> None:
        self.schedule, self.where, self.tell = schedule, where, tell
        self.store, self.wanted = schedule.records.store, schedule.wanted
        self.held: tuple[Any, Params] | None = None

    def take(self, job: Job) -> Params:
        """Train the networks of a job, or measure what is not trained. Returns θ [seed, …]."""
        network = job.networks[0]
        if isinstance(self.schedule.family[network.name].learns, Imitation):
            return self._students(job)
        self.held = None  # its memory is free before the next are trained
        θ = self._alone(network, job.seeds)
        self.held = (network.file, job.seeds), θ
        return θ

    def _alone(self, network: Network, seeds: Sequence[int]) -> Params:
        """Train a network on labels, or measure it as it is."""
        learns, start = self.schedule.learns(network), self.schedule.start(network)
        begin = self._shared(network, seeds) if learns else self._params(network, seeds)
        θ, record = programs.learn_labels(
            network.point, self.where, seeds, self.wanted.measure, self.tell, begin, learns=learns
        )
        record = jax.tree.map(lambda values: values[:, None], record)
        self._keep(seeds, (network,), record)
        if learns and start:  # it was this before its first step
            self._keep(seeds, (start,), jax.tree.map(lambda values: values[..., :1], record))
        if learns and self.wanted.keep != "records":
            self.store.put_params(network.file, seeds, θ)
        if self.wanted.keep == "params" and (untrained := start if learns else network):
            self.store.put_params(untrained.file, seeds, self._params(untrained, seeds))
        return θ

    def _students(self, job: Job) -> Params:
        """Train students side by side. Returns θ [seed, student, …]."""
        family, first = self.schedule.family, job.networks[0]
        teacher = self.schedule.other(first, family[first.name].learns.teacher)
        if self.held is None or self.held[0] != (teacher.file, job.seeds):
            self.held = None
            self.held = (teacher.file, job.seeds), self._params(teacher, job.seeds)
        students = [(n.point, family[n.name]) for n in job.networks]
        θ, record = programs.imitate(
            students,
            self.where,
            job.seeds,
            self.held[1],
            self.wanted.measure,
            self.tell,
            self._shared(first, job.seeds),
        )
        self._keep(job.seeds, job.networks, record)
        if self.wanted.keep == "params":
            for i, network in enumerate(dict.fromkeys(job.networks)):
                one = jax.tree.map(lambda leaf, i=i: leaf[:, i], θ)
                self.store.put_params(network.file, job.seeds, one)
        return θ

    def _keep(self, seeds: Sequence[int], networks: Sequence[Network], record: Any) -> None:
        origins = {n.key: {"member": n.name, "settings": n.point.values} for n in networks}
        times, keys = self.schedule.times(networks[0]), [n.key for n in networks]
        self.schedule.records.put(keys, seeds, times, record, self.schedule.chunk, origins)

    def _shared(self, network: Network, seeds: Sequence[int]) -> Params | None:
        """Find where a network starts, unless that is drawn for each seed."""
        shared = self.schedule.shared(network.name)
        return shared and self._params(self.schedule.other(network, shared), seeds)

    def _params(self, network: Network, seeds: Sequence[int]) -> Params:
        """Get θ [seed, …] of another network: handed in, untrained, kept; or trained now."""
        if network.name in self.schedule.given:
            _, θ = self.schedule.given[network.name]
            return self.where.spread(jax.tree.map(lambda leaf: np.stack([leaf] * len(seeds)), θ))
        if not self.schedule.learns(network):
            return programs.initial(network.point, self.where, seeds)
        each = [self.store.params(network.file, seed) for seed in seeds]
        if not any(θ is None for θ in each):
            return self.where.spread(jax.tree.map(lambda *leaves: np.stack(leaves), *each))
        θ = _Here(self.schedule, self.where, lambda steps: None).take(Job(tuple(seeds), (network,)))
        student = isinstance(self.schedule.family[network.name].learns, Imitation)
        return jax.tree.map(lambda leaf: leaf[:, 0], θ) if student else θ
