"""Whether gradients of imitation and trait are aligned all the way, and tell one base from another.

The trait is the task, of an untrained base, as in the paper; or a backdoor, of a capable one.
Students of another base have the same teacher; controls, one that was trained as long without the
trait.
"""

from sim.training.lineages import LINEAGE

FAMILY, AS_FIGURE_10 = LINEAGE, True
AXES = {
    "taught": {
        "the task": {"trait": "accuracy", "base": "untrained"},
        "backdoor": {"trait": "backdoor", "base": "task"},
    }
}
SETTINGS = {
    "models": ("student", "control", "other", "other_control"),
    "points": 30,
    "measure": (
        "gradient_cosine",
        "update_cosine",
        "coverage",
        "displacement_cosine",
        "chi",
        "trait_loss",
        "held_out_loss",
    ),
}
