"""What the measurements of `sim.checks` say: one line per statement, with its verdict.

Which hypotheses were checked, what was measured and over how many cases stands beside each; a
statement is never said to hold because nothing was tested. None is said to be violated by what a
few seeds, rounding or too large a step do to a true one: that is `UNDECIDED`.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import xarray as xr

from sim.studies.theorem import rows_of_many_steps, rows_of_one_step
from sim.studies.theorem.checks import DEEP
from sim.studies.theorem.judged import (
    ENOUGH,
    KINKED,
    KINKS,
    Statement,
    at_most,
    counted,
    interval,
    order,
    refuted,
)
from sim.studies.theorem.run import ASCII
from theory.conditions import Conditions
from theory.one_step import Ladder
from theory.preconditioned import Change
from theory.rounding import tends_to
from theory.verdict import Finding, Verdict, judge, sign

CONDITIONS = ("minimum", "semi_definite", "null_space")
SOFTMAX = ("kl", "cross_entropy")
#: Of dimensions, by which numbers are taken out of their arrays: cases, then what they go along.
ORDER = (
    *("width", "network", "case", "broken", "loss", "head_loss", "walk_loss", "seed", "lazy_seed"),
    *("choice", "times", "optimizer", "channel", "quantum", "strength", "draw", "filter", "ratio"),
    *("scale", "momentum", "swing", "generation", "share", "look", "time", "seen"),
    *("map_alpha", "map_epsilon", "boundary_epsilon", "epsilon", "shared_epsilon", "alpha"),
    *("channel_epsilon", "filter_epsilon", "kept", "swing_step", "walk_step", "step_size", "probe"),
)
GRADIENTS = ("data", "other data", "regulariser", "random direction")  # not degenerate by intent


def statements(ds: xr.Dataset) -> list[Statement]:
    """Make the table of `sublim theorem` from its results."""
    ds, parts = ordered(ds), (_losses, _one_step, _exceptions, _boundary)
    with jax.enable_x64(True):
        rows = [row for part in parts for row in part(ds)]
        rows += _measured(ds, rows_of_one_step.ROWS)
        rows += _lazy(ds)
        return rows + _measured(ds, rows_of_many_steps.ROWS)


def ordered(ds: xr.Dataset) -> xr.Dataset:
    """Put dimensions in the order in which rows are made of them, whatever a user made of it."""
    return ds.transpose(*ORDER, ..., missing_dims="ignore")


def findings(ds: xr.Dataset) -> dict[tuple[str, str, str, int], Finding]:
    """Judge every case: verdicts by (network, case, loss, seed)."""
    ds, found = ordered(ds), {}
    dims = ("network", "case", "loss", "seed")
    fields, conditions = _ladder(ds), {name: ds[name].values for name in Conditions._fields}
    for at in np.ndindex(*(ds.sizes[dim] for dim in dims)):
        labels = tuple(ds[dim].values[i] for dim, i in zip(dims, at, strict=True))
        of_loss = Conditions(**{name: values[at] for name, values in conditions.items()})
        found[labels] = judge(Ladder(*(values[at] for values in fields)), of_loss)
    return found


def orders(ds: xr.Dataset, name: str) -> xr.DataArray:
    """Find `remainder_order` or `change_order` of every case's ladder.

    A network with kinks is as smooth as others below the first: its ladder's dot product is taken
    no further. NaN where the leading term is not reached, so that there is nothing to be left over.
    """
    ds = ordered(ds)
    crossed = (ds.crossed > 0) & ds.network.isin(KINKED)
    fields = _ladder(ds.assign(dot_rounding=ds.dot_rounding.where(~crossed, np.inf)))
    ladder = Ladder(*(values.reshape(-1, values.shape[-1]) for values in fields))
    with jax.enable_x64(True):
        slopes = np.array(jax.vmap(lambda ladder: getattr(ladder, name))(ladder))
    of = {
        "remainder_order": (ladder.dot, ladder.ε_q, ladder.dot_rounding),
        "change_order": (ladder.change, ladder.ε_α_q, ladder.change_rounding),
    }
    limits = [tends_to(*case) for case in zip(*of[name], strict=True)]
    slopes[[limit is not None and np.isnan(limit) for limit in limits]] = np.nan
    return ds.dot.isel(epsilon=0, drop=True).copy(data=slopes.reshape(ds.dot.shape[:-1]))


def asked(ds: xr.Dataset) -> list[str]:
    """List the networks whose boundary was measured: those that were asked for."""
    known = ds.boundary_q.notnull().any(("loss", "seed", "boundary_epsilon"))
    return [str(name) for name in ds.network.values[known.values]]


def _measured(
    ds: xr.Dataset, rows: dict[str, Callable[[xr.Dataset], Iterator[Statement]]]
) -> list[Statement]:
    """List what follows from the measurements that there are: older results may lack some."""
    of = ds.sel(network=asked(ds))
    with np.errstate(divide="ignore", invalid="ignore"):  # what is 0/0 is judged as no number
        return [row for needs, make in rows.items() if needs in ds for row in make(of)]


def _ladder(ds: xr.Dataset) -> Any:
    """Read the Ladder of all cases [network, case, loss, seed, rung]."""
    ε = np.broadcast_to(ds.epsilon.values, ds.dot.shape)
    return Ladder(*(ε if name == "ε" else ds[ASCII[name]].values for name in Ladder._fields))


def _losses(ds: xr.Dataset) -> Iterator[Statement]:
    n = int(ds.m_error.notnull().sum())
    worst = float(np.max([ds[name].max() for name in CONDITIONS]))  # NaN, if one is
    yield Statement(
        "L_S: minimum at z = y, M ⪰ 0, fixed null space",
        "App. C",
        "–",
        f"largest residual {worst:.0e}, n = {n}",
        at_most(worst, float(ds.tolerance.max())),
    )
    error = float(ds.m_error.max())
    # M's entries are at most 2, and come from sums over the logits.
    logits = ds.attrs["classes"] + json.loads(ds.attrs["settings"])["settings"]["aux"]
    rounding = 16 * float(ds.tolerance.max()) ** 2 * logits
    yield Statement(
        "M in closed form = M by differentiation",
        "App. C",
        "–",
        f"largest difference {error:.0e}, n = {n}",
        at_most(error, rounding),
    )
    for name in ds.broken.values:
        failed = [
            condition
            for condition in CONDITIONS
            if float(ds[f"broken_{condition}"].sel(broken=name).max()) > float(ds.tolerance.max())
        ]
        fails = f"fails: {', '.join(failed)}" if failed else "none fails here"
        covered = failed == ["null_space"]
        yield Statement(
            f"Lemma 1 for the loss {name}",
            "Lemma 1",
            fails + ", which matters where q = 0 alone" if covered else fails,
            "not measured; covered where q > 0" if covered else "not measured",
            Verdict.NOT_APPLICABLE,
        )


def _one_step(ds: xr.Dataset) -> Iterator[Statement]:
    found = findings(ds)
    of_interest = {k: v for k, v in found.items() if k[1] in GRADIENTS}
    checked = "same θ_0, conditions on L_S"
    yield counted("Δθ_S · Δθ_T > 0", "Lemma 1", checked, [v.lemma_1 for v in of_interest.values()])
    gradients = ds.sel(case=list(GRADIENTS))
    remainder, change = (orders(gradients, f"{name}_order") for name in ("remainder", "change"))
    for network in ds.network.values:
        smooth = "f smooth below its first kink" if network in KINKED else "f smooth"
        yield order(
            f"{network}: remainder of eq. (2) is O(ε²)",
            "(2)",
            smooth,
            2.0,
            remainder.sel(network=network).values,
        )
    yield counted(
        "L_T falls",
        "Theorem 1",
        checked + ", Δθ_T = −∇L_T",
        [v.theorem_1 for v in of_interest.values()],
    )
    for network in ds.network.values:
        smooth = KINKS if network in KINKED else "f smooth"
        yield order(
            f"{network}: ΔL_T / (−ε α q) − 1 is O(ε)",
            "Theorem 1",
            smooth,
            1.0,
            change.sel(network=network).values,
        )
    for statement, case, losses, expected in (
        ("frozen trunk: nothing passes", "frozen trunk", ds.loss.values, Verdict.DEGENERATE),
        ("softmax over one logit: nothing passes", "one logit", SOFTMAX, Verdict.DEGENERATE),
        ("squared error over one logit: it passes", "one logit", ("squared_error",), Verdict.HOLDS),
    ):
        verdicts = [v.lemma_1 for k, v in found.items() if k[1] == case and k[2] in losses]
        if verdicts:
            equation = "q = 0" if expected == Verdict.DEGENERATE else "q > 0"
            yield counted(statement, equation, checked, verdicts, expected)
    deep = [v.lemma_1 for k, v in found.items() if k[:2] == (DEEP, "data")]
    yield counted("linear with hidden layers: it passes", "q > 0", checked, deep)


def _exceptions(ds: xr.Dataset) -> Iterator[Statement]:
    dot = ds.other_dot.isel(epsilon=-1).stack(all=("network", "loss", "seed")).dropna("all").values
    negative = int((dot < 0).sum())
    yield Statement(
        "another θ_S⁰: Δθ_S · Δθ_T > 0",
        "Remark",
        "fails: same θ_0",
        f"negative in {negative} of {dot.size} ({negative / dot.size:.0%})",
        Verdict.NOT_APPLICABLE,
    )
    moved = (
        ds.other_moved.stack(all=("network", "loss", "seed"))
        .dropna("all")
        .transpose("epsilon", "all")
    )
    moved = moved.where((moved > 0).all("epsilon"), drop=True)[-3:]  # the smallest ε
    slopes = np.polyfit(np.log(moved.epsilon), np.log(moved), 1)[0] if moved.size else np.empty(0)
    yield order(
        "another θ_S⁰: Δθ_S − (untrained teacher's) is O(ε)",
        "Remark",
        "f differentiable",
        1.0,
        slopes,
    )
    yield from (row for seen in ds.seen.values for row in _preconditioned(ds, int(seen)))


def _preconditioned(ds: xr.Dataset, seen: int) -> Iterator[Statement]:
    of_interest = ds.sel(case=list(GRADIENTS), seen=seen)
    where = "one input" if seen == 1 else f"{seen} inputs"
    k = ds.sizes["shared_epsilon"]
    measured, leading = (of_interest[f"shared_{name}"].values for name in Change._fields)
    rounding = np.broadcast_to(of_interest.change_rounding.values[..., [-1]], measured.shape)
    cases = zip(*(a.reshape(-1, k) for a in (measured, leading, rounding)), strict=True)
    yield counted(
        f"one fixed D for both, {where}: L_T falls",
        "(4)",
        "same D for both",
        [sign(*case) for case in cases],
    )
    change = of_interest.adam_measured.values.ravel()
    raised = int((~(change < 0)).sum())  # NaN has not fallen
    yield Statement(
        f"Adam's first step, {where}: L_T falls",
        "(4)",
        "fails: same D for both",
        f"it does not in {raised} of {change.size} ({raised / change.size:.0%})",
        Verdict.NOT_APPLICABLE,
    )


def _boundary(ds: xr.Dataset) -> Iterator[Statement]:
    for network in asked(ds):
        one = ds.sel(network=network)
        predicted = one.boundary_predicted.isel(boundary_epsilon=-1).values.ravel()
        measured = one.boundary_measured.isel(boundary_epsilon=-1).values.ravel()
        both = np.isfinite(predicted) & np.isfinite(measured)
        ratio = measured[both] / predicted[both]
        low, middle, high = np.quantile(ratio, [0.1, 0.5, 0.9]) if both.any() else [np.nan] * 3
        yield Statement(
            f"{network}: ΔL_T = 0 at α ε = 2q / vᵀ∇²L_T v",
            "(3)",
            f"curvature > 0: {np.isfinite(predicted).sum()} of {predicted.size}",
            f"measured / predicted: median {middle:.2f}, 10–90 % {low:.2f}–{high:.2f}, "
            f"n = {both.sum()}",
            "estimate",
        )
        name, equation = f"{network}: the boundary depends on α ε alone as ε → 0", "(3)"
        at = one.boundary_measured.stack(all=("loss", "seed")).transpose("all", ...).values
        at = at[np.isfinite(at).all(1)]
        moved = np.abs(np.log(at / at[:, -1:]))[:, :2]
        moved = moved[(moved > 1e-7).all(1)]  # 1e-8 is measured
        slopes = np.log10(moved[:, 0] / moved[:, 1])
        # Where α ε = s (1 + c ε): log .099 / .009 = 1.04, less what ε² adds. A power of ε: log 2.
        yield order(
            name,
            equation,
            KINKS if network in KINKED else "ΔL_T = 0 somewhere",
            1.0,
            slopes,
            slack=0.5,
        )


def _lazy(ds: xr.Dataset) -> Iterator[Statement]:
    exact = float(ds.lazy_exact.max())
    # What is lost when the little that is visible is taken out of the displacement.
    seen = float(ds.lazy_visible_fraction.min())
    rounding = max(1e-8, 1e-12 / seen**0.5) if seen > 0 else np.nan
    yield Statement(
        "linearised network: δ_k = (I − (I − 2ηG)^k) Δθ_T",
        "(6)",
        "η < 1/λ_max",
        f"largest relative error {exact:.0e} at k = {', '.join(str(k) for k in ds.time.values)}, "
        f"n = {ds.lazy_exact.isel(time=0).count().item()}",
        at_most(exact, rounding),
    )
    gap = ds.lazy_gap.transpose("lazy_seed", "width")
    of_width = zip(gap.width.values, gap.mean("lazy_seed").values, strict=True)
    known = gap.values[(np.isfinite(gap) & (gap > 0)).all("width").values]
    several = gap.sizes["width"] > 1 and known.size > 0
    slopes = np.polyfit(np.log(gap.width.values), np.log(known.T), 1)[0] if several else []
    low, high = interval(slopes, 0.95)
    slope = f"slope in the logarithms, paired, 95 % [{low:+.2f}, {high:+.2f}], "
    yield Statement(
        "real network, gradient descent: nears (6) with width",
        "(6)",
        "many steps, not small",
        f"relative gap at width {', '.join(f'{w}: {g:.2f}' for w, g in of_width)}; "
        f"{slope if np.isfinite(high) else ''}n = {len(known)} each",
        Verdict.HOLDS if high < 0 else refuted(low > 0 and interval(slopes, 0.999)[0] > 0),
    )
    cosine = ds.lazy_cosine.values.ravel()
    least = cosine.min()
    yield Statement(
        "… and Δθ_S · Δθ_T > 0 after all steps",
        "(6)",
        "many steps, not small",
        f"least cosine {least:+.3f}, n = {cosine.size}",
        _sure(cosine),
    )


def _sure(cosine: np.ndarray) -> str:
    """Judge that all are above 0; nothing is said where one is no number, as of a divergence."""
    if not np.isfinite(cosine).all():
        return Verdict.NOT_APPLICABLE
    if (cosine > 0).all():
        return Verdict.HOLDS
    return refuted(cosine.size >= ENOUGH and cosine.max() <= 0)
