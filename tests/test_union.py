"""sim/studies/union.py: several finished runs as one, nothing lost, nothing made up."""

import json

import numpy as np
import pytest
import xarray as xr

import sim
from sim.errors import InputError, Notice
from sim.settings import rules
from sim.settings.experiments import Common
from tests import made_up

AXES = {"student_lr": [1e-3, 3e-3, 1e-2], "noise": ["uniform", "gaussian"]}


CASES = ('{"gaussian": {"aux": 3}}', '{"gaussian": {"aux": 4}}')


def of(ds, **about):
    """A run as it would be of these points and seeds alone."""
    axes = [[axis, ds[axis].values.tolist()] for axis in AXES]
    ran = {"settings": {"setup": {"batch": 64}, "hyper": {}, "axes": axes}}
    ran |= {"validation": 0.0, "data_sha256": "d", "versions": {"jax": "1"}}
    attrs = {"settings": json.dumps(ran), "chunk": 4, "device": "cpu", "revision": "a"}
    attrs |= {"versions": '{"jax": "1"}', "study": "sweep", "store": "store-x", "wall_seconds": 2.0}
    return ds.assign_attrs(attrs | about)


def whole():
    ds = made_up.sweep(6, **AXES)
    ds["test_accuracy"][0, 0, 1, 2] = np.nan  # of a student that diverged, say
    names = np.array([f"n{i}" for i in range(24)]).reshape(3, 2, 4)
    return of(ds.assign_coords(network=((*AXES, "model"), names)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"seed": [4, 5]}, {"seed": [0, 1, 2, 3]}),
        ({"seed": [0, 1, 2, 3]}, {"seed": [2, 3, 4, 5]}),  # those of both count once
        ({"student_lr": [0, 2]}, {"student_lr": [1]}),
        ({"noise": [0]}, {"noise": [1]}),
        ({"model": [0, 1, 2]}, {"model": [3]}),
    ],
)
def test_parts_make_the_whole(first, second):
    ds = whole()
    both = sim.combine(*(of(ds.isel(part)) for part in (first, second)))
    xr.testing.assert_identical(both.drop_attrs(), ds.drop_attrs())
    assert both.test_accuracy.attrs == ds.test_accuracy.attrs
    settings = json.loads(both.attrs["settings"])["settings"]
    assert settings["axes"] == [[axis, [*values]] for axis, values in AXES.items()]
    assert (both.attrs["seeds"], both.attrs["wall_seconds"]) == (6, 4.0)
    assert both.attrs["store"] == "store-x"


def test_runs_of_other_functions_are_no_sample_and_of_other_code_a_word_is_said():
    ds = whole()

    def part(seeds, **more):
        one = of(ds.isel(seed=seeds))
        return one.assign_attrs(settings=json.dumps(json.loads(one.attrs["settings"]) | more))

    with pytest.raises(InputError, match=r"functions = .*: must be the same in all runs"):
        sim.combine(
            part([0, 1], functions={"activation mine": "a"}),
            part([2, 3], functions={"activation mine": "b"}),
        )
    for name in ("code_sha256", "jax_settings", "python"):
        with pytest.warns(Notice, match=f"{name} is not the same in all runs"):
            sim.combine(part([0, 1], **{name: "a"}), part([2, 3], **{name: "b"}))


def test_seeds_are_named_as_they_are():
    ds = whole()
    late = [of(ds.isel(seed=part)) for part in ([2], [3])]
    assert sim.combine(*late).attrs["seeds"] == "2:4"
    assert sim.combine(of(ds.isel(seed=[0])), of(ds.isel(seed=[5]))).attrs["seeds"] == "0,5"


def refused(match, *runs):
    with pytest.raises(InputError, match=match):
        sim.combine(*runs)


def test_what_is_no_union_is_refused():
    ds = whole()
    a, b = of(ds.isel(seed=[0, 1])), of(ds.isel(seed=[1, 2]))
    refused("runs = 1: must be two or more", a)
    refused("runs = 'sweep': must be runs that differ: one of them is there twice", a, b, a.copy())
    other = a.assign_attrs(settings=a.attrs["settings"].replace("64", "32"))
    refused("batch = 32: must be the same in all runs; the first has 64", b, other)
    other = a.assign_attrs(settings=a.attrs["settings"].replace('"d"', '"e"'))
    refused("data = 'e': must be the same", b, other)
    refused("axes = ", a, a.isel(noise=0, drop=True))
    refused(
        "runs = .'validation_accuracy'.: must be what all", a, b.drop_vars("validation_accuracy")
    )
    other = b.assign_coords(network=b.network + "x").assign_attrs(chunk=1)
    refused("runs = 'network': must be the same", a, other)
    cases = [a.attrs["settings"].replace('["uniform", "gaussian"]', one) for one in CASES]
    refused(
        "noise gaussian = ", a.assign_attrs(settings=cases[0]), b.assign_attrs(settings=cases[1])
    )
    corner = of(ds.isel(seed=[2], noise=[0]))
    refused(
        "36 networks are in none, as student_lr 0.001, noise gaussian, seed 2",
        a.isel(noise=[1]),
        corner,
    )
    changed = b.assign(test_accuracy=b.test_accuracy + 1e-7)
    refused("test_accuracy'?: must be the same, bit by bit", a, changed)
    with pytest.warns(Notice, match="the first's counts"):
        both = sim.combine(a, changed.assign_attrs(device="gpu"))
    np.testing.assert_array_equal(both.test_accuracy[:, :, 1], a.test_accuracy[:, :, 1])
    assert both.attrs["device"] == "cpu; gpu"


@pytest.mark.parametrize("dim", ["seed", "model", "noise"])
def test_a_run_of_nothing_is_refused(dim):
    nothing = whole().isel({dim: slice(0)})
    for runs in ((whole(), nothing), (nothing, whole())):
        with pytest.raises(InputError, match=f"runs = '0 of {dim}': must be of one {dim} or more"):
            sim.combine(*runs)


def test_seeds_as_words():
    assert [*rules.seeds(3)] == [0, 1, 2]
    assert [*Common(seeds="100:103").each_seed] == [100, 101, 102]
    for wrong in ("3:3", "4:3", "-1:3", "a", "1:2:3", "", 0, -2, 10**7):
        assert not rules.SEEDS.holds(wrong, {})
