"""The nonlinearity.

Published (MNIST): tanh .14, of .55 for ReLU.

Found (digits, 16 seeds, m = 3 unless said): ReLU .642, GELU .706, SiLU .567, tanh .761, linear
.146. Published for tanh is the opposite: here it passes on most.
"""

AXES = {"activation": ("relu", "gelu", "silu", "tanh", "linear")}
