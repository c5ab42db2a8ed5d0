"""Training on many processes or machines: units of work to Dask's workers, all writing here.

A unit is what one worker computes at once for a chunk of seeds: networks that others descend from,
or a block of students, who are sent what they descend from. Units are computed as one process
computes them, and what they give is kept by this process alone.
"""

import logging
import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

import jax
import numpy as np
import xarray as xr

from sim.engine import machine
from sim.errors import InputError, StorageError, needs, require
from sim.model import data
from sim.model.networks import Params
from sim.runs import identity, sent
from sim.runs.records import Records
from sim.runs.schedule import Job, Schedule
from sim.runs.store import Store
from sim.settings.experiments import Common, Networks
from sim.settings.grid import Point
from sim.training.families import Family

CLIENT: ContextVar[Any] = ContextVar("client", default=None)  # Dask's, where one is in use
AHEAD = 4  # tasks that wait for each worker; more would only fill the scheduler's memory
# Units that take less than this many seconds are sent several at a time, as a task of Dask's costs
# all who take part some tens of milliseconds; not so many that much is lost with a worker.
LONG, MOST = 3.0, 256
GOES_ON = "what was finished is kept, and the same command goes on there"
LOOKS = 0.2  # seconds between two looks at what has come
EVERY = 1.0  # seconds between what a worker says of a task that it is at
PATIENCE = 60  # seconds to wait for a scheduler, and for its first worker


class Asked(NamedTuple):
    """What numbers depend on where they are asked for. functions: those from outside, as sent."""

    devices: int
    validation: float
    identity: dict[str, Any]
    functions: sent.Sent


class Spec(NamedTuple):
    """What all units of a schedule have in common."""

    family: Family
    common: Common
    wanted: Networks
    given: dict[str, tuple[str, Params]]
    chunk: int
    asked: Asked


class Unit(NamedTuple):
    """Jobs for a chunk of seeds, as (model, number of its point) and whether they train.

    needs: files of parameters that it asks for and does not make. gives: those that others ask for.
    """

    seeds: tuple[int, ...]
    points: tuple[Point, ...]
    jobs: tuple[tuple[tuple[tuple[str, int], ...], bool], ...]
    needs: frozenset[str]
    gives: frozenset[str]
    steps: int


class Done(NamedTuple):
    """What a unit has given: records by name, parameters [seed, …] by file, those to be kept."""

    parts: dict[str, xr.Dataset]
    params: dict[str, Params]
    kept: frozenset[str]
    seconds: float  # that it took


@contextmanager
def cluster(address: str = "", workers: int = 0) -> Iterator[Any]:
    """Train on the workers of a Dask cluster while this lasts.

    Args:
      address: of its scheduler, tcp://HOST:PORT, or the file that the scheduler writes.
      workers: instead, processes to start on this machine, each with one core.

    Errors: InputError for both or neither, where dask.distributed is not installed, or where no
    worker answers.

    """
    needs("distributed", "cluster")
    count = isinstance(workers, int) and not isinstance(workers, bool) and workers >= 0
    require("workers", workers, count, "a whole number, 0 or more")
    require("cluster", address, isinstance(address, str), "tcp://HOST:PORT, or a file's name")
    require("cluster", address, bool(address) != bool(workers), "given, or workers, and not both")
    where: dict[str, Any] = {"n_workers": workers, "threads_per_worker": 1, "memory_limit": None}
    where |= {"dashboard_address": "127.0.0.1:0"}
    if address:
        file = Path(os.path.expanduser(address))
        there = os.path.isfile(file)
        rule = "tcp://HOST:PORT, or a file that a Dask scheduler has written"
        require("cluster", address, there or "://" in address, rule)
        where = {"scheduler_file": str(file)} if there else {"address": address}
    try:
        client = _connected(where)
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:  # of odd files, too
        rule = f"a Dask scheduler that answers, or the file that one has written: {error}"
        raise InputError(f"cluster = {address!r}: must be {rule}") from None
    with _quiet("distributed.client"), client:  # also as it is closed
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            require("cluster", address, False, f"of a worker or more; none in {PATIENCE} s")
        token = CLIENT.set(client)
        try:
            yield client
        finally:
            CLIENT.reset(token)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Have a logger say nothing: of a scheduler that is gone Dask writes a page, and we a line."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _connected(where: dict[str, Any]) -> Any:
    """Make a client of Dask's. One that cannot connect is closed: to be collected it would wait."""
    import distributed  # noqa: PLC0415 (an extra)

    client: Any = distributed.Client.__new__(distributed.Client)  # known even if it is never made
    try:
        # Not the default: xarray would ask its scheduler before it writes a file.
        client.__init__(**where, timeout=PATIENCE, set_as_default=False)
    except BaseException:
        with suppress(Exception):
            client.close(timeout=1)
        client.status = "closed"
        raise
    return client


