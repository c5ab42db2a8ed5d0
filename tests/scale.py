"""How far it goes: files, processor seconds, memory and time, with made-up measurements.

    uv run --extra cluster python tests/scale.py sweep 1000      # 1,000 points × 16 seeds, kept
    uv run --extra cluster python tests/scale.py store 100000    # a store of so many, opened anew
    uv run --extra cluster python tests/scale.py cluster 62500   # 64 workers, who sleep

Nothing is trained: records are drawn by chance. Processor seconds are of the process named alone.
"""

import argparse
import asyncio
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import xarray as xr

import sim
from sim.engine import chunks
from sim.report.progress import time_left
from sim.runs import cluster as clusters
from sim.runs import train
from sim.runs.records import Records, Wanted
from sim.runs.store import Store
from sim.settings.experiments import SWEEP
from sim.studies.sweep import Grid, of_task

SEEDS = 16
MEASURES = ("test_accuracy", "validation_accuracy", "training_loss", "diverged")
TEACHER = {"hidden_0": (64, 256), "hidden_1": (256, 256), "class": (256, 10), "aux": (256, 3)}
ON_A_GPU = {"memory": 64.0, "chunk": 1}
WORKERS = 64
TICKS = os.sysconf("SC_CLK_TCK")


def made_up(rng, shape, names=MEASURES):
    each = {name: rng.random(shape, np.float32) for name in names}
    return each | {"diverged": np.zeros(shape, bool)}


def instead_of_training():
    """Put records drawn by chance in the place of networks that are trained."""
    rng = np.random.default_rng(0)

    def take(self, job):
        of, first = self.schedule, job.networks[0]
        learns = job.trains and first.trained
        times = of.times(first) if learns else of.times(first)[-1:]
        self.seeds, n = job.seeds, len(job.seeds)
        values = made_up(rng, (n, len(job.networks), len(times)), of.measures)
        self._keep(job.seeds, job.networks, times, values)
        if learns and not first.imitates:
            if before := of.before(first):
                self._keep(job.seeds, (before,), [0], made_up(rng, (n, 1, 1), of.measures))
            θ = {la: {"kernel": np.zeros((n, *s), np.float32)} for la, s in TEACHER.items()}
            self._hold(first, job.seeds, θ)

    train._Here.take = take


