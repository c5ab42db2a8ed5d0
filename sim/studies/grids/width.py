"""How wide the hidden layers are."""

AXES = {"width": (16, 32, 64, 128, 256, 512, 1024)}
