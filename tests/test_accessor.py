"""sim/report/accessor.py: statistics by name, on a Dataset, as numpy has them."""

import subprocess
import sys
from io import StringIO

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import sim
import sublim
from sim.errors import InputError
from sim.runs import results
from tests import made_up

MODELS = ("teacher", "student_aux", "cross_aux")


@pytest.fixture(scope="module")
def ds():
    return made_up.sweep(7, models=MODELS, aux=[1, 3], noise=["uniform", "a_b"])


def test_a_summary_keeps_all_but_seeds(ds):
    found = ds.sublim.summary()
    assert {*found.data_vars} == {"mean", "half_width", "low", "high", "sd", "n"}
    assert dict(found.sizes) == {"aux": 2, "noise": 2, "model": 3}
    at = {"aux": 3, "noise": "a_b", "model": "student_aux"}
    values = ds.test_accuracy.sel(at).values
    low, high = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
    here = found.sel(at)
    assert float(here["mean"]) == pytest.approx(values.mean())
    assert float(here["sd"]) == pytest.approx(values.std(ddof=1))
    assert (float(here.low), float(here.high)) == pytest.approx((low, high))
    assert int(here.n) == 7


def test_intervals_of_fractions_stay_in_their_range(ds):
    sure = ds.copy(deep=True)
    sure.test_accuracy[..., 0, :] = 0.0  # one seed apart
    above = (sure.test_accuracy > 0).astype(float)
    sure["test_accuracy"] = above.assign_attrs(sure.test_accuracy.attrs)  # older xarrays drop them
    no_range = sure.assign(test_accuracy=sure.test_accuracy.drop_attrs())
    assert float(no_range.sublim.summary().high.max()) > 1
    found = sure.sublim.summary()
    assert float(found.high.max()) == 1
    assert float(found.low.min()) >= 0
    assert "0.857 [0.508, 1.000]" in sure.sublim.table()


def test_pairs_and_transfer_are_of_the_same_seeds(ds):
    of = ds.test_accuracy.isel(aux=1, noise=0)
    a, b, t = (of.sel(model=m).values for m in ("student_aux", "cross_aux", "teacher"))
    found = ds.sublim.paired("student_aux", "cross_aux").isel(aux=1, noise=0)
    test = stats.ttest_rel(a, b).confidence_interval()
    assert float(found["mean"]) == pytest.approx((a - b).mean())
    assert (float(found.low), float(found.high)) == pytest.approx((test.low, test.high))
    found = ds.sublim.transfer("student_aux", "cross_aux").isel(aux=1, noise=0)
    assert float(found.ratio) == pytest.approx((a - b).mean() / (t - b).mean())
    for end in (float(found.low), float(found.high)):  # of Fieller's: the test just lets it stand
        if np.isfinite(end):
            assert stats.ttest_1samp(a - b - end * (t - b), 0).pvalue == pytest.approx(0.05)


def test_of_a_lineage_it_is_the_rate_of_the_trait(ds):
    of = ds.assign(trait_rate=ds.test_accuracy**2)
    assert not of.sublim.transfer("student_aux", "cross_aux").equals(
        of.sublim.transfer("student_aux", "cross_aux", measure="test_accuracy")
    )


def test_a_table_in_markdown_latex_and_csv(ds):
    lost = ds.copy(deep=True)
    lost.diverged[0, 1, :2, 1] = True
    lines = lost.sublim.table(models=["student_aux", "teacher"], digits=2).splitlines()
    assert lines[0] == "| aux | noise | student_aux | teacher |"
    assert len(lines) == 2 + 4 + 2
    mean = float(ds.test_accuracy[0, 1, :, 1].mean())
    assert lines[3].startswith(f"| 1 | a_b | {mean:.2f} ")
    assert " ×2 |" in lines[3]
    assert "×" not in lines[2] + lines[4]
    assert lines[-1].endswith("n = 7 seeds")
    tex = lost.sublim.table("latex")
    assert r"1 & a\_b & " in tex
    assert r"\caption{" in tex
    assert tex.count(r"\\") == 1 + 4
    assert "±" not in tex
    rows = pd.read_csv(StringIO(ds.sublim.table("csv")))
    assert len(rows) == 2 * 2 * 3
    assert rows["mean"][0] == pytest.approx(float(ds.test_accuracy[0, 0, :, 0].mean()))
    assert ds.sublim.table(models="teacher") == ds.sublim.table(models=["teacher"])
    assert " ± 0 |" in ds.sublim.table(digits=0)
    one = ds.isel(aux=0, noise=0, drop=True).sublim.table().splitlines()
    assert one[0] == "| teacher | student_aux | cross_aux |"


def test_below_a_table_stands_how_to_read_it(ds):
    """What a slice was taken at, brackets, crosses; one seed has no interval, nor have the lost."""

    def last(of, **how):
        return of.sublim.table(**how).splitlines()[-1]

    end = "class head, made up: mean ± half of the 95 % interval, n = 7 seeds"
    assert last(ds).endswith(end)
    assert ", made up, aux 3, noise a_b: mean" in last(ds.sel(aux=3, noise="a_b"))
    lost = ds.isel(noise=0, drop=True).copy(deep=True)
    lost.test_accuracy[0, :, 0] = [0, 0, 0, 0, 0, 0, 1]
    lost.diverged[1, :, 1], lost.diverged[1, 0, 2] = True, True
    read = "interval, or [low, high] where that is cut; ×k: k seeds diverged (kept), n = 7 seeds"
    assert last(lost).endswith(read)
    mean = float(lost.test_accuracy[1, :, 1].mean())
    assert f"| {mean:.3f} ×all |" in lost.sublim.table()
    assert "one seed, which has no interval, n = 1 seed" in last(ds.isel(seed=[2]))
    over = lost.assign(mine=lost.test_accuracy.mean("aux"))  # of fewer axes than the run
    assert over.sublim.table(measure="mine").splitlines()[2].count("×") == 2
    by_step = ds.assign(along=ds.test_accuracy.expand_dims(step=[0, 5]))
    by_step.test_accuracy.attrs["when"] = "after training"
    assert ", step 5: " in last(by_step.sel(step=5), measure="along")
    assert "step" not in last(by_step.sel(step=5))


