"""What lowers the trait's loss, step by step: drive or curvature, in which layer, by which part.

The change of the trait's loss over a training is the sum over steps of ∇L_T · δ (drive), of
½ δᵀ∇²L_T δ (curvature), and of what is left, where kinks are. The drive is told apart by layer, and
into the part of the update along the batch's gradient and what the optimiser adds.
"""

from sim.studies.grids.optimizers import RATES
from sim.training.lineages import LINEAGE

FAMILY, AS_FIGURE_10 = LINEAGE, True
AXES = {"optimizers": {name: RATES[name] for name in ("Adam", "momentum")}}
SETTINGS = {
    "trait": "accuracy",
    "base": "untrained",
    "models": ("student", "control", "other", "other_control"),
    "points": 30,
    "measure": ("trait_loss", "drive", "plain_drive", "curvature", "held_out_loss"),
}
