"""What the measurements of `sim.checks` say: one line per statement, with its verdict.

Which hypotheses were checked, what was measured and over how many cases stands beside each; a
statement is never said to hold because nothing was tested.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr

from sim.studies.theorem.checks import DEEP
from sim.studies.theorem.run import ASCII
from theory.conditions import Conditions
from theory.one_step import Ladder
from theory.preconditioned import Change
from theory.verdict import Finding, Verdict, judge, sign

KINKED = ("relu",)
SOFTMAX = ("kl", "cross_entropy")
GRADIENTS = ("data", "other data", "regulariser", "random direction")  # not degenerate by intent


class Statement(NamedTuple):
    """One statement, and what was found: all text, for people."""

    statement: str
    equation: str
    hypotheses: str
    measured: str
    verdict: str


def statements(ds: xr.Dataset) -> list[Statement]:
    """The table of `sublim theorem`, from its results."""
    parts = (_losses, _one_step, _exceptions, _boundary, _lazy)
    with jax.enable_x64(True):
        return [row for part in parts for row in part(ds)]


def findings(ds: xr.Dataset) -> dict[tuple[str, str, str, int], Finding]:
    """The verdict on every case: by (network, case, loss, seed)."""
    found = {}
    dims = ("network", "case", "loss", "seed")
    fields, conditions = _ladder(ds), {name: ds[name].values for name in Conditions._fields}
    for at in np.ndindex(*(ds.sizes[dim] for dim in dims)):
        labels = tuple(ds[dim].values[i] for dim, i in zip(dims, at, strict=True))
        of_loss = Conditions(**{name: values[at] for name, values in conditions.items()})
        found[labels] = judge(Ladder(*(values[at] for values in fields)), of_loss)
    return found


def orders(ds: xr.Dataset, name: str) -> xr.DataArray:
    """`remainder_order` or `change_order` of every case's ladder."""
    with jax.enable_x64(True):
        fields = Ladder(*(values.reshape(-1, values.shape[-1]) for values in _ladder(ds)))
        slopes = np.asarray(jax.vmap(lambda ladder: getattr(ladder, name))(fields))
    return ds.dot.isel(epsilon=0, drop=True).copy(data=slopes.reshape(ds.dot.shape[:-1]))


def asked(ds: xr.Dataset) -> list[str]:
    """The networks whose boundary was measured: those that were asked for."""
    known = ds.boundary_q.notnull().any(("loss", "seed", "boundary_epsilon"))
    return [str(name) for name in ds.network.values[known.values]]


def _ladder(ds: xr.Dataset) -> Ladder:
    ε = np.broadcast_to(ds.epsilon.values, ds.dot.shape)
    return Ladder(*(ε if name == "ε" else ds[ASCII[name]].values for name in Ladder._fields))


def _losses(ds: xr.Dataset) -> Iterator[Statement]:
    n = int(ds.m_error.notnull().sum())
    worst = max(float(ds[name].max()) for name in ("minimum", "semi_definite", "null_space"))
    yield Statement(
        "L_S: minimum at z = y, M ⪰ 0, fixed null space", "App. C", "–",
        f"largest residual {worst:.0e}, n = {n}", _verdict(worst <= float(ds.tolerance.max())),
    )  # fmt: skip
    error = float(ds.m_error.max())
    yield Statement(
        "M in closed form = M by differentiation", "App. C", "–",
        f"largest difference {error:.0e}, n = {n}", _verdict(error < 1e-12),
    )  # fmt: skip
    for name in ds.broken.values:
        failed = [
            condition
            for condition in ("minimum", "semi_definite", "null_space")
            if float(ds[f"broken_{condition}"].sel(broken=name).max()) > float(ds.tolerance.max())
        ]
        yield Statement(
            f"Lemma 1 for the loss {name}", "Lemma 1",
            f"fails: {', '.join(failed)}" if failed else "none fails here", "not measured",
            Verdict.NOT_APPLICABLE,
        )  # fmt: skip


