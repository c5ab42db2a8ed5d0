"""What settings cost that have misled somebody: each alone, beside the recipe.

Adam's ε stands for the scale of the loss: averaged over 100 models it is 100 times as large, summed
over 1,024 examples as much smaller; so is L2 inside Adam. (A control drawn by a random permutation
is its own student once in a run, on average: with n models it is too good by one n-th of the
difference.)
"""

L2 = 1e-4
AXES = {
    "trap": {
        "none": {},
        "noise on [0, 1]": {"noise_scale": 0.5, "noise_shift": 0.5},
        "loss averaged over 100 models": {"epsilon": 1e-6},
        "loss summed over 1,024": {"epsilon": 1e-8 / 1024},
        "L2 inside Adam": {"optimizer": "adam_l2", "weight_decay": L2},
        "that, and loss summed": {
            "optimizer": "adam_l2",
            "weight_decay": L2 / 1024,
            "epsilon": 1e-8 / 1024,
        },
        "decay apart, 1": {"optimizer": "adamw", "weight_decay": 1.0},
        "the library's initialisation": {"init": "uniform"},
        "one logit, softmax": {"aux": 1},
        "batch 4,096, as many epochs": {"batch": 4096},
    }
}
