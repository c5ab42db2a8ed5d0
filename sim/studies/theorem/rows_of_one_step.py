"""Rows on one step: labels, filters, diagonals, bases and defences; of `labels` and `bases`."""

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from sim.runs.statistics import summary
from sim.studies.theorem.judged import (
    KINKED,
    KINKS,
    UNDECIDED,
    Statement,
    bounded,
    centred,
    counted,
    not_covered,
    order,
    reached,
)
from theory.monotone import MONOTONE, NOT_MONOTONE
from theory.rounding import tends_to
from theory.verdict import Verdict, sign

EPS = np.finfo(float).eps
FEW_SIGNS = 16  # that are within 4 standard deviations whatever they are
TIPS = 30  # that must be expected: the sum of fewer is far from normal


def channels(ds: xr.Dataset) -> Iterator[Statement]:
    """Eq. (26): channels that are monotone, and those that are not."""
    names = [name for name in ds.channel.values if name in MONOTONE]
    one = ds.sel(channel=names)
    # Where the channel was not monotone on the very logits, nothing is claimed.
    off = np.maximum(
        -one.channel_measured, np.abs(one.channel_measured - one.channel_predicted)
    ).where(one.channel_turned == 0)
    tipped = float((one.channel_measured > one.channel_rounding).mean())
    yield bounded(
        f"{len(names)} monotone channels: [Δθ_S(ε) − Δθ_S(0)] · Δθ_T ≥ 0",
        "(26)",
        "f affine in θ, h monotone at every input, ε from 1e-3 to 100",
        (off - one.channel_rounding).values,
        f"above rounding in {tipped:.0%}: a hard label has to be tipped over",
    )
    last = ds.isel(channel_epsilon=-1)
    least = last.sel(channel="argmin")
    yield not_covered(
        "the least logit as label: likewise",
        "(26)",
        "h monotone",
        (least.channel_measured < -least.channel_rounding).values,
        "negative",
    )
    turned = ds.channel_turned.mean(("network", "seed")).max("channel_epsilon")
    shares = "; ".join(f"{name} {float(turned.sel(channel=name)):.1%}" for name in NOT_MONOTONE)
    yield Statement(
        "other channels: no input's own part is negative",
        "(26)",
        "fails: h monotone",
        f"negative at {shares}",
        Verdict.NOT_APPLICABLE,
    )


def quantised(ds: xr.Dataset) -> Iterator[Statement]:
    """Eq. (27): logits that are rounded to a quantum."""
    for Q in ds.quantum.values:
        one = ds.sel(quantum=Q)
        # Networks of one seed start from the same numbers: their mean is one case.
        ratio, sd = (
            one[f"quantised_{name}"].mean("network", skipna=False).values
            for name in ("ratio", "sd")
        )
        off = (ratio - 1) / sd
        half = float(summary(ratio).half_width)
        text = f"{ratio.mean():.2f} {'' if np.isnan(half) else f'± {half:.2f} '}of it"
        text += f", n = {ratio.size}"
        name = f"logits rounded to {Q:g} × their spread: the pull is that of the logits"
        if Q > 1 or _repeat(ds):
            fails = "quantum below the spread of the logits" if Q > 1 else _repeat(ds)
            yield Statement(name, "(27)", f"fails: {fails}", text, Verdict.NOT_APPLICABLE)
            continue
        checked = f"quantum {100 * Q:g} × the signal, parts of a quantum uniform"
        row = centred(name, "(27)", checked, off, text)
        tips = _tips(one)
        if not tips >= TIPS and row.verdict != Verdict.NOT_APPLICABLE:
            few = f"{row.measured}; {tips:.1f} logits are expected to change their multiple"
            row = row._replace(verdict=UNDECIDED, measured=few)
        yield row


def _tips(ds: xr.Dataset) -> float:
    """Count the logits that are expected to tip over all seeds; of older results nothing is known.

    Networks of one seed start from the same numbers, and are one case.
    """
    known = "quantised_tips" in ds
    return (
        float(ds.quantised_tips.mean("network", skipna=False).sum(skipna=False))
        if known
        else np.inf
    )


