"""Which networks of a family are missing, at the points of a grid, and in what order to train them.

Seeds by the chunk, a teacher once for each, students of one program side by side.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import xarray as xr

from sim.engine import chunks, machine
from sim.model import data
from sim.model.networks import Params
from sim.runs.records import Records, Wanted
from sim.settings.experiments import Common, Networks
from sim.settings.grid import Point
from sim.settings.lengths import moments
from sim.training.families import Family, Imitation, record
from sim.training.measures import ALWAYS


class Network(NamedTuple):
    """A member of the family at a point; its key names its origin."""

    key: str
    name: str
    point: Point

    @property
    def file(self) -> str:
        """Name of its parameters: its key, and how wide its auxiliary head is made."""
        return f"{self.key}-{self.point.setup.aux}"


class Job(NamedTuple):
    """Networks that are computed together for a chunk of seeds: one, or students side by side."""

    seeds: tuple[int, ...]
    networks: tuple[Network, ...]


class Schedule:
    """The networks of a family at some points, for some seeds: what is there, and what is not."""

    def __init__(
        self,
        family: Family,
        points: Sequence[Point],
        task: data.Task,
        records: Records,
        common: Common,
        wanted: Networks,
        given: Mapping[str, tuple[str, Params]],
        chunk: int | None = None,
    ) -> None:
        self.family, self.records, self.given = family, records, given
        self.common, self.wanted, self.measures = common, wanted, (*ALWAYS, *wanted.measure)
        self._tasks: dict[int | None, data.Task] = {None: task}
        digests = {name: digest for name, (digest, _) in given.items()}
        names = [name for name in family if not isinstance(family[name].learns, Imitation)]
        self.networks = {
            name: [
                Network(record(family, name, p, self._images(p), digests), name, p) for p in points
            ]
            for name in (*names, *wanted.models)
        }
        self._place = {n: i for of in self.networks.values() for i, n in enumerate(of)}
        # Of each teacher, as wide as its students need it, the students by what they share.
        self._teachers: dict[str, Network] = {}
        self._served: dict[str, dict[Any, dict[str, Network]]] = {}
        for i in range(len(points)):
            for name in (*names, *wanted.models):
                network = self.networks[name][i]
                if name in wanted.models:
                    teacher = self.other(network, family[name].learns.teacher)
                    shared = network.point.together, self.shared(name)
                    served = self._served.setdefault(file := teacher.file, {})
                    served.setdefault(shared, {})[network.key] = network
                elif family[name].learns is not None:
                    teacher, file = network, network.file
                else:
                    continue  # measured as what a teacher is before its first step
                self._teachers.setdefault(file, teacher)
        groups = [[*group.values()] for of in self._served.values() for group in of.values()]
        self.chunk = common.chunk or chunk or min(map(self._seeds_together, groups))

    def task(self, point: Point) -> data.Task:
        """Give the task at a point: with all of its classes, or the first of them."""
        classes = point.setup.classes
        if classes not in self._tasks:
            self._tasks[classes] = data.first_classes(self._tasks[None], classes)
        return self._tasks[classes]

    def times(self, network: Network) -> list[int]:
        """Steps after which a network is measured."""
        teacher, student = moments(network.point.setup, self._images(network.point))
        if isinstance(self.family[network.name].learns, Imitation):
            return student
        return teacher if self.learns(network) else [0]

    def wants(self, network: Network) -> Wanted:
        """Say what a network's record must have."""
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

    def learns(self, network: Network) -> bool:
        """Tell whether a network is trained, and was not handed in."""
        return self.family[network.name].learns is not None and network.name not in self.given

    def other(self, network: Network, name: str) -> Network:
        """Another member at the same point."""
        return self.networks[name][self._place[network]]

    def start(self, network: Network) -> Network | None:
        """Find the untrained member that a network was before its first step, if it was one."""
        start = self.family[network.name].start
        untrained = start in self.family and self.family[start].learns is None
        return self.other(network, start) if untrained else None

    def shared(self, name: str) -> str | None:
        """Find the member whose parameters a member starts from, unless drawn for each seed."""
        start = self.family[name].start
        drawn = start not in self.family or (
            self.family[start].learns is None and start not in self.given
        )
        return None if drawn else start

    def work(self, job: Job) -> int:
        """Count the steps of single networks that a job takes."""
        return len(job.seeds) * sum(self.times(network)[-1] for network in job.networks)

    def jobs(self) -> list[Job]:
        """List what is missing, in the order of computing: teachers, chunks of seeds, blocks."""
        found: list[Job] = []
        measured: set[tuple[str, int]] = set()  # by the jobs so far
        for file, teacher in self._teachers.items():
            groups = [[*group.values()] for group in self._served.get(file, {}).values()]
            alone = [n for n in (teacher, self.start(teacher)) if n]
            every = (*alone, *(n for group in groups for n in group))
            missing = {n.key: self._missing(n) for n in every}
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
                if self.learns(teacher):  # which measures its start as well
                    kept = all(self.records.store.has_params(file, seed) for seed in some)
                    first = [teacher] if first or (blocks and not kept) else []
                    measured |= {(n.key, seed) for n in alone for seed in some if first}
                found += [Job(tuple(some), block) for block in [*zip(first, strict=True), *blocks]]
        return found

    def _missing(self, network: Network) -> set[int]:
        """Name the seeds of which a network's record is not there, or parameters to keep."""
        seeds, store = {*range(self.common.seeds)}, self.records.store
        found = seeds - self.records.seeds(network.key, self.wants(network))
        if self.wanted.keep == "params" and store.folder:
            found |= {seed for seed in seeds if not store.has_params(network.file, seed)}
        return found

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