def test_names_are_words_in_markdown_and_latex(ds):
    of = ds.isel(aux=0, drop=True).assign_coords(noise=["[0, 1] <b>", "*a|b>"])
    assert r"| [0, 1] \<b> | " in of.sublim.table()
    tex = of.sublim.table("latex")
    assert "\n{[}0, 1] \\textless{}b\\textgreater{} & " in tex  # \\[0, 1] were a length
    assert "\n{*}a\\textbar{}b\\textgreater{} & " in tex


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (
            lambda ds: ds.sublim.summary("colour"),
            "measure = 'colour': must be one of test_accuracy",
        ),
        (
            lambda ds: ds.sublim.paired("student_aux", "nobody"),
            "model = 'nobody': must be one of teacher",
        ),
        (lambda ds: ds.sublim.table(models=["nobody"]), "model = 'nobody': must be one of teacher"),
        (lambda ds: ds.sublim.table("word"), "form = 'word': must be markdown, latex or csv"),
        (lambda ds: ds.sublim.table(digits=-1), "digits = -1: must be a whole number from 0"),
        (lambda ds: ds.sublim.table(digits=2.5), "digits = 2.5: must be a whole number from 0"),
        (lambda ds: ds.sublim.table(models=[]), "models = .*: must be one name or more"),
        (lambda ds: ds.sublim.table(models=5), "models = 5: must be one name or more"),
        (lambda ds: ds.isel(model=[]).sublim.summary(), "must be of one model or more"),
        (lambda ds: ds.sublim.table(models="nobody"), "model = 'nobody': must be one of teacher"),
        (
            lambda ds: ds.isel(seed=0).sublim.table(),
            "results = .*: must be of one seed or more, with a dimension of that name",
        ),
        (
            lambda ds: ds.assign(more=ds.test_accuracy.expand_dims(fold=2)).sublim.table(
                measure="more"
            ),
            "measure = 'more': must be .*choose a place of fold before",
        ),
        (
            lambda ds: xr.concat([ds, ds.isel(model=[1])], "model").sublim.summary(),
            "models = .*'student_aux'.*: must be names, each of them once",
        ),
        (
            lambda ds: xr.concat([ds, ds.isel(seed=[2])], "seed").sublim.summary(),
            "each seed once; have 2 more than once",
        ),
    ],
)
def test_what_is_not_there_is_said(ds, call, rule):
    with pytest.raises(InputError, match=rule):
        call(ds)


def test_a_step_is_chosen_before(ds):
    along = ds.assign(along=ds.test_accuracy.expand_dims(step=[0, 5]))
    with pytest.raises(InputError, match="choose a place of step before"):
        along.sublim.table(measure="along")
    assert along.sel(step=5).sublim.table(measure="along")


def test_what_is_calculated_of_results_keeps_no_range(ds):
    """An interval is not cut where no mean of a fraction, but one of this, may lie."""
    attrs = ds.test_accuracy.attrs
    of = ds.isel(aux=0, noise=0, drop=True)[["test_accuracy"]]
    for values in (of * 100, of - of.sel(model="teacher", drop=True), np.log(of)):
        again = values.test_accuracy.assign_attrs(attrs)  # older xarrays drop them
        changed = values.assign(test_accuracy=again)
        found = changed.sublim.summary()
        free = changed.test_accuracy.drop_attrs().to_dataset(name="test_accuracy").sublim.summary()
        xr.testing.assert_equal(found, free)
        assert " ± " in changed.sublim.table()
        assert "[" not in changed.sublim.table()


def test_flags_are_compared_as_numbers(ds):
    lost = ds.copy(deep=True)
    lost.diverged[..., :3, 2] = True  # of the controls, three of seven
    found = lost.sublim.paired("student_aux", "cross_aux", "diverged")
    np.testing.assert_allclose(found["mean"], -3 / 7)
    unsigned = ds.assign(answers=(100 * ds.test_accuracy).astype("uint8").drop_attrs())
    of = unsigned.answers.astype(float)
    found = unsigned.sublim.transfer("student_aux", "cross_aux", measure="answers")
    mine, other, first = (of.sel(model=m) for m in ("student_aux", "cross_aux", "teacher"))
    expected = (mine - other).mean("seed") / (first - other).mean("seed")
    np.testing.assert_allclose(found.ratio, expected.where(np.isfinite(expected)))


def test_a_run_that_xarray_opens(tmp_path, ds):
    """In a process that knows the file and the package's name."""
    results.save(ds.assign_attrs(settings="{}"), tmp_path / "results.nc")
    code = "import xarray, sublim; ds = xarray.open_dataset('results.nc', engine='h5netcdf'); "
    code += "print(ds.sublim.table(models=['student_aux']))"
    words = [sys.executable, "-c", code]
    said = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert said.strip() == ds.sublim.table(models=["student_aux"]).strip()


def test_one_name_for_all():
    assert sublim.figure10 is sim.figure10
    assert sublim.theory.__name__ == "theory"
    assert {*sim.__all__} <= {*sublim.__all__}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sublim.nothing
