"""What is written in a figure, and where: as it is drawn, by the boxes of its texts."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

TOUCH = 1.0  # pixels at 100 dpi by which boxes, which have some air in them, may meet


def texts(figure):
    """Draw, and list each text that is really drawn with its box, in pixels."""
    found, draw = [], Text.draw

    def record(self, renderer, *rest, **named):
        draw(self, renderer, *rest, **named)
        if self.get_visible() and self.get_text().strip():
            found.append((self.get_text(), self.get_window_extent(renderer)))

    FigureCanvasAgg(figure)
    Text.draw = record
    try:
        figure.canvas.draw()
    finally:
        Text.draw = draw
    return found


def overlapping(figure):
    """List the pairs of texts that lie on each other, and those that leave the figure."""
    found = texts(figure)
    pairs = [
        (one, other)
        for (one, a), (other, b) in combinations(found, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > TOUCH and min(a.y1, b.y1) - max(a.y0, b.y0) > TOUCH
    ]
    whole = figure.bbox
    outside = [
        (text, "the edge")
        for text, box in found
        if min(box.x0, box.y0) < -TOUCH or box.x1 > whole.x1 + TOUCH or box.y1 > whole.y1 + TOUCH
    ]
    return pairs + outside
