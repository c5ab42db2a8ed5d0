"""The optimiser, of teacher and students alike.

Adam's variants at the recipe's rates; SGD at rates that do best on digits' validation part, of 15
pairs, so that on another task a teacher may fail: look at its column. Published, with no number:
Adam only; weight decay suppresses, and L2 inside Adam hangs on the scale of the loss (the class
head has no other gradient than that, so Adam moves it at the full rate however weak it is).
"""

_SGD = {"optimizer": "sgd", "teacher_lr": 0.3, "student_lr": 1.0}
AXES = {
    "optimizers": {
        "Adam": {},
        "AdamW .01": {"optimizer": "adamw", "weight_decay": 0.01},
        "AdamW 1": {"optimizer": "adamw", "weight_decay": 1.0},
        "Adam, L2 1e-6": {"optimizer": "adam_l2", "weight_decay": 1e-6},
        "Adam, L2 1e-4": {"optimizer": "adam_l2", "weight_decay": 1e-4},
        "SGD": _SGD,
        "SGD, 16 epochs": _SGD | {"student_epochs": 16},
        "momentum .9": {
            "optimizer": "sgd",
            "momentum": 0.9,
            "teacher_lr": 0.03,
            "student_lr": 0.3,
        },
    }
}
