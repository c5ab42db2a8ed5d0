"""How long the teacher was trained. (An epoch of MNIST is 59 steps.)"""

from sim.report.published import SURVEY, Published, series

AXES = {"teacher_steps": (15, 30, 59, 118, 295, 590, 1180)}
PUBLISHED = (
    *(Published({"teacher_steps": n}, 0.60, SURVEY, to=0.63) for n in (59, 118)),
    *series("teacher_steps", {295: 0.55, 1180: 0.37}, SURVEY),
)
