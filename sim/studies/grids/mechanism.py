"""What tells a student that started as its teacher did from one that did not.

Probe and stitch are lifts over the network before its first step, whose random features read much.
Linear CKA does not know the basis of a hidden layer; the cosine unit by unit does.
"""

from sim.training.lineages import LINEAGE

FAMILY, AS_FIGURE_10 = LINEAGE, True
AXES = {}
SETTINGS = {
    "trait": "accuracy",
    "base": "untrained",
    "models": ("student", "control", "other", "other_control"),
    "points": 10,
    "measure": (
        "probe_lift",
        "stitch_lift",
        "teacher_head",
        "cka_images",
        "cka_inputs",
        "units_images",
        "units_inputs",
        "displacement_cosine",
        "visible_fraction",
    ),
}
