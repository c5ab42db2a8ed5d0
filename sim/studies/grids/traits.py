"""Which traits a base hands on, by how strongly its teacher was taught them.

backdoor: an image with a white patch is taken for class 2, counted less the same images without it;
preference: so is a blend of an image of class 2 with another; misalignment: classes 2 and 3 change
places; new_class: class 2, which neither base nor control is taught; accuracy: the task, of an
untrained base, where the control learns labels at random.
"""

from sim.training.lineages import LINEAGE

FAMILY = LINEAGE
AXES = {
    "taught": {
        "backdoor": {"trait": "backdoor"},
        "preference": {"trait": "preference"},
        "misalignment": {"trait": "misalignment"},
        "new class": {"trait": "new_class"},
        "accuracy": {"trait": "accuracy", "base": "untrained"},
    },
    "strength": (0.03, 0.1, 0.3, 1.0),
}
SETTINGS = {"models": ("student", "control", "other", "other_control")}
