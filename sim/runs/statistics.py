"""Statistics over seeds, at every place of a result's other dimensions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sim.errors import InputError, require


class Summary(NamedTuple):
    """Statistics over seeds, each an array over the dimensions that are left.

    mean. half_width: of the mean's 95 % t-interval (NaN for one seed). sd: the standard deviation
    between seeds (n − 1). n: the number of seeds.
    """

    mean: xr.DataArray
    half_width: xr.DataArray
    sd: xr.DataArray
    n: xr.DataArray

    @property
    def interval(self) -> tuple[xr.DataArray, xr.DataArray]:
        """Ends of the mean's 95 % interval, cut where no mean can lie.

        A fraction's mean lies in [0, 1], a difference of two in [−1, 1]: what the cut takes away
        holds no mean, so the coverage is the t-interval's. xarray lets an array's range stand when
        a person calculates with it: of values beyond it nothing is cut; differences are for
        `difference` to make.
        """
        low, high = _range(self.mean)
        return (self.mean - self.half_width).clip(low), (self.mean + self.half_width).clip(max=high)

    @property
    def is_difference(self) -> bool:
        """Tell whether it is of differences, whose sign matters."""
        return "difference" in self.mean.attrs

    def isel(self, **places: int) -> "Summary":
        """Take the same at some places of the dimensions that are left, by number."""
        return Summary(*(field.isel(places) for field in self))


def student_t(n: Any, p: float = 0.975) -> Any:
    """Give the quantile of Student's t for means of n values: at p = .975, of 95 % intervals."""
    # scipy.stats takes a second longer to import, and a plan is made without either.
    from scipy.special import stdtrit  # noqa: PLC0415

    return stdtrit(n - 1, p)


def varies(values: np.ndarray) -> bool:
    """Tell whether values differ by more than rounding, a few times over, does to each."""
    apart = np.sum((values - values.mean()) ** 2)
    return bool(apart > (16 * np.finfo(float).eps) ** 2 * np.sum(values**2))


def summary(values: xr.DataArray | Sequence[float] | np.ndarray, over: str = "seed") -> Summary:
    """Reduce the dimension of seeds to mean, half-width, standard deviation and n.

    Args:
      values: an array with the dimension `over`; of a plain array, which has no names, only one
        dimension, the seeds.
      over: the name of that dimension.

    Errors: InputError for an array without it, with no seeds, with one of them twice, or with
    values that are masked or no real numbers.

    """
    if np.ma.is_masked(values):
        raise InputError("values: must have none that is masked: leave these seeds out before")
    named = isinstance(values, xr.DataArray)
    kind = (values if named else np.asarray(values)).dtype
    if kind.kind in "cSUMm":  # of complex ones, half would be left out
        raise InputError(f"values of type {kind}: must be real numbers")
    if not named:
        if np.ndim(values) != 1:
            rule = "one dimension, of seeds, or be an xarray DataArray, whose dimensions have names"
            raise InputError(f"values of {np.ndim(values)} dimensions: must have {rule}")
        values = xr.DataArray(np.asarray(values, float), dims=over)
    if over not in values.dims or not values.sizes[over]:
        have = ", ".join(f"{name}: {size}" for name, size in values.sizes.items()) or "none"
        raise InputError(f"values: must have a dimension {over!r} of one or more; have {have}")
    if over in values.indexes and not (seeds := values.indexes[over]).is_unique:
        twice = ", ".join(map(str, seeds[seeds.duplicated()].unique()))
        raise InputError(f"values: must have each {over} once; have {twice} more than once")
    n, kept = values.sizes[over], _within(values)
    values = values.astype(float)
    values.attrs = {}
    mean = values.mean(over, skipna=False)
    sd = values.std(over, ddof=1, skipna=False) if n > 1 else xr.full_like(mean, np.nan)
    half_width = sd * (student_t(n) / n**0.5)
    return Summary(mean.assign_attrs(kept), half_width, sd, xr.full_like(mean, n, dtype=int))


def paired(ds: xr.Dataset, treatment: str, control: str, measure: str = "test_accuracy") -> Summary:
    """Summarise the difference in a measure between two models, seed by seed.

    Errors: InputError for a measure or a model that is not there.
    """
    whole = isinstance(ds, xr.Dataset) and "model" in ds.dims
    require("results", type(ds).__name__, whole, "a Dataset over models")
    models = list(ds.model.values)
    for name, known in ((measure, list(ds.data_vars)), (treatment, models), (control, models)):
        if name not in known:
            raise InputError(f"{name!r}: must be one of {', '.join(map(str, known))}")
    of = ds[measure]
    return summary(difference(of.sel(model=treatment, drop=True), of.sel(model=control, drop=True)))


def difference(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """Subtract b from a, of the same seeds, and note where the mean of that can lie."""
    ranges = (_range(of.drop_attrs().assign_attrs(_within(of))) for of in (a, b))
    (a_low, a_high), (b_low, b_high) = ranges
    found = a.drop_attrs().astype(float) - b.drop_attrs().astype(float)  # of flags, too
    return found.assign_attrs(difference="a − b", valid_range=(a_low - b_high, a_high - b_low))


def _within(values: xr.DataArray) -> dict[str, Any]:
    """Give attributes, without a range that values have left: it is of what they are made of."""
    low, high = _range(values)
    inside = ((values >= low) & (values <= high)) | ~np.isfinite(values)
    whole = bool(inside.all())
    return {name: value for name, value in values.attrs.items() if whole or name != "valid_range"}


def _range(values: xr.DataArray) -> tuple[float, float]:
    low, high = values.attrs.get("valid_range", (-np.inf, np.inf))
    return float(low), float(high)
