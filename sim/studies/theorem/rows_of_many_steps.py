"""Rows on many steps: of `many_steps` and `trained`."""

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from sim.studies.theorem.judged import (
    ENOUGH,
    ESTIMATE,
    Statement,
    bounded,
    not_covered,
    order,
    refuted,
)
from sim.studies.theorem.rows_of_one_step import smooth, which_hypothesis
from theory import generations
from theory.verdict import Verdict


def walked(ds: xr.Dataset) -> Iterator[Statement]:
    """Eqs. (18), (19): batches, filters, adversaries, any loss."""
    lost = ds.walk_rounding
    off = np.maximum(-ds.walk_nearer - lost, ds.walk_half - ds.walk_dot - lost * ds.walk_far)
    steps, trainings = ds.sizes["walk_step"], off.isel(walk_step=0).size
    least = float((ds.walk_dot / ds.walk_half).min())
    yield bounded(
        "any batches, also an adversary's: θ_S only nears θ_T, δ · Δ ≥ ½‖δ‖²",
        "(18)",
        "f affine in θ, L_S convex, η ≤ 2/Λ, at any ε",
        off.values,
        f"{trainings} trainings of {steps} steps; least δ · Δ is {least:.2f} ‖δ‖²/2",
    )
    gain = ds.walk_change - ds.walk_bound - ds.walk_change_rounding
    sure = ds.sel(times=ds.times[ds.times <= 1])
    fell = int((sure.walk_change.isel(walk_step=-1) < 0).sum())
    yield bounded(
        "… and L_T falls by ½ (1/ε − β) ‖δ‖² or more",
        "(19)",
        "Δ = −ε∇L_T, L_T β-smooth: CE of linearised logits",
        gain.values,
        f"it fell in {fell} of {sure.walk_change.isel(walk_step=-1).size} with ε ≤ 1/β",
    )
    yield not_covered(
        "… at 1.5 times the largest rate",
        "(18)",
        "η ≤ 2/Λ",
        (ds.beyond_nearer < -ds.beyond_rounding).any("walk_step").values,
        "some step leads away",
    )


def ended(ds: xr.Dataset) -> Iterator[Statement]:
    """Eqs. (21), (22): the limit does not know the loss; χ."""
    off = ds.limit_distance
    came = float(off.max())
    # A slow one is not refuted: all must have stayed far from it.
    far = bool((off > 0.1 * ds.limit_visible**0.5).all()) and off.size >= ENOUGH
    ranks = ds.limit_rank
    text = ", ".join(
        f"{str(name).replace('_', ' ')} {float(ranks.sel(walk_loss=name).max()):.0f}"
        for name in ds.walk_loss.values
    )
    if np.isnan(off).any():
        said = Verdict.NOT_APPLICABLE
    else:
        said = Verdict.HOLDS if came <= 1e-6 else refuted(far)
    yield Statement(
        "squared error and KL: both end in PΔ",
        "(21)",
        "f affine in θ, rates inside (0, 2/Λ)",
        f"largest ‖δ − PΔ‖/‖Δ‖ {came:.0e}; rank {text}; n = {off.size}",
        said,
    )
    both = np.abs(ds.pull_measured - ds.pull_predicted) - 1e-12 * ds.pull_size
    clear = np.abs(1 - ds.pull_chi) > 1e-4
    way = np.where((ds.pull_nearer > 0) == (ds.pull_chi < 1), -1.0, 1.0)
    way = np.where(np.isnan(ds.pull_chi + ds.pull_nearer), np.nan, np.where(clear, way, -1.0))
    yield bounded(
        "the network itself: a small step nears θ_T if and only if χ < 1",
        "(22)",
        "squared error, gradient descent, any labels",
        np.maximum(both.values, way),
        f"χ < 1 in {float((ds.pull_chi < 1).mean()):.0%}, largest "
        f"{float(ds.pull_chi.max()):.2f}, at steps {', '.join(str(k) for k in ds.look.values)}",
    )


