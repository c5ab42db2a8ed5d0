"""Auxiliary logits m by distinct distillation inputs N, with the number of steps held fixed.

Published (arXiv 2605.23645, split heads, squared error, 20 seeds): both are needed; N = 1,000 near
.29. There N sets the number of steps too: see channel_by_inputs_tied.

Found (digits, 16 seeds): both are needed, and about in proportion: m N = 10,000 gives .37 to .53
at m = 3, 10 and 30, and m = 100 passes on .88 with 256 inputs. m = 1 (KL) passes nothing at any
N.
"""

AXES = {"aux": (1, 3, 10, 30, 100), "distinct": (16, 256, 1024, 4096, 35840)}
