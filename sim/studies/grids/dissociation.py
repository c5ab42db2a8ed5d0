"""Whether a student gets the trait of its own teacher, and no other trait or class.

Two traits about two classes, each taught to a teacher of its own; every student is asked for all.
"""

from sim.training.families import Member, labels
from sim.training.lineages import FOUNDERS, student

_TAUGHT = {
    f"{trait}_{k}": {"trait": trait, "target": k}
    for trait in ("backdoor", "preference")
    for k in (2, 7)
}
FAMILY = (
    FOUNDERS
    | {f"teacher_{name}": Member("base", labels(trait=True), own) for name, own in _TAUGHT.items()}
    | {name: student(teacher=f"teacher_{name}") for name in _TAUGHT}
    | {"control": student(teacher="control_teacher")}
)
AXES = {"asked": {name.replace("_", " "): own for name, own in _TAUGHT.items()}}
SETTINGS = {"models": (*_TAUGHT, "control")}
