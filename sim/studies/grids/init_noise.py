"""How far from the teacher's initialisation a student may start: N(0, σ²) is added to it.

The scale to compare σ with is that of the weights: 1/28 in MNIST's first layer, 1/8 in digits'.
"""

from sim.report.published import SURVEY, Published, series

AXES = {"init_noise": (0.0, 0.003, 0.01, 0.02, 0.05, 0.1)}
PUBLISHED = (
    *series("init_noise", {0.0: 0.551, 0.01: 0.393}, SURVEY),
    Published({"init_noise": 0.05}, None, SURVEY, how="chance"),
)
