"""How large the distillation inputs are.

Noise on [0, 1] is another thing: its mean is not 0 (see inputs).
"""

AXES = {"noise_scale": (0.25, 0.5, 1.0, 2.0, 4.0)}
