"""Whether a pull to the base stops a trait, of an untrained base and of a capable one.

Liminal training: for its first steps a student's class logits are held to the base's. The trait is
the task, of an untrained base, where that pulls against the task itself; or a backdoor, of a
capable one. Controls bear the same.
"""

from sim.studies.grids.alignment import AXES as TAUGHT
from sim.training.interventions import CHANGED_BY, INTERVENTIONS

PULLED = [name for name, own in CHANGED_BY.items() if "pull" in own]
FAMILY, AS_FIGURE_10 = INTERVENTIONS, True
AXES = TAUGHT
SETTINGS = {
    "models": (
        "student",
        "control",
        *(f"{name}{kind}" for name in PULLED for kind in ("", "_control")),
    ),
    "points": 10,
    "measure": ("held_out_loss", "trait_loss", "gradient_cosine", "update_cosine"),
}
