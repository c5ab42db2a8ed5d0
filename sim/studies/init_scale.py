"""How large the initial weights are.

Published (MNIST): ×0.5 .32, ×2 .21, ×4 .11, of .55 at ×1.

Found (digits, 16 seeds, m = 3 unless said): ×0.5 .348, ×0.7 .495, ×1 .640, ×1.4 .738, ×2 .601, ×4
.227: best a little above 1.
"""

AXES = {"init_scale": (0.5, 0.7, 1.0, 1.4, 2.0, 4.0)}
