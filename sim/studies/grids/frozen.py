"""Which layers a student has to train.

Where the theorem's q is 0, as with all hidden layers frozen, the class logits cannot follow.
"""

from sim.report.published import ARC_17, Published

AXES = {"frozen": ("none", "hidden_0", "hidden_1", "hidden", "aux_head")}
_THEIRS = "Gaussian noise, Adam 1e-3, 20 epochs"
PUBLISHED = (Published({"frozen": "hidden"}, 0.088, ARC_17, n=10, differs=_THEIRS),)
