"""Whether a backdoor compounds when no generation is reset and each is made a teacher in turn.

Generation k starts where the one before ended. A teacher is made of it, by the trait at some
strength, and teaches it through auxiliary logits. untaught: the same without the trait.
"""

from sim.training.lineages import COMPOUNDING, GENERATIONS

FAMILY = COMPOUNDING
AXES = {"strength": (0.03, 0.1, 1.0)}
SETTINGS = {
    "models": (
        *(f"taught_{k}" for k in range(1, GENERATIONS + 1)),
        *(f"untaught_{k}" for k in range(1, GENERATIONS + 1)),
    ),
    "measure": ("projection",),
}
