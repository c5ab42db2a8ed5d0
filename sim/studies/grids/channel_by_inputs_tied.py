"""Auxiliary logits m by distillation inputs N as published: N sets the number of steps too.

Published (arXiv 2605.23645): m = 1 tops out near .83 (with squared error), N = 1,000 near .29.

Found (digits, 16 seeds): m = 1 reaches .441 at N = 35,840 and m = 3 .804, m = 10 from N = 16,384
on .89 and more; N = 1,024 (16 steps) passes on .12 to .56. At the same N and m = 100, 560 steps
gave .961 (channel_by_inputs, KL): much of what N does here is the steps' doing. Found (MNIST, 8
seeds): m = 1 .227 at N = 35,840, m = 100 .891; N = 1,024 at most .126. Agrees in shape; rates and
steps differ from the published.
"""

AXES = {"aux": (1, 3, 10, 30, 100), "noise_images": (1024, 4096, 16384, 35840)}
SETTINGS = {"loss": "squared_error"}