def swung(ds: xr.Dataset) -> Iterator[Statement]:
    """Eqs. (23), (24): momentum."""
    yield bounded(
        "momentum: δ_k · Δ = Σ c² φ_k(λ)",
        "(23)",
        "f affine in θ, squared error",
        (np.abs(ds.swing_measured - ds.swing_predicted) - ds.swing_rounding).values,
    )
    least = ds.swing_measured + ds.swing_rounding
    covered = least.isel(swing=np.flatnonzero(ds.times_x <= 1)).min("swing_step", skipna=False)
    rates = ", ".join(
        f"{x:.2f} at β = {β:g}"
        for β, x in zip(ds.momentum.values, ds.momentum_x.values, strict=True)
    )
    yield bounded(
        "… ≥ 0 at every k while 2ηλ ≤ x(β)",
        "(24)",
        f"2ηλ_max = x(β): {rates}",
        -covered.values,
    )
    # Farther off it may be right again: just beyond it is not.
    beyond = ds.isel(swing=np.flatnonzero(ds.times_x == 1.02))
    yield not_covered(
        "… at 1.02 x(β), Δ along the top direction",
        "(24)",
        "2ηλ_max ≤ x(β)",
        (beyond.swing_measured < -beyond.swing_rounding).any("swing_step").values,
        "negative at some k",
    )


def chained(ds: xr.Dataset) -> Iterator[Statement]:
    """Eqs. (34) to (36): generations."""
    own = {name: ds[f"own_{name}"] for name in ("consecutive", "norm2", "first", "rounding")}
    whole = ds.own_displacement2
    before = xr.where(ds.generation == 1, whole, own["norm2"].shift(generation=1))
    off = np.maximum(np.abs(own["consecutive"] - own["norm2"]), own["norm2"] - before)
    share = (own["norm2"] / whole).median(("network", "seed")).values
    yield bounded(
        "generations, each its own inputs: δ_g · δ_{g−1} = ‖δ_g‖², which falls",
        "(34)",
        "f affine in θ, squared error, converged",
        np.asarray(off - own["rounding"]),
        "‖δ_g‖²/‖Δ‖² " + ", ".join(f"{a:.1e}" for a in share),
    )
    short = np.abs(ds.short_consecutive - ds.short_norm2) > ds.short_rounding
    yield not_covered(
        "… students of 20 steps: likewise",
        "(34)",
        "converged",
        short.values,
        "not equal",
    )
    least = xr.DataArray(np.asarray(generations.least(ds.sizes["generation"])), dims="generation")
    negative = (own["first"] < -own["rounding"]).mean(("network", "seed")).values
    yield bounded(
        "… and δ_g · Δ ≥ −cos^{g+1}(π/(g+1)) ‖Δ‖²",
        "(35)",
        "f affine in θ, squared error, converged",
        (least * whole - own["first"] - own["rounding"]).values,
        "negative in " + ", ".join(f"{a:.0%}" for a in negative) + " at g = 1, 2, …",
    )
    same = np.abs(ds.same_first - ds.powers) - 16 * ds.same_rounding
    kept = (ds.same_first / whole).median(("network", "seed")).values
    yield bounded(
        "generations on the same inputs, 20 steps each: δ_g · Δ = Σ a² h^g",
        "(36)",
        "f affine in θ, squared error, η ≤ 1/(2 λ_max)",
        np.maximum(same, -ds.same_first - ds.same_rounding).values,
        f"of ‖Δ‖² {kept[0]:.1e} at g = 1, {kept[-1]:.1e} at g = {len(kept)}",
    )


