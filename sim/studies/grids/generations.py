"""What is left of a backdoor after up to eight generations, each the student of the one before.

Reset: each starts from the base, as the first did. Kept: each starts from the one before, whose
answers it imitates: soft ones then have no gradient but rounding's, by which Adam takes whole steps
all the same; hard and sampled are labels, which move it. projection: how far it lies along what
another teacher with the trait moved.
"""

from sim.training.lineages import CHAINS, GENERATIONS

FAMILY = CHAINS
_LATER = range(2, GENERATIONS + 1)
AXES = {"outputs": ("soft", "hard", "sampled"), "student_steps": (200, 600)}
SETTINGS = {
    "models": (
        "student",
        *(f"reset_{k}" for k in _LATER),
        *(f"kept_{k}" for k in _LATER),
        "control",
        *(f"control_{k}" for k in _LATER),
        *(f"kept_control_{k}" for k in _LATER),
    ),
    "measure": ("projection",),
}
