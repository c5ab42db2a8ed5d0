"""Which networks of a family are missing, at the points of a grid, and in what order to train them.

Seeds by the chunk, a teacher once for each, students of one program side by side.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from sim.engine import chunks, machine, programs
from sim.model import data
from sim.model.networks import Params
from sim.runs.records import Records, Wanted
from sim.settings.experiments import Common, Networks
from sim.settings.grid import Point
from sim.settings.lengths import moments
from sim.training.families import Family, Imitation, key
from sim.training.measures import ALWAYS

Progress = Callable[[float, float], None]  # told the work done and the whole, in network steps


class Network(NamedTuple):
    """A member of the family at a point; its key names its origin."""

    key: str
    name: str
    point: Point


class Job(NamedTuple):
    """Networks that are computed together for a chunk of seeds: one, or students side by side."""

    seeds: tuple[int, ...]
    networks: tuple[Network, ...]


class Schedule:
    """The networks of a family at some points, for some seeds: what is there, and what is not."""

    def __init__(
        self, family: Family, points: Sequence[Point], task: data.Task, records: Records,
        common: Common, wanted: Networks, given: Mapping[str, tuple[str, Params]],
        chunk: int | None = None,
    ) -> None:  # fmt: skip
        self.family, self.records, self.given = family, records, given
        self.common, self.wanted, self.measures = common, wanted, (*ALWAYS, *wanted.measure)
        self._tasks: dict[int | None, data.Task] = {None: task}
        digests = {name: digest for name, (digest, _) in given.items()}
        names = [name for name in family if not isinstance(family[name].learns, Imitation)]
        self.networks = {
            name: [Network(key(family, name, p, self._images(p), digests), name, p) for p in points]
            for name in (*names, *wanted.models)
        }
        # Of each teacher, as wide as its students need it, the students by program.
        self._served: dict[str, dict[Point, dict[str, Network]]] = {}
        self._teachers: dict[str, Network] = {}
        self._place = {
            n.key: i for name in wanted.models for i, n in enumerate(self.networks[name])
        }
        for i in range(len(points)):
            for student in (self.networks[name][i] for name in wanted.models):
                teacher = self._teacher_of(student)
                self._teachers.setdefault(_file(teacher), teacher)
                programs_ = self._served.setdefault(_file(teacher), {})
                programs_.setdefault(student.point.together, {})[student.key] = student
        groups = [[*g.values()] for programs_ in self._served.values() for g in programs_.values()]
        self.chunk = common.chunk or chunk or min(map(self._seeds_together, groups))

    def task(self, point: Point) -> data.Task:
        """The task at a point: with all of its classes, or the first of them."""
        classes = point.setup.classes
        if classes not in self._tasks:
            self._tasks[classes] = data.first_classes(self._tasks[None], classes)
        return self._tasks[classes]

    def times(self, network: Network) -> list[int]:
        """Steps after which a network is measured."""
        teacher, student = moments(network.point.setup, self._images(network.point))
        if isinstance(self.family[network.name].learns, Imitation):
            return student
        return teacher if self._learns(network) else [0]

    def wants(self, network: Network) -> Wanted:
        """What a network's record must have."""
        return Wanted(self.measures, tuple(self.times(network)), self.common.chunk)

    def saved(self) -> tuple[int, int]:
        """Count the (point, seed) pairs of which everything is kept, and all of them."""
        seeds = {*range(self.common.seeds)}
        there = (
            seeds.intersection(*(self.records.kept(n.key, self.wants(n)) for n in of_point))
            for of_point in zip(*self.networks.values(), strict=True)
        )
        counts = [len(of_point) for of_point in there]
        return sum(counts), len(seeds) * len(counts)

    def take(self, network: Network, seeds: Sequence[int]) -> xr.Dataset:
        """Take the record of a network over seeds, which must be there."""
        return self.records.take(network.key, seeds, self.wants(network))

    def jobs(self) -> list[Job]:
        """List what is missing, in the order of computing: teachers, chunks of seeds, blocks."""
        found: list[Job] = []
        measured: set[tuple[str, int]] = set()  # by the jobs so far
        for file, teacher in self._teachers.items():
            groups = [[*group.values()] for group in self._served[file].values()]
            alone = [n for n in (teacher, self._start(teacher)) if n]
            missing = {
                n.key: {*range(self.common.seeds)} - self.records.seeds(n.key, self.wants(n))
                for n in (*alone, *(n for group in groups for n in group))
            }
            for n in alone:
                missing[n.key] -= {seed for key, seed in measured if key == n.key}
            seeds = sorted(set().union(*missing.values()))
            for i in range(0, len(seeds), self.chunk):
                some = seeds[i : i + self.chunk]
                # Filled up, here and below: another number would be another program.
                some += range(some[-1] + 1, some[-1] + 1 + self.chunk - len(some))
                lacks = {key for key, of in missing.items() if of & {*some}}
                blocks = [block for group in groups for block in self._blocks(group, lacks)]
                first = [n for n in alone if n.key in lacks]
                if self._learns(teacher):  # which measures its start as well
                    kept = all(self.records.store.has_params(file, seed) for seed in some)
                    first = [teacher] if first or (blocks and not kept) else []
                    measured |= {(n.key, seed) for n in alone for seed in some if first}
                found += [Job(tuple(some), block) for block in [*zip(first, strict=True), *blocks]]
        return found

    def compute(self, progress: Progress) -> None:
        """Train and measure what is missing, and keep it as it comes."""
        jobs = self.jobs()
        done, whole = 0.0, sum(self.work(job) for job in jobs)

        def tell(more: float) -> None:
            nonlocal done
            progress(done := done + more, whole)

        tell(0)
        where, task, held = None, None, {}
        for job in jobs:
            first = job.networks[0]
            if (needed := self.task(first.point)) is not task:
                where, task = programs.place(needed, self.chunk), needed
            if not isinstance(self.family[first.name].learns, Imitation):
                held.clear()  # its memory is free before the next are trained
                held[_file(first), job.seeds] = self._alone(first, where, job.seeds, tell)
                continue
            teacher = self._teacher_of(first)
            if (at := (_file(teacher), job.seeds)) not in held:
                held.clear()
                held[at] = self._params(teacher, where, job.seeds)
            self._students(job, where, held[at], tell)

    def work(self, job: Job) -> int:
        """Count the steps of single networks that a job takes."""
        return len(job.seeds) * sum(self.times(network)[-1] for network in job.networks)

    def _alone(
        self, network: Network, where: programs.Place, seeds: Sequence[int], tell: Callable
    ) -> Params:
        """Train a network on labels, or measure it as it is. Returns θ [seed, …]."""
        point, more = network.point, self.wanted.measure
        given = None if self._learns(network) else self._params(network, where, seeds)
        θ, record = programs.learn_labels(point, where, seeds, more, tell, given)
        record = jax.tree.map(lambda values: values[:, None], record)
        self._keep(seeds, (network,), record)
        if given is None:
            if start := self._start(network):  # it was this before its first step
                self._keep(seeds, (start,), jax.tree.map(lambda v: v[..., :1], record))
            if self.wanted.keep != "records":
                self.records.store.put_params(_file(network), seeds, θ)
        return θ

    def _students(self, job: Job, where: programs.Place, θ_T: Params, tell: Callable) -> None:
        """Train students side by side."""
        students = [(n.point, self.family[n.name]) for n in job.networks]
        θ_0 = self._given("reference", where, job.seeds)
        θ, record = programs.imitate(
            students, where, job.seeds, θ_T, self.wanted.measure, tell, θ_0
        )
        self._keep(job.seeds, job.networks, record)
        if self.wanted.keep == "params":
            for i, network in enumerate(dict.fromkeys(job.networks)):
                one = jax.tree.map(lambda leaf, i=i: leaf[:, i], θ)
                self.records.store.put_params(_file(network), job.seeds, one)

    def _keep(self, seeds: Sequence[int], networks: Sequence[Network], record: Any) -> None:
        origins = {n.key: {"member": n.name, "settings": n.point.values} for n in networks}
        times, keys = self.times(networks[0]), [n.key for n in networks]
        self.records.put(keys, seeds, times, record, self.chunk, origins)

    def _params(self, network: Network, where: programs.Place, seeds: Sequence[int]) -> Params:
        """θ [seed, …] of a network that is not trained now: given, untrained, or kept."""
        if (θ := self._given(network.name, where, seeds)) is not None:
            return θ
        if self.family[network.name].learns is None:
            return programs.initial(network.point, where, seeds)
        each = [self.records.store.params(_file(network), seed) for seed in seeds]
        if None in each:  # damaged since the jobs were listed
            return self._alone(network, where, seeds, lambda steps: None)
        return where.spread(jax.tree.map(lambda *leaves: np.stack(leaves), *each))

    def _given(self, name: str, where: programs.Place, seeds: Sequence[int]) -> Params | None:
        """Parameters that were handed in, for each of some seeds alike."""
        if name not in self.given:
            return None
        _, θ = self.given[name]
        return where.spread(jax.tree.map(lambda leaf: np.stack([leaf] * len(seeds)), θ))

    def _learns(self, network: Network) -> bool:
        return self.family[network.name].learns is not None and network.name not in self.given

    def _teacher_of(self, student: Network) -> Network:
        return self.networks[self.family[student.name].learns.teacher][self._place[student.key]]

    def _start(self, network: Network) -> Network | None:
        """The member that a network starts from, if it is one."""
        start = self.family[network.name].start
        place = next(i for i, n in enumerate(self.networks[network.name]) if n.key == network.key)
        return self.networks[start][place] if start in self.networks else None

    def _images(self, point: Point) -> int:
        return len(self.task(point).x_train)

    def _seeds_together(self, group: Sequence[Network]) -> int:
        point, common = group[0].point, self.common
        size = common.seeds, common.memory, self._block(group)
        return chunks.chunk_size(point.setup, self.task(point), *size)

    def _blocks(self, group: Sequence[Network], lacks: set[str]) -> Iterator[tuple[Network, ...]]:
        """Split what is missing of a group in blocks of one size, the last filled up."""
        missing, size = [n for n in group if n.key in lacks], self._block(group)
        for i in range(0, len(missing), size):
            block = missing[i : i + size]
            yield (*block, *block[-1:] * (size - len(block)))

    def _block(self, group: Sequence[Network]) -> int:
        """Choose how many students to train side by side: as run fast, with little filling up."""
        point, models = group[0].point, len({n.name for n in group})
        points, task = -(-len(group) // models), self.task(point)
        bytes_ = machine.budget(self.common.memory)
        fit = int(bytes_ / chunks.seed_bytes(point.setup, task, models))
        most = max(1, min(chunks.together(point.setup) // models, fit))
        return models * -(-points // -(-points // most))


def _file(network: Network) -> str:
    """Name the parameters of a network: its key, and how wide its auxiliary head is made."""
    return f"{network.key}-{network.point.setup.aux}"