def shown(ds: xr.Dataset) -> Iterator[Statement]:
    """Eq. (25): how much of a trunk's displacement m logits show."""
    fraction, whole, lost = ds.shown_fraction, ds.shown_whole, ds.shown_rounding
    more = fraction.diff("share", label="upper")
    fewer = -more - lost.isel(share=slice(1, None)) - lost.isel(share=slice(None, -1)).values
    full = np.abs(fraction - whole).sel(share=ds.share[ds.share >= 1])
    excess = [fraction - whole - lost, fewer, full - lost.sel(share=full.share)]
    yield bounded(
        "m logits show ρ of a trunk's Δ at most, all of it from m = n on",
        "(25a)",
        "f affine in θ, head frozen and random",
        np.concatenate([a.values.ravel() for a in excess]),
    )
    mean = (fraction.mean("seed") / ds.shown_predicted.mean("seed")).mean("network").values
    κ = ds.shown_condition.median("seed")
    peak = ", ".join(f"{name} {float(ds.share[i]):g}" for name, i in _peaks(κ))
    shares = ", ".join(f"{a:g}" for a in ds.share.values)
    yield Statement(
        "… and min(m/n, 1) ρ in the mean; κ is largest where all is just shown",
        "(25b)",
        "units alike and apart, which is an approximation",
        f"at m/n = {shares}: {', '.join(f'{a:.2f}' for a in mean)} of that; κ peaks at {peak}",
        ESTIMATE,
    )


def accounted(ds: xr.Dataset) -> Iterator[Statement]:
    """Eqs. (8), (14) to (17): other bases, and the ledger, by each optimiser."""
    names = ", ".join(str(name) for name in ds.optimizer.values)
    yield bounded(
        "permuted units: the same logits at every step",
        "(8)",
        f"f(Sθ) = f(θ), S orthogonal; {names}",
        (ds.account_gap - 1e-9).values,
        f"largest |Δz|/|z| {float(ds.account_gap.max()):.0e}, where z has moved by "
        f"{float(ds.account_learnt.median()):.0%}",
    )
    yield not_covered(
        "… and Δθ_S · Δθ_T > 0",
        "Lemma 1",
        "same θ_0",
        (ds.account_cosine <= 0).values,
        "it is not",
    )
    total, closed = ds.account_total, np.abs(ds.account_closed)
    parts = np.abs(ds.account_drive) + np.abs(ds.account_curvature)
    plain = ", ".join(
        f"{name} {float(ds.account_plain.sel(optimizer=name).median()):.0%}"
        for name in ds.optimizer.values
    )
    rest = 1 - float(((ds.account_drive + ds.account_curvature) / total).median())
    yield bounded(
        "the ledger of L_T closes: Σ drive + curvature + rest = ΔL_T",
        "(14)",
        "L_T smooth between steps",
        (closed - 1e-12 * (parts + np.abs(total) + 1)).values,
        f"rest {abs(rest):.0e} of it; |drive| along g: {plain}",
    )
    for name, which in smooth(ds):
        one = ds.sel(network=which)
        size, left = np.log(ds.step_size.values), np.abs(one.account_rest)
        left = np.log(left.transpose("step_size", ...).values.reshape(len(size), -1))
        slopes = np.polyfit(size, left, 1)[0] if np.isfinite(left).all() else np.full(1, np.nan)
        yield order(f"{name}: … the rest is O(‖δ‖³)", "(14)", which_hypothesis(name), 3.0, slopes)
        slope, difference = one.account_slope, one.account_difference
        off = np.abs(slope - difference) / np.abs(difference).max("probe")
        text = f"largest error {float(off.max()):.0e} of the largest"
        row = bounded(
            f"{name}: a batch's price π is the slope of the whole training",
            "(17)",
            which_hypothesis(name),
            (off - 1e-5).values,
            text,
        )
        if name == "with kinks":
            row = row._replace(verdict=Verdict.NOT_APPLICABLE)
        yield row


def _peaks(κ: xr.DataArray) -> Iterator[tuple[str, int]]:
    for name in κ.network.values:
        values = κ.sel(network=name).values
        yield str(name), int(np.argmax(np.where(np.isfinite(values), values, -np.inf)))


#: What each makes rows of: the first of the variables that it needs.
ROWS: dict[str, Callable[[xr.Dataset], Iterator[Statement]]] = {
    "walk_nearer": walked,
    "limit_distance": ended,
    "swing_measured": swung,
    "own_first": chained,
    "shown_fraction": shown,
    "account_gap": accounted,
}
