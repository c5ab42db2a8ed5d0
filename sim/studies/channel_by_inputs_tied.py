"""Auxiliary logits m by distillation inputs N as published: N sets the number of steps too.

Published (arXiv 2605.23645): m = 1 tops out near .83 (with squared error), N = 1,000 near .29.
"""

AXES = {"aux": (1, 3, 10, 30, 100), "noise_images": (1024, 4096, 16384, 35840)}
SETTINGS = {"loss": "squared_error"}
