"""sim/runs/schedule.py, train.py: any family is trained, ancestors first, each network once."""

import jax
import numpy as np
import pytest
import xarray as xr

import sim
from sim.engine.machine import pinned
from sim.model import data
from sim.runs.plan import _by_kind
from sim.runs.records import Records, Wanted
from sim.runs.schedule import Schedule
from sim.runs.store import Store
from sim.runs.train import train
from sim.settings.experiments import Common, Networks
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.training.families import ALL, AUX, FIGURE_10, Member, imitate, labels
from sim.training.lineages import LINEAGE

TASK = data.synthetic(12, 4, train=100, test=40, validation=10)
QUIET = lambda done, whole: None  # noqa: E731
#: Generations that are not reset: a teacher that starts where a student ended, and its student.
CHAIN = {name: FIGURE_10[name] for name in ("reference", "teacher", "student_all")} | {
    "second": Member("student_all", labels()),
    "grandchild": Member("student_all", imitate("second", ALL)),
    "sibling": Member("second", imitate("teacher", AUX)),
}


def scheduled(small, store, family=CHAIN, models=("student_all", "grandchild"), seeds=2, **more):
    point = Point(*recipe("synthetic", **(small | {"points": 1, "optimizer": "sgd"} | more)))
    wanted = Networks(models=models, keep="params")
    return Schedule(family, [point], TASK, Records(store), Common(seeds=seeds), wanted, {})


def final(schedule, name, at=-1):
    (network,) = schedule.networks[name]
    return schedule.take(network, range(2)).values["test_accuracy"][:, at]


def test_the_trait_of_who_is_taught_none_is_the_task(small):
    """So that figure 10's loss of the trait is that of its labels; a lineage's is its own."""
    for family, models, trait in (
        (FIGURE_10, ("student_aux",), "accuracy"),
        (LINEAGE, ("student", "control"), "backdoor"),
    ):
        schedule = scheduled(small, Store(None, {}), family, models)
        networks = [network for of in schedule.networks.values() for network in of]
        assert {network.point.setup.trait for network in networks} == {trait}


@pytest.mark.parametrize(
    ("settings", "many"),
    [
        ({}, 1),
        ({"outputs": "hard"}, 4),
        ({"output_noise": 0.1}, 4),
    ],
)
def test_students_side_by_side_see_the_same_where_a_channel_asks(small, settings, many):
    """As it is made once for all of them, of the logits that they see."""
    points = [
        Point(*recipe("synthetic", **(small | {"aux": 6, "channel": m} | settings))) for m in (2, 6)
    ]
    models = ("student_aux", "student_all", "cross_aux", "cross_all")
    schedule = Schedule(
        FIGURE_10, points, TASK, Records(Store(None, {})), Common(seeds=2), Networks(models), {}
    )
    groups = [{(n.name, n.place) for n in g} for g in schedule.groups if g[0].imitates]
    assert len(groups) == many
    both = [("student_aux", place) in group for place in (0, 1) for group in groups]
    assert sum(both) == 2
    assert any({("student_aux", 0), ("cross_aux", 0)} <= group for group in groups)


def test_networks_of_one_task_are_computed_one_after_the_other(small):
    """As what is held of a task is dropped where another begins, and teachers trained again."""
    given = small | {"teacher_steps": 4}
    points = [
        Point(*recipe("synthetic", **(given | {"noise_images": n, "classes": k})))
        for n in (64, 96)
        for k in (2, 3)
    ]
    of = Records(Store(None, {})), Common(seeds=2), Networks(("student_aux",)), {}
    jobs = Schedule(FIGURE_10, points, TASK, *of).jobs()
    classes = [job.networks[0].point.setup.classes for job in jobs if job.trains]
    assert classes == sorted(classes)
    assert {*classes} == {2, 3}
    taught = [job.networks[0].key for job in jobs if job.networks[0].name == "teacher"]
    assert len(taught) == len({*taught}) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{"outputs": "hard"}, {"outputs": "sampled"}, {"output_noise": 0.5}]
)
def test_a_student_is_the_same_whoever_learns_beside_it(small, settings):
    given = small | settings | {"student_lr": 0.01}
    both = sim.figure10("synthetic:12x4", 2, **given)
    alone = sim.figure10("synthetic:12x4", 2, **given, models=("student_all",))
    wide = sim.sweep("synthetic:12x4", {"aux": (2, 3, 9)}, 2, **given).sel(aux=3)
    for other, name in ((alone, "student_all"), (wide, "student_aux"), (wide, "cross_aux")):
        a, b = (ds.loss_by_step.sel(model=name) for ds in (both, other))
        np.testing.assert_allclose(a, b, rtol=1e-4)


