"""The nonlinearity."""

AXES = {"activation": ("relu", "gelu", "silu", "tanh", "linear")}
