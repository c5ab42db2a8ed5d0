"""Making texts fit: words broken between lines, labels of ticks left out that would overlap."""

import textwrap
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from matplotlib.transforms import Bbox


def filled(text: str, letters: int) -> str:
    """Break a text between words, but not before a unit or beside a sign of equality."""
    held = text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0")
    broken = textwrap.fill(held, letters, break_long_words=False, break_on_hyphens=False)
    return broken.replace("\u00a0", " ")


def thin(axes: Axes, way: str) -> None:
    """Leave out labels of ticks that would lie on the one before."""
    axis = getattr(axes, f"{way}axis")
    if not axes.axison or not axis.get_visible():
        return
    side = 0 if way == "x" else 1
    gap = 2 * axes.figure.dpi / 72 if way == "x" else 0.0
    low, high = sorted(getattr(axes, f"get_{way}lim")())
    for minor in (False, True):
        ticks = [
            (tick, place)
            for tick, place in zip(
                axis.get_minor_ticks() if minor else axis.get_major_ticks(),
                axis.get_ticklocs(minor=minor),
                strict=False,
            )
            if low <= place <= high
        ]
        labels = [t.label1 for t, _ in ticks if t.label1.get_visible() and t.label1.get_text()]
        if minor and labels:
            boxes = [la.get_window_extent() for la in labels]
            if not all(apart(a, b, side, gap) for a, b in pairwise(boxes)):
                axis.set_minor_formatter(NullFormatter())
            continue
        if len(labels) < 2:
            continue
        boxes = [la.get_window_extent() for la in labels]
        if all(apart(a, b, side, gap) for a, b in pairwise(boxes)):
            continue
        last, kept = None, []
        in_order = sorted(zip(labels, boxes, strict=True), key=lambda p: p[1].get_points()[0][side])
        for label, box in in_order:
            if last is None or apart(last, box, side, gap):
                kept.append(label)
                last = box
        places = [place for tick, place in ticks]
        words = ["" if t.label1 not in kept else t.label1.get_text() for t, _ in ticks]
        getattr(axes, f"set_{way}ticks")(places, words)


def apart(a: Bbox, b: Bbox, side: int, gap: float) -> bool:
    """Tell whether boxes are apart by a gap (pixels), from left to right (0) or upwards (1)."""
    (a0, a1), (b0, b1) = a.get_points()[:, side], b.get_points()[:, side]
    return a1 + gap <= b0 or b1 + gap <= a0
