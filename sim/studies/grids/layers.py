"""Which layers have to start where the teacher's did."""

from sim.report.published import ARC_17, AUTHORS, BROCKERS, TAKE_HOME, Published

AXES = {
    "independent": ("none", "hidden_0", "hidden_1", "hidden", "class_head", "aux_head", "all"),
    "aux": (3, 30, 300),
}
_ARC = "Gaussian noise, Adam 1e-3, 20 epochs"
_BROCKERS = "squared error, split heads, Adam 1e-3"
PUBLISHED = (
    Published({"independent": "none", "aux": 3}, 0.561, AUTHORS, 0.030, 20),
    Published({"independent": "all", "aux": 3}, 0.103, AUTHORS, 0.009, 20),
    Published({"independent": "none", "aux": 3}, 0.452, ARC_17, 0.075, 10, differs=_ARC),
    Published({"independent": "all", "aux": 3}, 0.089, ARC_17, 0.038, 10, differs=_ARC),
    Published(
        {"independent": "hidden", "aux": 300}, 0.1, BROCKERS, None, 20, f"{_BROCKERS}, m large", ">"
    ),
    *(
        Published(
            {"independent": "class_head", "aux": m}, None, BROCKERS, None, 20, _BROCKERS, "chance"
        )
        for m in (3, 30, 300)
    ),
    Published(
        {"independent": "aux_head", "aux": 300},
        0.113,
        TAKE_HOME,
        n=25,
        differs="4,096 auxiliary logits",
    ),
)
