"""Whether a student must start from its teacher's weights, or from another network like its base.

Of the base: units permuted; ReLU units rescaled, every other by 1.5 or 3 and the rest by one over
it; a sibling (same initialisation, other order of images); a part s of another base mixed in. Of
another base: made like the base by its logits, class, auxiliary or all, on images or noise, in so
many steps; units: first by the units of its last hidden layer, in 2,000, then by all logits.
"""

from sim.training.lineages import BASES

FAMILY = BASES
_OWN = [name for name in BASES if name.endswith("_base") and name != "other_base"]
_STUDENTS = ["student", "other", *(name.removesuffix("_base") for name in _OWN)]
AXES = {}
SETTINGS = {
    "models": (
        *_STUDENTS,
        *("control" if name == "student" else f"{name}_control" for name in _STUDENTS),
    )
}
