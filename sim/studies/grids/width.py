"""How wide the hidden layers are."""

from sim.report.published import SURVEY, series

AXES = {"width": (16, 32, 64, 128, 256, 512, 1024)}
PUBLISHED = series("width", {64: 0.42, 128: 0.48, 256: 0.45, 512: 0.34, 1024: 0.22}, SURVEY)