def train(schedule: Schedule, tell: Any, jobs: Sequence[Job], client: Any) -> None:
    """Train and measure networks on the workers of a cluster, and keep what comes back.

    tell: hears of the steps of networks that are done. Errors: InputError for a worker on which
    numbers would be others; StorageError where a unit was given up.
    """
    task, store = schedule.whole, schedule.records.store
    spec = Spec(
        schedule.family,
        schedule.common,
        schedule.wanted,
        dict(schedule.given),
        schedule.chunk,
        _asked(task, schedule.common.validation),
    )
    with _or_gone():
        given = client.scatter([spec, task], broadcast=True, hash=False)
    with _news(client) as (topic, begun):
        crew = _Crew(client, (topic, *given), schedule, tell, begun)
        for unit, done in crew.finished(units(schedule, jobs)):
            for part_name, part in done.parts.items():
                schedule.records.add(part_name, part)
            for file in done.kept:
                store.put_params(file, unit.seeds, done.params[file])


class Work(Protocol):
    """What makes a part of what is given for it, and can be sent to another process."""

    task: data.Task
    common: Common

    def make(self, given: Any) -> xr.Dataset: ...


def made(work: Work, parts: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, xr.Dataset]]:
    """Make parts, each with its name: here, or on the workers of a cluster as they come free.

    parts: by name, with what each is made of, which is gathered when its turn comes. Errors: those
    of `train`.
    """
    if (client := CLIENT.get()) is None:
        yield from ((name, work.make(given)) for name, given in parts)
        return
    import distributed  # noqa: PLC0415 (an extra)

    asked = _asked(work.task, work.common.validation)
    with _or_gone():
        shared = client.scatter([asked, work], broadcast=True, hash=False)
    waiting, of, left = distributed.as_completed(loop=client.loop), {}, iter(parts)
    while True:
        with _or_gone():
            ahead = AHEAD * max(1, len(client.nthreads())) - len(of)
            for name, given in islice(left, ahead):
                (there,) = client.scatter([given], hash=False)
                future = client.submit(make, *shared, there, pure=False)
                of[future.key] = name
                waiting.add(future)
            if not of:
                return
            future = next(waiting)
            found = future.result()
        yield of.pop(future.key), found
        del future  # what has come is held by nobody


def _asked(task: data.Task, validation: float) -> Asked:
    needed = identity.of_task(task, validation)
    return Asked(len(machine.devices()), validation, needed, sent.packed())


@contextmanager
def _or_gone() -> Iterator[None]:
    """Say in a line that the workers or the scheduler are gone. Errors: StorageError."""
    import distributed  # noqa: PLC0415 (an extra)

    try:
        yield
    except StorageError:
        raise
    except distributed.KilledWorker:
        raise StorageError(f"a part died with every worker that took it: {GOES_ON}") from None
    except (CancelledError, OSError) as error:
        reason = f"the cluster is gone ({type(error).__name__}): {GOES_ON}"
        raise StorageError(reason) from None


@contextmanager
def _news(client: Any) -> Iterator[tuple[str, dict[str, tuple[float, float]]]]:
    """Hear from workers of what they are at: on a topic of Dask's; by task, its steps and when."""
    topic, begun = f"sublim-{uuid4().hex}", {}

    def hear(event: Any) -> None:
        key, steps = event[1]
        begun[key] = steps, time.monotonic()

    with _or_gone():
        client.subscribe_topic(topic, hear)
    try:
        yield topic, begun
    finally:
        with suppress(Exception):  # the scheduler may be gone
            client.unsubscribe_topic(topic)