def _one_step(ds: xr.Dataset) -> Iterator[Statement]:
    found = findings(ds)
    of_interest = {k: v for k, v in found.items() if k[1] in GRADIENTS}
    checked = "same θ_0, conditions on L_S"
    yield _counted("Δθ_S · Δθ_T > 0", "Lemma 1", checked, [v.lemma_1 for v in of_interest.values()])
    gradients = ds.sel(case=list(GRADIENTS))
    remainder, change = (orders(gradients, f"{name}_order") for name in ("remainder", "change"))
    for network in ds.network.values:
        yield _order(f"{network}: remainder of eq. (2) is O(ε²)", "(2)", network in KINKED, 2.0,
                     remainder.sel(network=network).values)  # fmt: skip
    yield _counted(
        "L_T falls", "Theorem 1", checked + ", Δθ_T = −∇L_T",
        [v.theorem_1 for v in of_interest.values()],
    )  # fmt: skip
    for network in ds.network.values:
        yield _order(f"{network}: ΔL_T / (−ε α q) − 1 is O(ε)", "Theorem 1", network in KINKED, 1.0,
                     change.sel(network=network).values)  # fmt: skip
    for statement, case, losses, expected in (
        ("frozen trunk: nothing passes", "frozen trunk", ds.loss.values, Verdict.DEGENERATE),
        ("softmax over one logit: nothing passes", "one logit", SOFTMAX, Verdict.DEGENERATE),
        ("squared error over one logit: it passes", "one logit", ("squared_error",), Verdict.HOLDS),
    ):
        verdicts = [v.lemma_1 for k, v in found.items() if k[1] == case and k[2] in losses]
        if verdicts:
            equation = "q = 0" if expected == Verdict.DEGENERATE else "q > 0"
            yield _counted(statement, equation, checked, verdicts, expected)
    deep = [v.lemma_1 for k, v in found.items() if k[:2] == (DEEP, "data")]
    yield _counted("linear with hidden layers: it passes", "q > 0", checked, deep)


def _exceptions(ds: xr.Dataset) -> Iterator[Statement]:
    dot = ds.other_dot.isel(epsilon=-1).stack(all=("network", "loss", "seed")).dropna("all").values
    negative = int((dot < 0).sum())
    yield Statement(
        "another θ_S⁰: Δθ_S · Δθ_T > 0", "Remark", "fails: same θ_0",
        f"negative in {negative} of {dot.size} ({negative / dot.size:.0%})", Verdict.NOT_APPLICABLE,
    )  # fmt: skip
    moved = (
        ds.other_moved.stack(all=("network", "loss", "seed"))
        .dropna("all")
        .transpose("epsilon", "all")
    )
    slopes = np.polyfit(np.log(ds.epsilon), np.log(moved), 1)[0] if moved.size else np.empty(0)
    yield _order("another θ_S⁰: Δθ_S − (untrained teacher's) is O(ε)", "Remark", False, 1.0, slopes)
    yield from (row for seen in ds.seen.values for row in _preconditioned(ds, int(seen)))


def _preconditioned(ds: xr.Dataset, seen: int) -> Iterator[Statement]:
    of_interest = ds.sel(case=list(GRADIENTS), seen=seen)
    where = "one input" if seen == 1 else f"{seen} inputs"
    k = ds.sizes["shared_epsilon"]
    measured, leading = (of_interest[f"shared_{name}"].values for name in Change._fields)
    rounding = np.broadcast_to(of_interest.change_rounding.values[..., [-1]], measured.shape)
    cases = zip(*(a.reshape(-1, k) for a in (measured, leading, rounding)), strict=True)
    yield _counted(
        f"one fixed D for both, {where}: L_T falls", "(4)", "same D for both",
        [sign(*case) for case in cases],
    )  # fmt: skip
    change = of_interest.adam_measured.values.ravel()
    raised = int((~(change < 0)).sum())  # NaN has not fallen
    yield Statement(
        f"Adam's first step, {where}: L_T falls", "(4)", "fails: same D for both",
        f"it does not in {raised} of {change.size} ({raised / change.size:.0%})",
        Verdict.NOT_APPLICABLE,
    )  # fmt: skip


