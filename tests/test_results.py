"""sim/results.py: labels in the right places, files whole or absent."""

import numpy as np
import pytest
import xarray as xr

from sim.engine.programs import Record
from sim.errors import InputError
from sim.runs import results
from sim.training import cast


def record(shape, start):
    field = start + np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return Record(field, field + 1000, field + 2000, field % 2 == 0)


@pytest.fixture
def ds():
    """Two seeds; teachers measured after 0, 3, 5 steps, students after 0, 5, 9."""
    return results.label(
        range(4, 6), ([0, 3, 5], [0, 5, 9]), record((2, 3), 0), record((2, 4, 3), 100)
    )


def test_every_number_is_where_its_label_says(ds):
    assert dict(ds.sizes) == {"seed": 2, "model": 6, "step": 4}
    assert list(ds.seed.values) == [4, 5]
    assert list(ds.step.values) == [0, 3, 5, 9]
    teacher = ds.accuracy_by_step.sel(model="teacher", seed=5).values
    np.testing.assert_array_equal(teacher, [3, 4, 5, np.nan])
    control = ds.accuracy_by_step.sel(model="cross_aux", seed=4).values
    np.testing.assert_array_equal(control, [106, np.nan, 107, 108])
    reference = ds.accuracy_by_step.sel(model="reference", seed=5).values
    np.testing.assert_array_equal(reference, [3, np.nan, np.nan, np.nan])
    assert list(ds.test_accuracy.sel(seed=5).values) == [3, 5, 114, 117, 120, 123]
    assert list(ds.validation_accuracy.sel(seed=5).values) == [1003, 1005, 1114, 1117, 1120, 1123]
    assert ds.loss_by_step.sel(model="student_all", seed=4, step=9) == 2105
    assert list(ds.diverged.sel(seed=4).values) == [True, True, True, False, True, False]


def test_save_and_load(ds, tmp_path):
    results.save(ds, str(tmp_path / results.RESULTS))
    for place in (tmp_path, tmp_path / results.RESULTS):
        xr.testing.assert_identical(results.load(place), ds)
    assert list(ds.model.values) == list(cast.MODELS)


def test_loading_what_is_no_result_says_so(tmp_path):
    with pytest.raises(InputError, match=r"no results\.nc here"):
        results.load(tmp_path)
    with pytest.raises(InputError, match=r"no results\.nc here"):
        results.load(tmp_path / "absent")
    (tmp_path / results.RESULTS).write_bytes(b"not netCDF")
    with pytest.raises(InputError, match="not a results file"):
        results.load(tmp_path)
