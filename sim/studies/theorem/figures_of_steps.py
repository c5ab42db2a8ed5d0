"""Figures of what stands beside one step, and of many: of `labels`, `bases` and the trainings."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sim.report.names import counted, formula, value
from sim.report.sheet import Sheet, drawn
from sim.report.style import SERIES
from sim.studies.theorem.statements import asked
from theory.momentum import covered
from theory.monotone import MONOTONE

MARKERS = "osD^v"
GREY = "#555555"
CHANNELS = ("softmax", "argmax", "rounded", "sign", "argmin")  # beside the logits themselves
LINE = {"color": GREY, "lw": 1.2, "ls": "--", "zorder": 0}


@drawn
def labels(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw channels, sampled labels, filters, and two diagonals, beside what is predicted."""
    if _missing(sheet, ds, ("channel_measured", "worst_measured")):
        return
    of = ds.sel(network=asked(ds))
    (panels,) = sheet.panels(1, 4, across=2, panel=(5, 3.2), edge=(0, 1.8), lines=True)
    for draw, axes in zip((_channels, _drawn, _filters, _ratios), panels, strict=True):
        draw(sheet, axes, of)
    sheet.caption(
        f"{_setting(ds)} × {counted(len(asked(ds)), 'network')}, float64; f linearised but in the "
        f"last panel.\nN = {ds.sizes['kept'] - 1} inputs; medians, (second panel) shares of "
        f"{ds.sizes['seed'] * ds.sizes['draw']} draws ± 2 standard errors, (third) means.",
    )


