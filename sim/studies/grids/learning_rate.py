"""The students' learning rate, at a fixed number of Adam steps and with the same teacher."""

from sim.report.published import SURVEY, series

AXES = {"student_lr": (0.0001, 0.0003, 0.001, 0.002, 0.003, 0.01, 0.03)}
PUBLISHED = series(
    "student_lr",
    {0.0001: 0.32, 0.0003: 0.55, 0.001: 0.70, 0.003: 0.29, 0.01: 0.10},
    SURVEY,
    differs="the teacher's rate varies too",
)
