"""How much each layer may start apart from the teacher's.

A layer starts from √(1 − s²) of the teacher's initialisation and s of another. Published: nothing.

Found (digits, 16 seeds, m = 3): half apart (s = 0.5) costs little in the auxiliary head (.61 of
.66), more in the class head (.55) and in hidden layers (.46, .50); s = 1 leaves .31, .10, .13,
.12.
"""

AXES = {
    "independent": ("hidden_0", "hidden_1", "class_head", "aux_head"),
    "independence": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
}
