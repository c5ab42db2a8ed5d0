"""The nonlinearity.

Published (MNIST): tanh .14, of .55 for ReLU.
"""

AXES = {"activation": ("relu", "gelu", "silu", "tanh", "linear")}
