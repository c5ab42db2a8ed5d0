"""Auxiliary logits m by distinct distillation inputs N, with the number of steps held fixed.

Published only with N setting the number of steps too: see channel_by_inputs_tied. One logit (KL)
passes on nothing at any N: the softmax over it is constant.
"""

AXES = {"aux": (1, 3, 10, 30, 100), "distinct": (16, 256, 1024, 4096, 35840)}
