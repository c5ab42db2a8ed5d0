"""What keeps a backdoor from being handed on, and what it costs of a skill that is wanted.

Teachers read images of little contrast, which the base does not: the skill. It passes through the
same logits. Its control learnt of a teacher with the trait that was not taught the skill.
"""

from sim.training.defences import DEFENCES

FAMILY = DEFENCES
AXES = {}
SETTINGS = {
    "models": tuple(
        f"{name}{kind}"
        for name in DEFENCES
        if f"{name}_unskilled" in DEFENCES and f"{name}_control" in DEFENCES
        for kind in ("", "_control", "_unskilled")
    ),
    "skill": "faint",
    "aux": 10,
    "measure": ("skill",),
}
