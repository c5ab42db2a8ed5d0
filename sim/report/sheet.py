"""What a figure is drawn on: a sheet of its own, of some width, or axes of the user's.

Each drawing function is written once, for its natural size. The sheet takes its panels, names and
legends to the width that is asked for: letters of the size they are printed in, as many panels side
by side as there is room for, labels broken or thinned out until none lies on another.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import pairwise
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from sim.errors import InputError, choose, require, several
from sim.report.fitting import apart, filled, thin
from sim.report.names import formula

SIZE = 11  # of letters, in points, at a figure's natural size
PRINTED = 8  # and in a paper
WIDTHS = {"column": 3.25, "text": 6.75}  # inches
NARROWEST, WIDEST = 2.0, 40.0
Width = Literal["column", "text"] | float
#: Letters are letters in the files: TrueType in PDF, text in SVG.
FILES = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "sublim"}


class Drawing(Figure):
    """A figure that is saved as it was drawn, whatever the user's settings are."""

    def savefig(self, *arguments: Any, **named: Any) -> None:
        """Save, as matplotlib does, with TrueType letters in PDF, and text in SVG."""
        with mpl.rc_context(mpl.rcParamsDefault), mpl.rc_context(FILES):
            super().savefig(*arguments, **named)


def drawn(draw: Callable[..., None]) -> Callable[..., Figure]:
    """Draw on a sheet: of the width, with the models, or in the axes, that are asked for.

    The function that is made takes, beside the results, by name: ax, axes of a figure of the
    user's, which keep its style; models, those to draw; width, "column" (3.25 inches), "text"
    (6.75) or inches; caption, whether there is one. It returns the Figure. Errors: InputError.
    """

    @wraps(draw)
    def draws(
        *results: Any,
        ax: Axes | None = None,
        models: Sequence[str] | None = None,
        width: Width | None = None,
        caption: bool = True,
        **named: Any,
    ) -> Figure:
        sheet = Sheet(width, ax, models, captioned=caption)
        with sheet.style():
            draw(sheet, *results, **named)
            sheet.finish()
        return sheet.figure

    own = inspect.signature(draw).parameters
    more = inspect.signature(draws, follow_wrapped=False).parameters
    given = [p for p in own.values() if p.name != "sheet"]
    asked = [p for p in more.values() if p.kind is p.KEYWORD_ONLY]
    draws.__signature__ = inspect.Signature(  # as help() shows it
        sorted([*given, *asked], key=lambda p: p.kind), return_annotation=Figure
    )
    return draws


