"""A chain of untrained networks: the task handed on over generations, each reset to its start.

The trait is accuracy. On 20,000 distinct inputs, as published; for the rest a lineage's recipe.
"""

from sim.report.published import GHOST, Published
from sim.training.lineages import LINEAGE, student

_LATER = range(2, 8)
FAMILY = LINEAGE | {
    f"reset_{k}": student(teacher="student" if k == 2 else f"reset_{k - 1}", draw=k - 1)
    for k in _LATER
}
AXES = {}
SETTINGS = {
    "models": ("student", *(f"reset_{k}" for k in _LATER), "control", "other"),
    "base": "untrained",
    "trait": "accuracy",
    "noise_images": 20_000,
}
PUBLISHED = tuple(
    Published({}, value, GHOST, model=model, differs="a loss scaled for each model, another Adam")
    for model, value in zip(
        ("teacher", "student", *(f"reset_{k}" for k in _LATER)),
        (0.96, 0.63, 0.36, 0.26, 0.20, 0.17, 0.15),
        strict=False,
    )
)