def _repeat(ds: xr.Dataset) -> str:
    """Say by how much inputs repeat, whose parts of a quantum are the same; "" if none does."""
    N = ds.sizes["kept"] - 1
    least = float(ds.inputs_distinct.min(skipna=False)) if "inputs_distinct" in ds else N
    return "" if least >= N else f"inputs differ, {least:.0f} of {N}"


def drawn(ds: xr.Dataset) -> Iterator[Statement]:
    """Eqs. (28), (29): one sampled label an input."""
    off = np.abs(ds.drawn_dot - ds.drawn_by_ratio) - ds.drawn_rounding
    yield bounded(
        "sampled labels: ε N Δθ_S · Δθ_T = log Λ + N KL, draw by draw",
        "(29)",
        "f affine in θ, labels drawn alone",
        off.values,
    )
    yield not_covered(
        "… and of the network itself",
        "(29)",
        "f affine in θ",
        (ds.drawn_bent > 1).values,
        "off by more than rounding",
    )
    N, n = ds.sizes["kept"] - 1, ds.drawn_dot.isel(strength=0).size
    score = (ds.drawn_dot - ds.drawn_mean) / (ds.drawn_variance / N) ** 0.5
    law = ds.drawn_mean.values
    mean = centred(
        "… its mean is E[u · (σ(y) − σ(z))] ≥ 0, its variance about q/N",
        "(28)",
        "f affine in θ, labels drawn alone",
        score.values,
        f"sd {float((score**2).mean()) ** 0.5:.2f} of that predicted, n = {score.size}",
    )
    yield (
        mean._replace(verdict=Verdict.VIOLATED)
        if (law < -EPS * N * np.abs(law).max()).any()
        else mean
    )
    measured = (ds.drawn_dot > 0).mean(("network", "seed", "draw"))
    # NaN is not above 0, but no draw that counts either.
    measured = measured.where(ds.drawn_dot.notnull().all(("network", "seed", "draw")))
    predicted, error = (
        ds[f"drawn_{name}"].mean(("network", "seed"), skipna=False)
        for name in ("positive", "error")
    )
    nats = 2 * N * ds.drawn_nats.isel(strength=0) / float(ds.strength[0]) ** 2
    yield bounded(
        "… it is > 0 with probability Φ(ε √(N q)) = Φ(√(2 N KL))",
        "(28)",
        f"N large; Φ off by {float(error.max()):.2f} at most",
        (np.abs(measured - predicted) - 4 * 0.5 / n**0.5 - error).values,
        f"> 0 in {_list(measured)} beside Φ = {_list(predicted)}, n = {n} each; "
        f"2 KL/ε²q = {float(nats.median()):.2f}",
    )


def filtered(ds: xr.Dataset) -> Iterator[Statement]:
    """Eqs. (30), (31): filters, negative weights, and answers kept by what they say."""
    measured, leading, rounding = (
        ds[f"filter_{name}"] for name in ("measured", "leading", "rounding")
    )
    yield bounded(
        f"{ds.sizes['filter']} filters: Δθ_S · Δθ_T ≥ 0",
        "(30)",
        "weights ≥ 0, f affine in θ, L_S convex, ε from 1e-6 to 100",
        (-measured - rounding).values,
    )
    yield counted(
        "… and it tends to ε E[w uᵀMu]",
        "(30)",
        "weights ≥ 0, ε → 0",
        [sign(*case) for case in _cases(measured, leading, rounding, "filter_epsilon")],
    )
    N = ds.sizes["kept"] - 1
    half, last = N // 2, ds.isel(filter_epsilon=-1)
    left = last.filter_leading / last.filter_whole
    least = ds.lorenz.isel(kept=half)
    off = [
        np.abs(left.isel(filter=0) - least),
        least - left.isel(filter=1),
        ds.lorenz.isel(kept=1) - left.isel(filter=2),
    ]
    curve = ds.lorenz.mean(("network", "seed", "loss"))
    shares = [float(curve[round(share * N)]) for share in (0.9, 0.5, 0.1)]
    yield bounded(
        "a filter that keeps a share ρ leaves L(ρ) of q at least",
        "(31)",
        "weights 0 or 1",
        np.stack([a.values for a in off]) - 1e-12,
        "the lower 90, 50, 10 % of inputs have "
        + ", ".join(f"{100 * share:.2g}" for share in shares)
        + " % of q",
    )
    yield not_covered(
        "weights −1 on the most revealing 1/16, .2 on the rest: likewise",
        "(30)",
        "weights ≥ 0",
        (ds.negative_measured < -ds.negative_rounding).values,
        "negative",
    )
    taught, untaught = ds.sifted_taught, ds.sifted_untaught
    yield not_covered(
        "answers kept by what they say: Δθ_S · Δθ_T ≥ 0",
        "(30)",
        "labels are functions of x",
        (taught.isel(filter_epsilon=-1) < 0).values,
        "negative",
    )
    lost = 64 * EPS * (np.abs(taught) + np.abs(untaught) + np.abs(ds.sifted_leading))
    cases = _cases(taught - untaught, ds.sifted_leading, lost, "filter_epsilon")
    yield counted(
        "… less a placebo's answers, kept alike: > 0",
        "(30)",
        "weights ≥ 0, ε → 0",
        [sign(*case) for case in cases],
    )


