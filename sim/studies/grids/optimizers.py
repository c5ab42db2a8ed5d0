"""Whether the trait passes without an adaptive optimiser, and at the same imitation loss.

Teacher and student have the same optimiser, at rates that do best on the validation part of MNIST.
Adam frozen divides by the root of the gradients' mean square over the first 50 steps, from then on
one fixed diagonal.
"""

from sim.training.lineages import LINEAGE

RATES = {
    "SGD": {"optimizer": "sgd", "teacher_lr": 0.3, "student_lr": 1.0},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "teacher_lr": 0.03, "student_lr": 0.3},
    "sign": {"optimizer": "sign", "teacher_lr": 3e-4, "student_lr": 3e-4},
    "Adam frozen": {"optimizer": "adam_frozen"},
    "Adam": {},
    "AdamW": {"optimizer": "adamw", "weight_decay": 0.01},
}
FAMILY, AS_FIGURE_10 = LINEAGE, True
AXES = {"optimizers": RATES}
SETTINGS = {
    "trait": "accuracy",
    "base": "untrained",
    "models": ("student", "control", "other", "other_control"),
    "points": 30,
    "measure": (
        "gradient_cosine",
        "update_cosine",
        "coverage",
        "displacement_cosine",
        "trait_loss",
        "held_out_loss",
    ),
}
