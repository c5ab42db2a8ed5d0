"""Ratios of two means over paired seeds, with Fieller's interval."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sim.errors import InputError
from sim.runs.statistics import student_t


class Ratio(NamedTuple):
    """Ratio of two means over seeds, each an array over the dimensions that are left.

    value: mean / mean (NaN where the denominator's is 0). low, high: ends of its 95 % interval;
    −inf and inf where the denominator's mean is not clear of 0, NaN for one seed. n: the number of
    seeds.
    """

    value: xr.DataArray
    low: xr.DataArray
    high: xr.DataArray
    n: xr.DataArray

    def isel(self, **places: int) -> "Ratio":
        """Take the same at some places of the dimensions that are left, by number."""
        return Ratio(*(field.isel(places) for field in self))


def ratio(numerator: xr.DataArray, denominator: xr.DataArray, over: str = "seed") -> Ratio:
    """Divide the mean over seeds by another of the same seeds, with Fieller's 95 % interval.

    It holds each ratio ρ that a paired t-test of numerator − ρ · denominator lets stand. Where
    these have no bounds on both sides (Fieller's g ≥ 1), even if a stretch between is ruled out,
    it is the whole line. A seed that is no finite number makes its place NaN.

    Args:
      numerator: an array with the dimension `over`.
      denominator: another; where both have a dimension, of the same places in the same order.
      over: the name of the dimension of seeds.

    Errors: InputError for an array without that dimension, or for two of different places.

    """
    _pair(numerator, denominator, over)
    n = numerator.sizes[over]
    top, top_apart = _split(numerator, over)
    bottom, bottom_apart = _split(denominator, over)
    value = top / bottom.where(bottom != 0)
    # With ρ = value + δ, the test lets stand: clear · δ² − 2 · shift · δ ≤ spread. That has no
    # difference of large numbers in it, unlike the quadratic in ρ, and is exact without a spread.
    t2 = float(student_t(n)) ** 2 / (n * (n - 1)) if n > 1 else np.nan
    apart = top_apart - value * bottom_apart
    spread = t2 * (apart**2).sum(over, skipna=False)
    shift = -t2 * (apart * bottom_apart).sum(over, skipna=False)
    clear = bottom**2 - t2 * (bottom_apart**2).sum(over, skipna=False)
    unbounded = (clear <= 0) & top.notnull()
    clear = clear.where(clear > 0)
    root = (shift**2 + clear * spread) ** 0.5
    low = (value + (shift - root) / clear).where(~unbounded, -np.inf)
    high = (value + (shift + root) / clear).where(~unbounded, np.inf)
    return Ratio(value, low, high, xr.full_like(value, n, dtype=int))


def _pair(a: xr.DataArray, b: xr.DataArray, over: str) -> None:
    for name, values in (("numerator", a), ("denominator", b)):
        if over not in values.dims or not values.sizes[over]:
            have = ", ".join(f"{dim}: {size}" for dim, size in values.sizes.items()) or "none"
            raise InputError(f"{name}: must have a dimension {over!r} of one or more; have {have}")
    for dim in a.dims:
        if dim in b.dims:
            have = [f"{v.sizes[dim]} of them" for v in (a, b)]
            if have[0] == have[1] and dim in a.coords and dim in b.coords:  # by number otherwise
                labels = zip(a[dim].values, b[dim].values, strict=True)
                have = next(([x, y] for x, y in labels if x != y), have)
            if have[0] != have[1]:
                rule = f"must be of the same {dim}, in the same order"
                raise InputError(f"numerator and denominator: {rule}; {have[0]} is not {have[1]}")


def _split(values: xr.DataArray, over: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Take the mean over seeds, and what each seed adds to it: exactly 0 where all are equal."""
    values = values.drop_attrs(deep=False).astype(float)
    values = values.where(np.isfinite(values))
    first = values.isel({over: 0}, drop=True)
    apart = values - first
    mean = apart.mean(over, skipna=False)
    return first + mean, apart - mean
