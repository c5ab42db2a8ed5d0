"""Statistics of a run by name, on its Dataset: `ds.sublim`, once `sublim` is imported."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from sim.errors import choose, require, several
from sim.report.markup import latex, markdown
from sim.report.names import begun, counted
from sim.runs.ratios import ratio
from sim.runs.results import fixed
from sim.runs.statistics import Summary, difference, summary

MEASURE = "test_accuracy"
TEACHER = "teacher"
Form = Literal["markdown", "latex", "csv"]


@xr.register_dataset_accessor("sublim")
class Statistics:
    """Statistics over the seeds of a run; what other dimensions it has are kept.

    >>> ds = xr.Dataset(
    ...     {"test_accuracy": (("seed", "model"), [[0.5, 0.25], [1.0, 0.25]])},
    ...     {"model": ["student_aux", "cross_aux"]},
    ... )
    >>> ds.sublim.paired("student_aux", "cross_aux")["mean"].item()
    0.5

    Of fractions, ends of intervals are cut at 0 and 1, where no mean can lie beyond; of their
    differences at −1 and 1. What is cut holds no mean: the coverage is the t-interval's.
    """

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def summary(self, measure: str = MEASURE) -> xr.Dataset:
        """Summarise a measure over seeds, of every model at every point.

        Returns mean, half_width (of the 95 % t-interval), low, high (its ends), sd (between seeds,
        n − 1), n. Errors: InputError for what was not measured, or has no seeds.
        """
        return _laid_out(summary(self._of(measure)))

    def paired(self, treatment: str, control: str, measure: str = MEASURE) -> xr.Dataset:
        """Summarise a model less another, by pairs of seeds: as `summary`.

        Errors: InputError for a model that is not there.
        """
        of = self._of(measure)
        return _laid_out(summary(difference(self._model(of, treatment), self._model(of, control))))

    def transfer(
        self, student: str, control: str, teacher: str = TEACHER, measure: str = ""
    ) -> xr.Dataset:
        """Divide (student − control) by (teacher − control), means over the same seeds.

        measure: the rate of the trait, unless said; of figure 10, test accuracy. Returns ratio, low
        and high (Fieller's 95 % interval: without bounds where the teacher is not clear of the
        control), n. Errors: InputError for a model that is not there.
        """
        rate = "trait_rate" if "trait_rate" in self._ds else MEASURE
        of = self._of(measure or rate)
        names = student, control, teacher
        mine, other, all_of_it = (self._model(of, name).astype(float) for name in names)
        found = ratio(mine - other, all_of_it - other)
        return xr.Dataset(
            {"ratio": found.value, "low": found.low, "high": found.high, "n": found.n}
        )

    def table(
        self,
        form: Form = "markdown",
        measure: str = MEASURE,
        models: Sequence[str] | None = None,
        digits: int = 3,
    ) -> str:
        r"""Write a measure as a table: a row for each point, a column for each model.

        Cells are mean ± half of the 95 % t-interval, or mean [low, high] where that is cut; ×k: k
        seeds diverged; ×all, without an interval: all did. A line below, or the caption, says so,
        what it is of, what a slice was taken at, and how many seeds there are.

        Args:
          form: markdown; latex, for \usepackage{booktabs}; or csv, with mean, half_width, low,
            high, sd and n of each model in a column of their own.
          measure: of one number for each network.
          models: in this order, or the name of one; all, unless said.
          digits: behind the point, 0 to 17.

        Errors: InputError.

        """
        require("form", form, form in ("markdown", "latex", "csv"), "markdown, latex or csv")
        values = self._of(measure)
        once = {"seed", "model", *self._ds.get(MEASURE, values).dims} - {"step", "layer"}
        more = [str(dim) for dim in values.dims if dim not in once]
        rule = f"measured once for each network: choose a place of {', '.join(more)} before"
        require("measure", measure, not more, rule)
        whole = isinstance(digits, int | np.integer) and not isinstance(digits, bool)
        require("digits", digits, whole and 0 <= digits <= 17, "a whole number from 0 to 17")
        wanted = [*map(str, values.model.values)] if models is None else several("models", models)
        for name in wanted:
            self._model(values, name)
        of = summary(values.sel(model=wanted))
        if form == "csv":
            return _laid_out(of).to_dataframe().reset_index().to_csv(index=False)
        axes = [str(dim) for dim in of.mean.dims if dim != "model"]
        head = [*(axis.replace("_", " ") for axis in axes), *wanted]
        lines = [*self._lines(of, axes, digits)]
        about = self._about(values, [cell for line in lines for cell in line[len(axes) :]])
        if form == "markdown":
            return f"{markdown(head, lines)}\n{about}\n"
        return latex(head, lines, f"{about}.")

    def _about(self, values: xr.DataArray, cells: list[str]) -> str:
        """Say what a table is of: the measure, data, where a slice was taken, how to read cells."""
        what = values.attrs.get("long_name", str(values.name)).replace("_", " ")
        # What is measured after training is of no step, whichever was chosen of other measures.
        at = [(n, v) for n, v in fixed(self._ds) if n != "step" or "when" not in values.attrs]
        data = [self._ds.attrs["dataset"]] if "dataset" in self._ds.attrs else []
        n = self._ds.sizes["seed"]
        read = "mean ± half of the 95 % interval" if n > 1 else "one seed, which has no interval"
        read += ", or [low, high] where that is cut" * any("[" in cell for cell in cells)
        if any("×" in cell for cell in cells):
            read += "; ×k: k seeds diverged (kept)"
        of = ", ".join([what, *data, *(" ".join(pair) for pair in at)])
        return f"{begun(of)}: {read}, n = {counted(n, 'seed')}"

    def _lines(self, of: Summary, axes: list[str], digits: int) -> Iterator[list[str]]:
        """Write the cells of each point; ×k: k seeds diverged, somewhere in what a cell is of."""
        lost, n = None, self._ds.sizes["seed"]
        if "diverged" in self._ds:
            lost = self._ds.diverged > 0
            lost = lost.any([d for d in lost.dims if d not in ("seed", *of.mean.dims)]).sum("seed")
        for place in np.ndindex(*(of.mean.sizes[axis] for axis in axes)):
            at = dict(zip(axes, place, strict=True))
            line = [_word(of.mean[axis].values[i]) for axis, i in at.items()]
            for i, model in enumerate(of.mean.model.values):
                k = 0 if lost is None else int(lost.isel(at).sel(model=model))
                text = _cell(of.isel(**at, model=i), digits, bare=k == n)
                line.append(text + f" ×{'all' if k == n else k}" * bool(k))
            yield line

    def _of(self, measure: str) -> xr.DataArray:
        for dim in ("seed", "model"):
            rule = f"of one {dim} or more, with a dimension of that name"
            require("results", {**self._ds.sizes}, self._ds.sizes.get(dim), rule)
        known = [name for name, v in self._ds.data_vars.items() if {"seed", "model"} <= {*v.dims}]
        choose("measure", measure, known)
        models = self._ds.indexes.get("model")
        once = models is not None and models.is_unique
        require("models", [*map(str, self._ds.model.values)], once, "names, each of them once")
        return self._ds[measure]

    def _model(self, of: xr.DataArray, name: str) -> xr.DataArray:
        known = [*map(str, of.model.values)]
        choose("model", name, known)
        return of.sel(model=name, drop=True)


def _laid_out(of: Summary) -> xr.Dataset:
    low, high = of.interval
    parts = {"mean": of.mean, "half_width": of.half_width, "low": low, "high": high}
    return xr.Dataset(parts | {"sd": of.sd, "n": of.n})


def _cell(of: Summary, digits: int, *, bare: bool) -> str:
    """Write mean ± half of its interval, or the interval, where it is cut; bare: the mean alone."""
    mean, half = float(of.mean), float(of.half_width)
    if math.isnan(mean):
        return "–"
    sign = "+" if of.is_difference else ""
    text = f"{mean:{sign}.{digits}f}"
    if bare or math.isnan(half):
        return text
    low, high = (float(end) for end in of.interval)
    if low > mean - half or high < mean + half:
        return f"{text} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"
    return f"{text} ± {half:.{digits}f}"


def _word(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value
    return f"{value:.4g}" if isinstance(value, float) else str(value)