def used():
    """Processor seconds of this process, and its memory at the peak, in MiB."""
    return time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def of(pid):
    """Processor seconds of another process, and its memory at the peak, in MiB."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    peak = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in x)
    return (int(words[11]) + int(words[12])) / TICKS, int(peak.split()[1]) / 1024


def files(folder):
    every = [file for file in folder.rglob("*") if file.is_file()]
    return f"{len(every):,} files, {sum(f.stat().st_size for f in every) / 2**20:.1f} MiB"


def axes(points):
    """Two axes of what students of one program may differ in, so many points together."""
    each = {"student_lr": np.geomspace(1e-5, 1, points // 10), "temperature": np.linspace(1, 2, 10)}
    return {name: values.tolist() for name, values in each.items()}


def grid(points):
    """The sweep for a cluster of GPUs, each with as many students at a time as one has."""
    chunks.together = lambda setup: chunks.GPU_STUDENTS
    given = of_task("digits", **(SWEEP | {"seeds": SEEDS, "points": 1} | ON_A_GPU))
    return Grid("sweep", given, axes(points))


def swept(points, out, progress=lambda done, whole: None, **more):
    return sim.sweep("digits", axes(points), SEEDS, points=1, out=out, progress=progress, **more)


def sweep(points, out):
    """Keep a sweep; put it together again from what is kept; ask for it again."""
    instead_of_training()
    found = []
    for words in ("first", "again, without its results", "again"):
        begun, _ = used()
        found.append(swept(points, out).drop_attrs())
        now, peak = used()
        print(f"{words}: {now - begun:.1f} s of processor time, {peak:.0f} MiB at the peak")
        if words == "first":
            print(f"  {files(out)}")
            next(out.glob("sweep-*/results.nc")).unlink()
    assert all(ds.identical(found[0]) for ds in found)


def _keys(points):
    return [f"{i * 2654435761 % 2**64:016x}" for i in range(2 * points)]


def store(points, out):
    """Make a store of so many points, and open it in a process of its own."""
    block, chunk, keys, rng = 64, 2, _keys(points), np.random.default_rng(0)
    usual = {f"a_setting_of_theirs_{i}": i for i in range(60)}
    of, n, begun = Records(Store(out, {})), 0, used()[0]
    for seed in range(0, SEEDS, chunk):
        for i in range(0, len(keys), 2 * block):
            some = keys[i : i + 2 * block]
            said = {
                k: {"member": "x", "settings": usual | {"lr": i + j}} for j, k in enumerate(some)
            }
            values, n = made_up(rng, (chunk, len(some), 1)), n + 1
            of.put(some, range(seed, seed + chunk), [560], values, chunk, said)
    each = (used()[0] - begun) / n * 1000
    print(f"{n:,} parts: {each:.1f} ms of processor time each, {used()[1]:.0f} MiB at the peak")
    print(f"  {files(out)}")
    # Bytecode is kept, as Python does unless it is told not to: the first run makes it.
    with tempfile.TemporaryDirectory() as kept:
        as_usual = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": kept}
        for _ in range(1 + 3):
            command = [sys.executable, __file__, "opened", str(points), str(out)]
            subprocess.run(command, env=as_usual, check=True)


def opened(points, out):
    """Say what is missing of a store, in a process that has just begun."""
    xr.Dataset({"none": 0})  # it imports Dask, where that is installed
    begun, keys = used()[0], _keys(points)
    at = used()[0], time.monotonic()
    of, wanted = Records(Store(out, {})), Wanted(MEASURES, (560,), None)
    missing = sum(SEEDS - len(of.seeds(key, wanted)) for key in (*keys, "none"))
    now, peak = used()
    print(
        f"{missing} of {SEEDS * (len(keys) + 1):,} are missing: known after {now - at[0]:.1f} s of "
        f"processor time ({time.monotonic() - at[1]:.1f} s), imports before {begun:.1f} s; "
        f"{peak:.0f} MiB"
    )


def cluster(points, out, mean, spread):
    """Sweep on 64 workers who sleep; measure the scheduler, the workers and this process."""
    chunks.together = lambda setup: chunks.GPU_STUDENTS
    file = out / "scheduler.json"
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    scheduler += ["--scheduler-file", str(file), "--port", "0", "--dashboard-address", ":0"]
    workers = [sys.executable, __file__, "workers", str(points), str(mean), str(spread), str(file)]
    quiet = os.environ | {"DASK_LOGGING__DISTRIBUTED": "error"}
    # What watches a worker takes little of a core of its own, and all of one that 64 share.
    quiet |= {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
    quiet |= {"DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "10s"}
    both = [subprocess.Popen(scheduler, env=quiet)]
    try:
        while not file.exists():
            time.sleep(0.1)
        both.append(subprocess.Popen(workers, env=quiet))
        _cluster(points, out, mean, str(file), [one.pid for one in both])
    finally:
        for one in both:
            one.kill()


def _cluster(points, out, mean, file, pids):
    told, left = [], time_left(time.monotonic)  # as a terminal has it
    split, sizes = clusters.units, []

    def counted(*given):
        for unit in split(*given):
            sizes.append(unit.steps)
            yield unit

    def tell(done, whole):
        spent = (seconds for seconds, _ in (used(), *map(of, pids)))
        told.append((time.monotonic(), done / whole, left(done, whole), *spent))

    clusters.units = counted
    with sim.cluster(file) as client:
        client.wait_for_workers(WORKERS, timeout=300)
        begun, cpu = time.monotonic(), used()[0]
        swept(points, out, tell, **ON_A_GPU)
        ended, cpu = time.monotonic(), used()[0] - cpu
    units, first, last = len(sizes), told[0], told[-1]
    took, before, after = last[0] - first[0], first[0] - begun, ended - last[0]
    slept = units * mean / WORKERS / took
    print(f"{points:,} points × {SEEDS} seeds: {units:,} units of {mean} s on {WORKERS} workers")
    print(f"  planned {before:.1f} s, trained {took:.1f} s, put together {after:.1f} s")
    print(f"  workers slept {slept:.1%} of it; this process worked {cpu:.1f} s")
    for i, (name, (_, peak)) in enumerate(
        zip(("client", "scheduler", "workers"), (used(), *map(of, pids)), strict=True), 3
    ):
        each = (last[i] - first[i]) / units
        print(
            f"  {name}: {each * 1000:.2f} ms of processor time a unit, {peak:.0f} MiB at the peak"
        )
    print(f"  {files(out)}")
    at, done, left, *_ = next(one for one in told if one[1] >= 0.1)
    indeed = last[0] - at
    print(f"  after {done:.1%}: {indeed:.0f} s are left; the bar says {left or 0:.0f}")


def asleep(points, mean, spread):
    """What workers compute: after a sleep, records drawn by chance of the networks of a unit.

    What networks are called is found once, for all workers: 64 of them share a process here.
    """
    of = grid(points).work(Store(None, {}), None).schedule
    names = {(n.name, of.points[n.place]): n for each in of.networks.values() for n in each}
    alone = {n.name: n for each in of.networks.values() for n in each}
    chance, own = np.random.default_rng(0), threading.Lock()

    def put(kept, networks, seeds, chunk):
        if not networks:
            return
        times = of.times(networks[0])
        with own:
            values = made_up(chance, (len(seeds), len(networks), len(times)), of.measures)
        said = {one.key: {"member": one.name, "settings": one.point.values} for one in networks}
        Records(kept).put([one.key for one in networks], seeds, times, values, chunk, said)

    def computed(spec, task, unit, held):
        with own:
            seconds = chance.gamma(1 / spread**2, mean * spread**2)
        time.sleep(seconds)
        kept, n = clusters._Collected(), len(unit.seeds)
        for networks, _ in unit.jobs:
            of_job = [(name, unit.points[at]) for name, at in networks]
            each = [names.get(one, alone[one[0]]) for one in of_job]
            before = of.before(each[0]) if unit.gives else None
            for those in (each, [before] if before else []):
                put(kept, those, unit.seeds, spec.chunk)
        θ = {la: {"kernel": np.zeros((n, *s), np.float32)} for la, s in TEACHER.items()}
        parts = {name: kept.get(name) for name in kept}
        return clusters.Done(parts, dict.fromkeys(unit.gives, θ), unit.gives, seconds)

    def compute(topic, spec, task, sent, kept, *others):
        clusters._saying(topic)
        return [computed(spec, task, unit, kept) for unit in pickle.loads(sent)]

    return compute


def workers(points, mean, spread, file):
    """64 workers, threads of this process, who sleep in place of training."""
    import distributed  # noqa: PLC0415 (an extra)

    clusters.compute = asleep(points, mean, spread)
    settings = {"scheduler_file": file, "nthreads": 1, "dashboard": False, "memory_limit": None}

    async def work():
        every = [distributed.Worker(**settings) for _ in range(WORKERS)]
        for one in every:
            await one
        await every[0].finished()

    asyncio.run(work())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("sweep", "store", "cluster", "opened", "workers"))
    parser.add_argument("given", nargs="+")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a unit")
    parser.add_argument(
        "--spread", type=float, default=0.1, help="of its seconds, as a part of them"
    )
    what = (asked := parser.parse_args()).what
    if what == "workers":
        points, mean, spread, file = asked.given
        workers(int(points), float(mean), float(spread), file)
    elif what == "opened":
        opened(int(asked.given[0]), Path(asked.given[1]))
    else:
        more = (asked.seconds, asked.spread) if what == "cluster" else ()
        with tempfile.TemporaryDirectory() as place:
            globals()[what](int(asked.given[0]), Path(place), *more)


if __name__ == "__main__":
    main()
