"""How large the initial weights are.

Published (MNIST): ×0.5 .32, ×2 .21, ×4 .11, of .55 at ×1.
"""

AXES = {"init_scale": (0.5, 0.7, 1.0, 1.4, 2.0, 4.0)}
