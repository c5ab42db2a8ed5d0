"""How large the initial weights are."""

AXES = {"init_scale": (0.5, 0.7, 1.0, 1.4, 2.0, 4.0)}
