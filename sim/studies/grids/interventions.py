"""What is left of the trait where the student's gradients are changed on the way.

positive: the part along the trait's gradient is taken out where it is positive, as published;
always: whatever its sign; random: as much in a random direction; displacement: the part along the
teacher's own; rest: all but the trait's part; update: out of Adam's update, not the gradient.
liminal: for its first steps, the student is pulled to the base. Controls bear the same.
"""

from sim.training.interventions import CHANGED_BY, INTERVENTIONS

FAMILY, AS_FIGURE_10 = INTERVENTIONS, True
AXES = {}
SETTINGS = {
    "trait": "accuracy",
    "base": "untrained",
    "models": (
        "student",
        "control",
        *(f"{name}{kind}" for name in CHANGED_BY for kind in ("", "_control")),
    ),
    "points": 10,
    "measure": ("held_out_loss", "trait_loss", "gradient_cosine", "update_cosine"),
}
