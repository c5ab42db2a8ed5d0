"""How long students are distilled. (An epoch of MNIST is 59 steps.)"""

from sim.report.published import SURVEY, TAKE_HOME, series

AXES = {"student_steps": (59, 118, 295, 590, 1180, 2360)}
_EPOCHS = {1: 0.18, 2: 0.30, 5: 0.55, 10: 0.70, 20: 0.76, 50: 0.79}
PUBLISHED = (
    *series("student_steps", {59 * n: value for n, value in _EPOCHS.items()}, TAKE_HOME, n=25),
    *series("student_steps", {59: 0.20, 2360: 0.77}, SURVEY),
)
