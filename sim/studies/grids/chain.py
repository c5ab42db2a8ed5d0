"""A chain of untrained networks: the task handed on over generations, each reset to its start.

The trait is accuracy. reset: each generation has distinct inputs of its own, as many for all; same:
all have the first one's. What was published had 60,000, in the paper's recipe; here it is a
lineage's.
"""

from sim.training.lineages import LINEAGE, student

_LATER = range(2, 8)
FAMILY = LINEAGE | {
    f"{name}_{k}": student(teacher="student" if k == 2 else f"{name}_{k - 1}", draw=draw * (k - 1))
    for name, draw in (("reset", 1), ("same", 0))
    for k in _LATER
}
AXES = {"noise_images": (20_000, 60_000)}
SETTINGS = {
    "models": (
        "student",
        *(f"{name}_{k}" for name in ("reset", "same") for k in _LATER),
        "control",
        "other",
    ),
    "base": "untrained",
    "trait": "accuracy",
}
