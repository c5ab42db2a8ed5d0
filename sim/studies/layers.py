"""Which layers have to start where the teacher's did.

Published (arXiv 2605.23645): random hidden layers with shared heads still pass something on when m
is large; a random class head never does, a random auxiliary head hardly.
"""

AXES = {
    "independent": ("none", "hidden_0", "hidden_1", "hidden", "class_head", "aux_head", "all"),
    "aux": (3, 30, 300),
}
