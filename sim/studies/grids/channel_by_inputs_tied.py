"""Auxiliary logits m by distillation inputs N as published: N sets the number of steps too.

What N does by itself is in channel_by_inputs.
"""

AXES = {"aux": (1, 3, 10, 30, 100), "noise_images": (1024, 4096, 16384, 35840)}
SETTINGS = {"loss": "squared_error"}
