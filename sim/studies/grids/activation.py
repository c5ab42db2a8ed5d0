"""The nonlinearity."""

from sim.report.published import SURVEY, series

AXES = {"activation": ("relu", "gelu", "silu", "tanh", "linear")}
PUBLISHED = series("activation", {"relu": 0.55, "tanh": 0.14}, SURVEY)