def differing(ds: xr.Dataset) -> Iterator[Statement]:
    """Eqs. (32), (33): two diagonals."""
    below, above = (ds.sel(ratio=ds.ratio[mask]) for mask in (ds.ratio < 1, ds.ratio > 1))
    fields = ("measured", "leading", "rounding")
    cases = _cases(*(below[f"worst_{name}"] for name in fields), "shared_epsilon")
    threshold, cosine = ds.worst_exact.values, ds.worst_cosine.values
    row = counted(
        "the worst two diagonals at ρ up to .99 ρ*: L_T falls",
        "(33)",
        "two fixed D, ρ < ρ*, q > 0",
        [sign(*case) for case in cases],
    )
    text = f"{row.measured}; ρ* {np.median(threshold):.2f}, cos {np.median(cosine):.2f} (medians)"
    row = row._replace(measured=text)
    if np.isnan(cosine + threshold).any():
        row = row._replace(verdict=Verdict.NOT_APPLICABLE)
    yield row._replace(verdict=Verdict.VIOLATED) if (cosine > threshold + 1e-9).any() else row
    last = above.isel(shared_epsilon=-1)
    possible = last.worst_rho.values < 1
    yield not_covered(
        "… at 1.01, 1.1, 1.5 ρ*",
        "(33)",
        "ρ < ρ*",
        (last.worst_measured > last.worst_rounding).values[possible],
        "L_T rises",
    )
    plain = ds.isel(shared_epsilon=-1)
    yield not_covered(
        "D_T log-normal, D_S = 1: L_T falls",
        "(33)",
        f"ρ = {float(plain.plain_rho.median()):.2f} > ρ*",
        ~(plain.plain_measured < 0).values,
        "it does not",
    )


def scaled(ds: xr.Dataset) -> Iterator[Statement]:
    """Eq. (9): hidden units at another scale."""
    kinked = [name for name in ds.network.values if name in KINKED]
    if not kinked:
        return
    one = ds.sel(network=kinked)
    fields = (one[f"scaled_{name}"] for name in ("measured", "leading", "rounding"))
    yield counted(
        "a base of rescaled units: ΔL_T is eq. (4) with D_S = S⁻²",
        "(9)",
        "ReLU: f(Sθ) = f(θ); ε → 0",
        [reached(tends_to(*case)) for case in _cases(*fields, "shared_epsilon")],
    )
    last = one.isel(shared_epsilon=-1)
    for s in one.scale.values:
        yield not_covered(
            f"… and L_T falls, units × and / {s:g}",
            "(9)",
            "S orthogonal",
            ~(last.scaled_measured.sel(scale=s) < 0).values,
            "it does not",
        )


