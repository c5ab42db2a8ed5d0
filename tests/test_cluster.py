"""Clusters: units of work are whole, their numbers those of one process, and failures are said."""

import contextlib
import logging
import operator
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import types
from functools import partial
from pathlib import Path

import cloudpickle
import distributed
import jax
import numpy as np
import pytest
import xarray as xr

import sim
from sim.errors import InputError, StorageError
from sim.model import data
from sim.model.networks import ACTIVATIONS
from sim.runs import cluster, identity, sent
from sim.runs.store import Store
from sim.settings import rules
from sim.settings.experiments import SWEEP, Common
from sim.studies import extend
from sim.studies import grids as studies
from sim.studies.named import named
from sim.studies.sweep import Grid, of_task
from sim.studies.theorem.run import checks_of

DATA = "synthetic:12x4"
SMALL = {"seeds": 4, "chunk": 2, "widths": (16,), "noise_images": 96}
SMALL |= {"teacher_steps": 4, "student_steps": 4}
AXES = {"aux": (1, 3), "width": (8, 16), "student_lr": (1e-3, 3e-3, 1e-2)}
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def client():
    """A cluster of one worker, a thread of this process: what is sent is sent all the same."""
    with distributed.Client(
        processes=False,
        n_workers=1,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",  # another's may have the usual port
        set_as_default=False,
    ) as one:
        yield one


@pytest.fixture
def there(client):
    token = cluster.CLIENT.set(client)
    yield client
    cluster.CLIENT.reset(token)


def schedule(grid):
    return grid.work(Store(None, {}), None).schedule


def _study(name):
    return named(name, of_task(DATA, **(studies.settings(name, DATA) | SMALL)))


def grids():
    yield Grid("sweep", of_task(DATA, **(SWEEP | SMALL)), AXES)
    yield _study("generations")
    yield _study("bases")


@pytest.mark.parametrize("i", range(3))
def test_units_are_all_jobs_each_once_with_what_they_need(i):
    of = schedule([*grids()][i])
    jobs, units = of.jobs(), [*cluster.units(of, of.jobs())]

    def named_(job):
        return job.seeds, tuple((n.name, of.points[n.place]) for n in job.networks), job.trains

    found = [
        (unit.seeds, tuple((name, unit.points[at]) for name, at in networks), trains)
        for unit in units
        for networks, trains in unit.jobs
    ]
    assert sorted(map(str, found)) == sorted(str(named_(job)) for job in jobs)
    assert sum(unit.steps for unit in units) == sum(map(of.work, jobs))
    given = set()
    for unit in units:
        assert {(unit.seeds, file) for file in unit.needs} <= given  # by a unit before it
        given |= {(unit.seeds, file) for file in unit.gives}


