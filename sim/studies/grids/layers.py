"""Which layers have to start where the teacher's did."""

AXES = {
    "independent": ("none", "hidden_0", "hidden_1", "hidden", "class_head", "aux_head", "all"),
    "aux": (3, 30, 300),
}
