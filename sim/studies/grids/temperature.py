"""The temperature of the imitation loss."""

from sim.report.published import SURVEY, Published

AXES = {"temperature": (0.25, 0.5, 1.0, 2.0, 4.0)}
PUBLISHED = (Published({}, None, SURVEY, how="no effect"),)