def test_students_of_one_teacher_are_units_of_their_own():
    grid = Grid("sweep", of_task(DATA, **(SWEEP | SMALL)), {"student_lr": (1e-3, 1e-2)})
    units = [*cluster.units(schedule(grid), schedule(grid).jobs())]
    models = [{name for networks, _ in unit.jobs for name, _ in networks} for unit in units]
    assert models[: len(models) // 2] == models[len(models) // 2 :]  # chunk after chunk
    assert {"student_aux", "cross_aux"} in models
    assert any("teacher" in of and "student_aux" not in of for of in models)


@pytest.fixture
def overheard(monkeypatch):
    """What workers say that they have done, and what the crew knows each time that it tells."""
    spoken, known = [], []
    log, say = distributed.Worker.log_event, cluster._Crew.say

    def logged(worker, topic, message):
        if topic.startswith("sublim-"):
            spoken.append(message[1])
        log(worker, topic, message)

    def said(crew, of):
        known.append((crew.done, crew.rate))
        say(crew, of)

    monkeypatch.setattr(cluster, "EVERY", 0)
    monkeypatch.setattr(distributed.Worker, "log_event", logged)
    monkeypatch.setattr(cluster._Crew, "say", said)
    return spoken, known


@pytest.mark.parametrize("keep", ["teachers", pytest.param("params", marks=pytest.mark.slow)])
def test_results_and_what_is_kept_are_those_of_one_process(there, tmp_path, keep, overheard):
    axes = {"aux": (2, 3), "student_lr": (1e-3, 1e-2)}
    places, runs, told = [tmp_path / name for name in ("there", "here")], [], []
    for place in places:
        if place.name == "here":
            cluster.CLIENT.set(None)
        told.append([])
        progress = partial(lambda to, *of: to.append(of), told[-1])
        runs.append(sim.sweep(DATA, axes, out=place, keep=keep, progress=progress, **SMALL))
    assert [done for done, _ in told[0]] == sorted(done for done, _ in told[0])
    assert told[0][-1] == told[1][-1]
    assert len({*told[0][-1]}) == 1  # all of it is done
    spoken, known = overheard
    assert any(spoken)  # on the way, and not only as a task begins
    assert known[0] == (0, 0)  # while nothing has come yet
    assert known[-1][1] > 0
    a, b = runs
    xr.testing.assert_identical(a.drop_attrs(), b.drop_attrs())
    kept = [{str(file.relative_to(p)) for file in p.glob("store-*/**/*.n*")} for p in places]
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_a_family_of_generations_is_that_of_one_process(there):
    a = sim.study("generations", DATA, **SMALL)
    cluster.CLIENT.set(None)
    assert a.drop_attrs().identical(sim.study("generations", DATA, **SMALL).drop_attrs())


@pytest.mark.slow
def test_teachers_that_are_kept_are_sent_and_not_trained_again(there, tmp_path, monkeypatch):
    sim.sweep(DATA, {"student_lr": (1e-3,)}, out=tmp_path, **SMALL)
    trained, of = [], cluster.units

    def watched(*given):
        for unit in of(*given):
            trained.extend(name for networks, _ in unit.jobs for name, _ in networks)
            yield unit

    monkeypatch.setattr(cluster, "units", watched)
    a = sim.sweep(DATA, {"student_lr": (1e-3, 1e-2)}, out=tmp_path, **SMALL)
    assert {*trained} == {"student_aux", "cross_aux"}
    cluster.CLIENT.set(None)
    for values in ((1e-3,), (1e-3, 1e-2)):  # as here: one point beside none, then the other
        b = sim.sweep(DATA, {"student_lr": values}, out=tmp_path / "here", **SMALL)
    xr.testing.assert_identical(a.drop_attrs(), b.drop_attrs())


class Squares:
    """Work that makes parts by name."""

    common, task = Common(), data.synthetic(4, 2)

    def make(self, part):
        if part == "gone":
            raise StorageError("no such part")
        return xr.Dataset({"square": float(part) ** 2})


def test_parts_are_made_each_once_and_what_fails_is_said(there):
    asked = []

    def parts(*names):
        for name in names:
            asked.append(name)  # when its turn comes
            yield name, name

    found = dict(cluster.made(Squares(), parts(*"123")))
    assert {name: float(part.square) for name, part in found.items()} == {"1": 1, "2": 4, "3": 9}
    with pytest.raises(StorageError, match="no such part"):
        dict(cluster.made(Squares(), parts("1", "gone")))
    assert [*cluster.made(Squares(), [])] == []


@pytest.mark.slow
def test_parts_of_the_theorem_are_those_of_one_process(there):
    checks = checks_of(dataset=DATA, seeds=2, width=6, activation=("tanh",), lazy_widths=(8,))
    checks.work(Store(None, {}), None)
    name = next(name for name, of in checks._jobs() if of.func == checks._one_step)
    ((made, there_),) = cluster.made(checks, [(name, name)])
    cluster.CLIENT.set(None)
    assert made == name
    assert there_.identical(checks.make(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["surgery", "origins"])
def test_parts_of_studies_are_those_of_one_process(there, name):
    small = {"widths": (8,), "noise_images": 48, "batch": 16, "teacher_steps": 5}
    small |= {"student_steps": 6} | ({"base_steps": 4} if name == "origins" else {})
    sent = []

    def submitted(*given, of=there.submit, **how):
        sent.append(given[0])
        return of(*given, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(there, "submit", submitted)
        a = sim.study(name, "synthetic:4x3", 2, **small)
    assert cluster.make in sent
    cluster.CLIENT.set(None)
    b = sim.study(name, "synthetic:4x3", 2, **small, chunk=a.attrs["chunk"])
    xr.testing.assert_identical(a.drop_attrs(), b.drop_attrs())


def test_a_worker_whose_numbers_would_be_others_is_refused(there, monkeypatch):
    here, asked = identity.of_task, []

    def elsewhere(*task):
        asked.append(task)  # a run asks twice, then the worker does
        return here(*task) | ({"device": "gpu: 1 × H100"} if len(asked) > 2 else {})

    monkeypatch.setattr(identity, "of_task", elsewhere)
    with pytest.raises(InputError, match=r"a worker's device is 'gpu: 1 × H100': must be 'cpu: "):
        sim.figure10(DATA, points=1, **SMALL)


@pytest.fixture
def mine(monkeypatch):
    """A module of one's own, which other processes cannot import."""
    module = types.ModuleType("mine_alone")
    source = """
SLOPE = 0.3
def leaky(x):
    return x * SLOPE
def helped(x):
    return helper.leaky(x)
"""
    exec(source, vars(module))
    monkeypatch.setitem(sys.modules, "mine_alone", module)
    added = {}
    for of in (rules, sent, extend):
        monkeypatch.setattr(of, "ADDED", added)
    for name in ("leaky", "helped", "locked", "part", "made"):
        monkeypatch.setitem(ACTIVATIONS, name, None)  # taken away again
        del ACTIVATIONS[name]
    return module


ELSEWHERE = """
import pickle, sys
from sim.errors import InputError
from sim.model import data
from sim.model.networks import ACTIVATIONS
from sim.runs import identity, sent
from sim.settings.rules import ADDED
words = sent.Sent(*pickle.load(open(sys.argv[1], "rb")))
try:
    with sent.put_in(words):
        print(dict(identity.put_in()), ACTIVATIONS["leaky"](2.0), [*ADDED.values()])
    with sent.put_in(words):
        assert sent._unpacked(words)[0][0][2] is ACTIVATIONS["leaky"]  # compiled once
    print(dict(identity.put_in()), "leaky" in ACTIVATIONS, "relu" in ACTIVATIONS, ADDED)
except InputError as error:
    print("error:", error)
"""


def _elsewhere(tmp_path, words):
    (file := tmp_path / "words").write_bytes(pickle.dumps(tuple(words)))
    command = [sys.executable, "-c", ELSEWHERE, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.splitlines()


def test_functions_of_ones_own_are_sent_with_what_they_refer_to(mine, tmp_path):
    sim.add("activation", mine.leaky)
    here = dict(identity.put_in())
    assert [*here] == ["activation leaky"]
    there, after = _elsewhere(tmp_path, sent.packed())
    assert there == f"{here} 0.6 [['leaky']]"
    assert after == "{} False True {}"  # another command's workers have none of them


def test_what_is_sent_is_all_that_a_function_refers_to_or_is_refused(mine, tmp_path, monkeypatch):
    """A helper in a module beside it, partials; a user's own way with modules stays as it was."""
    monkeypatch.setitem(sys.modules, "beside", beside := types.ModuleType("beside"))
    exec("def leaky(x):\n    return 2 * x", vars(beside))
    mine.helper = beside
    sim.add("activation", mine.helped, "leaky")
    sim.add("activation", partial(mine.helped), "part")
    cloudpickle.register_pickle_by_value(beside)
    words = sent.packed()
    assert "beside" in cloudpickle.list_registry_pickle_by_value()
    cloudpickle.unregister_pickle_by_value(beside)
    there, after = _elsewhere(tmp_path, words)
    assert there.partition("}")[2] == " 4.0 [['leaky', 'part']]"
    assert after == "{} False True {}"
    others = words._replace(fingerprints=(("activation leaky", "another"), *words.fingerprints[1:]))
    assert _elsewhere(tmp_path, others) == [
        "error: a worker's functions are others, by what they refer to: activation leaky"
    ]


def test_another_function_of_the_same_name_is_another_to_programs_that_know_it_by_name():
    """As are those of the theorem, which have names of functions among their static arguments."""
    of = jax.jit(lambda x, name: ACTIVATIONS[name](x), static_argnames="name")
    kept = dict(ACTIVATIONS)
    found = []
    for factor in (2.0, 3.0):
        word = pickle.dumps(([("activation", "mine", partial(operator.mul, factor))], {}))
        read, _ = pickle.loads(word)
        with sent.put_in(sent.Sent(word, tuple(identity.fingerprints(read)))):
            found.append(float(of(1.0, "mine")))
    assert found == [2, 3]
    assert kept == ACTIVATIONS


def test_a_function_that_cannot_be_sent_is_named(mine, tmp_path, monkeypatch):
    sim.add("activation", mine.helped)
    monkeypatch.setitem(sys.modules, "nowhere", helper := types.ModuleType("nowhere"))
    mine.helper = helper
    helper.__file__ = "site-packages/nowhere.py"  # a package that is installed here, and not there
    assert _elsewhere(tmp_path, sent.packed()) == [
        "error: a worker has no module nowhere: must have it, as here"
    ]
    lock = threading.Lock()
    sim.add("activation", lambda x: (lock, x)[1], "locked")
    sim.add("activation", partial(mine.leaky), "part")  # which can, as can what numpy made
    sim.add("activation", np.exp, "made")
    with pytest.raises(
        InputError, match=r"activation helped, activation locked, .*: must be of what"
    ):
        sent.packed()


def test_an_address_where_nobody_is(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with (
        pytest.raises(InputError, match=r"cluster = 'tcp://127.0.0.1:1': must be a Dask sched"),
        cluster.cluster("tcp://127.0.0.1:1"),
    ):
        pass
    for given in ({}, {"address": "a", "workers": 2}, {"workers": -1}, {"address": "no.json"}):
        with pytest.raises(InputError, match=r"cluster|workers"), cluster.cluster(**given):
            pass


def test_of_a_scheduler_that_is_gone_a_line_is_enough(monkeypatch):
    """Dask's client would write forty more, of how it tried to connect again."""
    client = contextlib.nullcontext(types.SimpleNamespace(wait_for_workers=lambda *_, **__: None))
    client.wait_for_workers = client.enter_result.wait_for_workers
    monkeypatch.setattr(cluster, "_connected", lambda where: client)
    logger = logging.getLogger("distributed.client")
    before = logger.level
    with cluster.cluster("tcp://127.0.0.1:1"):
        assert not logger.isEnabledFor(logging.ERROR)
    assert logger.level == before


def test_a_process_ends_that_found_nobody(tmp_path):
    """Dask's client would wait, as it is collected, for twice as long as to connect."""
    (tmp_path / "odd.json").write_text("{}")
    code = (
        "import sys, sim.runs.cluster as of\n"
        "of.PATIENCE = 30\n"
        "for address in sys.argv[1:]:\n"
        "    try:\n"
        "        with of.cluster(address): pass\n"
        "    except of.InputError as error: print(error)\n"
    )
    addresses = ("no.json", str(tmp_path / "odd.json"), "tcp://nowhere", "odd://127.0.0.1:1")
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *addresses],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert time.monotonic() - begun < 30
    assert done.stdout.count("cluster = ") == len(addresses)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("where", ["nthreads", "submit", "scatter", "subscribe_topic"])
def test_what_is_lost_with_the_cluster_is_said(there, monkeypatch, where):
    """Whatever of the scheduler is asked for when it is gone."""

    def gone(*_, **__):
        raise OSError("gone")

    of = schedule(next(grids()))
    monkeypatch.setattr(there, where, gone)
    with pytest.raises(StorageError, match=r"the cluster is gone .OSError.: what was finished"):
        cluster.train(of, lambda steps: None, of.jobs(), there)


def test_what_a_unit_fails_with_is_said(there, monkeypatch):
    of = schedule(next(grids()))
    monkeypatch.setattr(cluster._Crew, "send", lambda crew, unit: there.submit(_gone, pure=False))
    with pytest.raises(StorageError, match=r"the cluster is gone .OSError.: what was finished"):
        cluster.train(of, lambda steps: None, of.jobs(), there)


def unit(seeds=(0, 1), gives=()):
    return cluster.Unit(seeds, (), (), frozenset(), frozenset(gives), 1)


def test_short_units_of_the_same_seeds_are_sent_together(there):
    """As many as take some seconds; alone, those that others wait for."""
    of = schedule(next(grids()))
    crew = cluster._Crew(there, (), of, print, {})
    each = [unit(gives="a"), *[unit()] * 7, unit(seeds=(2, 3)), unit(seeds=(2, 3), gives="b")]

    def taken(seconds):
        crew.seconds, left, ahead = seconds, iter(each), []
        while some := crew.take(left, ahead):
            yield some

    for seconds, sizes in ((5, [1] * 10), (1, [1, 3, 3, 1, 1, 1]), (0, [1, 7, 1, 1])):
        found = [*taken(seconds)]
        assert [len(some) for some in found] == sizes
        assert [one for some in found for one in some] == each


def _at_work(topic):
    say = cluster._saying(topic)
    say(2)
    say(3)


def test_what_a_worker_is_at_counts_until_it_is_done_or_lost(there, monkeypatch, overheard):
    told, now, some = [], 10.0, [unit()._replace(steps=6), unit()._replace(steps=4)]
    with cluster._news(there) as (topic, begun):
        crew = cluster._Crew(there, (topic,), None, told.append, begun)
        future = there.submit(_at_work, topic, pure=False)
        for _ in range(1000):  # until it has come, ten seconds at most
            if begun.get(future.key, (0, 0))[0] == 5:  # of both
                break
            time.sleep(0.01)
        else:
            raise AssertionError(begun)
        of = {future.key: some, "another that waits": some}
        clock = types.SimpleNamespace(monotonic=lambda: now)  # and not that of all threads
        monkeypatch.setattr(cluster, "time", clock)
        begun[future.key] = 5, now
        crew.rate = 2.0
        crew.say(of)
        crew.say(of)  # nothing new
        now = 11.5
        crew.say(of)
        now = 100.0  # it cannot be more than all
        crew.say(of)
        begun[future.key] = 0, now  # with another worker, from its beginning
        crew.say(of)
        crew.done = 17
        crew.say({})
    assert told == [5, 3, 2, 7]
    assert overheard[0] == [0, 2, 5]  # as it begins, too


def _gone():
    raise OSError("gone")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same command in one process."""
    place = tmp_path_factory.mktemp("alone")
    _sublim(place).communicate()
    return next(place.glob("sweep-*"))


def _sublim(place, *more):
    words = [sys.executable, "-m", "sim", "sweep", "--seeds", "8", "--chunk", "2", "--out", place]
    words += ["--axis", "student_lr=1e-3,2e-3,3e-3", "--teacher-steps", "300", "--points", "1"]
    return subprocess.Popen(
        [*map(str, (*words, *more))], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def _same(place, alone):
    (folder,) = place.glob("sweep-*")
    a, b = (sim.results.load(one) for one in (folder, alone))
    xr.testing.assert_identical(a.drop_attrs(), b.drop_attrs())
    assert not [*place.glob("**/.sublim-part-*")]


@pytest.mark.slow
def test_the_command_on_two_processes_of_which_one_is_killed(tmp_path, alone):
    run = _sublim(tmp_path, "--workers", "2")
    store, killed = Path("/proc"), False
    while run.poll() is None and not killed:
        time.sleep(0.2)
        if [*tmp_path.glob("store-*/*.nc")]:  # it has begun
            one = [p for p in _children(run.pid, store) if "spawn_main" in _words(p, store)]
            os.kill(max(one), signal.SIGKILL)
            killed = True
    out, _ = run.communicate()
    assert run.returncode == 0, out
    assert killed
    assert "Training on 2 workers, dashboard http" in out
    _same(tmp_path, alone)


OWN = """
import sys
import jax.numpy as jnp
import sim

def log_cosh(z, y, visible):
    return jnp.sum(jnp.where(visible, jnp.logaddexp(z - y, y - z), 0))

def norm(at):
    return jnp.sqrt(sum(jnp.vdot(one["bias"], one["bias"]) for one in at.θ.values()))

def run():
    return sim.sweep("synthetic:12x4", {"student_lr": (1e-3, 1e-2)}, loss=log_cosh, measure=(norm,),
                     widths=(16,), noise_images=96, seeds=4, chunk=2, teacher_steps=4,
                     student_steps=4).drop_attrs()
if __name__ == "__main__":
    here = run()
    with sim.cluster(sys.argv[1]):
        print(here.identical(run()), here.norm.dims)
"""


@pytest.mark.slow
def test_functions_of_ones_own_give_the_same_on_workers_that_never_heard_of_them(tmp_path):
    (script := tmp_path / "own.py").write_text(OWN)
    dask, file = [sys.executable, "-m", "distributed.cli"], tmp_path / "scheduler.json"
    words = [[f"{dask[-1]}.dask_scheduler", "--port", "0"], [f"{dask[-1]}.dask_worker"]]
    words[1] += ["--nthreads", "1", "--memory-limit", "0"]
    others = [
        subprocess.Popen([*dask[:2], *of, "--scheduler-file", file], cwd=ROOT) for of in words
    ]
    try:
        command = [sys.executable, script, file]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        while not file.exists():
            time.sleep(0.2)
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=tmp_path, env=env
        )
    finally:
        for one in others[::-1]:
            one.terminate()
            one.wait()
    assert done.stdout == "True ('student_lr', 'seed', 'model')\n", done.stderr


@pytest.mark.slow
def test_the_command_that_is_killed_goes_on(tmp_path, alone):
    for _ in range(2):
        run = _sublim(tmp_path, "--workers", "2")
        while run.poll() is None and not [*tmp_path.glob("store-*/*.nc")]:
            time.sleep(0.2)
        time.sleep(1)
        run.kill()
        run.communicate()
    run = _sublim(tmp_path, "--workers", "2")
    out, _ = run.communicate()
    assert run.returncode == 0, out
    _same(tmp_path, alone)


def _words(pid, proc):
    return (proc / str(pid) / "cmdline").read_text()


def _children(pid, proc):
    """All that a process has started, and what these have."""
    found = []
    for task in (proc / str(pid) / "task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_children(int(child), proc)]
    return found
