"""sim/runs/results.py: labels in the right places, units as declared, files whole or absent."""

import numpy as np
import pytest
import xarray as xr

from sim.errors import InputError
from sim.runs import results
from sim.settings.setup import Setup
from sim.training.measures import ALWAYS
from tests import made_up


@pytest.fixture
def ds():
    """Two seeds; teachers measured after 0, 3, 5 steps, students after 0, 5, 9."""

    def draw(model, shape):
        start = 100 * made_up.MODELS.index(model)
        field = start + np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        return field, field + 1000, field + 2000, field % 2 == 0

    return made_up.figure10(range(4, 6), draw)


def test_every_number_is_where_its_label_says(ds):
    assert dict(ds.sizes) == {"seed": 2, "model": 6, "step": 4}
    assert list(ds.seed.values) == [4, 5]
    assert list(ds.step.values) == [0, 3, 5, 9]
    teacher = ds.accuracy_by_step.sel(model="teacher", seed=5).values
    np.testing.assert_array_equal(teacher, [103, 104, 105, np.nan])
    control = ds.accuracy_by_step.sel(model="cross_aux", seed=4).values
    np.testing.assert_array_equal(control, [400, np.nan, 401, 402])
    reference = ds.accuracy_by_step.sel(model="reference", seed=5).values
    np.testing.assert_array_equal(reference, [1, np.nan, np.nan, np.nan])
    assert list(ds.test_accuracy.sel(seed=5).values) == [1, 105, 205, 305, 405, 505]
    assert list(ds.validation_accuracy.sel(seed=5).values) == [1001, 1105, 1205, 1305, 1405, 1505]
    assert ds.loss_by_step.sel(model="student_all", seed=4, step=9) == 2302
    assert list(ds.diverged.sel(seed=4).values) == [True, True, True, True, True, True]
    assert ds.diverged.dtype == bool
    assert ds.test_accuracy.dtype == ds.loss_by_step.dtype == np.float32


def test_variables_say_their_units_and_where_means_can_lie(ds):
    for name in ("test_accuracy", "validation_accuracy", "accuracy_by_step"):
        assert ds[name].attrs["units"] == "fraction"
        assert ds[name].attrs["valid_range"] == (0, 1)
    assert ds.loss_by_step.attrs["units"] == "nats"
    both = [Setup(loss="kl"), Setup(loss="squared_error")]
    one = made_up.record([0, 1], [np.zeros((2, 2))] * 4)
    axes = {"loss": ("kl", "squared_error")}
    two = results.labelled(axes, range(2), {"teacher": [one, one]}, ALWAYS, both, along=False)
    assert two.training_loss.attrs["units"] == "nats or squared logits"
    assert two.training_loss.dims == ("loss", "seed", "model")
    assert "step" not in two.dims


def test_save_and_load(ds, tmp_path):
    results.save(ds, str(tmp_path / results.RESULTS))
    for place in (tmp_path, tmp_path / results.RESULTS):
        xr.testing.assert_identical(results.load(place), ds)
    assert tuple(ds.model.values) == made_up.MODELS


def test_loading_what_is_no_result_says_so(tmp_path):
    with pytest.raises(InputError, match=r"no results\.nc here"):
        results.load(tmp_path)
    with pytest.raises(InputError, match=r"no results\.nc here"):
        results.load(tmp_path / "absent")
    (tmp_path / results.RESULTS).write_bytes(b"not netCDF")
    with pytest.raises(InputError, match="not a results file"):
        results.load(tmp_path)
