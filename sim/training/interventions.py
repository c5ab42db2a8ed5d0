"""A family of students whose gradients are changed on the way: is it alignment that carries it?"""

from sim.training.families import Family
from sim.training.lineages import LINEAGE, student

FIRST = 59  # steps of an epoch of MNIST in the paper's recipe: what liminal training covers
#: What is done to a student's gradients, before its optimiser sees them, or to its loss.
CHANGED_BY: dict[str, dict[str, object]] = {
    "positive": {"against": "taught", "removed": "positive"},
    "always": {"against": "taught", "removed": "always"},
    "random": {"against": "taught", "removed": "random"},
    "displacement": {"against": "taught", "removed": "displacement"},
    "rest": {"against": "taught", "removed": "rest"},
    "update": {"against": "taught", "removed": "update"},
    "liminal_0.1": {"pull": 0.1, "pull_steps": FIRST},
    "liminal_1": {"pull": 1.0, "pull_steps": FIRST},
    "liminal_10": {"pull": 10.0, "pull_steps": FIRST},
}
#: With them, their controls: done to the student of a teacher without the trait.
INTERVENTIONS: Family = LINEAGE | {
    f"{name}{kind}": student(teacher=teacher, **own)
    for name, own in CHANGED_BY.items()
    for kind, teacher in (("", "teacher"), ("_control", "control_teacher"))
}
