"""Making texts fit: words broken between lines, labels of ticks left out that would overlap."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import Bbox


def filled(text: str, letters: int) -> str:
    """Break a text between words, but not before a unit or beside a sign of equality."""
    held = text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0")
    broken = textwrap.fill(held, letters, break_long_words=False, break_on_hyphens=False)
    return broken.replace("\u00a0", " ")


def thin(axes: Axes, way: str) -> None:
    """Leave out labels of ticks that would lie on the one before.

    Between powers of ten none are labelled unless all can be; but where there is hardly a power of
    ten in sight, as many as there is room for.
    """
    axis = getattr(axes, f"{way}axis")
    if not axes.axison or not axis.get_visible():
        return
    low, high = sorted(getattr(axes, f"get_{way}lim")())
    found: list[tuple[float, Text]] = []  # labels of powers of ten, or of all ticks, and where
    for minor in (False, True):
        ticks = axis.get_minor_ticks() if minor else axis.get_major_ticks()
        places = axis.get_ticklocs(minor=minor)
        seen = [(p, t.label1) for t, p in zip(ticks, places, strict=False) if low <= p <= high]
        labelled = [(p, la) for p, la in seen if la.get_visible() and la.get_text()]
        kept = _clear(axes, way, labelled, found if minor else [])
        if len(kept) < len(labelled):
            said = {place: label.get_text() for place, label in kept}
            if minor:
                said = said if len(found) < 2 else {}
                axis.set_minor_formatter(FuncFormatter(lambda x, _, said=said: said.get(x, "")))
            else:
                getattr(axes, f"set_{way}ticks")(
                    [p for p, _ in seen], [said.get(p, "") for p, _ in seen]
                )
        found = kept


def _clear(
    axes: Axes, way: str, labelled: list[tuple[float, Text]], taken: list[tuple[float, Text]]
) -> list[tuple[float, Text]]:
    """Choose labels, in order, that lie neither on the one before nor on those that are there."""
    side = 0 if way == "x" else 1
    gap = 2 * axes.figure.dpi / 72 if way == "x" else 0.0
    there = [label.get_window_extent() for _, label in taken]
    boxes = [(label.get_window_extent(), place, label) for place, label in labelled]
    kept: list[tuple[float, Text]] = []
    last: list[Bbox] = []
    for box, place, label in sorted(boxes, key=lambda of: of[0].get_points()[0][side]):
        if all(apart(other, box, side, gap) for other in (*there, *last)):
            kept.append((place, label))
            last = [box]
    return kept


def apart(a: Bbox, b: Bbox, side: int, gap: float) -> bool:
    """Tell whether boxes are apart by a gap (pixels), from left to right (0) or upwards (1)."""
    (a0, a1), (b0, b1) = a.get_points()[:, side], b.get_points()[:, side]
    return a1 + gap <= b0 or b1 + gap <= a0
