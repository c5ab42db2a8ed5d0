"""How much each layer may start apart from the teacher's.

A layer starts from √(1 − s²) of the teacher's initialisation and s of another. Published: nothing.
"""

AXES = {
    "independent": ("hidden_0", "hidden_1", "class_head", "aux_head"),
    "independence": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
}