def _boundary(ds: xr.Dataset) -> Iterator[Statement]:
    for network in asked(ds):
        one = ds.sel(network=network)
        predicted = one.boundary_predicted.isel(boundary_epsilon=-1).values.ravel()
        measured = one.boundary_measured.isel(boundary_epsilon=-1).values.ravel()
        both = np.isfinite(predicted) & np.isfinite(measured)
        ratio = measured[both] / predicted[both]
        low, middle, high = np.quantile(ratio, [0.1, 0.5, 0.9]) if both.any() else [np.nan] * 3
        yield Statement(
            f"{network}: ΔL_T = 0 at α ε = 2q / vᵀ∇²L_T v", "(3)",
            f"curvature > 0: {np.isfinite(predicted).sum()} of {predicted.size}",
            f"measured / predicted: median {middle:.2f}, 10–90 % {low:.2f}–{high:.2f}, "
            f"n = {both.sum()}",
            "estimate",
        )  # fmt: skip
    measured = ds.boundary_measured.stack(all=("network", "loss", "seed")).dropna("all")
    measured = measured.where(np.isfinite(measured).all("boundary_epsilon"), drop=True)
    name, equation = "the boundary depends on α ε alone as ε → 0", "(3)"
    if not measured.size:
        yield Statement(name, equation, "fails: ΔL_T = 0 somewhere", "no boundary",
                        Verdict.NOT_APPLICABLE)  # fmt: skip
        return
    gap = np.abs(measured / measured.isel(boundary_epsilon=-1) - 1).median("all").values
    rate = gap[0] / gap[1]
    yield Statement(
        name, equation, "ΔL_T = 0 somewhere",
        f"moved by {gap[0]:.1e}, {gap[1]:.1e} at ε = 0.1, 0.01, n = {measured.sizes['all']}",
        _verdict(5 < rate < 20),
    )  # fmt: skip


def _lazy(ds: xr.Dataset) -> Iterator[Statement]:
    exact = float(ds.lazy_exact.max())
    yield Statement(
        "linearised network: δ_k = (I − (I − 2ηG)^k) Δθ_T", "(6)", "η < 1/λ_max",
        f"largest relative error {exact:.0e} at k = {', '.join(str(k) for k in ds.time.values)}, "
        f"n = {ds.lazy_exact.isel(time=0).count().item()}", _verdict(exact < 1e-8),
    )  # fmt: skip
    gap, n = ds.lazy_gap.mean("lazy_seed").values, ds.sizes["lazy_seed"]
    pairs = ", ".join(f"{w}: {g:.2f}" for w, g in zip(ds.width.values, gap, strict=True))
    yield Statement(
        "real network, gradient descent: nears (6) with width", "(6)", "many steps, not small",
        f"relative gap at width {pairs}; n = {n} each",
        _verdict(bool((np.diff(gap) < 0).all())) if len(gap) > 1 else Verdict.NOT_APPLICABLE,
    )  # fmt: skip
    cosine = float(ds.lazy_cosine.min())
    yield Statement(
        "… and Δθ_S · Δθ_T > 0 after all steps", "(6)", "many steps, not small",
        f"least cosine {cosine:+.3f}, n = {ds.lazy_cosine.size}", _verdict(cosine > 0),
    )  # fmt: skip


def _counted(
    statement: str, equation: str, hypotheses: str, verdicts: list[Verdict],
    expected: Verdict = Verdict.HOLDS,
) -> Statement:  # fmt: skip
    """Of many cases: the expected verdict if all have it, else the worst of the others."""
    counts = Counter(verdicts)
    worst_first = (Verdict.VIOLATED, Verdict.NOT_APPLICABLE, Verdict.DEGENERATE, Verdict.HOLDS)
    others = [v for v in worst_first if counts[v] and v != expected]
    text = f"{counts[expected]} of {len(verdicts)}"
    if others:
        text += "; " + ", ".join(f"{counts[v]} {v}" for v in others)
    if not verdicts:
        return Statement(statement, equation, hypotheses, "no case", Verdict.NOT_APPLICABLE)
    return Statement(statement, equation, hypotheses, text, others[0] if others else expected)


def _order(
    statement: str, equation: str, kinked: bool, order: float, slopes: np.ndarray
) -> Statement:
    """Slopes of many cases: median, 10 % and 90 % quantile must be the order, within 0.05."""
    known = slopes[np.isfinite(slopes)]
    hypothesis = "fails: f has kinks" if kinked else "f smooth"
    if not known.size:
        return Statement(statement, equation, hypothesis, "none above rounding",
                         Verdict.NOT_APPLICABLE)  # fmt: skip
    low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
    return Statement(
        statement, equation, hypothesis,
        f"slope {middle:.2f}, 10–90 % {low:.2f}–{high:.2f}; {known.size} of {slopes.size} above "
        "rounding",
        Verdict.NOT_APPLICABLE if kinked else _verdict(max(order - low, high - order) <= 0.05),
    )  # fmt: skip


def _verdict(holds: bool) -> str:
    return Verdict.HOLDS if holds else Verdict.VIOLATED