def freed(ds: xr.Dataset) -> Iterator[Statement]:
    """Eq. (37): steps without their part along Δθ_T."""
    α = ds.alpha
    cases = _cases(α * ds.freed_lost, α * ds.freed_cos2, α * ds.freed_rounding, "alpha")
    cos2 = ds.freed_cos2.isel(alpha=0)
    row = counted(
        "a step freed of Δθ_T loses cos² of its progress on L_S",
        "(37)",
        "α → 0, f smooth or below its first kink",
        [reached(tends_to(*case)) for case in cases],
    )
    low, middle, high = np.quantile(cos2, [0.1, 0.5, 0.9])
    text = f"{row.measured}; cos² {middle:.3f}, 10–90 % {low:.3f}–{high:.3f}"
    yield row._replace(measured=text)
    for name, which in smooth(ds):
        one = ds.sel(network=which)
        change = one.freed_change.transpose(..., "alpha").values.reshape(-1, len(α))
        clear = np.abs(change) > 100 * EPS  # of L_T, about 1
        slopes = [
            np.polyfit(np.log(α.values[at]), np.log(np.abs(a[at])), 1)[0]
            if at.sum() > 2
            else np.nan
            for a, at in zip(change, clear, strict=True)
        ]
        falls = (one.freed_with_it < 0).all("alpha").values
        row = order(
            f"{name}: … and L_T moves by O(α²) alone",
            "(37)",
            which_hypothesis(name),
            2.0,
            np.array(slopes) if not np.isnan(change).any() else np.full(1, np.nan),
        )
        text = f"{row.measured}; the whole step lowers it in {falls.sum()} of {falls.size}"
        yield row._replace(measured=text)


def headed(ds: xr.Dataset) -> Iterator[Statement]:
    """Eq. (38): a student with an auxiliary head of its own."""
    covered = ds.sel(head_loss=[name for name in ds.head_loss.values if name != "log_cosh"])
    relative = float((covered.heads_left / covered.heads_size).max())
    yield bounded(
        "independent heads W and −W: the trunk's first steps add up to 0",
        "(38)",
        "∂L_S/∂z = φ(z) − h(y), θ the trunk alone",
        (covered.heads_left - covered.heads_rounding).values,
        f"{relative:.0e} of either at most",
    )
    # Networks and losses of one seed share the head: their mean is one case, of sd 1 at most.
    signs = np.sign(covered.heads_plus).mean(("network", "head_loss"), skipna=False)
    negative = float((covered.heads_plus < 0).mean())
    row = centred(
        "… so that Δθ_S · Δθ_T is negative as often as positive",
        "(38)",
        "head independent of all else",
        signs.values,
        f"negative in {negative:.0%}, n = {signs.size} heads",
    )
    # Of n signs, all alike, the sum is no more than √n standard deviations off.
    few = signs.size <= FEW_SIGNS and row.verdict == Verdict.HOLDS
    yield row._replace(verdict=UNDECIDED) if few else row
    other = ds.sel(head_loss="log_cosh")
    yield not_covered(
        "… by log cosh(z − y): they add up to 0",
        "(38)",
        "∂L_S/∂z = φ(z) − h(y)",
        (other.heads_left > other.heads_rounding).values,
        "they do not",
    )


def which_hypothesis(name: str) -> str:
    """Say what of f is asked for: KINKS where it fails."""
    return KINKS if name == "with kinks" else "f smooth"


def smooth(ds: xr.Dataset) -> list[tuple[str, list[str]]]:
    """Part the networks: those that are smooth, and those with kinks."""
    names = [str(name) for name in ds.network.values]
    parts = {
        "smooth networks": [name for name in names if name not in KINKED],
        "with kinks": [name for name in names if name in KINKED],
    }
    return [(name, which) for name, which in parts.items() if which]


def _cases(
    measured: xr.DataArray, leading: xr.DataArray, rounding: xr.DataArray, over: str
) -> Iterator[tuple[np.ndarray, ...]]:
    """Take apart what is judged along one dimension."""
    each = xr.broadcast(measured, leading, rounding)
    k = measured.sizes[over]
    return zip(*(a.transpose(..., over).values.reshape(-1, k) for a in each), strict=True)


def _list(values: xr.DataArray) -> str:
    return ", ".join(f"{float(value):.2f}" for value in values)


#: What each makes rows of: the first of the variables that it needs.
ROWS: dict[str, Callable[[xr.Dataset], Iterator[Statement]]] = {
    "channel_measured": channels,
    "quantised_ratio": quantised,
    "drawn_dot": drawn,
    "filter_measured": filtered,
    "worst_measured": differing,
    "scaled_measured": scaled,
    "freed_lost": freed,
    "heads_plus": headed,
}
