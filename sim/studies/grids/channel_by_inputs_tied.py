"""Auxiliary logits m by distillation inputs N as published: N sets the number of steps too.

What N does by itself is in channel_by_inputs.
"""

from sim.report.published import BROCKERS, Published

AXES = {"aux": (1, 3, 10, 30, 100), "noise_images": (1024, 4096, 16384, 35840)}
SETTINGS = {"loss": "squared_error"}
_THEIRS = "Adam 1e-3, split heads"
PUBLISHED = (
    Published(
        {"aux": 1, "noise_images": 35840}, 0.83, BROCKERS, n=20, differs=f"{_THEIRS}, the most N"
    ),
    Published(
        {"aux": 100, "noise_images": 1024},
        0.29,
        BROCKERS,
        n=20,
        differs=f"{_THEIRS}, N = 1,000, m not said",
    ),
)