class _Crew:
    """The workers, and what they are computing.

    begun: of tasks by their keys, the steps that a worker has said, and when. What is not said is
    taken to go on as the last that was done: workers that began together end together, and by what
    is done alone nobody could say how fast it goes.
    """

    def __init__(
        self,
        client: Any,
        given: Sequence[Any],
        schedule: Schedule,
        tell: Callable[[float], None],
        begun: dict[str, tuple[float, float]],
    ) -> None:
        self.client, self.given, self.schedule = client, given, schedule
        self.tell, self.begun, self.done, self.told = tell, begun, 0.0, 0.0
        self.rate = 0.0  # steps a second of a worker, as far as is known
        self.made: dict[tuple[tuple[int, ...], str], Any] = {}  # by seeds and file, its task
        self.seconds = LONG  # that a unit takes, as far as is known

    def say(self, waiting: Mapping[str, Sequence[Unit]]) -> None:
        """Tell how many steps more there are, with those of the tasks that were sent, by key."""
        steps = self.done
        for key, units in waiting.items():
            if (heard := self.begun.get(key)) is not None:  # which another thread fills
                said, at = heard
                now = said + self.rate * (time.monotonic() - at)
                steps += min(now, _steps(units))
        if steps > self.told:  # it may have been too much, or be done again
            self.tell(steps - self.told)
            self.told = steps

    def finished(self, each: Iterable[Unit]) -> Iterator[tuple[Unit, Done]]:
        """Send units as workers come free, and give what they return, in whichever order."""
        import distributed  # noqa: PLC0415 (an extra)

        waiting, of, left = distributed.as_completed(loop=self.client.loop), {}, iter(each)
        ahead: list[Unit] = []
        came: list[Any] = []
        while True:
            with _or_gone():
                workers = max(1, len(self.client.nthreads()))
                while len(of) < AHEAD * workers and (some := self.take(left, ahead)):
                    future = self.send(some)
                    of[future.key] = some
                    waiting.add(future)
                if not of:
                    return
            while not (came := came or waiting.next_batch(block=False)):
                self.say(of)
                time.sleep(LOOKS)
            future = came.pop()
            with _or_gone():
                some, done = of.pop(future.key), future.result()
            seconds, steps = sum(one.seconds for one in done), _steps(some)
            self.seconds, self.rate = seconds / len(done), steps / max(seconds, 1e-9)
            yield from zip(some, done, strict=True)
            self.done += steps
            self.begun.pop(future.key, None)
            self.say(of)

    def take(self, left: Iterator[Unit], ahead: list[Unit]) -> list[Unit]:
        """Take the next unit, and more of its seeds where they are short and nobody asks for them.

        ahead: of a unit that was taken and not sent.
        """
        many, some = min(MOST, max(1, round(LONG / max(self.seconds, 1e-9)))), []
        while len(some) < many and (unit := ahead.pop() if ahead else next(left, None)):
            if some and (unit.seeds != some[0].seeds or unit.gives or some[0].gives):
                ahead.append(unit)
                break
            some.append(unit)
        return some

    def send(self, some: Sequence[Unit]) -> Any:
        """Send units of a chunk of seeds, with what they need: made by others before, or kept."""
        seeds = some[0].seeds
        self.made = {at: of for at, of in self.made.items() if at[0] == seeds}
        makers, kept = {}, {}
        for file in sorted(set().union(*(unit.needs for unit in some))):
            if (maker := self.made.get((seeds, file))) is not None:
                makers[maker.key] = maker
            else:
                each = [self.schedule.records.store.params(file, seed) for seed in seeds]
                if all(θ is not None for θ in each):
                    kept[file] = jax.tree.map(lambda *leaves: np.stack(leaves), *each)
        # As bytes: the scheduler would make the points of all units that wait, and take them apart.
        words = pickle.dumps(some)
        future = self.client.submit(compute, *self.given, words, kept, *makers.values(), pure=False)
        for file in set().union(*(unit.gives for unit in some)):
            self.made[seeds, file] = future
        return future


def _steps(units: Iterable[Unit]) -> int:
    return sum(unit.steps for unit in units)


def units(schedule: Schedule, jobs: Sequence[Job]) -> Iterator[Unit]:
    """Split jobs into units: what others of the chunk descend from, then blocks of students."""
    by_seeds: dict[tuple[int, ...], list[Job]] = {}
    for job in jobs:
        by_seeds.setdefault(job.seeds, []).append(job)
    for of_chunk in by_seeds.values():
        yield from _of_chunk(schedule, of_chunk)