@drawn
def many_steps(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw approach, gain, momentum, generations and widths, beside what is predicted."""
    if _missing(sheet, ds, ("walk_dot", "swing_measured")):
        return
    of = ds.sel(network=asked(ds))
    draws = _approach, _gain, _momentum, _generations, _shown, _condition
    (panels,) = sheet.panels(1, len(draws), across=3, panel=(4.5, 3.2), edge=(0, 1.8), lines=True)
    for draw, axes in zip(draws, panels, strict=True):
        draw(sheet, axes, of)
    sheet.caption(
        f"{_setting(ds)} (in the first two panels {ds.sizes['lazy_seed']}) × {len(asked(ds))} "
        "networks, f linearised, squared error (in the first two KL too), float64. Medians;\n"
        f"each point of the second panel is a student after {ds.sizes['walk_step']} steps, "
        "lines of the third are eq. (23), points of the fifth are of means.",
    )


def _channels(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    whole = ds.channel_measured.sel(channel="logits")
    part = (ds.channel_measured / whole).median(("network", "seed"))
    ε = ds.channel_epsilon.values
    axes.axhline(0, **LINE)
    axes.axhline(1, color=GREY, lw=1.2, label="logits")
    for color, marker, name in zip(SERIES, MARKERS, CHANNELS, strict=True):
        style = "-" if name in MONOTONE else ":"
        y = part.sel(channel=name).values
        axes.plot(ε, y, style, marker=marker, color=color, ms=sheet.pt(6), label=name)
    axes.set(xscale="log")
    # Pulls of many sizes and of either sign.
    axes.set_yscale("symlog", linthresh=1e-2, linscale=0.6)
    axes.set_yticks(
        [-1, -0.1, -0.01, 0, 0.01, 0.1, 1], ["−1", "−.1", "−.01", "0", ".01", ".1", "1"]
    )
    axes.minorticks_off()
    _named(axes, "(26): only argmin turns the pull round", "teacher's step ε",
           "pull beyond a placebo's,\nrelative to the logits'")  # fmt: skip
    axes.set_ylim(-2, 6)
    axes.legend(loc="lower left", borderaxespad=0)


def _drawn(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    n = ds.sizes["seed"] * ds.sizes["draw"]
    axes.plot([0.5, 1], [0.5, 1], **LINE)
    for i, (color, marker, name) in enumerate(_networks(ds)):
        one = ds.sel(network=name)
        x = one.drawn_positive.mean("seed").values
        y = (one.drawn_dot > 0).mean(("seed", "draw")).values
        # A little apart, lest they hide one another.
        axes.errorbar(x + 0.006 * (i - 1), y, 2 * (y * (1 - y) / n) ** 0.5, color=color,
                      marker=marker, ls="", ms=sheet.pt(6), lw=1.6, label=name)  # fmt: skip
    _named(axes, "(28): one sampled label an input", "predicted Φ(ε √(N q))",
           "share with Δθ_S · Δθ_T > 0")  # fmt: skip
    axes.legend()


def _filters(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    N = ds.sizes["kept"] - 1
    share = ds.kept.values / N
    axes.plot([0, 1], [0, 1], label="all inputs alike", **LINE)
    for color, _, name in _networks(ds):
        curve = ds.lorenz.sel(network=name).mean(("seed", "loss"))
        axes.plot(share, curve, color=color, label=f"{name}: L(ρ)")
    last = ds.isel(filter_epsilon=-1)
    left = (last.filter_leading / last.filter_whole).mean(("network", "seed", "loss"))
    for marker, i, kept in (("v", 0, N // 2), ("^", 1, N // 2)):
        axes.plot(
            kept / N,
            left[i],
            marker,
            color="black",
            ms=sheet.pt(8),
            label=str(ds["filter"].values[i]),
        )
    _named(axes, "(31): what filters leave", "share ρ of the inputs kept",
           "share of q left")  # fmt: skip
    axes.legend(loc="upper left")


def _ratios(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    last = ds.isel(shared_epsilon=-1)
    x = ds.ratio.values
    fall = last.worst_measured / last.worst_measured.sel(ratio=0.0)
    axes.axhline(0, color=GREY, lw=1)
    axes.plot(x, 1 - x, label="predicted, 1 − ρ/ρ*", **LINE)
    for i, (color, marker, name) in enumerate(_networks(ds)):
        y = fall.sel(network=name).median(("loss", "seed")).values
        axes.plot(x + 0.015 * (i - 1), y, marker, color=color, ms=sheet.pt(6), label=name)
    _named(axes, "(33): the worst two diagonals", "ρ / ρ*",
           "fall of L_T, relative to\nthat with one diagonal")  # fmt: skip
    axes.legend()


def _approach(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    ratio = (ds.walk_dot / ds.walk_half).sel(times=1.0)
    axes.axhline(1, label="least by (18)", **LINE)
    for color, name in zip(SERIES, ds.choice.values, strict=False):
        for style, loss in zip(("-", ":"), ds.walk_loss.values, strict=True):
            y = ratio.sel(choice=name, walk_loss=loss).median(("network", "lazy_seed"))
            label = f"{name}, {value(loss)}"
            axes.plot(ds.walk_step, y, style, color=color, label=label)
    axes.set(xscale="log", yscale="log")
    axes.set_yticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    axes.set_xticks([1, 2, 5, 10, 20, 40], ["1", "2", "5", "10", "20", "40"])
    axes.minorticks_off()
    _named(axes, "(18): along the teacher", "student's step k", "δ_k · Δ / ½ ‖δ_k‖²")
    axes.legend()


def _gain(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    one = ds.sel(times=0.5).isel(walk_step=-1)
    for color, marker, name in zip(SERIES, MARKERS, ds.choice.values, strict=False):
        x, y = (
            -one[f"walk_{part}"].sel(choice=name).values.ravel() for part in ("bound", "change")
        )
        axes.plot(x, y, marker, color=color, ms=sheet.pt(5), alpha=0.6, mew=0, label=str(name))
    ends = np.array(axes.get_xlim())
    values = np.concatenate([line.get_xdata() for line in axes.get_lines()])
    values = values[values > 0]
    if values.size:
        ends = np.array([values.min() / 1.5, values.max() * 1.5])
        axes.plot(ends, ends, label="least by (19)", **LINE)
        axes.set(xscale="log", yscale="log")
    _named(axes, "(19): what L_T falls by, ε = 1/(2β)", "½ (1/ε − β) ‖δ_k‖²",
           "fall of L_T")  # fmt: skip
    axes.legend()


def _momentum(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    axes.axhline(0, color=GREY, lw=1)
    for color, marker, β in zip(SERIES, MARKERS, ds.momentum.values, strict=False):
        top = covered(float(β), points=4000)
        x = np.linspace(0.3, 1.2, 400) * top
        axes.plot(x, _least(float(β), x, ds.sizes["swing_step"]), color=color, lw=1.6)
        axes.axvline(top, color=color, lw=1.2, ls=":")
        one = ds.sel(momentum=β).isel(swing=np.flatnonzero(ds.way == "top"))
        y = one.swing_measured.min("swing_step") / ds.own_displacement2
        at = one.times_x * float(one.momentum_x)
        axes.plot(at, y.median(("network", "seed")), marker, color=color, ms=sheet.pt(7),
                  label=f"β = {β:g}, x(β) = {top:.2f}")  # fmt: skip
    axes.set_ylim(-0.45, 1.05)
    _named(axes, "(24): momentum along the top direction", "2ηλ_max", "least δ_k · Δ / ‖Δ‖² over k")
    # Over the lines of x(β), which it would else be crossed by.
    box = axes.legend(loc="lower left", frameon=True, framealpha=1, edgecolor="white")
    box.set_zorder(5)


def _generations(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    g, whole = ds.generation.values, ds.own_displacement2
    for color, marker, values, label in (
        (SERIES[0], "o", ds.own_norm2, "own inputs: ‖δ_g‖²"),
        (SERIES[1], "s", ds.own_first, "own inputs: δ_g · Δ"),
        (SERIES[2], "D", ds.same_first, "same inputs: δ_g · Δ"),
    ):
        y = (values / whole).median(("network", "seed")).values
        axes.plot(g, y, marker=marker, color=color, ms=sheet.pt(6), label=formula(label))
    negative = (ds.own_first < -ds.own_rounding).mean(("network", "seed")).values
    axes.set(yscale="log")
    axes.set_xticks(g)
    axes.set_ylim(top=5 * axes.get_ylim()[1])
    shares = ", ".join(f"{share:.0%}" for share in negative)
    _named(axes, f"(34)–(36): δ_g · Δ < 0 in {shares}", "generation g", "relative to ‖Δ‖²")
    axes.legend()


def _shown(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    x = ds.share.values
    axes.plot(x, np.minimum(x, 1), label="min(m/n, 1)", **LINE)
    for color, marker, name in _networks(ds):
        one = ds.sel(network=name)
        y = one.shown_fraction.mean("seed") / one.shown_whole.mean("seed")
        axes.plot(x, y, marker=marker, color=color, ms=sheet.pt(6), label=name)
    axes.set(xscale="log", yscale="log")
    axes.set_yticks([0.1, 0.2, 0.5, 1], [".1", ".2", ".5", "1"])
    _shares(axes, x)
    _named(axes, "(25): what m logits show of a trunk", "logits m / units n",
           "visible fraction / ρ")  # fmt: skip
    axes.legend()


def _condition(sheet: Sheet, axes: Axes, ds: xr.Dataset) -> None:
    for color, marker, name in _networks(ds):
        y = ds.shown_condition.sel(network=name).median("seed")
        axes.plot(ds.share, y, marker=marker, color=color, ms=sheet.pt(6), label=name)
    axes.set(xscale="log", yscale="log")
    _shares(axes, ds.share.values)
    _named(axes, "(25b): hardest where all is just shown", "logits m / units n",
           "condition number κ(K)")  # fmt: skip
    axes.legend()


def _least(β: float, x: np.ndarray, steps: int) -> np.ndarray:
    """Find the least 1 − p_k over the steps by the recursion of (23)."""
    older, left, least = np.ones_like(x), np.ones_like(x), np.full(x.shape, np.inf)
    for _ in range(steps):
        older, left = left, (1 + β - x) * left - β * older
        least = np.minimum(least, 1 - left)
    return least


def _shares(axes: Axes, shares: np.ndarray) -> None:
    names = {0.125: "⅛", 0.25: "¼", 0.5: "½"}
    axes.set_xticks(shares, [names.get(share, f"{share:g}") for share in shares])
    axes.minorticks_off()


def _networks(ds: xr.Dataset) -> list[tuple[str, str, str]]:
    names = (str(name) for name in ds.network.values)
    return list(zip(SERIES, MARKERS, names, strict=False))


def _named(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(formula(title))
    axes.set_xlabel(formula(x))
    axes.set_ylabel(formula(y))


def _missing(sheet: Sheet, ds: xr.Dataset, needed: tuple[str, ...]) -> bool:
    """Say that results have none of it, as older ones may not."""
    if all(name in ds for name in needed):
        return False
    axes = sheet.panels(panel=(6, 1))[0, 0]
    axes.set(xticks=[], yticks=[], xlabel="not measured")
    axes.spines[:].set_visible(False)
    sheet.caption(f"{_setting(ds)}: not measured.")
    return True


def _setting(ds: xr.Dataset) -> str:
    return f"{formula(ds.attrs['dataset'])}, n = {counted(ds.sizes['seed'], 'seed')}"
