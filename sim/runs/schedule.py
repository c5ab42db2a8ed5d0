"""Which networks of a family are missing, at the points of a grid, and in what order to train them.

Seeds by the chunk, in each chunk ancestors before those who need them, each once, students of one
program side by side.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sim.engine import chunks, machine
from sim.model import data
from sim.model.networks import Params
from sim.runs.records import Record, Records, Wanted
from sim.settings.experiments import Common, Networks
from sim.settings.grid import Point
from sim.settings.lengths import moments
from sim.settings.setup import Setup
from sim.training.families import (
    AXIS,
    HIDDEN,
    INIT,
    OTHER_INIT,
    Change,
    Family,
    Imitation,
    Labels,
    Lesson,
    Names,
    ancestry,
    traits,
)
from sim.training.measures import ALWAYS, MEASURES, MECHANISM, OF_TRAITS

OF_PARAMETERS = {*MEASURES} - {*MECHANISM}  # measures of these alone; of a user's own nobody knows


class Network(NamedTuple):
    """A member of the family at a point, at its own settings.

    key: names what is measured of it. origin: names it. place: of its point among all. learns:
    nothing, if it was handed in.
    """

    key: str
    origin: str
    name: str
    point: Point
    place: int
    learns: Lesson | None

    @property
    def file(self) -> str:
        """Name of its parameters: its origin, and how wide its auxiliary head is made."""
        return f"{self.origin}-{self.point.setup.aux}"

    @property
    def imitates(self) -> bool:
        """Whether it is a student."""
        return isinstance(self.learns, Imitation)

    @property
    def trained(self) -> bool:
        """Whether it takes steps."""
        return not isinstance(self.learns, Change | None)


class Job(NamedTuple):
    """Networks that are computed together for a chunk of seeds: one, or students side by side.

    trains: or they are there, and measured as they are.
    """

    seeds: tuple[int, ...]
    networks: tuple[Network, ...]
    trains: bool = True


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
        seeds: Sequence[int] | None = None,
    ) -> None:
        """Find out what is there. `seeds`: which, unless those that `common` counts."""
        self.family, self.records, self.given = family, records, given
        self.points = points
        self.seeds = common.each_seed if seeds is None else seeds
        self._every = frozenset(self.seeds)
        self.common, self.wanted = common, wanted
        self.traits = traits(family)
        self.extra = (*(OF_TRAITS if self.traits else ()), *wanted.measure)
        self.measures = (*ALWAYS, *self.extra)
        self.whole = task  # with all of its classes
        self._tasks: dict[int | None, data.Task] = {None: task}
        digests = {name: digest for name, (digest, _) in given.items()}
        names = cache(lambda images: Names(family, images, digests))
        projects = "projection" in wanted.measure and {*AXIS} <= {*family}
        self.before_axis = ancestry(family, AXIS) if projects else {*family}
        members = self._members(wanted.models)
        each = (self._networks(members, i, names) for i in range(len(points)))
        self.networks = dict(zip(members, map(list, zip(*each, strict=True)), strict=True))
        self._parents: dict[str, list[Network]] = {}  # by key: the same for all chunks of seeds
        self.groups = self._grouped()
        students = [group for group in self.groups if group[0].imitates]
        self.chunk = common.chunk or chunk or min(map(self._seeds_together, students))

    def _networks(
        self, members: Sequence[str], place: int, names: Callable[[int], Names]
    ) -> list[Network]:
        """Name the networks of members at a point."""
        point, found = self.points[place], []
        of, measured = names(self._images(point)), self._measured(point)
        for name in members:
            member = self.family[name]
            own = measured if (at := member.at(point)) is point else self._measured(at)
            learns = None if name in self.given else member.lesson(own)
            record, key = of.record(name, point), of.key(name, point)
            found.append(Network(record, key, name, own, place, learns))
        return found

    def _measured(self, point: Point) -> Point:
        """Take a point as what is measured has it: where no trait is taught, of the task."""
        if self.traits or point.setup.trait == "accuracy":
            return point
        return Point(_of_the_task(point.setup), point.hyper)

    def task(self, point: Point) -> data.Task:
        """Give the task at a point: with all of its classes, or the first of them."""
        classes = point.setup.classes
        if classes not in self._tasks:
            self._tasks[classes] = data.first_classes(self._tasks[None], classes)
        return self._tasks[classes]

    def times(self, network: Network) -> tuple[int, ...]:
        """Steps after which a network is measured while it is trained."""
        teacher, student = moments(network.point.setup, self._images(network.point))
        if network.imitates:
            return student
        return teacher if network.trained else (0,)

    def wants(self, network: Network) -> Wanted:
        """Say what a network's record must have; of traits, what was measured in the end."""
        times = self.times(network)
        if self.traits and network.point.setup.points == 1:
            times = times[-1:]
        return Wanted(self.measures, times, self.common.chunk)

    def saved(self) -> tuple[int, int]:
        """Count the (point, seed) pairs of which everything is kept, and all of them."""
        seeds = {*self.seeds}
        there = (
            seeds.intersection(*(self.records.kept(n.key, self.wants(n)) for n in of_point))
            for of_point in zip(*self.networks.values(), strict=True)
        )
        counts = [len(of_point) for of_point in there]
        return sum(counts), len(seeds) * len(counts)

    def take(self, network: Network, seeds: Sequence[int]) -> Record:
        """Take the record of a network over seeds, which must be there."""
        return self.records.take(network.key, seeds, self.wants(network))

    def other(self, network: Network, name: str) -> Network:
        """Another member at the same point."""
        return self.networks[name][network.place]

    def source(self, network: Network) -> Network | str:
        """Find whose parameters a network has: its own, or those of what it is untrained."""
        while network.name not in self.given and network.learns is None:
            start = self.family[network.name].start
            if start in (INIT, OTHER_INIT):
                return start
            network = self.other(network, start)
        return network

    def begin(self, network: Network) -> Network | str:
        """Find whose parameters a network starts from; INIT or OTHER_INIT if they are drawn."""
        start = self.family[network.name].start
        return start if start in (INIT, OTHER_INIT) else self.source(self.other(network, start))

    def shared(self, network: Network) -> Network | str | None:
        """Find the same, unless the program that trains it draws them itself."""
        begin, start = self.begin(network), self.family[network.name].start
        drawn = begin == INIT or (start == OTHER_INIT and network.imitates)
        return None if drawn else begin

    def beside(self, network: Network) -> dict[str, Network]:
        """Find the members whose answers a student's channel asks for beside the teacher's."""
        learns = network.learns
        asked = learns.beside(network.point) if isinstance(learns, Imitation) else {}
        return {role: self.other(network, name) for role, name in asked.items()}

    def axis(self, network: Network) -> list[Network | str]:
        """Find the networks of the axis along which others are measured, if that is asked for."""
        if network.name in self.before_axis:
            return []
        sources = [self.source(self.other(network, name)) for name in AXIS]
        return [*sources, self.begin(self.other(network, AXIS[0]))]

    def parents(self, network: Network) -> list[Network]:
        """Name the networks whose parameters must be there before it is trained."""
        if network.key not in self._parents:
            self._parents[network.key] = self._parents_of(network)
        return self._parents[network.key]

    def _parents_of(self, network: Network) -> list[Network]:
        found, learns = [self.shared(network)], network.learns
        if isinstance(learns, Imitation):
            teacher = self.other(network, learns.teacher)
            found += [self.source(teacher), self.begin(teacher)]
            found += [self.source(other) for other in self.beside(network).values()]
        if isinstance(learns, Change) and learns.other:
            found.append(self.source(self.other(network, learns.other)))
        found += self.axis(network)
        return [one for one in found if isinstance(one, Network) and one.name not in self.given]

    def work(self, job: Job) -> int:
        """Count the steps of single networks that a job takes."""
        each = (self.times(network)[-1] for network in job.networks)
        return len(job.seeds) * sum(each) * job.trains

    def jobs(self) -> list[Job]:
        """List what is missing, in the order of computing: chunks of seeds, ancestors, blocks."""
        missing: dict[frozenset[int], list[str]] = {}  # keys, by which seeds they lack
        for network in (n for group in self.groups for n in group):
            missing.setdefault(self._missing(network), []).append(network.key)
        seeds, found = sorted(frozenset().union(*missing)), []
        for i in range(0, len(seeds), self.chunk):
            some = seeds[i : i + self.chunk]
            # Filled up, here and below: another number would be another program.
            some += range(some[-1] + 1, some[-1] + 1 + self.chunk - len(some))
            lacks = {k for of, keys in missing.items() if not of.isdisjoint(some) for k in keys}
            found += self._of_chunk(tuple(some), lacks)
        return found

    def _of_chunk(self, seeds: tuple[int, ...], lacks: set[str]) -> list[Job]:
        """List the jobs of a chunk of seeds, of which records are lacking: from the last back."""
        needed: set[str] = set()  # parameters, by file, that are not kept
        found: list[Job] = []
        for group in reversed(self.groups):
            first, lacking = group[0], [n for n in group if n.key in lacks]
            asked = [n for n in group if n.key in lacks or n.file in needed]
            untrained = first.learns is None
            if not asked or (untrained and self._seen_before(first, found)):
                continue
            kept = all(self._kept(n, seeds) for n in asked)
            if untrained or (kept and self._as_it_is(first)):
                found += [Job(seeds, (n,), trains=False) for n in lacking]
                asks = [one for n in lacking for one in (self.source(n), *self.axis(n))]
            else:
                found += [Job(seeds, block) for block in reversed([*self._blocks(group, asked)])]
                # Those trained side by side share their parents, but for what they are measured by.
                along = (n for n in asked if n.name not in self.before_axis)
                asks = [*self.parents(asked[0]), *(one for n in along for one in self.axis(n))]
            those = {one.file: one for one in asks if isinstance(one, Network)}
            needed |= {
                file
                for file, one in those.items()
                if one.name not in self.given and not self._kept(one, seeds)
            }
        return found[::-1]

    def _as_it_is(self, network: Network) -> bool:
        """Tell whether a network that is kept can be measured without training it again.

        What is measured may hang on no more than its parameters: where they came from, by which
        steps and with which moments of its optimiser is gone.
        """
        at_end = len(self.wants(network).times) == 1 and not network.imitates
        return at_end and {*self.extra} <= OF_PARAMETERS

    def _seen_before(self, network: Network, jobs: Sequence[Job]) -> bool:
        """Tell whether an untrained network is measured as what another is before it learns."""
        return any(
            isinstance(n.learns, Labels) and self.before(n) == network
            for job in jobs
            for n in job.networks
            if job.trains
        )

    def before(self, network: Network) -> Network | None:
        """Find the untrained member that a network was before its first step, if it was one.

        Where traits are taught lessons differ, so that what is measured before does.
        """
        start = self.family[network.name].start
        if start not in self.family or self.traits:
            return None
        start = self.other(network, start)
        untrained = self.family[start.name].lesson(start.point) is None
        return start if untrained else None

    def _kept(self, network: Network, seeds: Sequence[int]) -> bool:
        return all(self.records.store.has_params(network.file, seed) for seed in seeds)

    def _missing(self, network: Network) -> frozenset[int]:
        """Name the seeds of which a network's record is not there, or parameters to keep."""
        seeds, store = self._every, self.records.store
        found = seeds
        if network.key in self.records:  # in a new sweep nothing is
            found = seeds - self.records.seeds(network.key, self.wants(network))
        if self.wanted.keep == "params" and store.folder:
            found |= {seed for seed in seeds if not store.has_params(network.file, seed)}
        return found

    def _grouped(self) -> list[list[Network]]:
        """Group the networks that can be computed side by side, ancestors first."""
        groups: dict[Any, dict[str, Network]] = {}
        for of_point in zip(*self.networks.values(), strict=True):
            for network in of_point:
                together: Any = network.file, network.key
                if isinstance(learns := network.learns, Imitation):
                    teacher = self.other(network, learns.teacher).file
                    shared = self.shared(network)
                    beside = [other.file for other in self.beside(network).values()]
                    hidden = learns.logits == HIDDEN  # which is another program
                    seen = learns.seen(network.point)
                    together = teacher, _file(shared), *beside, network.point.together, hidden, seen
                groups.setdefault(together, {})[network.key] = network
        # Of one task after the other, as parameters are held while it is computed on.
        first = {p.setup.classes: i for i, p in reversed([*enumerate(self.points)])}
        found = [[*group.values()] for group in groups.values()]
        return sorted(found, key=lambda group: first[group[0].point.setup.classes])

    def _members(self, models: Sequence[str]) -> list[str]:
        """Name models and all that they descend from; the origin and the teacher are always there.

        Ancestors first, those of the axis before all who are measured along it.
        """
        family, axis = self.family, self.before_axis
        needed = ancestry(family, [*models, "reference", "teacher"]) - {*models}
        first = [name for name in family if name in axis and axis != {*family}]
        return [*first, *(n for n in family if n in needed and n not in first), *models]

    def _images(self, point: Point) -> int:
        return len(self.task(point).x_train)

    def _seeds_together(self, group: Sequence[Network]) -> int:
        point, common = group[0].point, self.common
        size = len(self.seeds), common.memory, self._block(group)
        return chunks.chunk_size(point.setup, self.task(point), *size)

    def _blocks(
        self, group: Sequence[Network], asked: list[Network]
    ) -> Iterator[tuple[Network, ...]]:
        """Split what is asked for of a group in blocks of one size, the last filled up."""
        size = self._block(group) if group[0].imitates else 1
        for i in range(0, len(asked), size):
            block = asked[i : i + size]
            yield (*block, *block[-1:] * (size - len(block)))

    def _block(self, group: Sequence[Network]) -> int:
        """Choose how many students to train side by side: as run fast, with little filling up."""
        point, models = group[0].point, len({n.name for n in group})
        points, task = -(-len(group) // models), self.task(point)
        bytes_ = machine.budget(self.common.memory)
        fit = int(bytes_ / chunks.seed_bytes(point.setup, task, models))
        most = max(1, min(chunks.together(point.setup) // models, fit))
        return models * -(-points // -(-points // most))


@lru_cache
def _of_the_task(setup: Setup) -> Setup:
    return replace(setup, trait="accuracy")


def _file(one: Network | str | None) -> str | None:
    return one.file if isinstance(one, Network) else one
