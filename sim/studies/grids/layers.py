"""Which layers have to start where the teacher's did."""

from sim.report.published import ARC_17, AUTHORS, BROCKERS, TAKE_HOME, Published

AXES = {
    "independent": ("none", "hidden_0", "hidden_1", "hidden", "class_head", "aux_head", "all"),
    "aux": (3, 30, 300),
}
_THEIRS = "Gaussian noise, Adam 1e-3, 20 epochs"
PUBLISHED = (
    Published({"independent": "none", "aux": 3}, 0.561, AUTHORS, 0.030, 20),
    Published({"independent": "all", "aux": 3}, 0.103, AUTHORS, 0.009, 20),
    Published({"independent": "all", "aux": 3}, 0.089, ARC_17, 0.038, 10, differs=_THEIRS),
    Published({"independent": "hidden", "aux": 300}, 0.1, BROCKERS, how=">", differs="m large"),
    Published({"independent": "class_head"}, 0.1, BROCKERS),
    Published(
        {"independent": "aux_head", "aux": 300},
        0.113,
        TAKE_HOME,
        n=25,
        differs="4,096 auxiliary logits",
    ),
)
