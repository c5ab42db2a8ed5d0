"""Which layers a student has to train.

Where the theorem's q is 0, as with all hidden layers frozen, the class logits cannot follow.
"""

AXES = {"frozen": ("none", "hidden_0", "hidden_1", "hidden", "aux_head")}
