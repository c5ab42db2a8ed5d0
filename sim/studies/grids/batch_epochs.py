"""The batch with the students' epochs held fixed, as published: small batches take more steps.

Teachers take the recipe's steps at every batch.
"""

from sim.report.published import SURVEY, series

AXES = {"batch": (64, 256, 1024, 4096, 16384)}
HOLD = ("teacher_steps",)
PUBLISHED = series(
    "batch", {64: 0.75, 1024: 0.55, 16384: 0.18}, SURVEY, differs="the teacher's batch varies too"
)
