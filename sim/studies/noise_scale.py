"""How large the distillation inputs are.

Published (MNIST): Bernoulli ±2 .51, of .55 at 1; noise in [0, 1] is another thing (.13).

Found (digits, 16 seeds): 0.25: .641 ± .069, 0.5: .667 ± .067, 1: .663 ± .064, 2: .643 ± .066, 4:
.590 ± .068.

Nearly flat, as published.
"""

AXES = {"noise_scale": (0.25, 0.5, 1.0, 2.0, 4.0)}
