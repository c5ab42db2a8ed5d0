"""How many hidden layers there are."""

from sim.report.published import GAETAN, SURVEY, Published

AXES = {"depth": (1, 2, 3, 4)}
PUBLISHED = (
    Published({}, None, SURVEY, how="no effect"),
    Published({"depth": 1}, 0.761, GAETAN, 0.041, 10, differs="learning rate 1e-3"),
)
