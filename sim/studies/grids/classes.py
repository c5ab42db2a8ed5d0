"""How many classes there are to tell apart.

Teachers take as many epochs, which on fewer classes' images are fewer steps. Chance is one over
their number.
"""

from sim.report.published import SURVEY, series

AXES = {"classes": (2, 3, 4, 6, 8, 10)}
PUBLISHED = series("classes", {2: 0.84, 10: 0.54}, SURVEY)
