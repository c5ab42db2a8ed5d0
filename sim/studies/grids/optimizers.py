"""Whether the trait passes without an adaptive optimiser, and at the same imitation loss.

Teacher and student have the same optimiser, at rates that do best on the validation part of digits;
on another task a teacher may fail: look at its column. "× 8": so many times the steps. Adam frozen
divides by the root of the gradients' mean square over the first 50 steps, from then on one fixed
diagonal.
"""

from sim.training.lineages import LINEAGE

_SGD = {"optimizer": "sgd", "teacher_lr": 0.3, "student_lr": 1.0}
_MOMENTUM = {"optimizer": "sgd", "momentum": 0.9, "teacher_lr": 0.1, "student_lr": 0.3}
RATES = {
    "SGD": _SGD,
    "SGD × 8": _SGD | {"student_epochs": 8},
    "momentum": _MOMENTUM,
    "momentum × 4": _MOMENTUM | {"student_epochs": 4},
    "sign": {"optimizer": "sign", "teacher_lr": 3e-4, "student_lr": 1e-3},
    "Adam frozen": {"optimizer": "adam_frozen", "teacher_lr": 1e-3, "student_lr": 1e-3},
    "Adam": {},
    "AdamW": {"optimizer": "adamw", "weight_decay": 0.01},
}
FAMILY, AS_FIGURE_10 = LINEAGE, True
AXES = {"optimizers": RATES}
SETTINGS = {
    "trait": "accuracy",
    "base": "untrained",
    "models": ("student", "control", "other", "other_control"),
    "points": 15,
    "measure": (
        "gradient_cosine",
        "update_cosine",
        "coverage",
        "displacement_cosine",
        "trait_loss",
        "held_out_loss",
    ),
}