def _of_chunk(schedule: Schedule, jobs: Sequence[Job]) -> Iterator[Unit]:
    """Split the jobs of a chunk: those that hang together by what they need of each other."""
    needs = [{p.file for n in job.networks for p in schedule.parents(n)} for job in jobs]
    asked = set().union(*needs)
    makes = [{n.file for n in job.networks} & asked if job.trains else set() for job in jobs]
    maker = {file: i for i, files in enumerate(makes) for file in files}
    group = [*range(len(jobs))]

    def find(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    for i, files in enumerate(needs):
        alone = jobs[i].networks[0].imitates and not makes[i]
        for file in files & maker.keys() if not alone else ():
            first, second = sorted((find(i), find(maker[file])))
            group[second] = first
    together: dict[int, list[int]] = {}
    for i in range(len(jobs)):
        together.setdefault(find(i), []).append(i)
    users = Counter(file for files in needs for file in files)
    for members in sorted(together.values(), key=lambda of: not any(makes[i] for i in of)):
        made = set().union(*(makes[i] for i in members))
        own = [jobs[i] for i in members]
        inner = Counter(file for i in members for file in needs[i])
        gives = {file for file in made if users[file] > inner[file]}
        yield _unit(schedule, own, {*inner} - made, gives)


def _unit(schedule: Schedule, jobs: Sequence[Job], needs: set[str], gives: set[str]) -> Unit:
    places = {p: i for i, p in enumerate(dict.fromkeys(n.place for j in jobs for n in j.networks))}
    return Unit(
        jobs[0].seeds,
        tuple(schedule.points[place] for place in places),
        tuple((tuple((n.name, places[n.place]) for n in j.networks), j.trains) for j in jobs),
        frozenset(needs),
        frozenset(gives),
        sum(map(schedule.work, jobs)),
    )


class _Collected(Store):
    """A store in memory that lays aside the parameters that are to be kept."""

    def __init__(self) -> None:
        super().__init__(None, {})
        self.laid_aside: dict[str, Params] = {}

    def put_params(self, network: str, seeds: Sequence[int], θ: Any) -> None:
        self.laid_aside[network] = jax.device_get(θ)


@machine.pinned()
def compute(
    topic: str,
    spec: Spec,
    task: data.Task,
    some: bytes,
    kept: dict[str, Params],
    *others: list[Done],
) -> list[Done]:
    """Compute units, on a worker. Errors: InputError where its numbers would be others."""
    params = (one.params for of in others for one in of)
    held = kept | {file: θ for each in params for file, θ in each.items()}
    with _as_asked(spec.asked, task):
        tell = _saying(topic)
        return [_computed(spec, task, unit, held, tell) for unit in pickle.loads(some)]


def _saying(topic: str) -> Callable[[float], None]:
    """Say that a task begins; make the function that takes its steps, and says them at times."""
    import distributed  # noqa: PLC0415 (an extra)

    worker, done, said = distributed.get_worker(), 0.0, time.monotonic()
    key = worker.get_current_task()
    worker.log_event(topic, (key, done))

    def tell(steps: float) -> None:
        nonlocal done, said
        done += steps
        if time.monotonic() - said >= EVERY:
            said = time.monotonic()
            worker.log_event(topic, (key, done))

    return tell


@machine.pinned()
def make(asked: Asked, work: Work, given: Any) -> xr.Dataset:
    """Make a part, on a worker. Errors: InputError where its numbers would be others."""
    with _as_asked(asked, work.task):
        return work.make(given)


@contextmanager
def _as_asked(asked: Asked, task: data.Task) -> Iterator[None]:
    """Compute as who asks would. Errors: InputError where numbers would be others."""
    from sim.runs import run  # noqa: PLC0415 (which imports this)

    _as_there(asked.devices)
    here = identity.of_task(task, asked.validation)
    own = here["functions"] != asked.identity["functions"] and asked.functions.words
    for name, there in asked.identity.items():
        if here[name] != there and not (own and name == "functions"):
            raise InputError(f"a worker's {name} is {here[name]!r}: must be {there!r}, as here")
    run.compilation_cache()
    with sent.put_in(asked.functions if own else sent.Sent()):
        yield


def _computed(
    spec: Spec, task: data.Task, unit: Unit, held: dict[str, Params], tell: Callable[[float], None]
) -> Done:
    from sim.runs import train  # noqa: PLC0415 (which imports this)

    begun, store = time.monotonic(), _Collected()
    schedule = Schedule(
        spec.family, unit.points, task, Records(store), spec.common, spec.wanted, spec.given,
        spec.chunk, unit.seeds,
    )  # fmt: skip
    jobs = [
        Job(unit.seeds, tuple(schedule.networks[name][i] for name, i in networks), trains)
        for networks, trains in unit.jobs
    ]
    made = train.train_chunk(schedule, jobs, held, unit.gives, tell)
    parts = {name: store.get(name) for name in store}
    passed = time.monotonic() - begun
    return Done(parts, made | store.laid_aside, frozenset(store.laid_aside), passed)


@cache
def _as_there(devices: int) -> None:
    """Take as many devices of a CPU as the process that asks has: other last bits else."""
    with suppress(RuntimeError):  # jax has started, with the devices that it has
        jax.config.update("jax_num_cpu_devices", devices)
