"""Published rows beside ours, and which of their changes make the difference."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from sim import published
from sim.published.changes import PAPER, label, replicable, subsets, supposed
from sim.published.entries import Published, Row
from sim.report.names import counted
from sim.report.published import agrees, said
from sim.report.sheet import Sheet, drawn
from sim.report.style import DOTTED, GREY, SERIES
from sim.report.tables import Lines, laid_out, number, with_half
from sim.runs.statistics import difference, summary

AXIS = "setting"
MEANING = (
    "Ours: test accuracy, mean ± half of the 95 % interval over seeds. Alone: the paper's recipe "
    "with that change and no other, less the paper's, by pairs of seeds; taken back: the row less "
    "the row without it. Enough: the fewest changes, of those that were run, whose interval "
    "reaches the row's; none of them where the row less the paper's is not clear of 0. A change "
    "makes a difference if taking it back does, its interval clear of 0. What a row says nothing "
    "of was tried because it is what libraries or people do unless they think of it: that ours "
    "agrees then is no proof that it was so."
)
WHOSE = ("student_aux", "cross_aux")


def rows(ds: xr.Dataset) -> pd.DataFrame:
    """Lay out a line for each row of the catalogue that was run, and for each of its changes.

    what: "row", "control" (another initialisation), "alone" (the paper's with one change),
    "without" (the row without it), "some" (other subsets), "supposed" (with changes of which it
    says nothing). Columns: row, what, change, mean, half_width, low, high, sd, n, diverged of test
    accuracy; dataset; effect, effect_half_width, by pairs: less the paper's, but of one taken back,
    the row less what is left.
    """
    here, lines = {*map(str, ds[AXIS].values)}, []
    for name in replicable():
        row = published.row(name)
        if (whole := label(row.changes)) not in here:
            continue
        for what, model in (("row", WHOSE[0]), ("control", WHOSE[1])):
            if model in ds.model.values:
                lines.append(_Line(name, what, "", whole, PAPER, model))
        if (more := supposed(row)) and label(more) in here:
            words = " + ".join(row.supposed)
            lines.append(_Line(name, "supposed", words, label(more), PAPER))
        for of in subsets(row):
            if (at := label(of)) not in here or not 0 < len(of) < len(row.changes):
                continue
            left = [change for change in row.changes if change not in of]
            if len(of) == 1:
                lines.append(_Line(name, "alone", *of, at, PAPER))
            if len(left) == 1:
                lines.append(_Line(name, "without", *left, at, whole, sign=-1))
            if len(of) > 1 and len(left) > 1:
                lines.append(_Line(name, "some", at, at, PAPER))
    return _measured(ds, lines).assign(dataset=ds.attrs["dataset"])


class _Line(NamedTuple):
    """A setting's result, and the one that it is held against: less that, or that less it (−1)."""

    row: str
    what: str
    change: str
    at: str
    other: str
    model: str = WHOSE[0]
    sign: int = 1


def _measured(ds: xr.Dataset, lines: Sequence[_Line]) -> pd.DataFrame:
    """Sum up lines over seeds, all at once."""
    if not lines:
        return pd.DataFrame()

    def of(values: xr.DataArray, places: Iterable[str]) -> xr.DataArray:
        by = {AXIS: [*places], "model": [line.model for line in lines]}
        each = {name: xr.DataArray(at, dims="line") for name, at in by.items()}
        return values.sel(each).drop_vars([*by])

    at = [line.at for line in lines]
    mine = summary(of(ds.test_accuracy, at))
    pairs = [(line.at, line.other)[:: line.sign] for line in lines]
    effect = summary(
        difference(*(of(ds.test_accuracy, places) for places in zip(*pairs, strict=True)))
    )
    low, high = mine.interval
    found = {name: [getattr(line, name) for line in lines] for name in ("row", "what", "change")}
    found |= {k: getattr(mine, k).values for k in ("mean", "half_width", "sd")}
    found |= {"low": low.values, "high": high.values, "n": mine.n.values}
    found |= {"diverged": of(ds.diverged, at).sum("seed").values}
    found |= {"effect": effect.mean.values, "effect_half_width": effect.half_width.values}
    return pd.DataFrame(found)


def verdict(name: str, of: pd.DataFrame, what: str = "row") -> str:
    """Say whether a row's value of the student agrees with ours, by the rule of `published`.

    Of another data set it is not compared. what: "supposed" for ours with what is supposed.
    """
    ours = of[(of.row == name) & (of.what == what)]
    control = of[(of.row == name) & (of.what == "control")]
    value = next((v for v in published.row(name).values if v.model == WHOSE[0]), None)
    same = (ours.dataset == published.row(name).dataset).all()
    if (
        not len(ours)
        or not same
        or value is None
        or value.how == "no effect"
        or ours.half_width.isna().any()
    ):
        return "–"
    if value.how == "chance" and not len(control):
        return "–"
    v = Published({}, value.value, "", value.half_width, value.n, "", value.how, value.to)
    return {True: "agrees", False: "differs", None: "–"}[agrees(v, ours, control)]


def kept(of: pd.DataFrame, revision: str) -> pd.DataFrame:
    """Lay out what the catalogue keeps of a run: a line for each row of it."""
    mine = of[of.what == "row"][["row", "mean", "half_width", "n"]].round(4)
    verdicts = [verdict(name, of) for name in mine.row]
    return mine.assign(verdict=verdicts, revision=revision)


def needed(of: pd.DataFrame) -> list[str]:
    """Name a row's changes that make a difference: taken back, the row moves, clear of 0."""
    back = of[of.what == "without"]
    clear = back.effect.abs() > back.effect_half_width
    return [*back[clear].sort_values("effect", key=abs, ascending=False).change]


def smallest(name: str, of: pd.DataFrame) -> tuple[str, ...] | None:
    """Find the smallest set of changes whose result has an interval that reaches the row's.

    () where the row is not clear of the paper's own setting, by pairs of seeds; None where no
    subset that was run reaches it but all of them.
    """
    row: Row = published.row(name)
    mine = of[of.row == name]
    whole = mine[mine.what == "row"].iloc[0]
    if abs(whole.effect) <= whole.effect_half_width:  # by pairs, which see more than intervals do
        return ()
    at = {label([c]): g for c, g in mine[mine.what == "alone"].groupby("change")}
    at |= dict(iter(mine[mine.what == "some"].groupby("change")))
    at |= {
        label({*row.changes} - {c}): g for c, g in mine[mine.what == "without"].groupby("change")
    }
    for changes in subsets(row):
        if not 0 < len(changes) < len(row.changes) or label(changes) not in at:
            continue
        here = at[label(changes)].iloc[0]
        if here.low <= whole.high and whole.low <= here.high:
            return changes
    return None


def sentence(name: str, of: pd.DataFrame) -> str:
    """Say what makes the difference between a row and the paper's recipe, in numbers of ours."""
    told = _of_changes(name, of)
    for line in of[(of.row == name) & (of.what == "supposed")].itertuples():
        told += f"; with {line.change}, of which it says nothing: {_value(line)}"
        told += f" ({verdict(name, of, 'supposed')})"
    return told


def _of_changes(name: str, of: pd.DataFrame) -> str:
    row, mine = published.row(name), of[of.row == name]
    (whole,) = (line for line in mine.itertuples() if line.what == "row")
    moved = _effect_of(whole)
    none = "one seed: no interval" if whole.n == 1 else "no interval"
    known = not np.isnan(whole.effect_half_width)
    if not row.changes:
        return "the paper's own setting, as far as is known"
    if len(row.changes) == 1:
        (change,) = row.changes
        clear = abs(whole.effect) > whole.effect_half_width
        return f"{change}: {moved}" + ("" if clear else f", {'not clear of 0' if known else none}")
    alone = mine[mine.what == "alone"].sort_values("effect", key=abs, ascending=False)
    if {*alone.change} != {*row.changes}:
        return f"all {len(row.changes)} changes: {moved}; not taken apart"
    first = alone.iloc[0]
    told = f"all {len(row.changes)} changes: {moved}; most by one alone: {first.change}, "
    told += _effect_of(first)
    if not known:
        return f"{told}; {none}"
    enough = smallest(name, of)
    words = {None: "nothing less than all", (): "none of them, the paper's own setting"}
    told += f"; enough: {words.get(enough) or ', '.join(enough or ())}"
    if (which := needed(mine)) and len(which) < len(row.changes):
        told += f"; taken back, these move it: {', '.join(which)}"
    return told


def _signed(x: float) -> str:
    return number(x, "+.3f")


def _effect_of(line: Any) -> str:
    return with_half(_signed(line.effect), line.effect_half_width)


def cells(of: pd.DataFrame) -> Lines:
    """Write a line for each row: what was published, ours, the verdict, what the difference is."""
    head = ["row", "published", "here", "of another start", "verdict", "what makes the difference"]

    def lines() -> Iterator[list[str]]:
        for name, mine in of.groupby("row", sort=False):
            (whole,) = (line for line in mine.itertuples() if line.what == "row")
            control = [line for line in mine.itertuples() if line.what == "control"]
            row = published.row(name)
            mine_first = sorted(row.values, key=lambda v: v.model != WHOSE[0])
            value = next(said(row._replace(values=tuple(mine_first))))
            other = _value(control[0]) if control else "–"
            yield [name, value, _value(whole), other, verdict(name, mine), sentence(name, mine)]

    return head, lines()


def _value(line: Any) -> str:
    text = with_half(number(line.mean), line.half_width)
    return text + (f" (×{line.diverged} of {line.n})" if line.diverged else "")


def changes(of: pd.DataFrame) -> Lines:
    """Write a line for each change of a row with several: alone, and taken back."""
    head = ["row", "change", "alone", "effect", "row without it", "effect of taking it back"]

    def lines() -> Iterator[list[str]]:
        for (name, change), part in of[of.what.isin(["alone", "without"])].groupby(
            ["row", "change"], sort=False
        ):
            if len(part) < 2:  # one of them was not run
                continue
            (alone,) = (line for line in part.itertuples() if line.what == "alone")
            (rest,) = (line for line in part.itertuples() if line.what == "without")
            forward, back = map(_effect_of, (alone, rest))
            yield [name, change, _value(alone), forward, _value(rest), back]

    return head, lines()


def explained(of: pd.DataFrame, then: Sequence[str] = ()) -> tuple[float, int]:
    """Compute the share of the spread between replications that their settings explain, and n.

    R² = 1 − Σ (published − ours in its setting)² / Σ (published − their mean)², over the rows that
    are shown beside figure 10, as the same experiment. then: rows of which ours is the value with
    what is supposed.
    """
    pairs = []
    for name in of.row.unique():
        row = published.row(name)
        value = next((v for v in row.values if v.model == WHOSE[0]), None)
        if "figure10" in row.at and value is not None and value.how == "=":
            what = "supposed" if name in then else "row"
            (ours,) = of[(of.row == name) & (of.what == what)]["mean"]
            pairs.append((_published(value)[0], ours))
    if len(pairs) < 3:
        return np.nan, len(pairs)
    theirs, ours = np.array(pairs).T
    missed, spread = ((theirs - ours) ** 2).sum(), ((theirs - theirs.mean()) ** 2).sum()
    return float(1 - missed / spread), len(pairs)


def finding(of: pd.DataFrame) -> str:
    """Say how many rows agree, and which changes make most of the difference."""
    if of.n.iloc[0] == 1:
        return "One seed: no interval, and nothing to say of who agrees or what makes a difference."
    lines = dict(iter(of.groupby("row", sort=False)))
    verdicts = {name: verdict(name, lines[name]) for name in lines}
    said, judged = [], sum(v != "–" for v in verdicts.values())
    if judged:
        agreeing = sum(v == "agrees" for v in verdicts.values())
        said.append(f"{agreeing} of {judged} published values agree with ours in their setting.")
    share, many = explained(of)
    if many > 2 and judged:
        said.append(
            f"Of the spread between the {many} values beside figure 10, their settings explain "
            f"{100 * share:.0f} % (R², ours in their setting for theirs)."
        )
    more = {n: verdict(n, lines[n], "supposed") for n, v in verdicts.items() if v == "differs"}
    if then := [name for name, v in more.items() if v == "agrees"]:
        share, _ = explained(of, then)
        said.append(
            f"{len(then)} more would with something of which they say nothing: {', '.join(then)}"
            + (f"; R² is {100 * share:.0f} % then." if many > 2 else ".")
        )
    differ = [name for name, v in more.items() if v != "agrees"]
    if differ:
        said.append(f"{'The others differ' if then else 'They differ'}: {', '.join(differ)}.")
    beside = [name for name in of.row.unique() if "figure10" in published.row(name).at]
    each = of[(of.what == "alone") & of.row.isin(beside)].drop_duplicates("change")
    if len(each):
        ranked = each.sort_values("effect", key=abs, ascending=False).head(6)
        parts = (f"{r.change} {_signed(r.effect)}" for r in ranked.itertuples())
        said.append(f"Alone, by size: {'; '.join(parts)}.")
    return "\n".join(said)


def replications(ds: xr.Dataset) -> Iterator[Any]:
    """Lay out all rows, their changes, and what that comes to."""
    of = rows(ds)
    about = f"{escape(ds.attrs['dataset'])}, n = {counted(ds.sizes['seed'], 'seed')}"
    for title, lines in (("Rows", cells(of)), ("Changes", changes(of))):
        shown = laid_out(f"{title}, {about}", "", lines, len(lines[0]))
        if shown.row_count:
            yield shown
    yield Padding(Text(MEANING), (1, 0, 0, 0))
    yield Padding(Text(finding(of)), (1, 0))


@drawn
def figure(sheet: Sheet, ds: xr.Dataset) -> None:
    """Draw rows beside figure 10: published, ours, and where each change alone leads."""
    paper = ds.test_accuracy.sel({AXIS: PAPER, "model": WHOSE[0]})
    draw(sheet, rows(ds), float(paper.mean()))


def draw(sheet: Sheet, of: pd.DataFrame, paper: float) -> None:
    """Draw rows that are laid out; paper: ours in its setting."""
    shown = [n for n in of.row.unique() if "figure10" in published.row(n).at]
    shown.sort(key=lambda n: float(of[(of.row == n) & (of.what == "row")]["mean"].iloc[0]))
    named = [
        "\n".join(sheet.broken([published.source(n).name, _short(published.row(n))])[0])
        for n in shown
    ]
    tall = np.array([max(name.count("\n") + 1, 2.4) / 2.4 for name in named])  # rows of two lines
    places = tall.cumsum() - tall / 2
    panel = sheet.panels(panel=(8.6, 0.5 * tall.sum()), edge=(0, 1.3), lines=True)[0, 0]
    panel.axvline(paper, **DOTTED)
    mark = {"ms": sheet.pt(6), "lw": sheet.pt(1.5)}
    for y, name in zip(places, shown, strict=True):
        mine = of[of.row == name]
        (whole,) = (line for line in mine.itertuples() if line.what == "row")
        value = next(v for v in published.row(name).values if v.model == WHOSE[0])
        if value.value is not None:
            x, reach = _published(value)
            look = {"fmt": ">" if value.how == ">" else "D", "color": SERIES[1], "mfc": "white"}
            panel.errorbar(x, y + 0.16, xerr=reach, **look, **mark)
        look = {"fmt": "o", "color": SERIES[0]}
        panel.errorbar(whole.mean, y - 0.16, xerr=whole.half_width, **look, **mark)
        for line in mine[mine.what == "supposed"].itertuples():
            hollow = look | {"mfc": "white"}
            panel.errorbar(line.mean, y - 0.36, xerr=line.half_width, **hollow, **mark)
        for line in mine[mine.what == "alone"].itertuples():
            panel.plot(line.mean, y - 0.16, "|", color=GREY, ms=sheet.pt(9))
    sheet.named(panel, "y", places, named)
    panel.set(xlim=(0, 1), ylim=(0, tall.sum()))
    panel.set_xlabel("test accuracy of the student on auxiliary logits")
    marks = (
        ("D", SERIES[1], "white", "published"),
        ("o", SERIES[0], None, "ours, in its setting"),
        ("o", SERIES[0], "white", "ours, with what it does not say"),
        ("|", GREY, None, "the paper's with one of its changes"),
    )
    keys = [Line2D([], [], ls="", marker=m, color=c, mfc=f or c) for m, c, f, _ in marks]
    sheet.key(keys, [said for *_, said in marks], columns=2)
    sheet.caption(
        f"{of.dataset.iloc[0]}, n = {counted(of.n.iloc[0], 'seed')}. Bars: 95 % intervals; "
        "published ones where they were given. Dotted: the paper's recipe, ours."
    )


def _published(value: Any) -> tuple[float, Any]:
    if value.to is not None:
        middle, reach = (value.value + value.to) / 2, (value.to - value.value) / 2
        return middle, reach + (value.half_width or 0.0)
    return value.value, np.nan if value.half_width is None else value.half_width


def _short(row: Row) -> str:
    return ", ".join(row.changes) or "the paper's setting"


FIGURES = {"replications": figure}
