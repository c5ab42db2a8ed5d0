"""Which settings the variance over a full factorial is of: main effects, interactions, seeds."""

import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr

from sim.errors import needs, require
from sim.runs.statistics import student_t, varies

ORDER = 3  # of how many settings an interaction is
LIBRARY = "statsmodels", "analysis"  # and the extra that it is in
SEEDS, REST = "seeds", "more at once, and chance"


def decompose(values: xr.DataArray, order: int = ORDER) -> pd.DataFrame:
    """Split the variance of values [axes…, seed] among axes, their interactions, and seeds.

    A full factorial is balanced, so sums of squares add up whatever the order of terms. Columns:
    term (names of axes, joined by ×), order, df, share (of the total sum of squares), low, high
    (95 %, by the jackknife over seeds, in [0, 1]; NaN for one seed). The last two rows are seeds
    and the remainder: interactions of more axes, and chance; of two seeds, either of which alone
    has nothing between seeds, these have no interval. All are NaN where no value differs from
    another by more than rounding.

    Errors: InputError where statsmodels is missing, or a value is, or what they are laid out by.
    """
    needs(*LIBRARY)
    dims = [*map(str, getattr(values, "dims", ()))]
    axes = [dim for dim in dims if dim != "seed"]
    laid_out = axes and "seed" in dims and values.size
    require("dimensions", dims, laid_out, "one axis or more, and seed, none of them empty")
    whole = isinstance(order, int | np.integer) and order > 0
    require("order", order, whole, "a positive whole number, of axes")
    require("values", "NaN", bool(values.notnull().all()), "numbers, all of them")
    require("values", "inf", bool(np.isfinite(values).all()), "finite, all of them")
    y, seeds = values.transpose(*axes, "seed").values, values.sizes["seed"]
    found = _shares(y, axes, order)
    if seeds == 1:
        return found.assign(low=np.nan, high=np.nan)
    without = [_shares(np.delete(y, i, -1), axes, order).share for i in range(seeds)]
    spread = np.std(without, axis=0) * (seeds - 1) ** 0.5
    half = student_t(seeds) * spread
    half[found.term.isin([SEEDS, REST]) & (seeds < 3)] = np.nan
    ends = {"low": (found.share - half).clip(0), "high": (found.share + half).clip(upper=1)}
    return found.assign(**ends)


def _shares(values: np.ndarray, axes: list[str], order: int) -> pd.DataFrame:
    places = np.indices(values.shape).reshape(values.ndim, -1)
    names = [f"f{i}" for i in range(len(axes))]  # a formula has no words of its own
    of = pd.DataFrame(dict(zip([*names, "seed"], places, strict=True)) | {"y": values.ravel()})
    terms = " + ".join(f"C({name})" for name in names)
    seeds = " + C(seed)" * (values.shape[-1] > 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations, and F of a perfect fit
        from statsmodels.formula.api import ols  # noqa: PLC0415 - a second to import
        from statsmodels.stats.anova import anova_lm  # noqa: PLC0415

        table = anova_lm(ols(f"y ~ ({terms})**{min(order, len(axes))}{seeds}", of).fit())
    total = table.sum_sq.sum() if varies(values) else np.nan
    squares = table.sum_sq / total
    words = dict(zip((f"C({name})" for name in names), axes, strict=True))
    rows = []
    for size in range(1, min(order, len(axes)) + 1):
        for of_axes in combinations(words, size):
            term = ":".join(of_axes)
            row = {"term": " × ".join(words[name] for name in of_axes), "order": size}
            rows.append(row | {"df": table.df[term], "share": squares[term]})
    of_seeds = {"df": table.df.get("C(seed)", 0.0), "share": squares.get("C(seed)", 0 / total)}
    rows.append({"term": SEEDS, "order": 0} | of_seeds)
    left = {"df": table.df["Residual"], "share": squares["Residual"]}
    return pd.DataFrame([*rows, {"term": REST, "order": 0} | left])