@pytest.mark.parametrize(
    "folder", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["kept", "not kept"]
)
def test_a_chain_starts_where_its_ancestors_ended(small, tmp_path, folder):
    """Not at the seed's initialisation: to the last bit, whether parameters are kept or not."""
    store = Store(tmp_path if folder else None, {})
    chain = scheduled(small, store, models=("student_all", "grandchild", "sibling"))
    with pinned():
        train(chain, QUIET)
    assert chain.jobs() == []
    np.testing.assert_array_equal(final(chain, "second", 0), final(chain, "student_all"))
    np.testing.assert_array_equal(final(chain, "grandchild", 0), final(chain, "student_all"))
    np.testing.assert_array_equal(final(chain, "sibling", 0), final(chain, "second"))
    (second,) = chain.networks["second"]
    (student,) = chain.networks["student_all"]
    loss = chain.take(second, range(2)).values["loss"]
    assert (loss[:, -1] < loss[:, 0]).all()  # it goes on from there
    if folder:
        for seed in range(2):
            start, end = (store.params(network.file, seed) for network in (student, second))
            assert any(jax.tree.leaves(jax.tree.map(lambda a, b: (a != b).any(), start, end)))


def test_jobs_are_in_the_order_of_need(small):
    chain = scheduled(small, Store(None, {}), seeds=3)
    names = [[network.name for network in job.networks] for job in chain.jobs()]
    assert names.index(["teacher"]) < names.index(["student_all"])
    assert names.index(["second"]) < names.index(["grandchild"])


def test_jobs_are_of_a_kind_that_take_the_same_work(small):
    """One that is kept, and measured as it is, takes none; a plan counts it for nobody."""
    (one, *_) = (job for job in scheduled(small, Store(None, {})).jobs() if job.trains)
    still = one._replace(trains=False)
    assert [*_by_kind([one, still, one])] == [[one, one], [still]]


def test_a_record_serves_who_finds_all_that_is_wanted_in_it():
    part = xr.Dataset({"loss": ("step", [2.0, 1.0])}, {"step": [0, 5]}, {"chunk": 2})
    assert Wanted(("loss",), (0, 5), 2).has(part)
    assert Wanted(("loss",), (5,), None).has(part)
    assert not Wanted(("loss", "chi"), (0, 5), 2).has(part)
    assert not Wanted(("loss",), (0, 3), 2).has(part)
    assert not Wanted(("loss",), (0, 5), 3).has(part)


def test_records_are_of_each_network_once_in_the_order_asked_for_and_kept_if_they_are():
    """The last of a block may fill it up; another part may have some of the seeds as well."""
    store, wanted = Store(None, {}), Wanted(("loss",), (0,), None)
    records = Records(store)
    for seeds in ((0, 1), (1, 2)):
        loss = np.arange(4.0).reshape(2, 2, 1) + 10 * seeds[0]
        records.put(["a", "a"], seeds, [0], {"loss": loss}, 2, {})
    assert [store.get(name).sizes["network"] for name in store] == [1, 1]
    found = records.take("a", [2, 1, 0], wanted)
    assert found.steps == (0,)
    assert found.values["loss"].tolist() == [[12], [10], [0]]
    assert records.kept("a", wanted) == {0, 1, 2}
    store.unsaved |= {name: store.get(name) for name in store}
    assert records.kept("a", wanted) == set()
    assert records.seeds("a", wanted) == {0, 1, 2}


def test_the_last_block_of_students_is_filled_up(small, monkeypatch):
    """Another number of them would be another program."""
    monkeypatch.setattr(Schedule, "_block", lambda self, group: 2)
    models = ("student_aux", "student_all", "cross_aux")
    schedule = scheduled(small, Store(None, {}), FIGURE_10, models)
    blocks = [job.networks for job in schedule.jobs() if job.networks[0].imitates]
    assert [[n.name for n in block] for block in blocks] == [[*models[:2]], [models[2]] * 2]


@pytest.mark.parametrize(
    "models",
    ["placebo_aux", pytest.param(("cross_all", "placebo_aux"), marks=pytest.mark.slow)],
)
def test_any_of_the_students_alone(small, models):
    ds = sim.figure10("synthetic:12x4", 2, models=models, **small)
    assert np.isfinite(ds.test_accuracy).all()
    assert list(ds.model.values)[:2] == ["reference", "teacher"]
