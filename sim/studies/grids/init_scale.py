"""How large the initial weights are."""

from sim.report.published import SURVEY, series

AXES = {"init_scale": (0.5, 0.7, 1.0, 1.4, 2.0, 4.0)}
PUBLISHED = series("init_scale", {0.5: 0.32, 1.0: 0.55, 2.0: 0.21, 4.0: 0.11}, SURVEY)
