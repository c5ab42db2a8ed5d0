"""How much each layer may start apart from the teacher's.

A layer starts from √(1 − s²) of the teacher's initialisation and s of another. Published: nothing.

Found (digits, 16 seeds, m = 3): half apart (s = 0.5) costs little in the auxiliary head (.61 of
.67) and the class head (.58), more in hidden layers (.50, .44); s = 1 leaves .28, .10, .12, .14.
"""

AXES = {
    "independent": ("hidden_0", "hidden_1", "class_head", "aux_head"),
    "independence": (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
}