class Sheet:
    """Panels, legend and caption of one figure."""

    def __init__(
        self,
        width: Width | None,
        ax: Axes | None = None,
        models: Sequence[str] | None = None,
        *,
        captioned: bool = True,
    ) -> None:
        self.inches = _inches(width)
        require("width", width, ax is None or width is None, "left out with ax, which has its own")
        require("ax", ax, ax is None or isinstance(ax, Axes), "matplotlib's Axes")
        self.ax, self.models, self.captioned = ax, models, captioned
        if ax is not None:
            self._wide = ax.bbox.width / ax.figure.dpi
            self.size = float(mpl.rcParams["font.size"])
        elif self.inches:
            # What is wider than a page's text will be shrunk to it.
            self.size = PRINTED * max(1.0, self.inches / WIDTHS["text"])
        else:
            self.size = float(SIZE)
        self.scale = self.size / SIZE
        self._caption: Text | None = None
        self._key: tuple[Any, ...] | None = None
        self._asked = False
        self._places: dict[tuple[int, int], Axes] = {}  # by row and column on the sheet
        self._whole: dict[Text, str] = {}  # before it was broken
        self._named: list[tuple[Axes, str]] = []  # whose ticks are names, none to be left out

    @contextmanager
    def style(self) -> Iterator[None]:
        """Draw under matplotlib's own settings, in the sheet's letters; in the user's, with ax."""
        if self.ax is not None:
            yield
            return
        letters = dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize"), self.size)
        small = self.size * (SIZE - 1) / SIZE
        letters |= dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), small)
        lines = {"lines.markersize": self.pt(6), "lines.linewidth": self.pt(1.8)}
        lines |= {f"{way}tick.major.size": self.pt(4) for way in "xy"}
        free = {"axes.spines.top": False, "axes.spines.right": False, "axes.titlepad": self.pt(6)}
        free |= {"legend.frameon": False, "axes.labelpad": self.pt(4)}
        with mpl.rc_context(mpl.rcParamsDefault), mpl.rc_context(letters | lines | free | FILES):
            yield

    def pt(self, points: float) -> float:
        """Take a length, in points of the natural size, to the sheet's."""
        return points * self.scale

    def chosen(self, known: Iterable[str]) -> list[str]:
        """Name the models to draw: those that were asked for, or all that are known.

        Errors: InputError for one that is not there.
        """
        known, self._asked = [*map(str, known)], True
        if self.models is None:
            return known
        asked = several("models", self.models)
        for name in asked:
            choose("models", name, known)
        return [*dict.fromkeys(asked)]

    def panels(
        self,
        rows: int = 1,
        columns: int = 1,
        *,
        panel: tuple[float, float | Sequence[float]],
        edge: tuple[float, float] = (0, 0),
        across: int | None = None,
        least: float = 2.4,
        lines: bool = False,
        sharex: str = "",
        sharey: str = "",
        ratios: Sequence[float] | None = None,
    ) -> np.ndarray:
        """Make panels, [rows, columns], as they belong together.

        On the sheet they stand so too, if there is room; else the columns that there is no room for
        stand below the others.

        Args:
          rows, columns: of panels.
          panel, edge: width and height (of each column, or one for all) of one at its natural
            size, and what stands around all of them (inches).
          across: the most panels side by side; all, unless said.
          least: the width (inches, at natural size) below which a panel cannot be read.
          lines: a panel is as high as the lines of text in it, however wide.
          sharex, sharey: which panels have an axis in common: all, row or column.
          ratios: of the columns' widths, where they stand side by side.

        Errors: InputError for several panels in one of the user's axes.

        """
        if self.ax is not None:
            many = rows * columns
            require("ax", "given", many == 1, f"left out: this figure has {many} panels")
            self.figure = self.ax.figure
            self._places = {(0, 0): self.ax}
            return np.array([[self.ax]], object)
        side = min(across or columns, columns)
        if self.inches:
            side = max(1, min(side, int(self.inches / (least * self.scale))))
        blocks = -(-columns // side)
        heights = np.broadcast_to(panel[1], columns)
        high = [
            heights[k * side : (k + 1) * side].max() for k in range(blocks) for _ in range(rows)
        ]
        self._size(np.array(high), side, panel[0], edge, lines=lines)
        widths = ratios if side == columns else None
        grid = self.figure.add_gridspec(len(high), side, width_ratios=widths, height_ratios=high)
        found = np.empty((rows, columns), object)
        for i, j in np.ndindex(rows, columns):
            place = (j // side) * rows + i, j % side
            with_ = {
                name: found[first]
                for name, how in (("sharex", sharex), ("sharey", sharey))
                for first in [{"all": (0, 0), "row": (i, 0), "column": (0, j)}.get(how, (i, j))]
                if first != (i, j)
            }
            found[i, j] = self._places[place] = self.figure.add_subplot(grid[place], **with_)
        return found

    def _size(
        self,
        heights: np.ndarray,
        columns: int,
        width: float,
        edge: tuple[float, float],
        *,
        lines: bool,
    ) -> None:
        """Make the figure, for rows of panels of some natural heights."""
        if self.inches:
            wide, high = self.inches, heights * self.scale
            if not lines:  # as wide as high, or wider
                high = np.minimum(high, 0.62 * wide / columns + 3 * self.size / 72)
            tall = high.sum() + 1.3 * len(high)  # what is too much is taken away in the end
        else:
            wide, tall = edge[0] + columns * width, edge[1] + heights.sum()
        self.figure = Drawing(figsize=(wide, tall), layout="constrained")
        self._heights, self._lines = heights, lines
        FigureCanvasAgg(self.figure)  # what letters take is measured before they are drawn

    def caption(self, text: str) -> None:
        """Say what is shown, with n, below the figure."""
        if self.captioned and self.ax is None:
            self._caption = self.figure.supxlabel(
                text, fontsize=self.size * (SIZE - 1.5) / SIZE, color="#333333"
            )

    def key(
        self,
        handles: Sequence[Any],
        labels: Sequence[str],
        columns: int = 5,
        **look: Any,
    ) -> None:
        """Name lines and marks above the panels, in as many columns as there is room for."""
        self._key = ([*handles], [*labels], columns, look) if labels else None

    def flat(self, values: Iterable[str]) -> bool:
        """Tell whether names are too long to stand side by side: then they go in lines."""
        names = [*values]
        longest = max(len(part) for name in names for part in name.split("\n"))
        width = (self.inches or 7.0) if self.ax is None else self._wide
        return len(names) * (longest + 1) * 0.5 * self.size / 72 > width - 7 * self.size / 72

    def named(self, axes: Axes, way: str, places: Sequence[float], names: Sequence[str]) -> None:
        """Write names at ticks, all of them: broken, or standing, where they are too long."""
        getattr(axes, f"set_{way}ticks")(places, [*map(formula, names)])
        getattr(axes, f"{way}axis").minorticks_off()
        self._named.append((axes, way))

    def broken(self, names: Iterable[str], share: float = 0.42) -> tuple[list[str], int]:
        """Break names of rows so that they take no more than a share of the width.

        Returns them, and how many lines the longest has.
        """
        width = (self.inches or 12.0) if self.ax is None else 1.5 * self._wide
        letters = max(12, int(share * width * 72 / (0.5 * self.size)))
        found = [textwrap.fill(name, letters, break_long_words=False) for name in names]
        return found, max((name.count("\n") + 1 for name in found), default=1)

    def dodged(self, axes: Axes, way: str, places: Any, k: int, many: int) -> np.ndarray:
        """Move the k-th of many marks at each place a little to its side, alike in every scale.

        Of places on a y-axis, which are lines, the first is above.
        """
        scale = getattr(axes, f"{way}axis").get_transform()
        at = scale.transform(np.asarray(places, float))
        nearest = np.diff(np.unique(at)).min() if len(np.unique(at)) > 1 else 1.0
        step = min(0.016 * (np.ptp(at) or 1), 0.5 * nearest / many) if way == "x" else 0.25 / many
        return scale.inverted().transform(at + step * (k - (many - 1) / 2))

    def finish(self) -> None:
        """Drop labels that repeat, and make what is left fit."""
        require(
            "models", self.models, self.models is None or self._asked, "left out: none to choose"
        )
        if self.ax is not None:
            if self._key:
                handles, labels, columns, look = self._key
                self.ax.legend(
                    handles,
                    labels,
                    loc="lower center",
                    bbox_to_anchor=(0.5, 1),
                    borderaxespad=1.8,
                    ncols=columns,
                    **look,
                )
            self._fit_ticks(self.ax)
            return
        self._drop_repeated()
        for axes in self.figure.axes:  # those that are made later too
            axes.tick_params(axis="x", labelsize=mpl.rcParams["xtick.labelsize"])
            axes.tick_params(axis="y", labelsize=mpl.rcParams["ytick.labelsize"])
        self._grow(self._put_key() + self._break_caption())
        place = self.figure.get_layout_engine().execute
        for _ in range(3 if self.inches else 1):  # what is broken takes room, and moves the rest
            place(self.figure)
            for axes in self.figure.axes:
                self._fit(axes)
            if self.inches:
                place(self.figure)
                self._grow(self._missing())

    def _grow(self, inches: float) -> None:
        """Make the figure higher, or lower."""
        width, height = self.figure.get_size_inches()
        self.figure.set_size_inches(width, height + inches)

    def _missing(self) -> float:
        """Find how much higher the figure must be (inches), for its panels to be as they should."""
        found = 0.0
        for i, high in enumerate(self._heights * self.scale):
            boxes = [a.get_window_extent() for (row, _), a in self._places.items() if row == i]
            width, height = (min(sides) for sides in zip(*(b.size for b in boxes), strict=True))
            wide = max(0.62 * width / self.figure.dpi, 8 * self.size / 72)
            found += (high if self._lines else min(high, wide)) - height / self.figure.dpi
        return found

    def _drop_repeated(self) -> None:
        """Name an axis once, where panels below or beside each other have it in common."""
        for way, (down, right) in (("x", (1, 0)), ("y", (0, -1))):
            repeated = []
            for (i, j), axes in self._places.items():
                other = self._places.get((i + down, j + right))
                named = [getattr(a, f"get_{way}label")() for a in (axes, other) if a]
                if len(named) == 2 and named[0] == named[1]:
                    repeated.append(axes)
                    if getattr(axes, f"get_shared_{way}_axes")().joined(axes, other):
                        axes.tick_params(**{"labelbottom" if way == "x" else "labelleft": False})
            for axes in repeated:  # not before all were compared
                getattr(axes, f"set_{way}label")("")

    def _put_key(self) -> float:
        """Place the legend; return the height it takes beyond that of a line, or all (inches)."""
        if not self._key:
            return 0.0
        handles, labels, most, look = self._key
        for columns in range(min(most, len(labels)), 0, -1):
            legend = self.figure.legend(
                handles, labels, loc="outside upper center", ncols=columns, **look
            )
            box = legend.get_window_extent()
            if columns == 1 or box.width <= 0.98 * self.figure.bbox.width:
                break
            legend.remove()
        usual = 0 if self.inches else 2 * self.size * 1.5
        return max(0.0, box.height / self.figure.dpi - usual / 72)

    def _break_caption(self) -> float:
        """Break the caption to the width; return the height it takes beyond the usual (inches)."""
        if not self._caption:
            return 0.0
        own = self._caption.get_text().count("\n")
        self._break(self._caption, 0.97 * self.figure.bbox.width)
        lines = self._caption.get_text().count("\n")
        more = lines + 1 if self.inches else lines - own
        return more * 1.25 * self._caption.get_fontsize() / 72

    def _fit(self, axes: Axes) -> None:
        """Break labels that are longer than their side, and thin out ticks that overlap."""
        box = axes.get_window_extent()
        for text in (axes.title, axes.xaxis.label):
            self._break(text, self._room(axes))
        self._break(axes.yaxis.label, box.height * 1.05, standing=True)
        self._fit_ticks(axes)

    def _fit_ticks(self, axes: Axes) -> None:
        for way in ("x", "y"):
            if (axes, way) in self._named:
                self._stand(axes, way)
            else:
                thin(axes, way)

    def _break(self, text: Text, room: float, *, standing: bool = False) -> None:
        """Break a text between words until it is no longer than there is room for (pixels)."""
        said = self._whole.setdefault(text, text.get_text())
        letters = max(map(len, said.split("\n")), default=0)
        text.set_text(said)
        while said and letters > 6:
            box = text.get_window_extent()
            long = box.height if standing else box.width
            if long <= room:
                return
            letters = max(6, min(letters - 1, int(letters * room / long)))
            text.set_text("\n".join(filled(part, letters) for part in said.split("\n")))

    def _stand(self, axes: Axes, way: str) -> None:
        """Break names beside each other; let them stand where that is not enough."""
        labels = [la for la in getattr(axes, f"get_{way}ticklabels")() if la.get_text()]
        if way == "y" or len(labels) < 2:
            return

        def fits() -> bool:
            boxes = [label.get_window_extent() for label in labels]
            return all(apart(a, b, 0, 2) for a, b in pairwise(boxes))

        if not fits():
            room = axes.get_window_extent().width / len(labels)
            for label in labels:
                self._break(label, 0.95 * room)
            axes.set_xticks(axes.get_xticks(), [label.get_text() for label in labels])
        if not fits():
            words = [label.get_text().replace("\n", " ") for label in labels]
            axes.set_xticks(axes.get_xticks(), words, rotation=90)

    def _room(self, axes: Axes) -> float:
        """Find the width of what can stand above or below the middle of a panel (pixels)."""
        at = {panel: place for place, panel in self._places.items()}.get(axes)
        box, ends = axes.get_window_extent(), [0.0, self.figure.bbox.width]
        if at:
            before, after = (self._places.get((at[0], at[1] + way)) for way in (-1, 1))
            ends[0] = (before.get_window_extent().x1 + box.x0) / 2 if before else ends[0]
            ends[1] = (after.get_window_extent().x0 + box.x1) / 2 if after else ends[1]
        middle = (box.x0 + box.x1) / 2
        return 1.9 * min(middle - ends[0], ends[1] - middle)


def _inches(width: Width | None) -> float | None:
    """Read a width. Errors: InputError."""
    if width is None:
        return None
    rule = f"column, text, or inches from {NARROWEST:g} to {WIDEST:g}"
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    try:
        found = float(width)
    except (TypeError, ValueError):
        raise InputError(f"width = {width!r}: must be {rule}") from None
    require("width", width, NARROWEST <= found <= WIDEST, rule)
    return found
